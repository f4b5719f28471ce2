package salvage

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Depth says how much of a file is looked at.
type Depth int

const (
	// Branches looks at the meta pages and the inner pages of the trees, a few
	// in a hundred: enough for a file that is only read, from which damage then
	// shows as records that are missing or faults while they are read.
	Branches Depth = iota
	// Everything looks at every page, and whether each is either in use or
	// free: what must hold before a file is written to, because bbolt
	// overwrites what its list of free pages names.
	Everything
)

// Check returns an error that wraps ErrUnsound unless the structure of the
// file is sound. It does not look at the values.
func (f *File) Check(depth Depth) error {
	switch {
	case f.page == 0:
		return fmt.Errorf("%w: no valid meta page", ErrUnsound)
	case !f.whole && depth == Everything:
		return fmt.Errorf("%w: a meta page is not valid", ErrUnsound)
	case f.newest.high > uint64(f.size/f.page):
		return fmt.Errorf("%w: %d bytes, %d pages of %d are in use", ErrUnsound, f.size, f.newest.high, f.page)
	}
	w := f.walk(depth)
	if w.err == nil && depth == Everything {
		w.err = f.partition(w)
	}
	return w.err
}

// partition sees to it that every page is either used or free.
func (f *File) partition(w *walk) error {
	if f.newest.freeList == noFreeList {
		return nil
	}
	free, h, err := f.freeList()
	if err != nil {
		return err
	}
	if err := w.use(f.newest.freeList, h); err != nil {
		return err
	}
	for _, id := range free {
		if err := w.use(id, header{}); err != nil {
			return err
		}
	}
	if rest := f.newest.high - 2 - w.count; rest != 0 {
		return fmt.Errorf("%w: %d pages are neither used nor free", ErrUnsound, rest)
	}
	return nil
}

