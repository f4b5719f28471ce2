package locker

import (
	"reflect"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/compartment"
)

var eight = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func minutes(n int) time.Time { return eight.Add(time.Duration(n) * time.Minute) }

// One parcel, told both by the controller and by what door and sensor see.
func TestStepCountsAParcelOnce(t *testing.T) {
	const n = 12
	var s compartment.State
	var got []compartment.Change
	for i, p := range []devices.Payload{
		Status{Online: true},
		Occupancy{n, false},
		Door{n, true}, Occupancy{n, true}, Deposited{n}, Door{n, false},
		Overdue{n}, Overdue{n},
		Fault{n, "door_jammed", false},
		Door{n, true}, PickedUp{n, ByCourier}, Occupancy{n, false}, Door{n, false},
	} {
		if want := n; Compartment(p) != want && i > 0 {
			t.Errorf("%s concerns compartment %d, want %d", p.EventType(), Compartment(p), want)
		}
		var changes []compartment.Change
		s, changes = Step(s, p, minutes(i))
		got = append(got, changes...)
	}
	want := []compartment.Change{
		{Kind: compartment.Came, At: minutes(3), Units: 1},
		{Kind: compartment.Flagged, At: minutes(6), Since: minutes(3), Units: 1},
		{Kind: compartment.FaultSet, At: minutes(8), Code: "door_jammed"},
		{Kind: compartment.Went, At: minutes(10), Since: minutes(3), Units: 1, WasFlagged: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("amounts to\n%+v\nwant\n%+v", got, want)
	}
}

// Every type that a locker reports has a place in Compartment and Step: a
// report of compartment 7 is one of compartment 7.
func TestEveryTypeHasItsCompartment(t *testing.T) {
	v := devices.NewVocabulary(Specs())
	for _, s := range Specs() {
		p, _, err := v.Parse(Kind, s.Type, []byte(`{"compartment":7,"open":true,"occupied":true,"online":true,"code":"x"}`))
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
