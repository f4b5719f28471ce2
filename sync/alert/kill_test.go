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
		synctest.Test(t, func(*testing.T) {
			err = goesOn(dir, down, func(b *box) error {
				err := b.press("w-zhao", "1")
				pass(killed)
				return err
			})
		})
		if err != nil {
			t.Fatalf("killed after %s, for %s: %v", killed, down, err)
		}
		must(t, os.RemoveAll(dir))
	}
}

// A box that is killed in each of the writes of an escalation, from that of the
// press on: the same.
func TestKilledAtEachWrite(t *testing.T) {
	writes := 0
	for n := 0; n <= writes; n++ {
		down := time.Duration(n%20) * time.Second
		dir, err := os.MkdirTemp(t.TempDir(), "")
		must(t, err)
		synctest.Test(t, func(*testing.T) {
			err = goesOn(dir, down, func(b *box) error {
				b.disk.mu.Lock()
				died := make(chan struct{})
				b.disk.writes, b.disk.dies, b.disk.died = 0, n, died
				b.disk.mu.Unlock()
				err := b.press("w-zhao", "1")
				select {
				case <-died:
				case <-time.After(4*time.Minute + 30*time.Second):
				}
				b.disk.mu.Lock()
				defer b.disk.mu.Unlock()
				writes = max(writes, b.disk.writes) // the first time without a kill, to count them
				b.disk.dies = 0
				return err
			})
		})
		if err != nil {
			t.Fatalf("killed in write %d of %d, for %s: %v", n, writes, down, err)
		}
		must(t, os.RemoveAll(dir))
	}
	if t.Logf("%d writes", writes); writes < 20 {
		t.Errorf("only %d writes", writes)
	}
}

// goesOn is a box that is pressed at once, killed when live returns, and down for
// a while. If live says that the press was not recorded, it is repeated then.
func goesOn(dir string, down time.Duration, live func(*box) error) (err error) {
	b, err := newBox(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.halt()) }()
	synctest.Wait()
	began := time.Now()
	unheard := live(b)
	killed := time.Since(began)
	if err := b.kill(); err != nil {
		return err
	}
	pass(down)
	up := time.Now()
	if err := b.start(); err != nil {
		return err
	}
	if unheard != nil {
		if killed > 0 {
			return unheard
		}
		began, killed = time.Now(), -down
		if err := b.press("w-zhao", "1"); err != nil {
			return err
		}
	}
	pass(10*time.Minute - killed - down)
	first, accepted := map[string]time.Duration{}, map[string]int{}
	for _, c := range b.phone.take() {
		if unheard != nil && c.at.Before(up) {
			continue // from memory, before the disk failed
		}
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
