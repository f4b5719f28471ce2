package usage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/linli-edge/gateway/sync/journal"
)

// Part is what one entry of the journal adds to a figure.
type Part struct {
	Entry                  journal.Entry
	Numerator, Denominator int64
}

// Explanation is how a figure came about.
type Explanation struct {
	Row Row
	// Parts are the entries that made it, in their order, chain by chain. What
	// they add up to may be less than the row says: the journal does not keep
	// its entries for as long as the rows are kept.
	Parts                  []Part
	Numerator, Denominator int64
}

// ErrNoRow is returned where there is no such figure.
var ErrNoRow = errors.New("no such row")

// Explain tells which entries of the journal made a row: it counts anew what
// the journal holds, beside the statistics, and watches that row.
func (u *Usage) Explain(ctx context.Context, period, facility, indicator string) (x Explanation, err error) {
	rows, err := u.Rows(period)
	if err != nil {
		return x, err
	}
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Facility == facility && r.Indicator == indicator })
	if i < 0 {
		return x, ErrNoRow
	}
	x.Row = rows[i]
	parts, err := u.recount(ctx, func(row string) bool {
		day, rest, _ := strings.Cut(row, "/")
		return rest == facility+"/"+indicator && (day == period || len(period) == monthLength && monthOf(day) == period)
	})
	if err != nil {
		return x, err
	}
	for _, key := range slices.Sorted(maps.Keys(parts)) {
		p := parts[key]
		if p.Numerator == 0 && p.Denominator == 0 {
			continue // taken back: it belongs to another day
		}
		chain, seq := journal.Ordinary, key
		if key>>63 == 1 {
			chain, seq = journal.Urgent, key&^(1<<63)
		}
		entries, err := u.journal.Read(chain, seq-1, 1)
		if err != nil {
			return x, err
		}
		if len(entries) == 1 && entries[0].Seq == seq {
			p.Entry = entries[0]
		} else { // retired meanwhile
			p.Entry = journal.Entry{Chain: chain, Seq: seq}
		}
		x.Parts = append(x.Parts, *p)
		x.Numerator += p.Numerator
		x.Denominator += p.Denominator
	}
	return x, nil
}

// recount folds the journal into a state of its own, which is thrown away, and
// returns what each entry adds to the rows that are watched, by sequence; that
// of an urgent one has the highest bit set.
func (u *Usage) recount(ctx context.Context, watched func(row string) bool) (parts map[uint64]*Part, err error) {
	dir, err := os.MkdirTemp("", "linli-explain-")
	if err != nil {
		return nil, fmt.Errorf("recount: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	aside, err := journal.Open(dir, journal.Options{Clock: u.options.Clock})
	if err != nil {
		return nil, fmt.Errorf("recount: %w", err)
	}
	defer func() { err = errors.Join(err, aside.Close()) }()
	state, err := aside.OpenState(stateName)
	if err != nil {
		return nil, fmt.Errorf("recount: %w", err)
	}
	defer func() { err = errors.Join(err, state.Close()) }()

	parts = map[uint64]*Part{}
	trace := func(row string, draft []byte, a amount) {
		if !watched(row) {
			return
		}
		seq := binary.BigEndian.Uint64(draft)
		if parts[seq] == nil {
			parts[seq] = &Part{}
		}
		parts[seq].Numerator += a.numerator
		parts[seq].Denominator += a.denominator
	}
	people := u.community.Snapshot()
	var at journal.Position
	for ctx.Err() == nil {
		entries, err := u.merged(&at)
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 {
			break
		}
		err = state.Update(func(tx *journal.Tx) error {
			_, err := apply(tx, entries, people, u.options, 0, map[string]*thing{}, trace)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("recount: %w", err)
		}
	}
	return parts, context.Cause(ctx)
}

// merged are the next entries of both chains, in the order in which they were
// received: so an entry is blamed for what it added, as at the time.
func (u *Usage) merged(at *journal.Position) ([]journal.Entry, error) {
	var read [2][]journal.Entry
	chains := [2]journal.Chain{journal.Urgent, journal.Ordinary}
	for i, chain := range chains {
		var err error
		if read[i], err = u.journal.Read(chain, at[chain], 2048); err != nil {
			return nil, err
		}
	}
	var list []journal.Entry
	// When one runs out, it may have more that comes before the rest of the
	// other: that is read again, unless there is none.
	for len(read[0]) > 0 && len(read[1]) > 0 {
		i := 0
		if read[1][0].Event.Received.Wall.Before(read[0][0].Event.Received.Wall) {
			i = 1
		}
		list, read[i] = append(list, read[i][0]), read[i][1:]
	}
	if len(list) == 0 {
		list = append(read[0], read[1]...)
	}
	for _, e := range list {
		at[e.Chain] = e.Seq
	}
	return list, nil
}
