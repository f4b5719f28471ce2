// Package terminal is the self-service terminal: what it reports, and how its
// reports become sessions with a result.
//
// A terminal has one session at a time. Its screen's own events make it: a
// session starts when somebody touches the screen or shows a card, and ends
// with a result. [Step] makes one history of them, also where one of the two
// is lost. Nothing tells who was there.
package terminal

import (
	"fmt"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/spell"
)

// Kind of a self-service terminal.
const Kind devices.Kind = "terminal"

// Event types of a terminal, besides its condition.
const (
	TypeStarted   devices.Type = "session.started"
	TypeEnded     devices.Type = "session.ended"
	TypeAvailable devices.Type = "available"
)

// Started: somebody began to use the terminal.
// {"session":"s-17","elder_mode":true}. A session with a number is counted
// once even if it is reported again.
type Started struct {
	Session   devices.Reference `json:"session,omitempty"`
	ElderMode bool              `json:"elder_mode,omitempty"`
}

// How a session ended.
const (
	Completed = "completed" // the person got what they came for
	Abandoned = "abandoned" // the person left, or the time ran out
	Failed    = "failed"    // the terminal, or what is behind it, could not do it
)

// Ended: the session is over. {"session":"s-17","result":"completed",
// "service":"id_renewal","elder_mode":true}. ElderMode also where it was
// switched on in between; service is a code of the operator's.
type Ended struct {
	Session   devices.Reference `json:"session,omitempty"`
	Result    string            `json:"result"`
	Service   string            `json:"service,omitempty"`
	ElderMode bool              `json:"elder_mode,omitempty"`
}

// Available is a level: whether people can use the terminal.
// {"available":false}. Why they cannot is told by faults.
type Available struct {
	Available bool `json:"available"`
}

// Specs are the types that a terminal reports.
func Specs() []devices.Spec {
	return append(condition.Specs(Kind),
		devices.SpecFor[Started](Kind, devices.Ordinary),
		devices.SpecFor[Ended](Kind, devices.Ordinary),
		devices.SpecFor[Available](Kind, devices.Ordinary),
	)
}

func (Started) EventType() devices.Type   { return TypeStarted }
func (Ended) EventType() devices.Type     { return TypeEnded }
func (Available) EventType() devices.Type { return TypeAvailable }

func (Started) Validate() error   { return nil }
func (Available) Validate() error { return nil }

func (p Ended) Validate() error {
	switch p.Result {
	case Completed, Abandoned, Failed:
	default:
		return fmt.Errorf("result: must be %s, %s or %s (got %.80q)", Completed, Abandoned, Failed, p.Result)
	}
	if p.Service == "" {
		return nil
	}
	return devices.CheckID("service", p.Service)
}

func (Available) Level() string { return "" }

// On says whether people can use it.
func (p Available) On() bool { return p.Available }

// State is all that is remembered of a terminal's session. Its levels are
// spells beside it.
type State struct {
	Session spell.State `json:"session,omitzero"`
	// ElderMode of the session that is on.
	ElderMode bool `json:"elder_mode,omitempty"`
}

// Change is the beginning of a session ([spell.Began], [spell.Found]) or its
// end.
type Change struct {
	spell.Change
	// Result and Service of a session that Ended. One that is Lost has none:
	// it was abandoned, as far as anybody knows.
	Result, Service string
	// ElderMode says that elder mode was on at some time. Of Ended and Lost.
	ElderMode bool
}

// Step is the transition by one report: the state after it, and what it
// amounts to.
func Step(s State, p devices.Payload, at time.Time) (State, []Change) {
	var told []spell.Change
	var result, service string
	before, now := s.ElderMode, false
	switch p := p.(type) {
	case Started:
		s.Session, told = s.Session.Begin(at, p.Session)
		now = p.ElderMode
	case Ended:
		s.Session, told = s.Session.End(at, p.Session)
		result, service, now = p.Result, p.Service, p.ElderMode
	}
	var changes []Change
	for _, c := range told {
		change := Change{Change: c}
		switch c.Kind {
		case spell.Began, spell.Found:
			before = false
			s.ElderMode = now
		case spell.Lost:
			change.ElderMode = before
			s.ElderMode = false
		case spell.Ended:
			change.Result, change.Service, change.ElderMode = result, service, before || now
			s.ElderMode = false
		}
		changes = append(changes, change)
	}
	return s, changes
}
