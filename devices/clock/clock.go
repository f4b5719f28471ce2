// Package clock reads the clocks of the box: the one real [devices.Clock].
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

// System returns the box's clock. The boot ID is read once; it cannot change
// while the process lives.
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
	var ntp cached
	return func() devices.Stamp {
		mono := sinceBoot()
		return devices.Stamp{Boot: boot, Mono: mono, Wall: time.Now().UTC(), Synced: ntp.synchronised(mono)}
	}, nil
}

// cached asks the kernel once a second: a stamp is taken for every event, and
// the state of the clock changes a few times a day.
type cached struct {
	asked  atomic.Int64 // sinceBoot, 0 for never
	synced atomic.Bool
}

func (c *cached) synchronised(now time.Duration) bool {
	if asked := c.asked.Load(); asked == 0 || now-time.Duration(asked) > time.Second {
		c.synced.Store(synchronised())
		c.asked.Store(int64(now))
	}
	return c.synced.Load()
}

func sinceBoot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		// Linux has had this clock since 2.6.39; without it nothing can be
		// timed, so the rest of the stamp is no use either.
		panic(fmt.Sprintf("clock: CLOCK_BOOTTIME: %v", err))
	}
	return time.Duration(ts.Nano())
}

// synchronised asks the kernel what the NTP client last told it.
func synchronised() bool {
	var tx unix.Timex
	state, err := unix.Adjtimex(&tx)
	return err == nil && state != unix.TIME_ERROR && tx.Status&unix.STA_UNSYNC == 0
}
