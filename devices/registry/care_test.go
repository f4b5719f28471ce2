package registry

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices/texts"
)

// What is agreed on and the rota are read back as they were put, and refuse
// what would break them with the name of the field.
func TestCareAndRota(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	r, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	care := Care{
		ID: "e1", Groups: []string{"night"}, HighFallRisk: true, Night: "21:30-06:00", Meal: "10:30-13:00", RoundHours: 24,
		AnswerMinutes: 10, CancelSeconds: 30, StepSeconds: 45, MediumMinutes: 2, VisitDays: 2, OutsideMinutes: 5, OutsideFixes: 3, MealMinutes: 45,
		Fence: &Fence{Latitude: 32.06, Longitude: 118.79, Metres: 300}, Bands: []Band{{Vital: "spo2", Low: 90, High: 101, InARow: 3}},
	}
	group := Group{ID: "night", Name: "夜班", Role: RoleCare, Members: []string{"li"}}
	weekly := Shift{ID: "w1", Group: "night", Days: []Day{"mon", DayHoliday}, Hours: "20:00-08:00", People: []string{"li"}}
	swap := Shift{ID: "x1", Group: "night", First: "2026-10-01", People: []string{"wang"}, Instead: "li"}
	holiday := Holiday{ID: "2026-10-01", Name: "国庆"}
	people := []Record{Elder{ID: "e1", Name: "王"}, Caregiver{ID: "li", Name: "李", Quiet: "22:00-06:00"}, Caregiver{ID: "wang", Name: "王"}}
	if err := r.Put(append(people, care, group, weekly, swap, holiday)...); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		record Record
		want   string
	}{
		{Care{ID: "e9"}, `id: elder "e9" is not registered`},
		{Care{ID: "e1", Night: "25:00-06:00"}, "night: must be like 08:00-20:00"},
		{Care{ID: "e1", Groups: []string{"day"}}, `groups: group "day" is not registered`},
		{Care{ID: "e1", AwayUntil: "tomorrow"}, "away_until: must be a date"},
		{Care{ID: "e1", Fence: &Fence{Latitude: 132}}, "fence: must be degrees"},
		{Care{ID: "e1", Bands: []Band{{Vital: "mood", Low: 1, High: 2}}}, "bands: must be one of heart_rate"},
		{Care{ID: "e1", RoundHours: -1}, "round_hours: must be 0 to"},
		{Care{ID: "e1", StepSeconds: 301}, "step_seconds: must be 0 to 300"},
		{Care{ID: "e1", MediumMinutes: 61}, "medium_minutes: must be 0 to 60"},
		{Care{ID: "e1", CancelSeconds: 301}, "cancel_seconds: must be 0 to 300"},
		{Group{ID: "g", Name: "g", Role: "king"}, "role: must be empty, care"},
		{Group{ID: "g", Name: "g", Members: []string{"nobody"}}, `members: caregiver "nobody" is not registered`},
		{Shift{ID: "s", Group: "night", People: []string{"li"}}, "days: a shift has days"},
		{Shift{ID: "s", Group: "night", Days: []Day{"mon"}, First: "2026-10-01", People: []string{"li"}}, "days: a shift has days"},
		{Shift{ID: "s", Group: "night", Days: []Day{"moon"}, People: []string{"li"}}, "days: must be mon"},
		{Shift{ID: "s", Group: "night", Days: []Day{"mon"}, People: []string{"li"}, Instead: "wang"}, "instead: a swap"},
		{Shift{ID: "s", Group: "night", First: "2026-10-02", Last: "2026-10-01", People: []string{"li"}}, "last: must not be before"},
		{Shift{ID: "s", Group: "night", Days: []Day{"mon"}}, "people: must not be empty"},
		{Holiday{ID: "oct-1"}, "id: must be a date"},
		{Caregiver{ID: "li", Name: "李", Quiet: "all day"}, "quiet: must be like"},
	} {
		if err := r.Put(c.record); err == nil || !strings.Contains(texts.Of(err, texts.English), c.want) {
			t.Errorf("%+v: %v, want %q", c.record, err, c.want)
		}
	}
	if err := r.Remove(Caregivers, "wang"); err == nil {
		t.Error("somebody was removed who is on the rota")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err = Open(path, Options{}); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := r.Snapshot()
	for _, pair := range [][2]any{{s.Cares["e1"], care}, {s.Groups["night"], group}, {s.Shifts["w1"], weekly}, {s.Shifts["x1"], swap}, {s.Holidays["2026-10-01"], holiday}} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%+v was read as %+v", pair[1], pair[0])
		}
	}
	if err := r.Remove(Shifts, "x1"); err != nil {
		t.Error(err)
	}
}

func TestHours(t *testing.T) {
	for _, c := range []struct {
		hours Hours
		at    string
		want  bool
	}{
		{"08:00-20:00", "08:00", true}, {"08:00-20:00", "20:00", false}, {"22:00-06:00", "23:59", true},
		{"22:00-06:00", "05:59", true}, {"22:00-06:00", "06:00", false}, {"", "12:00", false}, {"8:00-9:00", "08:30", false},
	} {
		at, err := time.Parse("15:04", c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.hours.Covers(at); got != c.want {
			t.Errorf("%q at %s: %t", c.hours, c.at, got)
		}
	}
}
