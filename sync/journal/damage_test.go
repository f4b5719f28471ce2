//go:build !race

// The race detector ends the process at a damaged pointer, also where the
// program recovers from it.

package journal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
)

var digits = regexp.MustCompile(`[0-9]+`)

// corpus is how many damaged journals are made.
func corpus() int {
	if os.Getenv("LINLI_CAMPAIGN") != "" {
		return 600
	}
	return 80
}

// specimen is a whole journal on disk, and what is in it.
type specimen struct {
	dir     string
	records map[string]map[uint64][]byte // by chain and sequence: key and value as they stand in the file
	ids     map[string]map[uint64]string
}

// newSpecimen records events of many sizes, in many files.
func newSpecimen(t testing.TB, random *rand.Rand, events int) *specimen {
	t.Helper()
	s := &specimen{dir: t.TempDir(), records: map[string]map[uint64][]byte{}, ids: map[string]map[uint64]string{}}
	clock := newStamp()
	o := journal.Options{Clock: clock.read, SegmentBytes: 64 << 10}
	j, err := journal.Open(s.dir, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < events; {
		n := 1 + random.IntN(40)
		settled := make(chan error, n)
		for range n {
			e := ordinary(fmt.Sprint("e", i))
			if random.IntN(8) == 0 {
				e = urgent(fmt.Sprint("u", i))
			}
			e.Received = clock.read()
			size := random.IntN(300)
			if random.IntN(60) == 0 {
				size = random.IntN(12_000) // beyond a page
			}
			e.Data = []byte(`{"note":"` + strings.Repeat("x", size) + `"}`)
			if err := j.Submit(t.Context(), e, func(err error) { settled <- err }); err != nil {
				t.Fatal(err)
			}
			clock.advance(time.Second)
			i++
		}
		for range n {
			if err := <-settled; err != nil {
				t.Fatal(err)
			}
		}
	}
	state := mustState(t, j, "follower")
	caughtUp(t, j, state, counting())
	for _, which := range []journal.Chain{journal.Ordinary, journal.Urgent} {
		s.ids[which.String()] = map[uint64]string{}
		for seq, id := range allOf(t, j, which) {
			s.ids[which.String()][seq] = id
		}
	}
	if err := errors.Join(state.Close(), j.Close()); err != nil {
		t.Fatal(err)
	}
	for _, which := range []string{"ordinary", "urgent"} {
		s.records[which] = rawRecords(t, filepath.Join(s.dir, which))
		if len(s.records[which]) != len(s.ids[which]) {
			t.Fatalf("%s: %d records in the files, %d read", which, len(s.records[which]), len(s.ids[which]))
		}
	}
	return s
}

// rawRecords reads the healthy files of a chain with bbolt alone.
func rawRecords(t testing.TB, dir string) map[uint64][]byte {
	t.Helper()
	records := map[uint64][]byte{}
	files, err := filepath.Glob(filepath.Join(dir, "*.bolt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		db, err := bolt.Open(file, 0o600, &bolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		err = db.View(func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("events")).ForEach(func(k, v []byte) error {
				records[binary.BigEndian.Uint64(k)] = slices.Concat(k, v)
				return nil
			})
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return records
}

// allOf reads a chain, gaps and all, without what the box itself reports.
func allOf(t testing.TB, j *journal.Journal, which journal.Chain) map[uint64]string {
	t.Helper()
	found := map[uint64]string{}
	for at := uint64(0); ; {
		entries, err := j.Read(which, at, 200)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return found
		}
		for _, e := range entries {
			if e.Seq <= at {
				t.Fatalf("%d after %d", e.Seq, at)
			}
			at = e.Seq
			if e.Event.Device != devices.GatewayDevice {
				found[e.Seq] = e.Event.ID
			}
		}
	}
}

// copyTo copies the specimen.
func (s *specimen) copyTo(t testing.TB, dir string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
}

// left are the records that are still whole in the bytes of the chain's files,
// found by looking for each of them. What was recorded is all that it knows.
func (s *specimen) left(t testing.TB, dir, which string) map[uint64]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, which, "*.bolt"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	left := map[uint64]bool{}
	for i, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, next := firstOf(t, file), uint64(1<<63)
		if i+1 < len(files) {
			next = firstOf(t, files[i+1])
		}
		for seq, record := range s.records[which] {
			if seq >= first && seq < next && bytes.Contains(b, record) {
				left[seq] = true
			}
		}
	}
	return left
}

func firstOf(t testing.TB, file string) (first uint64) {
	t.Helper()
	if _, err := fmt.Sscanf(filepath.Base(file), "%d.bolt", &first); err != nil {
		t.Fatal(err)
	}
	return first
}

