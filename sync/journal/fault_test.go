package journal_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/linli-edge/gateway/sync/journal"
)

// A commit that fails is reported; what it left behind is never seen, nothing
// is seen twice, and the sequence has no gap.
func TestFailedCommits(t *testing.T) {
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		for _, when := range []string{"before", "after"} {
			t.Run(fmt.Sprint(when, " ", cause), func(t *testing.T) {
				var failing atomic.Bool
				fault := func(journal.Chain) error {
					if failing.Load() {
						return cause
					}
					return nil
				}
				before, after := fault, func(journal.Chain) error { return nil }
				if when == "after" {
					before, after = after, before
				}
				dir := t.TempDir()
				j, err := journal.OpenFaulty(dir, options(), before, after)
				if err != nil {
					t.Fatal(err)
				}
				follow(t, j) // or a full disk would cost what nobody waits for
				fail := func(ids ...string) {
					t.Helper()
					failing.Store(true)
					for _, id := range ids {
						if err := j.Record(t.Context(), ordinary(id)); !errors.Is(err, cause) {
							t.Errorf("got %v", err)
						}
					}
					failing.Store(false)
				}
				fail("x", "y") // in a file that holds nothing yet
				mustRecord(t, j, ordinary("a"))
				fail("b", "x", "y")
				wantIDs(t, j, journal.Ordinary, "a")
				failing.Store(true)
				mustRecord(t, j, ordinary("a")) // needs no disk
				failing.Store(false)
				mustRecord(t, j, ordinary("b"), ordinary("c"))
				fail("z", "z")
				wantIDs(t, j, journal.Ordinary, "a", "b", "c")
				mustClose(t, j)
				j = mustOpen(t, dir, options())
				// The last failure may have come true by now, once.
				mustRecord(t, j, ordinary("z"), ordinary("b"), ordinary("d"))
				wantIDs(t, j, journal.Ordinary, "a", "b", "c", "z", "d")
			})
		}
	}
}

// follow makes a follower that has read nothing.
func follow(t testing.TB, j *journal.Journal) {
	t.Helper()
	s, err := j.OpenState("slow")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := errors.Join(j.Fold(ctx, s, counting()), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// A disk that is really full.
func TestDiskFull(t *testing.T) {
	dir := tmpfs(t, "16m")
	o := options()
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	j, err := journal.Open(filepath.Join(dir, "journal"), o)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	record := func(i int) error {
		e := ordinary(fmt.Sprint(i))
		e.Data = []byte(`{"note":"` + strings.Repeat("x", 30_000) + `"}`)
		err := j.Record(t.Context(), e)
		if err == nil {
			want = append(want, e.ID)
		}
		return err
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		if err := record(i); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("got %v", err)
			}
			break
		}
	}
	for i := range 20 {
		if err := record(10_000 + i); err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("got %v", err)
		}
	}
	wantIDs(t, j, journal.Ordinary, want...)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if err := record(20_000 + i); err != nil {
			t.Errorf("there is space again: %v", err)
		}
	}
	wantIDs(t, j, journal.Ordinary, want...)
	mustClose(t, j)
	j, err = journal.Open(filepath.Join(dir, "journal"), options())
	if err != nil {
		t.Fatal(err)
	}
	wantIDs(t, j, journal.Ordinary, want...)
	mustClose(t, j)
}

func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "ordinary", "*.bolt"))
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	return files
}

// Sealed files are not touched when the journal is opened, and damage in one
// does not stop what follows it.
func TestDamagedSealedFile(t *testing.T) {
	dir := t.TempDir()
	o := small(newStamp())
	j := mustOpen(t, dir, o)
	clock := newStamp()
	fill(t, j, clock, "a", 400, 0)
	total := len(ids(t, j, journal.Ordinary))
	mustClose(t, j)
	files := segmentFiles(t, dir)
	for name, harm := range map[string]func(string) error{
		"zeroed":    func(path string) error { return overwrite(path, 0, make([]byte, 64<<10)) },
		"truncated": func(path string) error { return os.Truncate(path, 20<<10) },
		"empty":     func(path string) error { return os.Truncate(path, 0) },
		"gone":      os.Remove,
		"page": func(path string) error {
			return overwrite(path, 40<<10, []byte(strings.Repeat("\xff\x00garbage", 500)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			saved, err := os.ReadFile(files[1])
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := os.WriteFile(files[1], saved, 0o600); err != nil {
					t.Fatal(err)
				}
			})
			if err := harm(files[1]); err != nil {
				t.Fatal(err)
			}
			j := mustOpen(t, dir, o)
			defer mustClose(t, j)
			var left []string
			var at uint64
			for {
				entries, err := j.Read(journal.Ordinary, at, 100)
				if err != nil {
					t.Fatal(err)
				}
				if len(entries) == 0 {
					break
				}
				for _, e := range entries {
					if e.Seq <= at || e.Event.ID != fmt.Sprint("a", e.Seq-1) {
						t.Errorf("%s under %d after %d", e.Event.ID, e.Seq, at)
					}
					at = e.Seq
					left = append(left, e.Event.ID)
				}
			}
			if at != uint64(total) || len(left) < total*2/3 || len(left) >= total {
				t.Errorf("%d of %d left, the last is %d", len(left), total, at)
			}
			again := ordinary("a399")
			again.Device = "l0"
			mustRecord(t, j, again)
			if got := j.Last(journal.Ordinary); got != uint64(total) {
				t.Errorf("a redelivery was recorded as %d", got)
			}
		})
	}
}