// freeList reads the ids of the free pages.
func (f *File) freeList() ([]uint64, header, error) {
	id := f.newest.freeList
	h, err := f.header(id)
	if err != nil {
		return nil, h, err
	}
	if h.flags != flagFreeList {
		return nil, h, fmt.Errorf("%w: page %d is no list of free pages", ErrUnsound, id)
	}
	b, err := f.body(id, h)
	if err != nil {
		return nil, h, err
	}
	b, count := b[headerSize:], uint64(h.count)
	if count == 0xffff {
		count, b = binary.LittleEndian.Uint64(b), b[8:]
	}
	if count > uint64(len(b)/8) {
		return nil, h, fmt.Errorf("%w: %d free pages in %d bytes", ErrUnsound, count, len(b))
	}
	ids := make([]uint64, count)
	for i := range ids {
		ids[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return ids, h, nil
}

// walk is what was met on the way through the trees.
type walk struct {
	f      *File
	depth  Depth
	used   []uint64 // a bit a page
	count  uint64   // pages used
	leaves []uint64 // ids of leaf pages that are sound, if every page was looked at
	err    error    // the first thing that was wrong
}

// walk goes through the trees as far as they can be followed.
func (f *File) walk(depth Depth) *walk {
	w := &walk{f: f, depth: depth}
	if f.page == 0 {
		w.err = fmt.Errorf("%w: no valid meta page", ErrUnsound)
		return w
	}
	// A meta page may name more pages than there are bytes.
	w.used = make([]uint64, min(f.newest.high, uint64(f.size/f.page)+1)/64+1)
	w.note(w.tree(f.newest.root, true, 0))
	return w
}

func (w *walk) note(err error) {
	if w.err == nil {
		w.err = err
	}
}

// use marks a page and those that follow it; no page is used twice.
func (w *walk) use(id uint64, h header) error {
	for p := id; p <= id+uint64(h.overflow); p++ {
		if p < 2 || p >= w.f.newest.high || p/64 >= uint64(len(w.used)) || w.used[p/64]&(1<<(p%64)) != 0 {
			return fmt.Errorf("%w: page %d is used twice, or not there", ErrUnsound, p)
		}
		w.used[p/64] |= 1 << (p % 64)
		w.count++
	}
	return nil
}

// maxDepth is more than any tree has.
const maxDepth = 32

// tree goes through the pages below and with id. The leaves of the outermost
// tree, which hold the buckets, are always looked at.
func (w *walk) tree(id uint64, outermost bool, level int) error {
	h, err := w.f.header(id)
	if err != nil {
		return err
	}
	if err := w.use(id, h); err != nil {
		return err
	}
	b, err := w.f.body(id, h)
	if err != nil {
		return err
	}
	switch {
	case h.flags == flagLeaf:
		return w.leaf(id, b, h.count, outermost)
	case h.flags == flagBranch && level < maxDepth:
		return w.branch(id, b, h.count, outermost, level)
	}
	return fmt.Errorf("%w: page %d is of kind %#x at level %d", ErrUnsound, id, h.flags, level)
}

func (w *walk) branch(id uint64, b []byte, count int, outermost bool, level int) error {
	if count == 0 || headerSize+count*elementSize > len(b) {
		return fmt.Errorf("%w: page %d has %d branches", ErrUnsound, id, count)
	}
	var before []byte
	next := headerSize + count*elementSize // where the next key must stand
	onlyMark := false
	for i := range count {
		at := headerSize + i*elementSize
		pos, size := binary.LittleEndian.Uint32(b[at:]), binary.LittleEndian.Uint32(b[at+4:])
		child := binary.LittleEndian.Uint64(b[at+8:])
		key, ok := cut(b, at, pos, size)
		ok = ok && at+int(pos) == next
		next += int(size)
		if !ok || before != nil && bytes.Compare(before, key) >= 0 {
			w.note(fmt.Errorf("%w: page %d: branch %d is out of place", ErrUnsound, id, i))
			continue
		}
		before = key
		if i == 0 && !outermost && w.depth == Branches {
			h, err := w.f.header(child)
			onlyMark = err == nil && h.flags == flagLeaf // and so are its neighbours
		}
		if onlyMark {
			w.note(w.use(child, header{}))
		} else {
			w.note(w.tree(child, outermost, level+1))
		}
	}
	return nil
}

func (w *walk) leaf(id uint64, b []byte, count int, outermost bool) error {
	if !outermost && w.depth == Branches {
		return nil
	}
	if err := leafSound(b); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	for i := range count {
		flags, key, value, _ := element(b, headerSize+i*elementSize)
		if flags&flagBucket == 0 {
			continue
		}
		if len(value) < bucketSize {
			return fmt.Errorf("%w: page %d: bucket %q", ErrUnsound, id, key)
		}
		if root := binary.LittleEndian.Uint64(value); root != 0 {
			w.note(w.tree(root, false, 0))
		} else if err := leafSound(value[bucketSize:]); err != nil { // a small one
			return fmt.Errorf("page %d: bucket %q: %w", id, key, err)
		}
	}
	if w.depth == Everything {
		w.leaves = append(w.leaves, id)
	}
	return nil
}

// leafSound looks at the elements of a leaf page: they are in order, and their
// keys and values one behind the other, with nothing before or between them.
func leafSound(b []byte) error {
	if len(b) < headerSize {
		return fmt.Errorf("%w: no page", ErrUnsound)
	}
	h := parseHeader(b)
	next := headerSize + h.count*elementSize
	if h.flags != flagLeaf || next > len(b) {
		return fmt.Errorf("%w: %d elements in %d bytes", ErrUnsound, h.count, len(b))
	}
	var before []byte
	for i := range h.count {
		at := headerSize + i*elementSize
		flags, key, value, ok := element(b, at)
		stands := ok && at+int(binary.LittleEndian.Uint32(b[at+4:])) == next
		if !stands || flags > flagBucket || before != nil && bytes.Compare(before, key) >= 0 {
			return fmt.Errorf("%w: element %d is out of place", ErrUnsound, i)
		}
		before, next = key, next+len(key)+len(value)
	}
	return nil
}

// element reads the leaf element at an offset, of which elementSize bytes must
// be there.
func element(b []byte, at int) (flags uint32, key, value []byte, ok bool) {
	flags = binary.LittleEndian.Uint32(b[at:])
	pos, keySize, valueSize := binary.LittleEndian.Uint32(b[at+4:]), binary.LittleEndian.Uint32(b[at+8:]), binary.LittleEndian.Uint32(b[at+12:])
	if key, ok = cut(b, at, pos, keySize); !ok {
		return flags, nil, nil, false
	}
	value, ok = cut(b, at, pos+keySize, valueSize) // no overflow: the key fits
	return flags, key, value, ok
}

// cut is the size bytes at a position that counts from an element.
func cut(b []byte, element int, pos, size uint32) ([]byte, bool) {
	if pos < elementSize || uint64(element)+uint64(pos)+uint64(size) > uint64(len(b)) {
		return nil, false
	}
	from := element + int(pos)
	return b[from : from+int(size) : from+int(size)], true
}
