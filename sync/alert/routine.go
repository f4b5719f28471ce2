package alert

import (
	"cmp"
	"context"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/sync/journal"
)

// Routine is what the box does by itself at an hour of the community's day.
type Routine struct {
	// Name is what the latest time of it is kept under.
	Name string
	// At is when, from midnight on; each Monday if Weekly is set, else each day.
	At     time.Duration
	Weekly bool
	// Until is when it is too late for that day, for what people hear of; 0 for
	// never.
	Until time.Duration
	// Every is how often the clock is looked at, 0 for once a minute.
	Every time.Duration
	// Do gets the community's time, zero while nobody knows it.
	Do func(ctx context.Context, local time.Time)
}

// bucketRoutines of the state file holds, by name, of which day a routine was
// done last.
const bucketRoutines = "routines"

// Repeat does a routine until ctx ends, and returns nil. What became due while
// the box was off is made up for, once. While nobody knows what time it is, a
// day has 24 hours from the start, and what is weekly waits.
func (e *Engine) Repeat(ctx context.Context, r Routine) error {
	latest := e.options.Clock()
	day := e.routine(r.Name)
	if day == "" {
		day = e.done(r, r.day(latest)) // a box that is new begins with the next
	}
	for clock.Pause(ctx, cmp.Or(r.Every, time.Minute)) {
		now := e.options.Clock()
		since, same := now.Since(latest)
		switch today := r.day(now); {
		case today == day, today == "" && (r.Weekly || same && since < daily), today != "" && !r.on(civil(now)):
		case today != "" && day == "" && same && since < daily: // the clock was set meanwhile
			day = e.done(r, today)
		default:
			latest = now
			r.Do(ctx, civil(now))
			day = e.done(r, today)
		}
	}
	return nil
}

// day is that of the latest time that the routine was due, "" if nobody knows.
func (r Routine) day(now devices.Stamp) string {
	local := civil(now)
	if local.IsZero() {
		return ""
	}
	local = local.Add(-r.At)
	if r.Weekly {
		local = local.AddDate(0, 0, -(int(local.Weekday())+6)%7)
	}
	return local.Format(time.DateOnly)
}

// on tells whether it may be done at a time of the day.
func (r Routine) on(local time.Time) bool {
	if r.Until == 0 {
		return true
	}
	at := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute
	return r.At <= at && at < r.Until
}

func (e *Engine) routine(name string) (day string) {
	err := e.state.View(func(tx *journal.Tx) error {
		day = string(tx.Get(bucketRoutines, []byte(name)))
		return nil
	})
	if err != nil {
		e.log.Error("when a routine was done last cannot be read", "routine", name, "error", err)
	}
	return day
}

// done keeps the day of a routine, and returns it. If that fails the routine is
// done once more after a restart.
func (e *Engine) done(r Routine, day string) string {
	if day == "" {
		return day
	}
	err := e.state.Update(func(tx *journal.Tx) error {
		tx.Put(bucketRoutines, []byte(r.Name), []byte(day))
		return nil
	})
	if err != nil {
		e.log.Error("when a routine was done last cannot be written", "routine", r.Name, "error", err)
	}
	return day
}
