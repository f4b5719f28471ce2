// Package bed is the home-care bed: a sensor that knows whether somebody lies
// in it, and a button or a pull-cord beside it.
//
// Its levels are spells (see package spell): how long the bed was occupied, how
// long nobody has come back to it, how long the bed was online. What a mat
// measures of the body is none of this: it belongs to a wearable's vitals.
package bed

import (
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Kind of a home-care bed.
const Kind devices.Kind = "bed"

// TypeOccupancy is the event type of a bed, besides its condition, its battery
// and the call for help, which are as of a wearable.
const TypeOccupancy devices.Type = "occupancy"

// Occupancy is a level: whether somebody is in the bed. {"occupied":false}.
type Occupancy struct {
	Occupied bool `json:"occupied"`
}

// Specs are the types that a bed reports.
func Specs() []devices.Spec {
	return append(condition.Specs(Kind),
		devices.SpecFor[Occupancy](Kind, devices.Ordinary),
		devices.SpecFor[wearable.SOS](Kind, devices.Urgent),
		devices.SpecFor[wearable.Battery](Kind, devices.Ordinary),
	)
}

// EventType is TypeOccupancy.
func (Occupancy) EventType() devices.Type { return TypeOccupancy }

// Validate accepts either.
func (Occupancy) Validate() error { return nil }

// Level is "": a bed has one.
func (Occupancy) Level() string { return "" }

// On says whether somebody is in the bed.
func (p Occupancy) On() bool { return p.Occupied }
