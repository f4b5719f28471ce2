package gpio

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/wearable"
)

// look is what is seen of a line, and what is to come of it.
type look struct {
	at     time.Duration
	active bool
	want   devices.Payload
}

func TestSenses(t *testing.T) {
	const m = time.Minute
	for _, c := range []struct {
		name  string
		wire  Wire
		looks []look
	}{
		{"a pull on the cord, and another", Wire{Role: PullCord}, []look{
			{0, false, nil}, {m, true, wearable.SOS{}}, {m + 1, true, nil}, {2 * m, false, nil}, {3 * m, true, wearable.SOS{}}}},
		{"found pulled at the start", Wire{Role: PullCord}, []look{{0, true, wearable.SOS{}}, {m, true, nil}}},
		{"a cord that is cut, and mended", Wire{Role: PullCord}, []look{
			{0, false, nil}, {m, true, wearable.SOS{}}, {10 * m, true, nil}, {11 * m, true, condition.Fault{Code: CordFault}},
			{60 * m, true, nil}, {61 * m, false, condition.Fault{Code: CordFault, Cleared: true}}, {62 * m, true, wearable.SOS{}}}},
		{"a button", Wire{Role: Button}, []look{{0, false, nil}, {1, true, wearable.SOS{}}, {2, false, nil}, {3, true, wearable.SOS{}}}},
		{"a door", Wire{Role: Door, Compartment: 3}, []look{
			{0, false, locker.Door{Compartment: 3}}, {1, true, locker.Door{Compartment: 3, Open: true}}, {2, true, nil}, {3, false, locker.Door{Compartment: 3}}}},
		{"the door of a room", Wire{Role: Door}, []look{{0, true, room.Door{Open: true}}}},
		{"motion", Wire{Role: Motion}, []look{{0, false, room.Occupancy{}}, {1, true, room.Occupancy{Occupied: true}}}},
		{"smoke", Wire{Role: Smoke}, []look{{0, false, alarm.Smoke{Cleared: true}}, {1, true, alarm.Smoke{}}, {2, false, alarm.Smoke{Cleared: true}}}},
		{"a meter", Wire{Role: Meter, Litres: .5}, []look{
			{0, true, nil}, {1, false, nil}, {2, true, nil}, {3, false, nil}, {4, true, nil}, {m, true, nil}, {m + 2, true, room.WaterUsed{Litres: 1}}, {5 * m, false, nil}}},
		{"a key that is stuck at the start", Wire{Role: Rating, Level: 1}, []look{{0, true, nil}, {1, false, nil}}},
	} {
		var s sense
		for _, l := range c.looks {
			var got []devices.Payload
			s, got = c.wire.step(s, l.active, l.at)
			switch {
			case l.want == nil && len(got) == 0:
			case len(got) != 1 || got[0] != l.want:
				t.Errorf("%s: at %s got %+v, want %+v", c.name, l.at, got, l.want)
			}
			if due := c.wire.due(s, l.at); due < 0 {
				t.Errorf("%s: due in %s", c.name, due)
			}
		}
	}
}

// What a walker does at the gate: the beams in order, and what it counts.
var walks = []struct {
	beams  string // o and i break, O and I clear
	people int
}{
	{"oiOI", 1}, {"ioIO", -1},
	{"oO", 0}, {"iI", 0}, // somebody looks in
	{"oiIO", 0}, {"ioOI", 0}, // and turns back
	{"oiIiOI", 1},   // a swinging arm
	{"oiOoOI", 1},   // back by a step, and on
	{"oiOoIO", 0},   // back by a step, and out again
	{"oOoiOI", 1},   // hesitating
	{"oOiI", 0},     // too thin to break both
	{"iooIiIO", -1}, // an edge twice
}

func TestGate(t *testing.T) {
	for _, w := range walks {
		if _, people := walk(gate{}, w.beams); people != w.people {
			t.Errorf("%s: %d, want %d", w.beams, people, w.people)
		}
	}
}

func walk(g gate, beams string) (gate, int) {
	total := 0
	for _, b := range beams {
		role, people := OuterBeam, 0
		if b == 'i' || b == 'I' {
			role = InnerBeam
		}
		g, people = g.step(role, b == 'o' || b == 'i')
		total += people
	}
	return g, total
}

// One after the other, whoever comes is counted as if they were alone; and
// whatever the beams do, nobody is counted who has not broken both.
func TestGateCountsEachWalker(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g gate
		want, got := 0, 0
		for range rapid.IntRange(1, 30).Draw(t, "walkers") {
			w := rapid.SampledFrom(walks).Draw(t, "walk")
			var people int
			g, people = walk(g, w.beams)
			want, got = want+w.people, got+people
		}
		if got != want || g != (gate{}) {
			t.Errorf("counted %d, want %d; %+v is left", got, want, g)
		}
	})
}

func TestGateCountsNoMoreThanBroken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g gate
		both, counted := 0, 0
		for range rapid.IntRange(1, 200).Draw(t, "edges") {
			wasBoth := g.outer && g.inner
			role := rapid.SampledFrom([]Role{OuterBeam, InnerBeam}).Draw(t, "beam")
			var people int
			g, people = g.step(role, rapid.Bool().Draw(t, "broken"))
			if g.outer && g.inner && !wasBoth {
				both++
			}
			counted += max(people, -people)
		}
		if counted > both {
			t.Errorf("counted %d, both beams were broken %d times", counted, both)
		}
	})
}

// Pulses are told once each, whenever the meter is looked at.
func TestMeterTellsEachPulseOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := Wire{Role: Meter, Litres: 2}
		s, _ := w.step(sense{}, false, 0)
		var at time.Duration
		var told float64
		pulses := 0
		tell := func(reports []devices.Payload) {
			for _, p := range reports {
				told += p.(room.WaterUsed).Litres
			}
		}
		for range rapid.IntRange(1, 100).Draw(t, "looks") {
			at += time.Duration(rapid.Int64Range(0, int64(2*meterEvery)).Draw(t, "later"))
			active := rapid.Bool().Draw(t, "active")
			if active && !s.active {
				pulses++
			}
			var reports []devices.Payload
			s, reports = w.step(s, active, at)
			tell(reports)
			if s.pulses > 0 && at-s.told >= meterEvery {
				t.Errorf("%d pulses wait for %s", s.pulses, at-s.told)
			}
		}
		s, rest := w.total(s)
		tell(rest)
		if told != float64(pulses)*w.Litres || s.pulses != 0 {
			t.Errorf("told %g litres of %d pulses", told, pulses)
		}
	})
}
