package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices"
)

// Entry is an event with its place in the journal.
type Entry struct {
	Chain Chain
	Seq   uint64
	Event devices.Event
}

// Position is a place in both chains, indexed by Chain: the sequences after
// which to go on. The zero Position is the beginning.
type Position [len(chains)]uint64

const (
	readEntries = 512
	readBytes   = 1 << 20
)

// Read returns up to most entries of a chain that follow the sequence after, in
// order, or fewer if they are large. None means that there are none yet: what
// was retired or is damaged is skipped, which shows as a gap in the sequence.
// Entries read together share memory: clone what is kept for long.
func (j *Journal) Read(which Chain, after uint64, most int) ([]Entry, error) {
	entries, _, err := j.chains[which].read(&page{}, after, most)
	return entries, err
}

// Last is the newest sequence of a chain that is on disk, 0 if there is none.
func (j *Journal) Last(which Chain) uint64 { return j.chains[which].last.Load() }

// Tail follows both chains from a position on, urgent entries first, until ctx
// ends, the caller stops or an error has been given out. It has no cursor and
// holds nothing back: entries that are retired first are skipped. The Data of an
// entry is good only until the next one is asked for.
func (j *Journal) Tail(ctx context.Context, from Position) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		at := from
		var p page
		for {
			grown := j.growth()
			entries, err := j.readNext(&p, &at, []Chain{Urgent, Ordinary}, readEntries)
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			if err == nil && len(entries) == 0 {
				err = grown.wait(ctx, j.closing, nil)
			}
			if err != nil {
				if ctx.Err() == nil {
					yield(Entry{}, err)
				}
				return
			}
		}
	}
}

// page is memory for entries that are read together.
type page struct {
	entries []Entry
	dec     decoder
}

// again empties the page: what was read into it is no longer good.
func (p *page) again() {
	p.entries, p.dec.data = p.entries[:0], p.dec.data[:0]
}

// readNext reads the next entries of the first of the chains that has any, and
// moves the position behind them. An error comes with no entries.
func (j *Journal) readNext(p *page, at *Position, order []Chain, most int) ([]Entry, error) {
	for _, which := range order {
		c := j.chains[which]
		for at[which] < c.last.Load() {
			entries, upto, err := c.read(p, at[which], most)
			if err != nil {
				return nil, err
			}
			at[which] = upto
			if len(entries) > 0 {
				return entries, nil
			}
		}
	}
	return nil, nil
}

// read fills a page anew, and returns the sequence up to which the chain has
// been read; without an error, that is beyond after if the chain is.
func (c *chain) read(p *page, after uint64, most int) (_ []Entry, upto uint64, err error) {
	p.again()
	last, left := c.last.Load(), readBytes
	upto = after
	if upto < last {
		p.entries = slices.Grow(p.entries, int(min(last-upto, uint64(max(0, min(most, readEntries))))))
	}
	for upto < last && len(p.entries) < most && left > 0 {
		seg, limit := c.files.find(upto + 1)
		if seg == nil {
			return p.entries, last, nil
		}
		end := min(limit-1, last)
		readable := end
		if from := seg.damaged.Load(); from > 0 {
			readable = min(readable, from-1)
		}
		if readable <= upto {
			upto = max(upto, end)
			continue
		}
		stopped, seen := false, seg.mended.Load()
		err := c.readFile(seg, upto+1, readable, &p.dec, func(e *Entry, size int) bool {
			p.entries = append(p.entries, *e)
			upto = e.Seq
			left -= size
			stopped = len(p.entries) >= most || left <= 0
			return !stopped
		})
		switch {
		case stopped:
		case err == nil, errors.Is(err, os.ErrNotExist) && !c.files.has(seg): // just retired
			upto = end
		case errors.Is(err, ErrDamaged), errors.Is(err, errMissing), errors.Is(err, os.ErrNotExist):
			if c.quarantine == nil || seen >= mostMends {
				c.damaged(seg, upto+1, err)
			} else if err := c.mend(seg, seen, err); err != nil {
				return nil, after, fmt.Errorf("journal: %w", err)
			}
		default:
			return nil, after, fmt.Errorf("journal: read %s: %w", seg.path, err)
		}
	}
	return p.entries, upto, nil
}

// readFile gives fn the entries of a file from one sequence up to another,
// until fn returns false.
func (c *chain) readFile(seg *segment, from, to uint64, dec *decoder, fn func(*Entry, int) bool) error {
	h, err := c.files.acquire(seg)
	if err != nil {
		return err
	}
	err = c.scan(h, seg, from, to, dec, fn)
	if errors.Is(err, ErrDamaged) {
		c.files.forget(seg, h)
		return err
	}
	return errors.Join(err, c.files.release(h))
}

// scan gives fn the entries of an open file, one after the other in the same
// place, and the size of their records. It ends with errMissing where a record
// is damaged, or is not there and should be.
func (c *chain) scan(h *handle, seg *segment, from, to uint64, dec *decoder, fn func(*Entry, int) bool) error {
	return h.view(func(tx *bolt.Tx) error {
		bucket := tx.Bucket(bucketEvents)
		if bucket == nil {
			return fmt.Errorf("%w: no events", ErrDamaged)
		}
		cursor := bucket.Cursor()
		from = max(from, seg.first)
		e := Entry{Chain: c.which}
		e.Event.Urgency = devices.Urgency(c.which)
		for k, v := cursor.Seek(key(from)); k != nil; k, v = cursor.Next() {
			seq := sequence(k)
			if seq > to {
				break
			}
			if seq != from && !covered(h.holes, from, seq-1) {
				return fmt.Errorf("%w: %d follows %d", errMissing, seq, from-1)
			}
			err := dec.decode(&e.Event, k, v)
			if err != nil && (errors.Is(err, errChecksum) || len(v) < minRecord) {
				return fmt.Errorf("%w: %d: %w", errMissing, seq, err)
			}
			from = seq + 1
			if err != nil {
				c.skipped(seg, seq, err) // as it was written, and not for this version
				continue
			}
			e.Seq = seq
			if !fn(&e, len(v)) {
				return nil
			}
		}
		if from <= to && !covered(h.holes, from, to) {
			return fmt.Errorf("%w: %d to %d", errMissing, from, to)
		}
		return nil
	})
}

// damaged notes that a file cannot be read from a sequence on.
func (c *chain) damaged(seg *segment, from uint64, err error) {
	before := seg.damaged.Swap(from)
	if before == 0 {
		c.metrics.damaged.Inc()
		c.log.Error("file is damaged, the rest of it is skipped", "file", seg.path, "from", from, "error", err)
	}
}

// skipped counts a record that makes no sense although it is not damaged.
func (c *chain) skipped(seg *segment, seq uint64, err error) {
	c.metrics.skipped.Inc()
	if seg.skipped.CompareAndSwap(false, true) {
		c.log.Error("records are skipped", "file", seg.path, "first", seq, "error", err)
	}
}

// growth tells when there is more in either chain. It is asked for before
// reading, and waited for after nothing was found.
type growth [len(chains)]<-chan struct{}

func (j *Journal) growth() growth {
	var g growth
	for _, which := range chains {
		g[which] = j.chains[which].watched()
	}
	return g
}

// wait returns nil when there is more, or when due has come.
func (g growth) wait(ctx context.Context, closing <-chan struct{}, due <-chan time.Time) error {
	select {
	case <-g[Ordinary]:
	case <-g[Urgent]:
	case <-due:
	case <-closing:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
