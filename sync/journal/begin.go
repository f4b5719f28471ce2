package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices/salvage"
)

// keyBegun is in bucketCursors. Value: how far each chain had come when the
// file was made, 8 bytes each, by Chain.
const keyBegun = "begun"

// Begun is how far the journal had come when the file was made: zero for that
// of a follower who was there from the beginning. What came before may have
// been followed already, with a file that is lost, and what that has led to
// outside may still be there.
func (s *State) Begun() (Position, error) {
	var at Position
	err := s.View(func(t *Tx) error {
		b := t.Get(bucketCursors, []byte(keyBegun))
		for which := range at {
			if len(b) == 8*len(at) {
				at[which] = binary.BigEndian.Uint64(b[8*which:])
			}
		}
		return nil
	})
	return at, err
}

// openState opens the file of a state. A damaged one goes to the quarantine,
// and the follower begins anew: its state cannot be rescued in parts, and can
// be made again of the journal. Unlike a file of events it is read as a whole,
// because the follower believes what is in it.
func (j *Journal) openState(name string) (*handle, error) {
	path := filepath.Join(j.dir, name+stateSuffix)
	h, err := openWholeState(path)
	switch {
	case err == nil:
		return h, nil
	case errors.Is(err, os.ErrNotExist):
	case !errors.Is(err, ErrDamaged) || j.quarantine == nil:
		return nil, err
	default:
		d := j.quarantine.take(Damage{File: name + stateSuffix, Reason: err.Error()}, true)
		j.metrics.states.Inc()
		j.log.Error("state was damaged, the follower begins anew", "follower", name, "kept", d.Kept, "reason", err)
	}
	if err := j.beginState(path); err != nil {
		return nil, err
	}
	return openWholeState(path)
}

// beginState puts an empty state in place of whatever is there.
func (j *Journal) beginState(path string) error {
	temporary := path + newSuffix
	if err := removed(temporary); err != nil {
		return err
	}
	h, err := openBolt(temporary, bolt.Options{})
	if err != nil {
		return errors.Join(err, removed(temporary))
	}
	var begun []byte
	for _, which := range chains {
		begun = binary.BigEndian.AppendUint64(begun, j.Last(which))
	}
	err = h.update(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte(bucketCursors))
		if err != nil {
			return err
		}
		return bucket.Put([]byte(keyBegun), sealValue(bucketCursors, []byte(keyBegun), begun))
	})
	if err = errors.Join(err, h.close()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(err, removed(temporary))
	}
	return syncDir(j.dir)
}

// openWholeState opens a state file that is whole in its structure and in each
// of its values. It fails with os.ErrNotExist if there is none.
func openWholeState(path string) (*handle, error) {
	if err := sound(path, salvage.Everything); err != nil {
		return nil, err
	}
	h, err := openBolt(path, bolt.Options{})
	if err != nil {
		return nil, err
	}
	err = h.view(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, bucket *bolt.Bucket) error {
			return bucket.ForEach(func(k, v []byte) error {
				if _, ok := openValue(string(name), k, v); !ok {
					return fmt.Errorf("%w: value of %q in %s", ErrDamaged, k, name)
				}
				return nil
			})
		})
	})
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// sealValue is the value as it is kept, with a checksum behind it.
func sealValue(bucket string, key, value []byte) []byte {
	place := placeOf(bucket, key, len(value)+crcBytes)
	sealed := append(place, value...)
	return binary.LittleEndian.AppendUint32(sealed, crc32.Checksum(sealed, castagnoli))[len(place):]
}

// openValue is the value within a sealed one, of which it is a part.
func openValue(bucket string, key, sealed []byte) (value []byte, ok bool) {
	n := len(sealed) - crcBytes
	if n < 0 {
		return nil, false
	}
	crc := crc32.Checksum(placeOf(bucket, key, 0), castagnoli)
	if crc32.Update(crc, castagnoli, sealed[:n]) != binary.LittleEndian.Uint32(sealed[n:]) {
		return nil, false
	}
	return sealed[:n:n], true
}

// placeOf is what the checksum of a value covers before it: where it belongs.
// There is room for so many bytes more.
func placeOf(bucket string, key []byte, room int) []byte {
	b := make([]byte, 0, len(bucket)+1+4+len(key)+room)
	b = append(append(b, bucket...), 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(key)))
	return append(b, key...)
}
