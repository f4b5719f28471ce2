package mqtt

import (
	"cmp"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

const (
	// sendWindow is how many messages of QoS 1 and 2 a client may have
	// unacknowledged at most, whatever it says it takes.
	sendWindow = 256
	// unread is how many bytes of QoS 0 may wait for a client to read; what
	// comes then is dropped and counted.
	unread = 256 << 10
	// released is how many messages of QoS 2 a client of MQTT 3.1.1, which
	// knows no limit, may leave without PUBREL.
	released = 1024
	// patient is how long a client with a full queue may acknowledge nothing.
	patient = time.Second
)

// session is what the broker knows of one client ID of one account, connected
// or not. It outlives a connection if the client wants it to.
type session struct {
	broker    *Broker
	key       string // account and client ID
	client    string
	id        uint64 // on disk
	packets   *packetIDs
	connected atomic.Bool

	mu       sync.Mutex
	account  devices.Account
	conn     *conn         // nil while not connected
	keep     time.Duration // for how long after that; 0 for not at all
	gone     time.Time     // when the last connection ended
	over     bool          // nothing is kept any more
	dropped  bool          // and that was logged
	limbo    int           // earlier connections with messages that are not settled
	timer    *time.Timer   // of the end of the session, nil while connected
	will     *time.Timer   // of a delayed will, nil if none
	sendWill func()        // what will does
	subs     map[string]*subscription
	receipts map[uint16]*receipt // of QoS 2 messages from the client, until PUBREL

	progress time.Time // when the client last acknowledged, or had nothing to
	seq      uint64    // of the newest delivery; the packet number follows from it
	loose    []*delivery
	waiting  []*delivery          // QoS 1 and 2, to be sent on this connection
	open     map[uint16]*delivery // sent on this connection, by number
	queued   int                  // of QoS 1 and 2, until acknowledged
	bytes    int                  // of all that waits
	looseUse int                  // of loose: what is published now
	keptUse  int                  // and what was retained before
}

// receipt is a QoS 2 message that has come, until the client has let go of
// its number: a second one under that number is the same.
type receipt struct {
	identity string
	sum      uint64
	routed   bool  // passed on
	settled  bool  // and both are on disk: only PUBREC is due
	from     *conn // where it counts against the receive maximum
}

// sumOf tells messages under one number apart, across restarts.
func sumOf(topic string, payload []byte) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, topic) // never fails
	_, _ = h.Write([]byte{0})
	_, _ = h.Write(payload)
	return h.Sum64()
}

// delivery is a message on its way to one client.
type delivery struct {
	msg      *message
	seq      uint64
	qos      byte
	retain   bool
	ids      []uint32
	kept     bool // it was retained before the client subscribed
	sent     bool // at least once, so it is a duplicate the next time
	received bool // PUBREC came: only PUBREL and PUBCOMP are left
	done     bool
}

func (d *delivery) number() uint16 { return uint16((d.seq-1)%0xffff) + 1 }

// persistent tells whether the session is kept on disk. The caller holds mu.
func (s *session) persistent() bool { return s.keep > 0 && s.broker.store != nil && !s.over }

