package alert

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// line is one address that pages go to.
type line struct{ channel, address string }

// traffic is what goes on on a line.
type traffic struct {
	busy  int           // attempts under way
	until time.Duration // the channel wants to be left alone, by the monotonic clock
}

// turn does everything that is due and returns how long there is nothing to
// do. Callers hold mu.
func (e *Engine) turn() time.Duration {
	if e.ctx == nil || e.ctx.Err() != nil {
		return nap
	}
	people, now := e.people(), e.options.Clock()
	wait := nap
	for id, w := range e.watched {
		left := patience - (now.Mono - w.since)
		if left <= 0 {
			delete(e.watched, id)
			e.hurry(w.event, people, now)
			continue
		}
		wait = min(wait, left)
	}
	sound := false
	for _, r := range e.board.records {
		if r.Phase != PhaseRaised || !e.ready && !r.keeping.hasty {
			continue
		}
		if r.due(now, e.options.Step) == 0 {
			r.next(people, now)
			e.log.Warn("nobody has answered", "incident", r.ID, "step", r.Step)
			signal(e.save)
			e.announce()
		}
		wait = min(wait, r.due(now, e.options.Step))
		if r.keeping.released < r.Step {
			waited, _ := now.Since(r.StepAt)
			if waited < patience {
				wait = min(wait, patience-waited)
				continue
			}
			e.release(r)
		}
		sound = sound || r.Priority == High
		wait = min(wait, e.send(r, people, now))
	}
	for l, t := range e.lines {
		if t.busy == 0 && t.until <= now.Mono {
			delete(e.lines, l)
		}
	}
	if sound != e.sound {
		e.sound = sound
		signal(e.horn)
	}
	return wait
}

// release lets the present step's pages out although they are not on disk.
func (e *Engine) release(r *record) {
	r.keeping.released, r.keeping.hasty = r.Step, true
	for i := range r.current() {
		r.current()[i].FromMemory = true
	}
	r.keeping.revision++
	e.metrics.fromMemory.Inc()
	e.log.Error("the disk is late, calling from memory", "incident", r.ID, "step", r.Step)
	signal(e.save)
	e.announce()
}

// send starts what may be started of the present step's pages, and returns
// how long the rest has to wait; the end of an attempt wakes the engine
// besides.
func (e *Engine) send(r *record, people roll, now devices.Stamp) time.Duration {
	wait := nap
	pages := r.current()
	for i := range pages {
		d := &pages[i]
		if d.done() || d.sending.busy {
			continue
		}
		address, registered := people.address(d)
		sender := people.senders[d.Channel]
		if !registered || sender == nil {
			d.Result, d.Detail = Permanent, noAddress
			if registered {
				d.Detail = noSender
			}
			r.keeping.revision++
			signal(e.later)
			signal(e.wake) // everybody may be due at once
			continue
		}
		l := line{d.Channel, address}
		t := e.lines[l]
		if t == nil {
			t = &traffic{}
			e.lines[l] = t
		}
		if t.busy >= atOnce {
			continue
		}
		if left := max(d.sending.next, t.until) - now.Mono; left > 0 {
			wait = min(wait, left)
			continue
		}
		p := r.page(*d, now)
		if e.options.Link != nil {
			p.Link = e.options.Link(r.ID)
		}
		d.sending.busy = true
		d.Attempts++
		t.busy++
		ctx, attempted := e.ctx, *d
		e.sends.Go(func() { e.attempt(ctx, sender, l, p, attempted) })
	}
	return wait
}

// attempt sends p once. A sender that does not come back holds its place on
// the line, but the page is tried again.
func (e *Engine) attempt(ctx context.Context, sender Sender, l line, p Page, d Delivery) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	late := time.AfterFunc(deadline+grace, func() {
		e.finish(l, p, d, Result{Class: Unknown, Detail: "no answer"})
	})
	result := sender.Send(ctx, l.address, p)
	if late.Stop() {
		e.finish(l, p, d, result)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lines[l].busy--
	signal(e.wake)
}

// finish notes how an attempt ended.
func (e *Engine) finish(l line, p Page, attempted Delivery, result Result) {
	now := e.options.Clock()
	e.metrics.pages.WithLabelValues(l.channel, string(result.Class)).Inc()
	e.log.Info("page", "incident", p.Incident, "step", p.Step, "channel", l.channel,
		"attempt", p.Attempt, "result", result.Class, "detail", result.Detail)
	e.mu.Lock()
	defer e.mu.Unlock()
	if result.RetryAfter > 0 && result.Class != Accepted {
		e.lines[l].until = now.Mono + min(result.RetryAfter, maxRetryAfter)
	}
	r := e.board.records[p.Incident]
	if r == nil {
		return
	}
	if result.Class == Accepted && l.channel != LogChannel && !r.Paged {
		r.Paged = true
		r.keeping.revision++
		if waited, same := now.Since(r.Raised); same {
			e.metrics.firstPage.Observe(waited.Seconds())
		}
	}
	if d := r.find(attempted); d != nil {
		d.Result, d.Detail = result.Class, result.Detail
		d.sending.busy = false
		d.sending.next = now.Mono + backoff(d.Attempts)
		r.keeping.revision++
	}
	signal(e.later)
	signal(e.wake)
	e.announce()
}

// maxRetryAfter limits how long a channel may ask to be left alone.
const maxRetryAfter = 10 * time.Minute

// backoff is the pause after so many attempts at a page, give or take a fifth,
// so that boxes which failed together do not come back together.
func backoff(attempts int) time.Duration {
	pauses := [...]time.Duration{1, 2, 5, 10, 20, 40, 60}
	pause := pauses[min(attempts, len(pauses))-1] * time.Second
	return pause*4/5 + rand.N(pause*2/5)
}
