package disk

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// caller speaks the protocol as qemu does.
type caller struct {
	t    *testing.T
	conn net.Conn
}

// serving puts a disk on a socket, and returns a client that has it.
func serving(t *testing.T, d *Disk) *caller {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- Serve(l, d) }()
	conn, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close() // the server may have hung up
		_ = l.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	c := &caller{t, conn}
	if hello := c.read(18); string(hello[:16]) != "NBDMAGICIHAVEOPT" {
		t.Fatalf("%q", hello)
	}
	c.write(0, 0, 0, 3)
	c.option(8, 1<<31|1) // structured replies
	c.option(7, 3)
	info := c.read(12)
	if size := binary.BigEndian.Uint64(info[2:]); size != uint64(d.options.Size) {
		t.Fatalf("size %d", size)
	}
	if flags := binary.BigEndian.Uint16(info[10:]); flags != 1|4|8 {
		t.Fatalf("flags %b", flags)
	}
	if blocks := c.read(20 + 14)[20:]; binary.BigEndian.Uint16(blocks) != 3 || binary.BigEndian.Uint32(blocks[2:]) != Sector {
		t.Fatalf("block size %x", blocks)
	}
	if ack := c.read(20); binary.BigEndian.Uint32(ack[12:]) != 1 {
		t.Fatalf("%x", ack)
	}
	return c
}

func (c *caller) write(b ...byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

func (c *caller) read(n int) []byte {
	c.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(c.conn, b); err != nil {
		c.t.Fatal(err)
	}
	return b
}

// option asks for one, with four bytes nobody reads, and wants a reply kind.
func (c *caller) option(n, want uint32) {
	c.t.Helper()
	b := binary.BigEndian.AppendUint32([]byte("IHAVEOPT"), n)
	c.write(append(b, 0, 0, 0, 4, 9, 9, 9, 9)...)
	if reply := c.read(20); binary.BigEndian.Uint32(reply[12:]) != want {
		c.t.Fatalf("option %d: %x", n, reply)
	}
}

func (c *caller) ask(flags, command uint16, off uint64, length uint32, data ...byte) {
	c.t.Helper()
	b := binary.BigEndian.AppendUint32(nil, 0x25609513)
	b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, flags), command)
	b = binary.BigEndian.AppendUint64(append(b, "a cookie"...), off)
	c.write(append(binary.BigEndian.AppendUint32(b, length), data...)...)
}

// answer reads a reply and returns its error number.
func (c *caller) answer() uint32 {
	c.t.Helper()
	b := c.read(16)
	if binary.BigEndian.Uint32(b) != 0x67446698 || string(b[8:]) != "a cookie" {
		c.t.Fatalf("%x", b)
	}
	return binary.BigEndian.Uint32(b[4:])
}

func TestServe(t *testing.T) {
	m := make(memory, 8*Sector)
	d := newDisk(t, m, false)
	c := serving(t, d)

	ok := func(what string) {
		t.Helper()
		if code := c.answer(); code != 0 {
			t.Fatalf("%s: error %d", what, code)
		}
	}
	c.ask(0, 1, 2*Sector, 2*Sector, fill(2, 7)...)
	ok("write")
	if at(m, 2) != 0 {
		t.Error("a write is on the medium")
	}
	c.ask(1, 1, 5*Sector, Sector, fill(1, 8)...)
	ok("write with FUA")
	if at(m, 5) != 8 || at(m, 2) != 0 {
		t.Errorf("after FUA: %d, %d", at(m, 5), at(m, 2))
	}
	c.ask(0, 0, 2*Sector, 2*Sector)
	ok("read")
	if got := c.read(2 * Sector); !bytes.Equal(got, fill(2, 7)) {
		t.Errorf("read %x", got)
	}
	c.ask(0, 3, 0, 0)
	ok("flush")
	if at(m, 2) != 7 || at(m, 3) != 7 {
		t.Error("not on the medium after a flush")
	}
	c.ask(0, 0, 8*Sector, Sector)
	if code := c.answer(); code != 22 {
		t.Errorf("read beyond the end: error %d", code)
	}
	c.ask(0, 6, 0, 0)
	if code := c.answer(); code != 22 {
		t.Errorf("unknown command: error %d", code)
	}

	// The power goes with a flush: no answer to it.
	d.Arm(Moment{Op: Flush, N: 1}, Fate{Rand: rand.New(rand.NewPCG(1, 1))})
	c.ask(0, 1, 0, Sector, fill(1, 9)...)
	ok("write")
	c.ask(0, 3, 0, 0)
	if n, err := c.conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("a flush was answered with the power off")
	}
	if at(m, 0) != 0 {
		t.Error("what was not flushed is on the medium")
	}
}

func TestGoodbye(t *testing.T) {
	c := serving(t, newDisk(t, make(memory, Sector), false))
	c.ask(0, 2, 0, 0)
	if n, err := c.conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("an answer to a goodbye")
	}
}