// offer takes on a message for the client. If it must be on disk first, it
// returns what writes it; release has to follow that. It returns nil if the
// message is on its way, or dropped.
func (s *session) offer(m *message, t target) (*delivery, change) {
	b := s.broker
	d := &delivery{msg: m, qos: t.qos, retain: t.retain, ids: t.ids}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.over, t.qos == 0 && s.conn == nil:
		return nil, nil
	case t.qos == 0:
		limit := unread
		if d.kept = t.kept; d.kept {
			limit = b.config.RetainedBytes // all that there is, once
		}
		use := s.useOf(d)
		if *use+m.size() > limit {
			b.metrics.dropped.WithLabelValues(droppedUnread).Inc()
			return nil, nil
		}
		*use += m.size()
		s.loose = append(s.loose, d)
		s.conn.kick()
		return nil, nil
	case !t.kept && (s.queued >= b.config.QueueMessages || s.bytes+m.size() > b.config.QueueBytes), b.queuedBytes.Load()+int64(m.size()) > int64(b.config.TotalBytes):
		b.metrics.dropped.WithLabelValues(droppedFull).Inc()
		b.dropOnce(s)
		if s.conn != nil && len(s.open) > 0 && time.Since(s.progress) > patient {
			b.metrics.stuck.Inc()
			s.conn.end(errStuck, packet.QuotaExceeded)
		}
		return nil, nil
	}
	s.seq++
	d.seq = s.seq
	s.queued++
	s.bytes += m.size()
	b.queuedBytes.Add(int64(m.size()))
	if s.persistent() {
		return d, putDelivery(s.id, d)
	}
	s.waiting = append(s.waiting, d)
	if s.conn != nil {
		s.conn.kick()
	}
	return nil, nil
}

// useOf is where a delivery of QoS 0 counts: what a new subscription gets at
// once takes no room from what is published meanwhile. The caller holds mu.
func (s *session) useOf(d *delivery) *int {
	if d.kept {
		return &s.keptUse
	}
	return &s.looseUse
}

// dropLoose forgets what was of one connection only. The caller holds mu.
func (s *session) dropLoose() { s.loose, s.looseUse, s.keptUse = nil, 0, 0 }

// release sends what offer has held back, or, if it could not be written,
// forgets it.
func (s *session) release(d *delivery, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.forget(d)
		return
	}
	s.waiting = append(s.waiting, d)
	if s.conn != nil {
		s.conn.kick()
	}
}

// forget takes d out of the count. The caller holds mu.
func (s *session) forget(d *delivery) {
	if d.done {
		return
	}
	d.done = true
	s.queued--
	s.bytes -= d.msg.size()
	s.broker.queuedBytes.Add(-int64(d.msg.size()))
}

// finish ends a delivery that the client has acknowledged or that is past its
// time. The caller holds mu.
func (s *session) finish(d *delivery) {
	s.forget(d)
	s.progress = time.Now()
	if s.open[d.number()] == d {
		delete(s.open, d.number())
	}
	if s.persistent() {
		s.broker.store.later(deleteDelivery(s.id, d.seq))
	}
}

// inflight is what was sent and not acknowledged, in its order. The caller
// holds mu.
func (s *session) inflight() []*delivery {
	return slices.SortedFunc(maps.Values(s.open), func(a, b *delivery) int { return cmp.Compare(a.seq, b.seq) })
}

// attach makes c the connection of s: what was in flight on an earlier one is
// sent again, first.
func (s *session) attach(c *conn) {
	s.conn = c
	s.connected.Store(true)
	s.waiting, s.open = append(s.inflight(), s.waiting...), map[uint16]*delivery{}
	s.dropLoose()
}

// acknowledge takes a PUBACK, PUBREC or PUBCOMP. It returns the answer that is
// due at once, if any.
func (s *session) acknowledge(c *conn, a *packet.Ack) (answer *packet.Ack, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.open[a.ID]
	if s.conn != c {
		return nil, nil
	}
	if d != nil && (d.qos == 1) != (a.Type == packet.PUBACK) {
		return nil, &packet.Error{Reason: packet.ProtocolError, Text: a.Type.String() + " for a message of another QoS"}
	}
	switch {
	case d == nil && a.Type == packet.PUBREC:
		answer = &packet.Ack{Type: packet.PUBREL, ID: a.ID, Reason: packet.PacketIDNotFound}
	case d == nil: // of an earlier delivery
	case a.Type == packet.PUBREC && !a.Reason.Failed():
		release := &packet.Ack{Type: packet.PUBREL, ID: a.ID}
		if d.received = true; !s.persistent() {
			answer = release
		} else {
			// From PUBREL on the client may forget the number, so nothing
			// must make this broker send the message again.
			s.broker.store.write([]change{putDelivery(s.id, d)}, func(err error) {
				if err == nil {
					c.reply(release)
				} else {
					c.end(err, packet.ImplementationError)
				}
			})
		}
	default:
		s.finish(d)
		c.kick()
	}
	return answer, nil
}

