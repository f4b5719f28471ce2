package mqtt

import (
	"bufio"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Limits of the embedded broker, in bytes and times. They are what a box of
// 512 MB stands with 500 devices.
const (
	loginPacket  = 16 << 10  // before login, and CONNECT only
	reportPacket = 256 << 10 // over this, only largeAtOnce in the process, and not passed on
	maxPacket    = 16 << 20
	largeAtOnce  = 2
	// A client has up to window small packets with the handler at once. After
	// one over smallPacket it is not read on until that one is settled.
	smallPacket = 16 << 10

	loginTimeout = 10 * time.Second // from the connection to a complete CONNECT
	largeTimeout = 30 * time.Second // for the rest of a packet over reportPacket
	writeTimeout = time.Second
)

// Errors that end a connection.
var (
	errTooLarge  = errors.New("packet too large")
	errNoConnect = errors.New("first packet is not CONNECT")
	errLength    = errors.New("malformed packet length")
)

const (
	typeConnect = 1
	typePublish = 3
)

// conn is a connection of which no packet is larger than it may be, and on
// which no write takes longer than writeTimeout. It reads the header of each
// packet before it hands it on, because what stands behind it allocates what
// the header announces.
//
// One goroutine reads. Others may write and close.
type conn struct {
	net.Conn
	in     *bufio.Reader
	large  chan struct{} // a place for each packet over reportPacket, shared by all connections
	header []byte        // of the current packet, what is not handed on yet
	body   int           // of the current packet, what is not handed on yet
	buf    [5]byte
	taken  bool // holds a place of large
	login  bool // logged in; set by the reading goroutine, like the next two
	// session is whose connection it is, nil before login.
	session *session
	refused bool // counted and logged
	// certificate of the client, nil if it showed none.
	certificate *x509.Certificate

	closeOnce sync.Once
	closed    chan struct{}
	closeErr  error
	onStuck   func()
}

func newConn(nc net.Conn, large chan struct{}, onStuck func()) *conn {
	return &conn{Conn: nc, in: bufio.NewReaderSize(nc, 4<<10), large: large, closed: make(chan struct{}), onStuck: onStuck}
}

// Read hands on the current packet, or what there is of it.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.header) == 0 && c.body == 0 {
		if err := c.nextPacket(); err != nil {
			return 0, err
		}
	}
	if len(c.header) > 0 {
		n := copy(p, c.header)
		c.header = c.header[n:]
		return n, nil
	}
	n, err := c.in.Read(p[:min(len(p), c.body)])
	c.body -= n
	return n, err
}

// nextPacket reads a header and waits until there is room for what it
// announces.
func (c *conn) nextPacket() error {
	c.release()
	size, err := c.readHeader()
	if err != nil {
		return err
	}
	kind := c.header[0] >> 4
	switch {
	case !c.login && kind != typeConnect:
		return errNoConnect
	case !c.login && size > loginPacket, size > maxPacket, size > reportPacket && kind != typePublish:
		return fmt.Errorf("%w: type %d announces %d bytes", errTooLarge, kind, size)
	case size > reportPacket:
		select {
		case c.large <- struct{}{}:
			c.taken = true
		case <-c.closed:
			return net.ErrClosed
		}
		if err := c.Conn.SetReadDeadline(time.Now().Add(largeTimeout)); err != nil {
			return err
		}
	}
	c.body = size
	return nil
}

// readHeader reads type and remaining length (MQTT 2.2.3) and keeps their
// bytes to be handed on.
func (c *conn) readHeader() (size int, err error) {
	for i := range c.buf {
		b, err := c.in.ReadByte()
		if err != nil {
			return 0, err
		}
		c.buf[i] = b
		if i == 0 {
			continue
		}
		size |= int(b&0x7f) << (7 * (i - 1))
		if b&0x80 == 0 {
			c.header = c.buf[:i+1]
			return size, nil
		}
	}
	return 0, errLength
}

// release gives back the place of a large packet. Only the reading goroutine
// calls it, after the packet has been dealt with.
func (c *conn) release() {
	if c.taken {
		c.taken = false
		<-c.large
	}
}

// Write writes all of p within writeTimeout, or closes the connection: what a
// half-written packet leaves behind cannot be continued.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, errors.Join(err, c.Close())
	}
	n, err := c.Conn.Write(p)
	if err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			c.onStuck()
		}
		return n, errors.Join(err, c.Close())
	}
	return n, nil
}

// SetDeadline sets the deadline for reading only. The one for writing is
// Write's own, and must not be moved while a write waits.
func (c *conn) SetDeadline(t time.Time) error { return c.Conn.SetReadDeadline(t) }

// Close closes the connection once.
func (c *conn) Close() error {
	c.closeOnce.Do(func() {
		close(c.closed)
		c.closeErr = c.Conn.Close()
	})
	return c.closeErr
}
