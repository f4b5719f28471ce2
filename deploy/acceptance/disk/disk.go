// Package disk is a disk that forgets: what was written and not flushed is in
// a volatile cache, and when the power goes each of those writes is lost, kept
// or torn, by chance and whatever their order was.
//
// It keeps what a disk promises and nothing beyond that. A write that was
// answered is seen by every later read. When a FLUSH is answered, what was
// written before it came is there after the power has gone; what was written
// while it was under way is not covered. A write with FUA (force unit access)
// is there by itself, and takes nothing else along. Of several writes to one
// sector any one may be the last that stayed, but never one older than what is
// known to be there.
//
// A sector is never half written. It has 4,096 bytes: what flash programs at
// once, and what file systems take for granted. With torn sectors of 512 bytes
// ext4 ends with half a superblock, which no fsck mends without being told to.
//
// The power goes at any time ([Disk.Cut]) or with an operation ([Disk.Arm]):
// as a FLUSH comes, with nothing of it done; when it is done and the guest
// does not know; with a write among others.
//
// [Serve] puts it on a socket as a network block device, which qemu takes for
// a disk.
package disk

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Sector is the unit that is written whole or not at all, in bytes.
const Sector = 4096

// ErrOff is what every operation returns once the power has gone.
var ErrOff = errors.New("the power is off")

// Op is a kind of operation.
type Op string

// The operations that change something, or make it last.
const (
	Write Op = "write"
	Flush Op = "flush"
)

// Moment is an operation with which the power goes: the Nth of its kind from
// now on, counted from 1. FLUSHes that find nothing in the cache do not count.
// What was asked for is not done, or done and not answered if Done is set.
type Moment struct {
	Op   Op
	N    int
	Done bool
}

// Fate decides about each write that is in the cache when the power goes.
type Fate struct {
	// Keep is the probability that a write is kept whole, Tear that it is
	// torn: some of its sectors are kept, some are not. The rest are lost.
	Keep, Tear float64
	Rand       *rand.Rand // required
}

// Damage is what became of the writes in the cache.
type Damage struct{ Kept, Torn, Lost int }

// Writes is how many there were.
func (d Damage) Writes() int { return d.Kept + d.Torn + d.Lost }

// Medium is what lasts.
type Medium interface {
	io.ReaderAt
	io.WriterAt
}

// Disk is a disk with its power on. Its methods may be called at once from
// many goroutines; operations take place one after the other.
type Disk struct {
	medium  Medium
	options Options

	mu      sync.Mutex
	cache   map[int64][]version // by sector, oldest first
	next    int                 // number of the newest write
	armed   *Moment
	fate    Fate
	flushes int
	damage  Damage
	failed  error
	gone    chan struct{}
}

// version is what one write wants in a sector.
type version struct {
	write int
	data  []byte
}

// Options of a disk.
type Options struct {
	// Size in bytes, a multiple of Sector.
	Size int64
	// Latency is how long a FLUSH takes.
	Latency time.Duration
	// Lies makes a disk that answers FLUSH and FUA, and leaves all in its
	// cache.
	Lies bool
}

// New turns the power on, with an empty cache.
func New(m Medium, o Options) (*Disk, error) {
	if o.Size <= 0 || o.Size%Sector != 0 {
		return nil, fmt.Errorf("disk: Size must be a multiple of %d bytes (got %d)", Sector, o.Size)
	}
	return &Disk{medium: m, options: o, cache: map[int64][]version{}, gone: make(chan struct{})}, nil
}

// Flushes is how many FLUSHes were answered.
func (d *Disk) Flushes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.flushes
}

// Gone is closed when the power has gone.
func (d *Disk) Gone() <-chan struct{} { return d.gone }

// Damage is what the cut did, and an error if the medium failed.
func (d *Disk) Damage() (Damage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.damage, d.failed
}

// Arm makes the power go at a moment to come.
func (d *Disk) Arm(m Moment, f Fate) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armed, d.fate = &m, f
}

// Cut makes the power go now, unless it has gone.
func (d *Disk) Cut(f Fate) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut(f)
}

// ReadAt fills p with what was last written. Both must be whole sectors.
func (d *Disk) ReadAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check(p, off); err != nil {
		return 0, err
	}
	if _, err := d.medium.ReadAt(p, off); err != nil {
		return 0, err
	}
	for s := range int64(len(p)) / Sector {
		if v := d.cache[off/Sector+s]; len(v) > 0 {
			copy(p[s*Sector:], v[len(v)-1].data)
		}
	}
	return len(p), nil
}