func overwrite(path string, at int64, with []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(with, at)
	return errors.Join(err, f.Close())
}

// Without its newest file the journal goes on, under numbers that no follower
// has seen yet.
func TestDamagedNewestFile(t *testing.T) {
	for name, harm := range map[string]func(string) error{
		"zeroed": func(path string) error { return overwrite(path, 0, make([]byte, 64<<10)) },
		"gone":   os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			registry := prometheus.NewRegistry()
			o := small(newStamp())
			j := mustOpen(t, dir, o)
			fill(t, j, newStamp(), "a", 400, 0)
			s := mustState(t, j, "s")
			caughtUp(t, j, s, counting())
			last := j.Last(journal.Ordinary)
			mustClose(t, s)
			mustClose(t, j)
			files := segmentFiles(t, dir)
			if err := harm(files[len(files)-1]); err != nil {
				t.Fatal(err)
			}
			o.Registerer = registry
			j = mustOpen(t, dir, o)
			s = mustState(t, j, "s")
			mustRecord(t, j, ordinary("new"))
			if got := j.Last(journal.Ordinary); got <= last {
				t.Errorf("the new event is %d, the follower had read up to %d", got, last)
			}
			var applied []string
			fold := counting()
			fold.Apply = func(_ *journal.Tx, entries []journal.Entry) error {
				for _, e := range entries {
					applied = append(applied, e.Event.ID)
				}
				return nil
			}
			caughtUp(t, j, s, fold)
			applied = slices.DeleteFunc(applied, func(id string) bool { return strings.HasPrefix(id, "damage/") })
			if len(applied) != 1 || applied[0] != "new" {
				t.Errorf("applied %q", applied)
			}
			if got := len(ids2(t, j)); got < 200 {
				t.Errorf("%d left", got)
			}
			if n, err := testutil.GatherAndCount(registry, "linli_journal_damaged_files_total"); err != nil || n != 2 {
				t.Error(n, err)
			}
			if got := damagedFiles(t, registry); got != 1 {
				t.Errorf("%g damaged files, want 1", got)
			}
		})
	}
}

// A damaged state is an error for its follower, and for nobody else. When it is
// opened the next time, the follower begins anew.
func TestDamagedState(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, options())
	s := mustState(t, j, "s")
	mustRecord(t, j, ordinary("a"))
	caughtUp(t, j, s, counting())
	if err := overwrite(filepath.Join(dir, "s.state"), 8<<10, []byte(strings.Repeat("\xff", 40<<10))); err != nil {
		t.Fatal(err)
	}
	mustRecord(t, j, ordinary("b"))
	for range 2 {
		if err := j.Fold(t.Context(), s, counting()); !errors.Is(err, journal.ErrDamaged) {
			t.Errorf("got %v", err)
		}
	}
	mustClose(t, s)
	if err := overwrite(filepath.Join(dir, "s.state"), 0, make([]byte, 8<<10)); err != nil {
		t.Fatal(err)
	}
	s = mustState(t, j, "s")
	if begun, err := s.Begun(); err != nil || begun[journal.Ordinary] != 2 {
		t.Errorf("begun at %v, %v", begun, err)
	}
	if d := j.Damage(); len(d) != 1 || d[0].File != "s.state" || d[0].Kept == "" {
		t.Errorf("damage %+v", d)
	}
	mustClose(t, s)
	mustClose(t, j)
	j = mustOpen(t, dir, options())
	wantIDs(t, j, journal.Ordinary, "a", "b")
}

func damagedFiles(t testing.TB, registry *prometheus.Registry) (total float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "linli_journal_damaged_files_total" {
			for _, m := range f.GetMetric() {
				total += m.GetCounter().GetValue()
			}
		}
	}
	return total
}

// ids2 reads the ordinary chain, gaps and all.
func ids2(t testing.TB, j *journal.Journal) (found []string) {
	t.Helper()
	for at := uint64(0); ; {
		entries, err := j.Read(journal.Ordinary, at, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return found
		}
		for _, e := range entries {
			found, at = append(found, e.Event.ID), e.Seq
		}
	}
}
