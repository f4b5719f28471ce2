package express

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/compartment"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/locker"
)

func hour(n int) time.Time { return time.Date(2026, 11, 23, n, 0, 0, 0, time.UTC) }

func TestStep(t *testing.T) {
	var s State
	var got []compartment.Change
	for i, p := range []devices.Payload{
		condition.Opening{Open: true}, Deposited{Parcels: 3}, PickedUp{}, PickedUp{Parcels: 4, By: locker.ByCourier}, Deposited{},
	} {
		var changes []compartment.Change
		s, changes = Step(s, p, hour(i))
		got = append(got, changes...)
	}
	want := []compartment.Change{
		{Kind: compartment.Came, At: hour(1), Units: 3},
		{Kind: compartment.Went, At: hour(2), Units: 1},
		{Kind: compartment.Found, At: hour(3), Units: 2},
		{Kind: compartment.Went, At: hour(3), Units: 4},
		{Kind: compartment.Came, At: hour(4), Units: 1},
	}
	if !reflect.DeepEqual(got, want) || s.Shelved != 1 {
		t.Errorf("amounts to\n%+v\nwant\n%+v", got, want)
	}
}

// Whatever is told: what came and was found, less what went, is what is there;
// and what is counted is what was told.
func TestParcelsAreConserved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s State
		there := 0
		for range rapid.IntRange(0, 60).Draw(t, "reports") {
			n := rapid.IntRange(0, 5).Draw(t, "parcels")
			var p devices.Payload = Deposited{Parcels: n}
			counts := compartment.Came
			if rapid.Bool().Draw(t, "pickup") {
				p, counts = PickedUp{Parcels: n}, compartment.Went
			}
			var changes []compartment.Change
			s, changes = Step(s, p, hour(0))
			told := 0
			for _, c := range changes {
				switch c.Kind {
				case compartment.Came, compartment.Found:
					there += c.Units
				case compartment.Went:
					there -= c.Units
				}
				if c.Kind == counts {
					told += c.Units
				}
			}
			if told != max(1, n) || there != s.Shelved || there < 0 {
				t.Fatalf("%+v counts %d, %d are there: %+v", p, told, there, s)
			}
		}
	})
}
