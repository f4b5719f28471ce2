package mqtt

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

// peer is an MQTT client that does what a test tells it, packet by packet.
type peer struct {
	net.Conn
	t  testing.TB
	v  packet.Version
	in *bufio.Reader
}

// hub is the account that the tests of the standard use: it may do everything
// below std/.
const hub = "hub"

func (b *brokerBench) peer(t testing.TB, v packet.Version) *peer {
	t.Helper()
	c, err := net.Dial("tcp", b.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &peer{Conn: c, t: t, v: v, in: bufio.NewReader(c)}
}

// connect logs in as hub; change may change the CONNECT.
func (b *brokerBench) connect(t testing.TB, v packet.Version, client string, change func(*packet.Connect)) (*peer, *packet.Connack) {
	t.Helper()
	p := b.peer(t, v)
	c := &packet.Connect{Version: v, CleanStart: true, ClientID: []byte(client), User: []byte(hub), Password: []byte(hub)}
	if change != nil {
		change(c)
	}
	p.send(c.Append(nil))
	ack := expect[*packet.Connack](p)
	if ack.Reason != packet.Success {
		t.Fatalf("login refused: %v", ack.Reason)
	}
	return p, ack
}

// keeping makes a CONNECT one of a session that is kept.
func keeping(c *packet.Connect) {
	c.CleanStart = false
	if c.Version == packet.V5 {
		c.Properties.SetNumber(packet.SessionExpiry, 3600)
	}
}

func (p *peer) send(frames ...[]byte) {
	p.t.Helper()
	for _, f := range frames {
		if _, err := p.Write(f); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *peer) say(packets ...appender) {
	p.t.Helper()
	for _, q := range packets {
		p.send(q.Append(nil, p.v))
	}
}

// next reads a packet of any type.
func (p *peer) next() (any, error) {
	b := make([]byte, 0, 64)
	for {
		c, err := p.in.ReadByte()
		if err != nil {
			return nil, err
		}
		b = append(b, c)
		h, n, err := packet.ParseHeader(p.v, b)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			continue
		}
		body := make([]byte, h.Length)
		for at := 0; at < len(body); {
			n, err := p.in.Read(body[at:])
			if err != nil {
				return nil, err
			}
			at += n
		}
		switch h.Type {
		case packet.CONNACK:
			q := &packet.Connack{}
			return q, q.Decode(p.v, body)
		case packet.PUBLISH:
			q := &packet.Publish{}
			return q, q.Decode(p.v, h.Flags, body)
		case packet.PUBACK, packet.PUBREC, packet.PUBREL, packet.PUBCOMP:
			q := &packet.Ack{}
			return q, q.Decode(p.v, h.Type, body)
		case packet.SUBACK, packet.UNSUBACK:
			q := &packet.Suback{}
			return q, q.Decode(p.v, h.Type, body)
		case packet.PINGRESP:
			return h.Type, packet.DecodeEmpty(h.Type, body)
		case packet.DISCONNECT:
			q := &packet.Disconnect{}
			return q, q.Decode(p.v, body)
		}
		return nil, fmt.Errorf("a server does not send %v", h.Type)
	}
}

// expect reads the next packet, which must be of that type.
func expect[T any](p *peer) T {
	p.t.Helper()
	if err := p.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		p.t.Fatal(err)
	}
	q, err := p.next()
	if err != nil {
		p.t.Fatal(err)
	}
	got, ok := q.(T)
	if !ok {
		p.t.Fatalf("got %T %+v, not %T", q, q, got)
	}
	return got
}

// ack reads an acknowledgement and checks what it is.
func (p *peer) ack(typ packet.Type, id uint16) packet.Reason {
	p.t.Helper()
	a := expect[*packet.Ack](p)
	if a.Type != typ || a.ID != id {
		p.t.Fatalf("got %v of %d, not %v of %d", a.Type, a.ID, typ, id)
	}
	return a.Reason
}

// hears reads a PUBLISH and checks its payload.
func (p *peer) hears(payload string) *packet.Publish {
	p.t.Helper()
	m := expect[*packet.Publish](p)
	if string(m.Payload) != payload {
		p.t.Fatalf("got %q on %s, not %q", m.Payload, m.Topic, payload)
	}
	return m
}

// silent makes sure that nothing has come: a ping comes back first.
func (p *peer) silent() {
	p.t.Helper()
	p.send(packet.AppendEmpty(nil, packet.PINGREQ))
	expect[packet.Type](p)
}

// ended reads the reason of the DISCONNECT, and that nothing follows.
func (p *peer) ended() packet.Reason {
	p.t.Helper()
	reason := packet.Success
	if p.v == packet.V5 {
		reason = expect[*packet.Disconnect](p).Reason
	}
	p.closed()
	return reason
}

func (p *peer) closed() {
	p.t.Helper()
	if err := p.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		p.t.Fatal(err)
	}
	if q, err := p.next(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("not closed: %+v, %v", q, err)
	}
}

// subscribe subscribes to one filter and returns the answer.
func (p *peer) subscribe(filter string, qos byte, change func(*packet.Subscribe)) packet.Reason {
	p.t.Helper()
	s := &packet.Subscribe{ID: 0x7fff, Filters: []packet.Subscription{{Filter: []byte(filter), QoS: qos}}}
	if change != nil {
		change(s)
	}
	p.say(s)
	return expect[*packet.Suback](p).Reasons[0]
}

// publish sends a message and, with QoS 1 or 2, waits for the whole exchange.
func (p *peer) publish(topic string, qos byte, payload string, change func(*packet.Publish)) packet.Reason {
	p.t.Helper()
	m := &packet.Publish{Topic: []byte(topic), QoS: qos, Payload: []byte(payload)}
	if qos > 0 {
		m.ID = 77
	}
	if change != nil {
		change(m)
	}
	p.say(m)
	switch qos {
	case 1:
		return p.ack(packet.PUBACK, m.ID)
	case 2:
		if r := p.ack(packet.PUBREC, m.ID); r.Failed() {
			return r
		}
		p.say(&packet.Ack{Type: packet.PUBREL, ID: m.ID})
		return p.ack(packet.PUBCOMP, m.ID)
	}
	return packet.Success
}

func retained(m *packet.Publish) { m.Retain = true }

func inVersions(t *testing.T, test func(t *testing.T, v packet.Version)) {
	for _, v := range []packet.Version{packet.V311, packet.V5} {
		t.Run(v.String(), func(t *testing.T) { test(t, v) })
	}
}
