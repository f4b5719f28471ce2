package journal

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/salvage"
)

const (
	// mostMends is how often a file is mended before the rest of it is given
	// up: on a disk that garbles what it is given, there would be no end.
	mostMends = 3
	// mendPause is the time between attempts that fail.
	mendPause = 5 * time.Second
)

// mend replaces a damaged file by one that holds what can be rescued from it.
// seen is how often it had been mended when the caller found it damaged; if it
// has been since, there is nothing to do. Readers wait for it, recorders never:
// a file that is being written is let go of, and the next commit begins a new
// one.
func (c *chain) mend(seg *segment, seen uint32, cause error) error {
	c.mending.Lock()
	defer c.mending.Unlock()
	if seg.mended.Load() != seen || !c.files.has(seg) {
		return nil
	}
	if wait := time.Since(seg.triedAt); seg.tried != nil && wait < mendPause {
		return seg.tried
	}
	c.writing.Lock()
	err := c.letGoOf(seg)
	last := c.last.Load()
	c.writing.Unlock()
	if err != nil {
		c.log.Warn("file does not close", "file", seg.path, "error", err)
	}
	if _, limit := c.files.find(seg.first); limit-1 < last {
		last = limit - 1
	}
	found, err := rescue(seg.path, seg.first, last)
	if errors.Is(err, os.ErrNotExist) {
		found, err = &salvaged{}, nil
		cause = errors.New("file is gone")
	}
	if err == nil {
		err = errors.Join(c.replace(seg, found, last, cause), found.free())
	}
	if err != nil {
		if isFull(err) {
			c.quarantine.empty()
			c.janitor.full(c.which)
		}
		err = fmt.Errorf("mend %s: %w", seg.path, err)
	}
	seg.tried, seg.triedAt = err, time.Now()
	return err
}

// letGoOf lets go of the active file, if it is seg.
func (c *chain) letGoOf(seg *segment) error {
	if c.active != seg {
		return nil
	}
	c.doubt = nil
	return c.letGo()
}

// replace puts what was found of a file, up to last, in its place.
func (c *chain) replace(seg *segment, found *salvaged, last uint64, cause error) error {
	holes := found.missing(seg.first, last)
	temporary := seg.path + newSuffix
	if err := os.Remove(temporary); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := found.rebuild(temporary, last, holes); err != nil {
		return errors.Join(err, removed(temporary))
	}
	salvaged := 0
	for _, r := range found.records {
		if r.seq <= last {
			salvaged++
		}
	}
	d := Damage{
		File: filepath.Join(c.which.String(), filepath.Base(seg.path)), Reason: cause.Error(),
		Salvaged: salvaged, Gaps: c.gaps(found, holes, last),
	}
	d = c.quarantine.take(d, !found.lacksOnlyTheEnd(holes))
	if err := c.files.replace(seg, temporary); err != nil {
		return err
	}
	err := syncDir(c.files.dir)
	lost, uncertain := d.Lost()
	c.metrics.damaged.Inc()
	c.metrics.salvaged.Add(float64(salvaged))
	if !uncertain {
		c.metrics.missing.Add(float64(lost))
	}
	c.log.Error("file was damaged", "file", d.File, "kept", d.Kept, "salvaged", salvaged, "lost", lost, "lost_at_most", uncertain, "reason", cause)
	return err
}

