package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// memory is a medium.
type memory []byte

func (m memory) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p, m[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (m memory) WriteAt(p []byte, off int64) (int, error) { return copy(m[off:], p), nil }

const sectors = 16

func newDisk(t rapid.TB, m memory, lies bool) *Disk {
	d, err := New(m, Options{Size: int64(len(m)), Lies: lies})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// fill is n sectors, each of which says what it is.
func fill(n int, what uint64) []byte {
	var b []byte
	for range n {
		b = append(b, binary.BigEndian.AppendUint64(make([]byte, Sector-8), what)...)
	}
	return b
}

func at(m []byte, sector int) uint64 {
	return binary.BigEndian.Uint64(m[(sector+1)*Sector-8:])
}

// Random writes, flushes and cuts: what is read is what was last written, and
// after a cut each sector holds what was flushed, or one of the versions that
// were written since.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := make(memory, sectors*Sector)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		may := make([][]uint64, sectors) // what each sector may hold after a cut, the newest last
		for s := range may {
			may[s] = []uint64{0}
		}
		d, what := newDisk(t, m, false), uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				n := rapid.IntRange(1, 8).Draw(t, "sectors")
				first := rapid.IntRange(0, sectors-n).Draw(t, "first")
				fua := rapid.IntRange(0, 4).Draw(t, "fua") == 0
				what++
				if err := d.Write(fill(n, what), int64(first)*Sector, fua); err != nil {
					t.Fatal(err)
				}
				for s := first; s < first+n; s++ {
					if fua {
						may[s] = nil
					}
					may[s] = append(may[s], what)
				}
			},
			"flush": func(t *rapid.T) {
				if err := d.Flush(); err != nil {
					t.Fatal(err)
				}
				for s := range may {
					may[s] = may[s][len(may[s])-1:]
				}
			},
			"cut": func(t *rapid.T) {
				keep := rapid.Float64Range(0, 1).Draw(t, "keep")
				d.Cut(Fate{Keep: keep, Tear: (1 - keep) / 2, Rand: random})
				if err := d.Flush(); !errors.Is(err, ErrOff) {
					t.Fatalf("flush after the cut: %v", err)
				}
				for s := range may {
					now := at(m, s)
					if !slices.Contains(may[s], now) {
						t.Fatalf("sector %d holds %d, may hold %d", s, now, may[s])
					}
					may[s] = []uint64{now}
				}
				d = newDisk(t, m, false)
			},
			"": func(t *rapid.T) {
				got := make([]byte, len(m))
				if _, err := d.ReadAt(got, 0); err != nil {
					t.Fatal(err)
				}
				for s := range may {
					if now, want := at(got, s), may[s][len(may[s])-1]; now != want {
						t.Fatalf("sector %d reads %d, not %d", s, now, want)
					}
				}
			},
		})
	})
}

func TestFates(t *testing.T) {
	const writes = 200
	for _, c := range []struct {
		name       string
		keep, tear float64
		want       func(Damage) bool
	}{
		{"all lost", 0, 0, func(d Damage) bool { return d.Lost == writes }},
		{"all kept", 1, 0, func(d Damage) bool { return d.Kept == writes }},
		{"all torn", 0, 1, func(d Damage) bool { return d.Torn == writes }},
		{"some of each", 0.4, 0.3, func(d Damage) bool { return d.Kept > 40 && d.Torn > 20 && d.Lost > 20 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := make(memory, writes*8*Sector)
			d := newDisk(t, m, false)
			for i := range writes {
				if err := d.Write(fill(8, uint64(i)+1), int64(i)*8*Sector, false); err != nil {
					t.Fatal(err)
				}
			}
			d.Cut(Fate{Keep: c.keep, Tear: c.tear, Rand: rand.New(rand.NewPCG(1, 2))})
			<-d.Gone()
			told, err := d.Damage()
			if err != nil || told.Writes() != writes || !c.want(told) {
				t.Errorf("%+v, %v", told, err)
			}
			var seen Damage
			for i := range writes {
				n := 0
				for s := range 8 {
					if at(m, i*8+s) == uint64(i)+1 {
						n++
					}
				}
				switch n {
				case 0:
					seen.Lost++
				case 8:
					seen.Kept++
				default:
					seen.Torn++
				}
			}
			if seen != told {
				t.Errorf("on the medium: %+v, told: %+v", seen, told)
			}
		})
	}
}

