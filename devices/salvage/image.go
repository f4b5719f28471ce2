package salvage

import (
	"encoding/binary"
	"fmt"
	"math"

	"golang.org/x/sys/unix"
)

// Standing says how an element stands in its file.
type Standing int

const (
	// Stale elements are on pages that are free: they were valid once, or
	// belong to a transaction that never was.
	Stale Standing = iota
	// Orphan elements are on pages that no tree leads to although they are not
	// free, or in a file that does not say.
	Orphan
	// Live elements are where the trees say.
	Live
)

// Element is a key with its value. Both are part of the Image.
type Element struct {
	Key, Value []byte
	Standing   Standing
}

// Image is a file in memory.
type Image struct {
	// Bytes are those of the file; what could not be read is zero.
	Bytes []byte
	// Sound is set if the trees could be followed to every leaf.
	Sound bool
	// Whole is set if both meta pages are valid: the trees are those of the
	// latest transaction then, and not perhaps of the one before.
	Whole bool

	page  int64
	pages []Standing
	free  func() error
}

// Load reads the whole file, as far as the disk gives it. Free gives the
// memory back.
func (f *File) Load() (*Image, error) {
	if f.size > math.MaxInt32 {
		return nil, fmt.Errorf("%d bytes are too many", f.size)
	}
	i := &Image{Whole: f.whole, page: f.page, free: func() error { return nil }}
	if f.size == 0 {
		return i, nil
	}
	// Not from the heap, which would keep it for long.
	b, err := unix.Mmap(-1, 0, int(f.size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("memory for %d bytes: %w", f.size, err)
	}
	i.Bytes, i.free = b, func() error { return unix.Munmap(b) }
	for at := int64(0); at < f.size; at += readSize {
		f.readWhatGoes(b[at:min(at+readSize, f.size)], at)
	}
	i.judge(f)
	return i, nil
}

const (
	readSize   = 256 << 10
	sectorSize = 512
)

// readWhatGoes reads sector by sector where the disk fails.
func (f *File) readWhatGoes(b []byte, at int64) {
	if n, err := f.r.ReadAt(b, at); err == nil || n == len(b) {
		return
	}
	clear(b)
	for from := 0; from < len(b); from += sectorSize {
		sector := b[from:min(from+sectorSize, len(b))]
		if n, err := f.r.ReadAt(sector, at+int64(from)); err != nil && n < len(sector) {
			clear(sector)
		}
	}
}

// Free gives the memory back. Nothing of the image may be used after it.
func (i *Image) Free() error {
	i.Bytes = nil
	return i.free()
}

// judge finds the standing of the pages.
func (i *Image) judge(f *File) {
	w := f.walk(Everything)
	i.Sound = w.err == nil
	if f.page == 0 {
		return
	}
	i.pages = make([]Standing, f.size/f.page+1)
	for n := range i.pages {
		i.pages[n] = Orphan
	}
	if f.whole {
		free, _, err := f.freeList()
		for _, id := range free {
			if err == nil && id < uint64(len(i.pages)) {
				i.pages[id] = Stale
			}
		}
	}
	for _, id := range w.leaves {
		h, err := f.header(id)
		for p := id; err == nil && p <= id+uint64(h.overflow) && p < uint64(len(i.pages)); p++ {
			i.pages[p] = Live
		}
	}
}

// Limits say which elements are looked for: those whose key and value have at
// least and at most so many bytes.
type Limits struct{ MinKey, MaxKey, MinValue, MaxValue int }

// Elements gives visit everything in the image that looks like an element, on
// whatever page, or on none. Much of it is by accident and makes no sense.
func (i *Image) Elements(l Limits, visit func(Element)) {
	// Bytes that point at each other could make this long: real elements do
	// not overlap, so that all together they are no larger than the file, and
	// only a few versions of each are left.
	left := 64 * int64(len(i.Bytes))
	for at := 0; at+elementSize <= len(i.Bytes); at++ {
		head := i.Bytes[at : at+elementSize]
		if binary.LittleEndian.Uint32(head) != 0 {
			continue
		}
		keySize, valueSize := binary.LittleEndian.Uint32(head[8:]), binary.LittleEndian.Uint32(head[12:])
		if int64(keySize) < int64(l.MinKey) || int64(keySize) > int64(l.MaxKey) || int64(valueSize) < int64(l.MinValue) || int64(valueSize) > int64(l.MaxValue) {
			continue
		}
		_, key, value, ok := element(i.Bytes, at)
		if !ok {
			continue
		}
		if left -= int64(len(key) + len(value)); left < 0 {
			return
		}
		visit(Element{Key: key, Value: value, Standing: i.Standing(at)})
	}
}

// Standing is that of what is at an offset.
func (i *Image) Standing(at int) Standing {
	if i.pages == nil {
		return Orphan
	}
	return i.pages[int64(at)/i.page]
}

// Last is the greatest key of a bucket of the file, with its value, nil if the
// bucket is empty. It is known only where the page that holds it and the way
// to it are sound, and both meta pages are valid; whether the bytes are what
// they were, a checksum has to tell.
func (f *File) Last(bucket string) (key, value []byte, known bool) {
	if !f.whole || f.newest.high > uint64(f.size/f.page) {
		return nil, nil, false
	}
	page, ok := f.rightmost(f.newest.root)
	if !ok {
		return nil, nil, false
	}
	for i := range parseHeader(page).count {
		flags, name, described, _ := element(page, headerSize+i*elementSize)
		if flags&flagBucket == 0 || string(name) != bucket || len(described) < bucketSize {
			continue
		}
		page, ok := described[bucketSize:], true
		if root := binary.LittleEndian.Uint64(described); root != 0 {
			page, ok = f.rightmost(root)
		}
		if !ok || leafSound(page) != nil {
			return nil, nil, false
		}
		if n := parseHeader(page).count; n > 0 {
			_, key, value, _ = element(page, headerSize+(n-1)*elementSize)
		}
		return key, value, true
	}
	return nil, nil, false
}

// rightmost goes down to the last leaf of a tree. That of the buckets has one
// page only.
func (f *File) rightmost(id uint64) (leaf []byte, ok bool) {
	for range maxDepth {
		h, err := f.header(id)
		if err != nil {
			return nil, false
		}
		b, err := f.body(id, h)
		switch {
		case err != nil || headerSize+h.count*elementSize > len(b):
			return nil, false
		case h.flags == flagBranch && h.count > 0:
			id = binary.LittleEndian.Uint64(b[headerSize+(h.count-1)*elementSize+8:])
		default:
			return b, leafSound(b) == nil
		}
	}
	return nil, false
}
