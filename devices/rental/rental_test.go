package rental

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/spell"
)

func day(n int) time.Time { return time.Date(2026, 11, n, 8, 0, 0, 0, time.UTC) }

func TestStep(t *testing.T) {
	const chair = "wheelchair-03"
	var s State
	var got []spell.Change
	for i, p := range []devices.Payload{
		In{chair}, Available{chair, true}, Out{chair}, In{chair}, In{chair},
		Available{chair, false}, Available{chair, true}, Out{chair}, Out{chair},
	} {
		if Asset(p) != chair {
			t.Errorf("%+v concerns %q", p, Asset(p))
		}
		var changes []spell.Change
		s, changes = Step(s, p, day(i+1))
		got = append(got, changes...)
	}
	want := []spell.Change{
		{Kind: spell.Began, At: day(3), Level: LevelRented},
		{Kind: spell.Ended, At: day(4), Since: day(3), Seen: day(3), Level: LevelRented},
		{Kind: spell.Began, At: day(6), Level: LevelWithdrawn},
		{Kind: spell.Ended, At: day(7), Since: day(6), Seen: day(6), Level: LevelWithdrawn},
		{Kind: spell.Began, At: day(8), Level: LevelRented},
		{Kind: spell.Lost, At: day(9), Since: day(8), Seen: day(8), Level: LevelRented},
		{Kind: spell.Began, At: day(9), Level: LevelRented},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("amounts to\n%+v\nwant\n%+v", got, want)
	}
}

// Whatever is told: each going out is a rental, an asset is rented at most
// once at a time, and it is out if the last word was that it went.
func TestRentalsAreConserved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s State
		rented, outs, began := 0, 0, 0
		for range rapid.IntRange(0, 60).Draw(t, "reports") {
			p := rapid.SampledFrom([]devices.Payload{Out{"a"}, In{"a"}, Available{"a", true}, Available{"a", false}}).Draw(t, "report")
			var changes []spell.Change
			s, changes = Step(s, p, day(1))
			for _, c := range changes {
				if c.Level == LevelWithdrawn {
					continue
				}
				switch c.Kind {
				case spell.Began:
					began++
					rented++
				case spell.Ended, spell.Lost:
					rented--
				default:
					t.Fatalf("%+v amounts to %+v", p, c)
				}
			}
			switch p.(type) {
			case Out:
				outs++
				if !s.Rented.On {
					t.Fatal("went out and is in")
				}
			case In:
				if s.Rented.On {
					t.Fatal("came in and is out")
				}
			}
			if began != outs || rented < 0 || rented > 1 || s.Rented.On != (rented == 1) {
				t.Fatalf("%d rented after %d of %d: %+v", rented, began, outs, s)
			}
		}
	})
}