// A write that goes through leaves the others in the cache, and outdates what
// was there of its own sectors.
func TestForceUnitAccess(t *testing.T) {
	m := make(memory, 4*Sector)
	d := newDisk(t, m, false)
	for _, w := range []struct {
		first, n int
		what     uint64
		fua      bool
	}{{0, 4, 1, false}, {1, 1, 2, true}} {
		if err := d.Write(fill(w.n, w.what), int64(w.first)*Sector, w.fua); err != nil {
			t.Fatal(err)
		}
	}
	if at(m, 0) != 0 || at(m, 1) != 2 {
		t.Errorf("before the cut: %d, %d", at(m, 0), at(m, 1))
	}
	d.Cut(Fate{Keep: 1, Rand: rand.New(rand.NewPCG(1, 1))})
	if at(m, 0) != 1 || at(m, 1) != 2 || at(m, 3) != 1 {
		t.Errorf("after the cut: %d, %d, %d", at(m, 0), at(m, 1), at(m, 3))
	}
}

func TestLies(t *testing.T) {
	m := make(memory, 2*Sector)
	d := newDisk(t, m, true)
	for _, err := range []error{d.Write(fill(1, 1), 0, false), d.Flush(), d.Write(fill(1, 2), Sector, true)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	d.Cut(Fate{Rand: rand.New(rand.NewPCG(1, 1))})
	if !bytes.Equal(m, make([]byte, len(m))) {
		t.Error("something is on the medium")
	}
}

func TestArm(t *testing.T) {
	for _, c := range []struct {
		name   string
		moment Moment
		want   []uint64 // on the medium, where nothing in the cache is kept
	}{
		{"as the second flush arrives", Moment{Op: Flush, N: 2}, []uint64{1, 0, 0}},
		{"when the second flush is done", Moment{Op: Flush, N: 2, Done: true}, []uint64{1, 2, 0}},
		{"with the third write", Moment{Op: Write, N: 3}, []uint64{1, 2, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := make(memory, 3*Sector)
			d := newDisk(t, m, false)
			d.Arm(c.moment, Fate{Rand: rand.New(rand.NewPCG(1, 1))})
			var err error
			for i := range 3 {
				if err = d.Write(fill(1, uint64(i)+1), int64(i)*Sector, false); err != nil {
					break
				}
				if err = d.Flush(); err != nil {
					break
				}
			}
			if !errors.Is(err, ErrOff) {
				t.Fatalf("the power did not go: %v", err)
			}
			<-d.Gone()
			if got := []uint64{at(m, 0), at(m, 1), at(m, 2)}; !slices.Equal(got, c.want) {
				t.Errorf("on the medium: %d, want %d", got, c.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	if _, err := New(nil, Options{Size: 100}); err == nil {
		t.Error("a disk of 100 bytes")
	}
	d := newDisk(t, make(memory, 4*Sector), false)
	for _, w := range []struct{ n, off int64 }{{100, 0}, {Sector, 100}, {Sector, 4 * Sector}, {Sector, -Sector}, {Sector, 1<<63 - Sector}} {
		if err := d.Write(make([]byte, w.n), w.off, false); err == nil || errors.Is(err, ErrOff) {
			t.Errorf("%d bytes at %d: %v", w.n, w.off, err)
		}
	}
}

// A FLUSH covers what was written before it came, and what is written while
// it is under way neither waits nor is covered.
func TestFlushUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := make(memory, 2*Sector)
		d, err := New(m, Options{Size: int64(len(m)), Latency: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		write := func(sector int64, what uint64) {
			if err := d.Write(fill(1, what), sector*Sector, false); err != nil {
				t.Error(err)
			}
		}
		write(0, 1)
		flushed := make(chan error)
		go func() { flushed <- d.Flush() }()
		synctest.Wait()
		write(0, 2)
		write(1, 3)
		d.mu.Lock()
		if at(m, 0) != 0 {
			t.Error("flushed at once")
		}
		d.mu.Unlock()
		if err := <-flushed; err != nil {
			t.Fatal(err)
		}
		if at(m, 0) != 1 || at(m, 1) != 0 {
			t.Errorf("on the medium: %d, %d", at(m, 0), at(m, 1))
		}
		go func() { flushed <- d.Flush() }()
		synctest.Wait()
		d.Cut(Fate{Rand: rand.New(rand.NewPCG(1, 1))})
		if err := <-flushed; !errors.Is(err, ErrOff) {
			t.Errorf("a flush that was cut: %v", err)
		}
		if told, _ := d.Damage(); told.Lost != 2 || at(m, 0) != 1 || at(m, 1) != 0 {
			t.Errorf("%+v; on the medium: %d, %d", told, at(m, 0), at(m, 1))
		}
	})
}
