package salvage

import "encoding/binary"

// Entries gives visit what each bucket of the outermost tree holds, in the
// order of its keys, as far as the trees can be followed. What cannot be read
// is left out: that nothing is, only Check(Everything) tells. Key and value are
// good until visit returns.
func (f *File) Entries(visit func(bucket string, key, value []byte)) {
	if f.page == 0 {
		return
	}
	// A meta page may name more pages than there are bytes.
	pages := &walk{f: f, used: make([]uint64, min(f.newest.high, uint64(f.size/f.page)+1)/64+1)}
	f.each(pages, f.newest.root, 0, func(flags uint32, name, bucket []byte) {
		if flags&flagBucket == 0 || len(bucket) < bucketSize {
			return
		}
		entry := func(flags uint32, key, value []byte) {
			if flags&flagBucket == 0 {
				visit(string(name), key, value)
			}
		}
		if root := binary.LittleEndian.Uint64(bucket); root != 0 {
			f.each(pages, root, 0, entry)
		} else if b := bucket[bucketSize:]; len(b) >= headerSize {
			eachElement(b, entry)
		}
	})
}

// each gives visit the elements of the leaves below and with page id, none of
// which is among those seen before.
func (f *File) each(seen *walk, id uint64, level int, visit func(flags uint32, key, value []byte)) {
	h, err := f.header(id)
	if err != nil || level > maxDepth || seen.use(id, h) != nil {
		return
	}
	b, err := f.body(id, h)
	if err != nil {
		return
	}
	switch h.flags {
	case flagLeaf:
		eachElement(b, visit)
	case flagBranch:
		for i := range min(h.count, (len(b)-headerSize)/elementSize) {
			f.each(seen, binary.LittleEndian.Uint64(b[headerSize+i*elementSize+8:]), level+1, visit)
		}
	}
}

// eachElement gives visit the elements of a leaf that are whole.
func eachElement(b []byte, visit func(flags uint32, key, value []byte)) {
	for i := range min(parseHeader(b).count, (len(b)-headerSize)/elementSize) {
		if flags, key, value, ok := element(b, headerSize+i*elementSize); ok {
			visit(flags, key, value)
		}
	}
}
