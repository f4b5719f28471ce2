package gpio

import (
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/rating"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/wearable"
)

const (
	// cordOpen is how long a pull-cord stays pulled until it is taken for cut
	// or stuck.
	cordOpen = 10 * time.Minute
	// meterEvery is how long pulses are added up.
	meterEvery = time.Minute
)

// CordFault is the code of a pull-cord that stays open.
const CordFault = "cord_open"

// sense is what is remembered of an input: a pure state machine, from levels
// and the time to reports. The zero value has seen nothing.
type sense struct {
	seen   bool
	active bool
	since  time.Duration // of the level
	fault  bool          // told that a cord stays open
	pulses int           // of a meter, not told yet
	told   time.Duration // when pulses were told last, or the first of them came
}

// step is the transition by a look at the line: the state after it, and what is
// to be reported. at is monotonic.
func (w Wire) step(s sense, active bool, at time.Duration) (sense, []devices.Payload) {
	first := !s.seen
	changed := first || active != s.active
	s.seen = true
	if changed {
		s.active, s.since = active, at
	}
	switch w.Role {
	case PullCord:
		return w.cord(s, changed, at)
	case Button:
		if changed && active {
			return s, []devices.Payload{wearable.SOS{}}
		}
	case Rating:
		if changed && active && !first { // a key that is stuck is no rating
			return s, []devices.Payload{rating.Rated{Level: w.Level}}
		}
	case Meter:
		return w.meter(s, changed && active && !first, at)
	default:
		if changed {
			if p := w.state(active); p != nil {
				return s, []devices.Payload{p}
			}
		}
	}
	return s, nil
}

func (w Wire) cord(s sense, changed bool, at time.Duration) (sense, []devices.Payload) {
	var reports []devices.Payload
	switch {
	case changed && s.active:
		reports = append(reports, wearable.SOS{})
	case changed && s.fault:
		s.fault = false
		reports = append(reports, condition.Fault{Code: CordFault, Cleared: true})
	case s.active && !s.fault && at-s.since >= cordOpen:
		s.fault = true
		reports = append(reports, condition.Fault{Code: CordFault})
	}
	return s, reports
}

func (w Wire) meter(s sense, pulse bool, at time.Duration) (sense, []devices.Payload) {
	if pulse {
		if s.pulses == 0 {
			s.told = at
		}
		s.pulses++
	}
	if s.pulses == 0 || at-s.told < meterEvery {
		return s, nil
	}
	return w.total(s)
}

// total tells the pulses that are not told yet.
func (w Wire) total(s sense) (sense, []devices.Payload) {
	if s.pulses == 0 {
		return s, nil
	}
	used := room.WaterUsed{Litres: float64(s.pulses) * w.Litres}
	s.pulses = 0
	return s, []devices.Payload{used}
}

// state is the report of an input that is a state.
func (w Wire) state(active bool) devices.Payload {
	switch w.Role {
	case Door:
		if w.Compartment == 0 {
			return room.Door{Open: active}
		}
		return locker.Door{Compartment: w.Compartment, Open: active}
	case Motion:
		return room.Occupancy{Occupied: active}
	case Smoke:
		return alarm.Smoke{Cleared: !active}
	case Gas:
		return alarm.Gas{Cleared: !active}
	case CarbonMonoxide:
		return alarm.CarbonMonoxide{Cleared: !active}
	case Water:
		return alarm.Water{Cleared: !active}
	case Opening:
		return condition.Opening{Open: active}
	}
	return nil
}

// due is when the state has to be looked at again although nothing changes,
// measured from at; 0 if nothing waits.
func (w Wire) due(s sense, at time.Duration) time.Duration {
	switch {
	case w.Role == PullCord && s.active && !s.fault:
		return max(time.Millisecond, s.since+cordOpen-at)
	case w.Role == Meter && s.pulses > 0:
		return max(time.Millisecond, s.told+meterEvery-at)
	}
	return 0
}

// gate is the state machine of two beams that somebody walks through.
//
//	outer broken, both broken, inner only, both clear    in
//	inner broken, both broken, outer only, both clear    out
//
// Whoever turns back leaves by the side on which they came, and is not
// counted; nor is what breaks one beam only. Of two people side by side one is
// counted.
type gate struct {
	outer, inner bool
	from         int // +1 came from outside, -1 from inside, 0 nobody is in it
	both         bool
	last         int // the beam that was broken alone last, as from
}

// step is the transition of a beam; people is +1 for one who went in, -1 for
// one who went out.
func (g gate) step(role Role, broken bool) (after gate, people int) {
	if role == OuterBeam {
		g.outer = broken
	} else {
		g.inner = broken
	}
	alone := 0
	switch {
	case g.outer && g.inner:
		g.both = true
	case g.outer:
		alone = 1
	case g.inner:
		alone = -1
	}
	if alone != 0 {
		if g.from == 0 {
			g.from = alone
		}
		g.last = alone
	}
	if !g.outer && !g.inner {
		if g.both && g.from != 0 && g.last == -g.from {
			people = g.from
		}
		g.from, g.both, g.last = 0, false, 0
	}
	return g, people
}
