package packet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// Version is the protocol level that a CONNECT asks for.
type Version byte

// The versions.
const (
	V311 Version = 4
	V5   Version = 5
)

// String is "3.1.1" or "5".
func (v Version) String() string {
	switch v {
	case V311:
		return "3.1.1"
	case V5:
		return "5"
	}
	return fmt.Sprintf("level %d", byte(v))
}

// Type is the type of a packet, the upper half of its first byte.
type Type byte

// The types.
const (
	CONNECT Type = iota + 1
	CONNACK
	PUBLISH
	PUBACK
	PUBREC
	PUBREL
	PUBCOMP
	SUBSCRIBE
	SUBACK
	UNSUBSCRIBE
	UNSUBACK
	PINGREQ
	PINGRESP
	DISCONNECT
	AUTH
)

var typeNames = [...]string{
	"reserved", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE",
	"SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH",
}

// String is the name in the standard.
func (t Type) String() string { return typeNames[t&15] }

// Error says what is wrong with a packet.
type Error struct {
	Reason Reason // as MQTT 5 tells it
	Text   string
}

func (e *Error) Error() string { return e.Text }

func malformed(format string, args ...any) error {
	return &Error{Malformed, fmt.Sprintf(format, args...)}
}

func protocol(format string, args ...any) error {
	return &Error{ProtocolError, fmt.Sprintf(format, args...)}
}

// MaxLength is the longest body that the standard allows, in bytes.
const MaxLength = 268_435_455

// Header is the fixed header of a packet.
type Header struct {
	Type   Type
	Flags  byte // the lower half of the first byte
	Length int  // of the body
}

// ParseHeader reads the header at the beginning of b. n is its length in
// bytes, 0 if b is too short to tell. v is 0 before the CONNECT.
func ParseHeader(v Version, b []byte) (h Header, n int, err error) {
	if len(b) < 2 {
		return Header{}, 0, nil
	}
	h = Header{Type: Type(b[0] >> 4), Flags: b[0] & 15}
	want := byte(0)
	switch h.Type {
	case PUBLISH:
		want = h.Flags
	case PUBREL, SUBSCRIBE, UNSUBSCRIBE:
		want = 2
	case 0:
		return h, 0, malformed("packet type 0 is reserved")
	case AUTH:
		if v == V311 {
			return h, 0, malformed("packet type 15 is reserved in MQTT 3.1.1")
		}
	}
	if h.Flags != want {
		return h, 0, malformed("%s: flags must be %#x (got %#x)", h.Type, want, h.Flags)
	}
	for i := 1; i < len(b); i++ {
		if i > 4 {
			break
		}
		h.Length |= int(b[i]&0x7f) << (7 * (i - 1))
		if b[i] < 0x80 {
			if v == V5 && b[i] == 0 && i > 1 {
				return h, 0, malformed("%s: length is not encoded in as few bytes as it could", h.Type)
			}
			return h, i + 1, nil
		}
		if i == 4 {
			return h, 0, malformed("%s: length takes more than 4 bytes", h.Type)
		}
	}
	return h, 0, nil
}

// AppendLength appends n as the standard encodes a length.
func AppendLength(b []byte, n int) []byte {
	for n >= 0x80 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n))
}

func lengthSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// begin appends a header with a length that finish will know.
func begin(b []byte, t Type, flags byte) (out []byte, at int) {
	b = append(b, byte(t)<<4|flags, 0)
	return b, len(b)
}

// finish writes the length of what was appended since begin.
func finish(b []byte, at int) []byte {
	n := len(b) - at
	if n < 0x80 {
		b[at-1] = byte(n)
		return b
	}
	extra := lengthSize(n) - 1
	b = append(b, make([]byte, extra)...)
	copy(b[at+extra:], b[at:at+n])
	AppendLength(b[:at-1], n)
	return b
}

func appendText[T string | []byte](b []byte, s T) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// cursor reads a body. After the first failure it returns zeroes.
type cursor struct {
	rest []byte
	err  error
}

func (c *cursor) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.rest = nil
}

func (c *cursor) take(n int, what string) []byte {
	if len(c.rest) < n {
		c.fail(malformed("%s: cut off", what))
		return nil
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) byte(what string) byte {
	if b := c.take(1, what); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) uint16(what string) uint16 {
	if b := c.take(2, what); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) uint32(what string) uint32 {
	if b := c.take(4, what); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// length reads a variable byte integer.
func (c *cursor) length(what string) int {
	n := 0
	for i := range 4 {
		b := c.byte(what)
		n |= int(b&0x7f) << (7 * i)
		if b < 0x80 {
			if b == 0 && i > 0 {
				c.fail(malformed("%s: not encoded in as few bytes as it could", what))
			}
			return n
		}
	}
	c.fail(malformed("%s: more than 4 bytes", what))
	return 0
}

func (c *cursor) data(what string) []byte { return c.take(int(c.uint16(what)), what) }

// text reads UTF-8 without NUL.
func (c *cursor) text(what string) []byte {
	b := c.data(what)
	if !validText(b) {
		c.fail(malformed("%s: must be UTF-8 without NUL (got %.32q)", what, b))
	}
	return b
}

func validText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }

// id reads a packet number.
func (c *cursor) id() uint16 {
	n := c.uint16("packet number")
	if n == 0 && c.err == nil {
		c.fail(malformed("packet number: must not be 0"))
	}
	return n
}

// end returns the failure, or that something is left over.
func (c *cursor) end(t Type) error {
	if c.err == nil && len(c.rest) > 0 {
		c.err = malformed("%d bytes too many", len(c.rest))
	}
	if c.err == nil {
		return nil
	}
	if e, ok := c.err.(*Error); ok {
		return &Error{e.Reason, t.String() + ": " + e.Text}
	}
	return c.err
}
