package clock

import (
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
)

func TestSystem(t *testing.T) {
	now, err := System()
	if err != nil {
		t.Fatal(err)
	}
	a, b := now(), now()
	if a.Boot != b.Boot || a.Boot.String() == "00000000000000000000000000000000" {
		t.Errorf("boot IDs %s, %s", a.Boot, b.Boot)
	}
	if elapsed, ok := b.Since(a); !ok || elapsed < 0 || a.Mono <= 0 {
		t.Errorf("monotonic time %s, then %s", a.Mono, b.Mono)
	}
	if a.Wall.Location() != time.UTC {
		t.Errorf("wall time in %s", a.Wall.Location())
	}
	if a.Wall != a.Wall.Round(0) {
		t.Error("wall time has a monotonic reading: it would not show that the clock was set")
	}
}

// The kernel is asked once a second, and whenever the clock has been set: no
// stamp ever calls a time synchronised that a hand has just set.
func TestAStepIsNeverSynchronised(t *testing.T) {
	mono, asleep, offset, synced, asked := time.Hour, time.Minute, time.Duration(0), true, 0
	k := kernel{
		boot:         devices.BootID{1},
		read:         func() (time.Duration, time.Time) { return mono, time.Unix(1_800_000_000, 0).Add(mono + offset) },
		slept:        func() time.Duration { return asleep },
		synchronised: func() bool { asked++; return synced },
	}
	check := func(what string, want bool, questions int) {
		t.Helper()
		asked = 0
		got := k.now()
		if got.Synced != want || asked != questions {
			t.Errorf("%s: synchronised %t after %d questions, want %t after %d", what, got.Synced, asked, want, questions)
		}
		if want := mono + asleep; (got.Mono - want).Abs() >= time.Millisecond {
			t.Errorf("%s: %s since boot, want %s", what, got.Mono, want)
		}
	}
	check("first", true, 1)
	mono += time.Second / 2
	check("soon", true, 0)
	mono += time.Second
	check("a second later", true, 1)
	offset, synced = 10*365*24*time.Hour, false // date -s
	check("set by hand", false, 1)
	offset, synced = 0, true
	check("synchronised again", true, 1)
	mono += time.Second / 2
	offset += time.Millisecond
	check("slewed", true, 0)
	asleep, offset = asleep+time.Hour, offset+time.Hour
	check("after a suspend", true, 1)
	before := k.now().Mono
	mono, asleep = mono+2*time.Second, asleep-2*time.Microsecond // measured again
	check("awake since", true, 1)
	if got := k.now().Mono; got != before+2*time.Second {
		t.Errorf("%s after %s and two seconds", got, before)
	}

	// NTP sets the clock while the kernel is being asked.
	offset, synced = -50*365*24*time.Hour, false
	check("1970", false, 1)
	mono += 2 * time.Second
	k.synchronised = func() bool { asked++; offset, synced = 0, true; return synced }
	asked = 0
	if s := k.now(); asked != 2 || !s.Synced || s.Wall.Year() < 2026 {
		t.Errorf("%+v after %d questions", s, asked)
	}
}
