package booking

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
)

// A telephone number for a booking: what is kept holds no part of it, and
// still tells that it is the same booking.
func TestNumberIsNotKept(t *testing.T) {
	v := devices.NewVocabulary(Specs())
	var refs []devices.Reference
	for _, typ := range []devices.Type{TypeCreated, TypeFulfilled, TypeNoShow, TypeCancelled} {
		for _, number := range []string{`"13912345678"`, `13912345678`} {
			p, _, err := v.Parse(Kind, typ, []byte(`{"booking":`+number+`,"phone":"13912345678"}`))
			if err != nil {
				t.Fatalf("%s: %v", typ, err)
			}
			kept, err := json.Marshal(p)
			if err != nil || strings.Contains(string(kept), "139") && strings.Contains(string(kept), "5678") {
				t.Errorf("%s is kept as %s (%v)", typ, kept, err)
			}
			refs = append(refs, Booking(p))
		}
		if _, _, err := v.Parse(Kind, typ, []byte(`{"booking":""}`)); err == nil || !strings.Contains(err.Error(), "booking: must not be empty") {
			t.Errorf("%s of nothing: %v", typ, err)
		}
	}
	if len(slices.Compact(refs)) != 1 || refs[0] == "" {
		t.Errorf("one booking is called %q", refs)
	}
}

func TestStep(t *testing.T) {
	for name, c := range map[string]struct {
		reports []devices.Payload
		want    []devices.Type
	}{
		"fulfilled":         {[]devices.Payload{Created{}, Fulfilled{}}, []devices.Type{TypeCreated, TypeFulfilled}},
		"came after all":    {[]devices.Payload{Created{}, NoShow{}, Fulfilled{}}, []devices.Type{TypeCreated, TypeNoShow}},
		"told late":         {[]devices.Payload{Cancelled{}, Created{}}, []devices.Type{TypeCreated, TypeCancelled}},
		"told twice":        {[]devices.Payload{Created{}, Created{}, NoShow{}, NoShow{}}, []devices.Type{TypeCreated, TypeNoShow}},
		"is not a delivery": {[]devices.Payload{Delivered{}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var s State
			var got []devices.Type
			for _, p := range c.reports {
				var changes []Change
				s, changes = Step(s, p, time.Unix(0, 0))
				for _, ch := range changes {
					got = append(got, ch.Type)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("amounts to %v, want %v", got, c.want)
			}
		})
	}
}

// In any history a booking is counted once, and has at most one fate: so
// fulfilled, no-show and cancelled together are never more than booked.
func TestOneFateEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s State
		booked, fates := 0, 0
		for range rapid.IntRange(1, 20).Draw(t, "reports") {
			p := rapid.SampledFrom([]devices.Payload{Created{}, Fulfilled{}, NoShow{}, Cancelled{}}).Draw(t, "report")
			var changes []Change
			s, changes = Step(s, p, time.Unix(0, 0))
			for _, c := range changes {
				if c.Type == TypeCreated {
					booked++
				} else {
					fates++
				}
			}
			if again, more := Step(s, p, time.Unix(0, 0)); again != s || more != nil {
				t.Fatalf("%+v repeated amounts to %+v", p, more)
			}
			if booked != 1 || fates > 1 || (fates == 1) != (s.Fate != "") {
				t.Fatalf("booked %d times, %d fates: %+v", booked, fates, s)
			}
		}
	})
}
