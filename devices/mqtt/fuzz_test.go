package mqtt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/iotest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

// stream is a net.Conn that is read from and nothing else.
type stream struct {
	net.Conn
	io.Reader
}

func (s stream) Read(p []byte) (int, error)    { return s.Reader.Read(p) }
func (stream) SetReadDeadline(time.Time) error { return nil }
func (stream) Close() error                    { return nil }

// FuzzInput holds the packets that are handed on to what came in: the same
// bytes, up to the first that may not pass, however they are cut.
func FuzzInput(f *testing.F) {
	f.Add(mqttload.ConnectFrame(4, "c", "d1", "d1", true), byte(0), uint8(3))
	f.Add(mqttload.PublishFrame(4, "a", 1, 1, false, []byte("x")), byte(4), uint8(1))
	f.Add(mqttload.PublishFrame(5, "a", 1, 1, false, make([]byte, 2*lastBuffer)), byte(5), uint8(200))
	f.Add(mqttload.AppendLength([]byte{mqttload.Publish}, maxPacket+1), byte(5), uint8(9))
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0xff, 0x7f}, byte(4), uint8(2))
	f.Add([]byte{0x30, 0x80, 0x80, 0x80, 0x00, 0xc0, 0x00}, byte(4), uint8(2))
	f.Fuzz(func(t *testing.T, in []byte, v byte, chunk uint8) {
		version := map[byte]packet.Version{0: 0, 1: packet.V311}[v%3]
		if v%3 == 2 {
			version = packet.V5
		}
		medium, large := make(chan struct{}, mediumAtOnce), make(chan struct{}, largeAtOnce)
		c := input{conn: stream{Reader: io.MultiReader(iotest.OneByteReader(bytes.NewReader(in[:min(len(in), int(chunk))])), bytes.NewReader(in[min(len(in), int(chunk)):]))}, medium: medium, large: large}
		rest := in
		for {
			h, body, err := c.next(version)
			if err != nil {
				var wrong *packet.Error
				if !errors.As(err, &wrong) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errNoConnect) {
					t.Fatalf("the error is %v", err)
				}
				break
			}
			if h.Length > maxPacket || version == 0 && (h.Length > loginPacket || h.Type != packet.CONNECT) {
				t.Fatalf("%+v is passing", h)
			}
			_, n, err := packet.ParseHeader(version, rest)
			if err != nil || n == 0 || !bytes.Equal(rest[n:n+h.Length], body) {
				t.Fatalf("%x of %x became %x", rest, in, body)
			}
			rest = rest[n+h.Length:]
			if len(c.buf) > lastBuffer {
				t.Fatalf("the buffer has grown to %d bytes", len(c.buf))
			}
		}
		c.release()
		if len(large)+len(medium) != 0 {
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
