package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices"
)

// Chain is one of the two sequences of the journal.
type Chain uint8

// The chains. An event's urgency decides in which it is kept.
const (
	Ordinary = Chain(devices.Ordinary)
	Urgent   = Chain(devices.Urgent)
)

var chains = [...]Chain{Ordinary, Urgent}

// String is "ordinary" or "urgent".
func (c Chain) String() string { return devices.Urgency(c).String() }

func chainOf(e *devices.Event) Chain {
	if e.Urgency == devices.Urgent {
		return Urgent
	}
	return Ordinary
}

// chain is one sequence of events, its files, and the goroutine that writes
// them.
type chain struct {
	which        Chain
	wait         time.Duration
	segmentBytes int64
	log          *slog.Logger
	metrics      *chainMetrics
	files        *segments
	quarantine   *quarantine // nil if nothing may be written
	faults       *faults
	janitor      *janitor

	last atomic.Uint64 // newest sequence on disk

	mu      sync.Mutex
	filling *batch
	closed  bool
	crowd   int           // callers of the last commit and since, if they are many; 0 for urgent events, which wait for nobody
	work    chan struct{} // capacity 1: the batch has begun, is full, or the chain is closed

	watchMu sync.Mutex
	watch   chan struct{} // closed at the next commit; nil if nobody waits

	rotateNow atomic.Bool // the janitor finds the active file too old

	mending sync.Mutex // held while a file is mended
	writing sync.Mutex // held for a commit, and while the active file is let go of

	// What follows belongs to the writing goroutine, and the active file with
	// what goes with it to whoever holds writing.
	ended        time.Time // the last commit
	fresh        []int     // events of the batch being committed that are not redeliveries
	key          [8]byte
	spareEvents  []pending // memory for the next batch
	spareRecords []byte
	ids          *recent
	unwritten    int // newest of ids that are not on disk yet
	active       *segment
	handle       *handle
	records      int            // in the active file
	used         int64          // bytes of the active file in use
	doubt        error          // the last commit failed, and may yet be in the file
	sealing      sync.WaitGroup // goroutines that seal full files
}

// faults lets tests make commits fail. Both are nil outside of tests.
type faults struct {
	before func(Chain) error // instead of the commit
	after  func(Chain) error // after a commit that went well
}

// write commits batches until the chain is closed.
func (c *chain) write() {
	for b := c.take(); b != nil; b = c.take() {
		c.settle(b, c.commit(b))
	}
	c.sealing.Wait()
}

// commit puts the events of b on disk, but for those that are there already.
func (c *chain) commit(b *batch) error {
	fresh := c.fresh[:0]
	for i := range b.events {
		if c.ids.add(&b.events[i].id) {
			fresh = append(fresh, i)
		}
	}
	c.fresh = fresh
	if len(fresh) > 0 {
		start := time.Now()
		c.unwritten = len(fresh)
		c.writing.Lock()
		err := c.commitFresh(b, fresh)
		if isFull(err) && c.files.reserved() > 0 {
			err = c.commitFresh(b, fresh)
		}
		c.writing.Unlock()
		c.unwritten = 0
		if err != nil {
			c.ids.drop(len(fresh))
			c.failed(err)
			return fmt.Errorf("journal: %s chain: %w", c.which, err)
		}
		c.metrics.committed(len(fresh), time.Since(start))
		c.notify()
	}
	c.metrics.duplicates.Add(float64(len(b.events) - len(fresh)))
	return nil
}

// commitFresh writes those events of b whose indices are given.
func (c *chain) commitFresh(b *batch, fresh []int) error {
	if err := c.makeReady(); err != nil {
		return err
	}
	seq := c.last.Load()
	err := guard(func() error {
		tx, err := c.handle.db.Begin(true)
		if err != nil {
			return err
		}
		c.metrics.wear.count(tx)
		bucket := tx.Bucket(bucketEvents)
		bucket.FillPercent = 1 // sequences only grow: no page is ever split in its middle
		for _, i := range fresh {
			seq++
			binary.BigEndian.PutUint64(c.key[:], seq)
			record := b.record(i)
			binary.LittleEndian.PutUint32(record[len(record)-crcBytes:], checksum(b.events[i].crc, c.key[:]))
			if err := bucket.Put(c.key[:], record); err != nil {
				return errors.Join(err, tx.Rollback())
			}
		}
		if c.faults.before != nil {
			if err := c.faults.before(c.which); err != nil {
				return errors.Join(err, tx.Rollback())
			}
		}
		size := tx.Size()
		if err := tx.Commit(); err != nil {
			return err
		}
		stats := tx.Stats()
		written := stats.GetPageAlloc() + int64(c.handle.db.Info().PageSize)
		c.used = size
		c.metrics.written.Add(float64(written))
		if c.faults.after != nil {
			return c.faults.after(c.which)
		}
		return nil
	})
	if err != nil {
		if errors.Is(err, ErrDamaged) {
			c.handle.died()
		}
		c.doubt = err
		return err
	}
	c.records += len(fresh)
	c.last.Store(seq)
	return nil
}

