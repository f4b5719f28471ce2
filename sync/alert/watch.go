package alert

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/sync/journal"
)

// watchState names the state file of the rules. In bucketSubjects the key is
// "elder/ID", "device/ID" or "box", the value JSON of what the rules remember.
const (
	watchState     = "watch"
	bucketSubjects = "subjects"
)

// WatchOptions of a Watch. All may be left out.
type WatchOptions struct {
	// Free tells how much of the disk is left, in percent.
	Free func() (int, error)
	// Ask asks an elder by a device whether all is well, and tells whether the
	// device can.
	Ask func(device string) bool
	// Every is how long events may wait for company.
	Every time.Duration
}

// Watch is the rules for what no single event says: that somebody has not come
// back to bed, has not fetched a meal, wanders, or has nothing to call for
// help with; that food is unsafe, a door open, the box was off. It follows the
// ordinary chain, with a state file of its own, so that no call for help waits
// for it, and hands what it finds to the journal as urgent events ([Found]).
//
// What it finds is kept in the transaction that moves its cursor, then
// journaled under an identity that follows from the finding: a crash in
// between repeats it harmlessly.
type Watch struct {
	engine  *Engine
	options WatchOptions
	state   *journal.State
	tell    chan struct{}

	mu      sync.Mutex
	board   *watchboard
	seen    uint64 // sequence up to which the board knows the chain
	relearn uint64 // sequence up to which a state file that is lost may have known it
}

const (
	watchEvery = 2 * time.Second
	watchTick  = 10 * time.Second
)

// OpenWatch reads what the rules remember. Close must be called after it.
func OpenWatch(e *Engine, o WatchOptions) (*Watch, error) {
	if o.Every == 0 {
		o.Every = watchEvery
	}
	w := &Watch{engine: e, options: o, tell: make(chan struct{}, 1), board: &watchboard{subjects: map[string]*subject{}}}
	var err error
	if w.state, err = e.journal.OpenState(watchState); err != nil {
		return nil, fmt.Errorf("open rules: %w", err)
	}
	err = w.state.View(func(tx *journal.Tx) error {
		for key, value := range tx.Ascend(bucketSubjects, nil) {
			var s subject
			if err := json.Unmarshal(value, &s); err != nil {
				e.log.Error("what the rules remember cannot be read, they begin anew", "subject", string(key), "error", err)
				continue
			}
			w.board.subjects[string(key)] = &s
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open rules: %w", err), w.state.Close())
	}
	begun, err := w.state.Begun()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open rules: %w", err), w.state.Close())
	}
	w.relearn = begun[journal.Ordinary]
	if box := w.board.of(boxKey); box.Generation == "" {
		box.Generation, box.changed = rand.Text()[:8], true
	}
	return w, nil
}

// Close lets go of the state file. Run must have returned.
func (w *Watch) Close() error { return w.state.Close() }

// Run watches until ctx ends. It returns nil; whatever fails meanwhile is
// logged and tried again.
func (w *Watch) Run(ctx context.Context) error {
	w.mu.Lock()
	w.board.began(w.engine.options.Clock())
	w.mu.Unlock()
	var tasks sync.WaitGroup
	tasks.Go(func() { w.fold(ctx) })
	tasks.Go(func() { w.report(ctx) })
	tick := time.NewTicker(watchTick)
	defer tick.Stop()
	for {
		if err := w.state.Update(func(tx *journal.Tx) error { return w.turn(tx, nil) }); err != nil {
			w.failed(err)
		} else {
			signal(w.tell)
		}
		if !w.wait(ctx, tick.C) {
			break
		}
	}
	tasks.Wait()
	w.mu.Lock()
	w.board.ends(w.engine.options.Clock())
	w.mu.Unlock()
	if err := w.state.Update(func(tx *journal.Tx) error { return w.turn(tx, nil) }); err != nil {
		w.failed(err)
	}
	return nil
}

// wait returns when there is something to write, or false when ctx ends.
func (w *Watch) wait(ctx context.Context, tick <-chan time.Time) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick:
		}
		w.mu.Lock()
		w.ask()
		dirty := w.dirty()
		w.mu.Unlock()
		if dirty {
			return true
		}
	}
}

