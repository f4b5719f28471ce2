package journal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/journal/journaltest"
)

// tmpfs mounts a small file system of that size at a new folder.
func tmpfs(t testing.TB, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("mount a small tmpfs (this test needs root, in a container also CAP_SYS_ADMIN): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// When others have filled the disk, urgent events and what a follower makes of
// them go on in the room that was reserved. After that they fail too, and with
// room again all goes on by itself.
func TestReserve(t *testing.T) {
	dir := tmpfs(t, "16m")
	clock := newStamp()
	o := small(clock)
	o.SegmentBytes = 1 << 20
	j := mustOpen(t, filepath.Join(dir, "journal"), o)
	s := mustState(t, j, "alert")
	fold := counting()
	fold.Chains = []journal.Chain{journal.Urgent}
	mustRecord(t, j, urgent("first"))
	caughtUp(t, j, s, fold)
	j.Tidy()
	waitFor(t, func() bool { return j.Stats().Reserve == o.SegmentBytes })
	record := func(name string, urgency devices.Urgency) error {
		e := ordinary(name)
		e.Urgency, e.Data = urgency, fmt.Appendf(nil, `{"note":"%01000d"}`, 0)
		return j.Record(t.Context(), e)
	}
	full := func(urgency devices.Urgency) (recorded int) {
		t.Helper()
		for ; ; recorded++ {
			err := record(fmt.Sprint(urgency, recorded), urgency)
			if errors.Is(err, syscall.ENOSPC) {
				return recorded
			}
			if err != nil || recorded > 10_000 {
				t.Fatalf("%s event %d: %v", urgency, recorded, err)
			}
		}
	}
	other := filepath.Join(dir, "ballast")
	journaltest.FillDisk(t, other)
	full(devices.Ordinary)
	for i := range 500 {
		if err := record(fmt.Sprint("within", i), devices.Urgent); err != nil {
			t.Fatalf("urgent event %d on the reserve: %v", i, err)
		}
		if i%50 == 0 {
			caughtUp(t, j, s, fold) // its state has room too
		}
	}
	if full(devices.Ordinary) > 0 {
		t.Error("ordinary events used the reserve")
	}
	full(devices.Urgent)
	if got := j.Stats().Reserve; got != 0 {
		t.Errorf("%d bytes are still reserved", got)
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(record("after", devices.Urgent), record("after", devices.Ordinary)); err != nil {
		t.Errorf("with room again: %v", err)
	}
	caughtUp(t, j, s, fold)
	j.Tidy()
	waitFor(t, func() bool { return j.Stats().Reserve == o.SegmentBytes })
	mustClose(t, s)
	mustClose(t, j)
	if again := mustOpen(t, filepath.Join(dir, "journal"), o); again.Last(journal.Urgent) != j.Last(journal.Urgent) {
		t.Error("the journal is not as it was left")
	}
}

// A state may be closed while the janitor takes room for it.
func TestStateClosesWhileRoomIsTaken(t *testing.T) {
	j := mustOpen(t, t.TempDir(), options())
	for i := range 200 {
		s := mustState(t, j, fmt.Sprint("s", i%4))
		s.Forget()
		j.Tidy()
		runtime.Gosched()
		mustClose(t, s)
	}
}
