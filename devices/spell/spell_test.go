package spell

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
)

func minute(n int) time.Time { return time.Date(2026, 11, 23, 8, n, 0, 0, time.UTC) }

// apply says one word of a spell that may have a name.
func apply(s State, what string, ref devices.Reference, at time.Time, first bool) (State, []Change) {
	switch what {
	case "begin":
		return s.Begin(at, ref)
	case "end":
		return s.End(at, ref)
	case "on":
		return s.Is(at, true, first)
	default:
		return s.Is(at, false, first)
	}
}

func TestSpells(t *testing.T) {
	type word struct{ what, ref string }
	for name, c := range map[string]struct {
		words []word
		want  []Kind
	}{
		"plain":                     {[]word{{"begin", ""}, {"end", ""}, {"begin", ""}, {"end", ""}}, []Kind{Began, Ended, Began, Ended}},
		"end missed":                {[]word{{"begin", ""}, {"begin", ""}, {"end", ""}}, []Kind{Began, Lost, Began, Ended}},
		"beginning missed":          {[]word{{"end", ""}, {"begin", ""}}, []Kind{Found, Ended, Began}},
		"named, repeated":           {[]word{{"begin", "a"}, {"begin", "a"}, {"end", "a"}, {"end", "a"}}, []Kind{Began, Ended}},
		"named, beginning late":     {[]word{{"end", "a"}, {"begin", "a"}, {"begin", "b"}}, []Kind{Found, Ended, Began}},
		"named, another one ends":   {[]word{{"begin", "a"}, {"end", "b"}, {"end", "a"}}, []Kind{Began, Lost, Found, Ended, Found, Ended}},
		"only the beginning named":  {[]word{{"begin", "a"}, {"end", ""}, {"begin", "a"}}, []Kind{Began, Ended}},
		"only the end named":        {[]word{{"begin", ""}, {"end", "a"}, {"end", "a"}}, []Kind{Began, Ended}},
		"level":                     {[]word{{"off", ""}, {"on", ""}, {"on", ""}, {"off", ""}, {"off", ""}}, []Kind{Began, Ended}},
		"level on at first":         {[]word{{"on", ""}, {"off", ""}, {"on", ""}}, []Kind{Found, Ended, Began}},
		"level silent, then no end": {[]word{{"off", ""}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var s State
			var got []Kind
			for i, w := range c.words {
				var changes []Change
				s, changes = apply(s, w.what, devices.Reference(w.ref), minute(i), i == 0)
				for _, ch := range changes {
					got = append(got, ch.Kind)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v amounts to %v, want %v", c.words, got, c.want)
			}
		})
	}
}

func TestTook(t *testing.T) {
	s, _ := State{}.Begin(minute(0), "")
	_, changes := s.End(minute(7), "")
	if took, ok := changes[0].Took(); !ok || took != 7*time.Minute {
		t.Errorf("took %s, %t", took, ok)
	}
	_, changes = s.End(minute(-1), "")
	if _, ok := changes[0].Took(); ok {
		t.Error("ended before it began, and took some time")
	}
	if _, _, ok := changes[0].Span(); ok {
		t.Error("ended before it was seen, and has a span")
	}

	// On before anybody looked: it is unknown how long it took, but known from
	// when on it was seen.
	s, _ = State{}.Is(minute(3), true, true)
	_, changes = s.Is(minute(5), false, false)
	if _, ok := changes[0].Took(); ok {
		t.Error("began at an unknown time, and took some time")
	}
	if from, to, ok := changes[0].Span(); !ok || !from.Equal(minute(3)) || !to.Equal(minute(5)) {
		t.Errorf("was on from %s to %s, %t", from, to, ok)
	}
}

// Whatever is told in whatever order: what began and was found, less what
// ended and was lost, is what is on; and a level, or a named occurrence,
// repeated says nothing.
func TestConservation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s State
		on := 0
		for i := range rapid.IntRange(0, 50).Draw(t, "words") {
			what := rapid.SampledFrom([]string{"begin", "end", "on", "off"}).Draw(t, "what")
			ref := devices.Reference(rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "ref"))
			at := time.Unix(rapid.Int64Range(1.7e9, 1.8e9).Draw(t, "at"), 0)
			var changes []Change
			s, changes = apply(s, what, ref, at, i == 0)
			for _, c := range changes {
				switch c.Kind {
				case Began, Found:
					on++
				case Ended, Lost:
					on--
				}
				if on < 0 || on > 1 {
					t.Fatalf("%s %s: %d are on", what, ref, on)
				}
				if took, ok := c.Took(); ok && took < 0 {
					t.Fatalf("took %s", took)
				}
			}
			if s.On != (on == 1) || !s.On && !(s.Since.IsZero() && s.Seen.IsZero()) {
				t.Fatalf("%s %s: %d are on, state %+v", what, ref, on, s)
			}
			if what == "on" || what == "off" || ref != "" {
				if again, more := apply(s, what, ref, at, false); len(more) > 0 || again != s {
					t.Fatalf("%s %s repeated amounts to %v", what, ref, more)
				}
			}
		}
	})
}

// lamp is a level with a name.
type lamp struct {
	name string
	on   bool
}

func (lamp) EventType() devices.Type { return "lamp" }
func (lamp) Validate() error         { return nil }
func (l lamp) Level() string         { return l.name }
func (l lamp) On() bool              { return l.on }

// press is no level.
type press struct{}

func (press) EventType() devices.Type { return "press" }
func (press) Validate() error         { return nil }

func TestLevels(t *testing.T) {
	var l Levels
	var got []Change
	for i, p := range []devices.Payload{lamp{"", false}, press{}, lamp{"a", true}, lamp{"", true}, lamp{"", true}, lamp{"a", false}} {
		before := maps.Clone(l)
		after, changes := l.Step(p, minute(i))
		if !reflect.DeepEqual(before, l) {
			t.Fatal("the levels before were changed")
		}
		l, got = after, append(got, changes...)
	}
	want := []Change{
		{Kind: Found, At: minute(2), Level: "lamp/a"},
		{Kind: Began, At: minute(3), Level: "lamp"},
		{Kind: Ended, At: minute(5), Seen: minute(2), Level: "lamp/a"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("amounts to\n%+v\nwant\n%+v", got, want)
	}
}

func TestLevelsAreBounded(t *testing.T) {
	var l Levels
	for i := range 1000 {
		l, _ = l.Step(lamp{fmt.Sprint(i), true}, minute(0))
	}
	if len(l) != maxLevels {
		t.Errorf("remembers %d levels, want %d", len(l), maxLevels)
	}
	if _, changes := l.Step(lamp{"0", false}, minute(1)); len(changes) != 1 {
		t.Error("a full set no longer follows what it knows")
	}
}
