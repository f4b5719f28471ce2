package registry

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// Options of Open.
type Options struct {
	// Kinds are those that a device may have besides devices.KindBridge. With
	// none given every kind is taken.
	Kinds []devices.Kind
	// ReadOnly opens the file for looking only, beside others who do the same.
	ReadOnly bool
	// Logger hears of damaged records, nil for nobody.
	Logger *slog.Logger
}

// Registry is an open registry. All its methods may be called at once.
type Registry struct {
	path     string
	kinds    []devices.Kind
	readOnly bool
	current  atomic.Pointer[Snapshot]

	writing sync.Mutex // held for a whole Update
	db      *bolt.DB
}

var _ devices.Directory = (*Registry)(nil)

// busyAfter is how long Open waits for another process to let go of the file.
const busyAfter = time.Second

// Open opens the registry at path, and makes an empty one if there is none.
// Damaged records are left out and listed in the Snapshot. A file that is
// damaged as a whole is replaced by one with all records that can be rescued
// from it, unless it is opened for looking only; see Damaged.
func Open(path string, o Options) (*Registry, error) {
	if !o.ReadOnly {
		if err := mend(path, o.Logger); err != nil {
			return nil, fmt.Errorf("mend registry %s: %w", path, err)
		}
	}
	db, err := openFile(path, o.ReadOnly)
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, texts.Errorf(texts.Registry.Busy, path)
	} else if err != nil {
		return nil, fmt.Errorf("open registry %s: %w", path, err)
	}
	loaded, err := load(db)
	if err == nil && (len(loaded.Damaged) > 0 || loaded.strange) && !o.ReadOnly {
		if err = refill(db, path, loaded); err == nil {
			loaded, err = load(db)
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read registry %s: %w", path, err), closeAfterFault(db, err))
	}
	if o.Logger != nil {
		for _, d := range loaded.Damaged {
			o.Logger.Error("registry record damaged", "table", d.Table, "id", d.ID, "reason", d.Reason)
		}
	}
	r := &Registry{path: path, kinds: slices.Clone(o.Kinds), readOnly: o.ReadOnly, db: db}
	r.current.Store(loaded)
	return r, nil
}

// errFault marks a page that could not even be read. The handle is then left
// alone: it still holds its locks.
var errFault = errors.New("damaged page")

func closeAfterFault(db *bolt.DB, err error) error {
	if errors.Is(err, errFault) {
		return nil
	}
	return db.Close()
}

func openFile(path string, readOnly bool) (db *bolt.DB, err error) {
	defer recoverFault(&err)()
	return bolt.Open(path, 0o600, &bolt.Options{Timeout: busyAfter, ReadOnly: readOnly})
}

// recoverFault turns what a damaged file can do to bbolt, a panic or a memory
// fault, into an error.
func recoverFault(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		if p := recover(); p != nil {
			*err = fmt.Errorf("%w: %v", errFault, p)
		}
	}
}

