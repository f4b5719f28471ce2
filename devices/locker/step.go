package locker

import (
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/compartment"
)

// Compartment is the number of the compartment that a report concerns, 0 for
// the locker itself.
func Compartment(p devices.Payload) int {
	switch p := p.(type) {
	case Deposited:
		return p.Compartment
	case PickedUp:
		return p.Compartment
	case Overdue:
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
// report of that time, and what it amounts to. A parcel that Came is a
// deposit, one that Went a pickup (by whomever: a courier's return too), one
// that is Flagged is overdue.
func Step(s compartment.State, p devices.Payload, at time.Time) (compartment.State, []compartment.Change) {
	switch p := p.(type) {
	case Deposited:
		return s.Put(at, compartment.Explicit, 1)
	case PickedUp:
		return s.Take(at, compartment.Explicit)
	case Overdue:
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
