package journal

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/salvage"
)

const (
	segmentSuffix = ".bolt"
	newSuffix     = ".new"

	// maxOpen is how many files a chain keeps open besides those in use.
	maxOpen = 2
)

var (
	bucketEvents = []byte("events")
	bucketSeal   = []byte("seal")
	keyIDs       = []byte("ids")
	keyHoles     = []byte("holes")
)

// segment is one file of a chain. It holds the sequences from first up to the
// first of the next segment.
type segment struct {
	first   uint64
	path    string
	damaged atomic.Uint64 // the sequence from which it cannot be read, 0 if it can
	skipped atomic.Bool   // holds records that cannot be read, and that has been said
	mended  atomic.Uint32 // how often it has been replaced by what could be rescued of it

	// Guarded by chain.mending.
	tried   error // why it could not be mended
	triedAt time.Time

	// Guarded by segments.mu.
	handle   *handle
	bytes    int64 // on disk, as last looked up
	retiring bool  // is being removed

	// The janitor's own.
	surveyed bool
	ended    devices.Stamp // see Journal.milestone
}

// segments are the files of one chain, and which of them are open.
type segments struct {
	dir     string
	mapSize int // of the memory map of a file being written, bytes

	mu     sync.Mutex
	list   []*segment // by first
	clock  uint64     // counts uses
	dead   int        // handles that were abandoned
	closed bool
}

// listSegments finds the files of a chain to go on with, and removes what a
// crash left behind half made. It opens none.
func listSegments(dir string, segmentBytes int64) (*segments, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	halfMade, err := filepath.Glob(filepath.Join(dir, "*"+newSuffix))
	if err != nil {
		return nil, err
	}
	for _, path := range halfMade {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	s, err := findSegments(dir)
	if err != nil {
		return nil, err
	}
	s.mapSize = int(2 * segmentBytes)
	return s, nil
}

// findSegments finds the files of a chain.
func findSegments(dir string) (*segments, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	s := &segments{dir: dir}
	for _, entry := range entries {
		first, ok := firstOf(entry.Name())
		if !ok {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		s.list = append(s.list, &segment{first: first, path: filepath.Join(dir, entry.Name()), bytes: onDisk(info)})
	}
	slices.SortFunc(s.list, func(a, b *segment) int { return cmp.Compare(a.first, b.first) })
	return s, nil
}

// firstOf is the first sequence of the segment of that file name.
func firstOf(name string) (first uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok {
		return 0, false
	}
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, err == nil && first > 0
}

// onDisk is what a file takes: files are sparse while they grow.
func onDisk(info os.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Blocks) * 512
	}
	return info.Size()
}

// create makes the segment that begins at first, and makes it the newest, in
// place of one of that name. The caller holds a reference to the handle.
func (s *segments) create(first uint64) (*segment, *handle, error) {
	path := filepath.Join(s.dir, fmt.Sprintf("%020d%s", first, segmentSuffix))
	temporary := path + newSuffix
	if err := s.useReserve(temporary); err != nil {
		return nil, nil, err
	}
	h, err := openBolt(temporary, bolt.Options{InitialMmapSize: s.mapSize})
	if err != nil {
		_ = os.Remove(temporary)
		return nil, nil, err
	}
	err = h.update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket(bucketEvents)
		return err
	})
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err == nil {
		err = syncDir(s.dir)
	}
	if err != nil {
		_ = h.close()
		_ = os.Remove(temporary)
		_ = os.Remove(path)
		return nil, nil, err
	}
	seg := &segment{first: first, path: path, handle: h}
	h.refs = 1
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.list); n > 0 && s.list[n-1].first == first {
		_ = s.list[n-1].discard() // overwritten, and nothing was ever acknowledged in it
		s.list = s.list[:n-1]
	}
	s.list = append(s.list, seg)
	return seg, h, nil
}

// syncDir makes a directory's entries survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// openNewest opens the newest segment for writing; the caller holds a
// reference.
func (s *segments) openNewest() (*segment, *handle, error) {
	seg := s.list[len(s.list)-1]
	if err := sound(seg.path, salvage.Everything); err != nil {
		return seg, nil, err
	}
	h, err := openBolt(seg.path, bolt.Options{InitialMmapSize: s.mapSize})
	if err != nil {
		return seg, nil, err
	}
	h.refs = 1
	seg.handle = h
	return seg, h, nil
}

// find returns the segment that holds seq, or the next one if none does, and
// the sequence at which the segment after it begins. nil if there is none.
func (s *segments) find(seq uint64) (seg *segment, limit uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, exact := slices.BinarySearchFunc(s.list, seq, func(seg *segment, seq uint64) int {
		return cmp.Compare(seg.first, seq)
	})
	if !exact && i > 0 {
		i--
	}
	if i >= len(s.list) {
		return nil, 0
	}
	limit = 1<<64 - 1
	if i+1 < len(s.list) {
		limit = s.list[i+1].first
	}
	return s.list[i], limit
}

// release gives a handle back and closes the longest unused ones.
func (s *segments) release(h *handle) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.refs--
	if h.doomed && h.refs == 0 {
		return h.close()
	}
	return s.closeIdle(maxOpen)
}

// closeIdle closes unused handles but the keep used last. s.mu is held.
func (s *segments) closeIdle(keep int) error {
	var idle []*segment
	for _, seg := range s.list {
		if seg.handle != nil && seg.handle.refs == 0 {
			idle = append(idle, seg)
		}
	}
	if len(idle) <= keep {
		return nil
	}
	slices.SortFunc(idle, func(a, b *segment) int { return cmp.Compare(a.handle.used, b.handle.used) })
	var errs []error
	for _, seg := range idle[:len(idle)-keep] {
		errs = append(errs, seg.handle.close())
		seg.handle = nil
	}
	return errors.Join(errs...)
}

// remove unlinks seg. Who reads it may finish.
func (s *segments) remove(seg *segment) error {
	s.retiring(seg, true)
	if err := os.Remove(seg.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.retiring(seg, false)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.DeleteFunc(s.list, func(other *segment) bool { return other == seg })
	return seg.discard()
}

// discard closes a segment that is no longer in the list, when nobody reads it
// any more. segments.mu is held.
func (seg *segment) discard() error {
	h := seg.handle
	if h == nil {
		return nil
	}
	h.doomed = true
	seg.handle = nil
	if h.refs == 0 {
		return h.close()
	}
	return nil
}

// forget gives back a dead handle. Whoever comes next opens the file anew.
func (s *segments) forget(seg *segment, h *handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seg.handle == h {
		seg.handle = nil
		s.dead++
	}
	h.refs--
}

func (s *segments) abandoned() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

// closeAll closes all files, whoever still reads them.
func (s *segments) closeAll() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	var errs []error
	for _, seg := range s.list {
		if seg.handle != nil {
			errs = append(errs, seg.handle.close())
			seg.handle = nil
		}
	}
	return errors.Join(errs...)
}

// closeUnused closes what nobody is using.
func (s *segments) closeUnused() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closeIdle(0)
}

// all returns the segments, oldest first.
func (s *segments) all() []*segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

// size is what the chain takes on disk, in bytes.
func (s *segments) size() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var total int64
	for _, seg := range s.list {
		if seg.handle != nil { // may be growing
			if info, err := os.Stat(seg.path); err == nil {
				seg.bytes = onDisk(info)
			}
		}
		total += seg.bytes
	}
	return total
}
