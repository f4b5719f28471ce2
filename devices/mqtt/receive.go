package mqtt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

// errUnkept is wrapped when the connection is dropped because a message could
// not be kept.
var errUnkept = errors.New("message not kept")

// slot is a message on its way through the broker: heard, handled, passed on,
// acknowledged. Slots of a connection go through the last two in the order in
// which they were heard.
type slot struct {
	number   uint16
	qos      byte
	state    slotState
	reason   packet.Reason
	err      error
	identity string
	receipt  *receipt        // of QoS 2
	heard    devices.Message // what the handler has not been given yet
	due      time.Time       // when it may be, if the account sends too much
	size     int             // in bytes, with slotSize
	msg      *message        // nil if nobody is to get it
}

type slotState byte

const (
	slotUnwritten slotState = iota // QoS 2: its receipt is not on disk yet
	slotHandling                   // with the handler
	slotHandled
	slotPassing // on its way to queues that are on disk
	slotSettled
)

// takePublish deals with a PUBLISH: it takes its place among the slots and is
// given to the handler, at once or, if the account sends too much, in its turn
// (rate.go). It waits only for room in the window.
func (c *conn) takePublish(flags byte, body []byte) error {
	p := &c.publish
	if err := p.Decode(c.version, flags, body); err != nil {
		return err
	}
	if len(p.Properties.SubscriptionIDs) > 0 {
		return &packet.Error{Reason: packet.ProtocolError, Text: "PUBLISH: a subscription identifier is the server's to say"}
	}
	if err := c.resolve(p); err != nil {
		return err
	}
	sl := &slot{number: p.ID, qos: p.QoS, size: slotSize + len(c.topic) + len(p.Payload)}
	switch err := c.enter(sl); {
	case err != nil:
		return err
	case !c.allowed:
		c.deny(sl)
		return nil
	}
	b, topic := c.broker, c.topic
	b.received.Add(1)
	m := devices.Message{Client: c.account.ID, Topic: topic, Payload: p.Payload}
	if len(p.Payload) > reportPacket {
		b.metrics.messages.WithLabelValues(resultUnrouted).Inc()
	} else if p.Retain || b.router.wanted(topic) {
		sl.msg = c.message(p, topic)
		m.Payload = sl.msg.payload
	}
	held, kept := c.excess(sl, m), false
	switch p.QoS {
	case 1:
		sl.identity = c.session.packets.identify(p.ID, p.Dup, topic, p.Payload)
		m.Packet = sl.identity
	case 2:
		kept = c.receive(sl, p, &m)
	}
	switch {
	case kept:
	case held:
		c.hold(sl, m)
	default:
		c.handle(sl, m)
	}
	if len(p.Payload) > smallPacket && !held {
		c.awaitSlots()
	}
	return nil
}

// resolve finds the topic of p, which may be known by an alias, and whether
// it may be published on.
func (c *conn) resolve(p *packet.Publish) error {
	alias := int(p.Properties.Number(packet.TopicAlias))
	if p.Properties.Has(packet.TopicAlias) && (alias == 0 || alias > topicAliases) {
		return &packet.Error{Reason: packet.TopicAliasInvalid, Text: fmt.Sprintf("topic alias: must be 1 to %d (got %d)", topicAliases, alias)}
	}
	topic := c.topic
	switch {
	case len(p.Topic) > maxTopic:
		return &packet.Error{Reason: packet.TopicNameInvalid, Text: fmt.Sprintf("topic: at most %d bytes", maxTopic)}
	case len(p.Topic) == 0:
		if alias > len(c.aliases) || c.aliases[alias-1] == "" {
			return &packet.Error{Reason: packet.ProtocolError, Text: "topic alias is not known"}
		}
		topic = c.aliases[alias-1]
	case string(p.Topic) != topic:
		topic = string(p.Topic)
	}
	if alias > 0 && len(p.Topic) > 0 {
		if c.aliases == nil {
			c.aliases = make([]string, topicAliases)
		}
		c.aliases[alias-1] = topic
	}
	if topic != c.topic {
		c.topic = topic
		c.allowed = ValidTopic(topic) && coveredByAny(c.account.Publish, topic)
	}
	return nil
}

