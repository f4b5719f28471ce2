package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"

	"github.com/linli-edge/gateway/devices"
)

// window is how many recent identities a chain remembers: a power of two.
const (
	windowBits = 17
	window     = 1 << windowBits
)

// identity is a hash of (Device, ID): 128 bits, so that two different events
// never meet by accident nor by design.
type identity [16]byte

func identify(e *devices.Event) identity {
	b := make([]byte, 0, 192)
	b = binary.AppendUvarint(b, uint64(len(e.Device)))
	b = append(b, e.Device...)
	b = append(b, e.ID...)
	sum := sha256.Sum256(b)
	return identity(sum[:16])
}

// recent is the set of the last identities of a chain, in order: a ring, and a
// hash table of positions in it with linear probing. Both grow with use, up to
// limit. Only the goroutine that writes the chain uses it.
type recent struct {
	limit int
	ring  []identity
	start int // position of the oldest
	count int
	table []place
	seed  uint64
}

// place is where an identity is in the ring: its position + 1 in the low bits,
// 0 if free, and above them those bits of its hash that do not choose the slot,
// so that a search seldom has to look into the ring.
type place uint32

const atBits = windowBits + 1 // for 1 to window, and as many choose one of 2*window slots

func placeAt(hash uint32, position int) place {
	return place(hash>>atBits<<atBits | uint32(position+1))
}

func (p place) position() int { return int(p&(1<<atBits-1)) - 1 }

func (p place) mayBe(hash uint32) bool { return uint32(p)>>atBits == hash>>atBits }

// newRecent makes a set of up to limit identities, a power of two.
func newRecent(limit int) *recent {
	size := min(limit, 1024)
	return &recent{limit: limit, ring: make([]identity, size), table: make([]place, 2*size), seed: rand.Uint64()}
}

// hash has a seed, lest a device that chooses its IDs makes all searches long.
func (r *recent) hash(id *identity) uint32 {
	return uint32((binary.LittleEndian.Uint64(id[:]) ^ r.seed) * 0x9e3779b97f4a7c15 >> 32)
}

// find returns the slot of id, or the free slot where it belongs.
func (r *recent) find(id *identity, hash uint32) (slot int, ok bool) {
	mask := len(r.table) - 1
	for i := int(hash) & mask; ; i = (i + 1) & mask {
		switch p := r.table[i]; {
		case p == 0:
			return i, false
		case p.mayBe(hash) && r.ring[p.position()] == *id:
			return i, true
		}
	}
}

// add reports false, and does nothing, if id is in the set. The oldest makes
// room for it in a full set.
func (r *recent) add(id *identity) bool {
	hash := r.hash(id)
	slot, known := r.find(id, hash)
	if known {
		return false
	}
	if r.count == len(r.ring) {
		if r.count < r.limit {
			r.grow()
		} else {
			r.remove(&r.ring[r.start])
			r.start = (r.start + 1) & (len(r.ring) - 1)
			r.count--
		}
		slot, _ = r.find(id, hash)
	}
	at := (r.start + r.count) & (len(r.ring) - 1)
	r.ring[at] = *id
	r.table[slot] = placeAt(hash, at)
	r.count++
	return true
}

// drop forgets the newest n.
func (r *recent) drop(n int) {
	for range min(n, r.count) {
		r.count--
		r.remove(&r.ring[(r.start+r.count)&(len(r.ring)-1)])
	}
}

// last returns the newest n, or as many as there are, oldest first.
func (r *recent) last(n int) []identity {
	n = min(n, r.count)
	ids := make([]identity, 0, n)
	for i := r.count - n; i < r.count; i++ {
		ids = append(ids, r.ring[(r.start+i)&(len(r.ring)-1)])
	}
	return ids
}

func (r *recent) grow() {
	ids := r.last(r.count)
	r.ring, r.table = make([]identity, 2*len(r.ring)), make([]place, 2*len(r.table))
	r.start, r.count = 0, 0
	for i := range ids {
		r.add(&ids[i])
	}
}

// remove takes id out of the table and moves those behind it up, so that no
// search ends early.
func (r *recent) remove(id *identity) {
	hole, ok := r.find(id, r.hash(id))
	if !ok {
		return
	}
	mask := len(r.table) - 1
	for i := (hole + 1) & mask; r.table[i] != 0; i = (i + 1) & mask {
		home := int(r.hash(&r.ring[r.table[i].position()]))
		if (i-home)&mask >= (i-hole)&mask {
			r.table[hole] = r.table[i]
			hole = i
		}
	}
	r.table[hole] = 0
}

// encodeIdentities makes the block that a sealed file keeps.
func encodeIdentities(ids []identity) []byte {
	b := make([]byte, 0, len(ids)*len(identity{})+crcBytes)
	for i := range ids {
		b = append(b, ids[i][:]...)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeIdentities reports false for a block that is not as it was written.
func decodeIdentities(block []byte) ([]identity, bool) {
	n := len(block) - crcBytes
	if n < 0 || n%len(identity{}) != 0 || crc32.Checksum(block[:n], castagnoli) != binary.LittleEndian.Uint32(block[n:]) {
		return nil, false
	}
	ids := make([]identity, n/len(identity{}))
	for i := range ids {
		copy(ids[i][:], block[i*len(identity{}):])
	}
	return ids, true
}
