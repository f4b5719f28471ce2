package cabinet

import (
	"reflect"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/compartment"
)

var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

func minutes(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

// Two portions that the sensor saw before the controller told of them, picked
// up; then one that nobody came for, and that staff cleared away.
func TestStepCountsPortions(t *testing.T) {
	const n = 3
	var s compartment.State
	var got []compartment.Change
	for i, p := range []devices.Payload{
		Occupancy{n, false},
		Door{n, true}, Occupancy{n, true}, Loaded{Compartment: n, Portions: 2}, Door{n, false},
		Temperature{n, 63.5},
		PickedUp{n, "e-0301"}, Occupancy{n, false},
		Loaded{Compartment: n}, Occupancy{n, true}, Unclaimed{n}, Unclaimed{n}, Occupancy{n, false}, PickedUp{Compartment: n},
	} {
		if Compartment(p) != n {
			t.Errorf("%s concerns compartment %d, want %d", p.EventType(), Compartment(p), n)
		}
		var changes []compartment.Change
		s, changes = Step(s, p, minutes(i))
		got = append(got, changes...)
	}
	want := []compartment.Change{
		{Kind: compartment.Came, At: minutes(2), Units: 1},
		{Kind: compartment.Came, At: minutes(2), Units: 1, More: true},
		{Kind: compartment.Went, At: minutes(6), Since: minutes(2), Units: 2},
		{Kind: compartment.Came, At: minutes(8), Units: 1},
		{Kind: compartment.Flagged, At: minutes(10), Since: minutes(8), Units: 1},
		{Kind: compartment.Went, At: minutes(12), Since: minutes(8), Units: 1, WasFlagged: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("amounts to\n%+v\nwant\n%+v", got, want)
	}
}

// Every type that a cabinet reports has a place in Compartment: a report of
// compartment 7 is one of compartment 7.
func TestEveryTypeHasItsCompartment(t *testing.T) {
	v := devices.NewVocabulary(Specs())
	for _, s := range Specs() {
		p, _, err := v.Parse(Kind, s.Type, []byte(`{"compartment":7,"open":true,"occupied":true,"online":true,"code":"x","celsius":4,"percent":40}`))
		if err != nil {
			t.Fatal(err)
		}
		want := 7
		if s.Type == TypeStatus {
			want = 0
		}
		if got := Compartment(p); got != want {
			t.Errorf("%s concerns compartment %d, want %d", s.Type, got, want)
		}
	}
}
