// Package attendance counts the people who come to a place: a day-care
// centre, a culture room, a sports ground. The counter at the door knows how
// many, and nobody knows who.
//
// A device says either what it has counted since it last said so
// (people.counted: each report adds to the figures, so it needs an id) or what
// its counters show (people.total, a level: the difference to the last report
// adds to the figures). [Step] makes one count of the second, by these rules:
//
//   - The first total is where counting begins, and counts nothing.
//   - A device that can say how often its counters have restarted does so in
//     epoch. Then everything is exact: a total of a later epoch counts from 0,
//     and one that is lower in the same epoch, or of an earlier one, is old
//     news.
//   - Without an epoch nobody can tell a restart from old news or a wrong
//     reading. A total that is lower counts nothing, and counting goes on from
//     there; unless the next one is as high as those before: then the lower one
//     is forgotten.
//
// So people are rather left out than counted twice: those who come between a
// restart and the first total after it.
package attendance

import (
	"fmt"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
)

// Kind of a people counter.
const Kind devices.Kind = "attendance"

// Event types of a people counter, besides its condition and whether the place
// is open.
const (
	TypeCounted devices.Type = "people.counted"
	TypeTotal   devices.Type = "people.total"
)

// Counted: that many people have come and gone since the last report, which
// was an hour ago at most, so that the day is right.
// {"entries":12,"exits":9}.
type Counted struct {
	Entries int64 `json:"entries"`
	Exits   int64 `json:"exits,omitempty"`
}

// Total is a level, what the device's counters show.
// {"entries":10234,"exits":10221,"epoch":3}.
type Total struct {
	Entries int64 `json:"entries"`
	Exits   int64 `json:"exits,omitempty"`
	// Epoch rises with each restart of the counters from 0; 0 where the device
	// cannot say.
	Epoch int64 `json:"epoch,omitempty"`
}

// Specs are the types that a people counter reports.
func Specs() []devices.Spec {
	return append(condition.Specs(Kind),
		devices.SpecFor[Counted](Kind, devices.Ordinary),
		devices.SpecFor[Total](Kind, devices.Ordinary),
		devices.SpecFor[condition.Opening](Kind, devices.Ordinary),
	)
}

func (Counted) EventType() devices.Type { return TypeCounted }
func (Total) EventType() devices.Type   { return TypeTotal }

// The most that a report may say.
const (
	maxCounted = 100_000
	maxTotal   = 1 << 53 // beyond it JSON numbers are not exact
)

func (p Counted) Validate() error { return check(maxCounted, p.Entries, p.Exits, 0) }
func (p Total) Validate() error   { return check(maxTotal, p.Entries, p.Exits, p.Epoch) }

func check(most, entries, exits, epoch int64) error {
	switch {
	case entries < 0 || entries > most:
		return fmt.Errorf("entries: must be 0 to %d (got %d)", most, entries)
	case exits < 0 || exits > most:
		return fmt.Errorf("exits: must be 0 to %d (got %d)", most, exits)
	case epoch < 0:
		return fmt.Errorf("epoch: must not be negative (got %d)", epoch)
	}
	return nil
}

// Level is "": a device has one total.
func (Total) Level() string { return "" }

// State is what is remembered of the totals of one device. The zero value is
// one that has not told any.
type State struct {
	Told    bool    `json:"told,omitempty"`
	Epoch   int64   `json:"epoch,omitempty"`
	Entries Counter `json:"entries,omitzero"`
	Exits   Counter `json:"exits,omitzero"`
}

// Counter is what is remembered of one counter.
type Counter struct {
	// Last is what it showed.
	Last int64 `json:"last,omitempty"`
	// Before is what it showed before it fell, 0 once it has risen again.
	Before int64 `json:"before,omitempty"`
}

// Step is the transition by one report: the state after it, and how many
// people have come and gone.
func Step(s State, p devices.Payload) (after State, entries, exits int64) {
	switch p := p.(type) {
	case Counted:
		return s, p.Entries, p.Exits
	case Total:
		return s.total(p)
	}
	return s, 0, 0
}

func (s State) total(p Total) (after State, entries, exits int64) {
	exact := p.Epoch > 0 && s.Epoch > 0
	switch {
	case !s.Told:
		s.Told = true
		s.Entries, s.Exits = Counter{Last: p.Entries}, Counter{Last: p.Exits}
	case exact && p.Epoch < s.Epoch:
		return s, 0, 0
	case exact && p.Epoch > s.Epoch:
		entries, exits = p.Entries, p.Exits
		s.Entries, s.Exits = Counter{Last: p.Entries}, Counter{Last: p.Exits}
	default:
		s.Entries, entries = s.Entries.show(p.Entries, exact)
		s.Exits, exits = s.Exits.show(p.Exits, exact)
	}
	s.Epoch = max(s.Epoch, p.Epoch)
	return s, entries, exits
}

// show is the transition of one counter within an epoch, or without epochs.
func (c Counter) show(n int64, exact bool) (Counter, int64) {
	switch {
	case n < c.Last && exact:
		return c, 0
	case n < c.Last:
		return Counter{Last: n, Before: max(c.Before, c.Last)}, 0
	case n == c.Last:
		return c, 0
	case c.Before > 0 && n >= c.Before:
		return Counter{Last: n}, n - c.Before
	}
	return Counter{Last: n}, n - c.Last
}
