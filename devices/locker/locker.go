// Package locker is the smart parcel locker: what it reports, and how its
// reports become deposits and pickups.
//
// Some lockers say what happened (parcel.deposited), some only what they see
// (a door, a sensor in the compartment), some both. [Step] makes one history
// of them: the transitions of a compartment from free to occupied and back.
package locker

import (
	"fmt"

	"github.com/linli-edge/gateway/devices"
)

// Kind of a parcel locker.
const Kind devices.Kind = "locker"

// Event types of a parcel locker.
const (
	TypeDeposited devices.Type = "parcel.deposited"
	TypePickedUp  devices.Type = "parcel.picked_up"
	TypeOverdue   devices.Type = "parcel.overdue"
	TypeDoor      devices.Type = "door"
	TypeOccupancy devices.Type = "occupancy"
	TypeFault     devices.Type = "fault"
	TypeStatus    devices.Type = "status"
)

// Deposited: a courier left a parcel. {"compartment":12}.
type Deposited struct {
	Compartment int `json:"compartment"`
}

// By whom a compartment was emptied.
const (
	ByRecipient = "recipient" // the default
	ByCourier   = "courier"   // taken back: a return
	ByStaff     = "staff"     // cleared by hand
)

// PickedUp: the parcel was taken out. {"compartment":12,"by":"recipient"}.
type PickedUp struct {
	Compartment int    `json:"compartment"`
	By          string `json:"by,omitempty"`
}

// Overdue: the parcel has waited longer than the operator allows.
// {"compartment":12}.
type Overdue struct {
	Compartment int `json:"compartment"`
}

// Door is a level: {"compartment":12,"open":true}.
type Door struct {
	Compartment int  `json:"compartment"`
	Open        bool `json:"open"`
}

// Occupancy is a level, from a sensor in the compartment:
// {"compartment":12,"occupied":true}.
type Occupancy struct {
	Compartment int  `json:"compartment"`
	Occupied    bool `json:"occupied"`
}

// Fault is a level: {"compartment":12,"code":"door_jammed","cleared":false}.
// Compartment 0 is the locker itself.
type Fault struct {
	Compartment int    `json:"compartment,omitempty"`
	Code        string `json:"code"`
	Cleared     bool   `json:"cleared,omitempty"`
}

// Status is a level: {"online":true}.
type Status struct {
	Online bool `json:"online"`
}

// Specs are the types that a locker reports.
func Specs() []devices.Spec {
	return []devices.Spec{
		devices.SpecFor[Deposited](Kind, devices.Ordinary),
		devices.SpecFor[PickedUp](Kind, devices.Ordinary),
		devices.SpecFor[Overdue](Kind, devices.Ordinary),
		devices.SpecFor[Door](Kind, devices.Ordinary),
		devices.SpecFor[Occupancy](Kind, devices.Ordinary),
		devices.SpecFor[Fault](Kind, devices.Ordinary),
		devices.SpecFor[Status](Kind, devices.Ordinary),
	}
}

func (Deposited) EventType() devices.Type { return TypeDeposited }
func (PickedUp) EventType() devices.Type  { return TypePickedUp }
func (Overdue) EventType() devices.Type   { return TypeOverdue }
func (Door) EventType() devices.Type      { return TypeDoor }
func (Occupancy) EventType() devices.Type { return TypeOccupancy }
func (Fault) EventType() devices.Type     { return TypeFault }
func (Status) EventType() devices.Type    { return TypeStatus }

func (p Deposited) Validate() error { return devices.CheckCompartment(p.Compartment) }
func (p Overdue) Validate() error   { return devices.CheckCompartment(p.Compartment) }
func (p Door) Validate() error      { return devices.CheckCompartment(p.Compartment) }
func (p Occupancy) Validate() error { return devices.CheckCompartment(p.Compartment) }
func (p Status) Validate() error    { return nil }

func (p PickedUp) Validate() error {
	switch p.By {
	case "", ByRecipient, ByCourier, ByStaff:
		return devices.CheckCompartment(p.Compartment)
	}
	return fmt.Errorf("by: must be %s, %s or %s (got %q)", ByRecipient, ByCourier, ByStaff, p.By)
}

func (p Fault) Validate() error {
	if p.Compartment != 0 {
		if err := devices.CheckCompartment(p.Compartment); err != nil {
			return err
		}
	}
	return devices.CheckCode("code", p.Code)
}

// The levels are kept apart by compartment.
func (p Door) Level() string      { return fmt.Sprint(p.Compartment) }
func (p Occupancy) Level() string { return fmt.Sprint(p.Compartment) }
func (p Fault) Level() string     { return fmt.Sprintf("%d/%s", p.Compartment, p.Code) }
func (p Status) Level() string    { return "" }
