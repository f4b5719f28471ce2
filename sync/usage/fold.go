package usage

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
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
	frozen    int
}

type changeLabel struct {
	kind   devices.Kind
	change string
}

// batch is the work of one transaction.
type batch struct {
	tx       *journal.Tx
	people   *registry.Snapshot
	months   Months
	since    uint64 // the least generation
	rows     map[string]*record
	things   map[string]*thing
	members  map[string]int64 // how often, of those that were counted
	calendar clock.Calendar
	boots    []clock.Boot // of the calendar, as on disk
	marks    []span       // days that have become uncertain for good
	drafts   int          // more, or fewer
	newest   string       // day
	today    string       // day, "" while the time is not known
	now      int64        // seconds since 1970, 0 while the time is not known
	rebuild  rebuild
	tally    tally
	trace    func(row string, draft []byte, a amount) // nil but for Explain

	// Of the entry that is being folded.
	seq     uint64
	told    int  // how many drafts it has made
	strange bool // a thing was met for the first time

	draft   []byte   // key of the draft that is being counted
	amounts []amount // of it
	name    []byte   // key of the row that one of them is added to
	key     []byte   // of a thing or a member that is being looked up
}

// apply folds entries of the journal in one transaction. The things are those
// that are known from transactions before; they are as on disk again once this
// one is committed, and of no use if it fails.
func apply(tx *journal.Tx, entries []journal.Entry, people *registry.Snapshot, o Options, since uint64, things map[string]*thing, trace func(string, []byte, amount)) (tally, error) {
	b := &batch{
		tx: tx, people: people, months: o.Months, since: since, trace: trace,
		rows: map[string]*record{}, things: things, members: map[string]int64{},
		newest: string(tx.Get(bucketMeta, []byte("newest"))),
		tally:  tally{changes: map[changeLabel]int{}}, rebuild: loadRebuild(tx),
	}
	var err error
	if b.calendar, err = loadCalendar(tx); err != nil {
		return tally{}, err
	}
	b.boots = slices.Clone(b.calendar.Boots)
	for entry := range journal.InTurns(entries) {
		if err := b.entry(entry); err != nil {
			return tally{}, err
		}
	}
	if err := b.save(); err != nil {
		return tally{}, err
	}
	return b.tally, b.saveRebuild()
}

// entry folds an event.
func (b *batch) entry(entry journal.Entry) error {
	e := entry.Event
	b.seq, b.told, b.strange = entry.Seq, 0, false
	var at, received clock.Moment
	if entry.Chain == journal.Urgent {
		b.seq |= 1 << 63
		at = b.urgent(e)
		received = at
	} else {
		// Every stamp of the ordinary chain tells of the time, whoever
		// reports. Those of the other would come out of their order.
		if e.Received.Boot != (devices.BootID{}) { // else recorded by somebody who had no clock
			if err := b.learn(e.Received); err != nil {
				return err
			}
		}
		received = b.calendar.Resolve(clock.Moment{Boot: e.Received.Boot, Mono: e.Received.Mono})
		at = b.calendar.Moment(e)
	}
	b.met(entry, received.At)
	counted, err := b.event(e, at, received)
	if err != nil || !counted {
		return err
	}
	b.since = max(b.since, uint64(max(received.At.Unix(), 0)))
	if entry.Chain == journal.Ordinary {
		b.today, b.now = "", 0
		if b.calendar.Known() {
			b.today, b.now = Day(received.At), received.At.Unix()
			b.newest = max(b.newest, b.today)
		}
	}
	return nil
}

// urgent is when an event of the urgent chain happened. Its boot may be one of
// which the ordinary chain has not told yet, or no longer does.
func (b *batch) urgent(e devices.Event) clock.Moment {
	m := clock.Moment{Boot: e.Received.Boot, Mono: e.Received.Mono, Observed: e.Observed}
	if resolved := b.calendar.Resolve(m); !resolved.At.IsZero() {
		return resolved
	}
	if e.Received.Synced {
		return clock.Moment{At: e.When()}
	}
	return m
}

