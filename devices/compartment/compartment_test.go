package compartment

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// report is one thing told of a compartment, for tests.
type report struct {
	what  string
	units int
	at    time.Time
}

func (r report) apply(s State) (State, []Change) {
	switch r.what {
	case "put":
		return s.Put(r.at, Explicit, r.units)
	case "take":
		return s.Take(r.at, Explicit)
	case "full":
		return s.Sense(r.at, Full)
	case "empty":
		return s.Sense(r.at, Empty)
	case "open":
		return s.Door(true), nil
	case "close":
		return s.Door(false), nil
	case "flag":
		return s.Flag(r.at)
	case "fault":
		return s.Fault(r.at, "jammed", false)
	case "cleared":
		return s.Fault(r.at, "jammed", true)
	}
	panic("no report " + r.what)
}

func TestSources(t *testing.T) {
	minute := func(n int) time.Time { return time.Date(2026, 11, 23, 8, n, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		reports []string
		want    []Kind
	}{
		"explicit only":                             {[]string{"put", "take", "put", "take"}, []Kind{Came, Went, Came, Went}},
		"sensor only":                               {[]string{"empty", "full", "empty", "full", "empty"}, []Kind{Came, Went, Came, Went}},
		"sensor repeats itself":                     {[]string{"empty", "full", "full", "empty", "empty"}, []Kind{Came, Went}},
		"door and sensor":                           {[]string{"open", "full", "close", "open", "empty", "close"}, []Kind{Came, Went}},
		"door only":                                 {[]string{"open", "close", "open", "close"}, nil},
		"both, sensor first":                        {[]string{"empty", "full", "put", "empty", "take"}, []Kind{Came, Went}},
		"both, controller first":                    {[]string{"empty", "put", "full", "take", "empty"}, []Kind{Came, Went}},
		"both, sensor heard from late":              {[]string{"put", "full", "take", "empty"}, []Kind{Came, Went}},
		"controller lags":                           {[]string{"empty", "full", "empty", "put", "full", "take", "put", "empty", "take"}, []Kind{Came, Went, Came, Went}},
		"sensor lags":                               {[]string{"empty", "put", "take", "full", "put", "empty", "full"}, []Kind{Came, Went, Came}},
		"sensor's first word is full":               {[]string{"full", "empty"}, []Kind{Found, Went}},
		"full at first, then a deposit":             {[]string{"full", "put", "take", "empty"}, []Kind{Found, Lost, Came, Went}},
		"sensor's first word is a deposit":          {[]string{"put", "take", "put", "full"}, []Kind{Came, Went, Came}},
		"known free, then full":                     {[]string{"fault", "put", "full", "take", "empty", "full"}, []Kind{FaultSet, Came, Went, Came}},
		"sensor's first word is empty":              {[]string{"put", "empty", "take"}, []Kind{Came, Went}},
		"pickup missed":                             {[]string{"put", "put", "take"}, []Kind{Came, Lost, Came, Went}},
		"deposit missed":                            {[]string{"take", "put"}, []Kind{Found, Went, Came}},
		"overdue once":                              {[]string{"put", "flag", "flag", "take", "put", "flag"}, []Kind{Came, Flagged, Went, Came, Flagged}},
		"overdue proves a parcel":                   {[]string{"flag", "take"}, []Kind{Found, Flagged, Went}},
		"overdue after the sensor saw none":         {[]string{"empty", "full", "empty", "flag", "take"}, []Kind{Came, Went}},
		"late word of a known pickup":               {[]string{"empty", "full", "put", "take", "put", "take", "empty"}, []Kind{Came, Went, Came, Went}},
		"fault":                                     {[]string{"fault", "fault", "cleared", "cleared"}, []Kind{FaultSet, FaultCleared}},
		"pickup missed that both told of":           {[]string{"take", "full", "put", "put"}, []Kind{Found, Went, Came, Lost, Came}},
		"the same deposit, told later":              {[]string{"take", "full", "put"}, []Kind{Found, Went, Came}},
		"sensor confirms what has gone again":       {[]string{"put", "take", "full"}, []Kind{Came, Went}},
		"controller tells of what has gone again":   {[]string{"take", "full", "empty", "put"}, []Kind{Found, Went, Came, Went}},
		"and of the next":                           {[]string{"take", "full", "empty", "put", "put"}, []Kind{Found, Went, Came, Went, Came}},
		"sensor confirms, then sees it go":          {[]string{"take", "put", "full", "empty"}, []Kind{Found, Went, Came, Went}},
		"sensor late for a deposit":                 {[]string{"put", "empty", "full"}, []Kind{Came}},
		"overdue, then gone and come unseen":        {[]string{"flag", "empty", "full"}, []Kind{Found, Flagged, Lost, Came}},
		"overdue, whatever the sensor's first word": {[]string{"put", "empty", "flag"}, []Kind{Came, Flagged}},
		"door opened before the first word":         {[]string{"open", "full"}, []Kind{Came}},
		"door closed again before it":               {[]string{"open", "close", "full"}, []Kind{Came}},
		"full after a known pickup":                 {[]string{"take", "full"}, []Kind{Found, Went, Came}},
		"full, empty, full":                         {[]string{"full", "put", "take", "empty", "full"}, []Kind{Found, Lost, Came, Went, Came}},
		"controller first to tell of a pickup":      {[]string{"empty", "full", "take"}, []Kind{Came, Went}},
	} {
		t.Run(name, func(t *testing.T) {
			var s State
			var got []Kind
			for i, what := range c.reports {
				var changes []Change
				s, changes = report{what, 1, minute(i)}.apply(s)
				for _, ch := range changes {
					got = append(got, ch.Kind)
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("%v amounts to %v, want %v", c.reports, got, c.want)
			}
		})
	}
}

func TestDwell(t *testing.T) {
	came := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	s, _ := State{}.Put(came, Explicit, 1)
	for after, known := range map[time.Duration]bool{90 * time.Minute: true, 0: true, -time.Second: false} {
		_, changes := s.Take(came.Add(after), Explicit)
		if d, ok := changes[0].Dwell(); ok != known || ok && d != after {
			t.Errorf("taken %v after it came: dwell %v, %v", after, d, ok)
		}
	}
	_, changes := State{}.Take(came, Explicit)
	for _, c := range changes {
		if d, ok := c.Dwell(); ok {
			t.Errorf("%s without a known coming has a dwell of %v", c.Kind, d)
		}
	}
}

// The sensor sees one unit; the controller's word a moment later says three.
func TestUnitsToldLater(t *testing.T) {
	at := time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)
	s, _ := State{}.Sense(at, Empty)
	s, _ = s.Sense(at, Full)
	s, changes := s.Put(at.Add(time.Second), Explicit, 3)
	if want := []Change{{Kind: Came, At: at, Units: 2, More: true}}; !reflect.DeepEqual(changes, want) {
		t.Errorf("confirmation amounts to %+v, want %+v", changes, want)
	}
	_, changes = s.Take(at.Add(time.Hour), Explicit)
	if want := []Change{{Kind: Went, At: at.Add(time.Hour), Since: at, Units: 3}}; !reflect.DeepEqual(changes, want) {
		t.Errorf("pickup amounts to %+v, want %+v", changes, want)
	}
}

func TestFaultsAreBounded(t *testing.T) {
	var s State
	for i := range 1000 {
		s, _ = s.Fault(time.Time{}, fmt.Sprintf("code%d", i), false)
	}
	if len(s.Faults) != maxFaults {
		t.Errorf("remembers %d faults, want %d", len(s.Faults), maxFaults)
	}
}

var anyReport = rapid.Custom(func(t *rapid.T) report {
	return report{
		what:  rapid.SampledFrom([]string{"put", "take", "full", "empty", "open", "close", "flag", "fault", "cleared"}).Draw(t, "what"),
		units: rapid.IntRange(1, 5).Draw(t, "units"),
		at:    time.Unix(rapid.Int64Range(1.7e9, 1.8e9).Draw(t, "at"), 0),
	}
})

// Whatever is told in whatever order: what came and was found, less what went
// and was lost, is what is in; nothing goes that was not in; contents are
// overdue at most once; and the same level twice says nothing.
func TestConservation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s State
		in, flags := 0, 0
		for _, r := range rapid.SliceOf(anyReport).Draw(t, "reports") {
			before := s
			var changes []Change
			s, changes = r.apply(s)
			for _, c := range changes {
				switch c.Kind {
				case Came, Found:
					in += c.Units
					if !c.More {
						flags = 0
					}
				case Went, Lost:
					in -= c.Units
					if c.WasFlagged != (flags == 1) {
						t.Fatalf("went flagged: %v after %d flags", c.WasFlagged, flags)
					}
				case Flagged:
					flags++
				}
				if in < 0 || flags > 1 || (c.Kind == Came || c.Kind == Went) && c.Units < 1 {
					t.Fatalf("%+v leaves %d units, flagged %d times", c, in, flags)
				}
			}
			if in != s.Units || s.Occupied != (in > 0) {
				t.Fatalf("%s on %+v: %d units by the changes, state %+v", r.what, before, in, s)
			}
			switch r.what {
			case "full", "empty", "open", "close", "fault", "cleared", "flag":
				again, changes := r.apply(s)
				if len(changes) != 0 || !reflect.DeepEqual(again, s) {
					t.Fatalf("%s repeated on %+v amounts to %v", r.what, s, changes)
				}
			}
		}
	})
}

