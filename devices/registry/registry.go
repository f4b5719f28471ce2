package registry

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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
	// Profile says what is wrong with a bridge's reference to its profile, nil
	// where every reference is taken.
	Profile func(reference string) error
	// ReadOnly opens the file for looking only, beside others who do the same.
	ReadOnly bool
	// Key is a file with a key that somebody else keeps, as systemd does its
	// credentials: see KeyFile. "" for none.
	Key string
	// Gone is told which devices may do something else than before, or nothing
	// any more: their connections have to end. nil for nobody.
	Gone func(device string)
	// Clock says when something was changed or heard.
	Clock devices.Clock
	// Logger hears of damaged and locked records, nil for nobody.
	Logger *slog.Logger
	// Registerer gets the metrics of the inbox, nil for none.
	Registerer prometheus.Registerer
}

// Registry is an open registry. All its methods may be called at once.
type Registry struct {
	path     string
	kinds    []devices.Kind
	profile  func(reference string) error
	readOnly bool
	keys     *keyring
	gone     func(device string)
	clock    devices.Clock
	current  atomic.Pointer[Snapshot]
	inbox    *Inbox
	pairing  pairing
	changed  chan struct{} // something is to be journaled

	writing sync.Mutex // held for a whole Update
	db      *bolt.DB
	pending []intention // to be journaled, oldest first
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
	keys, err := openKeys(KeyFile(path), o.Key, o.ReadOnly)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open registry %s: %w", path, err), db.Close())
	}
	found, err := load(db, keys)
	if err == nil && (len(found.Damaged) > 0 || found.strange) && !o.ReadOnly {
		if err = refill(db, path); err == nil {
			found, err = load(db, keys)
		}
	}
	if err == nil && len(found.stale) > 0 && !o.ReadOnly {
		if db, err = lock(db, path, keys, found); err == nil {
			found, err = load(db, keys)
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read registry %s: %w", path, err), closeAfterFault(db, err))
	}
	if o.Logger != nil {
		for _, d := range found.Damaged {
			o.Logger.Error("registry record damaged", "table", d.Table, "id", d.ID, "reason", d.Reason)
		}
		if n := found.Locked(); n > 0 {
			o.Logger.Error("registry key missing: personal fields cannot be read", "records", n, "key", KeyFile(path))
		}
	}
	if o.Gone == nil {
		o.Gone = func(string) {}
	}
	if o.Clock == nil {
		o.Clock = func() devices.Stamp { return devices.Stamp{} }
	}
	r := &Registry{
		path: path, kinds: slices.Clone(o.Kinds), profile: o.Profile, readOnly: o.ReadOnly, keys: keys, gone: o.Gone, clock: o.Clock, db: db,
		pending: found.pending, changed: make(chan struct{}, 1),
	}
	r.current.Store(found.Snapshot)
	r.inbox = newInbox(r, found.unknown, o.Registerer)
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

// loaded is what is in a file.
type loaded struct {
	*Snapshot
	pending []intention
	unknown []Unknown
	// stale are the records whose personal fields are in clear, or encrypted
	// with an earlier key.
	stale map[place]secrecy
}

func load(db *bolt.DB, keys *keyring) (l *loaded, err error) {
	defer recoverFault(&err)()
	l = &loaded{Snapshot: emptySnapshot(), stale: map[place]secrecy{}}
	err = db.View(func(tx *bolt.Tx) (err error) {
		if l.pending, err = intentions(tx); err != nil {
			return err
		}
		if l.unknown, err = loadInbox(tx, keys); err != nil {
			return err
		}
		known := append(documents(), Secrets, Certificates)
		return tx.ForEach(func(name []byte, bucket *bolt.Bucket) error {
			t := Table(name)
			l.strange = l.strange || !slices.Contains(known, t)
			if _, ok := shelfFor(t); !ok && l.hashes(t) == nil {
				return nil
			}
			return bucket.ForEach(func(key, value []byte) error {
				if err := l.load(t, string(key), value, keys); err != nil {
					l.Damaged = append(l.Damaged, Damage{Table: t, ID: string(key), Reason: err.Error()})
				}
				return nil
			})
		})
	})
	l.index()
	return l, err
}

func (l *loaded) load(t Table, key string, value []byte, keys *keyring) error {
	if hashes := l.hashes(t); hashes != nil {
		hash, err := unseal(t, key, value)
		if err != nil {
			return err
		}
		if len(hash) != len(secretHash{}) {
			return fmt.Errorf("a hash of %d bytes", len(hash))
		}
		hashes[key] = secretHash(hash)
		return nil
	}
	d, err := keys.decode(t, key, value)
	if err != nil {
		return err
	}
	l.put(d.Record)
	switch at := (place{t, key}); d.secrecy {
	case locked:
		l.locked[at] = d.sealed
	case old, exposed:
		l.stale[at] = d.secrecy
	}
	return nil
}

// lock encrypts what is in clear or was encrypted with an earlier key. What
// was in clear would still stand in the free pages of the file: a new one
// takes its place.
func lock(db *bolt.DB, path string, keys *keyring, l *loaded) (*bolt.DB, error) {
	writes, clear := map[place][]byte{}, false
	for at, state := range l.stale {
		r, _ := l.record(at)
		value, err := keys.encode(r, nil)
		if err != nil {
			return db, err
		}
		writes[at], clear = value, clear || state == exposed
	}
	if !clear {
		return db, put(db, writes)
	}
	everything := map[place][]byte{}
	err := db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, bucket *bolt.Bucket) error {
			return bucket.ForEach(func(key, value []byte) error {
				everything[place{Table(name), string(key)}] = slices.Clone(value)
				return nil
			})
		})
	})
	maps.Copy(everything, writes)
	fresh := path + ".new"
	if err := errors.Join(err, os.RemoveAll(fresh)); err != nil {
		return db, err
	}
	if err := rebuild(fresh, everything); err != nil {
		return db, errors.Join(err, os.Remove(fresh))
	}
	if err := errors.Join(os.Rename(fresh, path), syncDir(filepath.Dir(path)), db.Close()); err != nil {
		return db, err
	}
	return openFile(path, false)
}

