package journal_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
)

// backUp copies a journal into a folder, as a backup and its restoration do.
func backUp(t testing.TB, j *journal.Journal) string {
	t.Helper()
	dir := t.TempDir()
	err := j.Backup(t.Context(), func(name string, size int64, content io.Reader) error {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		b, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		if int64(len(b)) != size {
			return fmt.Errorf("%s: %d bytes, %d announced", name, len(b), size)
		}
		return os.WriteFile(path, b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// verify verifies all files of a journal's folder.
func verify(t testing.TB, dir string) (all []journal.Verified) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if suffix := filepath.Ext(path); err != nil || d.IsDir() || suffix != ".bolt" && suffix != ".state" {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		all = append(all, journal.Verify(filepath.ToSlash(name), bytes.NewReader(b), int64(len(b))))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func wantSound(t testing.TB, dir string) (records int) {
	t.Helper()
	all := verify(t, dir)
	for _, v := range all {
		records += v.Records
		if v.Faults != 0 {
			t.Errorf("%s: %d faults: %q", v.Name, v.Faults, v.Problems)
		}
	}
	if missing := journal.Missing(all); len(missing) > 0 {
		t.Errorf("missing %+v", missing)
	}
	return records
}

// While events flow, files rotate and a fold runs, backups are made. Each one
// holds every event that was acknowledged before it began, opens as a journal,
// is sound, and its fold goes on to the very count that the journal has.
func TestBackupUnderLoad(t *testing.T) {
	o := options()
	o.SegmentBytes = 64 << 10
	j := mustOpen(t, t.TempDir(), o)
	state := mustState(t, j, "follower")
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		if err := j.Fold(ctx, state, counting()); err != nil {
			t.Error(err)
		}
	})
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	var recorded atomic.Int64
	for r := range 8 {
		running.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				e := ordinary(fmt.Sprintf("%d-%d", r, n))
				if n%10 == 0 {
					e = urgent(e.ID)
				}
				if err := j.Record(ctx, e); err != nil {
					if ctx.Err() == nil {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				acknowledged[e.ID] = true
				mu.Unlock()
				recorded.Add(1)
			}
		})
	}
	for round := range 5 {
		target := recorded.Load() + 500
		waitFor(t, func() bool { return recorded.Load() > target })
		mu.Lock()
		before := maps.Clone(acknowledged)
		mu.Unlock()
		dir := backUp(t, j)
		if n := wantSound(t, dir); n < len(before) {
			t.Errorf("round %d: %d records of %d", round, n, len(before))
		}
		restored := mustOpen(t, dir, o)
		have := map[string]bool{}
		for _, which := range []journal.Chain{journal.Ordinary, journal.Urgent} {
			for _, id := range ids(t, restored, which) {
				have[id] = true
			}
		}
		for id := range before {
			if !have[id] {
				t.Fatalf("round %d: %s was acknowledged before the backup and is not in it", round, id)
			}
		}
		for id, n := range foldAll(t, restored) {
			if n != 1 {
				t.Errorf("round %d: %s was folded %d times", round, id, n)
			}
		}
	}
}

// A reader of the backup that stands still holds up neither a recorder nor a
// follower.
func TestBackupHoldsNothingUp(t *testing.T) {
	j := mustOpen(t, t.TempDir(), options())
	s := mustState(t, j, "s")
	mustRecord(t, j, ordinary("a"), urgent("b"))
	large := bytes.Repeat([]byte("x"), 1<<20)
	err := j.Backup(t.Context(), func(string, int64, io.Reader) error {
		for i := range 4 { // grows the state file and its memory map
			mustRecord(t, j, ordinary(fmt.Sprint("during ", t.Name(), i)), urgent(fmt.Sprint("during ", i)))
			if err := s.Update(func(tx *journal.Tx) error {
				tx.Put("b", binary.BigEndian.AppendUint64(nil, uint64(i)), large)
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBackupStops(t *testing.T) {
	j := mustOpen(t, t.TempDir(), options())
	mustRecord(t, j, ordinary("a"), urgent("b"))
	full := errors.New("stick is full")
	if err := j.Backup(t.Context(), func(string, int64, io.Reader) error { return full }); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	files := 0
	err := j.Backup(ctx, func(string, int64, io.Reader) error {
		files++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || files != 1 {
		t.Errorf("%d files, %v", files, err)
	}
}

// Looking at a journal changes no bit of it, and keeps the gateway out only
// meanwhile.
func TestOpenReadOnly(t *testing.T) {
	dir := t.TempDir()
	o := options()
	o.SegmentBytes = 32 << 10
	j := mustOpen(t, dir, o)
	for i := range 1000 {
		mustRecord(t, j, ordinary(fmt.Sprint(i)))
	}
	mustRecord(t, j, urgent("u"))
	want := ids(t, j, journal.Ordinary)
	if _, err := journal.OpenReadOnly(dir, o); err == nil {
		t.Fatal("opened beside the gateway")
	}
	mustClose(t, j)
	if err := os.WriteFile(filepath.Join(dir, "urgent", "x.new"), []byte("half made"), 0o600); err != nil {
		t.Fatal(err)
	}

	before := hashes(t, dir)
	for range 2 { // two at once
		r, err := journal.OpenReadOnly(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		defer mustClose(t, r)
		wantIDs(t, r, journal.Ordinary, want...)
		wantIDs(t, r, journal.Urgent, "u")
		if err := r.Record(t.Context(), ordinary("no")); !errors.Is(err, journal.ErrClosed) {
			t.Errorf("record: %v", err)
		}
		if got := r.Stats().Chains[journal.Ordinary]; got.First != 1 || got.Last != 1000 {
			t.Errorf("stats %+v", got)
		}
		wantSound(t, backUp(t, r))
		if _, err := journal.Open(dir, o); err == nil {
			t.Error("the gateway started beside it")
		}
	}
	if after := hashes(t, dir); !maps.Equal(before, after) {
		t.Errorf("files changed: %v %v", before, after)
	}
	if _, err := journal.OpenReadOnly(filepath.Join(dir, "nowhere"), o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nowhere: %v", err)
	}
}

func hashes(t testing.TB, dir string) map[string][32]byte {
	t.Helper()
	found := map[string][32]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found[path] = sha256.Sum256(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// What is damaged is backed up as it is, and found by Verify.
func TestBackupOfDamage(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, options())
	mustRecord(t, j, ordinary("a"), urgent("b"))
	mustClose(t, j)
	path := filepath.Join(dir, "urgent", fmt.Sprintf("%020d.bolt", 1))
	if err := overwrite(path, 0, make([]byte, 3*os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	r, err := journal.OpenReadOnly(dir, options())
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, r)
	wantIDs(t, r, journal.Ordinary, "a")
	wantIDs(t, r, journal.Urgent)
	faults := map[string]int{}
	for _, v := range verify(t, backUp(t, r)) {
		faults[filepath.Dir(v.Name)] = v.Faults
	}
	if faults["ordinary"] != 0 || faults["urgent"] == 0 {
		t.Errorf("faults %v", faults)
	}
}

// A hole between two files is missing, unless a gap has told of it; so is what
// a cursor has seen beyond the end.
func TestMissing(t *testing.T) {
	dir := t.TempDir()
	o := options()
	o.SegmentBytes = 32 << 10
	j := mustOpen(t, dir, o)
	for i := range 2000 {
		mustRecord(t, j, ordinary(fmt.Sprint(i)))
	}
	s := mustState(t, j, "count")
	caughtUp(t, j, s, counting())
	mustClose(t, s)
	files := segmentFiles(t, dir)
	if len(files) < 4 {
		t.Fatalf("%d files only", len(files))
	}
	mustClose(t, j)
	wantSound(t, dir)
	for _, victim := range []string{files[1], files[len(files)-1]} {
		if err := os.Remove(victim); err != nil {
			t.Fatal(err)
		}
	}
	all := verify(t, dir)
	missing := journal.Missing(all)
	first := func(path string) (n uint64) {
		if _, err := fmt.Sscanf(filepath.Base(path), "%020d.bolt", &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	want := []journal.Range{
		{Chain: "ordinary", First: first(files[1]), Last: first(files[2]) - 1},
		{Chain: "ordinary", First: first(files[len(files)-1]), Last: 2000},
	}
	if fmt.Sprint(missing) != fmt.Sprint(want) {
		t.Errorf("missing %v, want %v", missing, want)
	}

	j = mustOpen(t, dir, o)
	gap, err := devices.New(devices.GatewayDevice, journal.Gap{Chain: "ordinary", First: want[0].First, Last: want[0].Last})
	if err != nil {
		t.Fatal(err)
	}
	gap.ID, gap.Urgency, gap.Received = "gap", devices.Urgent, newStamp().read()
	mustRecord(t, j, gap)
	// The end that is lost, Open has told of.
	if missing := journal.Missing(verify(t, backUp(t, j))); len(missing) > 0 {
		t.Errorf("missing %v", missing)
	}
}

// Whatever bits are changed, Verify comes back; and where it finds nothing
// wrong with the pages, bbolt's own check finds nothing either.
func TestVerifyAgreesWithBbolt(t *testing.T) {
	dir := t.TempDir()
	o := options()
	o.SegmentBytes = 32 << 10
	j := mustOpen(t, dir, o)
	for i := range 300 {
		mustRecord(t, j, ordinary(fmt.Sprint(i)), urgent(fmt.Sprint("u", i)))
	}
	s := mustState(t, j, "s")
	for i := range 200 {
		if err := s.Update(func(tx *journal.Tx) error {
			for k := range 20 {
				tx.Put(fmt.Sprint("bucket", k%3), []byte(fmt.Sprint(i*k%977)), bytes.Repeat([]byte{byte(i)}, 1+i*k%5000))
				tx.Delete(fmt.Sprint("bucket", k%3), []byte(fmt.Sprint((i+k)%977)))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	copied := backUp(t, j)
	if n := wantSound(t, copied); n != 600 {
		t.Errorf("%d records", n)
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	sound, unsound := 0, 0
	scratch := filepath.Join(t.TempDir(), "scratch")
	for path := range hashes(t, copied) {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(copied, path)
		if err != nil {
			t.Fatal(err)
		}
		for round := range 60 {
			content := bytes.Clone(whole)
			if round > 0 {
				metas := 2 * os.Getpagesize() // whose heads bbolt does not look at when it opens a file
				at := metas + random.IntN(len(content)-metas)
				for i := at; i < min(at+1+random.IntN(100), len(content)); i++ {
					content[i] ^= byte(1 + random.IntN(255))
				}
			}
			if v := journal.Verify(name, bytes.NewReader(content), int64(len(content))); v.Faults > 0 {
				unsound++
				continue
			}
			sound++
			if err := os.WriteFile(scratch, content, 0o600); err != nil {
				t.Fatal(err)
			}
			checkWithBbolt(t, scratch, fmt.Sprint(name, " round ", round))
		}
	}
	t.Logf("%d sound, %d unsound", sound, unsound)
	if sound < 5 || unsound < 5 {
		t.Error("too few of either kind")
	}
}

func checkWithBbolt(t testing.TB, path, what string) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer mustClose(t, db)
	if err := db.View(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("%s: bbolt: %v", what, err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// FuzzVerify: no content makes Verify panic, hang or take more than its share.
func FuzzVerify(f *testing.F) {
	dir := f.TempDir()
	j, err := journal.Open(dir, options())
	if err != nil {
		f.Fatal(err)
	}
	for i := range 20 {
		if err := j.Record(f.Context(), urgent(fmt.Sprint(i))); err != nil {
			f.Fatal(err)
		}
	}
	err = j.Backup(f.Context(), func(name string, _ int64, content io.Reader) error {
		b, err := io.ReadAll(content)
		if strings.HasPrefix(name, "urgent/") {
			for at := 0; at < len(b); at += 97 {
				f.Add(b, uint32(at), uint32(at)*2654435761)
			}
		}
		return err
	})
	if err := errors.Join(err, j.Close()); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte, at, with uint32) {
		content = bytes.Clone(content)
		if n := len(content) - 4; n > 0 {
			binary.LittleEndian.PutUint32(content[int(at)%n:], with)
		}
		for _, name := range []string{"urgent/00000000000000000001.bolt", "alert.state"} {
			v := journal.Verify(name, bytes.NewReader(content), int64(len(content)))
			if v.Records > len(content)/16 || (v.Faults > 0) != (len(v.Problems) > 0) {
				t.Errorf("%+v", v)
			}
		}
	})
}
