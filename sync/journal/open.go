package journal

import (
	"errors"
	"fmt"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// openChain finds where a chain ended, and the identities of its newest
// records. It opens the newest file and the few before it that still hold
// recent identities.
func (j *Journal) openChain(which Chain) (*chain, error) {
	files, err := listSegments(filepath.Join(j.dir, which.String()), j.options.SegmentBytes)
	if err != nil {
		return nil, err
	}
	c := &chain{
		which: which, segmentBytes: j.options.SegmentBytes, files: files, faults: &j.faults, janitor: &j.janitor,
		log: j.log.With("chain", which.String()), metrics: j.metrics.of(which),
		filling: newBatch(nil, nil), work: make(chan struct{}, 1), ids: newRecent(window),
	}
	if which == Ordinary {
		c.wait = j.options.Wait
	}
	if len(files.list) > 0 {
		if err := c.resume(); err != nil {
			return nil, errors.Join(err, files.closeAll())
		}
	}
	// A cursor can be ahead of the files if the newest of them is gone. Its
	// follower must not miss what comes now.
	if cursor := j.followers.furthest(which); cursor > c.last.Load() {
		c.log.Error("records are missing", "last", c.last.Load(), "read", cursor)
		c.last.Store(cursor)
	}
	return c, nil
}

// resume makes the newest file the active one.
func (c *chain) resume() error {
	seg, h, err := c.files.openNewest()
	if err == nil {
		c.active, c.handle = seg, h
		var newest uint64
		newest, c.used, err = c.newest()
		c.last.Store(max(newest, seg.first-1))
	}
	if errors.Is(err, ErrDamaged) {
		c.metrics.damaged.Inc()
		c.log.Error("newest file is damaged, a new one begins", "file", seg.path, "error", err)
		seg.damaged.Store(seg.first)
		c.last.Store(seg.first + uint64(seg.bytes/minRecord))
		if h != nil {
			c.files.forget(seg, h)
		}
		c.active, c.handle = nil, nil
		return nil
	}
	if err != nil {
		return err
	}
	return c.loadIdentities()
}

// loadIdentities fills the window from the newest files. What cannot be read
// is not known to be a redelivery if it comes again.
func (c *chain) loadIdentities() error {
	var found [][]identity
	count := 0
	for i := len(c.files.list) - 1; i >= 0 && count < window; i-- {
		seg := c.files.list[i]
		ids, err := c.identities(seg)
		if err != nil && !errors.Is(err, ErrDamaged) {
			return fmt.Errorf("%s: %w", seg.path, err)
		}
		if err != nil {
			c.log.Warn("identities are lost", "file", seg.path, "error", err)
		}
		if seg == c.active {
			c.records = len(ids)
		}
		found = append(found, ids)
		count += len(ids)
	}
	for i := len(found) - 1; i >= 0; i-- {
		for k := range found[i] {
			c.ids.add(&found[i][k])
		}
	}
	return nil
}

// identities reads the block of a sealed file, or scans one without.
func (c *chain) identities(seg *segment) (ids []identity, err error) {
	h, err := c.files.acquire(seg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.files.release(h)) }()
	sealed := false
	err = h.view(func(tx *bolt.Tx) error {
		if bucket := tx.Bucket(bucketSeal); bucket != nil {
			ids, sealed = decodeIdentities(bucket.Get(keyIDs))
		}
		return nil
	})
	if err != nil || sealed {
		return ids, err
	}
	_, limit := c.files.find(seg.first)
	err = c.scan(h, seg, seg.first, min(limit-1, c.last.Load()), &decoder{}, func(e *Entry, _ int) bool {
		ids = append(ids, identify(&e.Event))
		return true
	})
	return ids, err
}
