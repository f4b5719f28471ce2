package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// A record, version 1:
//
//	1 byte   version
//	1 byte   flags: flagObserved, flagSynced
//	16 bytes boot ID
//	varint   monotonic time, nanoseconds
//	varint   wall time: seconds since 1970, then uvarint nanoseconds
//	         the same of the device's stamp, if flagObserved
//	uvarint  lengths of device, ID and type
//	bytes    device, ID, type, then data up to the checksum
//	4 bytes  CRC-32C of all before it and the sequence as in the key, little-endian
//
// The urgency is that of the chain. Times come back in UTC.
const (
	codecVersion = 1

	flagObserved = 1 << 0
	flagSynced   = 1 << 1

	minRecord = 2 + 16 + 3 + 3 + crcBytes
	crcBytes  = 4

	// MaxEventBytes bounds one encoded event.
	MaxEventBytes = 1 << 20
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	errChecksum = errors.New("record: wrong checksum")
	errVersion  = errors.New("record: unknown version")
	errMangled  = errors.New("record: mangled")
)

// encode appends e to b, without its checksum.
func encode(b []byte, e *devices.Event) ([]byte, error) {
	if e.ID == "" || e.Device == "" || e.Type == "" {
		return nil, fmt.Errorf("event: device, ID and type must be set (got %.80q, %.80q, %.80q)", e.Device, e.ID, e.Type)
	}
	size := minRecord + 5*binary.MaxVarintLen64 + len(e.Device) + len(e.ID) + len(e.Type) + len(e.Data)
	if size > MaxEventBytes {
		return nil, fmt.Errorf("event: must be smaller than %d bytes (got %d)", MaxEventBytes, size)
	}
	var flags byte
	if !e.Observed.IsZero() {
		flags |= flagObserved
	}
	if e.Received.Synced {
		flags |= flagSynced
	}
	b = slices.Grow(b, size)
	b = append(b, codecVersion, flags)
	b = append(b, e.Received.Boot[:]...)
	b = binary.AppendVarint(b, int64(e.Received.Mono))
	b = appendTime(b, e.Received.Wall)
	if flags&flagObserved != 0 {
		b = appendTime(b, e.Observed)
	}
	b = binary.AppendUvarint(b, uint64(len(e.Device)))
	b = binary.AppendUvarint(b, uint64(len(e.ID)))
	b = binary.AppendUvarint(b, uint64(len(e.Type)))
	b = append(b, e.Device...)
	b = append(b, e.ID...)
	b = append(b, e.Type...)
	return append(b, e.Data...), nil
}

// checksum is that of a record whose own bytes have the checksum crc, under
// its key.
func checksum(crc uint32, key []byte) uint32 { return crc32.Update(crc, castagnoli, key) }

// A decoder turns records into events. It gives the names and the Data of
// several events out of one allocation each.
type decoder struct {
	names strings.Builder
	data  []byte
}

const (
	decoderChunk = 16 << 10
	namesChunk   = 4 << 10 // small: a name that is kept holds on to all of it
)

// decode reads the record kept under key into e, all of it but the urgency. It
// keeps no reference to the record, and allocates in proportion to it.
func (d *decoder) decode(e *devices.Event, key, record []byte) error {
	if len(record) < minRecord {
		return errMangled
	}
	body := record[:len(record)-crcBytes]
	if checksum(crc32.Checksum(body, castagnoli), key) != binary.LittleEndian.Uint32(record[len(body):]) {
		return errChecksum
	}
	if body[0] != codecVersion {
		return fmt.Errorf("%w %d", errVersion, body[0])
	}
	flags := body[1]
	e.Received.Synced = flags&flagSynced != 0
	body = body[2:]
	body = body[copy(e.Received.Boot[:], body):]
	r := fields{rest: body}
	e.Received.Mono = time.Duration(r.varint())
	e.Received.Wall = r.time()
	e.Observed = time.Time{}
	if flags&flagObserved != 0 {
		e.Observed = r.time()
	}
	device, id, typ := r.length(), r.length(), r.length()
	if r.bad || device+id+typ > uint64(len(r.rest)) {
		return errMangled
	}
	names := d.keepNames(r.rest[:device+id+typ])
	e.Device, names = names[:device], names[device:]
	e.ID, names = names[:id], names[id:]
	e.Type = devices.Type(names)
	e.Data = d.keep(r.rest[device+id+typ:])
	return nil
}

func (d *decoder) keepNames(names []byte) string {
	if len(names) > d.names.Cap()-d.names.Len() {
		if len(names) >= namesChunk/4 {
			return string(names)
		}
		d.names = strings.Builder{} // what was given out keeps the old one
		d.names.Grow(namesChunk)
	}
	from := d.names.Len()
	d.names.Write(names)
	return d.names.String()[from:]
}

func (d *decoder) keep(data []byte) []byte {
	if len(data) == 0 {
		return nil
	}
	if len(data) > cap(d.data)-len(d.data) {
		if len(data) >= decoderChunk/4 {
			return append(make([]byte, 0, len(data)), data...)
		}
		d.data = make([]byte, 0, max(decoderChunk, min(2*cap(d.data), readBytes)))
	}
	from := len(d.data)
	d.data = append(d.data, data...)
	return d.data[from:len(d.data):len(d.data)]
}

func appendTime(b []byte, t time.Time) []byte {
	b = binary.AppendVarint(b, t.Unix())
	return binary.AppendUvarint(b, uint64(t.Nanosecond()))
}

// fields reads the variable part of a record; bad is set once anything does
// not fit.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) varint() int64 {
	v, n := binary.Varint(f.rest)
	return v * f.took(n)
}

func (f *fields) uvarint() uint64 {
	v, n := binary.Uvarint(f.rest)
	return v * uint64(f.took(n))
}

// took skips n bytes and returns 1, or 0 if there was no number.
func (f *fields) took(n int) int64 {
	if n <= 0 {
		f.bad, f.rest = true, nil
		return 0
	}
	f.rest = f.rest[n:]
	return 1
}

// length is bounded so that three of them cannot overflow.
func (f *fields) length() uint64 {
	n := f.uvarint()
	if n > uint64(len(f.rest)) {
		f.bad = true
		return 0
	}
	return n
}

func (f *fields) time() time.Time {
	seconds, nanos := f.varint(), f.uvarint()
	if nanos >= 1e9 {
		f.bad = true
		return time.Time{}
	}
	return time.Unix(seconds, int64(nanos)).UTC()
}

// key is the bbolt key of a sequence.
func key(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// sequence reads a key; 0 if it is none.
func sequence(key []byte) uint64 {
	if len(key) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key)
}
