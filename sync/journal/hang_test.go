package journal_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linli-edge/gateway/sync/journal"
)

// Not in package unix: FIFREEZE and FITHAW of linux/fs.h.
const (
	freeze = 0xc0045877
	thaw   = 0xc0045878
)

// A disk that really hangs: a frozen file system. Callers wait as long as they
// are willing to, and when the disk comes back nothing is lost or doubled.
func TestHangingDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test needs root: it mounts and freezes a file system")
	}
	dir := t.TempDir()
	image, mounted := filepath.Join(dir, "image"), filepath.Join(dir, "mounted")
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 64<<20), os.Mkdir(mounted, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"mkfs.ext4", "-q", image}, {"mount", "-o", "loop", image, mounted}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v (run make deps): %v: %s", command, err, out)
		}
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", mounted).CombinedOutput(); err != nil {
			t.Errorf("unmount: %v: %s", err, out)
		}
	})
	root, err := os.Open(mounted)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustClose(t, root) })

	j, err := journal.Open(filepath.Join(mounted, "journal"), options())
	if err != nil {
		t.Fatal(err)
	}
	mustRecord(t, j, ordinary("a"), urgent("u"))
	if err := unix.IoctlSetInt(int(root.Fd()), freeze, 0); err != nil {
		t.Fatalf("freeze: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	results := make(chan error, 2)
	go func() { results <- j.Record(ctx, ordinary("b")) }()
	go func() { results <- j.Record(ctx, urgent("v")) }()
	hung := []error{<-results, <-results}
	if err := unix.IoctlSetInt(int(root.Fd()), thaw, 0); err != nil {
		t.Fatalf("thaw: %v", err)
	}
	for _, err := range hung {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	}
	mustRecord(t, j, ordinary("b"), ordinary("c"), urgent("v"))
	wantIDs(t, j, journal.Ordinary, "a", "b", "c")
	wantIDs(t, j, journal.Urgent, "u", "v")
	mustClose(t, j)
}
