package journal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
)

// bolts are the files of the ordinary chain, oldest first.
func bolts(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "ordinary", "*.bolt"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

// removeFiles removes files of the ordinary chain: the oldest, or all of them.
func removeFiles(t *testing.T, dir string, all bool) {
	t.Helper()
	files := bolts(t, dir)
	if len(files) == 0 {
		t.Fatal("there are none")
	}
	if !all {
		files = files[:1]
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

// damagedOnce opens the journal twice: what is wrong is said the first time
// only.
func damagedOnce(t *testing.T, dir string, o journal.Options) (*journal.Journal, journal.Damage) {
	t.Helper()
	mustClose(t, mustOpen(t, dir, o))
	j := mustOpen(t, dir, o)
	found := j.Damage()
	if len(found) != 1 || len(found[0].Gaps) != 1 {
		t.Fatalf("damage: %+v", found)
	}
	return j, found[0]
}

func TestLossOfTheOldestFileIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock, dir := newStamp(), t.TempDir()
		j := mustOpen(t, dir, small(clock))
		fill(t, j, clock, "old", 200, devices.Ordinary)
		clock.advance(48 * time.Hour)
		fill(t, j, clock, "new", 200, devices.Ordinary)
		j.Tidy()
		synctest.Wait()
		retired := first(t, j, journal.Ordinary)
		mustClose(t, j)
		if retired == 1 {
			t.Fatal("nothing was retired")
		}
		j = mustOpen(t, dir, small(clock))
		if found := j.Damage(); len(found) > 0 {
			t.Errorf("what was retired is said to be lost: %+v", found)
		}
		mustClose(t, j)

		removeFiles(t, dir, false)
		j, found := damagedOnce(t, dir, small(clock))
		begins := first(t, j, journal.Ordinary)
		if gap := found.Gaps[0]; gap.First != retired || gap.Last != begins-1 || gap.Uncertain {
			t.Errorf("chain began at %d, begins at %d, gap %+v", retired, begins, gap)
		}
		mustRecord(t, j, ordinary("after"))
		if got := ids(t, j, journal.Ordinary); got[len(got)-1] != "after" {
			t.Errorf("last is %s", got[len(got)-1])
		}
	})
}

// Nobody has read of the only file, and nothing else tells that it was there.
func TestLossOfTheOnlyFileIsNoticed(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, options())
	mustRecord(t, j, ordinary("a"), ordinary("b"))
	mustClose(t, j)
	removeFiles(t, dir, true)
	j, found := damagedOnce(t, dir, options())
	if gap := found.Gaps[0]; gap.First != 1 || gap.Last < 2 || !gap.Uncertain {
		t.Errorf("gap %+v", gap)
	}
	mustRecord(t, j, ordinary("c"))
	if got := j.Last(journal.Ordinary); got <= 2 {
		t.Errorf("the chain goes on at %d, which may have been something else", got)
	}
	wantIDs(t, j, journal.Ordinary, "c")
}

// A floor that cannot be read is like that of a journal which never had one.
func TestDamagedFloor(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, options())
	mustRecord(t, j, ordinary("a"))
	mustClose(t, j)
	if err := os.WriteFile(filepath.Join(dir, "ordinary", "floor"), make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		j = mustOpen(t, dir, options())
		wantIDs(t, j, journal.Ordinary, "a")
		if found := j.Damage(); len(found) > 0 {
			t.Errorf("damage: %+v", found)
		}
		mustClose(t, j)
	}
	removeFiles(t, dir, true)
	damagedOnce(t, dir, options())
}

// What is left is looked at to tell when the loss was, and is then written.
func TestLossOfAllButTheNewestFile(t *testing.T) {
	clock, dir := newStamp(), t.TempDir()
	j := mustOpen(t, dir, small(clock))
	for len(bolts(t, dir)) < 2 {
		fill(t, j, clock, fmt.Sprint("n", j.Last(journal.Ordinary)), 20, devices.Ordinary)
	}
	mustClose(t, j)
	removeFiles(t, dir, false)
	j, found := damagedOnce(t, dir, small(clock))
	if gap := found.Gaps[0]; gap.First != 1 || gap.To.IsZero() {
		t.Errorf("gap %+v", gap)
	}
	mustRecord(t, j, ordinary("after"))
}
