package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
)

// What of the protocol is spoken: fixed newstyle handshake, simple replies;
// see https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md.
const (
	magicHandshake = "NBDMAGIC"
	magicOption    = 0x49484156454f5054 // IHAVEOPT
	magicOptReply  = 0x3e889045565a9
	magicRequest   = 0x25609513
	magicReply     = 0x67446698

	fixedNewstyle, noZeroes = 1, 2 // handshake flags

	optAbort, optGo                  = 2, 7
	repAck, repInfo                  = 1, 3
	repUnsupported            uint32 = 1<<31 | 1
	infoExport, infoBlockSize        = 0, 3
	hasFlags, flush, fua             = 1, 4, 8 // transmission flags
	cmdRead, cmdWrite                = 0, 1
	cmdDisconnect, cmdFlush          = 2, 3
	cmdFlagFUA                       = 1

	maxRequest = 32 << 20 // bytes that one request may be about
	maxOption  = 64 << 10
)

// Serve serves d to one client after the other until l is closed, or the
// power goes: then it hangs up without an answer.
func Serve(l net.Listener, d *Disk) error {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		err = serve(conn, d)
		_ = conn.Close() // by the client, or by a FLUSH that the power was cut from
		select {
		case <-d.gone:
			return nil
		default:
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			return fmt.Errorf("nbd: %w", err)
		}
	}
}

// serve returns nil when the client has said goodbye.
func serve(conn io.ReadWriteCloser, d *Disk) error {
	ready, err := negotiate(conn, d.options.Size)
	if err != nil || !ready {
		return err
	}
	c := &client{conn: conn, disk: d}
	defer c.flushing.Wait()
	for {
		bye, err := c.request()
		if err != nil || bye {
			return err
		}
	}
}

// client is a connection on which requests come.
type client struct {
	conn     io.ReadWriteCloser
	disk     *Disk
	answers  sync.Mutex
	flushing sync.WaitGroup
}

// negotiate answers options until the client wants the disk, or does not.
func negotiate(conn io.ReadWriter, size int64) (ready bool, err error) {
	be := binary.BigEndian
	hello := be.AppendUint64([]byte(magicHandshake), magicOption)
	if _, err := conn.Write(be.AppendUint16(hello, fixedNewstyle|noZeroes)); err != nil {
		return false, err
	}
	if _, err := io.ReadFull(conn, make([]byte, 4)); err != nil { // the client's flags: it has no choice
		return false, err
	}
	for {
		var head [16]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return false, err
		}
		option, length := be.Uint32(head[8:]), be.Uint32(head[12:])
		if be.Uint64(head[:]) != magicOption || length > maxOption {
			return false, errors.New("not an option")
		}
		if _, err := io.CopyN(io.Discard, conn, int64(length)); err != nil {
			return false, err
		}
		reply := func(kind uint32, data []byte) error {
			b := be.AppendUint32(be.AppendUint64(nil, magicOptReply), option)
			b = be.AppendUint32(be.AppendUint32(b, kind), uint32(len(data)))
			_, err := conn.Write(append(b, data...))
			return err
		}
		switch option {
		case optGo:
			export := be.AppendUint64(be.AppendUint16(nil, infoExport), uint64(size))
			blocks := be.AppendUint32(be.AppendUint16(nil, infoBlockSize), Sector) // the least,
			blocks = be.AppendUint32(be.AppendUint32(blocks, Sector), maxRequest)  // the best, the most
			return true, errors.Join(reply(repInfo, be.AppendUint16(export, hasFlags|flush|fua)), reply(repInfo, blocks), reply(repAck, nil))
		case optAbort:
			return false, reply(repAck, nil)
		default:
			err = reply(repUnsupported, nil)
		}
		if err != nil {
			return false, err
		}
	}
}

// request carries out one request. A FLUSH does not hold up what comes after
// it.
func (c *client) request() (bye bool, err error) {
	be := binary.BigEndian
	var head [28]byte
	if _, err := io.ReadFull(c.conn, head[:]); err != nil {
		return false, err
	}
	if be.Uint32(head[:]) != magicRequest {
		return false, errors.New("not a request")
	}
	flags, command, cookie := be.Uint16(head[4:]), be.Uint16(head[6:]), head[8:16]
	off, length := int64(be.Uint64(head[16:])), be.Uint32(head[24:])
	if length > maxRequest {
		return false, fmt.Errorf("request of %d bytes", length)
	}
	switch command {
	case cmdRead:
		data := make([]byte, length)
		_, err = c.disk.ReadAt(data, off)
		return false, c.answer(cookie, err, data)
	case cmdWrite:
		data := make([]byte, length)
		if _, err := io.ReadFull(c.conn, data); err != nil {
			return false, err
		}
		return false, c.answer(cookie, c.disk.Write(data, off, flags&cmdFlagFUA != 0), nil)
	case cmdFlush:
		c.flushing.Go(func() {
			if c.answer(cookie, c.disk.Flush(), nil) != nil {
				_ = c.conn.Close() // whoever reads it hears of it
			}
		})
		return false, nil
	case cmdDisconnect:
		return true, nil
	}
	return false, c.answer(cookie, fmt.Errorf("command %d", command), nil)
}

// answer replies to a request, unless the power has gone.
func (c *client) answer(cookie []byte, err error, data []byte) error {
	if errors.Is(err, ErrOff) {
		return err
	}
	var code uint32
	if err != nil {
		code, data = uint32(syscall.EINVAL), nil
	}
	out := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, magicReply), code)
	c.answers.Lock()
	defer c.answers.Unlock()
	_, err = c.conn.Write(append(append(out, cookie...), data...))
	return err
}
