package clock

import (
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// The gateway was not there before the one and will not be there after the
// other: a clock outside of them is wrong, whoever set it.
var (
	earliest = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2055, 1, 1, 0, 0, 0, 0, time.UTC)
)

const (
	// slew is how far readings of an unchanged clock may lie apart.
	slew = 100 * time.Millisecond
	// A clock that nothing synchronises may have been kept in a file while the
	// box was off, hence behind, or the box may have been in a drawer.
	maxBehind = 24 * time.Hour
	maxOff    = 366 * 24 * time.Hour
	// contradiction is more than a clock drifts, even in a year without NTP,
	// and proof how long a contradiction must last to be believed.
	contradiction = time.Hour
	proof         = 24 * time.Hour
	// maxBoots bounds the memory of a box that starts again and again and
	// never learns the time.
	maxBoots = 256
)

// Calendar is what the box's clocks have said, boot by boot, and what time
// that makes it. It is fed with the stamps of events in the order of their
// chain; the same stamps make the same calendar. The zero value knows nothing.
//
// Within a boot the monotonic clock tells all distances, so one reading of a
// right clock dates the whole boot: what comes after it and what came before.
//
//   - The kernel's word that its clock is synchronised is believed. If it
//     contradicts itself by more than an hour within a boot, the first word
//     stands until the other has lasted for a day.
//   - An unsynchronised clock counts while there is nothing better, if it is
//     plausible: not before 2025, and not before, or a year after, the last
//     time that is known of the boot before.
//   - A boot that never was synchronised lies between those of its neighbours
//     that were.
//
// A date is final when the boot's clock, or that of a later boot, has been
// synchronised. Then the boots before are forgotten.
type Calendar struct {
	// Boots in their order; all but the first and the last are without a
	// synchronised clock.
	Boots []Boot
}

// Boot is what is known of one.
type Boot struct {
	ID devices.BootID `json:"id"`
	// Last is the latest monotonic time seen.
	Last time.Duration `json:"last"`
	// Began is the wall time at which the monotonic time was 0; zero if no
	// plausible clock has told it.
	Began time.Time `json:"began,omitzero"`
	// Synced says that a synchronised clock has told it.
	Synced bool `json:"synced,omitempty"`
	// Doubt is another Began that the synchronised clock claims since the
	// monotonic time DoubtSince; zero if it does not contradict itself.
	Doubt      time.Time     `json:"doubt,omitzero"`
	DoubtSince time.Duration `json:"doubt_since,omitempty"`
}

// sure tells whether the boot's clock is synchronised and nothing contradicts it.
func (b Boot) sure() bool { return b.Synced && b.Doubt.IsZero() }

// Moment is when something happened.
type Moment struct {
	// At is the wall time, zero while it is not known.
	At time.Time `json:"at,omitzero"`
	// Boot, Mono and Observed tell how it came about, while At is not final.
	// They are zero when it is.
	Boot     devices.BootID `json:"boot,omitzero"`
	Mono     time.Duration  `json:"mono,omitempty"`
	Observed time.Time      `json:"observed,omitzero"`
}

// Final tells whether the moment will stay as it is.
func (m Moment) Final() bool { return m.Boot == devices.BootID{} }

// Learn takes in the next stamp. It reports whether any earlier Moment may
// have another time than before.
func (c *Calendar) Learn(s devices.Stamp) (changed bool) {
	k := c.index(s.Boot)
	if k < 0 {
		changed = c.add(s.Boot)
		k = len(c.Boots) - 1
	}
	b := &c.Boots[k]
	b.Last = max(b.Last, s.Mono)
	began := s.Wall.Add(-s.Mono)
	if s.Wall.Before(earliest) || !s.Wall.Before(latest) {
		return changed
	}
	switch {
	case s.Synced && b.Synced && !near(began, b.Began, contradiction):
		return b.contradict(began, s.Mono) || changed
	case s.Synced:
		if b.sure() && near(began, b.Began, slew) {
			return changed
		}
		*b = Boot{ID: b.ID, Last: b.Last, Began: began, Synced: true}
	case b.Synced || !c.plausible(k, began) || !b.Began.IsZero() && near(began, b.Began, slew):
		return changed
	default:
		b.Began = began
	}
	return true
}

// contradict takes in a synchronised clock's claim that contradicts what it
// claimed before.
func (b *Boot) contradict(began time.Time, mono time.Duration) (changed bool) {
	switch {
	case b.Doubt.IsZero() || !near(began, b.Doubt, contradiction):
		b.Doubt, b.DoubtSince = began, mono
	case mono-b.DoubtSince >= proof:
		*b = Boot{ID: b.ID, Last: b.Last, Began: began, Synced: true}
	default:
		return false
	}
	return true
}

func near(a, b time.Time, d time.Duration) bool { return a.Sub(b).Abs() <= d }

