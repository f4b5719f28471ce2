package mqtt

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

// Limits of the embedded broker, in bytes and times. They are what a box of
// 512 MB stands with 500 devices.
const (
	loginPacket  = 16 << 10  // before login, and CONNECT only
	reportPacket = 256 << 10 // over this, only largeAtOnce in the process, and not passed on
	mediumAtOnce = 64        // of those over lastBuffer
	maxPacket    = 16 << 20
	largeAtOnce  = 2
	// A client has up to Window small packets with the handler at once. After
	// one over smallPacket it is not read on until that one is settled.
	smallPacket = 16 << 10

	loginTimeout = 10 * time.Second // from the connection to a complete CONNECT
	largeTimeout = 30 * time.Second // for the rest of a packet over smallPacket
	writeTimeout = time.Second

	firstBuffer = 512 // of an idle connection
	lastBuffer  = smallPacket + 8
)

// errNoConnect ends a connection.
var errNoConnect = errors.New("first packet is not CONNECT")

// input cuts what a connection brings into packets. Its buffer begins small
// and grows with what comes; a packet that does not fit gets memory of its
// own as it arrives, never as much as it announces.
type input struct {
	conn   net.Conn
	medium chan struct{} // a place for each packet over lastBuffer, shared by all connections
	large  chan struct{} // and for each over reportPacket
	stop   <-chan struct{}

	buf      []byte
	from, to int // of buf, what has been read and not handed on

	head  [16]byte      // the beginning of the current packet, for the log
	place chan struct{} // of which a place is held, nil for none
}

// next returns the next packet. The body is good until the next call. v is 0
// before the CONNECT, and then nothing else passes.
func (in *input) next(v packet.Version) (packet.Header, []byte, error) {
	in.release()
	for {
		h, n, err := packet.ParseHeader(v, in.buf[in.from:in.to])
		if err == nil && n > 0 {
			err = admissible(v, h)
		}
		if err == nil && v == 0 && in.to > in.from && packet.Type(in.buf[in.from]>>4) != packet.CONNECT {
			err = errNoConnect
		}
		if err != nil {
			copy(in.head[:], in.buf[in.from:in.to])
			return h, nil, err
		}
		whole := n + h.Length
		if n > 0 && in.to-in.from >= whole {
			p := in.buf[in.from : in.from+whole]
			clear(in.head[copy(in.head[:], p):])
			in.from += whole
			return h, p[n:], nil
		}
		if n > 0 && whole > lastBuffer {
			copy(in.head[:], in.buf[in.from:in.to])
			in.from += n
			body, err := in.readLarge(h.Length)
			return h, body, err
		}
		if err := in.fill(whole); err != nil {
			return h, nil, err
		}
	}
}

func admissible(v packet.Version, h packet.Header) error {
	switch {
	case v == 0 && h.Type != packet.CONNECT:
		return errNoConnect
	case v == 0 && h.Length > loginPacket, h.Length > maxPacket, h.Length > reportPacket && h.Type != packet.PUBLISH:
		return &packet.Error{Reason: packet.PacketTooLarge, Text: fmt.Sprintf("%s announces %d bytes", h.Type, h.Length)}
	}
	return nil
}

// fill reads more, of a packet that will be whole bytes long, 0 if that is
// not known.
func (in *input) fill(whole int) error {
	if in.from == in.to {
		in.from, in.to = 0, 0
	} else if in.from > 0 {
		in.to = copy(in.buf, in.buf[in.from:in.to])
		in.from = 0
	}
	if in.to == len(in.buf) || whole > len(in.buf) {
		size := min(max(2*len(in.buf), whole, firstBuffer), lastBuffer)
		in.buf = append(make([]byte, 0, size), in.buf[:in.to]...)[:size]
	}
	n, err := in.conn.Read(in.buf[in.to:])
	if in.to += n; n > 0 {
		return nil
	}
	return err
}

// readLarge reads a body that has no room in the buffer.
func (in *input) readLarge(size int) ([]byte, error) {
	place := in.medium
	if size > reportPacket {
		place = in.large
	}
	select {
	case place <- struct{}{}:
		in.place = place
	case <-in.stop:
		return nil, net.ErrClosed
	}
	if err := in.conn.SetReadDeadline(time.Now().Add(largeTimeout)); err != nil {
		return nil, err
	}
	body := append(make([]byte, 0, min(size, 4*smallPacket)), in.buf[in.from:in.to]...)
	in.from = in.to
	for len(body) < size {
		if len(body) == cap(body) {
			body = append(make([]byte, 0, min(size, 2*cap(body))), body...)
		}
		n, err := in.conn.Read(body[len(body):min(cap(body), size)])
		body = body[:len(body)+n]
		if err != nil && len(body) < size {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return body, nil
}

// release gives back the place of the last packet.
func (in *input) release() {
	if in.place != nil {
		<-in.place
		in.place = nil
	}
}
