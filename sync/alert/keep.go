package alert

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/sync/journal"
)

// stateName names the state file. In bucketIncidents the key is the incident's
// ID, the value its record as JSON; in bucketSilences the key is mode and
// scope, the value the silence as JSON.
const (
	stateName       = "alert"
	bucketIncidents = "incidents"
	bucketSilences  = "silences"
)

// load fills the board from the state file. A record that makes no sense is
// left out: it must not keep the others from being called. If the file was
// lost, the fold will read the urgent chain again from its beginning.
func (e *Engine) load() error {
	begun, err := e.state.Begun()
	if err != nil {
		return err
	}
	for _, f := range e.journal.Stats().Followers {
		if f.Name == stateName {
			e.folded = f.At[journal.Urgent]
		}
	}
	if e.relearn = begun[journal.Urgent]; e.folded < e.relearn {
		e.board.again = rand.Text()
		e.log.Warn("incidents are made again of the journal", "after", e.folded, "until", e.relearn)
	}
	return e.state.View(func(tx *journal.Tx) error {
		for id, value := range tx.Ascend(bucketIncidents, nil) {
			var r record
			if err := json.Unmarshal(value, &r); err != nil || r.ID != string(id) {
				e.log.Error("an incident on disk cannot be read", "incident", string(id), "error", err)
				continue
			}
			e.board.load(&r)
		}
		for key, value := range tx.Ascend(bucketSilences, nil) {
			s := silence{kept: true}
			if err := json.Unmarshal(value, &s.Silence); err != nil {
				e.log.Error("a silence on disk cannot be read, it has ended", "error", err)
				continue
			}
			e.board.silences[string(key)] = &s
		}
		return nil
	})
}

// writes is what one transaction puts into the state file.
type writes []write

type write struct {
	bucket   string
	id       string
	value    []byte // nil to delete
	revision uint64
	step     int
}

// collect takes everything that the file does not have yet. It must be called
// inside the transaction that writes it: then a later transaction never
// carries anything older.
func (e *Engine) collect() (writes, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ws writes
	for _, r := range e.board.records {
		if r.keeping.revision == r.keeping.kept {
			continue
		}
		value, err := json.Marshal(r)
		if err != nil {
			return nil, fmt.Errorf("encode incident %s: %w", r.ID, err)
		}
		ws = append(ws, write{bucketIncidents, r.ID, value, r.keeping.revision, r.Step})
	}
	for id := range e.board.dropped {
		ws = append(ws, write{bucket: bucketIncidents, id: id})
	}
	for key, s := range e.board.silences {
		if s.kept {
			continue
		}
		w := write{bucket: bucketSilences, id: key}
		if s.Minutes > 0 {
			var err error
			if w.value, err = json.Marshal(s.Silence); err != nil {
				return nil, fmt.Errorf("encode silence: %w", err)
			}
		}
		ws = append(ws, w)
	}
	return ws, nil
}

func (ws writes) put(tx *journal.Tx) {
	for _, w := range ws {
		if w.value == nil {
			tx.Delete(w.bucket, []byte(w.id))
		} else {
			tx.Put(w.bucket, []byte(w.id), w.value)
		}
	}
}

// saved is called after a commit: what it wrote may be acted on. Callers hold
// mu.
func (e *Engine) saved(ws writes) {
	for _, w := range ws {
		if w.bucket == bucketSilences {
			e.board.keptSilence(w.id, w.value)
			continue
		}
		r := e.board.records[w.id]
		if w.value == nil {
			delete(e.board.dropped, w.id)
		} else if r != nil {
			k := &r.keeping
			k.kept = max(k.kept, w.revision)
			k.keptStep = max(k.keptStep, w.step)
			k.released = max(k.released, w.step)
			if len(r.Unrecorded) > 0 {
				signal(e.tell)
			}
		}
	}
	if len(ws) > 0 {
		e.turn()
		signal(e.wake)
	}
}

// commit writes what has changed, if anything has.
func (e *Engine) commit() error {
	if !e.dirty() {
		return nil
	}
	if e.disk != nil {
		if err := e.disk(); err != nil {
			return err
		}
	}
	var ws writes
	err := e.state.Update(func(tx *journal.Tx) (err error) {
		ws, err = e.collect()
		ws.put(tx)
		return err
	})
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.saved(ws)
	return nil
}

func (e *Engine) dirty() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.board.records {
		if r.keeping.revision != r.keeping.kept {
			return true
		}
	}
	for _, s := range e.board.silences {
		if !s.kept {
			return true
		}
	}
	return len(e.board.dropped) > 0
}

// keep writes what the engine itself decides and learns: steps at once,
// results together.
func (e *Engine) keep(ctx context.Context) {
	timer := time.NewTimer(company)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.save:
		case <-e.later:
			timer.Reset(company)
			select {
			case <-ctx.Done():
				return
			case <-e.save:
			case <-timer.C:
			}
		}
		if err := e.commit(); err != nil {
			e.log.Error("alert state cannot be written, trying again", "error", err)
			if !clock.Pause(ctx, again) {
				return
			}
			signal(e.save)
		}
	}
}

// handed is what the fold's present transaction holds.
type handed struct {
	writes writes
	seq    uint64
}

// fold follows the urgent chain.
func (e *Engine) fold(ctx context.Context) {
	for {
		err := e.journal.Fold(ctx, e.state, journal.Fold{
			Chains: []journal.Chain{journal.Urgent},
			Apply:  e.apply, Committed: e.committed,
		})
		if ctx.Err() != nil {
			return
		}
		e.log.Error("alerts cannot follow the journal, trying again", "error", err)
		if !clock.Pause(ctx, again) {
			return
		}
	}
}