// harm damages one file, and says how.
func harm(t testing.TB, random *rand.Rand, file string) string {
	t.Helper()
	const page = 4096
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	size := info.Size()
	write := func(at int64, b []byte) {
		b = b[:min(int64(len(b)), size-at)]
		if err := overwrite(file, at, b); err != nil {
			t.Fatal(err)
		}
	}
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	somePage := func() int64 { return random.Int64N(size/page) * page }
	switch random.IntN(12) {
	case 0:
		n := 1 + random.IntN(6)
		for range n {
			write(somePage(), make([]byte, page))
		}
		return fmt.Sprint(n, " zeroed pages")
	case 1:
		n := 1 + random.IntN(6)
		for range n {
			write(somePage(), noise(page))
		}
		return fmt.Sprint(n, " random pages")
	case 2:
		n := random.Int64N(size)
		if err := os.Truncate(file, n); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint("truncated to ", n)
	case 3:
		if err := os.Truncate(file, 0); err != nil {
			t.Fatal(err)
		}
		return "emptied"
	case 4:
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		return "deleted"
	case 5:
		write(random.Int64N(2)*page, noise(200))
		return "a random meta page"
	case 6:
		write(0, noise(2*page))
		return "both meta pages random"
	case 7:
		n := 1 + random.IntN(30)
		for range n {
			write(random.Int64N(size), noise(1))
		}
		return fmt.Sprint(n, " random bytes")
	case 8: // torn: the head of a page is new, the rest is old, or the other way round
		at := somePage()
		write(at, noise(512*(1+random.IntN(7))))
		return fmt.Sprint("the head of page ", at/page)
	case 9: // a page in the place of another, as a wrong translation table gives it
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		from, to := somePage(), somePage()
		write(to, b[from:from+page])
		return fmt.Sprintf("page %d in the place of %d", from/page, to/page)
	case 10: // pointers that lead anywhere
		at := somePage()
		for range 1 + random.IntN(8) {
			write(at+16+random.Int64N(64)*4, binary.LittleEndian.AppendUint32(nil, uint32(random.IntN(64))))
		}
		return fmt.Sprint("pointers on page ", at/page)
	default:
		write(random.Int64N(size), make([]byte, random.Int64N(size)))
		return "a zeroed stretch"
	}
}

// Whatever happens to the files: the journal opens, goes on, and every record
// that is whole on the disk can be read, under its own number.
func TestDamageCorpus(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var files, lost, survived, rescued int
	kinds := map[string]int{}
	var s *specimen
	for files < corpus() {
		if s == nil || random.IntN(20) == 0 {
			s = newSpecimen(t, random, 200+random.IntN(1500))
		}
		dir := filepath.Join(t.TempDir(), "journal")
		s.copyTo(t, dir)
		var all []string
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (strings.HasSuffix(path, ".bolt") || strings.HasSuffix(path, ".state")) {
				all = append(all, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		random.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
		var done []string
		for _, file := range all[:1+random.IntN(min(3, len(all)))] {
			how := harm(t, random, file)
			name, err := filepath.Rel(dir, file)
			if err != nil {
				t.Fatal(err)
			}
			done = append(done, name+": "+how)
			kinds[strings.TrimSpace(digits.ReplaceAllString(how, ""))]++
			files++
		}
		l, r, v := s.survives(t, dir, strings.Join(done, "; "))
		lost, rescued, survived = lost+l, rescued+r, survived+v
		if t.Failed() {
			kept := filepath.Join(os.TempDir(), fmt.Sprint("damage-", seed))
			_ = os.CopyFS(kept, os.DirFS(dir))
			t.Fatalf("after %s; kept in %s", done, kept)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d damaged files: %d records on disk whole, all read, %d of them salvaged; %d destroyed", files, survived, rescued, lost)
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		t.Logf("%4d %s", kinds[kind], kind)
	}
}

// survives opens a damaged copy and checks what must hold.
func (s *specimen) survives(t testing.TB, dir, how string) (lost, rescued, survived int) {
	t.Helper()
	left, forgotten := map[string]map[uint64]bool{}, map[string]bool{}
	for which := range s.records {
		left[which] = s.left(t, dir, which)
		files, err := filepath.Glob(filepath.Join(dir, which, "*.bolt"))
		if err != nil {
			t.Fatal(err)
		}
		// Without a file and without a cursor nobody knows that there was one.
		forgotten[which] = len(files) == 0 && strings.Contains(how, "follower.state")
	}
	o := journal.Options{Clock: newStamp().read, SegmentBytes: 64 << 10, Logger: slog.New(slog.DiscardHandler)}
	for round := range 2 { // and once more: what was mended stays mended
		j, err := journal.Open(dir, o)
		if err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		state, err := j.OpenState("follower")
		if err != nil {
			t.Fatalf("%s: state: %v", how, err)
		}
		mustRecord(t, j, ordinary(fmt.Sprint("new", round)), urgent(fmt.Sprint("newu", round)))
		caughtUp(t, j, state, counting()) // also over what is lost
		for which, chain := range map[string]journal.Chain{"ordinary": journal.Ordinary, "urgent": journal.Urgent} {
			got := allOf(t, j, chain)
			for seq := range left[which] {
				if got[seq] != s.ids[which][seq] {
					t.Errorf("%s: round %d: %s %d is %q, want %q", how, round, which, seq, got[seq], s.ids[which][seq])
					return lost, rescued, survived
				}
			}
			for seq, id := range got {
				if want, ok := s.ids[which][seq]; !forgotten[which] && ok && want != id || !ok && !strings.HasPrefix(id, "new") {
					t.Errorf("%s: round %d: %s %d is %q out of nowhere", how, round, which, seq, id)
				}
			}
			if round == 0 {
				lost += len(s.ids[which]) - len(left[which])
				survived += len(left[which])
			}
		}
		found := j.Damage()
		if round == 0 {
			for _, d := range found {
				rescued += d.Salvaged
			}
		}
		if err := errors.Join(state.Close(), j.Close()); err != nil {
			t.Errorf("%s: %v", how, err)
		}
	}
	return lost, rescued, survived
}
