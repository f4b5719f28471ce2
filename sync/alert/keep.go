package alert

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
)

// stateName names the state file, bucketIncidents the bucket in it. Key: the
// incident's ID. Value: its record as JSON.
const (
	stateName       = "alert"
	bucketIncidents = "incidents"
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
		return nil
	})
}

// writes is what one transaction puts into the state file.
type writes []write

type write struct {
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
		ws = append(ws, write{r.ID, value, r.keeping.revision, r.Step})
	}
	for id := range e.board.dropped {
		ws = append(ws, write{id: id})
	}
	return ws, nil
}

func (ws writes) put(tx *journal.Tx) {
	for _, w := range ws {
		if w.value == nil {
			tx.Delete(bucketIncidents, []byte(w.id))
		} else {
			tx.Put(bucketIncidents, []byte(w.id), w.value)
		}
	}
}

// saved is called after a commit: what it wrote may be acted on. Callers hold
// mu.
func (e *Engine) saved(ws writes) {
	for _, w := range ws {
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
			if !pause(ctx, again) {
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
		if !pause(ctx, again) {
			return
		}
	}
}

// apply is called again for the same entries after a commit that failed; the
// board knows them then.
func (e *Engine) apply(tx *journal.Tx, entries []journal.Entry) error {
	if e.disk != nil {
		if err := e.disk(); err != nil {
			return err
		}
	}
	e.take(entries)
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
		event, r, step := e.unrecorded()
		if r == "" {
			select {
			case <-ctx.Done():
				return
			case <-e.tell:
			}
			continue
		}
		if err := e.recorder.Record(ctx, event); err != nil {
			if !pause(ctx, again) {
				return
			}
			e.log.Error("a decision cannot be journaled, trying again", "incident", r, "error", err)
			continue
		}
		e.recorded(r, step)
	}
}

// unrecorded returns the next decision that is on disk here and not in the
// journal, as an event, with its incident and step; the incident is "" if
// there is none.
func (e *Engine) unrecorded() (event devices.Event, incident string, step int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.board.sorted() {
		if len(r.Unrecorded) == 0 || r.Unrecorded[0].Step > r.keeping.keptStep {
			continue
		}
		event, err := r.event(r.Unrecorded[0])
		if err != nil {
			e.log.Error("a decision cannot be journaled", "incident", r.ID, "error", err)
			r.Unrecorded = slices.Clone(r.Unrecorded[1:])
			continue
		}
		return event, r.ID, r.Unrecorded[0].Step
	}
	return devices.Event{}, "", 0
}

// event is the decision as the journal keeps it.
func (r *record) event(d decision) (devices.Event, error) {
	var p devices.Payload = Escalated{Incident: r.ID, Round: d.Round, Step: d.Step, Pages: d.Pages}
	if d.Raised {
		p = Raised{Incident: r.ID, Kind: r.Kind, Device: r.Device, Round: d.Round, Step: d.Step, Pages: d.Pages}
	}
	event, err := devices.New(devices.GatewayDevice, p)
	event.ID = fmt.Sprintf("incident/%s/%d", r.ID, d.Step)
	event.Received = d.At
	return event, err
}

// recorded forgets a decision that is in the journal.
func (e *Engine) recorded(incident string, step int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.board.records[incident]
	if r == nil {
		return
	}
	r.Unrecorded = slices.DeleteFunc(r.Unrecorded, func(d decision) bool { return d.Step == step })
	r.keeping.revision++
	signal(e.later)
}