// event counts what an event tells, if anything counts it.
func (b *batch) event(e devices.Event, at, received clock.Moment) (counted bool, err error) {
	if e.Device == devices.GatewayDevice {
		return true, b.own(e, at, received)
	}
	device, known := b.people.Devices[e.Device]
	fold, counts := folds[device.Kind]
	switch {
	case known && !counts, e.Type == rejected:
		return false, nil
	case !known || Place(device.Device) == "":
		b.tally.unplaced++
		return false, nil
	}
	d := placed{Device: device, place: Place(device.Device), received: received, stamp: e.Received}
	if e.Type == typeSilent || e.Type == typeStatus {
		return true, b.heard(d, e, received)
	}
	payload, _, err := vocabulary.Parse(device.Kind, e.Type, e.Data)
	if errors.Is(err, devices.ErrUnknownType) {
		return false, nil // what intake or the box says of the device
	} else if err != nil {
		b.tally.malformed++
		return false, nil
	}
	if err := b.heard(d, e, received); err != nil {
		return false, err
	}
	return true, fold(b, d, payload, at)
}

// placed is a device, and the facility where it counts.
type placed struct {
	registry.Device
	place    string
	received clock.Moment
	stamp    devices.Stamp
}

// Place is the facility at which a device counts: its own; the box itself for
// what hangs in homes. "" for a device that should have one.
func Place(d devices.Device) string {
	if d.Facility != "" {
		return d.Facility
	}
	switch d.Kind {
	case wearable.Kind, bed.Kind, alarm.Kind, room.Kind, visit.Kind:
		return devices.GatewayDevice
	}
	return ""
}

// emit counts what an occurrence adds to figures; since is zero for one that
// has no duration.
func (b *batch) emit(facility string, at, since clock.Moment, counts ...count) error {
	b.told++
	b.draft = appendDraftKey(b.draft[:0], b.seq, b.told-1)
	return b.keep(b.draft, draft{Facility: facility, Counts: counts, At: at, Since: since})
}

// row is the record of a key, to be changed in place.
func (b *batch) row(key []byte) (*record, error) {
	if r, ok := b.rows[string(key)]; ok {
		return r, nil
	}
	r := &record{}
	if value := b.tx.Get(bucketRows, key); value != nil {
		if err := json.Unmarshal(value, r); err != nil {
			return nil, fmt.Errorf("row %q: damaged: %w", key, err)
		}
	}
	b.rows[string(key)] = r
	return r, nil
}

// save writes what was changed: each row once, at a change number of its own.
func (b *batch) save() error {
	if err := errors.Join(b.saveCalendar(), b.saveDrafts()); err != nil {
		return err
	}
	b.saveMarks()
	b.saveMembers()
	if err := b.saveThings(); err != nil {
		return err
	}
	if len(b.rows) == 0 {
		return nil
	}
	if metaNumber(b.tx, "generation") == 0 {
		b.tx.Put(bucketMeta, []byte("generation"), number(b.since))
	}
	if err := b.foldMonths(); err != nil {
		return err
	}
	change := metaNumber(b.tx, "change")
	for _, key := range slices.Sorted(maps.Keys(b.rows)) {
		row := b.rows[key]
		if row.Change != 0 {
			b.tx.Delete(bucketChanges, number(row.Change))
		}
		row.N++
		row.Change, row.Changed = 0, b.now
		held := b.held(key)
		if !held && row.N > 1 && b.frozen(key) { // its first figure is no revision
			held = true
			b.tally.frozen++
		}
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
			b.tx.Put(bucketPeriods, []byte(lane(key)), number(change))
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
	if err := b.forget(); err != nil {
		return err
	}
	oldest := daysBefore(b.newest, keepDays)
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
	for period := range b.tx.Ascend(bucketPeriods, nil) {
		if string(period) >= oldest {
			break
		}
		b.tx.Delete(bucketPeriods, period)
	}
	return nil
}

// daysBefore is the day that lies n days before another, "" before any if
// there is none.
func daysBefore(day string, n int) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return "0000-00-00"
	}
	return at.AddDate(0, 0, -n).Format(time.DateOnly)
}