// collect appends what is to be sent to c until out is full.
func (s *session) collect(c *conn, out []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != c {
		return out
	}
	now := time.Now()
	for len(s.loose) > 0 && len(out) < writeBuffer {
		d := s.loose[0]
		s.loose[0] = nil
		s.loose = s.loose[1:]
		*s.useOf(d) -= d.msg.size()
		if !d.msg.expired(now) {
			out, _ = c.appendDelivery(out, d, now)
		}
	}
	if len(s.loose) == 0 {
		s.loose = nil
	}
	for len(s.waiting) > 0 && len(s.open) < c.sendWindow && len(out) < writeBuffer {
		d := s.waiting[0]
		if s.open[d.number()] != nil {
			break // the client owes the acknowledgement of a message 65,535 before
		}
		s.waiting[0] = nil
		s.waiting = s.waiting[1:]
		if d.received {
			out = (&packet.Ack{Type: packet.PUBREL, ID: d.number()}).Append(out, c.version)
		} else {
			fits := !d.msg.expired(now)
			if fits {
				out, fits = c.appendDelivery(out, d, now)
			}
			if !fits {
				s.finish(d)
				continue
			}
			d.sent = true
		}
		if len(s.open) == 0 {
			s.progress = now
		}
		s.open[d.number()] = d
	}
	if len(s.waiting) == 0 {
		s.waiting = nil
	}
	return out
}

// appendDelivery appends the PUBLISH, unless it is larger than the client
// takes.
func (c *conn) appendDelivery(out []byte, d *delivery, now time.Time) ([]byte, bool) {
	m := d.msg
	p := packet.Publish{Dup: d.sent, QoS: d.qos, Retain: d.retain, Topic: []byte(m.topic), Payload: m.payload}
	if d.qos > 0 {
		p.ID = d.number()
	}
	if c.version == packet.V5 {
		p.Properties.Raw, p.Properties.SubscriptionIDs = m.props, d.ids
		if !m.expires.IsZero() {
			p.Properties.SetNumber(packet.MessageExpiry, uint32(max(1, m.expires.Sub(now)/time.Second)))
		}
	}
	if c.peerPacket > 0 && p.Size(c.version) > c.peerPacket {
		c.broker.metrics.dropped.WithLabelValues(droppedSize).Inc()
		return out, false
	}
	if known, ok := c.aliasesOut[m.topic]; ok {
		p.Topic = nil
		p.Properties.SetNumber(packet.TopicAlias, uint32(known))
	} else if len(c.aliasesOut) < c.aliasLimit {
		if c.aliasesOut == nil {
			c.aliasesOut = map[string]uint16{}
		}
		c.aliasesOut[m.topic] = uint16(len(c.aliasesOut) + 1)
		p.Properties.SetNumber(packet.TopicAlias, uint32(len(c.aliasesOut)))
		if c.peerPacket > 0 && p.Size(c.version) > c.peerPacket {
			delete(c.aliasesOut, m.topic)
			return out, false
		}
	}
	return p.Append(out, c.version), true
}

// receive finds or makes the receipt of a QoS 2 message.
func (s *session) receive(c *conn, number uint16, dup bool, topic string, payload []byte) (r *receipt, fresh bool) {
	sum := sumOf(topic, payload)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.receipts[number]; r != nil && r.sum == sum {
		r.from = c
		return r, false
	}
	if s.receipts == nil {
		s.receipts = map[uint16]*receipt{}
	}
	r = &receipt{identity: s.packets.identify(number, dup, topic, payload), sum: sum, from: c}
	s.receipts[number] = r
	return r, true
}
