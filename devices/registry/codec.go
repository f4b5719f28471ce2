package registry

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const checksumSize = 4

// seal puts the checksum before a document. It covers table and key too: a
// good document under the wrong key is damage as well.
func seal(t Table, key string, document []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, checksum(t, key, document)), document...)
}

func unseal(t Table, key string, value []byte) ([]byte, error) {
	if len(value) < checksumSize {
		return nil, fmt.Errorf("%d bytes are too few for a record", len(value))
	}
	document := value[checksumSize:]
	if binary.BigEndian.Uint32(value) != checksum(t, key, document) {
		return nil, errors.New("checksum does not match")
	}
	return document, nil
}

func checksum(t Table, key string, document []byte) uint32 {
	sum := crc32.Update(0, castagnoli, []byte(t))
	sum = crc32.Update(sum, castagnoli, []byte{0})
	sum = crc32.Update(sum, castagnoli, []byte(key))
	sum = crc32.Update(sum, castagnoli, []byte{0})
	return crc32.Update(sum, castagnoli, document)
}

func encode(r Record) ([]byte, error) {
	document, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", r.table(), r.id(), err)
	}
	return seal(r.table(), r.id(), document), nil
}

func decode(t Table, key string, value []byte) (Record, error) {
	document, err := unseal(t, key, value)
	if err != nil {
		return nil, err
	}
	switch t {
	case Facilities:
		return read[Facility](key, document)
	case Devices:
		return read[Device](key, document)
	case Elders:
		return read[Elder](key, document)
	case Caregivers:
		return read[Caregiver](key, document)
	case Cares:
		return read[Care](key, document)
	case Groups:
		return read[Group](key, document)
	case Shifts:
		return read[Shift](key, document)
	case Holidays:
		return read[Holiday](key, document)
	}
	return nil, fmt.Errorf("no table %q", t)
}

func read[R Record](key string, document []byte) (Record, error) {
	var r R
	if err := json.Unmarshal(document, &r); err != nil {
		return nil, err
	}
	if r.id() != key {
		return nil, fmt.Errorf("record of %q", r.id())
	}
	return r, nil
}
