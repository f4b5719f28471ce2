package alert

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// line is one address that pages go to.
type line struct{ channel, address string }

// traffic is what goes on on a line. It may be forgotten in the moment in which
// an attempt is given up and ends all the same: whoever sends keeps hold of it.
type traffic struct {
	line
	busy  [2]int        // attempts under way: for calls for help, and for all else
	until time.Duration // the channel wants to be left alone, by the monotonic clock
	// failed counts what else has failed in a row, rest is until when the others
	// wait: five hundred of them need not find out one by one that an address
	// does not work.
	failed int
	rest   time.Duration
}

// ended notes how an attempt at anything but a call for help did.
func (t *traffic) ended(c Class, now time.Duration) {
	switch {
	case c == Accepted || c == Permanent:
		t.failed, t.rest = 0, 0
	case now >= t.rest: // else it had begun with the one that has failed already
		t.failed++
		t.rest = now + backoff(min(t.failed, 4))
	}
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
	e.board.recognise(people)
	sound := Quiet
	var sharing, calling []*record
	for _, r := range e.board.byUrgency() {
		counted, steps := r.Taken.Passed, people.steps(r.Elder, e.options.Steps)
		if left, ok := r.back(now, steps); ok && (e.ready || left > 0) {
			if r.Taken.Passed != counted {
				r.keeping.revision++
				signal(e.later)
			}
			if left > 0 {
				wait = min(wait, left)
				continue
			}
			r.remind(people, now)
			e.log.Warn("taken, and not over", "incident", r.ID, "round", r.Round)
			e.decided()
		}
		if r.Phase != PhaseRaised || !e.ready && !r.keeping.hasty {
			continue
		}
		if left := e.board.muted(r, now); left > 0 {
			r.StepAt = now // its time does not pass
			wait = min(wait, left)
			continue
		}
		if r.shares() && (r.Step < r.First || r.manner() != Medium) {
			sharing = append(sharing, r)
		} else {
			if r.due(now, steps) == 0 {
				r.escalate(people, now, steps)
				e.log.Warn("nobody has answered", "incident", r.ID, "step", r.Step)
				e.decided()
			}
			wait = min(wait, r.due(now, steps))
		}
		if r.sound() == Evacuate || sound == Quiet && r.Step >= r.First {
			sound = r.sound()
		}
		calling = append(calling, r)
	}
	told, left := e.board.digest(sharing, people, now, e.began, e.options.Steps)
	wait = min(wait, left)
	for _, r := range told {
		e.log.Info("told in a digest", "incident", r.ID, "step", r.Step)
		e.decided()
	}
	wait = min(wait, e.work(calling, people, now))
	for l, t := range e.lines {
		if t.busy == [2]int{} && max(t.until, t.rest) <= now.Mono {
			delete(e.lines, l)
		}
	}
	for scope, s := range e.board.silences {
		if left := s.left(now); left > 0 {
			wait = min(wait, left)
		} else {
			s.Minutes, s.kept = 0, false
			e.board.silences[scope] = s
			signal(e.later)
		}
	}
	if sound != e.sound {
		e.sound = sound
		signal(e.horn)
	}
	return wait
}

// decided has what the board has just decided written, and told to whoever
// looks on.
func (e *Engine) decided() {
	signal(e.save)
	e.announce()
}

// due is a page of the present step of an incident.
type due struct {
	of *record
	*Delivery
}

