// Package cabinet is the smart meal-pickup cabinet: what it reports, and how
// its reports become portions loaded, picked up and unclaimed.
package cabinet

import (
	"fmt"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
)

// Kind of a meal-pickup cabinet.
const Kind devices.Kind = "cabinet"

// Event types of a meal cabinet.
const (
	TypeLoaded      devices.Type = "meal.loaded"
	TypePickedUp    devices.Type = "meal.picked_up"
	TypeUnclaimed   devices.Type = "meal.unclaimed"
	TypeTemperature devices.Type = "temperature"
	TypeDoor        devices.Type = "door"
	TypeOccupancy   devices.Type = "occupancy"
	TypeFault       devices.Type = "fault"
	TypeStatus      devices.Type = "status"
)

// Loaded: a meal was put in. {"compartment":3,"portions":1,"hot":true,
// "cooked":"2026-11-23T11:05:00+08:00"}; portions defaults to 1.
type Loaded struct {
	Compartment int        `json:"compartment"`
	Portions    int        `json:"portions,omitempty"`
	Hot         bool       `json:"hot,omitempty"`
	Cooked      *time.Time `json:"cooked,omitempty"`
}

// PickedUp: the meal was taken out. {"compartment":3,"elder":"e-0301"}; elder
// is the ID in the registry where the cabinet knows who came, and never
// leaves the box.
type PickedUp struct {
	Compartment int    `json:"compartment"`
	Elder       string `json:"elder,omitempty"`
}

// Unclaimed: nobody came for the meal in its window. {"compartment":3}.
type Unclaimed struct {
	Compartment int `json:"compartment"`
}

// Temperature is a level, in degrees Celsius:
// {"compartment":3,"celsius":63.5}. Compartment 0 is the whole cabinet.
type Temperature struct {
	Compartment int     `json:"compartment,omitempty"`
	Celsius     float64 `json:"celsius"`
}

// Door is a level: {"compartment":3,"open":true}.
type Door struct {
	Compartment int  `json:"compartment"`
	Open        bool `json:"open"`
}

// Occupancy is a level: {"compartment":3,"occupied":true}.
type Occupancy struct {
	Compartment int  `json:"compartment"`
	Occupied    bool `json:"occupied"`
}

// Fault is a level: {"compartment":3,"code":"heater","cleared":false}.
// Compartment 0 is the cabinet itself.
type Fault struct {
	Compartment int    `json:"compartment,omitempty"`
	Code        string `json:"code"`
	Cleared     bool   `json:"cleared,omitempty"`
}

// Status is a level: {"online":true}.
type Status struct {
	Online bool `json:"online"`
}

// Specs are the types that a meal cabinet reports.
func Specs() []devices.Spec {
	return []devices.Spec{
		devices.SpecFor[Loaded](Kind, devices.Ordinary),
		devices.SpecFor[PickedUp](Kind, devices.Ordinary),
		devices.SpecFor[Unclaimed](Kind, devices.Ordinary),
		devices.SpecFor[Temperature](Kind, devices.Ordinary),
		devices.SpecFor[condition.Humidity](Kind, devices.Ordinary),
		devices.SpecFor[Door](Kind, devices.Ordinary),
		devices.SpecFor[Occupancy](Kind, devices.Ordinary),
		devices.SpecFor[Fault](Kind, devices.Ordinary),
		devices.SpecFor[Status](Kind, devices.Ordinary),
	}
}

func (Loaded) EventType() devices.Type      { return TypeLoaded }
func (PickedUp) EventType() devices.Type    { return TypePickedUp }
func (Unclaimed) EventType() devices.Type   { return TypeUnclaimed }
func (Temperature) EventType() devices.Type { return TypeTemperature }
func (Door) EventType() devices.Type        { return TypeDoor }
func (Occupancy) EventType() devices.Type   { return TypeOccupancy }
func (Fault) EventType() devices.Type       { return TypeFault }
func (Status) EventType() devices.Type      { return TypeStatus }

func (p PickedUp) Validate() error  { return devices.CheckCompartment(p.Compartment) }
func (p Unclaimed) Validate() error { return devices.CheckCompartment(p.Compartment) }
func (p Door) Validate() error      { return devices.CheckCompartment(p.Compartment) }
func (p Occupancy) Validate() error { return devices.CheckCompartment(p.Compartment) }
func (p Status) Validate() error    { return nil }

func (p Loaded) Validate() error {
	if p.Portions < 0 || p.Portions > 1000 {
		return fmt.Errorf("portions: must be 1 to 1000 (got %d)", p.Portions)
	}
	return devices.CheckCompartment(p.Compartment)
}

func (p Temperature) Validate() error {
	if p.Celsius < -60 || p.Celsius > 200 {
		return fmt.Errorf("celsius: must be -60 to 200 (got %g)", p.Celsius)
	}
	return checkOptional(p.Compartment)
}

func (p Fault) Validate() error {
	if err := checkOptional(p.Compartment); err != nil {
		return err
	}
	return devices.CheckCode("code", p.Code)
}

func checkOptional(compartment int) error {
	if compartment == 0 {
		return nil
	}
	return devices.CheckCompartment(compartment)
}

// The levels are kept apart by compartment.
func (p Temperature) Level() string { return fmt.Sprint(p.Compartment) }
func (p Door) Level() string        { return fmt.Sprint(p.Compartment) }
func (p Occupancy) Level() string   { return fmt.Sprint(p.Compartment) }
func (p Fault) Level() string       { return fmt.Sprintf("%d/%s", p.Compartment, p.Code) }
func (p Status) Level() string      { return "" }
