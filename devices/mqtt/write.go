package mqtt

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

// writeBuffer is how many bytes are gathered for one write.
const writeBuffer = 16 << 10

// errStuck is the end of a client that does not read.
var errStuck = errors.New("client does not read")

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, writeBuffer+4<<10); return &b }}

// appender is a packet that is to be written.
type appender interface {
	Append(b []byte, v packet.Version) []byte
}

// reply has a packet written.
func (c *conn) reply(p appender) { c.queueReply(p.Append(nil, c.version)) }

func (c *conn) queueReply(frame []byte) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.replies = append(c.replies, frame...)
	// Who sends and does not read the answers is as stuck as who does not
	// read messages.
	full := len(c.replies) > unread
	c.mu.Unlock()
	if full {
		c.end(errStuck, packet.Success)
		return
	}
	c.kick()
}

// kick has the writing goroutine look for what is to be done, and starts one
// if there is none.
func (c *conn) kick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.over:
	case c.writing:
		c.again = true
	default:
		c.writing = true
		go c.write() // finish waits for it
	}
}

// end closes the connection: what is due is still written, in MQTT 5 with the
// reason at the end unless that is Success. Only the first call counts.
func (c *conn) end(cause error, reason packet.Reason) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed, c.cause = true, cause
	if c.version == packet.V5 && reason != packet.Success {
		p := packet.Disconnect{Reason: reason}
		if c.problems && cause != nil {
			p.Properties.SetData(packet.ReasonString, []byte(cause.Error()))
		}
		c.replies = p.Append(c.replies, c.version)
	}
	c.room.Broadcast()
	c.mu.Unlock()
	c.kick()
}

// write advances what was heard and writes what is due, until there is nothing
// more.
func (c *conn) write() {
	buffer := buffers.Get().(*[]byte)
	defer func() {
		if cap(*buffer) <= 2*writeBuffer {
			buffers.Put(buffer)
		}
	}()
	for {
		var out []byte
		closed, gone := false, false
		err := c.survive(func() (err error) {
			out, closed = c.gather((*buffer)[:0])
			*buffer = out
			if len(out) > 0 {
				err = c.send(out)
			}
			return err
		})
		if err != nil {
			c.end(err, packet.Success)
			gone = true
		}
		if gone || closed {
			_ = c.nc.Close() // it is being given up
		}
		c.mu.Lock()
		if !c.again && (len(out) == 0 || gone) {
			c.writing = false
			c.room.Broadcast()
			c.mu.Unlock()
			return
		}
		c.again = false
		c.mu.Unlock()
	}
}

// gather appends what is due. closed is set if that is the last.
func (c *conn) gather(out []byte) (_ []byte, closed bool) {
	out = c.advance(out)
	c.mu.Lock()
	closed = c.closed
	out = append(out, c.replies...)
	c.replies = c.replies[:0]
	if cap(c.replies) > 1<<10 {
		c.replies = nil
	}
	c.mu.Unlock()
	if closed {
		return out, true
	}
	answered := len(out)
	out = c.session.collect(c, out)
	// A SUBACK of this moment goes before the retained messages that follow it.
	c.mu.Lock()
	if !c.closed {
		out = slices.Insert(out, answered, c.replies...)
		c.replies = c.replies[:0]
	}
	c.mu.Unlock()
	return out, false
}

// send writes within writeTimeout. What a half-written packet leaves behind
// cannot be continued.
func (c *conn) send(frames []byte) error {
	if err := c.nc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := c.nc.Write(frames)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.broker.metrics.stuck.Inc()
		return fmt.Errorf("%w: %w", errStuck, err)
	}
	return err
}
