package journal

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"math"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices/salvage"
)

// A span is some sequences in a row, both ends included.
type span struct{ first, last uint64 }

// salvaged is what was found in a damaged file.
type salvaged struct {
	image   *salvage.Image
	records []rescued // by sequence
	// end is the last sequence that the file held; known says whether that is
	// certain, and not only the last one that was found.
	end   uint64
	known bool
	// guessed is set where the chain goes on after a sequence that the file
	// may never have reached.
	guessed bool
	// sealed is set if it was full, and another followed it.
	sealed bool
	// sound is set if nothing is wrong with the structure of the file.
	sound bool
}

// rescued is a record with the right checksum, somewhere in the image.
type rescued struct {
	seq      uint64
	value    []byte
	standing salvage.Standing
}

// rescue finds all records of the sequences from first to last in a file that
// may be damaged in any way. The caller frees the image.
func rescue(path string, first, last uint64) (*salvaged, error) {
	f, err := salvage.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from
	image, err := f.Load()
	if err != nil {
		return nil, err
	}
	s := &salvaged{image: image, sound: f.Check(salvage.Everything) == nil}
	_, _, s.sealed = f.Last(string(bucketSeal))
	s.records = findRecords(image, first, last)
	if n := len(s.records); n > 0 {
		s.end = s.records[n-1].seq
	}
	if k, v, known := f.Last(string(bucketEvents)); known && (k == nil || intact(k, v)) {
		s.end, s.known = min(sequence(k), last), true
		s.records = slices.DeleteFunc(s.records, func(r rescued) bool { return r.seq > s.end }) // of a commit that failed
	}
	return s, nil
}

// findRecords looks for elements of pages first, then for records whose
// element is lost.
func findRecords(image *salvage.Image, first, last uint64) []rescued {
	found := map[uint64]rescued{}
	image.Elements(salvage.Limits{MinKey: 8, MaxKey: 8, MinValue: minRecord, MaxValue: MaxEventBytes}, func(e salvage.Element) {
		seq := sequence(e.Key)
		if seq < first || seq > last {
			return
		}
		// Only a commit that failed can have left another record of the same
		// sequence behind, on pages that are free.
		if before, ok := found[seq]; ok && before.standing >= e.Standing {
			return
		}
		if intact(e.Key, e.Value) {
			found[seq] = rescued{seq, e.Value, e.Standing}
		}
	})
	findBare(image, first, last, found)
	records := make([]rescued, 0, len(found))
	for _, r := range found {
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b rescued) int { return cmp.Compare(a.seq, b.seq) })
	return records
}

// intact tells whether a record has the right checksum.
func intact(key, record []byte) bool {
	if len(record) < minRecord {
		return false
	}
	body := record[:len(record)-crcBytes]
	return checksum(crc32.Checksum(body, castagnoli), key) == binary.LittleEndian.Uint32(record[len(body):])
}

// findBare finds the records that no element leads to, by what must stand
// before and in them: the key, the version and the flags. An event's data is
// JSON, which tells where the record can end.
func findBare(image *salvage.Image, first, last uint64, found map[uint64]rescued) {
	b := image.Bytes
	for at := 0; at+8+minRecord <= len(b); at++ {
		if b[at+8] != codecVersion || b[at+9]&^(flagObserved|flagSynced) != 0 {
			continue
		}
		seq := binary.BigEndian.Uint64(b[at:])
		if seq < first || seq > last {
			continue
		}
		if _, known := found[seq]; known {
			continue
		}
		if value, ok := bareRecord(b[at:at+8], b[at+8:min(len(b), at+8+MaxEventBytes)]); ok {
			found[seq] = rescued{seq, value, image.Standing(at)}
		}
	}
}