// Two sources that each tell the whole truth, in any interleaving in which
// none tells of more than the one before the latest, are counted as one.
func TestTwoSourcesOneHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, _ := State{}.Sense(time.Time{}, Empty)
		told := map[Source]int{} // occurrences: comings are even, goings odd
		came, went := 0, 0
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			by := rapid.SampledFrom([]Source{Explicit, Sensor}).Draw(t, "by")
			other := everybody &^ by
			if told[by] > told[other]+1 {
				by, other = other, by
			}
			coming := told[by]%2 == 0
			told[by]++
			var changes []Change
			switch {
			case by == Explicit && coming:
				s, changes = s.Put(time.Time{}, by, 1)
			case by == Explicit:
				s, changes = s.Take(time.Time{}, by)
			case coming:
				s, changes = s.Sense(time.Time{}, Full)
			default:
				s, changes = s.Sense(time.Time{}, Empty)
			}
			for _, c := range changes {
				switch c.Kind {
				case Came:
					came++
				case Went:
					went++
				default:
					t.Fatalf("amounts to %s", c.Kind)
				}
			}
			furthest := max(told[Explicit], told[Sensor])
			if came != (furthest+1)/2 || went != furthest/2 {
				t.Fatalf("told %v: counted %d and %d", told, came, went)
			}
		}
	})
}
