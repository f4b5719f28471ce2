package mqtt

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// patience is how long a message waits for the one before it on the same
// topic. It is long enough for that one to have taken its place in the
// journal's queue, so that order is kept; and short enough that an SOS does
// not wait out a commit that hangs.
const patience = 100 * time.Millisecond

// pipeline hands the messages of one connection to a handler and acknowledges
// them. Several may be with the handler at once, so that one client (a bridge
// speaks for a whole site over one connection) shares group commits with
// itself; acknowledgements leave in the order in which the messages came.
// After the first failure nothing more is acknowledged: what came behind it
// will be delivered again, and is known by its identity.
type pipeline struct {
	ctx   context.Context // what the handler is called with
	slots chan struct{}
	fail  func(error) // called once, with the first failure

	mu     sync.Mutex
	last   map[string]*job // the newest unfinished one of each topic
	tail   chan struct{}   // closed when the newest is settled
	failed bool
}

// job is one message on its way.
type job struct {
	topic  string
	do     func(context.Context) error // nil if there is nothing to be done before the acknowledgement
	ack    func() error
	lossy  bool // QoS 0: nobody waits for an acknowledgement, nobody delivers again
	prev   *job // the one before on the same topic
	began  chan struct{}
	done   chan struct{}
	before <-chan struct{} // closed when all that came before are settled
	after  chan struct{}   // closed when this one is
}

// errPanicked is wrapped by the failure of a handler that panicked.
var errPanicked = errors.New("panic")

func newPipeline(ctx context.Context, window int, fail func(error)) *pipeline {
	settled := make(chan struct{})
	close(settled)
	return &pipeline{ctx: ctx, slots: make(chan struct{}, window), fail: fail, last: map[string]*job{}, tail: settled}
}

// submit takes on j, of which topic, do, ack and lossy are set. It blocks
// while the window is full, and returns false if stop was closed before there
// was room. It must not be called by two goroutines at once: order is the
// order of its calls.
func (p *pipeline) submit(stop <-chan struct{}, j *job) bool {
	select {
	case p.slots <- struct{}{}:
	case <-stop:
		return false
	}
	j.began, j.done, j.after = make(chan struct{}), make(chan struct{}), make(chan struct{})
	p.mu.Lock()
	j.prev, p.last[j.topic] = p.last[j.topic], j
	j.before, p.tail = p.tail, j.after
	p.mu.Unlock()
	go p.run(j)
	return true
}

// settled returns a channel that is closed once everything submitted so far
// has been handled and acknowledged, or given up.
func (p *pipeline) settled() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tail
}

func (p *pipeline) run(j *job) {
	p.awaitTurn(j)
	close(j.began)
	err := guarded(func() error {
		if j.do == nil {
			return nil
		}
		return j.do(p.ctx)
	})
	close(j.done)

	<-j.before
	p.settle(j, err)
	close(j.after)
	<-p.slots
}

func (p *pipeline) awaitTurn(j *job) {
	prev := j.prev
	if prev == nil {
		return
	}
	j.prev = nil // or each would keep all before it alive
	<-prev.began
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-prev.done:
	case <-timer.C:
	}
}

func (p *pipeline) settle(j *job, err error) {
	p.mu.Lock()
	if p.last[j.topic] == j {
		delete(p.last, j.topic)
	}
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
