// Package visit is a caregiver's sign of having been with an elder: a tap on
// the tag at the door, a button, a line on the page.
//
// Two taps within [Gap] are one visit: coming and going. [Step] counts visits
// against the last one known, and [Due] says who has waited too long. A tap
// names people by their IDs in the registry only.
package visit

import (
	"fmt"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
)

// Kind of what a caregiver taps.
const Kind devices.Kind = "visit"

// TypeVisited is the event type of a tap, besides the condition of the device.
const TypeVisited devices.Type = "visit.made"

// By which sign a visit is known.
const (
	ByNFC    = "nfc"
	ByButton = "button"
	ByPage   = "page"
	ByDoor   = "door" // the link on the label at the door
)

// Visited: a caregiver is or was with an elder.
// {"elder":"e-0301","caregiver":"li","by":"nfc"}. Elder is empty where the
// device hangs in the elder's home and is registered so, caregiver where the
// device cannot know who it was.
type Visited struct {
	Elder     string `json:"elder,omitempty"`
	Caregiver string `json:"caregiver,omitempty"`
	By        string `json:"by"`
}

// Specs are the types that such a device reports.
func Specs() []devices.Spec {
	return append(condition.Specs(Kind), devices.SpecFor[Visited](Kind, devices.Ordinary))
}

// EventType is TypeVisited.
func (Visited) EventType() devices.Type { return TypeVisited }

// Validate wants IDs and no names.
func (p Visited) Validate() error {
	switch p.By {
	case ByNFC, ByButton, ByPage, ByDoor:
	default:
		return fmt.Errorf("by: must be %s, %s, %s or %s (got %.80q)", ByNFC, ByButton, ByPage, ByDoor, p.By)
	}
	for _, f := range []struct{ name, id string }{{"elder", p.Elder}, {"caregiver", p.Caregiver}} {
		if f.id == "" {
			continue
		}
		if err := devices.CheckID(f.name, f.id); err != nil {
			return err
		}
	}
	return nil
}

// Gap is how far apart two taps are that are two visits.
const Gap = 4 * time.Hour

// State is what is remembered of the visits to one elder.
type State struct {
	// First and Last are the first and the last tap of the latest visit, zero
	// if there was none.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
}

// Step is the transition of the elder by a tap at that time: the state after
// it, and whether it is a visit of its own. A tap told late, from before the
// latest visit, is one.
func Step(s State, at time.Time) (State, bool) {
	switch {
	case s.First.IsZero() || at.Sub(s.Last) >= Gap:
		return State{at, at}, true
	case s.First.Sub(at) >= Gap:
		return s, true
	case at.After(s.Last):
		s.Last = at
	case at.Before(s.First):
		s.First = at
	}
	return s, false
}

// Due says whether an elder is to be visited again: the last visit was longer
// than every ago, or there was none since the beginning from.
func Due(s State, from, now time.Time, every time.Duration) bool {
	last := s.Last
	if last.Before(from) {
		last = from
	}
	return now.Sub(last) > every
}
