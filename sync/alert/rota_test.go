package alert

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
)

func onWall(t *testing.T, clock string) devices.Stamp {
	t.Helper()
	wall, err := time.ParseInLocation("2006-01-02 15:04", clock, zone)
	must(t, err)
	return devices.Stamp{Wall: wall.UTC(), Synced: true}
}

// rotaOf is a community with a group that has shifts; 25 November 2026 is a
// Wednesday.
func rotaOf(shifts ...registry.Shift) roll {
	r := testRoll()
	r.Groups = map[string]registry.Group{"night": {ID: "night", Name: "夜班", Role: registry.RoleCare, Members: []string{"li", "wang", "mute"}}}
	r.Shifts, r.Holidays = map[string]registry.Shift{}, map[string]registry.Holiday{"2026-10-01": {ID: "2026-10-01"}}
	for _, s := range shifts {
		s.Group = "night"
		r.Shifts[s.ID] = s
	}
	return r
}

var (
	workdays = registry.Shift{ID: "w", Days: []registry.Day{"mon", "tue", "wed", "thu", "fri"}, Hours: "20:00-08:00", People: []string{"li"}}
	weekend  = registry.Shift{ID: "e", Days: []registry.Day{"sat", "sun"}, People: []string{"wang"}}
	festive  = registry.Shift{ID: "h", Days: []registry.Day{registry.DayHoliday}, People: []string{"mute"}}
)

func TestWhoIsOnDuty(t *testing.T) {
	exception := registry.Shift{ID: "x", First: "2026-11-25", Last: "2026-11-26", Hours: "20:00-08:00", People: []string{"wang"}}
	swap := registry.Shift{ID: "s", First: "2026-11-25", Instead: "li", People: []string{"wang"}}
	idle := registry.Shift{ID: "s2", First: "2026-11-25", Instead: "mute", People: []string{"wang"}}
	everybody := "li mute wang"
	for _, c := range []struct {
		name, at string
		shifts   []registry.Shift
		want     string
	}{
		{"no shifts: all of them", "2026-11-25 21:00", nil, everybody},
		{"the evening of a Wednesday", "2026-11-25 21:00", []registry.Shift{workdays, weekend}, "li"},
		{"over midnight", "2026-11-26 07:59", []registry.Shift{workdays, weekend}, "li"},
		{"Saturday morning is of Friday too", "2026-11-28 07:00", []registry.Shift{workdays, weekend}, "li wang"},
		{"a hole calls all of them", "2026-11-25 12:00", []registry.Shift{workdays, weekend}, everybody},
		{"an exception goes before the week", "2026-11-25 21:00", []registry.Shift{workdays, exception}, "wang"},
		{"its last night", "2026-11-27 07:00", []registry.Shift{workdays, exception}, "wang"},
		{"after it", "2026-11-27 21:00", []registry.Shift{workdays, exception}, "li"},
		{"a swap", "2026-11-25 21:00", []registry.Shift{workdays, swap}, "wang"},
		{"a swap of somebody who is not on duty", "2026-11-25 21:00", []registry.Shift{workdays, idle}, "li"},
		{"a holiday, a Thursday", "2026-10-01 21:00", []registry.Shift{workdays, festive}, "mute"},
		{"a holiday of which the rota says nothing", "2026-10-01 21:00", []registry.Shift{workdays}, "li"},
		{"nobody knows the time", "1970-01-01 21:00", []registry.Shift{workdays, weekend}, everybody},
	} {
		r := rotaOf(c.shifts...)
		var ids []string
		for _, p := range r.onDuty(r.Groups["night"], onWall(t, c.at)) {
			ids = append(ids, p.ID)
		}
		slices.Sort(ids)
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestFlawsOfTheRota(t *testing.T) {
	describe := func(flaws []Flaw) string {
		var list []string
		for _, f := range flaws {
			list = append(list, fmt.Sprintf("%s %s-%s", f.Person, f.From.Format("02 15:04"), f.To.Format("02 15:04")))
		}
		return strings.Join(list, "; ")
	}
	whole := registry.Shift{ID: "w", Days: registry.Days()[:7], People: []string{"li"}}
	for _, c := range []struct {
		name   string
		shifts []registry.Shift
		want   string
	}{
		{"none", []registry.Shift{whole}, ""},
		{"a hole, days ahead", []registry.Shift{{ID: "w", Days: []registry.Day{"sun", "mon", "tue", "wed", "thu", "fri"}, People: []string{"li"}}},
			" 28 00:00-29 00:00;  05 00:00-06 00:00"},
		{"a hole by an exception", []registry.Shift{{ID: "d", Days: registry.Days()[:7], Hours: "08:00-20:00", People: []string{"li"}},
			{ID: "n", Days: registry.Days()[:7], Hours: "20:00-07:45", People: []string{"wang"}}},
			" 26 07:45-26 08:00"},
		{"on duty and mute", []registry.Shift{whole, {ID: "x", First: "2026-12-01", Hours: "08:00-20:00", People: []string{"mute"}}},
			"mute 01 08:00-01 20:00"},
		{"on the last of 14 days", []registry.Shift{whole, {ID: "x", First: "2026-12-09", Hours: "20:45-22:00", People: []string{"mute"}}},
			"mute 09 20:45-09 21:00"},
	} {
		got := describe(rotaOf(c.shifts...).flaws(onWall(t, "2026-11-25 21:10")))
		if c.name == "a hole by an exception" {
			got, _, _ = strings.Cut(got, ";") // there is one each morning
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Who is on duty is called first; and a page says as what.
func TestDutyIsCalled(t *testing.T) {
	r := rotaOf(workdays, weekend)
	of := &record{First: 1, Incident: Incident{Step: 1, Kind: SOS, Priority: High, Elder: "qian"}}
	if got := called(r.call(of, onWall(t, "2026-11-28 21:00")).pages); !slices.Equal(got, []string{"wang phone 0 ", " log 0 "}) {
		t.Errorf("called %q", got)
	}
	d := r.call(of, onWall(t, "2026-11-28 21:00")).pages[0]
	if d.Why != WhyDuty || d.Group != "night" {
		t.Errorf("%+v", d)
	}
}
