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

// encode is the value of a record on disk; kept stands for personal fields
// that are locked, nil for none.
func (k *keyring) encode(r Record, kept []byte) ([]byte, error) {
	s, ok := shelfFor(r.table())
	if !ok {
		return nil, fmt.Errorf("no table %q", r.table())
	}
	document, err := json.Marshal(r)
	if err == nil {
		document, err = k.hide(s.table, r.id(), document, s.personal, kept)
	}
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", r.table(), r.id(), err)
	}
	return seal(r.table(), r.id(), document), nil
}

// decoded is a record as it was found on disk: a locked one without its
// personal fields, which are in sealed.
type decoded struct {
	Record
	secrecy
	sealed []byte
}

func (k *keyring) decode(t Table, key string, value []byte) (d decoded, err error) {
	document, err := unseal(t, key, value)
	if err != nil {
		return d, err
	}
	s, ok := shelfFor(t)
	if !ok {
		return d, fmt.Errorf("no table %q", t)
	}
	if document, d.secrecy, d.sealed, err = k.show(t, key, document, s.personal); err != nil {
		return d, err
	}
	d.Record, err = s.read(key, document)
	return d, err
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