func removed(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// lacksOnlyTheEnd tells whether nothing is wrong with the file itself: one
// that should follow it is gone.
func (s *salvaged) lacksOnlyTheEnd(holes []span) bool {
	return s.image == nil || s.sound && s.known && len(holes) == 1 && holes[0].first > s.end
}

func (s *salvaged) free() error {
	if s.image == nil {
		return nil
	}
	return s.image.Free()
}

// gaps tells of the holes what can be told.
func (c *chain) gaps(found *salvaged, holes []span, last uint64) []Gap {
	var gaps []Gap
	for _, h := range holes {
		if len(gaps) == maxGaps {
			gaps[maxGaps-1].Last = h.last
			gaps[maxGaps-1].To = c.receivedAt(found, h.last+1)
			continue
		}
		gaps = append(gaps, Gap{
			Chain: c.which.String(), First: h.first, Last: h.last,
			From: c.receivedAt(found, h.first-1), To: c.receivedAt(found, h.last+1),
			Uncertain: found.guessed && h.last == last,
		})
	}
	return gaps
}

// receivedAt is the wall time at which a neighbour of a hole was received: now
// if there is none yet, zero if it is not known.
func (c *chain) receivedAt(found *salvaged, seq uint64) time.Time {
	if seq > c.last.Load() {
		return c.quarantine.clock().Wall
	}
	var e devices.Event
	at, ok := slices.BinarySearchFunc(found.records, seq, func(r rescued, seq uint64) int { return cmp.Compare(r.seq, seq) })
	if ok && (&decoder{}).decode(&e, key(seq), found.records[at].value) == nil {
		return e.Received.Wall
	}
	seg, _ := c.files.find(seq)
	if seg == nil {
		return time.Time{}
	}
	h, err := c.files.acquire(seg)
	if err != nil {
		return time.Time{}
	}
	err = h.view(func(tx *bolt.Tx) error {
		if bucket := tx.Bucket(bucketEvents); bucket != nil {
			return (&decoder{}).decode(&e, key(seq), bucket.Get(key(seq)))
		}
		return errMissing
	})
	if errors.Is(err, ErrDamaged) {
		c.files.forget(seg, h)
		return time.Time{}
	}
	if errors.Join(err, c.files.release(h)) != nil {
		return time.Time{}
	}
	return e.Received.Wall
}

// mendNewest is mend for the newest file when the journal is opened: where the
// chain ended may be lost. A new file begins at a sequence that the damaged one
// cannot have reached.
func (c *chain) mendNewest(seg *segment, cause error, atLeast uint64) {
	found, err := rescue(seg.path, seg.first, math.MaxUint64)
	if err != nil {
		c.log.Error("newest file cannot be read", "file", seg.path, "error", err)
		found = &salvaged{}
	}
	last := max(seg.first-1, found.end, atLeast)
	if !found.known || found.sealed {
		last, found.guessed = unreached(max(seg.first, last), seg.bytes, c.segmentBytes), true
	}
	c.last.Store(last)
	if err := errors.Join(c.replace(seg, found, last, cause), found.free()); err != nil {
		// Whoever reads it will try again.
		c.log.Error("damaged file stays", "file", seg.path, "error", err)
	}
}

// lacks puts a file in the place of seg, the newest, that says what is missing
// behind it: up to last, or as far as nobody knows.
func (c *chain) lacks(seg *segment, last uint64, guessed bool) error {
	if err := c.letGoOf(seg); err != nil {
		return err
	}
	found, err := rescue(seg.path, seg.first, last)
	if err != nil {
		return err
	}
	found.guessed = guessed
	return errors.Join(c.replace(seg, found, last, errors.New("the file that follows is gone")), found.free())
}

// patrol looks once at all files but the newest, whether each holds what it
// should from its first sequence to its last: a file that is gone, or has lost
// its end, shows. It reads a few pages of each.
func (j *Journal) patrol() {
	for _, c := range j.chains {
		all := c.files.all()
		for i := range max(0, len(all)-1) {
			if j.isClosing() {
				return
			}
			seg, last := all[i], all[i+1].first-1
			seen := seg.mended.Load()
			if err := c.ends(seg, last); err != nil {
				if err := c.mend(seg, seen, err); err != nil {
					c.log.Error("damaged file stays", "file", seg.path, "error", err)
				}
			}
		}
	}
}

// ends returns an error unless seg has its first and last sequence.
func (c *chain) ends(seg *segment, last uint64) error {
	for _, at := range []uint64{seg.first, last} {
		err := c.readFile(seg, at, at, &decoder{}, func(*Entry, int) bool { return false })
		if errors.Is(err, ErrDamaged) || errors.Is(err, errMissing) || errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err != nil {
			c.log.Warn("file cannot be read", "file", seg.path, "error", err)
			return nil
		}
	}
	return nil
}

// sound returns an error that wraps ErrDamaged if bbolt must not be let at a
// file.
func sound(path string, depth salvage.Depth) error {
	f, err := salvage.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	if err := f.Check(depth); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}
