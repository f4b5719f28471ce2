// Package room is what watches a room that somebody lives in, and says that
// there is life in it: movement, a door that opens, something that was moved.
// It hangs on a wall or a door frame and is worn by nobody, so that it belongs
// to an elder or to a facility. Some such sensors see falls too, or have a
// button: those call for help as a wearable does.
//
// Occupancy and door are levels. A vibration is an occurrence; a sensor that
// reports it for as long as it lasts has it counted when it begins.
package room

import (
	"fmt"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Kind of a room's sensor.
const Kind devices.Kind = "room"

// Event types of a room's sensor, besides its condition, its battery and the
// calls for help, which are as of a wearable.
const (
	TypeOccupancy devices.Type = "occupancy"
	TypeDoor      devices.Type = "door"
	TypeVibration devices.Type = "vibration"
	TypeWaterUsed devices.Type = "water.used"
)

// Occupancy is a level: whether somebody is in the room. {"occupied":true}.
type Occupancy struct {
	Occupied bool `json:"occupied"`
}

// Door is a level, of a door or a window: {"open":true}.
type Door struct {
	Open bool `json:"open"`
}

// Vibration: what the sensor is fixed to was moved. {}.
type Vibration struct{}

// WaterUsed: so much has run through the meter since the last report.
// {"litres":3.5}.
type WaterUsed struct {
	Litres float64 `json:"litres"`
}

// Specs are the types that a room's sensor reports.
func Specs() []devices.Spec {
	return append(condition.Specs(Kind),
		devices.SpecFor[Occupancy](Kind, devices.Ordinary),
		devices.SpecFor[Door](Kind, devices.Ordinary),
		devices.SpecFor[Vibration](Kind, devices.Ordinary),
		devices.SpecFor[WaterUsed](Kind, devices.Ordinary),
		devices.SpecFor[wearable.SOS](Kind, devices.Urgent),
		devices.SpecFor[wearable.Fall](Kind, devices.Urgent),
		devices.SpecFor[wearable.Battery](Kind, devices.Ordinary),
	)
}

func (Occupancy) EventType() devices.Type { return TypeOccupancy }
func (Door) EventType() devices.Type      { return TypeDoor }
func (Vibration) EventType() devices.Type { return TypeVibration }
func (WaterUsed) EventType() devices.Type { return TypeWaterUsed }

func (Occupancy) Validate() error { return nil }
func (Door) Validate() error      { return nil }
func (Vibration) Validate() error { return nil }

// maxLitres is what no pipe of a home carries between two reports.
const maxLitres = 100_000

// Validate wants a meter that runs forward.
func (p WaterUsed) Validate() error {
	if !(p.Litres > 0 && p.Litres <= maxLitres) {
		return fmt.Errorf("litres: must be above 0, at most %d (got %g)", maxLitres, p.Litres)
	}
	return nil
}

// Level is "": a room has one.
func (Occupancy) Level() string { return "" }

// Level is "": a sensor watches one door.
func (Door) Level() string { return "" }

// On says whether somebody is there.
func (p Occupancy) On() bool { return p.Occupied }

// On says whether it is open.
func (p Door) On() bool { return p.Open }
