package pickup

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/compartment"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/spell"
)

func minutes(n int) time.Time { return time.Date(2026, 11, 23, 22, n, 0, 0, time.UTC) }

// One box of medicine, told by the controller and by door and sensor; staff
// take the next one back.
func TestStepCountsOnce(t *testing.T) {
	const n = 5
	var s compartment.State
	var got []compartment.Change
	for i, p := range []devices.Payload{
		locker.Occupancy{Compartment: n},
		locker.Door{Compartment: n, Open: true}, locker.Occupancy{Compartment: n, Occupied: true}, Stocked{n},
		Temperature{Compartment: n, Celsius: 4},
		PickedUp{Compartment: n}, locker.Occupancy{Compartment: n},
		Stocked{n}, PickedUp{n, locker.ByStaff},
	} {
		if Compartment(p) != n {
			t.Errorf("%+v concerns compartment %d", p, Compartment(p))
		}
		var changes []compartment.Change
		s, changes = Step(s, p, minutes(i))
		got = append(got, changes...)
	}
	want := []compartment.Change{
		{Kind: compartment.Came, At: minutes(2), Units: 1},
		{Kind: compartment.Went, At: minutes(5), Since: minutes(2), Units: 1},
		{Kind: compartment.Came, At: minutes(7), Units: 1},
		{Kind: compartment.Went, At: minutes(8), Since: minutes(7), Units: 1},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("amounts to\n%+v\nwant\n%+v", got, want)
	}
}

// Every type that a cabinet reports has a place in Compartment.
func TestEveryTypeHasItsCompartment(t *testing.T) {
	v := devices.NewVocabulary(Specs())
	for _, s := range Specs() {
		p, _, err := v.Parse(Kind, s.Type, []byte(`{"compartment":7,"open":true,"occupied":true,"online":true,"code":"x","celsius":4,"percent":40}`))
		if err != nil {
			t.Fatal(err)
		}
		want := 7
		if s.Type == locker.TypeStatus {
			want = 0
		}
		if got := Compartment(p); got != want {
			t.Errorf("%s concerns compartment %d, want %d", s.Type, got, want)
		}
	}
}

// Too warm, wavering about the limit, is one excursion; too cold is another.
func TestChill(t *testing.T) {
	var s spell.State
	var got []spell.Kind
	for i, celsius := range []float64{4, 8, 8.1, 7.9, 8.2, 7.5, 8, 1.9, 2.2, 2.5, 2} {
		var changes []spell.Change
		s, changes = Chill(s, Temperature{Celsius: celsius, Cold: true}, minutes(i))
		for _, c := range changes {
			got = append(got, c.Kind)
		}
	}
	if want := []spell.Kind{spell.Began, spell.Ended, spell.Began, spell.Ended}; !slices.Equal(got, want) {
		t.Errorf("amounts to %v, want %v", got, want)
	}
	if _, changes := Chill(s, Temperature{Celsius: 30}, minutes(0)); changes != nil {
		t.Error("what need not be cold was too warm")
	}
}

// Out of the limits is always an excursion, and well within them never.
func TestChillIsTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s spell.State
		for range rapid.IntRange(1, 50).Draw(t, "readings") {
			celsius := rapid.Float64Range(-5, 15).Draw(t, "celsius")
			s, _ = Chill(s, Temperature{Celsius: celsius, Cold: true}, minutes(0))
			if (celsius < ColdMin || celsius > ColdMax) && !s.On || celsius >= ColdMin+ColdMargin && celsius <= ColdMax-ColdMargin && s.On {
				t.Fatalf("%g °C: %+v", celsius, s)
			}
		}
	})
}
