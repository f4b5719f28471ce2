package intake

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/linli-edge/gateway/devices"
)

// backlog is what the journal has no room for at the moment, in its order.
// The windows of the connections that it came from bound it.
type backlog struct {
	behind atomic.Bool // there is one
	mu     sync.Mutex
	queue  []unsubmitted
}

type unsubmitted struct {
	ctx   context.Context
	event devices.Event
	done  func(error)
}

// submit hands e to the recorder. An ordinary event never makes its caller
// wait, because what the caller reads next may be a call for help.
func (in *Intake) submit(ctx context.Context, e devices.Event, done func(error)) {
	if e.Urgency == devices.Urgent {
		if err := in.Recorder.Submit(ctx, e, done); err != nil {
			done(err)
		}
		return
	}
	b := &in.backlog
	if !b.behind.Load() {
		err := in.Recorder.Submit(noWaiting, e, done)
		if err == nil {
			return
		}
		if !errors.Is(err, context.Canceled) {
			done(err)
			return
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue = append(b.queue, unsubmitted{ctx, e, done})
	if !b.behind.Swap(true) {
		go in.catchUp() // ends with the backlog, or with the contexts in it
	}
}

// noWaiting is the context of those who do not wait: it has ended.
var noWaiting = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// catchUp waits for the journal in the place of those who must not.
func (in *Intake) catchUp() {
	b := &in.backlog
	for {
		b.mu.Lock()
		if len(b.queue) == 0 {
			b.queue = nil
			b.behind.Store(false)
			b.mu.Unlock()
			return
		}
		next := b.queue[0]
		b.queue = b.queue[1:]
		b.mu.Unlock()
		if err := in.Recorder.Submit(next.ctx, next.event, next.done); err != nil {
			next.done(err)
		}
	}
}
