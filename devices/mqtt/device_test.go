package mqtt

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices/devicetest"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
)

// rawDevice is an MQTT 3.1.1 device that does what the standard asks of one:
// it keeps what is unacknowledged, and sends it again, in order and marked as
// a duplicate, on the next connection. (paho has a data race there.)
type rawDevice struct {
	address, id string
	stop        context.CancelFunc
	done        sync.WaitGroup

	mu       sync.Mutex
	conn     net.Conn // nil while not connected
	letters  []*letter
	packetID uint16
}

type letter struct {
	devicetest.Publication
	packet   uint16
	sent     bool
	received bool // QoS 2: PUBREC came
	done     chan struct{}
}

func connectDevice(t testing.TB, address, id string) devicetest.Device {
	ctx, cancel := context.WithCancel(context.Background())
	d := &rawDevice{address: address, id: id, stop: cancel}
	d.done.Go(func() {
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			d.live(ctx)
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return d
}

func (d *rawDevice) Close() {
	d.stop()
	d.done.Wait()
}

func (d *rawDevice) Publish(p devicetest.Publication) <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := &letter{Publication: p, done: make(chan struct{})}
	if p.QoS > 0 {
		d.packetID++
		l.packet = d.packetID
	}
	d.letters = append(d.letters, l)
	if d.conn != nil {
		_ = d.send(l) // if not, the connection is lost, and it goes out on the next
	}
	return l.done
}

// send writes what is next for l. The caller holds mu.
func (d *rawDevice) send(l *letter) error {
	if l.received {
		_, err := d.conn.Write(mqttload.Frame(mqttload.Pubrel, binary.BigEndian.AppendUint16(nil, l.packet)))
		return err
	}
	frame := mqttload.PublishFrame(4, l.Topic, l.packet, l.QoS, l.sent, l.Payload)
	if l.Retain {
		frame[0] |= 1
	}
	l.sent = l.QoS > 0
	_, err := d.conn.Write(frame)
	if err == nil && l.QoS == 0 {
		d.finish(l)
	}
	return err
}

func (d *rawDevice) finish(l *letter) {
	d.letters = slices.DeleteFunc(d.letters, func(o *letter) bool { return o == l })
	close(l.done)
}

// live is one connection, from dialling to its end.
func (d *rawDevice) live(ctx context.Context) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.address)
	if err != nil {
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	in := bufio.NewReader(conn)
	if _, err := conn.Write(mqttload.ConnectFrame(4, d.id, d.id, d.id, false)); err != nil {
		return
	}
	if header, body, err := mqttload.ReadFrame(in); err != nil || header != mqttload.Connack || body[1] != 0 {
		return
	}
	if d.resend(conn) != nil {
		return
	}
	for {
		header, body, err := mqttload.ReadFrame(in)
		if err != nil || d.answered(header, body) != nil {
			break
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn = nil
}

func (d *rawDevice) resend(conn net.Conn) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn = conn
	for _, l := range slices.Clone(d.letters) {
		if err := d.send(l); err != nil {
			d.conn = nil
			return err
		}
	}
	return nil
}

func (d *rawDevice) answered(header byte, body []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(body) < 2 {
		return errors.New("an answer without a packet number")
	}
	i := slices.IndexFunc(d.letters, func(l *letter) bool { return l.packet == binary.BigEndian.Uint16(body) })
	if i < 0 {
		return nil // of an earlier delivery
	}
	l := d.letters[i]
	switch {
	case header == mqttload.Puback && l.QoS == 1, header == mqttload.Pubcomp && l.QoS == 2:
		d.finish(l)
	case header == mqttload.Pubrec && l.QoS == 2:
		l.received = true
		return d.send(l)
	}
	return nil
}
