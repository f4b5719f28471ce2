package alert

import (
	"slices"
	"testing"
)

// Who should have been called in a step, and was not because the box was off,
// is called in the next; who was called or is called anyway is not called
// twice, and a new round begins without what the one before has left.
func TestMissedInTheStepBefore(t *testing.T) {
	before := []Delivery{
		{Step: 2, Recipient: "told", Channel: "phone", Attempts: 1},
		{Step: 2, Recipient: "missed", Channel: "phone", Why: WhyOwn},
		{Step: 2, Recipient: "missed", Channel: "phone", Way: 1, Result: Permanent},
		{Step: 2, Recipient: "both", Channel: "phone"},
		{Step: 1, Recipient: "long ago", Channel: "phone"},
	}
	for _, c := range []struct {
		first    int
		priority Priority
		want     []string
	}{
		{1, High, []string{"both", "next", "missed"}},
		{2, Medium, []string{"both", "next", "missed"}},
		{3, High, []string{"both", "next"}},
		{1, Operator, []string{"both", "next"}}, // a digest has an audience of its own
	} {
		r := record{Incident: Incident{Step: 3, Priority: c.priority, Kind: DoorAjar}, First: c.first}
		r.Deliveries = slices.Clone(before)
		r.begin(calling{pages: []Delivery{{Recipient: "both", Channel: "phone"}, {Recipient: "next", Channel: "phone"}}}, r.StepAt)
		var got []string
		for _, d := range r.current() {
			got = append(got, d.Recipient)
			if d.Step != 3 || d.Attempts != 0 || d.Recipient == "missed" && d.Why != WhyOwn {
				t.Errorf("%+v", d)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
