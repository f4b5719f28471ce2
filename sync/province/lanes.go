package province

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/usage"
)

const bucketCursors = "cursors"

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// cursorKey is that of a lane of a generation.
func cursorKey(generation uint64, lane string) []byte {
	return append(number(generation), lane...)
}

// cursors are how far the lanes of a generation have been accepted.
func (s *Sender) cursors(generation uint64) (map[string]uint64, error) {
	at := map[string]uint64{}
	err := s.state.View(func(tx *journal.Tx) error {
		for key, value := range tx.Ascend(bucketCursors, number(generation)) {
			if binary.BigEndian.Uint64(key) != generation {
				break
			}
			at[string(key[8:])] = binary.BigEndian.Uint64(value)
		}
		return nil
	})
	return at, err
}

// rank is when a lane's turn is: today's alerts, the newest closed day and
// month, the rest of today, and then what is older.
func rank(l usage.Lane, today string) int {
	yesterday := ""
	if at, err := time.Parse(time.DateOnly, today); err == nil {
		yesterday = at.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	switch {
	case l.Period >= today && l.Alerts:
		return 0
	case l.Period == yesterday:
		return 1
	case l.Period >= today, strings.HasPrefix(today, l.Period):
		return 2
	}
	return 3
}

// pending are the lanes in which there is something to send, in the order of
// their turn.
func pending(lanes []usage.Lane, at map[string]uint64, today string) []usage.Lane {
	lanes = slices.DeleteFunc(lanes, func(l usage.Lane) bool { return at[l.Key()] >= l.Change })
	slices.SortStableFunc(lanes, func(a, b usage.Lane) int {
		return cmp.Or(cmp.Compare(rank(a, today), rank(b, today)), -cmp.Compare(a.Period, b.Period), -cmp.Compare(a.Key(), b.Key()))
	})
	return lanes
}

// batch is what is sent in one request.
type batch struct {
	rows []usage.Row
	// upTo is how far each of its lanes is accepted when the rows are.
	upTo map[string]uint64
}

// next gathers the rows whose turn it is, up to a full batch.
func (s *Sender) next(generation uint64) (batch, error) {
	b := batch{upTo: map[string]uint64{}}
	lanes, err := s.usage.Lanes()
	if err != nil {
		return b, err
	}
	at, err := s.cursors(generation)
	if err != nil {
		return b, err
	}
	for _, l := range pending(lanes, at, s.today()) {
		room := contract.MaxRows - len(b.rows)
		if room == 0 {
			break
		}
		rows, err := s.usage.LaneRows(l, at[l.Key()], room)
		if err != nil {
			return b, err
		}
		b.rows = append(b.rows, rows...)
		b.upTo[l.Key()] = l.Change // of rows that are held back there are none
		if len(rows) == room {
			b.upTo[l.Key()] = rows[len(rows)-1].Change
		}
	}
	return b, nil
}

// today is the day by the best clock there is.
func (s *Sender) today() string { return usage.Day(s.platformTime()) }

// advance moves the cursors, and forgets those of other generations.
func (s *Sender) advance(generation uint64, b batch, sent tally) error {
	return s.state.Update(func(tx *journal.Tx) error {
		for lane, change := range b.upTo {
			tx.Put(bucketCursors, cursorKey(generation, lane), number(change))
		}
		for key := range tx.Ascend(bucketCursors, nil) {
			if binary.BigEndian.Uint64(key) >= generation {
				break
			}
			tx.Delete(bucketCursors, key)
		}
		return addTally(tx, sent)
	})
}

// Resend sends a period again, of all facilities: the platform knows what it has.
func (s *Sender) Resend(period string) error {
	generation, err := s.usage.Generation()
	if err != nil {
		return err
	}
	return s.state.Update(func(tx *journal.Tx) error {
		for _, alerts := range []bool{true, false} {
			tx.Delete(bucketCursors, cursorKey(generation, usage.Lane{Period: period, Alerts: alerts}.Key()))
		}
		return nil
	})
}

// backlog is how many rows are waiting.
func (s *Sender) backlog() (n int, err error) {
	generation, err := s.usage.Generation()
	if err != nil || generation == 0 {
		return 0, err
	}
	at, err := s.cursors(generation)
	if err != nil {
		return 0, err
	}
	return s.usage.Waiting(at)
}