// failed says so once, until a commit goes well again.
func (c *chain) failed(err error) {
	c.metrics.failures.Inc()
	if c.metrics.failing.CompareAndSwap(false, true) {
		c.log.Error("commits fail", "error", err)
	}
	if isFull(err) {
		c.quarantine.empty()
		c.janitor.full(c.which)
	}
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// makeReady sees to it that the active file can be written.
func (c *chain) makeReady() error {
	switch {
	case c.active == nil:
		return c.begin()
	case c.doubt != nil || c.handle.dead.Load():
		if c.handle.dead.Load() || !isFull(c.doubt) || c.files.reserved() > 0 || c.leftOver() {
			if err := c.begin(); err != nil {
				return err
			}
		}
		c.doubt = nil
	case c.used >= c.segmentBytes || c.rotateNow.Load() && c.records > 0:
		if err := c.begin(); err != nil {
			// The old file still works, only it is large.
			c.log.Warn("no new file", "error", err)
		}
	}
	return nil
}

// leftOver tells whether the active file shows more than was acknowledged.
func (c *chain) leftOver() bool {
	newest, _, err := c.newest()
	return err != nil || newest > c.last.Load()
}

// newest reads the newest sequence of the active file, 0 if it is empty, and
// how much of the file is in use.
func (c *chain) newest() (seq uint64, used int64, err error) {
	err = c.handle.view(func(tx *bolt.Tx) error {
		used = tx.Size()
		bucket := tx.Bucket(bucketEvents)
		if bucket == nil {
			return fmt.Errorf("%w: no events", ErrDamaged)
		}
		k, _ := bucket.Cursor().Last()
		seq = sequence(k)
		return nil
	})
	return seq, used, err
}

// begin makes a new active file, and lets go of the old one: sealed if it is
// full, abandoned if it failed, overwritten if nothing was ever acknowledged in
// it.
func (c *chain) begin() error {
	first := c.last.Load() + 1
	if old := c.active; old != nil && old.first == first {
		if err := c.letGo(); err != nil {
			return err
		}
	}
	seg, h, err := c.files.create(first)
	if err != nil {
		return err
	}
	if len(c.files.all()) == 1 {
		if err := c.files.raiseFloor(first); err != nil {
			c.log.Warn("where the chain begins is not noted", "error", err)
		}
	}
	if c.active != nil {
		if c.doubt == nil && !c.handle.dead.Load() {
			c.seal()
		} else if err := c.letGo(); err != nil {
			c.log.Warn("file does not close", "error", err)
		}
	}
	c.active, c.handle, c.records, c.used = seg, h, 0, 0
	c.rotateNow.Store(false)
	c.janitor.look()
	return nil
}

// letGo ends the use of the active file as it is.
func (c *chain) letGo() error {
	seg, h := c.active, c.handle
	c.active, c.handle = nil, nil
	if h.dead.Load() {
		c.files.forget(seg, h)
		return nil
	}
	return c.files.release(h)
}

// seal saves the identities of the active file in it, and lets go of it. The
// file that follows does not wait for that.
func (c *chain) seal() {
	seg, h := c.active, c.handle
	ids := c.ids.last(c.records + c.unwritten)
	ids = ids[:len(ids)-c.unwritten]
	c.sealing.Go(func() {
		err := h.update(func(tx *bolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists(bucketSeal)
			if err != nil {
				return err
			}
			c.metrics.wear.count(tx)
			return bucket.Put(keyIDs, encodeIdentities(ids))
		})
		if err == nil {
			err = h.trim()
		}
		if err = errors.Join(err, c.files.release(h)); err != nil {
			// The next start will scan the file instead.
			c.log.Warn("file is not sealed", "file", seg.path, "error", err)
		}
	})
}

// watched returns a channel that is closed when the chain grows beyond what
// it holds now.
func (c *chain) watched() <-chan struct{} {
	c.watchMu.Lock()
	defer c.watchMu.Unlock()
	if c.watch == nil {
		c.watch = make(chan struct{})
	}
	return c.watch
}

func (c *chain) notify() {
	c.watchMu.Lock()
	defer c.watchMu.Unlock()
	if c.watch != nil {
		close(c.watch)
		c.watch = nil
	}
}