// work sends the present step's pages of the incidents that call: once they are
// on disk, or when that has taken too long. The most urgent go first, then those
// that were tried least, a digest of many before what tells of one, and else in
// no order: where an address takes few at once, or the
// box dies again and again, it is not always the same who come too late. It
// returns how long the rest has to wait; the end of an attempt wakes the engine
// besides.
func (e *Engine) work(calling []*record, people roll, now devices.Stamp) time.Duration {
	wait := nap
	var pages []due
	for _, r := range calling {
		if r.keeping.released < r.Step {
			if waited, _ := now.Since(r.StepAt); waited < patience {
				wait = min(wait, patience-waited)
				continue
			}
			e.release(r)
		}
		for i := range r.current() {
			if d := &r.current()[i]; !d.done() && !d.sending.busy {
				pages = append(pages, due{r, d})
			}
		}
	}
	rand.Shuffle(len(pages), func(i, j int) { pages[i], pages[j] = pages[j], pages[i] })
	slices.SortStableFunc(pages, func(a, b due) int {
		return cmp.Or(cmp.Compare(a.of.Priority.rank(), b.of.Priority.rank()), cmp.Compare(a.Attempts, b.Attempts),
			cmp.Compare(len(b.of.Others), len(a.of.Others)))
	})
	for _, d := range pages {
		wait = min(wait, e.send(d.of, d.Delivery, people, now))
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

// lane keeps calls for help apart from all else on the way to one address.
func lane(r *record) int {
	if r.Priority == High {
		return 0
	}
	return 1
}

// send starts an attempt at the page d of r, or returns how long that has to
// wait.
func (e *Engine) send(r *record, d *Delivery, people roll, now devices.Stamp) time.Duration {
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
		return nap
	}
	if p, ok := sender.(Prober); ok && r.Kind == Drill {
		sender = probe{p}
	}
	l := line{d.Channel, address}
	t := e.lines[l]
	if t == nil {
		t = &traffic{line: l}
		e.lines[l] = t
	}
	lane := lane(r)
	if t.busy[lane] >= atOnce {
		return nap
	}
	if d.sending.until < t.until {
		d.sending.until = t.until
		signal(e.wake) // the next step may be due at once
	}
	from := max(d.sending.next, t.until)
	if lane > 0 {
		from = max(from, t.rest)
	}
	if left := from - now.Mono; left > 0 {
		return left
	}
	p := e.board.page(r, *d, now)
	p.Days, p.Visit = r.Unmended(now, people.Cares[r.Elder])
	if e.options.Link != nil && d.Recipient != "" {
		p.Link = e.options.Link(r.ID, d.Recipient)
	}
	if e.options.Names {
		p.Name = people.Elders[r.Elder].Name
		if r.Kind == Stranger {
			p.Name = e.registry.Inbox().Called(r.Device)
		}
	}
	d.sending.busy = true
	d.Attempts++
	d.At = now
	t.busy[lane]++
	ctx, attempted := e.ctx, *d
	e.sends.Go(func() { e.attempt(ctx, sender, t, lane, p, attempted) })
	return nap
}

// attempt sends p once. A sender that does not come back holds its place on
// the line, but the page is tried again.
func (e *Engine) attempt(ctx context.Context, sender Sender, t *traffic, lane int, p Page, d Delivery) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	late := time.AfterFunc(deadline+grace, func() {
		e.finish(t, lane, p, d, Result{Class: Unknown, Detail: "no answer"})
	})
	result := sender.Send(ctx, t.address, p)
	if late.Stop() {
		e.finish(t, lane, p, d, result)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	t.busy[lane]--
	signal(e.wake)
}

// finish notes how an attempt ended. One that is to be repeated is not worth a
// write: after a restart it is repeated at once in any case.
func (e *Engine) finish(t *traffic, lane int, p Page, attempted Delivery, result Result) {
	now := e.options.Clock()
	e.metrics.pages.WithLabelValues(t.channel, string(result.Class)).Inc()
	e.log.Info("page", "incident", p.Incident, "step", p.Step, "channel", t.channel,
		"attempt", p.Attempt, "result", result.Class, "detail", result.Detail)
	e.mu.Lock()
	defer e.mu.Unlock()
	if result.RetryAfter > 0 && result.Class != Accepted {
		t.until = max(t.until, now.Mono+min(result.RetryAfter, MaxRetryAfter))
	}
	if lane > 0 {
		t.ended(result.Class, now.Mono)
	}
	r := e.board.records[p.Incident]
	if r == nil {
		return
	}
	if result.Class == Accepted && t.channel != LogChannel && !r.Paged && r.Kind != Drill {
		r.Paged = true
		r.keeping.revision++
		signal(e.later)
		if waited, same := now.Since(r.Raised); same {
			e.metrics.firstPage.Observe(waited.Seconds())
		}
	}
	if d := r.find(attempted); d != nil {
		d.Result, d.Detail = result.Class, result.Detail
		d.sending.busy = false
		d.sending.next = now.Mono + backoff(d.Attempts)
		d.sending.until = t.until
		if d.done() {
			page := *d
			r.decide(decision{Step: d.Step, At: now, Paged: &page})
			r.keeping.revision++
			signal(e.tell)
			signal(e.later)
		}
	}
	signal(e.wake)
	e.announce()
}

// MaxRetryAfter limits how long a channel may ask to be left alone.
const MaxRetryAfter = 10 * time.Minute

// backoff is the pause after so many attempts at a page, give or take a fifth,
// so that boxes which failed together do not come back together.
func backoff(attempts int) time.Duration {
	pauses := [...]time.Duration{1, 2, 5, 10, 20, 40, 60}
	pause := pauses[min(attempts, len(pauses))-1] * time.Second
	return pause*4/5 + rand.N(pause*2/5)
}