func (w *Watch) dirty() bool {
	for _, s := range w.board.subjects {
		if s.changed {
			return true
		}
	}
	return false
}

// ask asks all rules, as things are now. Callers hold mu.
func (w *Watch) ask() {
	left := -1
	if w.options.Free != nil {
		if percent, err := w.options.Free(); err == nil {
			left = percent
		}
	}
	w.board.ask(newScene(w.engine.registry.Snapshot(), w.engine.options.Clock()), left)
}

// question asks an elder by every device that can.
func (w *Watch) question(elder string) {
	asked := false
	if w.options.Ask != nil {
		for _, d := range w.engine.registry.Snapshot().DevicesOf(elder) {
			asked = !d.Retired && w.options.Ask(d.ID) || asked
		}
	}
	if !asked {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.board.unasked(elder)
	}
}

// fold follows the ordinary chain.
func (w *Watch) fold(ctx context.Context) {
	for {
		err := w.engine.journal.Fold(ctx, w.state, journal.Fold{
			Chains: []journal.Chain{journal.Ordinary}, Every: w.options.Every,
			Apply: w.turn, Committed: func() { signal(w.tell) },
		})
		if ctx.Err() != nil {
			return
		}
		w.failed(err)
		if !clock.Pause(ctx, again) {
			return
		}
	}
}

// failed has everything written again that a failed commit may have held.
func (w *Watch) failed(err error) {
	w.engine.log.Error("what the rules remember cannot be written, trying again", "error", err)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.board.subjects {
		s.changed = true
	}
}

// turn takes in events, asks the rules, and puts what has changed. It is called
// again with the same entries after a commit that failed; the board knows them
// then.
func (w *Watch) turn(tx *journal.Tx, entries []journal.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	people := w.engine.registry.Snapshot()
	for entry := range journal.InTurns(entries) {
		if entry.Seq <= w.seen {
			continue
		}
		w.seen = entry.Seq
		w.board.observe(entry.Event, newScene(people, entry.Event.Received))
		if entry.Seq <= w.relearn {
			w.board.forgetPending() // it was told long ago
		}
	}
	w.ask()
	if n := len(entries); n > 0 && entries[n-1].Seq <= w.relearn {
		w.board.forgetPending()
	}
	for key, s := range w.board.subjects {
		if !s.changed {
			continue
		}
		if elder, ok := strings.CutPrefix(key, "elder/"); ok && s.Fix != nil {
			w.engine.located(elder, s.Fix.Last)
		}
		value, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("encode %s: %w", key, err)
		}
		tx.Put(bucketSubjects, []byte(key), value)
		s.changed = false
	}
	return nil
}

// report hands findings to the journal, and visits to the incidents.
func (w *Watch) report(ctx context.Context) {
	for {
		waiting := w.pending()
		if len(waiting) == 0 {
			select {
			case <-ctx.Done():
				return
			case <-w.tell:
			}
		}
		for _, p := range waiting {
			var err error
			switch {
			case p.Found != nil:
				err = w.engine.Report(ctx, *p.Found, p.ID)
			case p.Ask != "":
				w.question(p.Ask)
			default:
				_, err = w.engine.Visit(ctx, p.Elder, p.Visitor, p.How, p.At)
			}
			if err != nil {
				if !clock.Pause(ctx, again) {
					return
				}
				w.engine.log.Error("a finding cannot be journaled, trying again", "error", err)
				continue
			}
			w.mu.Lock()
			w.board.settled(p.key, p.ID)
			w.mu.Unlock()
		}
	}
}

// awaiting is what waits of a subject.
type awaiting struct {
	key string
	pending
}

