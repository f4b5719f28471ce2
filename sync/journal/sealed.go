package journal

import (
	"errors"
	"os"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices/salvage"
)

// acquire opens seg for reading, unless it is open. The caller releases it.
func (s *segments) acquire(seg *segment) (*handle, error) {
	for {
		seen := seg.mended.Load()
		if h, err := s.use(seg, nil, seen); h != nil || err != nil {
			return h, err
		}
		// Without the lock: a disk that is slow to read must not hold up the
		// writer, who needs it to begin a new file.
		opened, err := openSealed(seg.path)
		if err != nil {
			return nil, err
		}
		h, err := s.use(seg, opened, seen)
		if h != opened {
			err = errors.Join(err, opened.close())
		}
		if h != nil || err != nil {
			return h, err
		}
	}
}

// use returns the handle of seg with one more reference: the one it has, or
// else opened, unless the file was mended since. nil if there is none.
func (s *segments) use(seg *segment, opened *handle, seen uint32) (*handle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, ErrClosed
	case !slices.Contains(s.list, seg):
		return nil, os.ErrNotExist
	case seg.handle == nil && seg.mended.Load() == seen:
		seg.handle = opened
	}
	if seg.handle == nil {
		return nil, nil
	}
	seg.handle.refs++
	s.clock++
	seg.handle.used = s.clock
	return seg.handle, nil
}

// openSealed opens a file that is only read. It looks at the inner pages
// first, a few of which there are: in a loop among them bbolt would not end.
func openSealed(path string) (*handle, error) {
	if err := sound(path, salvage.Branches); err != nil {
		return nil, err
	}
	h, err := openBolt(path, bolt.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	err = h.view(func(tx *bolt.Tx) error {
		if bucket := tx.Bucket(bucketSeal); bucket != nil {
			h.holes = decodeHoles(bucket.Get(keyHoles))
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// has tells whether seg has not been retired.
func (s *segments) has(seg *segment) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !seg.retiring && slices.Contains(s.list, seg)
}

func (s *segments) retiring(seg *segment, yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg.retiring = yes
}

// replace puts the file at path in the place of seg's, unless that has been
// retired. Who reads the old one may finish.
func (s *segments) replace(seg *segment, path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seg.retiring || !slices.Contains(s.list, seg) {
		return os.Remove(path)
	}
	if err := os.Rename(path, seg.path); err != nil {
		return errors.Join(err, removed(path))
	}
	seg.mended.Add(1)
	seg.damaged.Store(0)
	if info, err := os.Stat(seg.path); err == nil {
		seg.bytes = onDisk(info)
	}
	h := seg.handle
	seg.handle = nil
	if h == nil {
		return nil
	}
	h.doomed = true
	if h.refs == 0 {
		_ = h.close() // nobody has written to it
	}
	return nil
}
