package journal

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// A batch is full, and goes at once, with this many events or bytes.
const (
	maxBatchEvents = 4096
	maxBatchBytes  = 4 << 20

	// spareBytes is how large a batch may have been to be used again.
	spareBytes = 512 << 10

	// companyEvents is the size from which an ordinary batch has company
	// enough: what a commit writes beside its events is then no more than some
	// 700 bytes each.
	companyEvents = 32

	// Callers of one commit and those that came while it ran are a crowd, waited
	// for, if there are so many of them; with maxCrowd back a commit is cheap beside its events,
	// in time and in bytes, and the next batch is prepared while it is written.
	minCrowd, maxCrowd = 8, 400

	// crowdWait is how long a crowd may take to come back: some times what 50
	// clients need for their acknowledgements and next messages.
	crowdWait = 2 * time.Millisecond
)

// ErrClosed is returned by everything that is asked of a closed journal.
var ErrClosed = errors.New("journal is closed")

// pending is an event on its way to disk, as its caller prepared it.
type pending struct {
	id   identity
	crc  uint32 // of the record so far
	end  int    // of the record in batch.records
	done func(error)
}

// batch is what one commit writes.
type batch struct {
	events  []pending
	records []byte        // the encoded events, each with room for its checksum
	since   time.Time     // of the first event
	taken   chan struct{} // closed when nothing more is added
	settled chan struct{} // closed when err is known
	err     error
}

func newBatch(events []pending, records []byte) *batch {
	return &batch{events: events[:0], records: records[:0], taken: make(chan struct{}), settled: make(chan struct{})}
}

func (b *batch) full() bool {
	return len(b.events) >= maxBatchEvents || len(b.records) >= maxBatchBytes
}

// record is the i-th encoded event, with room for its checksum.
func (b *batch) record(i int) []byte {
	start := 0
	if i > 0 {
		start = b.events[i-1].end
	}
	return b.records[start:b.events[i].end:b.events[i].end]
}

// enqueue adds e, whose identity is id, to the batch being filled, and returns
// that. It waits while the batch is full. To take the identity is left to the
// callers, lest it come on top of the room for the record on their stacks.
func (c *chain) enqueue(ctx context.Context, e *devices.Event, id identity, done func(error)) (*batch, error) {
	var space [512]byte
	record, err := encode(space[:0], e)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	p := pending{id: id, done: done}
	c.mu.Lock()
	for c.filling.full() && !c.closed {
		taken := c.filling.taken
		c.mu.Unlock()
		select {
		case <-taken:
		case <-ctx.Done():
			return nil, fmt.Errorf("journal: %s chain is behind: %w", c.which, context.Cause(ctx))
		}
		c.mu.Lock()
	}
	if c.closed {
		c.mu.Unlock()
		return nil, ErrClosed
	}
	b := c.filling
	if len(b.events) == 0 {
		b.since = time.Now()
	}
	begin := len(b.records)
	b.records = append(b.records, record...)
	p.crc = crc32.Checksum(b.records[begin:], castagnoli) // of the copy: what it is taken of would leave the stack
	b.records = append(b.records, make([]byte, crcBytes)...)
	p.end = len(b.records)
	b.events = append(b.events, p)
	n := len(b.events)
	wake := n == 1 || n == companyEvents || n == c.crowd || b.full()
	c.mu.Unlock()
	if wake {
		c.wake()
	}
	return b, nil
}

// wake makes the writer look at the batch being filled.
func (c *chain) wake() {
	select {
	case c.work <- struct{}{}:
	default: // it is going to look anyway
	}
}

// close refuses what comes from now on; what was accepted is still written.
func (c *chain) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.wake()
}

// take waits for a batch that is due; nil when the chain is closed and nothing
// is left.
func (c *chain) take() *batch {
	for {
		c.mu.Lock()
		b, closed := c.filling, c.closed
		n, full, since := len(b.events), b.full(), b.since
		c.mu.Unlock()
		switch {
		case n == 0 && closed:
			return nil
		case n == 0:
			<-c.work
			continue
		case full || closed:
		default:
			if left := c.patience(n, since); left > 0 {
				c.await(left)
				continue
			}
		}
		c.mu.Lock()
		c.filling = newBatch(c.spareEvents, c.spareRecords)
		c.spareEvents, c.spareRecords = nil, nil
		c.mu.Unlock()
		close(b.taken)
		return b
	}
}

// await returns after d, or earlier if the batch has become full.
func (c *chain) await(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.work:
	}
}

// patience is how much longer a batch of n events, the first of them of since,
// waits for company: as configured, because flash wears by the commit; and
// after a commit that released a crowd, for the same callers to come back,
// because every second batch would else hold only the quickest of them and take
// as long as the whole.
func (c *chain) patience(n int, since time.Time) time.Duration {
	var left time.Duration
	if n < companyEvents {
		left = c.wait - time.Since(since)
	}
	if n < c.crowd {
		left = max(left, crowdWait-time.Since(c.ended))
	}
	return left
}

// settle tells everyone who waits for b, and keeps its memory for the next.
func (c *chain) settle(b *batch, err error) {
	b.err = err
	close(b.settled)
	for i := range b.events {
		if done := b.events[i].done; done != nil {
			done(err)
		}
	}
	c.released(len(b.events))
	if cap(b.records) <= spareBytes {
		clear(b.events) // lets go of what done refers to
		c.spareEvents, c.spareRecords = b.events, b.records
	}
}

// released takes down how many callers a commit has just let go, and has left.
func (c *chain) released(n int) {
	c.ended = time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.crowd = 0
	if n += len(c.filling.events); n >= minCrowd && c.which == Ordinary {
		c.crowd = min(n, maxCrowd)
	}
}
