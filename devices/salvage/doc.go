// Package salvage reads bbolt files that bbolt itself must not be trusted
// with: it looks whether the structure of a file is sound, and finds what a
// damaged one still holds.
//
// It never maps a file, never follows a pointer that it has not checked, and
// its work is bounded by the size of the file: whatever the bytes are, it ends
// with an error or an answer.
//
// # The format
//
// A file consists of pages of one size. Pages 0 and 1 are the two meta pages;
// transaction n writes page n%2, and the valid one of the higher n counts. It
// names the root of the tree of buckets, the page that lists the free pages,
// and the page after the last one in use. All numbers are little-endian, as on
// every machine that the gateway is built for.
//
//	page       id u64, flags u16, count u16, overflow u32 (pages that follow it)
//	meta       magic u32, version u32, page size u32, flags u32, root u64, sequence u64,
//	           free list u64, end u64, transaction u64, FNV-1a of all before u64
//	branch     count × (position u32, key size u32, page u64), keys
//	leaf       count × (flags u32, position u32, key size u32, value size u32), keys and values
//	bucket     a leaf's value with flag 1: root u64, sequence u64; with root 0 a page of its own follows
//	free list  page ids; with count 0xffff the first is the count
//
// Positions count from the element itself, and a value follows its key. So an
// element can be found, and followed to its key and value, wherever it is, and
// without the page around it: that is how [Image.Elements] looks behind damaged
// pages. Pages that were replaced stay in the file until they are used again,
// so it also finds what is no longer valid: whoever asks must be able to tell,
// by a checksum that covers the key, and by the [Standing].
package salvage