// pending is the oldest that waits of each subject, findings first: whoever
// taps a label again and again is before nobody.
func (w *Watch) pending() (list []awaiting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, s := range w.board.subjects {
		if len(s.Pending) > 0 {
			list = append(list, awaiting{key, s.Pending[0]})
		}
	}
	slices.SortFunc(list, func(a, b awaiting) int {
		if found := a.Found != nil; found != (b.Found != nil) {
			if found {
				return -1
			}
			return 1
		}
		return strings.Compare(a.key, b.key)
	})
	return list
}

// Visit says of the open incidents of an elder that somebody was there at a
// time, as [Engine.Arrive] does, and returns how many there are; the care round
// is none. What has called since was not there to be seen.
func (e *Engine) Visit(ctx context.Context, elder, by, how string, at devices.Stamp) (open int, err error) {
	open, waiting := e.around(elder, at)
	for _, id := range waiting {
		err = errors.Join(err, e.Arrive(ctx, id, by, how))
	}
	return open, err
}

// around is how many incidents of an elder are open, and where nobody is on
// scene who called before then. A visit is nearly always to somebody who has
// none: none is copied.
func (e *Engine) around(elder string, then devices.Stamp) (open int, waiting []string) {
	boot := e.options.Clock().Boot
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, r := range e.board.records {
		if r.Elder != elder || r.Phase == PhaseResolved || r.Kind == RoundDue {
			continue
		}
		open++
		called := r.Last
		if r.Pressed != (devices.Stamp{}) {
			called = r.Pressed // what repeats it is no call
		}
		since, same := then.Since(called)
		if r.Phase != PhaseOnScene && (same && since >= 0 || !same && then.Boot == boot) {
			waiting = append(waiting, id)
		}
	}
	slices.Sort(waiting)
	return open, waiting
}

// Round is when an elder is to be visited again.
type Round struct {
	Elder string `json:"elder"`
	// Last is for how many minutes nobody was there, Due in how many somebody
	// should be: below 0 if it is overdue.
	Last int `json:"last_minutes"`
	Due  int `json:"due_minutes"`
}

// Near tells whether it is time to visit: the second half of the time between
// two visits has begun.
func (r Round) Near() bool { return r.Last >= r.Due }

// When says when the visit is due.
func (r Round) When(lang texts.Lang) string {
	if r.Due < 0 {
		return texts.AlertRounds.Overdue.In(lang, -r.Due/60, -r.Due%60)
	}
	return texts.AlertRounds.Due.In(lang, r.Due/60, r.Due%60)
}

// Rounds lists the elders of the care round who are at home, the most urgent
// first.
func (w *Watch) Rounds() []Round {
	sc := newScene(w.engine.registry.Snapshot(), w.engine.options.Clock())
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []Round
	for id, care := range sc.people.Cares {
		if s := w.board.subjects["elder/"+id]; care.RoundHours > 0 && !sc.away(care) && s != nil && s.Visit != nil {
			gone := minutes(elapsed(sc.now, *s.Visit))
			list = append(list, Round{Elder: id, Last: gone, Due: care.RoundHours*60 - gone})
		}
	}
	slices.SortFunc(list, func(a, b Round) int { return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Elder, b.Elder)) })
	return list
}

// Confirm journals a visit that somebody says was made, and returns when that
// is on disk and [Watch.Rounds] knows. How is one of the signs of package visit.
func (w *Watch) Confirm(ctx context.Context, elder, by, how string) error {
	if _, ok := w.engine.registry.Snapshot().Elders[elder]; !ok {
		return texts.Errorf(texts.AlertRounds.NoElder, elder)
	}
	p := visit.Visited{Elder: elder, By: how}
	if devices.CheckID("caregiver", by) == nil {
		p.Caregiver = by
	}
	event, err := devices.New(devices.GatewayDevice, p)
	if err != nil {
		return err
	}
	event.ID, event.Received = rand.Text(), w.engine.options.Clock()
	if err := w.engine.recorder.Record(ctx, event); err != nil {
		return err
	}
	// The fold comes to it with the others, and changes nothing more.
	w.mu.Lock()
	defer w.mu.Unlock()
	w.board.observe(event, newScene(w.engine.registry.Snapshot(), event.Received))
	return nil
}
