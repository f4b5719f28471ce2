// Package alarm is what watches a room and calls for help by itself or by a
// pull on its cord: smoke, gas, carbon monoxide, water.
//
// An alarm is a level and urgent: the detector alarms, until it says that it
// has cleared. A report that does not say "cleared" is an alarm, so that one
// of which nothing else can be read is one too. Detectors repeat themselves
// for as long as it burns; that is one alarm, and another only after it has
// cleared (see package spell). A pull on the cord is an SOS as of a wearable,
// each time.
package alarm

import (
	"encoding/json"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Kind of a room's alarm.
const Kind devices.Kind = "alarm"

// Event types of an alarm, besides its condition, its battery and the call for
// help.
const (
	TypeSmoke          devices.Type = "smoke"
	TypeGas            devices.Type = "gas"
	TypeCarbonMonoxide devices.Type = "carbon_monoxide"
	TypeWater          devices.Type = "water"
)

// Smoke is a level: {}, or {"cleared":true}.
type Smoke struct {
	Cleared bool `json:"cleared,omitempty"`
}

// Gas that burns is a level: {}, or {"cleared":true}.
type Gas struct {
	Cleared bool `json:"cleared,omitempty"`
}

// CarbonMonoxide is a level: {}, or {"cleared":true}.
type CarbonMonoxide struct {
	Cleared bool `json:"cleared,omitempty"`
}

// Water where there should be none is a level: {}, or {"cleared":true}.
type Water struct {
	Cleared bool `json:"cleared,omitempty"`
}

// Specs are the types that a room's alarm reports. That it has cleared is
// urgent too: it stays behind the alarm, in one chain of the journal.
func Specs() []devices.Spec {
	return append(condition.Specs(Kind),
		devices.SpecFor[Smoke](Kind, devices.Urgent),
		devices.SpecFor[Gas](Kind, devices.Urgent),
		devices.SpecFor[CarbonMonoxide](Kind, devices.Urgent),
		devices.SpecFor[Water](Kind, devices.Urgent),
		devices.SpecFor[wearable.SOS](Kind, devices.Urgent),
		devices.SpecFor[wearable.Battery](Kind, devices.Ordinary),
	)
}

func (Smoke) EventType() devices.Type          { return TypeSmoke }
func (Gas) EventType() devices.Type            { return TypeGas }
func (CarbonMonoxide) EventType() devices.Type { return TypeCarbonMonoxide }
func (Water) EventType() devices.Type          { return TypeWater }

func (Smoke) Validate() error          { return nil }
func (Gas) Validate() error            { return nil }
func (CarbonMonoxide) Validate() error { return nil }
func (Water) Validate() error          { return nil }

func (Smoke) Level() string          { return "" }
func (Gas) Level() string            { return "" }
func (CarbonMonoxide) Level() string { return "" }
func (Water) Level() string          { return "" }

// On says whether it alarms.
func (p Smoke) On() bool          { return !p.Cleared }
func (p Gas) On() bool            { return !p.Cleared }
func (p CarbonMonoxide) On() bool { return !p.Cleared }
func (p Water) On() bool          { return !p.Cleared }

// On says whether a journaled event of one of this package's alarms tells that
// it alarms: one that cannot be read does.
func On(e devices.Event) bool {
	var p Smoke // they are alike
	return json.Unmarshal(e.Data, &p) != nil || p.On()
}
