package intake

import (
	"context"
	"fmt"
	"sync/atomic"
)

// tally is one message under way. It calls done once everything that the
// message amounts to is settled, with the first failure. It begins with one
// share, that of whoever reads the message.
type tally struct {
	ctx    context.Context // how long the message may wait
	left   atomic.Int32
	failed atomic.Pointer[error]
	done   func(error)
}

func newTally(ctx context.Context, done func(error)) *tally {
	t := &tally{ctx: ctx, done: done}
	t.left.Store(1)
	return t
}

// expect adds a share, which is settled by what it returns.
func (t *tally) expect() func(error) {
	t.left.Add(1)
	return t.settle
}

func (t *tally) fail(err error) { t.failed.CompareAndSwap(nil, &err) }

func (t *tally) settle(err error) {
	if err != nil {
		t.fail(err)
	}
	if t.left.Add(-1) > 0 {
		return
	}
	if failed := t.failed.Load(); failed != nil {
		t.done(*failed)
		return
	}
	t.done(nil)
}

// await waits for what start begins as long as ctx lasts.
func await(ctx context.Context, start func(done func(error))) error {
	done := make(chan error, 1)
	start(func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("commit is under way: %w", context.Cause(ctx))
	}
}
