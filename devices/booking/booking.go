// Package booking is a booking system, and what delivers without contact:
// what was booked and what became of it.
//
// A booking is called by its number in the booking system. That number is
// never kept in clear, see [devices.Reference]: it often is, or leads to,
// somebody's telephone. It must not be the id of an event either.
//
// [Step] gives each booking one fate: the first that is told. A fate without
// a booking proves that the booking was missed, and counts as one.
package booking

import (
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
)

// Kind of a booking system.
const Kind devices.Kind = "booking"

// Event types of a booking system, besides its condition.
const (
	TypeCreated   devices.Type = "booking.created"
	TypeFulfilled devices.Type = "booking.fulfilled"
	TypeNoShow    devices.Type = "booking.no_show"
	TypeCancelled devices.Type = "booking.cancelled"
	TypeDelivered devices.Type = "delivery.made"
)

// Created: somebody booked. {"booking":"YY-0042","service":"bathing"}; service
// is a code of the operator's.
type Created struct {
	Booking devices.Reference `json:"booking"`
	Service string            `json:"service,omitempty"`
}

// Fulfilled: they came, or were served. {"booking":"YY-0042"}.
type Fulfilled struct {
	Booking devices.Reference `json:"booking"`
}

// NoShow: they did not come. {"booking":"YY-0042"}.
type NoShow struct {
	Booking devices.Reference `json:"booking"`
}

// Cancelled: it was called off in time, by whomever. {"booking":"YY-0042"}.
type Cancelled struct {
	Booking devices.Reference `json:"booking"`
}

// Delivered: something was brought to somebody. {"contactless":true}, if
// nobody had to meet.
type Delivered struct {
	Contactless bool `json:"contactless"`
}

// Specs are the types that a booking system reports.
func Specs() []devices.Spec {
	return append(condition.Specs(Kind),
		devices.SpecFor[Created](Kind, devices.Ordinary),
		devices.SpecFor[Fulfilled](Kind, devices.Ordinary),
		devices.SpecFor[NoShow](Kind, devices.Ordinary),
		devices.SpecFor[Cancelled](Kind, devices.Ordinary),
		devices.SpecFor[Delivered](Kind, devices.Ordinary),
	)
}

func (Created) EventType() devices.Type   { return TypeCreated }
func (Fulfilled) EventType() devices.Type { return TypeFulfilled }
func (NoShow) EventType() devices.Type    { return TypeNoShow }
func (Cancelled) EventType() devices.Type { return TypeCancelled }
func (Delivered) EventType() devices.Type { return TypeDelivered }

func (p Fulfilled) Validate() error { return devices.CheckReference("booking", p.Booking) }
func (p NoShow) Validate() error    { return devices.CheckReference("booking", p.Booking) }
func (p Cancelled) Validate() error { return devices.CheckReference("booking", p.Booking) }
func (p Delivered) Validate() error { return nil }

func (p Created) Validate() error {
	if p.Service != "" {
		if err := devices.CheckID("service", p.Service); err != nil {
			return err
		}
	}
	return devices.CheckReference("booking", p.Booking)
}

// Booking is the booking that a report concerns, "" for none.
func Booking(p devices.Payload) devices.Reference {
	switch p := p.(type) {
	case Created:
		return p.Booking
	case Fulfilled:
		return p.Booking
	case NoShow:
		return p.Booking
	case Cancelled:
		return p.Booking
	}
	return ""
}

// State is what is remembered of one booking. The zero value is one that
// nobody has heard of.
type State struct {
	Created bool `json:"created,omitempty"`
	// Fate is the type that told it, "" while it is open.
	Fate devices.Type `json:"fate,omitempty"`
}

// Change is a booking (TypeCreated), or its fate (one of the other types).
type Change struct {
	Type devices.Type
	At   time.Time
}

// Step is the transition of the report's booking: the state after it, and what
// it amounts to.
func Step(s State, p devices.Payload, at time.Time) (State, []Change) {
	fate := p.EventType()
	switch p.(type) {
	case Created:
		fate = ""
	case Fulfilled, NoShow, Cancelled:
	default:
		return s, nil
	}
	var changes []Change
	if !s.Created {
		s.Created = true
		changes = append(changes, Change{TypeCreated, at})
	}
	if fate != "" && s.Fate == "" {
		s.Fate = fate
		changes = append(changes, Change{fate, at})
	}
	return s, changes
}
