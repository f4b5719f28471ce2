// Package clock is about the time: it reads the clocks of the box, journals
// what they do besides running, and works out what time it was from what they
// have said. Many boxes have no battery clock.
package clock

import (
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
	k := kernel{boot: boot, read: read, synchronised: synchronised}
	return k.now, nil
}

// kernel asks for the state of the clock once a second: a stamp is taken for
// every event. It asks again at once when the clock has been set, or a wrong
// time would pass for a synchronised one.
type kernel struct {
	boot         devices.BootID
	read         func() (mono time.Duration, wall time.Time)
	synchronised func() bool
	answer       atomic.Pointer[answer]
}

type answer struct {
	mono         time.Duration
	began        time.Time // the wall time at which mono was 0
	synchronised bool
}

func (k *kernel) now() devices.Stamp {
	for {
		mono, wall := k.read()
		began := wall.Add(-mono)
		if a := k.answer.Load(); a != nil && mono-a.mono <= time.Second && near(began, a.began, slew) {
			return devices.Stamp{Boot: k.boot, Mono: mono, Wall: wall, Synced: a.synchronised}
		}
		// It counts if the clock says the same before and after the question.
		k.answer.Store(&answer{mono: mono, began: began, synchronised: k.synchronised()})
	}
}

func read() (mono time.Duration, wall time.Time) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		// Linux has had this clock since 2.6.39; without it nothing can be
		// timed, so the rest of the stamp is no use either.
		panic(fmt.Sprintf("clock: CLOCK_BOOTTIME: %v", err))
	}
	// Without the runtime's monotonic reading, by which times would be
	// compared as if the clock had never been set.
	return time.Duration(ts.Nano()), time.Now().UTC().Round(0)
}

// synchronised asks the kernel what the NTP client last told it.
func synchronised() bool {
	var tx unix.Timex
	state, err := unix.Adjtimex(&tx)
	return err == nil && state != unix.TIME_ERROR && tx.Status&unix.STA_UNSYNC == 0
}
