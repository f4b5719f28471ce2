package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/linli-edge/gateway/devices/salvage"
)

// ErrInUse is returned for a journal that another process works on.
var ErrInUse = errors.New("in use by another process")

// OpenReadOnly opens the journal in dir for looking at it, beside others who
// do the same, while no gateway runs on it; meanwhile none can start. Nothing
// is written, retired or tidied up, and Record refuses. It fails with
// os.ErrNotExist if there is no journal, and with ErrInUse beside a gateway.
func OpenReadOnly(dir string, options Options) (_ *Journal, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open journal: %w", err)
		}
	}()
	if err := options.setDefaults(); err != nil {
		return nil, err
	}
	j := &Journal{
		dir: dir, options: options, log: options.Logger,
		janitor: janitor{work: make(chan struct{}, 1)}, closing: make(chan struct{}),
	}
	if j.lock, err = os.Open(filepath.Join(dir, lockFile)); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.closeFiles())
		}
	}()
	if err := unix.Flock(int(j.lock.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", dir, ErrInUse, err)
	}
	j.metrics = newMetrics(j)
	if err := j.followers.load(dir, j.log); err != nil {
		return nil, err
	}
	for _, which := range chains {
		if j.chains[which], err = j.openChainReadOnly(which); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// openChainReadOnly finds the files of a chain, and where it ends.
func (j *Journal) openChainReadOnly(which Chain) (*chain, error) {
	files, err := findSegments(filepath.Join(j.dir, which.String()))
	if errors.Is(err, os.ErrNotExist) {
		files = &segments{}
	} else if err != nil {
		return nil, err
	}
	c := &chain{
		which: which, files: files, faults: &j.faults, janitor: &j.janitor,
		log: j.log.With("chain", which.String()), metrics: j.metrics.of(which),
		filling: newBatch(nil, nil), work: make(chan struct{}, 1), closed: true,
	}
	if len(files.list) == 0 {
		return c, nil
	}
	newest := files.list[len(files.list)-1]
	last := newest.first - 1
	err = c.readFileRaw(newest, func(tx *bolt.Tx) error {
		bucket := tx.Bucket(bucketEvents)
		if bucket == nil {
			return fmt.Errorf("%w: no events", ErrDamaged)
		}
		k, _ := bucket.Cursor().Last()
		last = max(last, sequence(k))
		return nil
	})
	if errors.Is(err, ErrDamaged) {
		// As far as it may reach: a reader gets what it can.
		last, err = newest.first+uint64(newest.bytes/minRecord), nil
	}
	c.last.Store(last)
	return c, err
}

// Peek reads one value of a follower's state in a journal's folder, without
// opening it: nil if it is not there or cannot be read.
func Peek(folder, state, bucket string, key []byte) (value []byte) {
	f, err := salvage.Open(filepath.Join(folder, state+stateSuffix))
	if err != nil {
		return nil
	}
	defer f.Close() // only read from
	f.Entries(func(in string, k, sealed []byte) {
		if in != bucket || !bytes.Equal(k, key) {
			return
		}
		if opened, ok := openValue(bucket, k, sealed); ok {
			value = append([]byte{}, opened...)
		}
	})
	return value
}

// readFileRaw runs a read transaction on one file.
func (c *chain) readFileRaw(seg *segment, fn func(*bolt.Tx) error) error {
	h, err := c.files.acquire(seg)
	if err != nil {
		return err
	}
	if err := h.view(fn); errors.Is(err, ErrDamaged) {
		c.files.forget(seg, h)
		return err
	} else if err != nil {
		return errors.Join(err, c.files.release(h))
	}
	return c.files.release(h)
}
