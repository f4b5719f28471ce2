// Package mqttload publishes to an MQTT 3.1.1 broker as fast as it
// acknowledges, and measures how long each acknowledgement took. It writes raw
// frames, because a full client library costs more than the broker under test.
//
// It is for benchmarks and tests: it speaks to brokers that it trusts.
package mqttload

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Packet types, in the place they have in a header byte.
const (
	Connect   = 0x10
	Connack   = 0x20
	Publish   = 0x30
	Puback    = 0x40
	Pubrec    = 0x50
	Pubrel    = 0x62
	Pubcomp   = 0x70
	Subscribe = 0x82
	Suback    = 0x90
)

// Frame is a whole packet: header byte, remaining length, body.
func Frame(header byte, body ...[]byte) []byte {
	n := 0
	for _, b := range body {
		n += len(b)
	}
	f := AppendLength([]byte{header}, n)
	for _, b := range body {
		f = append(f, b...)
	}
	return f
}

// AppendLength appends n as MQTT 2.2.3 encodes a remaining length.
func AppendLength(b []byte, n int) []byte {
	for n >= 0x80 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n))
}

// Text is s with its length in front.
func Text(s string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...)
}

// ConnectFrame logs in. version is 4 for MQTT 3.1.1 or 5; keep-alive is off.
func ConnectFrame(version byte, clientID, user, secret string, clean bool) []byte {
	flags := byte(0xc0)
	if clean {
		flags |= 0x02
	}
	body := append(Text("MQTT"), version, flags, 0, 0)
	if version == 5 {
		if clean {
			body = append(body, 0)
		} else {
			body = append(body, 5, 0x11, 0xff, 0xff, 0xff, 0xff) // the session never expires
		}
	}
	return Frame(Connect, body, Text(clientID), Text(user), Text(secret))
}

// CertifiedFrame logs in with MQTT 3.1.1 by the connection's certificate
// alone; user may be "".
func CertifiedFrame(clientID, user string) []byte {
	flags, fields := byte(0x02), [][]byte{append(Text("MQTT"), 4, 0, 0, 0), Text(clientID)}
	if user != "" {
		flags, fields = flags|0x80, append(fields, Text(user))
	}
	fields[0][7] = flags
	return Frame(Connect, fields...)
}

// PublishFrame publishes with the given quality of service, 0 to 2.
func PublishFrame(version byte, topic string, packet uint16, qos byte, dup bool, payload []byte) []byte {
	header := byte(Publish) | qos<<1
	if dup {
		header |= 0x08
	}
	head := Text(topic)
	if qos > 0 {
		head = binary.BigEndian.AppendUint16(head, packet)
	}
	if version == 5 {
		head = append(head, 0)
	}
	return Frame(header, head, payload)
}

// ReadFrame reads one packet: its header byte and its body.
func ReadFrame(r *bufio.Reader) (header byte, body []byte, err error) {
	header, err = r.ReadByte()
	if err != nil {
		return 0, nil, err
	}
	n := 0
	for shift := 0; ; shift += 7 {
		b, err := r.ReadByte()
		if err != nil {
			return 0, nil, err
		}
		if shift > 21 {
			return 0, nil, fmt.Errorf("remaining length of more than 4 bytes")
		}
		n |= int(b&0x7f) << shift
		if b&0x80 == 0 {
			break
		}
	}
	body = make([]byte, n)
	_, err = io.ReadFull(r, body)
	return header, body, err
}
