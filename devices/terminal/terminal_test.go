package terminal

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/spell"
)

func minute(n int) time.Time { return time.Date(2026, 11, 23, 8, n, 0, 0, time.UTC) }

func TestStep(t *testing.T) {
	var s State
	var got []Change
	for i, p := range []devices.Payload{
		Available{true},
		Started{Session: "1", ElderMode: true}, Started{Session: "1"},
		Ended{Session: "1", Result: Completed, Service: "id_renewal"}, Ended{Session: "1", Result: Completed},
		Started{ElderMode: true}, // its end is lost
		Started{}, Ended{Result: Failed},
		Ended{Result: Abandoned, ElderMode: true}, // its start is lost
	} {
		var changes []Change
		s, changes = Step(s, p, minute(i))
		got = append(got, changes...)
	}
	want := []Change{
		{Change: spell.Change{Kind: spell.Began, At: minute(1)}},
		{Change: spell.Change{Kind: spell.Ended, At: minute(3), Since: minute(1), Seen: minute(1)}, Result: Completed, Service: "id_renewal", ElderMode: true},
		{Change: spell.Change{Kind: spell.Began, At: minute(5)}},
		{Change: spell.Change{Kind: spell.Lost, At: minute(6), Since: minute(5), Seen: minute(5)}, ElderMode: true},
		{Change: spell.Change{Kind: spell.Began, At: minute(6)}},
		{Change: spell.Change{Kind: spell.Ended, At: minute(7), Since: minute(6), Seen: minute(6)}, Result: Failed},
		{Change: spell.Change{Kind: spell.Found, At: minute(8)}},
		{Change: spell.Change{Kind: spell.Ended, At: minute(8), Seen: minute(8)}, Result: Abandoned, ElderMode: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("amounts to\n%+v\nwant\n%+v", got, want)
	}
}

// Each session that was told of ends once with the result that was told, is
// lost once, or is still on, and elder mode is of the session that had it.
func TestEachSessionHasOneFate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s State
		open, elder := 0, false
		for range rapid.IntRange(0, 40).Draw(t, "reports") {
			ref := devices.Reference(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "session"))
			mode := rapid.Bool().Draw(t, "elder")
			var p devices.Payload = Started{Session: ref, ElderMode: mode}
			if rapid.Bool().Draw(t, "end") {
				p = Ended{Session: ref, Result: rapid.SampledFrom([]string{Completed, Abandoned, Failed}).Draw(t, "result"), ElderMode: mode}
			}
			var changes []Change
			s, changes = Step(s, p, minute(0))
			for _, c := range changes {
				switch c.Kind {
				case spell.Began, spell.Found:
					open, elder = open+1, mode
				case spell.Lost:
					open--
					if c.Result != "" || c.ElderMode != elder {
						t.Fatalf("%+v lost with %+v, elder mode was %t", p, c, elder)
					}
				case spell.Ended:
					open--
					if end, ok := p.(Ended); !ok || c.Result != end.Result || c.ElderMode != (elder || mode) {
						t.Fatalf("%+v ended with %+v, elder mode was %t", p, c, elder)
					}
				}
			}
			if open < 0 || open > 1 || s.Session.On != (open == 1) || s.ElderMode && open == 0 {
				t.Fatalf("%d sessions open in %+v", open, s)
			}
		}
	})
}