// bareRecord is the record that b begins with, if its checksum is right.
func bareRecord(key, b []byte) (record []byte, ok bool) {
	r := fields{rest: b[2+16:]}
	r.varint()
	r.time()
	if b[1]&flagObserved != 0 {
		r.time()
	}
	device, id, typ := r.length(), r.length(), r.length()
	if r.bad || device+id+typ > uint64(len(r.rest)) {
		return nil, false
	}
	data := len(b) - len(r.rest) + int(device+id+typ)
	crc := crc32.Checksum(b[:data], castagnoli)
	for end := data; end+crcBytes <= len(b); end++ {
		if checksum(crc, key) == binary.LittleEndian.Uint32(b[end:]) && (end == data || json.Valid(b[data:end])) {
			return b[: end+crcBytes : end+crcBytes], true
		}
		if c := b[end]; c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			break // no JSON
		}
		crc = crc32.Update(crc, castagnoli, b[end:end+1])
	}
	return nil, false
}

// missing are the spans from first to last that are not among the records.
func (s *salvaged) missing(first, last uint64) []span {
	var holes []span
	for _, r := range s.records {
		if r.seq > last {
			break
		}
		if r.seq > first {
			holes = append(holes, span{first, r.seq - 1})
		}
		first = r.seq + 1
	}
	if first <= last {
		holes = append(holes, span{first, last})
	}
	return holes
}

// rebuildBytes is how much is written in one transaction: what bbolt needs in
// memory is a small multiple of it.
const rebuildBytes = 512 << 10

// rebuild writes the records up to last into a new file, with the sequences
// that it has not.
func (s *salvaged) rebuild(path string, last uint64, holes []span) error {
	h, err := openBolt(path, bolt.Options{NoSync: true})
	if err != nil {
		return err
	}
	err = s.fill(h, last, holes)
	if err == nil {
		err = guard(h.db.Sync)
	}
	if closed := h.close(); err == nil {
		err = closed
	}
	return err
}

func (s *salvaged) fill(h *handle, last uint64, holes []span) error {
	var ids []identity
	dec := decoder{}
	left := s.records
	for done := false; !done; {
		err := h.update(func(tx *bolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists(bucketEvents)
			if err != nil {
				return err
			}
			bucket.FillPercent = 1
			for written := 0; len(left) > 0 && left[0].seq <= last && written < rebuildBytes; left = left[1:] {
				r := left[0]
				if err := bucket.Put(key(r.seq), r.value); err != nil {
					return err
				}
				written += len(r.value)
				var e Entry
				if err := dec.decode(&e.Event, key(r.seq), r.value); err == nil {
					ids = append(ids, identify(&e.Event))
				}
			}
			if done = len(left) == 0 || left[0].seq > last; !done {
				return nil
			}
			seal, err := tx.CreateBucketIfNotExists(bucketSeal)
			if err != nil {
				return err
			}
			if err := seal.Put(keyIDs, encodeIdentities(ids)); err != nil {
				return err
			}
			return seal.Put(keyHoles, encodeHoles(holes))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// encodeHoles makes the block that a rebuilt file keeps of what it has not.
func encodeHoles(holes []span) []byte {
	b := make([]byte, 0, len(holes)*16+crcBytes)
	for _, h := range holes {
		b = binary.BigEndian.AppendUint64(b, h.first)
		b = binary.BigEndian.AppendUint64(b, h.last)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeHoles reads the block; nil if there is none, or it is damaged.
func decodeHoles(block []byte) []span {
	n := len(block) - crcBytes
	if n < 0 || n%16 != 0 || crc32.Checksum(block[:n], castagnoli) != binary.LittleEndian.Uint32(block[n:]) {
		return nil
	}
	holes := make([]span, n/16)
	for i := range holes {
		holes[i] = span{binary.BigEndian.Uint64(block[16*i:]), binary.BigEndian.Uint64(block[16*i+8:])}
	}
	return holes
}

// covered tells whether all of first to last lies within one of the holes.
func covered(holes []span, first, last uint64) bool {
	return slices.ContainsFunc(holes, func(h span) bool { return h.first <= first && last <= h.last })
}

// unreached is a sequence that a file cannot have held: each record takes at
// least its key, its element and minRecord bytes of a file that is no longer
// than that, or than a full one is.
func unreached(first uint64, size, segmentBytes int64) uint64 {
	most := uint64(max(size, 2*segmentBytes)) / (8 + 16 + minRecord)
	return min(first, math.MaxUint64-most-1) + most
}

// errMissing is what a reader says of a file that can be read, but lacks what it
// should hold.
var errMissing = errors.New("records are missing or damaged")