// apply is called again for the same entries after a commit that failed; the
// board knows them then.
func (e *Engine) apply(tx *journal.Tx, entries []journal.Entry) error {
	e.take(entries)
	signal(e.wake) // the siren need not wait until it is on disk
	if e.disk != nil {
		if err := e.disk(); err != nil {
			return err
		}
	}
	ws, err := e.collect()
	e.folding = handed{ws, entries[len(entries)-1].Seq}
	ws.put(tx)
	return err
}

func (e *Engine) take(entries []journal.Entry) {
	people, now := e.people(), e.options.Clock()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, entry := range entries {
		if entry.Seq > e.relearn {
			e.relearned()
		}
		if concerns(entry.Event.Type) {
			e.learn(entry.Event, people, now)
		}
		if entry.Seq == e.relearn {
			e.relearned()
		}
	}
	e.announce()
}

// relearned ends what load began: what the board has decided meanwhile it had
// decided long ago, and the journal has it. Callers hold mu.
func (e *Engine) relearned() {
	if e.board.again != "" {
		e.board.again = ""
		e.board.decided()
	}
}

// learn applies one event to the board. Callers hold mu.
func (e *Engine) learn(event devices.Event, people roll, now devices.Stamp) {
	r, err := e.board.apply(event, people, now)
	switch {
	case err != nil:
		e.log.Error("an event could not be applied", "type", event.Type, "error", err)
	case r == nil:
	case r.ID == identity(event):
		e.metrics.incidents.WithLabelValues(string(r.Kind)).Inc()
		e.log.Warn("incident raised", "incident", r.ID, "kind", r.Kind)
	default:
		e.log.Info("incident changed", "incident", r.ID, "by", event.Type, "phase", r.Phase)
	}
}

// committed lets the pages out that the transaction has decided on.
func (e *Engine) committed() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.folded = e.folding.seq
	if !e.ready && e.folded >= e.backlog {
		e.ready = true
		signal(e.wake)
	}
	for id, w := range e.watched {
		if w.seq != 0 && w.seq <= e.folded {
			delete(e.watched, id)
		}
	}
	e.saved(e.folding.writes)
	e.announce()
}

// report hands decisions to the journal, each under an identity that follows
// from the decision, so that handing it over twice does no harm.
func (e *Engine) report(ctx context.Context) {
	for {
		batch := e.unrecorded()
		if len(batch) == 0 {
			select {
			case <-ctx.Done():
				return
			case <-e.tell:
			}
			continue
		}
		// Together, so that they share a commit of the journal.
		var together sync.WaitGroup
		failures := make([]error, len(batch))
		for i, u := range batch {
			together.Go(func() { failures[i] = e.recorder.Record(ctx, u.event) })
		}
		together.Wait()
		for i, u := range batch {
			if failures[i] == nil {
				e.recorded(u.incident, u.event.ID)
			}
		}
		if err := errors.Join(failures...); err != nil {
			if !clock.Pause(ctx, again) {
				return
			}
			e.log.Error("decisions cannot be journaled, trying again", "error", err)
		}
	}
}

// unrecorded is a decision that is on disk here and not in the journal.
type unrecorded struct {
	incident string
	event    devices.Event
}

// atOnceRecorded is how many decisions are journaled together.
const atOnceRecorded = 64

func (e *Engine) unrecorded() (batch []unrecorded) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.board.sorted() {
		for _, d := range r.Unrecorded {
			if d.Step > r.keeping.keptStep || len(batch) == atOnceRecorded {
				break
			}
			event, err := r.event(d)
			if err != nil {
				e.log.Error("a decision cannot be journaled", "incident", r.ID, "error", err)
				continue
			}
			batch = append(batch, unrecorded{r.ID, event})
		}
	}
	return batch
}

// event is the decision as the journal keeps it.
func (r *record) event(d decision) (devices.Event, error) {
	var p devices.Payload = Escalated{Incident: r.ID, Round: d.Round, Step: d.Step, Pages: d.Pages}
	switch {
	case d.Paged != nil:
		p = Paged{
			Incident: r.ID, Step: d.Step, Recipient: d.Paged.Recipient, Channel: d.Paged.Channel, Why: d.Paged.Why, Group: d.Paged.Group,
			Result: d.Paged.Result, Detail: d.Paged.Detail, Attempts: d.Paged.Attempts,
		}
	case d.Raised:
		p = Raised{
			Incident: r.ID, Kind: r.Kind, Device: r.Device, Round: d.Round, Step: d.Step, Pages: d.Pages,
			Priority: r.Priority, Because: r.Because,
		}
	}
	event, err := devices.New(devices.GatewayDevice, p)
	event.ID = r.identify(d)
	event.Received = d.At
	return event, err
}

// identify is the identity of a decision as an event.
func (r *record) identify(d decision) string {
	if d.Paged != nil {
		return "page/" + d.Paged.key(r.ID+r.Again)
	}
	return fmt.Sprintf("incident/%s/%d", r.ID, d.Step)
}

// recorded forgets a decision that is in the journal.
func (e *Engine) recorded(incident, identity string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.board.records[incident]
	if r == nil {
		return
	}
	r.Unrecorded = slices.DeleteFunc(r.Unrecorded, func(d decision) bool { return r.identify(d) == identity })
	r.keeping.revision++
	signal(e.later)
}
