package usage

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/compartment"
	"github.com/linli-edge/gateway/sync/journal"
)

// Where the state file was lost, the figures are made again of what the journal
// still has. The platform has figures of the lost file, and must not be told
// lower ones. So it is told nothing until the journal has been read up to where
// it was when the file was begun, and then only of what is surely complete:
//
//   - Where sequences are missing, because they were retired or destroyed, all
//     days up to that of the next event are held back.
//   - After that, the state of each compartment is unsure until something is
//     put in or taken out; the days on which it is are held back for its
//     facility. Held back too are the figures of levels, and those to which a
//     thing adds that was not met before: it may have been counted on a day
//     that is lost.
//
// Rows that are held back are counted and shown, but never sent: the platform
// stays at its last receipt.
//
//	bucket "rebuild"  "until": the last sequence to be read again, while that goes on
//	                  "done": when it has ended
//	                  "next", "urgent": the sequences that are due
//	                  "through": the last day that is held back
//	                  "broken": sequences are missing, and no day is known since
//	                  "unsure": sequences were missing
//	                  "newest": the latest wall time met, seconds since 1970
//	bucket "held"     key: day / facility, or day / facility / indicator
//	bucket "sure"     key: as in "things", of the compartments that are sure again
const (
	bucketRebuild = "rebuild"
	bucketHeld    = "held"
	bucketSure    = "sure"
)

// beginRebuild notes, when the file is opened for the first time, whether it takes
// the place of one that may have been lost.
func beginRebuild(state *journal.State) (until uint64, err error) {
	begun, err := state.Begun()
	if err != nil || begun[journal.Ordinary] == 0 {
		return 0, err
	}
	err = state.View(func(tx *journal.Tx) error {
		until = rebuildNumber(tx, "until")
		if until == 0 && tx.Get(bucketRebuild, []byte("done")) == nil {
			until = begun[journal.Ordinary]
		}
		return nil
	})
	if err != nil || until == 0 {
		return 0, err
	}
	return until, state.Update(func(tx *journal.Tx) error {
		tx.Put(bucketRebuild, []byte("until"), number(until))
		return nil
	})
}

// rebuild is what a batch knows of a rebuild that goes on.
type rebuild struct {
	until, next, nextUrgent, newest uint64
	broken, unsure                  bool
	through                         string
}

func rebuildNumber(tx *journal.Tx, key string) uint64 {
	if v := tx.Get(bucketRebuild, []byte(key)); len(v) == 8 {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func loadRebuild(tx *journal.Tx) rebuild {
	return rebuild{
		until: rebuildNumber(tx, "until"), newest: rebuildNumber(tx, "newest"),
		next: max(1, rebuildNumber(tx, "next")), nextUrgent: max(1, rebuildNumber(tx, "urgent")),
		broken: tx.Get(bucketRebuild, []byte("broken")) != nil, unsure: tx.Get(bucketRebuild, []byte("unsure")) != nil,
		through: string(tx.Get(bucketRebuild, []byte("through"))),
	}
}

// met takes note of an entry before it is folded. The urgent chain is read
// before the ordinary one.
func (b *batch) met(entry journal.Entry, received time.Time) {
	r := &b.rebuild
	if r.until == 0 {
		return
	}
	if entry.Chain == journal.Urgent {
		if entry.Seq != r.nextUrgent {
			r.unsure = true
			r.through = max(r.through, Day(received))
		}
		r.nextUrgent = entry.Seq + 1
		return
	}
	if r.next <= r.until && entry.Seq != r.next {
		r.broken, r.unsure = true, true
		for key := range b.tx.Ascend(bucketSure, nil) {
			b.tx.Delete(bucketSure, key)
		}
	}
	r.next = entry.Seq + 1
	if !b.calendar.Known() {
		return
	}
	r.newest = max(r.newest, uint64(max(received.Unix(), 0)))
	if r.broken {
		r.broken, r.through = false, max(r.through, Day(received))
	}
}

// doubt holds back the day for a facility where the state of a compartment is
// not surely what it was.
func (b *batch) doubt(device devices.Device, facility string, n int, day string, changes []compartment.Change) {
	if b.rebuild.until == 0 || !b.rebuild.unsure {
		return
	}
	key := []byte(thingKey(thingCompartment, device.ID, strconv.Itoa(n)))
	if b.tx.Get(bucketSure, key) != nil {
		return
	}
	b.tx.Put(bucketHeld, []byte(day+"/"+facility), nil)
	for _, c := range changes {
		if c.Kind == compartment.Came || c.Kind == compartment.Went {
			b.tx.Put(bucketSure, key, nil)
		}
	}
}

// held tells whether a row is held back.
func (b *batch) held(key string) bool {
	day, rest, _ := strings.Cut(key, "/")
	facility, _, _ := strings.Cut(rest, "/")
	if b.rebuild.through != "" && day <= b.rebuild.through || b.tx.Get(bucketHeld, []byte(key)) != nil {
		return true
	}
	if len(day) == len(time.DateOnly) {
		return b.tx.Get(bucketHeld, []byte(day+"/"+facility)) != nil
	}
	// A month is known if each of its days is.
	for held := range b.tx.Ascend(bucketHeld, []byte(day+"-")) {
		if !strings.HasPrefix(string(held), day+"-") {
			break
		}
		if _, of, _ := strings.Cut(string(held), "/"); of == facility || of == rest {
			return true
		}
	}
	return false
}

// takeBack takes the rows that are held back, and were counted before that was
// known, out of what is told.
func (b *batch) takeBack() error {
	for change, key := range b.tx.Ascend(bucketChanges, nil) {
		if !b.held(string(key)) {
			continue
		}
		var row record
		if err := json.Unmarshal(b.tx.Get(bucketRows, key), &row); err != nil {
			return fmt.Errorf("row %q: damaged: %w", key, err)
		}
		row.Change = 0
		value, err := json.Marshal(row)
		if err != nil {
			return fmt.Errorf("encode row: %w", err)
		}
		b.tx.Put(bucketRows, key, value)
		b.tx.Delete(bucketChanges, change)
	}
	return nil
}

// saveRebuild writes how far the rebuild has come, and ends it when there is
// nothing left to read again.
func (b *batch) saveRebuild() error {
	r := b.rebuild
	if r.until == 0 {
		return nil
	}
	put := func(key string, set bool, value []byte) {
		if set {
			b.tx.Put(bucketRebuild, []byte(key), value)
		} else {
			b.tx.Delete(bucketRebuild, []byte(key))
		}
	}
	put("next", true, number(r.next))
	put("urgent", true, number(r.nextUrgent))
	put("newest", true, number(r.newest))
	put("broken", r.broken, nil)
	put("unsure", r.unsure, nil)
	put("through", r.through != "", []byte(r.through))
	if r.next <= r.until || r.broken {
		return nil
	}
	put("until", false, nil)
	put("done", true, nil)
	for key := range b.tx.Ascend(bucketSure, nil) {
		b.tx.Delete(bucketSure, key)
	}
	if err := b.takeBack(); err != nil {
		return err
	}
	// Higher than that of the lost file, whatever the clock says now: that one
	// had counted these events, or was begun before them.
	if g := metaNumber(b.tx, "generation"); g > 0 {
		b.tx.Put(bucketMeta, []byte("generation"), number(max(g, r.newest+1)))
	}
	return nil
}