// Write puts p in the cache, and with fua on the medium. The disk keeps p.
func (d *Disk) Write(p []byte, off int64, fua bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check(p, off); err != nil {
		return err
	}
	return d.operate(Write, func() error {
		if fua && !d.options.Lies {
			return d.through(p, off)
		}
		d.next++
		for s := range int64(len(p)) / Sector {
			at := off/Sector + s
			d.cache[at] = append(d.cache[at], version{d.next, p[s*Sector : (s+1)*Sector]})
		}
		return nil
	})
}

// Flush puts on the medium what is in the cache.
func (d *Disk) Flush() error {
	d.mu.Lock()
	if err := d.check(nil, 0); err != nil {
		d.mu.Unlock()
		return err
	}
	covered := d.next
	d.mu.Unlock()

	if d.options.Latency > 0 {
		select {
		case <-time.After(d.options.Latency):
		case <-d.gone:
			return ErrOff
		}
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check(nil, 0); err != nil {
		return err
	}
	return d.operate(Flush, func() error { return d.flush(covered) })
}

// flush puts on the medium what was written up to a write.
func (d *Disk) flush(upto int) error {
	d.flushes++
	if d.options.Lies {
		return nil
	}
	for s, versions := range d.cache {
		n := 0
		for n < len(versions) && versions[n].write <= upto {
			n++
		}
		if n == 0 {
			continue
		}
		if _, err := d.medium.WriteAt(versions[n-1].data, s*Sector); err != nil {
			return err
		}
		if d.cache[s] = versions[n:]; n == len(versions) {
			delete(d.cache, s)
		}
	}
	return nil
}

func (d *Disk) check(p []byte, off int64) error {
	select {
	case <-d.gone:
		return ErrOff
	default:
	}
	if off < 0 || off%Sector != 0 || len(p)%Sector != 0 || off > d.options.Size-int64(len(p)) {
		return fmt.Errorf("disk: %d bytes at %d are not whole sectors of %d bytes", len(p), off, d.options.Size)
	}
	return nil
}

// operate does what was asked for, unless the power goes with it.
func (d *Disk) operate(op Op, do func() error) error {
	last := false
	if d.armed != nil && d.armed.Op == op && (op != Flush || len(d.cache) > 0) {
		d.armed.N--
		last = d.armed.N <= 0
	}
	if last && !d.armed.Done {
		d.cut(d.fate)
		return ErrOff
	}
	if err := do(); err != nil {
		return err
	}
	if last {
		d.cut(d.fate)
		return ErrOff
	}
	return nil
}

// through writes past the cache. Older versions of the sectors are outdated
// then: none of them may come back.
func (d *Disk) through(p []byte, off int64) error {
	if _, err := d.medium.WriteAt(p, off); err != nil {
		return err
	}
	for s := range int64(len(p)) / Sector {
		delete(d.cache, off/Sector+s)
	}
	return nil
}

// cut decides about each write in the cache, by chance. Among the sectors the
// order does not matter: what counts is what stays in each.
func (d *Disk) cut(f Fate) {
	select {
	case <-d.gone:
		return
	default:
	}
	close(d.gone)
	sectors := map[int][]int64{} // of each write, those that are in the cache
	for _, s := range slices.Sorted(maps.Keys(d.cache)) {
		for _, v := range d.cache[s] {
			sectors[v.write] = append(sectors[v.write], s)
		}
	}
	stays := map[int64][]byte{}
	for _, write := range slices.Sorted(maps.Keys(sectors)) { // the newest that is kept stays
		for _, s := range d.decide(f, sectors[write]) {
			i := slices.IndexFunc(d.cache[s], func(v version) bool { return v.write == write })
			stays[s] = d.cache[s][i].data
		}
	}
	for s, data := range stays {
		if _, err := d.medium.WriteAt(data, s*Sector); err != nil {
			d.failed = err
		}
	}
	d.cache = nil
}

// decide returns which sectors of a write are kept.
func (d *Disk) decide(f Fate, all []int64) []int64 {
	chance := f.Rand.Float64()
	switch {
	case chance < f.Keep:
		d.damage.Kept++
		return all
	case chance < f.Keep+f.Tear && len(all) > 1:
		d.damage.Torn++
		some := slices.Clone(all)
		f.Rand.Shuffle(len(some), func(i, k int) { some[i], some[k] = some[k], some[i] })
		return some[:1+f.Rand.IntN(len(some)-1)]
	}
	d.damage.Lost++
	return nil
}
