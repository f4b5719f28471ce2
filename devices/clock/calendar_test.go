package clock

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
)

var start = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

const year = 365 * 24 * time.Hour

// happened is a moment, and when it really was.
type happened struct {
	Moment
	boot int
	at   time.Time
}

// A follower that keeps its moments and resolves them whenever it is told to
// has, in the end, the true time of all that happened in a boot that was ever
// synchronised; the rest lies between its neighbours. The true time is always
// within the range.
func TestCalendar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c Calendar
		var events []happened
		now, synced := start, map[int]bool{}
		boots := rapid.IntRange(1, 8).Draw(t, "boots")
		var first, last [9]time.Time // of each boot
		for boot := range boots {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(60*24*time.Hour)).Draw(t, "off")))
			began := now
			var wrong time.Duration // of the wall clock
			for range rapid.IntRange(1, 12).Draw(t, "stamps") {
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(100*time.Hour)).Draw(t, "on")))
				s := devices.Stamp{Boot: devices.BootID{byte(boot + 1)}, Mono: now.Sub(began)}
				switch rapid.IntRange(0, 5).Draw(t, "clock") {
				case 0:
					wrong, s.Synced = 0, true
					synced[boot] = true
				case 1:
					wrong = time.Duration(rapid.Int64Range(int64(-60*year), int64(60*year)).Draw(t, "wrong"))
				case 2:
					wrong = time.Duration(rapid.Int64Range(int64(-100*time.Hour), int64(100*time.Hour)).Draw(t, "a little wrong"))
				}
				s.Wall = now.Add(wrong)
				if first[boot].IsZero() {
					first[boot] = now
				}
				last[boot] = now
				if c.Learn(s) {
					for i := range events {
						events[i].Moment = c.Resolve(events[i].Moment)
					}
				} else {
					for _, e := range events {
						if got := c.Resolve(e.Moment); !got.At.Equal(e.At) {
							t.Fatalf("%+v is %v, and nobody was told", e, got.At)
						}
					}
				}
				e := happened{c.Moment(devices.Event{Received: s}), boot, now}
				events = append(events, e)
				for _, e := range events {
					if from, to, ok := c.Range(e.Moment); !e.Final() && (!ok || e.at.Before(from) || e.at.After(to)) {
						t.Fatalf("%+v is outside of %v to %v, %t", e, from, to, ok)
					}
				}
				c.Forget()
				if c.Known() && len(c.Boots) != 1 {
					t.Fatalf("%d boots remembered", len(c.Boots))
				}
			}
		}
		for _, e := range events {
			after, before := time.Time{}, latest
			for i := range boots {
				if synced[i] && i < e.boot {
					after = last[i]
				}
				if synced[i] && i > e.boot {
					before = first[i]
					break
				}
			}
			switch {
			case synced[e.boot]:
				if !e.Final() || !e.At.Equal(e.at) {
					t.Errorf("%+v", e)
				}
			case before.Before(latest):
				if !e.Final() || e.At.Before(after) || e.At.After(before) {
					t.Errorf("%+v is not between %v and %v", e, after, before)
				}
			default:
				if e.Final() || !e.At.IsZero() && e.At.Before(after) {
					t.Errorf("%+v is before %v, or final", e, after)
				}
			}
		}
	})
}

// A box that starts again and again forgets the oldest boots, and still
// measures from the last one that knew the time.
func TestCalendarIsBounded(t *testing.T) {
	var c Calendar
	c.Learn(devices.Stamp{Boot: devices.BootID{15: 1}, Mono: time.Hour, Wall: start.Add(time.Hour), Synced: true})
	var moments []Moment
	for i := range 1000 {
		id := devices.BootID{byte(i >> 8), byte(i), 1}
		s := devices.Stamp{Boot: id, Mono: time.Minute, Wall: time.Unix(0, 0)}
		c.Learn(s)
		moments = append(moments, c.Moment(devices.Event{Received: s}))
	}
	if len(c.Boots) != maxBoots {
		t.Errorf("%d boots", len(c.Boots))
	}
	from, _, ok := c.Range(moments[999])
	if want := start.Add(time.Hour + 1000*time.Minute); !ok || !from.Equal(want) {
		t.Errorf("the last is after %v, %t; want %v", from, ok, want)
	}
	if m := c.Resolve(moments[0]); !m.Final() || !m.At.IsZero() {
		t.Errorf("the first is %+v", m)
	}
	if _, _, ok := c.Range(moments[0]); ok {
		t.Error("the first boot is not forgotten")
	}
}

// What a clock says counts as far as it can be true.
func TestPlausibility(t *testing.T) {
	boot := devices.BootID{2}
	for _, test := range []struct {
		name string
		wall time.Time
		want time.Time
	}{
		{"1970", time.Unix(100, 0), time.Time{}},
		{"2080", time.Date(2080, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}},
		{"a year ahead", start.Add(2 * year), time.Time{}},
		{"a month ahead", start.Add(year / 12), start.Add(year / 12)},
		{"an hour behind, from a file", start.Add(-time.Hour), start.Add(time.Minute)},
		{"a month behind", start.Add(-year / 12), time.Time{}},
	} {
		var c Calendar
		c.Learn(devices.Stamp{Boot: devices.BootID{1}, Mono: time.Hour, Wall: start, Synced: true})
		s := devices.Stamp{Boot: boot, Mono: time.Minute, Wall: test.wall}
		c.Learn(s)
		if m := c.Moment(devices.Event{Received: s}); !m.At.Equal(test.want) || m.Final() {
			t.Errorf("%s: %+v, want %v", test.name, m, test.want)
		}
	}
}

// A synchronised clock that contradicts itself is believed after a day; until
// then the first word stands, and nothing that happens is final.
func TestContradiction(t *testing.T) {
	var c Calendar
	stamp := func(mono, wrong time.Duration) devices.Stamp {
		return devices.Stamp{Boot: devices.BootID{1}, Mono: mono, Wall: start.Add(mono + wrong), Synced: true}
	}
	at := func(mono time.Duration) Moment {
		return c.Resolve(Moment{Boot: devices.BootID{1}, Mono: mono})
	}
	check := func(when string, mono, wrong time.Duration, final bool) {
		t.Helper()
		if m := at(mono); !m.At.Equal(start.Add(mono+wrong)) || m.Final() != final {
			t.Errorf("%s: %+v, want %v and final %t", when, m, start.Add(mono+wrong), final)
		}
	}
	const far = 10 * year
	c.Learn(stamp(time.Hour, 0))
	c.Learn(stamp(2*time.Hour, far))
	check("before", time.Hour, 0, true)
	check("in doubt", 3*time.Hour, 0, false)
	c.Learn(stamp(20*time.Hour, far))
	check("still in doubt", 20*time.Hour, 0, false)
	c.Learn(stamp(21*time.Hour, time.Minute)) // drift, set right
	check("right again", 20*time.Hour, time.Minute, true)
	c.Learn(stamp(30*time.Hour, far))
	before := c.Latest()
	c.Learn(stamp(55*time.Hour, far))
	check("proved", 40*time.Hour, far, true)
	if !before.Refuted(c.Latest()) {
		t.Error("not refuted")
	}
}
