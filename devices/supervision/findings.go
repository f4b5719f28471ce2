package supervision

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// Types of what the gateway finds out about a device and journals as an event
// of that device.
const (
	// TypeSilent: the device has not spoken within its reporting interval.
	TypeSilent devices.Type = "device.silent"
	// TypeBatteryLow: its battery has to be changed or charged.
	TypeBatteryLow devices.Type = "device.battery_low"
	// TypeNotWorn: nobody wears it.
	TypeNotWorn devices.Type = "device.not_worn"
	// TypeClockWrong: its time stamps are not plausible.
	TypeClockWrong devices.Type = "device.clock_wrong"
	// TypeTampered: somebody has opened or moved it.
	TypeTampered devices.Type = "device.tampered"
)

// types are in the order in which they are told.
var types = [...]devices.Type{TypeSilent, TypeBatteryLow, TypeNotWorn, TypeClockWrong, TypeTampered}

// Types lists them all.
func Types() []devices.Type { return slices.Clone(types[:]) }

// Finding is a level: what is wrong with a device, until it is cleared.
//
//	{"since":"2026-11-23T08:15:30Z"}
//	{"since":"2026-11-23T09:02:11Z","cleared":true}
type Finding struct {
	// Type is one of Types, and that of the event.
	Type devices.Type `json:"-"`
	// Since is when it began, or with Cleared when it ended, by the clock of
	// Event.Received: the difference to that is right even where the clock is
	// not. A device is silent since its last word.
	Since   time.Time `json:"since"`
	Cleared bool      `json:"cleared,omitempty"`
}

// EventType is the Type.
func (f Finding) EventType() devices.Type { return f.Type }

// On is the level of a spell: something is wrong.
func (f Finding) On() bool { return !f.Cleared }

// Validate wants a type and a time.
func (f Finding) Validate() error {
	switch {
	case !slices.Contains(types[:], f.Type):
		return fmt.Errorf("type: is no finding (got %q)", f.Type)
	case f.Since.IsZero():
		return errors.New("since: missing")
	}
	return nil
}

// Read returns the finding that e reports, ok false if e is of another type.
func Read(e devices.Event) (f Finding, ok bool, err error) {
	if !slices.Contains(types[:], e.Type) {
		return Finding{}, false, nil
	}
	f.Type = e.Type
	if err := json.Unmarshal(e.Data, &f); err != nil {
		return Finding{}, true, fmt.Errorf("decode %s: %w", e.Type, err)
	}
	return f, true, f.Validate()
}
