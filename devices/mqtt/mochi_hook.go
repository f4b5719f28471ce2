package mqtt

import (
	"context"
	"fmt"
	"slices"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/linli-edge/gateway/devices"
)

// A publish passes mochi twice: first to be held back, then, when the handler
// has returned nil, to be acknowledged and routed. What is to become of it is
// written in FixedHeader.Remaining, which is of no use after decoding and
// cannot be negative on the wire.
const (
	passOn    = -1
	passAck   = -2 // acknowledge, but neither retain nor route
	passBlame = -3 // refuse where MQTT has a way to, else as passAck
)

// hook is what mochi calls.
type hook struct {
	mochi.HookBase
	engine *engine
}

// ID names the hook to mochi.
func (h *hook) ID() string { return "linli" }

// Provides lists the calls wanted.
func (h *hook) Provides(b byte) bool {
	return slices.Contains([]byte{
		mochi.OnConnectAuthenticate, mochi.OnACLCheck, mochi.OnSessionEstablish, mochi.OnPublish, mochi.OnPacketEncode,
		mochi.OnSubscribe, mochi.OnPacketProcessed, mochi.OnRetainMessage, mochi.OnRetainedExpired, mochi.OnClientExpired,
	}, b)
}

func (h *hook) session(cl *mochi.Client) *session {
	if c, ok := cl.Net.Conn.(*conn); ok {
		return c.session
	}
	return nil
}

// OnConnectAuthenticate logs a client in. A refusal takes RefusalDelay.
func (h *hook) OnConnectAuthenticate(cl *mochi.Client, pk packets.Packet) bool {
	e, c := h.engine, cl.Net.Conn.(*conn)
	s, refused := e.admit(cl, pk)
	if refused != "" {
		c.refused = true
		e.refuse(refused, c.RemoteAddr(), string(pk.Connect.Username))
		timer := time.NewTimer(e.config.RefusalDelay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.closed:
		case <-e.closing:
		}
		return false
	}
	cl.ID = s.key
	cl.Properties.Will = mochi.Will{}                   // ours, see engine.sendWill
	cl.Properties.Props.TopicAliasMaximum = 0           // mochi resends with aliases of an earlier connection
	cl.State.Keepalive = min(cl.State.Keepalive, 43690) // mochi multiplies by 1.5 in 16 bits
	c.session = s
	return true
}

// OnSessionEstablish runs before mochi looks for an earlier session.
func (h *hook) OnSessionEstablish(cl *mochi.Client, pk packets.Packet) {
	s := h.session(cl)
	h.engine.begin(s, pk.Connect.Clean)
	h.engine.log.Info("mqtt client connected", "account", s.account.ID, "remote", cl.Net.Remote, "version", cl.Properties.ProtocolVersion)
}

// OnACLCheck answers for subscriptions and for each message to a subscriber.
// Publishing is decided in OnPublish, where the refusal keeps its place among
// the acknowledgements.
func (h *hook) OnACLCheck(cl *mochi.Client, topic string, write bool) bool {
	if write {
		return true
	}
	s := h.session(cl)
	if s == nil || !ValidFilter(topic) {
		return false
	}
	plain, _ := unshare(topic)
	return coveredByAny(s.account.Subscribe, plain)
}

// OnPublish holds a message back until it has been handled.
func (h *hook) OnPublish(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	switch {
	case cl.Net.Inline, pk.FixedHeader.Remaining == passOn:
		return h.retain(pk), nil
	case pk.FixedHeader.Remaining == passBlame && cl.Properties.ProtocolVersion == 5 && pk.FixedHeader.Qos == 1:
		return pk, packets.ErrNotAuthorized
	case pk.FixedHeader.Remaining < 0:
		return pk, packets.CodeSuccessIgnore
	}
	h.take(h.session(cl), pk)
	return pk, packets.ErrRejectPacket // mochi does nothing more with it
}

// take hands a message to the session's pipeline.
func (h *hook) take(s *session, pk packets.Packet) {
	e := h.engine
	select {
	case <-e.closing:
		return // will be delivered again, to whoever runs then
	default:
	}
	m := devices.Message{Client: s.account.ID, Topic: pk.TopicName, Payload: pk.Payload}
	lossy := pk.FixedHeader.Qos == 0
	if !lossy {
		m.Packet = s.packets.identify(pk.PacketID, pk.FixedHeader.Dup, m.Topic, m.Payload)
	}
	j := &job{topic: m.Topic, lossy: lossy, do: func(ctx context.Context) error { return e.deliver(ctx, m, !lossy) }}
	pk.FixedHeader.Remaining = passOn
	switch {
	case !ValidTopic(m.Topic) || !coveredByAny(s.account.Publish, m.Topic):
		j.do, pk.FixedHeader.Remaining = nil, passBlame
		e.metrics.messages.WithLabelValues(resultDenied).Inc()
		s.deniedOnce.Do(func() {
			e.log.Warn("mqtt publish denied; more of this connection are only counted", "account", s.account.ID)
		})
	case len(m.Payload) > reportPacket:
		pk.FixedHeader.Remaining = passAck
		e.metrics.messages.WithLabelValues(resultUnrouted).Inc()
	}
	j.ack = func() error {
		if err := e.server.InjectPacket(s.client, pk); err != nil {
			return fmt.Errorf("%w: %w", errUnanswered, err)
		}
		if !lossy {
			s.packets.acknowledged(pk.PacketID, m.Packet)
		}
		return nil
	}
	if s.pipe.submit(s.conn.closed, j) && len(m.Payload) > smallPacket {
		select {
		case <-s.pipe.settled():
		case <-s.conn.closed:
		}
	}
}

// retain decides whether a message that asks for it is retained, and if so
// keeps everyone from reading what is retained until OnRetainMessage.
func (h *hook) retain(pk packets.Packet) packets.Packet {
	if !pk.FixedHeader.Retain {
		return pk
	}
	r := &h.engine.retained
	r.mu.Lock()
	if !r.fits(pk.TopicName, len(pk.Payload)) {
		r.mu.Unlock()
		pk.FixedHeader.Retain = false
		h.engine.log.Warn("mqtt message not retained: no room", "limit", r.limit)
	}
	return pk
}

// OnRetainMessage runs right after mochi has retained a message.
func (h *hook) OnRetainMessage(*mochi.Client, packets.Packet, int64) { h.engine.retained.mu.Unlock() }

// OnRetainedExpired gives back what an expired message took.
func (h *hook) OnRetainedExpired(topic string) {
	r := &h.engine.retained
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fits(topic, 0)
}

// OnSubscribe keeps everyone from retaining until the subscription has been
// given what is retained.
func (h *hook) OnSubscribe(cl *mochi.Client, pk packets.Packet) packets.Packet {
	h.engine.retained.mu.RLock()
	h.session(cl).subscribing = true
	return pk
}

// OnPacketProcessed ends what OnSubscribe began.
func (h *hook) OnPacketProcessed(cl *mochi.Client, pk packets.Packet, _ error) {
	if s := h.session(cl); pk.FixedHeader.Type == packets.Subscribe && s != nil {
		h.engine.subscribed(s)
	}
}

// OnPacketEncode tells MQTT 5 clients the largest packet taken.
func (h *hook) OnPacketEncode(_ *mochi.Client, pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type == packets.Connack {
		pk.Properties.MaximumPacketSize = maxPacket
	}
	return pk
}

// OnClientExpired forgets a session that mochi has given up.
func (h *hook) OnClientExpired(cl *mochi.Client) {
	if s := h.session(cl); s != nil {
		h.engine.forget(s)
	}
}