// enter takes a place for sl, and waits for one if there is none.
func (c *conn) enter(sl *slot) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sl.qos > 0 && c.version == packet.V5 {
		if c.unacked >= c.broker.config.Window {
			return &packet.Error{Reason: packet.ReceiveMaximumExceeded, Text: fmt.Sprintf("more than %d messages without waiting for the acknowledgement", c.broker.config.Window)}
		}
		c.unacked++
	}
	for c.crowded(sl) && !c.closed {
		c.room.Wait()
	}
	if c.closed {
		return errEnded
	}
	select {
	case <-c.broker.closing:
		return errEnded // it will be delivered again, to whoever runs then
	default:
	}
	c.slots = append(c.slots, sl)
	c.bytes += sl.size
	c.broker.unsettled.bytes.Add(int64(sl.size))
	c.behind = c.late > 0
	return nil
}

// crowded tells whether sl has to wait for a place. What was held does not
// take one: a call for help may be behind it. The caller holds mu.
func (c *conn) crowded(sl *slot) bool {
	if c.lateBytes > mostHeld {
		return true
	}
	taken := len(c.slots)
	if sl.qos < 2 { // the numbers of the others are few
		taken -= c.late
	}
	return taken >= c.broker.config.Window || c.broker.unsettled.full(c, sl.size)
}

// message copies p, which is on its way to others.
func (c *conn) message(p *packet.Publish, topic string) *message {
	m := &message{topic: topic, payload: slices.Clone(p.Payload), qos: p.QoS, retain: p.Retain, from: c.session, props: p.Properties.Forward(nil)}
	if p.Properties.Has(packet.MessageExpiry) {
		m.expires = time.Now().Add(seconds(p.Properties.Number(packet.MessageExpiry)))
	}
	return m
}

// deny acknowledges what the account may not publish. MQTT 3.1.1 has no other
// way to say no without a redelivery for ever.
func (c *conn) deny(sl *slot) {
	c.broker.metrics.messages.WithLabelValues(resultDenied).Inc()
	if !c.deniedOnce {
		c.deniedOnce = true
		c.broker.log.Warn("mqtt publish denied; more of this connection are only counted", "account", c.account.ID)
	}
	if c.version == packet.V5 {
		sl.reason = packet.NotAuthorized
	}
	c.mark(sl, slotHandled, nil)
}

// receive finds out whether a QoS 2 message is a new one, and has its number
// written down before anything is done with it. It returns true if that takes
// the message further, or if it has been dealt with before.
func (c *conn) receive(sl *slot, p *packet.Publish, m *devices.Message) (done bool) {
	s, b := c.session, c.broker
	r, fresh := s.receive(c, p.ID, p.Dup, m.Topic, p.Payload)
	sl.receipt, m.Packet = r, r.identity
	s.mu.Lock()
	settled, persistent, many := r.settled, s.persistent(), len(s.receipts) > released
	s.mu.Unlock()
	switch {
	case many && c.version != packet.V5:
		c.mark(sl, slotHandled, errors.New("too many messages without PUBREL"))
		return true
	case settled:
		sl.msg = nil
		c.mark(sl, slotHandled, nil)
		return true
	case !fresh || !persistent:
		return false
	}
	if sl.msg == nil {
		m.Payload = slices.Clone(m.Payload)
	}
	sl.heard = *m
	b.store.write([]change{putReceipt(s.id, p.ID, r, false)}, func(err error) {
		if err != nil {
			c.mark(sl, slotHandled, fmt.Errorf("write down the message's number: %w", err))
			return
		}
		c.mu.Lock()
		c.ready(sl)
		c.mu.Unlock()
		c.kick()
	})
	return true
}

// handle gives a message to the handler.
func (c *conn) handle(sl *slot, m devices.Message) {
	c.mu.Lock()
	sl.state = slotHandling
	c.mu.Unlock()
	err := guarded(func() error {
		c.broker.handle(c.broker.ctx, m, func(err error) { c.mark(sl, slotHandled, err) })
		return nil
	})
	if err != nil {
		c.mark(sl, slotHandled, err)
	}
}

// mark moves a slot on, and has the writing goroutine do what follows.
func (c *conn) mark(sl *slot, state slotState, err error) {
	c.mu.Lock()
	if sl.state < state {
		if !sl.due.IsZero() && sl.state < slotHandled {
			c.late--
			c.lateBytes -= sl.size
			c.room.Broadcast()
		}
		sl.state = state
		if sl.err == nil {
			sl.err = err
		}
	}
	c.mu.Unlock()
	c.kick()
}

// awaitSlots returns when everything heard so far is settled.
func (c *conn) awaitSlots() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.slots) > 0 && !c.closed {
		c.room.Wait()
	}
}

