package rating

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
)

func hour(n int) time.Time { return time.Date(2026, 11, 23, n, 0, 0, 0, time.UTC) }

func TestBadOneIsClosed(t *testing.T) {
	var s State
	var got []Change
	for i, p := range []devices.Payload{
		Closed{"a"}, Rated{"a", VeryBad}, Rated{"a", VeryGood}, condition.Status{}, Closed{"a"}, Closed{"a"},
	} {
		var changes []Change
		s, changes = Step(s, p, hour(i))
		got = append(got, changes...)
	}
	want := []Change{{Level: VeryBad, At: hour(1)}, {Level: VeryBad, At: hour(4), Closed: true, Took: 3 * time.Hour}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("amounts to\n%+v\nwant\n%+v", got, want)
	}
}

// Whatever is pressed: a service has one rating, the first, and only a bad one
// is closed, once.
func TestOneRatingEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := map[devices.Reference]State{}
		first, closed := map[devices.Reference]int{}, map[devices.Reference]int{}
		for range rapid.IntRange(0, 60).Draw(t, "reports") {
			service := devices.Reference(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "service"))
			var p devices.Payload = Closed{service}
			if rapid.Bool().Draw(t, "rated") {
				p = Rated{service, rapid.IntRange(VeryBad, VeryGood).Draw(t, "level")}
			}
			if Service(p) != service {
				t.Fatalf("%+v concerns %q", p, Service(p))
			}
			var changes []Change
			states[service], changes = Step(states[service], p, hour(0))
			for _, c := range changes {
				if c.Closed {
					closed[service]++
				} else if first[service] != 0 {
					t.Fatal("rated twice")
				} else {
					first[service] = c.Level
				}
			}
			if p, ok := p.(Rated); ok && first[service] == 0 {
				t.Fatalf("%+v was not counted", p)
			}
			if closed[service] > 1 || closed[service] == 1 && !IsBad(first[service]) || states[service].Level != first[service] {
				t.Fatalf("rated %d, closed %d times: %+v", first[service], closed[service], states[service])
			}
		}
	})
}
