// Package pickup is the cabinet where people fetch what is not a parcel: the
// pharmacy's that is open at night, the shop's, the library's.
//
// A compartment is that of a locker (package compartment): doors and sensors
// are reported as by a locker, and [Step] makes one history of them and of
// what the controller tells. What is kept cold is watched besides ([Chill]).
package pickup

import (
	"fmt"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/compartment"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/spell"
)

// Kind of a self-pickup cabinet.
const Kind devices.Kind = "pickup"

// Event types of a self-pickup cabinet, besides door, occupancy, fault and
// status, which are as of a locker.
const (
	TypeStocked     devices.Type = "item.stocked"
	TypePickedUp    devices.Type = "item.picked_up"
	TypeTemperature devices.Type = "temperature"
)

// Stocked: something was put in for somebody to fetch. {"compartment":5}.
type Stocked struct {
	Compartment int `json:"compartment"`
}

// PickedUp: it was taken out. {"compartment":5,"by":"recipient"}; by is
// recipient (the default) or staff, who took it back.
type PickedUp struct {
	Compartment int    `json:"compartment"`
	By          string `json:"by,omitempty"`
}

// Temperature is a level, in degrees Celsius:
// {"compartment":5,"celsius":4.5,"cold":true}. Compartment 0 is the whole
// cabinet; cold says that it is part of a cold chain, to be kept at ColdMin to
// ColdMax.
type Temperature struct {
	Compartment int     `json:"compartment,omitempty"`
	Celsius     float64 `json:"celsius"`
	Cold        bool    `json:"cold,omitempty"`
}

// Specs are the types that a self-pickup cabinet reports.
func Specs() []devices.Spec {
	return []devices.Spec{
		devices.SpecFor[Stocked](Kind, devices.Ordinary),
		devices.SpecFor[PickedUp](Kind, devices.Ordinary),
		devices.SpecFor[Temperature](Kind, devices.Ordinary),
		devices.SpecFor[condition.Humidity](Kind, devices.Ordinary),
		devices.SpecFor[locker.Door](Kind, devices.Ordinary),
		devices.SpecFor[locker.Occupancy](Kind, devices.Ordinary),
		devices.SpecFor[locker.Fault](Kind, devices.Ordinary),
		devices.SpecFor[locker.Status](Kind, devices.Ordinary),
	}
}

func (Stocked) EventType() devices.Type     { return TypeStocked }
func (PickedUp) EventType() devices.Type    { return TypePickedUp }
func (Temperature) EventType() devices.Type { return TypeTemperature }

func (p Stocked) Validate() error { return devices.CheckCompartment(p.Compartment) }

func (p PickedUp) Validate() error {
	switch p.By {
	case "", locker.ByRecipient, locker.ByStaff:
		return devices.CheckCompartment(p.Compartment)
	}
	return fmt.Errorf("by: must be %s or %s (got %.80q)", locker.ByRecipient, locker.ByStaff, p.By)
}

func (p Temperature) Validate() error {
	if p.Celsius < -60 || p.Celsius > 200 {
		return fmt.Errorf("celsius: must be -60 to 200 (got %g)", p.Celsius)
	}
	if p.Compartment == 0 {
		return nil
	}
	return devices.CheckCompartment(p.Compartment)
}

// Level is the compartment.
func (p Temperature) Level() string { return fmt.Sprint(p.Compartment) }

// Compartment is the number of the compartment that a report concerns, 0 for
// the cabinet itself.
func Compartment(p devices.Payload) int {
	switch p := p.(type) {
	case Stocked:
		return p.Compartment
	case PickedUp:
		return p.Compartment
	case Temperature:
		return p.Compartment
	case condition.Humidity:
		return p.Compartment
	}
	return locker.Compartment(p)
}

// Step is the transition of the report's compartment, as of a locker: what
// Came was stocked, what Went was picked up (by staff too).
func Step(s compartment.State, p devices.Payload, at time.Time) (compartment.State, []compartment.Change) {
	switch p.(type) {
	case Stocked:
		return s.Put(at, compartment.Explicit, 1)
	case PickedUp:
		return s.Take(at, compartment.Explicit)
	}
	return locker.Step(s, p, at)
}

// The cold chain in degrees Celsius. What has left it is back only by
// ColdMargin, so that a sensor that wavers about a limit is one excursion.
const (
	ColdMin    = 2.0
	ColdMax    = 8.0
	ColdMargin = 0.5
)

// Chill is the transition of the cold chain of one compartment: a spell is an
// excursion from it. A temperature that is not of a cold chain changes nothing.
func Chill(s spell.State, p Temperature, at time.Time) (spell.State, []spell.Change) {
	if !p.Cold {
		return s, nil
	}
	margin := 0.0
	if s.On {
		margin = ColdMargin
	}
	out := p.Celsius < ColdMin+margin || p.Celsius > ColdMax-margin
	return s.Is(at, out, false)
}