// advance does what is due for the slots, and appends their acknowledgements.
// Only the writing goroutine calls it.
func (c *conn) advance(out []byte) []byte {
	c.mu.Lock()
	begin := c.begin
	c.begin = nil
	c.mu.Unlock()
	for _, sl := range begin {
		c.handle(sl, sl.heard)
	}
	for {
		c.mu.Lock()
		if c.routed >= len(c.slots) || c.slots[c.routed].state < slotHandled {
			break
		}
		sl := c.slots[c.routed]
		c.routed++
		c.mu.Unlock()
		c.pass(sl)
	}
	n, bytes := 0, 0
	for n < c.routed && c.slots[n].state == slotSettled {
		out = c.acknowledge(out, c.slots[n])
		bytes += c.slots[n].size
		n++
	}
	if n > 0 {
		c.slots = slices.Delete(c.slots, 0, n)
		c.routed -= n
		c.bytes -= bytes
		c.room.Broadcast()
	}
	c.mu.Unlock()
	if n > 0 {
		c.broker.unsettled.release(bytes)
	}
	return out
}

// pass counts what the handler has said and passes the message on to whoever
// subscribed.
func (c *conn) pass(sl *slot) {
	b := c.broker
	switch {
	case sl.reason.Failed() || sl.receipt != nil && c.receiptSettled(sl.receipt):
		c.mark(sl, slotSettled, nil)
		return
	case sl.err == nil:
		b.metrics.handled.Inc()
	case sl.qos == 0:
		b.metrics.messages.WithLabelValues(resultLost).Inc()
		if errors.Is(sl.err, errPanicked) {
			c.unkept(sl.err)
		}
		sl.err = nil
		c.mark(sl, slotSettled, nil)
		return
	default:
		b.metrics.messages.WithLabelValues(resultFailed).Inc()
		c.unkept(sl.err)
		c.mark(sl, slotSettled, nil)
		return
	}
	var also []change
	if r := sl.receipt; r != nil {
		s := c.session
		s.mu.Lock()
		if r.routed {
			sl.msg = nil
		}
		r.routed = true
		if s.persistent() && s.receipts[sl.number] == r {
			also = append(also, putReceipt(s.id, sl.number, r, true))
		}
		s.mu.Unlock()
	}
	if sl.msg == nil && len(also) == 0 {
		c.passed(sl, nil)
		return
	}
	sl.state = slotPassing
	b.route(sl.msg, also, func(err error) { c.passed(sl, err) })
}

func (c *conn) receiptSettled(r *receipt) bool {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	return r.settled
}

// passed is called when a message is with all who are to get it, on disk where
// it has to be.
func (c *conn) passed(sl *slot, err error) {
	if r := sl.receipt; r != nil {
		c.session.mu.Lock()
		if err == nil && !r.routed {
			err = errors.New("the connection before has not passed it on")
		}
		// What did not get onto the disk is passed on again when it comes again.
		r.settled, r.routed = err == nil, err == nil
		c.session.mu.Unlock()
	}
	if err != nil {
		c.broker.metrics.messages.WithLabelValues(resultFailed).Inc()
		c.unkept(err)
		if sl.qos == 0 {
			err = nil
		}
	}
	c.mark(sl, slotSettled, err)
}

// unkept drops the connection without the acknowledgement that a message
// would have had: the other side delivers again.
func (c *conn) unkept(err error) {
	c.mu.Lock()
	first := !c.failed
	c.failed, c.silent = true, true
	c.mu.Unlock()
	if !first {
		return
	}
	b := c.broker
	if errors.Is(err, errPanicked) {
		b.metrics.panics.Inc()
		b.log.Error("mqtt message panicked; connection dropped without acknowledgement", "account", c.account.ID, "error", err)
	} else if !errors.Is(err, context.Canceled) {
		b.log.Warn("mqtt message failed; connection dropped without acknowledgement", "account", c.account.ID, "error", err)
	}
	c.end(fmt.Errorf("%w: %w", errUnkept, err), packet.Success)
}

// acknowledge appends what tells the client that a message is kept. The caller
// holds mu. After a failure nothing is acknowledged any more.
func (c *conn) acknowledge(out []byte, sl *slot) []byte {
	if sl.err != nil || c.failed || sl.qos == 0 {
		return out
	}
	a := packet.Ack{Type: packet.PUBACK, ID: sl.number, Reason: sl.reason}
	if sl.qos == 2 {
		a.Type = packet.PUBREC
	} else if sl.identity != "" {
		c.session.packets.acknowledged(sl.number, sl.identity)
	}
	if (sl.qos == 1 || sl.reason.Failed()) && c.unacked > 0 {
		c.unacked--
	}
	return a.Append(out, c.version)
}

