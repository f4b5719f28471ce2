// Package clock is about the time: it reads the clocks of the box, journals
// what they do besides running, and works out what time it was from what they
// have said. Many boxes have no battery clock.
package clock

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linli-edge/gateway/devices"
)

// System returns the box's clock, the one real [devices.Clock]. The boot ID is
// read once; it cannot change while the process lives.
func System() (devices.Clock, error) {
	const file = "/proc/sys/kernel/random/boot_id"
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read boot ID: %w", err)
	}
	var boot devices.BootID
	if err := boot.UnmarshalText([]byte(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	k := kernel{boot: boot, read: read, slept: slept, synchronised: synchronised}
	return k.now, nil
}

// Pause waits by the runtime's clock, and tells whether ctx is still alive then.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	return ctx.Err() == nil
}

// kernel asks for the state of the clock once a second: a stamp is taken for
// every event. It asks again at once when the clock has been set, or a wrong
// time would pass for a synchronised one, and after a suspend, which looks the
// same.
type kernel struct {
	boot         devices.BootID
	read         func() (awake time.Duration, wall time.Time)
	slept        func() time.Duration // to be added to awake
	synchronised func() bool
	answer       atomic.Pointer[answer]
}

type answer struct {
	awake        time.Duration
	began        time.Time // the wall time at which awake was 0
	slept        time.Duration
	synchronised bool
}

func (k *kernel) now() devices.Stamp {
	for {
		awake, wall := k.read()
		began := wall.Add(-awake)
		last := k.answer.Load()
		if last != nil && awake-last.awake <= time.Second && near(began, last.began, slew) {
			return devices.Stamp{Boot: k.boot, Mono: awake + last.slept, Wall: wall, Synced: last.synchronised}
		}
		slept := k.slept()
		if last != nil && (slept-last.slept).Abs() < time.Millisecond {
			slept = last.slept // no suspend, but what measuring is good for: time does not go back
		}
		// It counts if the clock says the same before and after the question.
		k.answer.Store(&answer{awake: awake, began: began, slept: slept, synchronised: k.synchronised()})
	}
}

// origin of the time for which the box was awake.
var origin = time.Now()

// read asks without a system call: the kernel's page in every process tells
// the wall time and the monotonic time that stands still in a suspend.
func read() (awake time.Duration, wall time.Time) {
	now := time.Now()
	// Without the runtime's monotonic reading, by which times would be
	// compared as if the clock had never been set.
	return now.Sub(origin), now.UTC().Round(0)
}

// slept is by how much the time since boot, suspend included, is ahead of the
// time awake: the quickest of a few readings, for another process may have had
// the turn within one.
func slept() (best time.Duration) {
	least := time.Hour
	for range 3 {
		before := time.Since(origin)
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
			// Linux has had this clock since 2.6.39; without it nothing can be
			// timed, so the rest of the stamp is no use either.
			panic(fmt.Sprintf("clock: CLOCK_BOOTTIME: %v", err))
		}
		if took := time.Since(origin) - before; took < least {
			best, least = time.Duration(ts.Nano())-before-took/2, took
		}
	}
	return best
}

// synchronised asks the kernel what the NTP client last told it.
func synchronised() bool {
	var tx unix.Timex
	state, err := unix.Adjtimex(&tx)
	return err == nil && state != unix.TIME_ERROR && tx.Status&unix.STA_UNSYNC == 0
}
