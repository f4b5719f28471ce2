// Package spell is the state machine of something that begins and ends: a
// session, a rental, an alarm, a bed that is occupied, a device that is
// online.
//
// It is told of in one of two ways: by occurrences ("session started",
// "session ended", see [State.Begin] and [State.End]) or by levels ("the bed is
// occupied", see [State.Is]). The rules:
//
//   - What begins while something is on proves a missed end: what was on is
//     [Lost], at an unknown time.
//   - What ends while nothing is on proves a missed beginning: it is [Found]
//     first.
//   - An occurrence that names the spell (a [devices.Reference]) is not
//     counted again when it is repeated, nor when the beginning comes after
//     the end.
//   - A level that repeats itself is nothing. "On" as its very first word is
//     [Found]: it began at an unknown time. "Off" as its first word is nothing.
//
// All functions are pure. In any history, Began + Found - Ended - Lost is 1
// while it is on and 0 while it is off.
package spell

import (
	"maps"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// State is all that is remembered. The zero value is off, and has never
// spoken.
type State struct {
	On bool `json:"on,omitempty"`
	// Since is when it began, zero if that is unknown or it is off.
	Since time.Time `json:"since,omitzero"`
	// Seen is when it was first known to be on: Since, if that is known.
	Seen time.Time `json:"seen,omitzero"`
	// Ref is what it was called when it began, Last that which ended last.
	Ref  devices.Reference `json:"ref,omitempty"`
	Last devices.Reference `json:"last,omitempty"`
}

// Kind says what a Change is.
type Kind string

// The kinds of Change.
const (
	Began Kind = "began"
	Found Kind = "found" // it is on since an unknown time
	Ended Kind = "ended"
	Lost  Kind = "lost" // it ended at an unknown time
)

// Change is one thing that has happened.
type Change struct {
	Kind Kind
	At   time.Time
	// Since and Seen are those of the State that was left. Of Ended and Lost.
	Since, Seen time.Time
	// Level is the key of the level that has changed, see Levels.
	Level string
}

// Took is how long it was on. ok is false where that is unknown, or the clocks
// of beginning and end contradict each other.
func (c Change) Took() (took time.Duration, ok bool) {
	if c.Kind != Ended || c.Since.IsZero() || c.At.Before(c.Since) {
		return 0, false
	}
	return c.At.Sub(c.Since), true
}

// Span is the time for which it is known to have been on, also where it began
// before anybody looked. ok is false where nothing is known.
func (c Change) Span() (from, to time.Time, ok bool) {
	if c.Kind != Ended || c.At.Before(c.Seen) {
		return time.Time{}, time.Time{}, false
	}
	return c.Seen, c.At, true
}

// Begin says that it began; ref is "" where it has no name.
func (s State) Begin(at time.Time, ref devices.Reference) (State, []Change) {
	if ref != "" && (s.On && ref == s.Ref || ref == s.Last) {
		return s, nil
	}
	var changes []Change
	if s.On {
		s, changes = s.leave(Change{Kind: Lost, At: at}, s.Ref)
	}
	s.On, s.Since, s.Seen, s.Ref = true, at, at, ref
	return s, append(changes, Change{Kind: Began, At: at})
}

// End says that it ended; ref is "" where it has no name.
func (s State) End(at time.Time, ref devices.Reference) (State, []Change) {
	if ref != "" && ref == s.Last {
		return s, nil
	}
	var changes []Change
	if s.On && ref != "" && s.Ref != "" && ref != s.Ref {
		s, changes = s.leave(Change{Kind: Lost, At: at}, s.Ref)
	}
	if !s.On {
		s.On, s.Since, s.Seen = true, time.Time{}, at
		changes = append(changes, Change{Kind: Found, At: at})
	}
	if ref == "" {
		ref = s.Ref
	}
	s, ended := s.leave(Change{Kind: Ended, At: at}, ref)
	return s, append(changes, ended...)
}

// Is says whether it is on; first, that this is the first word of it.
func (s State) Is(at time.Time, on, first bool) (State, []Change) {
	switch {
	case on == s.On:
		return s, nil
	case !on:
		return s.End(at, "")
	case first:
		s.On, s.Seen = true, at
		return s, []Change{{Kind: Found, At: at}}
	}
	return s.Begin(at, "")
}

func (s State) leave(c Change, ref devices.Reference) (State, []Change) {
	c.Since, c.Seen = s.Since, s.Seen
	return State{Last: ref}, []Change{c}
}

// Level is the payload of a level that is either on or off.
type Level interface {
	devices.Leveled
	// On is the level: online, occupied, alarming.
	On() bool
}

// Levels are the spells of one device's levels, by Key.
type Levels map[string]State

// Key is what a level is called among the Levels of its device.
func Key(p Level) string {
	if l := p.Level(); l != "" {
		return string(p.EventType()) + "/" + l
	}
	return string(p.EventType())
}

// maxLevels bounds the memory of a device that invents fault codes; a level
// beyond it is not followed.
const maxLevels = 64

// Step is the transition by one report: the levels after it, and what it
// amounts to. A payload that is no Level changes nothing.
func (l Levels) Step(p devices.Payload, at time.Time) (Levels, []Change) {
	level, ok := p.(Level)
	if !ok {
		return l, nil
	}
	key := Key(level)
	before, known := l[key]
	if !known && len(l) >= maxLevels {
		return l, nil
	}
	after, changes := before.Is(at, level.On(), !known)
	if known && len(changes) == 0 {
		return l, nil
	}
	for i := range changes {
		changes[i].Level = key
	}
	l = maps.Clone(l)
	if l == nil {
		l = Levels{}
	}
	l[key] = after
	return l, changes
}
