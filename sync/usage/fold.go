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
	"github.com/linli-edge/gateway/devices/compartment"
	"github.com/linli-edge/gateway/sync/journal"
)

// plausible is a time before which nothing was ever counted: a clock that
// says less has not been set.
var plausible = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// rejected reports are journaled for people to see, and counted by intake.
var rejected = devices.Rejected{}.EventType()

// keepDays is how long rows are kept.
const keepDays = 2 * 366

// tally is what one transaction counts for the metrics.
type tally struct {
	changes   map[changeLabel]int
	unplaced  int
	malformed int
	parked    int // more, or fewer
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
	states    map[string]*compartment.State
	newest    string // day
	parked    bool   // whether anything is
	tally     tally
}

// apply folds entries of the journal in one transaction.
func apply(tx *journal.Tx, entries []journal.Entry, directory devices.Directory, since uint64) (tally, error) {
	b := &batch{
		tx: tx, directory: directory, since: since,
		rows: map[string]*record{}, states: map[string]*compartment.State{},
		newest: string(tx.Get(bucketMeta, []byte("newest"))),
		tally:  tally{changes: map[changeLabel]int{}},
	}
	for range tx.Ascend(bucketParked, nil) {
		b.parked = true
		break
	}
	for _, entry := range entries {
		if err := b.entry(entry); err != nil {
			return tally{}, err
		}
	}
	return b.tally, b.save()
}

// entry folds an event, or parks it until the time is known.
func (b *batch) entry(entry journal.Entry) error {
	e := entry.Event
	device, known := b.directory.Device(e.Device)
	_, counted := kinds[device.Kind]
	if known && !counted || e.Device == devices.GatewayDevice || e.Type == rejected {
		return b.unpark(e.Received)
	}
	if !known || device.Facility == "" {
		b.tally.unplaced++
		return b.unpark(e.Received)
	}
	if e.Received.Wall.Before(plausible) {
		value, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("park event %d: %w", entry.Seq, err)
		}
		b.tx.Put(bucketParked, number(entry.Seq), value)
		b.parked = true
		b.tally.parked++
		return nil
	}
	if err := b.unpark(e.Received); err != nil {
		return err
	}
	return b.event(device, e, e.When())
}

// unpark folds the parked events, if now tells the time.
func (b *batch) unpark(now devices.Stamp) error {
	if !b.parked || now.Wall.Before(plausible) {
		return nil
	}
	for key, value := range b.tx.Ascend(bucketParked, nil) {
		var e devices.Event
		if err := json.Unmarshal(value, &e); err != nil {
			return fmt.Errorf("parked event %d: %w", binary.BigEndian.Uint64(key), err)
		}
		b.tx.Delete(bucketParked, key)
		b.tally.parked--
		at := now.Wall
		if elapsed, ok := now.Since(e.Received); ok {
			at = at.Add(-elapsed)
		}
		e.Received.Wall = at
		if device, ok := b.directory.Device(e.Device); ok && device.Facility != "" {
			if err := b.event(device, e, e.When()); err != nil {
				return err
			}
		} else {
			b.tally.unplaced++
		}
	}
	b.parked = false
	return nil
}

// event runs the state machine of the event's compartment and counts what
// comes of it.
func (b *batch) event(device devices.Device, e devices.Event, at time.Time) error {
	kind := kinds[device.Kind]
	if kind.step == nil {
		return nil // the device is of another kind by now
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
	next, changes := kind.step(*state, payload, at)
	*state = next
	for _, change := range changes {
		b.tally.changes[changeLabel{device.Kind, change.Kind}]++
		for _, a := range kind.count(change) {
			row, err := b.row(rowKey(Day(change.At), device.Facility, a.of.Code))
			if err != nil {
				return err
			}
			row.add(a)
		}
	}
	b.since = max(b.since, uint64(e.Received.Wall.Unix()))
	if e.Received.Synced {
		b.newest = max(b.newest, Day(e.Received.Wall))
	}
	return nil
}

// state is the state of a compartment, to be changed in place.
func (b *batch) state(device string, n int) (*compartment.State, error) {
	key := string(binary.BigEndian.AppendUint16([]byte(device+"\x00"), uint16(n)))
	if s, ok := b.states[key]; ok {
		return s, nil
	}
	s := &compartment.State{}
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
		change++
		row.Change = change
		row.N++
		value, err := json.Marshal(row)
		if err != nil {
			return fmt.Errorf("encode row: %w", err)
		}
		b.tx.Put(bucketRows, []byte(key), value)
		b.tx.Put(bucketChanges, number(change), []byte(key))
	}
	b.tx.Put(bucketMeta, []byte("change"), number(change))
	return b.prune()
}

// prune removes the rows that are too old, once a day. The day is one on which
// the clock was synchronised: a wrong one would remove them all.
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
	return nil
}
