package mqtt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
)

// stream is a net.Conn that is read from and nothing else.
type stream struct {
	net.Conn
	io.Reader
}

func (s stream) Read(p []byte) (int, error)    { return s.Reader.Read(p) }
func (stream) SetReadDeadline(time.Time) error { return nil }
func (stream) Close() error                    { return nil }

// FuzzConn holds what is handed on to what came in: the same bytes, up to the
// first packet that may not pass, and never a header of one that may not.
func FuzzConn(f *testing.F) {
	f.Add(mqttload.ConnectFrame(4, "c", "d1", "d1", true), false, uint8(3))
	f.Add(mqttload.PublishFrame(4, "a", 1, 1, false, []byte("x")), true, uint8(1))
	f.Add(mqttload.AppendLength([]byte{mqttload.Publish}, maxPacket+1), true, uint8(9))
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0xff, 0x7f}, true, uint8(2))
	f.Add([]byte{0x30, 0x80, 0x80, 0x80, 0x00, 0xc0, 0x00}, true, uint8(2))
	f.Fuzz(func(t *testing.T, in []byte, login bool, size uint8) {
		c := newConn(stream{Reader: bytes.NewReader(in)}, make(chan struct{}, largeAtOnce), func() {})
		c.login = login
		var out []byte
		buf := make([]byte, int(size)+1)
		var err error
		for err == nil {
			var n int
			n, err = c.Read(buf)
			out = append(out, buf[:n]...)
			if c.body > maxPacket || !login && c.body > loginPacket {
				t.Fatalf("a packet of %d bytes is passing", c.body)
			}
		}
		if !bytes.HasPrefix(in, out) {
			t.Errorf("%x became %x", in, out)
		}
		if errors.Is(err, io.EOF) && len(out) < len(in)-4 { // all but the start of a header
			t.Errorf("%d of %d bytes passed", len(out), len(in))
		}
		c.release()
		if len(c.large) != 0 {
			t.Error("a place for a large packet is lost")
		}
	})
}

// FuzzBroker sends whatever it is, after login, in both versions. Nothing may
// end the process, and the next client is served.
func FuzzBroker(f *testing.F) {
	for _, version := range []byte{4, 5} {
		f.Add(version == 5, mqttload.PublishFrame(version, deviceTopic("d1"), 1, 2, false, []byte("x")))
		f.Add(version == 5, mqttload.Frame(mqttload.Subscribe, []byte{0, 1, 0}, mqttload.Text("linli/v1/d1/command")))
		f.Add(version == 5, mqttload.Frame(0xa2, []byte{0, 1}, mqttload.Text("a")))
		f.Add(version == 5, mqttload.ConnectFrame(version, "c", "d1", "d1", true))
		f.Add(version == 5, mqttload.Frame(0xe0, []byte{4, 5, 0x11, 0, 0, 0, 1}))
		f.Add(version == 5, mqttload.Frame(mqttload.Pubrel, []byte{0, 1}))
		f.Add(version == 5, mqttload.Frame(mqttload.Puback, []byte{0, 1, 0x80}))
	}
	broker, err := NewBroker(BrokerConfig{Listeners: []Listener{{Address: "127.0.0.1:0"}}, RefusalDelay: time.Nanosecond}, testLogin,
		func(_ context.Context, _ devices.Message, done func(error)) { done(nil) }, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(runDriver(f, broker))
	b := &brokerBench{Broker: broker}
	f.Fuzz(func(t *testing.T, five bool, data []byte) {
		version := byte(4)
		if five {
			version = 5
		}
		w := b.login(t, version, "c", "d1", true)
		if _, err := w.Write(data); err == nil {
			_ = w.Conn.(*net.TCPConn).CloseWrite() // it may be closed already
		}
		w.ends()
		next := b.login(t, 4, "next", "d2", true)
		next.publish(deviceTopic("d2"), 1, 1, "x")
		next.read(mqttload.Puback)
		next.Close()
	})
}