// Close saves the inbox and closes the file. The last Snapshot can still be
// read.
func (r *Registry) Close() error {
	var saved error
	if !r.readOnly {
		saved = r.saveInbox(true)
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	return errors.Join(saved, r.db.Close())
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

// Update is UpdateAs for the box itself.
func (r *Registry) Update(change func(tx *Tx) error) error { return r.UpdateAs(Author{}, change) }

// UpdateAs makes several changes at once, all or none: none if change returns
// an error, if the records then contradict each other (a *Refusal that says how
// to mend it), or if the disk fails. The order of the changes does not matter
// to that check. change must not keep tx, nor call Update. Who changed what is
// written down with it: see Run.
func (r *Registry) UpdateAs(by Author, change func(tx *Tx) error) error {
	changes, err := r.update(by, change)
	for _, c := range changes {
		if c.rights() {
			r.gone(c.ID)
		}
	}
	return err
}

func (r *Registry) update(by Author, change func(tx *Tx) error) ([]Changed, error) {
	r.writing.Lock()
	defer r.writing.Unlock()
	before := r.Snapshot()
	tx := r.begin(before)
	if err := change(tx); err != nil {
		return nil, err
	}
	if len(tx.writes) == 0 {
		return nil, nil
	}
	if r.readOnly {
		return nil, texts.Errorf(texts.Registry.ReadOnly)
	}
	tx.next.index()
	if err := before.refusal(tx.next); err != nil {
		return nil, err
	}
	items, err := difference(before, tx.next, tx.writes, by)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 && len(before.Damaged) == len(tx.next.Damaged) {
		return nil, nil // everything is as it was
	}
	var left intention
	err = transact(r.db, func(btx *bolt.Tx) (err error) {
		if err = apply(btx, tx.writes); err == nil && len(items) > 0 {
			left, err = intend(btx, r.clock(), items)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("write registry: %w", err)
	}
	r.current.Store(tx.next)
	close(before.changed)
	r.inbox.settle(tx.next)
	if len(items) > 0 {
		r.pending = append(r.pending, left)
		select {
		case r.changed <- struct{}{}:
		default: // Run is called already
		}
	}
	return items, nil
}

func (r *Registry) write(writes map[place][]byte) error { return put(r.db, writes) }

// transact is Update of a file that may be damaged.
func transact(db *bolt.DB, do func(*bolt.Tx) error) (err error) {
	defer recoverFault(&err)()
	return db.Update(do)
}

func put(db *bolt.DB, writes map[place][]byte) error {
	return transact(db, func(tx *bolt.Tx) error { return apply(tx, writes) })
}

// apply writes values; nil deletes.
func apply(tx *bolt.Tx, writes map[place][]byte) error {
	for _, at := range slices.SortedFunc(maps.Keys(writes), comparePlaces) {
		bucket, err := tx.CreateBucketIfNotExists([]byte(at.table))
		if err != nil {
			return err
		}
		if value := writes[at]; value == nil {
			err = bucket.Delete([]byte(at.id))
		} else {
			err = bucket.Put([]byte(at.id), value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Tx is a batch of changes in the making.
type Tx struct {
	// Before is the state that the batch started from.
	Before *Snapshot

	next    *Snapshot
	kinds   []devices.Kind
	profile func(reference string) error
	keys    *keyring
	writes  map[place][]byte // nil deletes
}

// place is where a record is.
type place struct {
	table Table
	id    string
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(a.id, b.id))
}

func (r *Registry) begin(before *Snapshot) *Tx {
	return &Tx{Before: before, next: before.clone(), kinds: r.kinds, profile: r.profile, keys: r.keys, writes: map[place][]byte{}}
}

// Put registers records, or replaces those of the same ID. A device that is
// retired, or behind a bridge, loses its login.
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
			if d.Kind == devices.KindBridge && tx.profile != nil {
				if err := tx.profile(d.Profile); err != nil {
					return refuse(Devices, d.ID, err)
				}
			}
		}
		r, at := r.clone(), place{r.table(), r.id()}
		value, err := tx.keys.encode(r, tx.next.locked[at])
		if err != nil {
			return err
		}
		tx.next.put(r)
		if d, err := tx.keys.decode(at.table, at.id, value); err != nil || d.secrecy != locked {
			delete(tx.next.locked, at) // given anew
		}
		tx.writes[at] = value
		if d, ok := r.(Device); ok && (d.Retired || d.Bridge != "") {
			tx.revoke(d.ID) // it never logs in
		}
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

// Device returns a device as the changes made so far leave it.
func (tx *Tx) Device(id string) (Device, bool) {
	d, ok := tx.next.Devices[id]
	return d, ok
}
