// Package express is the rural express point: a shop in the village where
// parcels are handed over a counter. It has no compartments, only a number of
// parcels on its shelves. A point with a cabinet is a locker.
package express

import (
	"fmt"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/compartment"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/locker"
)

// Kind of a rural express point.
const Kind devices.Kind = "express"

// Event types of an express point, besides its condition and whether it is
// open.
const (
	TypeDeposited = locker.TypeDeposited
	TypePickedUp  = locker.TypePickedUp
)

// Deposited: parcels were brought to the point. {"parcels":12}; the default
// is 1.
type Deposited struct {
	Parcels int `json:"parcels,omitempty"`
}

// PickedUp: parcels were fetched, by villagers or by a courier who takes them
// on. {"parcels":1,"by":"recipient"}; parcels is 1 and by recipient where
// nothing is said.
type PickedUp struct {
	Parcels int    `json:"parcels,omitempty"`
	By      string `json:"by,omitempty"`
}

// Specs are the types that an express point reports.
func Specs() []devices.Spec {
	return append(condition.Specs(Kind),
		devices.SpecFor[Deposited](Kind, devices.Ordinary),
		devices.SpecFor[PickedUp](Kind, devices.Ordinary),
		devices.SpecFor[condition.Opening](Kind, devices.Ordinary),
	)
}

func (Deposited) EventType() devices.Type { return TypeDeposited }
func (PickedUp) EventType() devices.Type  { return TypePickedUp }

func (p Deposited) Validate() error { return checkParcels(p.Parcels) }

func (p PickedUp) Validate() error {
	switch p.By {
	case "", locker.ByRecipient, locker.ByCourier, locker.ByStaff:
		return checkParcels(p.Parcels)
	}
	return fmt.Errorf("by: must be %s, %s or %s (got %.80q)", locker.ByRecipient, locker.ByCourier, locker.ByStaff, p.By)
}

func checkParcels(n int) error {
	if n < 0 || n > 10_000 {
		return fmt.Errorf("parcels: must be 1 to 10000 (got %d)", n)
	}
	return nil
}

// State is what is remembered of a point.
type State struct {
	// Shelved is how many parcels are there.
	Shelved int `json:"shelved,omitempty"`
}

// Step is the transition by one report: the state after it, and what it
// amounts to, with Units for parcels. More picked up than were there proves a
// missed deposit: those are Found first. So Came + Found - Went is what is on
// the shelves.
func Step(s State, p devices.Payload, at time.Time) (State, []compartment.Change) {
	switch p := p.(type) {
	case Deposited:
		n := max(1, p.Parcels)
		s.Shelved += n
		return s, []compartment.Change{{Kind: compartment.Came, At: at, Units: n}}
	case PickedUp:
		n := max(1, p.Parcels)
		var changes []compartment.Change
		if missed := n - s.Shelved; missed > 0 {
			s.Shelved += missed
			changes = append(changes, compartment.Change{Kind: compartment.Found, At: at, Units: missed})
		}
		s.Shelved -= n
		return s, append(changes, compartment.Change{Kind: compartment.Went, At: at, Units: n})
	}
	return s, nil
}
