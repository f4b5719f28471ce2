// Package rating is the pad with five keys, or the code to scan, by which
// people say how they were served.
//
// A rating belongs to one service, by the number that the service has in
// somebody's book, and says nothing of the person. The first rating of a
// service counts. A bad one waits to be closed: somebody has looked into it.
package rating

import (
	"fmt"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
)

// Kind of a rating pad.
const Kind devices.Kind = "rating"

// Event types of a rating pad, besides its condition.
const (
	TypeRated  devices.Type = "rating.given"
	TypeClosed devices.Type = "rating.closed"
)

// The five levels.
const (
	VeryBad  = 1 // 非常不满意
	Bad      = 2 // 不满意
	Fair     = 3 // 基本满意
	Good     = 4 // 满意
	VeryGood = 5 // 非常满意
)

// Rated: somebody pressed a key. {"service":"YW-20261123-17","level":5}.
type Rated struct {
	Service devices.Reference `json:"service"`
	Level   int               `json:"level"`
}

// Closed: a bad rating was looked into. {"service":"YW-20261123-17"}.
type Closed struct {
	Service devices.Reference `json:"service"`
}

// Specs are the types that a rating pad reports.
func Specs() []devices.Spec {
	return append(condition.Specs(Kind),
		devices.SpecFor[Rated](Kind, devices.Ordinary),
		devices.SpecFor[Closed](Kind, devices.Ordinary),
	)
}

func (Rated) EventType() devices.Type  { return TypeRated }
func (Closed) EventType() devices.Type { return TypeClosed }

func (p Closed) Validate() error { return devices.CheckReference("service", p.Service) }

func (p Rated) Validate() error {
	if p.Level < VeryBad || p.Level > VeryGood {
		return fmt.Errorf("level: must be %d (very bad) to %d (very good) (got %d)", VeryBad, VeryGood, p.Level)
	}
	return devices.CheckReference("service", p.Service)
}

// Service is the service that a report concerns, "" for the pad itself.
func Service(p devices.Payload) devices.Reference {
	switch p := p.(type) {
	case Rated:
		return p.Service
	case Closed:
		return p.Service
	}
	return ""
}

// State is what is remembered of the rating of one service.
type State struct {
	// Level that was given, 0 before it was rated.
	Level int `json:"level,omitempty"`
	// At is when it was rated.
	At     time.Time `json:"at,omitzero"`
	Closed bool      `json:"closed,omitempty"`
}

// Change is a rating that was given, or a bad one that was closed.
type Change struct {
	Level  int
	At     time.Time
	Closed bool
	// Took is how long it took to close it.
	Took time.Duration
}

// IsBad says whether somebody has to look into a rating of that level.
func IsBad(level int) bool { return level == VeryBad || level == Bad }

// Step is the transition of the report's service: the state after it, and what
// it amounts to. Another rating of the same service is nothing; nor is it
// anything to close what is not bad, not there or closed already.
func Step(s State, p devices.Payload, at time.Time) (State, []Change) {
	switch p := p.(type) {
	case Rated:
		if s.Level == 0 {
			s.Level, s.At = p.Level, at
			return s, []Change{{Level: p.Level, At: at}}
		}
	case Closed:
		if IsBad(s.Level) && !s.Closed {
			s.Closed = true
			return s, []Change{{Level: s.Level, At: at, Closed: true, Took: max(0, at.Sub(s.At))}}
		}
	}
	return s, nil
}
