// Package condition is what devices of many kinds report of themselves and of
// the place that they stand for: whether they are online, what is broken,
// whether the place is open. A kind lists what of it its devices report.
package condition

import (
	"fmt"

	"github.com/linli-edge/gateway/devices"
)

// Event types of conditions.
const (
	TypeStatus   devices.Type = "status"
	TypeFault    devices.Type = "fault"
	TypeOpening  devices.Type = "opening"
	TypeHumidity devices.Type = "humidity"
)

// Status is a level: {"online":true}.
type Status struct {
	Online bool `json:"online"`
}

// Fault is a level: {"code":"paper_out","cleared":false}. The code of a device
// that was opened or moved by somebody is "tamper".
type Fault struct {
	Code    string `json:"code"`
	Cleared bool   `json:"cleared,omitempty"`
}

// Opening is a level: whether the place is open to people, {"open":true}.
type Opening struct {
	Open bool `json:"open"`
}

// Humidity is a level, of the air in percent: {"compartment":3,"percent":45.5}.
// Compartment 0 is all of it.
type Humidity struct {
	Compartment int     `json:"compartment,omitempty"`
	Percent     float64 `json:"percent"`
}

// Specs are what every device of a kind reports of itself.
func Specs(kind devices.Kind) []devices.Spec {
	return []devices.Spec{
		devices.SpecFor[Status](kind, devices.Ordinary),
		devices.SpecFor[Fault](kind, devices.Ordinary),
	}
}

func (Status) EventType() devices.Type  { return TypeStatus }
func (Fault) EventType() devices.Type   { return TypeFault }
func (Opening) EventType() devices.Type { return TypeOpening }

func (Humidity) EventType() devices.Type { return TypeHumidity }

// Validate wants a percentage.
func (p Humidity) Validate() error {
	if !(p.Percent >= 0 && p.Percent <= 100) {
		return fmt.Errorf("percent: must be 0 to 100 (got %g)", p.Percent)
	}
	if p.Compartment == 0 {
		return nil
	}
	return devices.CheckCompartment(p.Compartment)
}

// Level is the compartment.
func (p Humidity) Level() string { return fmt.Sprint(p.Compartment) }

func (Status) Validate() error  { return nil }
func (Opening) Validate() error { return nil }
func (p Fault) Validate() error { return devices.CheckCode("code", p.Code) }

func (Status) Level() string  { return "" }
func (Opening) Level() string { return "" }
func (p Fault) Level() string { return p.Code }

// On is the level of a spell: online, faulty, open.
func (p Status) On() bool  { return p.Online }
func (p Fault) On() bool   { return !p.Cleared }
func (p Opening) On() bool { return p.Open }
