package alert

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// turn is somebody who sets the wall clock, a moment after the last turn.
type turn struct {
	after time.Duration
	wrong time.Duration
}

// callsWhile lives through a night with three calls for help, in which the
// wall clock is set now and then, and returns who was called when.
func callsWhile(dir string, turns []turn) (calls []string, err error) {
	b, err := newBox(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.halt()) }()
	began := time.Now()
	pass := func(d time.Duration) {
		end := time.Now().Add(d)
		for ; len(turns) > 0 && time.Until(end) > turns[0].after; turns = turns[1:] {
			time.Sleep(turns[0].after)
			b.skew.Store(int64(turns[0].wrong))
		}
		time.Sleep(time.Until(end))
		synctest.Wait()
	}
	var errs []error
	do := func(err error) { errs = append(errs, err) }

	do(b.press("w-zhao", "1"))
	pass(200 * time.Second)
	id := b.engine.Incidents()[0].ID
	do(b.engine.Acknowledge(context.Background(), id, "li", "page"))
	pass(100 * time.Second)
	do(b.press("w-zhao", "2")) // again
	do(b.press("w-qian", "3"))
	pass(150 * time.Second)
	do(b.halt())
	do(b.start()) // the step goes on with the time it had left
	pass(100 * time.Second)
	do(b.halt())
	do(b.reboot()) // the next step is due at once
	pass(100 * time.Second)
	for _, i := range b.engine.Incidents() {
		do(b.engine.Resolve(context.Background(), i.ID, "li", "real"))
	}
	pass(10 * time.Minute)
	for _, c := range b.phone.take() {
		calls = append(calls, fmt.Sprintf("%s %s round %d step %d attempt %d waiting %d", c.at.Sub(began), c.address, c.page.Round, c.page.Step, c.page.Attempt, c.page.Waiting))
	}
	// Pages that leave in the same moment leave in any order.
	slices.Sort(calls)
	return calls, errors.Join(errs...)
}

// No timer reads the wall clock: whoever sets it, by whatever, the same people
// are called at the same moments as if nobody had.
func TestNoTimerReadsTheWallClock(t *testing.T) {
	calls := func(turns []turn) (list []string) {
		dir := t.TempDir()
		var err error
		synctest.Test(t, func(*testing.T) { list, err = callsWhile(dir, turns) })
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	undisturbed := calls(nil)
	if len(undisturbed) < 20 {
		t.Errorf("only %d calls to compare", len(undisturbed))
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		turns := []turn{{time.Second, tenYears}, {time.Second, -tenYears}}
		for range random.IntN(20) {
			turns = append(turns, turn{time.Duration(random.Int64N(int64(200 * time.Second))), time.Duration(random.Int64N(int64(7*tenYears))) - 6*tenYears})
		}
		if got := calls(turns); !slices.Equal(got, undisturbed) {
			t.Fatalf("turned by %v, called\n%s\nwant\n%s", turns, strings.Join(got, "\n"), strings.Join(undisturbed, "\n"))
		}
	}
}

const tenYears = 3653 * 24 * time.Hour
