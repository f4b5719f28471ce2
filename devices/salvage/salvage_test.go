package salvage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// made is a real file with a bucket of many pages, a small one and an empty
// one, some history, and values beyond a page.
func made(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	db, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true, PageSize: 1024})
	if err != nil {
		t.Fatal(err)
	}
	for round := range 20 {
		err := db.Update(func(tx *bolt.Tx) error {
			many, err := tx.CreateBucketIfNotExists([]byte("many"))
			if err != nil {
				return err
			}
			small, err := tx.CreateBucketIfNotExists([]byte("small"))
			if err != nil {
				return err
			}
			_, err = tx.CreateBucketIfNotExists([]byte("none"))
			for i := range 50 {
				n := uint64(round*50 + i)
				value := bytes.Repeat([]byte{byte(n)}, int(10+n%90+n%97/96*5000))
				err = errors.Join(err, many.Put(binary.BigEndian.AppendUint64(nil, n), value))
			}
			return errors.Join(err, small.Put([]byte{'s', byte(round % 3)}, []byte("small")))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t testing.TB, f *File) *Image {
	t.Helper()
	i, err := f.Load()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Free(); err != nil {
			t.Error(err)
		}
	})
	return i
}

func TestASoundFile(t *testing.T) {
	f, err := Open(made(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(f.Check(Branches), f.Check(Everything)); err != nil {
		t.Error(err)
	}
	for bucket, want := range map[string][]byte{"many": binary.BigEndian.AppendUint64(nil, 999), "small": {'s', 2}, "none": nil} {
		if last, _, known := f.Last(bucket); !known || !bytes.Equal(last, want) {
			t.Errorf("%s ends with %q, %v", bucket, last, known)
		}
	}
	i := load(t, f)
	live := map[uint64]bool{}
	i.Elements(Limits{MinKey: 8, MaxKey: 8, MinValue: 10, MaxValue: 6000}, func(e Element) {
		if e.Standing == Live {
			live[binary.BigEndian.Uint64(e.Key)] = true
		}
	})
	if !i.Sound || !i.Whole || len(live) != 1000 {
		t.Errorf("sound %v, whole %v, %d live elements", i.Sound, i.Whole, len(live))
	}
}

// Whatever a damaged file looks like, an answer comes, and what is sound to
// this package holds what it held.
func TestDamageIsSeen(t *testing.T) {
	good, err := os.ReadFile(made(t))
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	unsound := 0
	for range 300 {
		bad := bytes.Clone(good)
		page := 1024 * random.IntN(len(bad)/1024)
		clear(bad[page : page+1024])
		f := New(bytes.NewReader(bad), int64(len(bad)))
		if f.Check(Everything) != nil {
			unsound++
			continue
		}
		i := load(t, f)
		live := 0
		i.Elements(Limits{MinKey: 8, MaxKey: 8, MinValue: 10, MaxValue: 6000}, func(e Element) {
			if e.Standing == Live {
				live++
			}
		})
		if live != 1000 {
			t.Errorf("page %d: %d live elements", page/1024, live)
		}
	}
	if unsound < 30 {
		t.Errorf("only %d of 300 are unsound", unsound)
	}
}

// A disk that fails in places gives the rest.
func TestUnreadableSectors(t *testing.T) {
	good, err := os.ReadFile(made(t))
	if err != nil {
		t.Fatal(err)
	}
	i := load(t, New(broken{good}, int64(len(good))))
	differs := 0
	for n := range good {
		if i.Bytes[n] != good[n] {
			differs++
		}
	}
	if differs == 0 || differs > 1024 {
		t.Errorf("%d bytes differ", differs)
	}
}

// broken cannot read two sectors.
type broken struct{ b []byte }

func (r broken) ReadAt(p []byte, at int64) (int, error) {
	if at < 21<<10 && at+int64(len(p)) > 20<<10 {
		return 0, fmt.Errorf("bad sector")
	}
	return bytes.NewReader(r.b).ReadAt(p, at)
}

func FuzzFile(f *testing.F) {
	b, err := os.ReadFile(made(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[:8<<10])
	f.Add(b[:1024])
	f.Add(make([]byte, 4096))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		for page := 0; page <= 1024 && page+headerSize+metaSize <= len(b); page += 1024 {
			m := b[page+headerSize:]
			sum := fnv.New64a()
			_, _ = sum.Write(m[:56])
			binary.LittleEndian.PutUint64(m[56:], sum.Sum64()) // else little of it would be looked at
		}
		file := New(bytes.NewReader(b), int64(len(b)))
		_ = file.Check(Branches) // the answer is as good as the bytes
		_ = file.Check(Everything)
		_, _, _ = file.Last("many")
		i, err := file.Load()
		if err != nil {
			t.Fatal(err)
		}
		i.Elements(Limits{MinKey: 1, MaxKey: 64, MinValue: 0, MaxValue: 1 << 20}, func(e Element) {
			if len(e.Key) == 0 || len(e.Key) > 64 || len(e.Value) > len(b) {
				t.Errorf("an element of %d and %d bytes", len(e.Key), len(e.Value))
			}
		})
		if err := i.Free(); err != nil {
			t.Fatal(err)
		}
	})
}
