package mqtt

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// pipeline hands the messages of one connection to a handler and acknowledges
// them, both in the order in which they came. Several may be with the handler at
// once, so that one client (a bridge speaks for a whole site over one connection)
// shares group commits with itself, and a call for help waits for none of those
// before it.
// After the first failure nothing more is acknowledged: what came behind it
// will be delivered again, and is known by its identity.
type pipeline struct {
	ctx   context.Context // what the handler is called with
	slots chan struct{}
	fail  func(error) // called once, with the first failure

	mu     sync.Mutex
	tail   chan struct{} // closed when the newest is settled
	failed bool
}

// job is one message on its way.
type job struct {
	do    func(ctx context.Context, done func(error)) // nil if there is nothing to be done before the acknowledgement
	ack   func() error
	lossy bool // QoS 0: nobody waits for an acknowledgement, nobody delivers again
}

// errPanicked is wrapped by the failure of a handler that panicked.
var errPanicked = errors.New("panic")

func newPipeline(ctx context.Context, window int, fail func(error)) *pipeline {
	settled := make(chan struct{})
	close(settled)
	return &pipeline{ctx: ctx, slots: make(chan struct{}, window), fail: fail, tail: settled}
}

// submit takes on j and gives it to the handler. It blocks while the window is
// full, and returns false if stop was closed before there was room. It must not
// be called by two goroutines at once: order is the order of its calls.
func (p *pipeline) submit(stop <-chan struct{}, j *job) bool {
	select {
	case p.slots <- struct{}{}:
	case <-stop:
		return false
	}
	after := make(chan struct{})
	p.mu.Lock()
	before := p.tail
	p.tail = after
	p.mu.Unlock()
	result := make(chan error, 1)
	var once sync.Once
	done := func(err error) { once.Do(func() { result <- err }) }
	err := guarded(func() error {
		if j.do == nil {
			done(nil)
		} else {
			j.do(p.ctx, done)
		}
		return nil
	})
	if err != nil {
		done(err)
	}
	go func() {
		err := <-result
		<-before
		p.settle(j, err)
		close(after)
		<-p.slots
	}()
	return true
}

// settled returns a channel that is closed once everything submitted so far
// has been handled and acknowledged, or given up.
func (p *pipeline) settled() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tail
}

func (p *pipeline) settle(j *job, err error) {
	p.mu.Lock()
	failed := p.failed
	p.mu.Unlock()
	if err == nil && !failed {
		err = guarded(j.ack)
	}
	if err == nil || failed || j.lossy {
		return
	}
	p.mu.Lock()
	p.failed = true
	p.mu.Unlock()
	p.fail(err)
}

// guarded turns a panic into an error: one message must not end the process.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanicked, r, debug.Stack())
		}
	}()
	return f()
}
