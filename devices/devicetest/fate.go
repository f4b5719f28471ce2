package devicetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// ErrInjected is what Fail makes a call return.
var ErrInjected = errors.New("injected failure")

// patience is how long a test waits for something that must happen. It only
// ever passes when a test fails.
const patience = 60 * time.Second

// fate decides what becomes of a call: it may fail, and it may hang.
type fate struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change
	fail    int
	hang    chan struct{} // not nil while calls hang; closed by release
	entered int
}

func newFate() *fate { return &fate{changed: make(chan struct{})} }

// Fail makes the next n calls fail with ErrInjected.
func (f *fate) Fail(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = n
}

// Hang makes calls wait from now on, until Release or the end of their
// context.
func (f *fate) Hang() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hang == nil {
		f.hang = make(chan struct{})
	}
}

// Release lets the calls that hang go on.
func (f *fate) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hang != nil {
		close(f.hang)
		f.hang = nil
	}
}

// spawn calls f, in a goroutine of its own while calls hang.
func (f *fate) spawn(call func()) {
	f.mu.Lock()
	hangs := f.hang != nil
	f.mu.Unlock()
	if hangs {
		go call()
	} else {
		call()
	}
}

// Calls is how many calls have begun so far.
func (f *fate) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.entered
}

// pass is the beginning of a call: it hangs and fails as told.
func (f *fate) pass(ctx context.Context) error {
	f.mu.Lock()
	f.entered++
	hang := f.hang
	f.notify()
	f.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail > 0 {
		f.fail--
		return ErrInjected
	}
	return nil
}

// notify wakes whoever awaits a change. The caller holds mu.
func (f *fate) notify() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// await waits until ok, which is called with mu held.
func (f *fate) await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		f.mu.Lock()
		done, changed := ok(), f.changed
		f.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			t.Fatalf("waited %v in vain for %s", patience, what)
		}
	}
}

// AwaitCalls waits until n calls have begun.
func (f *fate) AwaitCalls(t testing.TB, n int) {
	t.Helper()
	f.await(t, "calls to begin", func() bool { return f.entered >= n })
}
