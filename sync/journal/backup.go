package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices/salvage"
)

// openStates are the state files that are open in this process. A file that is
// not among them is not being written.
type openStates struct {
	mu     sync.Mutex
	byName map[string]*State
}

func (o *openStates) add(s *State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.byName == nil {
		o.byName = map[string]*State{}
	}
	o.byName[s.name] = s
}

func (o *openStates) remove(s *State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.byName[s.name] == s {
		delete(o.byName, s.name)
	}
}

func (o *openStates) get(name string) *State {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.byName[name]
}

// deliverers are state files that must come before others: what they have
// delivered is in those.
var deliverers = []string{"province"}

// Backup gives put each file of the journal as it is at one moment, under its
// path in the journal's folder: first the followers' states, those that
// deliver to the world before those that count, then the chains. So no cursor
// is ahead of what it has read, and whatever Record had returned nil for when
// Backup was called is there. Recording goes on meanwhile, and waits for
// nothing however slow put is. A file that is damaged is given as it is.
//
// put is called by one goroutine; content has size bytes, and is good
// until put returns.
func (j *Journal) Backup(ctx context.Context, put func(name string, size int64, content io.Reader) error) error {
	entries, err := os.ReadDir(j.dir)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	var states, deliver []string
	for _, entry := range entries {
		switch name, ok := strings.CutSuffix(entry.Name(), stateSuffix); {
		case ok && slices.Contains(deliverers, name):
			deliver = append(deliver, name)
		case ok:
			states = append(states, name)
		}
	}
	for _, name := range append(deliver, states...) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := j.backupState(name, put); err != nil {
			return fmt.Errorf("backup %s: %w", name+stateSuffix, err)
		}
	}
	for _, which := range []Chain{Urgent, Ordinary} {
		c := j.chains[which]
		for _, seg := range c.files.all() {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := c.backup(j.dir, seg, put); err != nil {
				return fmt.Errorf("backup %s: %w", seg.path, err)
			}
		}
	}
	return nil
}

func (j *Journal) backupState(name string, put func(string, int64, io.Reader) error) error {
	s := j.states.get(name)
	if s == nil {
		return putFile(filepath.Join(j.dir, name+stateSuffix), name+stateSuffix, math.MaxInt64, put)
	}
	return putCopy(j.dir, name+stateSuffix, put, func(w io.Writer) error {
		return s.View(func(t *Tx) error {
			_, err := t.tx.WriteTo(&salvage.Copy{To: w})
			return err
		})
	})
}

// backup gives put one file of the chain; one that is retired meanwhile is
// left out.
func (c *chain) backup(dir string, seg *segment, put func(string, int64, io.Reader) error) error {
	name, err := filepath.Rel(dir, seg.path)
	if err != nil {
		return err
	}
	h, err := c.files.acquire(seg)
	if err == nil && !h.db.IsReadOnly() {
		err = putCopy(dir, name, put, func(w io.Writer) error {
			return h.view(func(tx *bolt.Tx) error {
				_, err := tx.WriteTo(&salvage.Copy{To: w})
				return err
			})
		})
		if h.dead.Load() {
			c.files.forget(seg, h)
			return err
		}
		return errors.Join(err, c.files.release(h))
	}
	// Whole, or damaged: in either case nobody writes it.
	used := int64(math.MaxInt64)
	if err == nil {
		err = h.view(func(tx *bolt.Tx) error {
			used = tx.Size()
			return nil
		})
		if h.dead.Load() {
			c.files.forget(seg, h)
		} else {
			err = errors.Join(err, c.files.release(h))
		}
	}
	if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	err = putFile(seg.path, name, used, put)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// putFile gives put a file that nobody writes, up to most bytes: bbolt makes a
// file larger than what it uses of it.
func putFile(path, name string, most int64, put func(string, int64, io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := min(info.Size(), most)
	return put(filepath.ToSlash(name), size, io.LimitReader(f, size))
}

// putCopy gives put what snapshot writes. That goes to a file without a name
// first: a transaction that is open for long can hold up the writer.
func putCopy(dir, name string, put func(string, int64, io.Reader) error, snapshot func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(dir, "backup-*"+newSuffix)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := os.Remove(f.Name()); err != nil {
		return err
	}
	if err := snapshot(f); err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return put(filepath.ToSlash(name), size, f)
}