func load(db *bolt.DB) (s *Snapshot, err error) {
	defer recoverFault(&err)()
	s = emptySnapshot()
	err = db.View(func(tx *bolt.Tx) error {
		tables := append(Tables(), Secrets)
		err := tx.ForEach(func(name []byte, _ *bolt.Bucket) error {
			s.strange = s.strange || !slices.Contains(tables, Table(name))
			return nil
		})
		if err != nil {
			return err
		}
		for _, t := range tables {
			bucket := tx.Bucket([]byte(t))
			if bucket == nil {
				continue
			}
			err := bucket.ForEach(func(key, value []byte) error {
				if err := s.load(t, string(key), value); err != nil {
					s.Damaged = append(s.Damaged, Damage{Table: t, ID: string(key), Reason: err.Error()})
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	s.index()
	return s, err
}

func (s *Snapshot) load(t Table, key string, value []byte) error {
	if t == Secrets {
		hash, err := unseal(t, key, value)
		if err != nil {
			return err
		}
		if len(hash) != len(secretHash{}) {
			return fmt.Errorf("a hash of %d bytes", len(hash))
		}
		s.secrets[key] = secretHash(hash)
		return nil
	}
	r, err := decode(t, key, value)
	if err != nil {
		return err
	}
	s.put(r)
	return nil
}

// Close closes the file. The last Snapshot can still be read.
func (r *Registry) Close() error {
	r.writing.Lock()
	defer r.writing.Unlock()
	return r.db.Close()
}

// Snapshot is the present state.
func (r *Registry) Snapshot() *Snapshot { return r.current.Load() }

// Device returns the device of that ID.
func (r *Registry) Device(id string) (devices.Device, bool) { return r.Snapshot().Device(id) }

// Behind returns the device that a bridge calls address.
func (r *Registry) Behind(bridge, address string) (devices.Device, bool) {
	return r.Snapshot().Behind(bridge, address)
}

// Bridges returns the devices of devices.KindBridge, retired ones included.
func (r *Registry) Bridges() []devices.Device { return r.Snapshot().Bridges() }

// Put registers the records, or replaces those of the same ID, all or none.
func (r *Registry) Put(records ...Record) error {
	return r.Update(func(tx *Tx) error { return tx.Put(records...) })
}

// Remove takes a record out. A device's secret goes with it.
func (r *Registry) Remove(t Table, id string) error {
	return r.Update(func(tx *Tx) error { return tx.Remove(t, id) })
}

// Update makes several changes at once, all or none: none if change returns
// an error, if the records then contradict each other (a *texts.Error that
// says how to mend it), or if the disk fails. The order of the changes does
// not matter to that check. change must not keep tx, nor call Update.
func (r *Registry) Update(change func(tx *Tx) error) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	before := r.Snapshot()
	tx := &Tx{Before: before, next: before.clone(), kinds: r.kinds, writes: map[place][]byte{}}
	if err := change(tx); err != nil {
		return err
	}
	if len(tx.writes) == 0 {
		return nil
	}
	if r.readOnly {
		return texts.Errorf(texts.Registry.ReadOnly)
	}
	tx.next.index()
	if err := before.refusal(tx.next); err != nil {
		return err
	}
	if err := r.write(tx.writes); err != nil {
		return fmt.Errorf("write registry: %w", err)
	}
	r.current.Store(tx.next)
	close(before.changed)
	return nil
}

func (r *Registry) write(writes map[place][]byte) (err error) {
	defer recoverFault(&err)()
	return r.db.Update(func(tx *bolt.Tx) error {
		for at, value := range writes {
			bucket, err := tx.CreateBucketIfNotExists([]byte(at.table))
			if err != nil {
				return err
			}
			if value == nil {
				err = bucket.Delete([]byte(at.id))
			} else {
				err = bucket.Put([]byte(at.id), value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Tx is a batch of changes in the making.
type Tx struct {
	// Before is the state that the batch started from.
	Before *Snapshot

	next   *Snapshot
	kinds  []devices.Kind
	writes map[place][]byte // nil deletes
}

type place struct {
	table Table
	id    string
}

// Put registers records, or replaces those of the same ID.
func (tx *Tx) Put(records ...Record) error {
	for _, r := range records {
		if devices.CheckCode("id", r.id()) != nil {
			return refuse(r.table(), r.id(), texts.Errorf(texts.Registry.ID, r.id()))
		}
		if err := r.validate(); err != nil {
			return refuse(r.table(), r.id(), err)
		}
		if d, ok := r.(Device); ok {
			if err := tx.checkKind(d.Kind); err != nil {
				return refuse(Devices, d.ID, err)
			}
		}
		r = r.clone()
		value, err := encode(r)
		if err != nil {
			return err
		}
		tx.next.put(r)
		tx.writes[place{r.table(), r.id()}] = value
	}
	return nil
}

// Remove takes a record out. A device's secret goes with it.
func (tx *Tx) Remove(t Table, id string) error {
	damaged := slices.ContainsFunc(tx.next.Damaged, func(d Damage) bool { return d.Table == t && d.ID == id })
	if !tx.next.has(t, id) && !damaged {
		return refuse(t, id, texts.Errorf(texts.Registry.NotFound))
	}
	tx.next.remove(t, id)
	tx.writes[place{t, id}] = nil
	if t == Devices {
		tx.revoke(id)
	}
	return nil
}

func (tx *Tx) checkKind(k devices.Kind) error {
	if len(tx.kinds) == 0 || k == devices.KindBridge || slices.Contains(tx.kinds, k) {
		return nil
	}
	known := []string{string(devices.KindBridge)}
	for _, k := range tx.kinds {
		known = append(known, string(k))
	}
	slices.Sort(known)
	return texts.Errorf(texts.Registry.UnknownKind, strings.Join(known, ", "), string(k))
}
