package visit

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
)

func hour(n int) time.Time { return time.Date(2026, 11, 23, n, 0, 0, 0, time.UTC) }

// Coming and going are one visit, the next day is another; so is one from
// before that is heard of late.
func TestStep(t *testing.T) {
	var s State
	visits := 0
	for _, at := range []time.Time{hour(9), hour(10), hour(8), hour(33), hour(34), hour(33), hour(9)} {
		var visited bool
		if s, visited = Step(s, at); visited {
			visits++
		}
	}
	if visits != 3 || s.First != hour(33) || s.Last != hour(34) {
		t.Errorf("%d visits, %+v", visits, s)
	}
}

// Taps in the order of time: visits are as many as there are gaps, and the
// first tap.
func TestVisitsAreTheGaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s State
		at, want, got := hour(0), 0, 0
		for i := range rapid.IntRange(0, 30).Draw(t, "taps") {
			pause := time.Duration(rapid.IntRange(0, 600).Draw(t, "minutes")) * time.Minute
			at = at.Add(pause)
			if i == 0 || pause >= Gap {
				want++
			}
			var visited bool
			if s, visited = Step(s, at); visited {
				got++
			}
			if s.Last != at || s.Last.Before(s.First) {
				t.Fatalf("tap at %s: %+v", at, s)
			}
			if again, visited := Step(s, at); visited || again != s {
				t.Fatal("a tap is two visits")
			}
		}
		if got != want {
			t.Fatalf("%d visits, want %d", got, want)
		}
	})
}

func TestDue(t *testing.T) {
	const month = 30 * 24 * time.Hour
	day := func(n int) time.Time { return hour(0).AddDate(0, 0, n) }
	for name, c := range map[string]struct {
		s    State
		now  time.Time
		want bool
	}{
		"new":               {State{}, day(30), false},
		"never visited":     {State{}, day(31), true},
		"visited":           {State{day(20), day(20)}, day(50), false},
		"visited long ago":  {State{day(20), day(20)}, day(51), true},
		"before it counted": {State{day(-9), day(-9)}, day(29), false},
	} {
		if got := Due(c.s, day(0), c.now, month); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// A name where an ID should be is refused, and not even the refusal has it.
func TestNoNames(t *testing.T) {
	v := devices.NewVocabulary(Specs())
	for data, want := range map[string]string{
		`{"by":"nfc","elder":"王秀英"}`:          "elder: must be an ID",
		`{"by":"nfc","caregiver":"Li Min"}`:   "caregiver: must be an ID",
		`{"elder":"e-0301"}`:                  "by: missing",
		`{"elder":"e-0301","by":"telephone"}`: "by: must be nfc, button, page or door",
	} {
		if _, _, err := v.Parse(Kind, TypeVisited, []byte(data)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "王") || strings.Contains(err.Error(), "Min") {
			t.Errorf("%s: %v, want %q", data, err, want)
		}
	}
}