// plausible tells whether an unsynchronised clock may be right about the
// beginning of boot k.
func (c *Calendar) plausible(k int, began time.Time) bool {
	from, ok := c.after(k)
	return !ok || !began.Before(from.Add(-maxBehind)) && began.Before(from.Add(maxOff))
}

// add begins a boot, and forgets one if there are too many.
func (c *Calendar) add(id devices.BootID) (forgot bool) {
	if len(c.Boots) == maxBoots {
		oldest := 0
		if c.Boots[0].Synced { // the others are measured from it
			c.Boots[0].Last += c.Boots[1].Last
			oldest = 1
		}
		c.Boots = slices.Delete(c.Boots, oldest, oldest+1)
		forgot = true
	}
	c.Boots = append(c.Boots, Boot{ID: id})
	return forgot
}

func (c *Calendar) index(id devices.BootID) int {
	return slices.IndexFunc(c.Boots, func(b Boot) bool { return b.ID == id })
}

// Known tells whether the present time is: whether the clock of the latest
// boot has been synchronised. Then all moments are final.
func (c *Calendar) Known() bool { return c.Latest().sure() }

// Latest is the latest boot.
func (c *Calendar) Latest() Boot {
	if len(c.Boots) == 0 {
		return Boot{}
	}
	return c.Boots[len(c.Boots)-1]
}

// Refuted tells whether what a synchronised clock said of the boot has been
// given up for what is said of it now.
func (b Boot) Refuted(now Boot) bool {
	return b.ID == now.ID && b.Synced && !near(b.Began, now.Began, contradiction)
}

// Forget drops what no moment that is not final can need. Call it when all
// moments have been resolved.
func (c *Calendar) Forget() {
	if c.Known() {
		c.Boots = slices.Clone(c.Boots[len(c.Boots)-1:])
	}
}

// Moment is that of an event whose stamp has been learned.
func (c *Calendar) Moment(e devices.Event) Moment {
	return c.Resolve(Moment{Boot: e.Received.Boot, Mono: e.Received.Mono, Observed: e.Observed})
}

// Resolve is the same moment by what is known now. One of a boot that is
// forgotten stays as it was, and is final.
func (c *Calendar) Resolve(m Moment) Moment {
	if m.Final() {
		return m
	}
	k := c.index(m.Boot)
	if k < 0 {
		return Moment{At: m.At}
	}
	m.At = time.Time{}
	if began, ok := c.began(k); ok {
		m.At = devices.When(m.Observed, began.Add(m.Mono))
	}
	b := c.Boots[k]
	if b.Synced && (b.Doubt.IsZero() || m.Mono < b.DoubtSince) || c.Known() {
		return Moment{At: m.At}
	}
	return m
}

// began is the best guess of when boot k began.
func (c *Calendar) began(k int) (began time.Time, ok bool) {
	b := c.Boots[k]
	if b.Synced {
		return b.Began, true
	}
	from, after := c.after(k)
	to, before := c.before(k)
	began, ok = b.Began, !b.Began.IsZero()
	switch {
	case !ok && !before:
		return began, false
	case !ok && after:
		began = from // most boxes start again at once
	case !ok:
		began = to
	}
	if after && began.Before(from) {
		began = from
	}
	if before && began.After(to) {
		began = to
	}
	return began, true
}

// after is a time that boot k began after, ok false if none is known: the end
// of the last boot before it that was synchronised, and the length of those
// in between.
func (c *Calendar) after(k int) (from time.Time, ok bool) {
	var between time.Duration
	for i := k - 1; i >= 0; i-- {
		b := c.Boots[i]
		between += b.Last
		if b.Synced {
			return b.Began.Add(between), true
		}
	}
	return from, false
}

// before is a time that boot k began before, ok false if none is known.
func (c *Calendar) before(k int) (to time.Time, ok bool) {
	between := c.Boots[k].Last
	for _, b := range c.Boots[k+1:] {
		if b.Synced {
			return b.Began.Add(-between), true
		}
		between += b.Last
	}
	return to, false
}

// Range is between which times the moment can lie, both the same if there is
// no doubt. ok is false if its boot is forgotten.
func (c *Calendar) Range(m Moment) (from, to time.Time, ok bool) {
	if m.Final() {
		return m.At, m.At, true
	}
	k := c.index(m.Boot)
	if k < 0 {
		return m.At, m.At, false
	}
	from, to = earliest, latest
	if b := c.Boots[k]; b.Synced {
		from, to = b.Began, b.Began
		if !b.Doubt.IsZero() && m.Mono >= b.DoubtSince {
			from, to = ordered(b.Began, b.Doubt)
		}
	} else {
		if t, ok := c.after(k); ok {
			from = t
		}
		if t, ok := c.before(k); ok {
			to = t
		}
		from, to = ordered(from, to)
	}
	from, to = ordered(devices.When(m.Observed, from.Add(m.Mono)), devices.When(m.Observed, to.Add(m.Mono)))
	return from, to, true
}

func ordered(a, b time.Time) (time.Time, time.Time) {
	if b.Before(a) {
		return b, a
	}
	return a, b
}
