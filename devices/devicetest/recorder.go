package devicetest

import (
	"context"
	"slices"
	"testing"

	"github.com/linli-edge/gateway/devices"
)

// Recorder is a journal in memory: a second event of the same device and ID
// changes nothing.
type Recorder struct {
	*fate
	seen   map[[2]string]bool
	events []devices.Event
}

// NewRecorder returns a Recorder that neither fails nor hangs.
func NewRecorder() *Recorder { return &Recorder{fate: newFate(), seen: map[[2]string]bool{}} }

// Record keeps e, unless it was told to fail.
func (r *Recorder) Record(ctx context.Context, e devices.Event) error {
	if err := r.pass(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if key := [2]string{e.Device, e.ID}; !r.seen[key] {
		r.seen[key] = true
		r.events = append(r.events, e)
		r.notify()
	}
	return nil
}

// Submit calls done with what Record returns, from a goroutine of its own if
// it was told to hang.
func (r *Recorder) Submit(ctx context.Context, e devices.Event, done func(error)) error {
	r.spawn(func() { done(r.Record(ctx, e)) })
	return nil
}

// Events returns what is kept, in the order in which it was recorded.
func (r *Recorder) Events() []devices.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Await waits until n events are kept, and returns them.
func (r *Recorder) Await(t testing.TB, n int) []devices.Event {
	t.Helper()
	r.await(t, "events to be recorded", func() bool { return len(r.events) >= n })
	return r.Events()
}
