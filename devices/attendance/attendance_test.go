package attendance

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
)

func TestStep(t *testing.T) {
	total := func(n int64) Total { return Total{Entries: n} }
	epoch := func(e, n int64) Total { return Total{Entries: n, Epoch: e} }
	for name, c := range map[string]struct {
		reports []devices.Payload
		want    []int64 // entries, by report
	}{
		"counted":                    {[]devices.Payload{Counted{Entries: 3}, Counted{}, Counted{Entries: 3}, condition.Opening{}}, []int64{3, 0, 3, 0}},
		"total":                      {[]devices.Payload{total(100), total(100), total(103), total(110)}, []int64{0, 0, 3, 7}},
		"restart":                    {[]devices.Payload{total(100), total(0), total(5), total(120)}, []int64{0, 0, 5, 115}},
		"restart, seen late":         {[]devices.Payload{total(100), total(4), total(9)}, []int64{0, 0, 5}},
		"wrong reading":              {[]devices.Payload{total(100), total(0), total(101)}, []int64{0, 0, 1}},
		"old news":                   {[]devices.Payload{total(100), total(105), total(103), total(106)}, []int64{0, 5, 0, 1}},
		"old news, twice":            {[]devices.Payload{total(105), total(103), total(101), total(101), total(106)}, []int64{0, 0, 0, 0, 1}},
		"epochs":                     {[]devices.Payload{epoch(1, 100), epoch(1, 104), epoch(2, 3), epoch(2, 7)}, []int64{0, 4, 3, 4}},
		"old news of an epoch":       {[]devices.Payload{epoch(1, 100), epoch(2, 3), epoch(1, 104), epoch(2, 2), epoch(2, 4)}, []int64{0, 3, 0, 0, 1}},
		"epochs after an update":     {[]devices.Payload{total(100), epoch(1, 2), epoch(1, 5), epoch(2, 1)}, []int64{0, 0, 3, 1}},
		"a total that has no epoch":  {[]devices.Payload{epoch(2, 10), total(12), epoch(2, 13)}, []int64{0, 2, 1}},
		"counted and told as totals": {[]devices.Payload{total(10), Counted{Entries: 2}, total(11)}, []int64{0, 2, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var s State
			var got []int64
			for _, p := range c.reports {
				var n int64
				s, n, _ = Step(s, p)
				got = append(got, n)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("counts %v, want %v", got, c.want)
			}
		})
	}
}

// people is a counter as it is at the door.
type people struct {
	entries, exits, epoch int64
}

// A counter that says its epochs is counted exactly from its first word on if
// its reports come in order, and never too much in any order, late or twice.
func TestEpochsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		truth := people{epoch: 1}
		var came, went int64 // since the first word
		reports := []Total{{Epoch: 1}}
		for range rapid.IntRange(0, 30).Draw(t, "reports") {
			if rapid.IntRange(0, 4).Draw(t, "restart") == 0 {
				truth = people{epoch: truth.epoch + 1}
			}
			in, out := rapid.Int64Range(0, 9).Draw(t, "in"), rapid.Int64Range(0, 9).Draw(t, "out")
			truth.entries, truth.exits = truth.entries+in, truth.exits+out
			came, went = came+in, went+out
			reports = append(reports, Total{truth.entries, truth.exits, truth.epoch})
		}
		entries, exits := countAll(reports)
		if entries != came || exits != went {
			t.Fatalf("in order: counts %d and %d, want %d and %d", entries, exits, came, went)
		}
		late := slices.Clone(reports)
		for range rapid.IntRange(0, 10).Draw(t, "late") {
			from := rapid.IntRange(1, max(1, len(late)-1)).Draw(t, "from")
			to := rapid.IntRange(1, len(late)).Draw(t, "to")
			if from < len(late) {
				late = slices.Insert(late, to, late[from])
			}
		}
		if entries, exits := countAll(late); entries > came || exits > went {
			t.Fatalf("with repetitions %v: counts %d and %d, there were %d and %d", late, entries, exits, came, went)
		}
	})
}

// Without epochs a restart loses at most who came before the first word after
// it, and a single wrong or old reading adds nobody.
func TestWithoutEpochs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s State
		var shown, came, lost, counted int64
		for i := range rapid.IntRange(1, 40).Draw(t, "reports") {
			in := rapid.Int64Range(0, 9).Draw(t, "in")
			restart := rapid.IntRange(0, 5).Draw(t, "restart") == 0
			var n int64
			if restart {
				// The highest that can be lost later, if the restart is not seen as
				// one: what it showed before.
				lost += shown
				shown = 0
			}
			if restart || i == 0 {
				lost += in
			}
			shown, came = shown+in, came+in
			s, n, _ = Step(s, Total{Entries: shown})
			counted += n
			if n < 0 || n > 9 && !restart && lost == 0 {
				t.Fatalf("counts %d in one report", n)
			}
			if rapid.IntRange(0, 5).Draw(t, "wrong") == 0 && shown > 0 && s.Entries.Before == 0 {
				wrong := rapid.Int64Range(0, shown-1).Draw(t, "reading")
				after, n, _ := Step(s, Total{Entries: wrong})
				again, m, _ := Step(after, Total{Entries: shown})
				if n != 0 || m != 0 || again.Entries != s.Entries {
					t.Fatalf("%d after %d, and back: counts %d and %d, %+v after %+v", wrong, shown, n, m, again, s)
				}
			}
		}
		if counted > came || counted < came-lost {
			t.Fatalf("counts %d of %d, may lose %d", counted, came, lost)
		}
	})
}

func countAll(reports []Total) (entries, exits int64) {
	var s State
	for _, r := range reports {
		var in, out int64
		s, in, out = Step(s, r)
		entries, exits = entries+in, exits+out
	}
	return entries, exits
}
