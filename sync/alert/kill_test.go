package alert

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// A box that is killed at any moment of an escalation goes on with the step
// that it was at and the time that was left: no step is lost or late, and each
// recipient gets a page of it at most once more.
func TestKilledAtAnyMoment(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range campaign(40, 1000) {
		killed := time.Duration(random.Int64N(int64(4*time.Minute + 30*time.Second)))
		if random.IntN(3) == 0 { // near a step
			killed = killed.Truncate(time.Minute) + time.Duration(random.IntN(300))*time.Millisecond
		}
		down := time.Duration(random.Int64N(int64(20 * time.Second)))
		dir, err := os.MkdirTemp(t.TempDir(), "")
		must(t, err)
		synctest.Test(t, func(*testing.T) { err = killedAt(dir, killed, down) })
		if err != nil {
			t.Fatalf("killed after %s, for %s: %v", killed, down, err)
		}
		must(t, os.RemoveAll(dir))
	}
}

func killedAt(dir string, killed, down time.Duration) (err error) {
	b, err := newBox(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.halt()) }()
	synctest.Wait()
	began := time.Now()
	if err := b.press("w-zhao", "1"); err != nil {
		return err
	}
	pass(killed)
	if err := b.kill(); err != nil {
		return err
	}
	pass(down)
	if err := b.start(); err != nil {
		return err
	}
	pass(10*time.Minute - killed - down)
	first, accepted := map[string]time.Duration{}, map[string]int{}
	for _, c := range b.phone.take() {
		key := fmt.Sprint(c.page.Step, " ", c.address)
		if _, seen := first[key]; !seen {
			first[key] = c.at.Sub(began)
		}
		accepted[key]++
	}
	var due time.Duration
	for step := 1; step <= 10; step++ {
		recipients := []string{"li", "li's other"}
		if step > 1 {
			recipients = append(recipients, "wang")
		}
		if killed < due && due < killed+down {
			due = killed + down // the box was down
		}
		begun := 24 * time.Hour
		for _, r := range recipients {
			key := fmt.Sprint(step, " ", r)
			at, called := first[key]
			// What was decided in the very moment of the kill is decided again.
			late := time.Second
			if killed >= due-time.Second && killed < due+time.Second {
				late += down + time.Second
			}
			if !called || at < due || at > due+late {
				return fmt.Errorf("step %d: %s called %t after %s, want %s", step, r, called, at, due)
			}
			begun = min(begun, at)
			if n := accepted[key]; n > 2 {
				return fmt.Errorf("step %d: %s was called %d times", step, r, n)
			}
		}
		due = begun + time.Minute
	}
	return nil
}