// takeRelease forgets the number of a QoS 2 message, and says so when that is
// on disk.
func (c *conn) takeRelease(body []byte) error {
	var a packet.Ack
	if err := a.Decode(c.version, packet.PUBREL, body); err != nil {
		return err
	}
	s := c.session
	s.mu.Lock()
	r := s.receipts[a.ID]
	delete(s.receipts, a.ID)
	persistent := s.persistent()
	s.mu.Unlock()
	answer := &packet.Ack{Type: packet.PUBCOMP, ID: a.ID}
	if r == nil {
		answer.Reason = packet.PacketIDNotFound
	} else {
		s.packets.acknowledged(a.ID, r.identity)
	}
	if r != nil && r.from == c {
		c.mu.Lock()
		c.unacked = max(0, c.unacked-1)
		c.mu.Unlock()
	}
	if r == nil || !persistent {
		c.reply(answer)
		return nil
	}
	c.broker.store.write([]change{deleteReceipt(s.id, a.ID)}, func(err error) {
		if err != nil {
			c.unkept(err)
			return
		}
		c.reply(answer)
	})
	return nil
}

// subscribe answers a SUBSCRIBE, then sends what is retained.
func (c *conn) subscribe(body []byte) error {
	var p packet.Subscribe
	if err := p.Decode(c.version, body); err != nil {
		return err
	}
	s, b := c.session, c.broker
	answer := &packet.Suback{Type: packet.SUBACK, ID: p.ID}
	replays := map[string]*subscription{} // by filter: who says one again and again gets what is retained once
	kept := map[*subscription][]*message{}
	id := uint32(0)
	if len(p.Properties.SubscriptionIDs) > 0 {
		id = p.Properties.SubscriptionIDs[0]
	}
	b.retaining.Lock()
	s.mu.Lock()
	for _, f := range p.Filters {
		filter := string(f.Filter)
		reason := packet.Reason(f.QoS)
		plain, _ := unshare(filter)
		_, known := s.subs[filter]
		switch {
		case !ValidFilter(filter):
			reason = packet.TopicFilterInvalid
		case !coveredByAny(c.account.Subscribe, plain):
			reason = packet.NotAuthorized
		case !known && len(s.subs) >= b.config.Subscriptions:
			reason = packet.QuotaExceeded
		default:
			sub := newSubscription(s, storedSubscription{filter, f.QoS, f.NoLocal, f.RetainAsPublished, id})
			s.subs[filter] = sub
			b.router.add(sub)
			if sub.group == "" && (f.RetainHandling == 0 || f.RetainHandling == 1 && !known) {
				replays[filter] = sub
			}
		}
		answer.Reasons = append(answer.Reasons, reason)
	}
	var changes []change
	if s.persistent() {
		changes = append(changes, putSession(s))
	}
	s.mu.Unlock()
	for _, sub := range replays {
		kept[sub] = b.router.kept(sub.filter)
	}
	b.retaining.Unlock()
	b.commit(changes, func(err error) {
		if err != nil {
			c.end(fmt.Errorf("keep subscriptions: %w", err), packet.ImplementationError)
			return
		}
		c.reply(answer)
		for sub, messages := range kept {
			b.sendRetained(sub, messages)
		}
	})
	return nil
}

func (c *conn) unsubscribe(body []byte) error {
	var p packet.Unsubscribe
	if err := p.Decode(c.version, body); err != nil {
		return err
	}
	s, b := c.session, c.broker
	answer := &packet.Suback{Type: packet.UNSUBACK, ID: p.ID}
	s.mu.Lock()
	for _, f := range p.Filters {
		reason := packet.NoSubscriptionExisted
		if sub := s.subs[string(f)]; sub != nil {
			reason = packet.Success
			delete(s.subs, string(f))
			b.router.remove(sub)
		}
		answer.Reasons = append(answer.Reasons, reason)
	}
	var changes []change
	if s.persistent() {
		changes = append(changes, putSession(s))
	}
	s.mu.Unlock()
	b.commit(changes, func(err error) {
		if err != nil {
			c.end(fmt.Errorf("keep subscriptions: %w", err), packet.ImplementationError)
			return
		}
		c.reply(answer)
	})
	return nil
}
