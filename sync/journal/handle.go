package journal

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"
)

// lockTimeout is how long to wait for another process to let go of a file.
const lockTimeout = time.Second

// handle is an open file.
type handle struct {
	db   *bolt.DB
	file *os.File
	dead atomic.Bool // damaged: to be abandoned

	holes []span // what a file that was mended has not; set when it is opened

	// Guarded by segments.mu.
	refs   int
	used   uint64
	doomed bool // to be closed when nobody uses it any more
}

// openBolt opens a bbolt file. It fails with an error that wraps ErrDamaged,
// or with what the system said.
func openBolt(path string, options bolt.Options) (*handle, error) {
	h := &handle{}
	options.Timeout = lockTimeout
	options.NoStatistics = true
	options.OpenFile = func(name string, flag int, mode os.FileMode) (*os.File, error) {
		var err error
		h.file, err = os.OpenFile(name, flag, mode)
		return h.file, err
	}
	err := guard(func() error {
		if info, err := os.Stat(path); options.ReadOnly && err == nil && info.Size() == 0 {
			return ErrDamaged // bbolt would try to make a database of it
		}
		var err error
		h.db, err = bolt.Open(path, 0o600, &options)
		return err
	})
	if err == nil {
		return h, nil
	}
	if h.file != nil {
		h.died() // closed already, unless bbolt panicked
	}
	if isSystem(err) || errors.Is(err, berrors.ErrTimeout) || errors.Is(err, ErrDamaged) {
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
}

// isSystem tells what the system refused from what a file's content caused.
func isSystem(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno)
}

// close closes the file.
func (h *handle) close() error {
	if h.dead.Load() {
		return nil
	}
	return guard(h.db.Close)
}

// died abandons the handle without touching its locks, which somebody may
// hold for ever: the file is closed, and its memory map lost. The map would
// keep the lock on the file.
func (h *handle) died() {
	if h.dead.CompareAndSwap(false, true) {
		_ = unix.Flock(int(h.file.Fd()), unix.LOCK_UN)
		_ = h.file.Close() // it was of no more use
	}
}

// view runs a read transaction. After damage the handle is dead.
func (h *handle) view(fn func(*bolt.Tx) error) error {
	if h.dead.Load() {
		return ErrDamaged
	}
	err := guard(func() error { return h.db.View(fn) })
	if errors.Is(err, ErrDamaged) {
		h.died()
	}
	return err
}

// update runs a write transaction. After damage the handle is dead.
func (h *handle) update(fn func(*bolt.Tx) error) error {
	if h.dead.Load() {
		return ErrDamaged
	}
	err := guard(func() error { return h.db.Update(fn) })
	if errors.Is(err, ErrDamaged) {
		h.died()
	}
	return err
}
