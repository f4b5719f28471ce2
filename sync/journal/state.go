package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices"
)

const stateSuffix = ".state"

// bucketCursors holds a follower's cursors, beside the buckets of its own.
// Key: chainCursor and keyBegun. Value: 8 bytes, big-endian.
const bucketCursors = "journal.cursors"

func chainCursor(which Chain) string { return "chain/" + which.String() }

// State is the file of one follower: what it has made of the journal, and how
// far it has read. Each value has a checksum: what a follower gets is what it
// has put, or ErrDamaged. Its methods may be called from many goroutines.
type State struct {
	name    string
	journal *Journal
	handle  *handle
	closed  atomic.Bool

	reserving sync.Mutex   // held while room is taken, and to close
	allocated atomic.Int64 // bytes of the file that have room on disk, as far as reserved
}

// OpenState opens the file <dir>/<name>.state, which it makes if there is none
// or if it is damaged; see [State.Begun]. The name is one of devices.CheckCode. Once a Fold has run on it, nothing that
// the follower has not read is retired by age, also while it is not running.
func (j *Journal) OpenState(name string) (*State, error) {
	if err := devices.CheckCode("state name", name); err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	h, err := j.openState(name)
	if err != nil {
		return nil, fmt.Errorf("open state %s: %w", name, err)
	}
	s := &State{name: name, journal: j, handle: h}
	if err := s.reserve(); err != nil {
		j.log.Warn("no room is reserved", "state", name, "error", err)
	}
	j.states.add(s)
	return s, nil
}

// Close closes the file.
func (s *State) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.journal.states.remove(s)
	s.reserving.Lock() // the janitor may be at the file
	defer s.reserving.Unlock()
	if err := s.handle.close(); err != nil {
		return fmt.Errorf("close state %s: %w", s.name, err)
	}
	return nil
}

// Update runs fn in a transaction that reads and writes, and returns when it
// is on disk. If fn returns an error, that is returned and nothing has
// changed; after any other error the transaction may or may not have happened.
// There is one at a time.
func (s *State) Update(fn func(*Tx) error) error { return s.run(true, fn) }

// View runs fn in a transaction that only reads. It should be short: the pages
// it sees are not reused before it ends.
func (s *State) View(fn func(*Tx) error) error { return s.run(false, fn) }

func (s *State) run(writable bool, fn func(*Tx) error) error {
	err := s.transact(writable, fn)
	if errors.Is(err, ErrDamaged) {
		s.handle.died()
	}
	return err
}

func (s *State) transact(writable bool, fn func(*Tx) error) (err error) {
	if s.closed.Load() {
		return ErrClosed
	}
	if s.handle.dead.Load() {
		return fmt.Errorf("state %s: %w", s.name, ErrDamaged)
	}
	t := &Tx{}
	if err := guard(func() (err error) {
		t.tx, err = s.handle.db.Begin(writable)
		return err
	}); err != nil {
		return fmt.Errorf("state %s: %w", s.name, err)
	}
	open := true
	defer func() { // also if fn panics
		if open {
			_ = guard(t.tx.Rollback)
		}
	}()
	if err := fn(t); err != nil {
		return err
	}
	if t.err != nil {
		return fmt.Errorf("state %s: %w", s.name, t.err)
	}
	if !writable {
		return nil
	}
	open = false
	s.journal.metrics.wear.count(t.tx)
	if err := guard(t.tx.Commit); err != nil {
		return fmt.Errorf("state %s: %w", s.name, err)
	}
	return nil
}

// Tx is a transaction on a State. Its methods have no error of their own: the
// first one makes the transaction fail as a whole. A bucket is made by the
// first Put into it; the name "journal.cursors" is taken.
type Tx struct {
	tx      *bolt.Tx
	err     error
	changes int // how often anything was written
}

// do runs work unless the transaction has failed.
func (t *Tx) do(work func() error) {
	if t.err == nil {
		t.err = guard(work)
	}
}

// Get returns a copy of the value of key, nil if there is none.
func (t *Tx) Get(bucket string, key []byte) []byte {
	var value []byte
	t.do(func() error {
		if b := t.tx.Bucket([]byte(bucket)); b != nil {
			sealed := b.Get(key)
			if sealed == nil {
				return nil
			}
			opened, ok := openValue(bucket, key, sealed)
			if !ok {
				return fmt.Errorf("%w: value of %q in %s", ErrDamaged, key, bucket)
			}
			value = append([]byte{}, opened...)
		}
		return nil
	})
	return value
}

// Put sets the value of key, which must not be empty. Both are copied.
func (t *Tx) Put(bucket string, key, value []byte) {
	t.do(func() error {
		b, err := t.tx.CreateBucketIfNotExists([]byte(bucket))
		if err != nil {
			return err
		}
		t.changes++
		return b.Put(key, sealValue(bucket, key, value))
	})
}

// Delete removes key; it need not be there.
func (t *Tx) Delete(bucket string, key []byte) {
	t.do(func() error {
		b := t.tx.Bucket([]byte(bucket))
		if b == nil {
			return nil
		}
		t.changes++
		return b.Delete(key)
	})
}

// Ascend gives out copies of the keys from the given one on, with their
// values, in byte order. The loop may put and delete: it goes on with the next
// key that is there by then.
func (t *Tx) Ascend(bucket string, from []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		var cursor *bolt.Cursor
		next, changes := bytes.Clone(from), 0
		for {
			var k, v []byte
			t.do(func() error {
				if cursor == nil || t.changes != changes {
					// A bbolt cursor loses its place when anything changes.
					b := t.tx.Bucket([]byte(bucket))
					if b == nil {
						return nil
					}
					cursor, changes = b.Cursor(), t.changes
					k, v = cursor.Seek(next)
				} else {
					k, v = cursor.Next()
				}
				if k == nil {
					return nil
				}
				opened, ok := openValue(bucket, k, v)
				if !ok {
					damaged := k
					k = nil
					return fmt.Errorf("%w: value of %q in %s", ErrDamaged, damaged, bucket)
				}
				k, v = bytes.Clone(k), append([]byte{}, opened...)
				return nil
			})
			if k == nil || !yield(k, v) {
				return
			}
			next = append(bytes.Clone(k), 0) // the least key that follows
		}
	}
}

func (t *Tx) cursor(name string) (at uint64, ok bool) {
	t.do(func() error {
		at, ok = readCursor(t.tx, name)
		return nil
	})
	return at, ok
}

func (t *Tx) setCursor(name string, at uint64) {
	t.Put(bucketCursors, []byte(name), binary.BigEndian.AppendUint64(nil, at))
}

func readCursor(tx *bolt.Tx, name string) (uint64, bool) {
	b := tx.Bucket([]byte(bucketCursors))
	if b == nil {
		return 0, false
	}
	v, ok := openValue(bucketCursors, []byte(name), b.Get([]byte(name)))
	if !ok || len(v) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(v), true
}
