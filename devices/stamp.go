package devices

import (
	"encoding/hex"
	"fmt"
	"time"
)

// BootID tells one run of the kernel from the next.
type BootID [16]byte

// String is the ID in 32 hexadecimal digits.
func (b BootID) String() string { return hex.EncodeToString(b[:]) }

// MarshalText writes what String returns.
func (b BootID) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads 32 hexadecimal digits.
func (b *BootID) UnmarshalText(text []byte) error {
	if len(text) != 2*len(b) {
		return fmt.Errorf("boot ID: must be %d hexadecimal digits (got %q)", 2*len(b), text)
	}
	_, err := hex.Decode(b[:], text)
	return err
}

// Stamp is one reading of the box's clocks. Many boxes have no battery clock,
// so wall time alone means little: within a boot, Mono orders and measures;
// across boots, Wall is used as far as Synced says it can be.
type Stamp struct {
	Boot BootID `json:"boot"`
	// Mono is the time since boot, suspend included (CLOCK_BOOTTIME), in
	// nanoseconds.
	Mono time.Duration `json:"mono"`
	// Wall is the box's idea of civil time, in UTC.
	Wall time.Time `json:"wall"`
	// Synced says whether the kernel believed its clock to be synchronised.
	Synced bool `json:"synced"`
}

// Clock reads the clocks. It is the only source of time for everything that
// is kept or waits, and the one seam that tests need.
type Clock func() Stamp

// Since is the time from earlier to s, by the monotonic clock. ok is false if
// they are of different boots, between which nothing can be measured.
func (s Stamp) Since(earlier Stamp) (elapsed time.Duration, ok bool) {
	if s.Boot != earlier.Boot {
		return 0, false
	}
	return s.Mono - earlier.Mono, true
}
