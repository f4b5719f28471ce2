// Package compartment is the state machine of one compartment of a locker or
// a meal cabinet: what its reports amount to.
//
// A compartment is free or occupied, and what happens to it is an alternation
// of things coming and going. Two sources tell of it: the device's controller,
// by explicit reports ("parcel.deposited"), and a sensor in the compartment,
// by the level it sees. A device may have one of them or both, and then each
// tells the same occurrence, in either order, possibly one late. The rules:
//
//   - An occurrence is counted when the first source tells it. The second
//     source's word for it is a confirmation and counts nothing. A source can
//     confirm the latest occurrence, or the one before if it has told neither:
//     so it may tell of a pickup when the next parcel is already in.
//   - Only a change of the sensor's level counts. A repeated level is nothing.
//   - "Occupied" as the very first word of a compartment tells of something
//     that came at an unknown time: it is [Found], and no deposit. It [Came] if
//     the door was seen open before.
//   - A door alone tells nothing: whoever opened it may have brought, taken or
//     only looked. A compartment with a lock contact and neither sensor nor
//     explicit reports therefore counts nothing. To let every second opening
//     be a pickup would be a guess, wrong for ever after the first miss.
//   - Something that comes into an occupied compartment proves a missed going:
//     what was in is [Lost], at an unknown time.
//   - Something that goes from a free compartment proves a missed coming: it
//     is [Found] first.
//   - Overdue (unclaimed) is counted once for what is in the compartment.
//
// Where the sources contradict each other, an occurrence is rather left out
// than counted twice. A sensor that flickers is to be debounced by its driver.
//
// All functions are pure. In any history, Came + Found - Went - Lost is 1 if
// the compartment is occupied and 0 if it is free.
package compartment

import (
	"slices"
	"time"
)

// Source is who tells of an occurrence; a set of them is their sum.
type Source uint8

// The two sources.
const (
	Explicit Source = 1 << iota
	Sensor
)

const everybody = Explicit | Sensor

// State is all that is remembered of a compartment. The zero value is one of
// which nothing is known, taken to be free.
type State struct {
	Occupied bool `json:"occupied,omitempty"`
	// Since is when the contents came, zero if that is unknown.
	Since time.Time `json:"since,omitzero"`
	// Units that the contents are counted as: 1 for a parcel, the portions of a
	// meal.
	Units int `json:"units,omitempty"`
	// Flagged says that the contents were reported overdue, or unclaimed.
	Flagged bool `json:"flagged,omitempty"`
	// Faults are the codes of the faults that are not cleared, sorted, at most
	// maxFaults.
	Faults []string `json:"faults,omitempty"`

	// Latest and Before are the sources that have told the latest occurrence
	// and the one before.
	Latest Source `json:"latest,omitempty"`
	Before Source `json:"before,omitempty"`
	// Sensed is the sensor's level: 0 for none yet, else one of the constants.
	Sensed Level `json:"sensed,omitempty"`
	// Opened says that the door has been seen open.
	Opened bool `json:"opened,omitempty"`
}

// Level is what a sensor sees in the compartment.
type Level uint8

// The levels of a sensor that has spoken.
const (
	Empty Level = iota + 1
	Full
)

// LevelOf is the level of a sensor that reports whether it sees something.
func LevelOf(occupied bool) Level {
	if occupied {
		return Full
	}
	return Empty
}

// maxFaults bounds the memory of a device that invents fault codes.
const maxFaults = 16

// Kind says what a Change is.
type Kind string

// The kinds of Change.
const (
	Came         Kind = "came"    // something was put in
	Found        Kind = "found"   // something is in it since an unknown time
	Went         Kind = "went"    // it was taken out
	Lost         Kind = "lost"    // it was taken out at an unknown time
	Flagged      Kind = "flagged" // it is overdue, or unclaimed
	FaultSet     Kind = "fault_set"
	FaultCleared Kind = "fault_cleared"
)

// Change is one thing that has happened to a compartment.
type Change struct {
	Kind Kind
	At   time.Time
	// Since is when the contents came, zero if that is unknown. Of Went, Lost
	// and Flagged.
	Since time.Time
	// Units of the contents. Of all but faults.
	Units int
	// WasFlagged says that the contents had been Flagged. Of Went and Lost.
	WasFlagged bool
	// More marks a Came that adds units to contents that have Came already.
	More bool
	// Code of the fault.
	Code string
}

// Dwell is how long the contents stayed. ok is false where that is unknown,
// or the clocks of coming and going contradict each other.
func (c Change) Dwell() (dwell time.Duration, ok bool) {
	if c.Kind != Went || c.Since.IsZero() || c.At.Before(c.Since) {
		return 0, false
	}
	return c.At.Sub(c.Since), true
}

