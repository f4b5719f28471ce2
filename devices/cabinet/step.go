package cabinet

import (
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/compartment"
	"github.com/linli-edge/gateway/devices/condition"
)

// Compartment is the number of the compartment that a report concerns, 0 for
// the cabinet itself.
func Compartment(p devices.Payload) int {
	switch p := p.(type) {
	case Loaded:
		return p.Compartment
	case PickedUp:
		return p.Compartment
	case Unclaimed:
		return p.Compartment
	case Temperature:
		return p.Compartment
	case condition.Humidity:
		return p.Compartment
	case Door:
		return p.Compartment
	case Occupancy:
		return p.Compartment
	case Fault:
		return p.Compartment
	}
	return 0
}

// Step is the transition of the report's compartment: the state after a
// report of that time, and what it amounts to. Units are portions: those that
// Came were loaded, those that are Flagged are unclaimed, those that Went were
// picked up, unless they had been unclaimed (WasFlagged): then somebody only
// cleared them away. So each portion has one fate.
func Step(s compartment.State, p devices.Payload, at time.Time) (compartment.State, []compartment.Change) {
	switch p := p.(type) {
	case Loaded:
		return s.Put(at, compartment.Explicit, max(p.Portions, 1))
	case PickedUp:
		return s.Take(at, compartment.Explicit)
	case Unclaimed:
		return s.Flag(at)
	case Door:
		return s.Door(p.Open), nil
	case Occupancy:
		return s.Sense(at, compartment.LevelOf(p.Occupied))
	case Fault:
		return s.Fault(at, p.Code, p.Cleared)
	}
	return s, nil
}
