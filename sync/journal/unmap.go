package journal

import (
	"errors"
	"os"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"
)

// Unmap takes the pages of all open files out of the process, which maps them
// by 64 KiB around each that it reads. They stay in the kernel's cache, which
// drops first what nobody has mapped, and whoever reads them maps them again:
// of a shared mapping nothing else is lost, see MADV_DONTNEED in madvise(2).
func (j *Journal) Unmap() error {
	var all []*handle
	for _, c := range j.chains {
		all = c.files.open(all)
	}
	for _, s := range j.states.all() {
		all = append(all, s.handle)
	}
	var errs []error
	for _, h := range all {
		if err := h.unmap(); err != nil && !errors.Is(err, berrors.ErrDatabaseNotOpen) && !errors.Is(err, ErrDamaged) && !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err) // the others are closed, or were abandoned
		}
	}
	return errors.Join(errs...)
}

// open appends the handles of the files that are open.
func (s *segments) open(to []*handle) []*handle {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seg := range s.list {
		if seg.handle != nil {
			to = append(to, seg.handle)
		}
	}
	return to
}

// unmap does so for one file. While a transaction is open, bbolt neither moves
// the mapping nor ends it. It is as long as the pages that are in use; where a
// file was cut off it is as long as that.
func (h *handle) unmap() error {
	return h.view(func(tx *bolt.Tx) error {
		info, err := h.file.Stat()
		if err != nil {
			return err
		}
		size := min(tx.Size(), info.Size())
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, tx.DB().Info().Data, uintptr(size), unix.MADV_DONTNEED); errno != 0 {
			return errno
		}
		return nil
	})
}
