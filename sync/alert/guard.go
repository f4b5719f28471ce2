package alert

import (
	"context"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
)

// maxWatched is how many events at once may wait for the disk; beyond that,
// pages do not wait at all.
const maxWatched = 1024

// watch is an urgent event of which nobody has been told yet.
type watch struct {
	event devices.Event
	since time.Duration // when it was heard, by the monotonic clock
	seq   uint64        // where in the urgent chain it is at the latest, 0 if not known
}

type guard struct {
	engine *Engine
	next   devices.Submitter
}

// Guard is next with a promise for the events that call for help, and for
// what humans do about them: if next fails, or if the event has not been
// recorded and acted on within a second, the engine acts on it from memory,
// once. What it returns is what next returned, and comes when next does.
func (e *Engine) Guard(next devices.Submitter) devices.Submitter { return guard{e, next} }

func (g guard) Record(ctx context.Context, event devices.Event) error {
	if event.Urgency != devices.Urgent || !concerns(event.Type) {
		return g.next.Record(ctx, event)
	}
	g.engine.watch(event)
	err := g.next.Record(ctx, event)
	g.engine.settle(event, err)
	return err
}

func (g guard) Submit(ctx context.Context, event devices.Event, done func(error)) error {
	if event.Urgency != devices.Urgent || !concerns(event.Type) {
		return g.next.Submit(ctx, event, done)
	}
	g.engine.watch(event)
	watched := event // apart, or every event would be on the heap
	err := g.next.Submit(ctx, event, func(err error) {
		g.engine.settle(watched, err)
		done(err)
	})
	if err != nil {
		g.engine.settle(event, err)
	}
	return err
}

// watch begins to wait for the disk.
func (e *Engine) watch(event devices.Event) {
	now := e.options.Clock()
	e.mu.Lock()
	defer e.mu.Unlock()
	id := identity(event)
	if e.watched[id] != nil {
		return
	}
	if len(e.watched) >= maxWatched {
		e.hurry(event, e.people(), now)
		signal(e.wake)
		return
	}
	e.watched[id] = &watch{event: event, since: now.Mono}
	signal(e.wake)
}

// settle notes how the recording of a watched event ended.
func (e *Engine) settle(event devices.Event, err error) {
	upto := e.journal.Last(journal.Urgent)
	now := e.options.Clock()
	e.mu.Lock()
	defer e.mu.Unlock()
	id := identity(event)
	w := e.watched[id]
	switch {
	case w == nil: // the second has passed
	case err != nil:
		delete(e.watched, id)
		e.hurry(event, e.people(), now)
		signal(e.wake)
	case e.folded >= upto:
		delete(e.watched, id) // also the redelivery of what was folded long ago
	default:
		w.seq = upto
	}
}

// hurry acts on an event without the disk. What it does, the fold will find
// done when it comes to the event. Callers hold mu.
func (e *Engine) hurry(event devices.Event, people roll, now devices.Stamp) {
	e.learn(event, people, now)
	r := e.board.heard[identity(event)]
	if r != nil && r.Phase == PhaseRaised && r.keeping.released < r.Step {
		e.release(r)
	}
	signal(e.save)
	e.announce()
}
