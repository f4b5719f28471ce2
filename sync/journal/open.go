package journal

import (
	"errors"
	"os"
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
		which: which, segmentBytes: j.options.SegmentBytes, files: files, faults: &j.faults, janitor: &j.janitor, quarantine: j.quarantine,
		log: j.log.With("chain", which.String()), metrics: j.metrics.of(which),
		filling: newBatch(nil, nil), work: make(chan struct{}, 1), ids: newRecent(window),
	}
	if which == Ordinary {
		c.wait = j.options.Wait
	}
	if err := c.resume(j.followers.furthest(which)); err != nil {
		return nil, errors.Join(err, files.closeAll())
	}
	return c, nil
}

// resume makes the newest file the active one. No follower has read beyond the
// given cursor: if that is ahead of the files, the newest of them is gone.
func (c *chain) resume(cursor uint64) error {
	c.lostBefore(cursor)
	if err := c.files.closeUnused(); err != nil { // what it has looked at may be the file to be written
		return err
	}
	n := len(c.files.list)
	if n == 0 {
		if c.last.Load() > 0 {
			if err := c.begin(); err != nil { // lest it is told again at each start
				c.log.Warn("no new file", "error", err) // the next commit tries again
			}
		}
		return nil
	}
	followed, err := c.openActive(cursor)
	if err != nil {
		return err
	}
	// No follower must miss what comes now, nor meet another event under the
	// same number.
	last := max(c.last.Load(), cursor)
	if followed {
		last = unreached(last, 0, c.segmentBytes)
	}
	if last > c.last.Load() {
		c.last.Store(last)
		if err := c.lacks(c.files.list[n-1], last, followed); err != nil {
			c.log.Error("damaged file stays", "error", err)
		}
	}
	return c.loadIdentities()
}

// openActive opens the newest file to go on writing it, and finds out where the
// chain ends. If it is damaged, or sealed, a new one begins. It reports whether
// there was another file behind it, which is gone.
func (c *chain) openActive(cursor uint64) (followed bool, err error) {
	seg, h, err := c.files.openNewest()
	if err == nil {
		c.active, c.handle = seg, h
		var newest uint64
		newest, c.used, err = c.newest()
		c.last.Store(max(newest, seg.first-1))
	}
	if errors.Is(err, ErrDamaged) || errors.Is(err, os.ErrNotExist) {
		if h != nil {
			c.files.forget(seg, h)
		}
		c.active, c.handle = nil, nil
		c.mendNewest(seg, err, cursor)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return c.notSealed()
}

// notSealed lets go of the active file if it is sealed: either it was mended,
// and nothing has been recorded since, or a new one had been begun.
func (c *chain) notSealed() (followed bool, err error) {
	sealed, last := false, c.last.Load()
	err = c.handle.view(func(tx *bolt.Tx) error {
		if bucket := tx.Bucket(bucketSeal); bucket != nil {
			mended := bucket.Get(keyHoles)
			sealed, followed = true, mended == nil
			for _, h := range decodeHoles(mended) {
				last = max(last, h.last)
			}
		}
		return nil
	})
	if err != nil || !sealed {
		return false, err
	}
	c.last.Store(last)
	return followed, c.letGo()
}

// loadIdentities fills the window from the newest files. What cannot be read
// is not known to be a redelivery if it comes again.
func (c *chain) loadIdentities() error {
	var found [][]identity
	count := 0
	for i := len(c.files.list) - 1; i >= 0 && count < window; i-- {
		seg := c.files.list[i]
		seen := seg.mended.Load()
		ids, err := c.identities(seg)
		if err != nil && c.mend(seg, seen, err) == nil {
			ids, err = c.identities(seg)
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
	defer func() {
		if h.dead.Load() {
			c.files.forget(seg, h)
		} else {
			err = errors.Join(err, c.files.release(h))
		}
	}()
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
