package salvage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// ErrUnsound is wrapped by what Check finds.
var ErrUnsound = errors.New("damaged file")

const (
	headerSize  = 16
	elementSize = 16
	metaSize    = 64
	magic       = 0xED0CDAED
	version     = 2
	noFreeList  = 1<<64 - 1

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagMeta     = 0x04
	flagFreeList = 0x10

	flagBucket = 0x01 // of a leaf's element
	bucketSize = 16

	minPage, maxPage = 1 << 10, 1 << 16
)

// File is a bbolt file.
type File struct {
	r    io.ReaderAt
	size int64
	file *os.File // nil if it came from New

	page   int64 // bytes in a page, 0 if no meta page is valid
	newest meta
	whole  bool // both meta pages are valid, and of consecutive transactions
}

// Open opens a file for reading, whatever it holds. It takes no lock.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f := New(file, info.Size())
	f.file = file
	return f, nil
}

// New reads a file of that many bytes from r.
func New(r io.ReaderAt, size int64) *File {
	f := &File{r: r, size: size}
	first, ok := f.meta(0)
	if ok {
		f.page = int64(first.pageSize)
	}
	second, also := meta{}, false
	for page := int64(minPage); page <= maxPage && !also; page *= 2 {
		if f.page != 0 && page != f.page {
			continue
		}
		second, also = f.meta(page)
		also = also && int64(second.pageSize) == page
	}
	switch {
	case ok && also:
		f.newest = first
		if second.tx > first.tx {
			f.newest = second
		}
		f.whole = first.tx+1 == second.tx || second.tx+1 == first.tx
	case ok:
		f.newest = first
	case also:
		f.newest, f.page = second, int64(second.pageSize)
	}
	return f
}

// Close closes what Open has opened.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// meta is a meta page.
type meta struct {
	pageSize                 uint32
	root, freeList, high, tx uint64
}

// meta reads the meta page at an offset.
func (f *File) meta(at int64) (meta, bool) {
	var b [headerSize + metaSize]byte
	if _, err := f.r.ReadAt(b[:], at); err != nil {
		return meta{}, false
	}
	m := b[headerSize:]
	sum := fnv.New64a()
	_, _ = sum.Write(m[:56]) // a hash takes everything
	parsed := meta{
		pageSize: binary.LittleEndian.Uint32(m[8:]), root: binary.LittleEndian.Uint64(m[16:]),
		freeList: binary.LittleEndian.Uint64(m[32:]), high: binary.LittleEndian.Uint64(m[40:]), tx: binary.LittleEndian.Uint64(m[48:]),
	}
	size := parsed.pageSize
	return parsed, binary.LittleEndian.Uint32(m) == magic && binary.LittleEndian.Uint32(m[4:]) == version &&
		binary.LittleEndian.Uint64(m[56:]) == sum.Sum64() && size >= minPage && size <= maxPage && size&(size-1) == 0
}

// header is the head of a page.
type header struct {
	id       uint64
	flags    uint16
	count    int
	overflow uint32
}

func parseHeader(b []byte) header {
	return header{
		id: binary.LittleEndian.Uint64(b), flags: binary.LittleEndian.Uint16(b[8:]),
		count: int(binary.LittleEndian.Uint16(b[10:])), overflow: binary.LittleEndian.Uint32(b[12:]),
	}
}

// header reads the head of page id, which must be one of the file and say so.
func (f *File) header(id uint64) (header, error) {
	if id < 2 || id >= f.newest.high {
		return header{}, fmt.Errorf("%w: page %d of %d", ErrUnsound, id, f.newest.high)
	}
	var b [headerSize]byte
	if _, err := f.r.ReadAt(b[:], int64(id)*f.page); err != nil {
		return header{}, fmt.Errorf("%w: page %d: %w", ErrUnsound, id, err)
	}
	h := parseHeader(b[:])
	if h.id != id || uint64(h.overflow) >= f.newest.high-id {
		return h, fmt.Errorf("%w: page %d calls itself %d, with %d more", ErrUnsound, id, h.id, h.overflow)
	}
	return h, nil
}

// body reads page id with those that follow it.
func (f *File) body(id uint64, h header) ([]byte, error) {
	b := make([]byte, (1+int64(h.overflow))*f.page)
	if _, err := f.r.ReadAt(b, int64(id)*f.page); err != nil {
		return nil, fmt.Errorf("%w: page %d: %w", ErrUnsound, id, err)
	}
	return b, nil
}
