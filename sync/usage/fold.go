package usage

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/compartment"
	"github.com/linli-edge/gateway/sync/journal"
)

// rejected reports are journaled for people to see, and counted by intake.
var rejected = devices.Rejected{}.EventType()

// keepDays is how long rows are kept.
const keepDays = 2 * 366

// tally is what one transaction counts for the metrics.
type tally struct {
	changes   map[changeLabel]int
	unplaced  int
	malformed int
	undated   int // more, or fewer
	lost      int
}

type changeLabel struct {
	kind   devices.Kind
	change compartment.Kind
}

// batch is the work of one transaction.
type batch struct {
	tx        *journal.Tx
	directory devices.Directory
	since     uint64 // the least generation
	rows      map[string]*record
	states    map[string]*kept
	calendar  clock.Calendar
	boots     []clock.Boot // of the calendar, as on disk
	marks     []span       // days that have become uncertain for good
	drafts    int          // more, or fewer
	newest    string       // day
	rebuild   rebuild
	tally     tally
}

// kept is what is remembered of a compartment.
type kept struct {
	compartment.State
	// Came is when the contents did. State.Since is that as well, but as it
	// was known at the time.
	Came clock.Moment `json:"came,omitzero"`
}

// apply folds entries of the journal in one transaction.
func apply(tx *journal.Tx, entries []journal.Entry, directory devices.Directory, since uint64) (tally, error) {
	b := &batch{
		tx: tx, directory: directory, since: since,
		rows: map[string]*record{}, states: map[string]*kept{},
		newest: string(tx.Get(bucketMeta, []byte("newest"))),
		tally:  tally{changes: map[changeLabel]int{}}, rebuild: loadRebuild(tx),
	}
	var err error
	if b.calendar, err = loadCalendar(tx); err != nil {
		return tally{}, err
	}
	b.boots = slices.Clone(b.calendar.Boots)
	for _, entry := range entries {
		if err := b.entry(entry); err != nil {
			return tally{}, err
		}
	}
	if err := b.save(); err != nil {
		return tally{}, err
	}
	return b.tally, b.saveRebuild()
}

// entry folds an event. Every stamp tells of the time, whoever reports.
func (b *batch) entry(entry journal.Entry) error {
	e := entry.Event
	if err := b.learn(e.Received); err != nil {
		return err
	}
	received := b.calendar.Resolve(clock.Moment{Boot: e.Received.Boot, Mono: e.Received.Mono}).At
	b.met(entry.Seq, received)
	device, known := b.directory.Device(e.Device)
	kind, counted := kinds[device.Kind]
	switch {
	case known && !counted, e.Device == devices.GatewayDevice, e.Type == rejected:
		return nil
	case !known || device.Facility == "":
		b.tally.unplaced++
		return nil
	}
	payload, _, err := vocabulary.Parse(device.Kind, e.Type, e.Data)
	if errors.Is(err, devices.ErrUnknownType) {
		return nil // what intake or the box says of the device
	} else if err != nil {
		b.tally.malformed++
		return nil
	}
	state, err := b.state(device.ID, kind.compartment(payload))
	if err != nil {
		return err
	}
	at := b.calendar.Moment(e)
	next, changes := kind.step(state.State, payload, at.At)
	state.State = next
	b.doubt(device, kind.compartment(payload), Day(at.At), changes)
	for i, change := range changes {
		b.tally.changes[changeLabel{device.Kind, change.Kind}]++
		if err := b.keep(draftKey(entry.Seq, i), draftOf(device, change, at, state)); err != nil {
			return err
		}
	}
	b.since = max(b.since, uint64(max(received.Unix(), 0)))
	if b.calendar.Known() {
		b.newest = max(b.newest, Day(received))
	}
	return nil
}

func compartmentKey(device string, n int) []byte {
	return binary.BigEndian.AppendUint16([]byte(device+"\x00"), uint16(n))
}

// state is the state of a compartment, to be changed in place.
func (b *batch) state(device string, n int) (*kept, error) {
	key := string(compartmentKey(device, n))
	if s, ok := b.states[key]; ok {
		return s, nil
	}
	s := &kept{}
	if value := b.tx.Get(bucketCompartments, []byte(key)); value != nil {
		if err := json.Unmarshal(value, s); err != nil {
			return nil, fmt.Errorf("compartment %q: damaged: %w", key, err)
		}
	}
	b.states[key] = s
	return s, nil
}

// row is the record of a key, to be changed in place.
func (b *batch) row(key string) (*record, error) {
	if r, ok := b.rows[key]; ok {
		return r, nil
	}
	r := &record{}
	if value := b.tx.Get(bucketRows, []byte(key)); value != nil {
		if err := json.Unmarshal(value, r); err != nil {
			return nil, fmt.Errorf("row %q: damaged: %w", key, err)
		}
	}
	b.rows[key] = r
	return r, nil
}

// save writes what was changed: each row once, at a change number of its own.
func (b *batch) save() error {
	if err := errors.Join(b.saveCalendar(), b.saveDrafts()); err != nil {
		return err
	}
	b.saveMarks()
	for key, state := range b.states {
		value, err := json.Marshal(state)
		if err != nil {
			return fmt.Errorf("encode compartment: %w", err)
		}
		b.tx.Put(bucketCompartments, []byte(key), value)
	}
	if len(b.rows) == 0 {
		return nil
	}
	if metaNumber(b.tx, "generation") == 0 {
		b.tx.Put(bucketMeta, []byte("generation"), number(b.since))
	}
	change := metaNumber(b.tx, "change")
	for _, key := range slices.Sorted(maps.Keys(b.rows)) {
		row := b.rows[key]
		if row.Change != 0 {
			b.tx.Delete(bucketChanges, number(row.Change))
		}
		row.N++
		row.Change = 0
		held := b.held(key)
		if !held {
			change++
			row.Change = change
		}
		value, err := json.Marshal(row)
		if err != nil {
			return fmt.Errorf("encode row: %w", err)
		}
		b.tx.Put(bucketRows, []byte(key), value)
		if !held {
			b.tx.Put(bucketChanges, number(change), []byte(key))
		}
	}
	b.tx.Put(bucketMeta, []byte("change"), number(change))
	return b.prune()
}

// prune removes the rows that are too old, once a day. The day is one on which
// the time was known: a wrong one would remove them all.
func (b *batch) prune() error {
	if b.newest <= string(b.tx.Get(bucketMeta, []byte("newest"))) {
		return nil
	}
	b.tx.Put(bucketMeta, []byte("newest"), []byte(b.newest))
	newest, err := time.Parse(time.DateOnly, b.newest)
	if err != nil {
		return fmt.Errorf("newest day: %w", err)
	}
	oldest := newest.AddDate(0, 0, -keepDays).Format(time.DateOnly)
	for key, value := range b.tx.Ascend(bucketRows, nil) {
		if string(key) >= oldest {
			break
		}
		row, err := decodeRow(string(key), value, 0)
		if err != nil {
			return err
		}
		b.tx.Delete(bucketRows, key)
		b.tx.Delete(bucketChanges, number(row.Change))
	}
	for from, to := range b.tx.Ascend(bucketUncertain, nil) {
		if string(to) < oldest {
			b.tx.Delete(bucketUncertain, from)
		}
	}
	return nil
}
