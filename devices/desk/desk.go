// Package desk is the way without a code: services that people were given by
// key, by card, by telephone or at the counter, beside those that they got
// from a device. Staff count them; what is told is how many, of what and in
// which way, never to whom.
package desk

import (
	"fmt"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/texts"
)

// Kind of a counter with staff, or whatever counts in their name.
const Kind devices.Kind = "desk"

// TypeServed is the event type of a desk, besides its condition and whether it
// is open.
const TypeServed devices.Type = "service.given"

// Ways in which a service was given.
const (
	WayKey     = "key"
	WayCard    = "card"
	WayPhone   = "phone"
	WayCounter = "counter"
	WayCode    = "code" // the smart way, where staff count that too
)

// Served: that many services were given.
// {"way":"phone","count":3,"service":"meal_order","facility":"east","by":"zhou"}.
// Count is 1 where nothing is said; service is a code of the operator's;
// facility is empty for a desk that is registered at one, and else the ID of the
// facility for which the box itself records it; by is the ID of whoever entered
// it, if that is known.
type Served struct {
	Way      string `json:"way"`
	Count    int    `json:"count,omitempty"`
	Service  string `json:"service,omitempty"`
	Facility string `json:"facility,omitempty"`
	By       string `json:"by,omitempty"`
}

// Specs are the types that a desk reports.
func Specs() []devices.Spec {
	return append(condition.Specs(Kind),
		devices.SpecFor[Served](Kind, devices.Ordinary),
		devices.SpecFor[condition.Opening](Kind, devices.Ordinary),
	)
}

// EventType is TypeServed.
func (Served) EventType() devices.Type { return TypeServed }

// Validate wants a way that is known.
func (p Served) Validate() error {
	switch p.Way {
	case WayKey, WayCard, WayPhone, WayCounter, WayCode:
	default:
		return fmt.Errorf("way: must be %s, %s, %s, %s or %s (got %.80q)", WayKey, WayCard, WayPhone, WayCounter, WayCode, p.Way)
	}
	if p.Count < 0 || p.Count > 10_000 {
		return fmt.Errorf("count: must be 1 to 10000 (got %d)", p.Count)
	}
	for _, f := range []struct{ name, code string }{{"service", p.Service}, {"facility", p.Facility}, {"by", p.By}} {
		if f.code == "" {
			continue
		}
		if err := devices.CheckID(f.name, f.code); err != nil {
			return err
		}
	}
	return nil
}

// Services is how many services a report tells of, and how many of them were
// given without anything smart.
func (p Served) Services() (all, traditional int) {
	all = max(1, p.Count)
	if p.Way != WayCode {
		traditional = all
	}
	return all, traditional
}

// Ways are all there are.
func Ways() []string { return []string{WayKey, WayCard, WayPhone, WayCounter, WayCode} }

// WayText says in which way a service was given.
func WayText(way string) texts.Text {
	t := texts.ConsoleKinds
	switch way {
	case WayKey:
		return t.ByKey
	case WayCard:
		return t.ByCard
	case WayPhone:
		return t.ByPhone
	case WayCode:
		return t.ByCode
	default:
		return t.AtDesk
	}
}
