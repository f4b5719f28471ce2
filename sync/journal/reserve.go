package journal

import (
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

const (
	// reserveName is the file in the folder of the urgent chain that becomes
	// the chain's next one. It is empty, but its blocks are allocated.
	reserveName = "reserve"
	// reserveShare is the part of the free space that is reserved at most.
	reserveShare = 8
	// reserveLeast is not worth another file, in bytes.
	reserveLeast = 64 << 10
	// stateRoom is reserved in each state file beyond what it uses, if there is
	// so much, in bytes.
	stateRoom = 1 << 20
)

// reserve takes room on the disk for urgent events and for what followers make
// of them, as long as there is any: others who fill the disk do not get that.
func (j *Journal) reserve() {
	urgent := j.chains[Urgent]
	if err := urgent.files.reserve(urgent.segmentBytes); err != nil {
		urgent.log.Warn("no room is reserved", "error", err)
	}
	for _, s := range j.states.all() {
		if err := s.reserve(); err != nil {
			j.log.Warn("no room is reserved", "state", s.name, "error", err)
		}
	}
}

func (o *openStates) all() []*State {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Values(o.byName))
}

// reserve brings the chain's spare file up to size bytes, as far as there is
// room.
func (s *segments) reserve(size int64) error {
	path := filepath.Join(s.dir, reserveName)
	have := s.reserved()
	size = min(size, have+spareRoom(s.dir))
	if size-have < min(reserveLeast, size/2) || have >= size {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(allocate(f, size), f.Close())
}

// reserved is how large the chain's spare file is, 0 if there is none.
func (s *segments) reserved() int64 {
	info, err := os.Stat(filepath.Join(s.dir, reserveName))
	if err != nil {
		return 0
	}
	return onDisk(info)
}

// useReserve makes the spare file the one at path, if there is one.
func (s *segments) useReserve(path string) error {
	err := os.Rename(filepath.Join(s.dir, reserveName), path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// reserve allocates room beyond what the state uses. It does so in steps, lest
// a box that has nothing to do writes.
func (s *State) reserve() error {
	s.reserving.Lock()
	defer s.reserving.Unlock()
	var used int64
	if err := s.View(func(t *Tx) error {
		used = t.tx.Size()
		return nil
	}); err != nil {
		return nil // its follower is told
	}
	room := min(stateRoom, spareRoom(s.journal.dir))
	if s.allocated.Load() >= used+stateRoom/2 || room < reserveLeast {
		return nil
	}
	if err := allocate(s.handle.file, used+room); err != nil {
		return err
	}
	s.allocated.Store(used + room)
	return nil
}

// allocate takes blocks for the first size bytes of f, which stays as long as
// it is. A file system that cannot do this is as it is.
func allocate(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) || isFull(err) {
		return nil
	}
	return err
}

// spareRoom is how many bytes may be reserved on the disk of dir.
func spareRoom(dir string) int64 {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0
	}
	return int64(min(st.Bavail, math.MaxInt64/uint64(st.Bsize))) * int64(st.Bsize) / reserveShare
}

// trim gives back the blocks of a file that is full beyond what it uses.
func (h *handle) trim() error {
	var used int64
	if err := h.view(func(tx *bolt.Tx) error {
		used = tx.Size()
		return nil
	}); err != nil {
		return err
	}
	return h.file.Truncate(used)
}