// Put says that a source tells of something put in, counted as units (1 or
// more). If the sensor was first, and could only see one unit, the rest is
// added by a Came with More set.
func (s State) Put(at time.Time, by Source, units int) (State, []Change) {
	if s.confirms(by, true) {
		more := units - s.Units
		s = s.confirm(by, true)
		if by == Explicit && s.Occupied && !s.Flagged && more > 0 {
			s.Units = units
			return s, []Change{{Kind: Came, At: s.Since, Units: more, More: true}}
		}
		return s, nil
	}
	var changes []Change
	if s.Occupied {
		s, changes = s.leave(Change{Kind: Lost, At: at}, everybody)
	}
	s = s.enter(at, by, units)
	return s, append(changes, Change{Kind: Came, At: at, Units: units})
}

// Take says that a source tells of something taken out.
func (s State) Take(at time.Time, by Source) (State, []Change) {
	if s.confirms(by, false) {
		return s.confirm(by, false), nil
	}
	var changes []Change
	if !s.Occupied {
		s, changes = s.find(at)
	}
	s, went := s.leave(Change{Kind: Went, At: at}, by)
	return s, append(changes, went...)
}

// Sense says what level the sensor sees.
func (s State) Sense(at time.Time, level Level) (State, []Change) {
	before := s.Sensed
	s.Sensed = level
	switch {
	case level == before:
		return s, nil
	case level == Full && before == 0 && s.Occupied:
		s.Latest |= Sensor
		return s, nil
	case level == Full && before == 0 && s.Latest == 0 && !s.Opened:
		return s.find(at)
	case level == Full:
		return s.Put(at, Sensor, 1)
	case before == 0:
		return s, nil // its first word is "empty": no going, only no contents seen
	case !s.Occupied && !s.confirms(Sensor, false):
		return s, nil // a late word of what is known to have gone
	default:
		return s.Take(at, Sensor)
	}
}

// Door says that the door was seen open or closed.
func (s State) Door(open bool) State {
	s.Opened = s.Opened || open
	return s
}

// Flag says that the controller calls the contents overdue, or unclaimed. It
// proves that there are some, unless the sensor sees that there are none.
func (s State) Flag(at time.Time) (State, []Change) {
	if s.Flagged || !s.Occupied && s.Sensed == Empty {
		return s, nil
	}
	var changes []Change
	if !s.Occupied {
		s, changes = s.find(at)
	}
	s.Flagged = true
	return s, append(changes, Change{Kind: Flagged, At: at, Since: s.Since, Units: s.Units})
}

// Fault says that a fault is there, or cleared.
func (s State) Fault(at time.Time, code string, cleared bool) (State, []Change) {
	i, known := slices.BinarySearch(s.Faults, code)
	switch {
	case cleared && known:
		s.Faults = slices.Delete(slices.Clone(s.Faults), i, i+1)
		return s, []Change{{Kind: FaultCleared, At: at, Code: code}}
	case !cleared && !known && len(s.Faults) < maxFaults:
		s.Faults = slices.Insert(slices.Clone(s.Faults), i, code)
		return s, []Change{{Kind: FaultSet, At: at, Code: code}}
	}
	return s, nil
}

// confirms says whether an occurrence told by a source (a coming, or a going)
// is one that the other has told already.
func (s State) confirms(by Source, coming bool) bool {
	if s.Latest == 0 || s.Latest&by != 0 {
		return false
	}
	return s.Occupied == coming || s.Before != 0 && s.Before&by == 0
}

func (s State) confirm(by Source, coming bool) State {
	if s.Occupied == coming {
		s.Latest |= by
	} else {
		s.Before |= by
	}
	return s
}

func (s State) enter(at time.Time, by Source, units int) State {
	s.Occupied, s.Since, s.Units, s.Flagged = true, at, units, false
	s.Before, s.Latest = s.Latest, by
	return s
}

// find enters contents of unknown time. Nobody is left to confirm them: a
// source that tells of a coming means another one.
func (s State) find(at time.Time) (State, []Change) {
	s = s.enter(time.Time{}, everybody, 1)
	return s, []Change{{Kind: Found, At: at, Units: 1}}
}

// leave ends the stay of the contents with c, completed from the state.
func (s State) leave(c Change, by Source) (State, []Change) {
	c.Since, c.Units, c.WasFlagged = s.Since, s.Units, s.Flagged
	s.Occupied, s.Since, s.Units, s.Flagged = false, time.Time{}, 0, false
	s.Before, s.Latest = s.Latest, by
	return s, []Change{c}
}
