package journal_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
)

const tenYears = 3653 * 24 * time.Hour

// boot starts the clock again, after the box has been off for a time.
func (s *stamp) boot(off time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Boot[15]++
	s.now.Mono = 0
	s.now.Wall = s.now.Wall.Add(off)
}

// turn sets the wall clock.
func (s *stamp) turn(by time.Duration, synced bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Wall = s.now.Wall.Add(by)
	s.now.Synced = synced
}

// Nothing is retired because a clock is wrong, and what is old is retired
// although it is.
func TestAgeIsNotFooledByTheClock(t *testing.T) {
	const days = 24 * time.Hour
	for _, test := range []struct {
		name string
		then func(*stamp)
		want bool // whether the old file is retired, after 90 days
	}{
		{"nothing", func(*stamp) {}, false},
		{"ten years ahead", func(s *stamp) { s.turn(tenYears, true) }, false},
		{"ten years ahead, in another boot", func(s *stamp) { s.boot(0); s.turn(tenYears, true); s.advance(days) }, false},
		{"ten years back and ahead again", func(s *stamp) { s.turn(-tenYears, true); s.boot(0); s.turn(tenYears, true) }, false},
		{"1970", func(s *stamp) { s.boot(0); s.turn(-5*tenYears, false); s.advance(80 * days) }, false},
		{"an unsynchronised clock after months off", func(s *stamp) { s.boot(200 * days); s.turn(0, false) }, false},
		{"85 days", func(s *stamp) { s.advance(85 * days) }, false},
		{"91 days", func(s *stamp) { s.advance(91 * days) }, true},
		{"91 days in 1970", func(s *stamp) { s.boot(0); s.turn(-5*tenYears, false); s.advance(91 * days) }, true},
		{"91 days, ten years back", func(s *stamp) { s.turn(-tenYears, true); s.advance(91 * days) }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clock := newStamp()
				o := small(clock)
				o.Keep = 90 * days
				j := mustOpen(t, t.TempDir(), o)
				fill(t, j, clock, "old", 200, devices.Ordinary)
				test.then(clock)
				fill(t, j, clock, "new", 1, devices.Ordinary)
				j.Tidy()
				synctest.Wait()
				if got := first(t, j, journal.Ordinary) > 1; got != test.want {
					t.Errorf("retired: %t, want %t", got, test.want)
				}
				mustClose(t, j)
			})
		})
	}
}

// A box that is switched off every night, and knows the time, retires in time;
// also after a restart, from what is on disk.
func TestAgeOverManyBoots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock, dir := newStamp(), t.TempDir()
		o := small(clock)
		o.Keep = 30 * 24 * time.Hour
		j := mustOpen(t, dir, o)
		for day := range 80 {
			fill(t, j, clock, fmt.Sprint(day, "-"), 20, devices.Ordinary)
			clock.advance(12 * time.Hour)
			clock.boot(12 * time.Hour)
			if day%10 == 0 {
				mustClose(t, j)
				j = mustOpen(t, dir, o)
			}
			j.Tidy()
			synctest.Wait()
		}
		oldest, err := j.Read(journal.Ordinary, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if age := clock.read().Wall.Sub(oldest[0].Event.Received.Wall); age < o.Keep || age > o.Keep*7/6 {
			t.Errorf("the oldest is %s old, want %s or a little more", age, o.Keep)
		}
		mustClose(t, j)
	})
}

// What unsynchronised clocks claim is no proof, however often they do.
func TestAgeOfABoxThatNeverKnowsTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := newStamp()
		clock.turn(0, false)
		o := small(clock)
		o.Keep = 90 * 24 * time.Hour
		j := mustOpen(t, t.TempDir(), o)
		for boot := range 20 {
			fill(t, j, clock, fmt.Sprint(boot, "-"), 100, devices.Ordinary)
			clock.advance(time.Hour)
			clock.boot(tenYears)
			j.Tidy()
			synctest.Wait()
		}
		if first(t, j, journal.Ordinary) != 1 {
			t.Error("retired")
		}
		mustClose(t, j)
	})
}

// In any history of boots and of clocks that lie at most once, nothing is
// retired before five sixths of its time.
func TestAgeNeverTooHigh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) {
			clock := newStamp()
			o := small(clock)
			o.SegmentBytes, o.Keep = 32<<10, 60*time.Hour
			j := mustOpen(t, t.TempDir(), o)
			now, lied := time.Duration(0), false
			var at []time.Duration // by sequence, the true time
			for i := range rapid.IntRange(1, 25).Draw(rt, "steps") {
				switch rapid.IntRange(0, 6).Draw(rt, "what") {
				case 0:
					off := time.Duration(rapid.IntRange(0, 20).Draw(rt, "off")) * time.Hour
					now += off
					clock.boot(off)
				case 1:
					if !lied {
						clock.turn(time.Duration(rapid.IntRange(1, 10).Draw(rt, "by"))*tenYears/10, true)
						lied = true
					}
				case 2:
					clock.turn(-time.Duration(rapid.IntRange(0, 10).Draw(rt, "by"))*tenYears/10, false)
					lied = true
				default:
					on := time.Duration(rapid.IntRange(0, 10).Draw(rt, "on")) * time.Hour
					now += on
					clock.advance(on)
				}
				fill(t, j, clock, fmt.Sprint(i, "-"), 10, devices.Ordinary)
				j.Tidy()
				synctest.Wait()
				for len(at) < int(j.Last(journal.Ordinary)) {
					at = append(at, now)
				}
				if oldest := first(t, j, journal.Ordinary); oldest > 1 && now-at[oldest-2] < o.Keep*5/6 {
					rt.Fatalf("retired after %s", now-at[oldest-2])
				}
			}
			mustClose(t, j)
		})
	})
}
