package mqtt

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

// Why a connection ended, beside what the network and the packets say.
var (
	errGoodbye   = errors.New("client said goodbye")
	errEnded     = errors.New("gateway ended the connection")
	errKeepAlive = errors.New("nothing heard in one and a half keep-alives")
	errRevoked   = errors.New("rights have changed")
)

// conn is one connection. One goroutine reads it for as long as it lives; it
// hands each message to the handler and goes on. Another writes, and exists
// only while there is something to write (write.go). Whatever is read is
// settled in its order (receive.go).
type conn struct {
	broker      *Broker
	nc          net.Conn
	kind        string            // of listener
	certificate *x509.Certificate // of the client, nil if it showed none
	since       time.Time

	// From the login on, and then never changed.
	version    packet.Version
	session    *session
	account    devices.Account
	bucket     *bucket       // what it may publish, nil for no limit
	keepAlive  time.Duration // 0 for none
	sendWindow int           // the client's receive maximum, and ours
	peerPacket int           // largest that the client takes, 0 for any
	aliasLimit int           // how many topic aliases the client takes
	problems   bool          // the client wants reason strings
	will       *will         // nil if none

	// The reading goroutine's.
	in         input
	publish    packet.Publish // decoded into, again and again
	aliases    []string       // topics, by alias
	topic      string         // of the last message, which is often that of the next
	allowed    bool           // to publish on topic
	keep       time.Duration  // a session, after goodbye
	deniedOnce bool
	throttled  bool // has once sent too much
	behind     bool // messages before the current one wait for their turn

	// The writing goroutine's.
	aliasesOut map[string]uint16

	mu        sync.Mutex
	room      sync.Cond   // on mu: a slot is free, writing has ended, or closed
	slots     []*slot     // messages that are not settled, oldest first
	bytes     int         // what they take
	routed    int         // of slots, how many are passed on
	begin     []*slot     // to be given to the handler
	unacked   int         // of QoS 1 and 2, for the receive maximum
	held      []*slot     // whose turn has not come (rate.go)
	late      int         // of slots, how many were held and are not handled
	lateBytes int         // what they take
	hurried   bool        // nothing is held any more
	turn      *time.Timer // of the first of held, nil if there never was one
	replies   []byte      // whole packets to be written
	writing   bool        // there is a writing goroutine
	again     bool        // and it has to look again
	closed    bool        // nothing more is read, what is in replies is the last
	over      bool        // and nothing more is written
	failed    bool        // nothing more is acknowledged
	silent    bool        // no will
	cause     error
}

type will struct {
	message *message
	delay   time.Duration
}

// serve is the life of one connection.
func (b *Broker) serve(c *conn) {
	c.since = time.Now()
	c.room.L = &c.mu
	c.in = input{conn: c.nc, medium: b.medium, large: b.large, stop: b.stopping}
	err := c.login()
	if err == nil {
		b.log.Info("mqtt client connected", "account", c.account.ID, "remote", c.nc.RemoteAddr().String(), "listener", c.kind, "version", c.version)
		err = c.read()
		c.finish(err)
		b.metrics.connections.WithLabelValues(c.kind).Dec()
	}
	c.in.release()
	_ = c.nc.Close() // it is closed already, unless the login failed
	b.left(c)
}

// survive runs f, and turns a panic in it into an error.
func (c *conn) survive(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			c.broker.metrics.panics.Inc()
			c.broker.log.Error("mqtt connection panicked", "remote", c.nc.RemoteAddr().String(), "packet", hex.EncodeToString(c.in.head[:]), "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanicked, r)
		}
	}()
	return f()
}

// refusal is why a connection is not let in.
type refusal struct {
	label  string // of the metric
	reason packet.Reason
	text   string
}

func (r *refusal) Error() string { return r.text }

// login reads the CONNECT and answers it. Each refusal is counted and logged
// here.
func (c *conn) login() error {
	var p packet.Connect
	err := c.survive(func() error { return c.connect(&p) })
	if err == nil {
		return nil
	}
	label, text := refusedProtocol, err.Error()
	var refused *refusal
	var wrong *packet.Error
	answer := packet.Connack{}
	switch {
	case errors.As(err, &refused):
		label, answer.Reason = refused.label, refused.reason
	case errors.As(err, &wrong) && (p.Version == packet.V5 || wrong.Reason == packet.UnsupportedVersion):
		answer.Reason = wrong.Reason
	}
	if wrong != nil && wrong.Reason == packet.PacketTooLarge {
		c.broker.metrics.tooLarge.Inc()
	}
	c.broker.refuse(c.kind, label, c.nc.RemoteAddr(), string(p.User), text)
	if label == refusedCredentials {
		c.pause(c.broker.config.RefusalDelay)
	}
	if answer.Reason != packet.Success {
		v := packet.V311
		if p.Version == packet.V5 {
			v = packet.V5
			answer.Properties.SetData(packet.ReasonString, []byte(text))
		}
		_ = c.send(answer.Append(nil, v)) // it is refused, whether it hears or not
	}
	return err
}

// pause waits for d, or until the broker stops.
func (c *conn) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.broker.stopping:
	}
}

func (c *conn) connect(p *packet.Connect) error {
	b := c.broker
	if err := c.nc.SetReadDeadline(c.since.Add(loginTimeout)); err != nil {
		return err
	}
	if t, ok := c.nc.(*tls.Conn); ok {
		if err := t.HandshakeContext(b.ctx); err != nil {
			return err
		}
		state := t.ConnectionState()
		c.certificate = clientCertificate(&state)
	}
	_, body, err := c.in.next(0)
	if err != nil {
		return err
	}
	if err := p.Decode(body); err != nil {
		return err
	}
	if p.Properties.Has(packet.AuthenticationMethod) {
		return &refusal{refusedProtocol, packet.BadAuthenticationMethod, "enhanced authentication is not offered"}
	}
	for {
		if err := c.admit(p); !errors.Is(err, errRevoked) {
			return err
		}
	}
}

// admit logs the client in and gives it its session. It returns errRevoked if
// somebody's rights have changed meanwhile.
func (c *conn) admit(p *packet.Connect) error {
	b, client := c.broker, string(p.ClientID)
	asOf := b.revocations.Load()
	account, ok := b.login(Credentials{User: string(p.User), Secret: p.Password, Client: client, Certificate: c.certificate, Remote: remoteOf(c.nc)})
	if !ok || account.ID == "" {
		return &refusal{refusedCredentials, packet.BadUserOrPassword, "unknown user, or not their secret"}
	}
	answer := packet.Connack{}
	switch {
	case len(client) > 128:
		return &refusal{refusedClientID, packet.ClientIDNotValid, "client ID of more than 128 bytes"}
	case client == "" && p.Version == packet.V311 && !p.CleanStart:
		return &refusal{refusedClientID, packet.ClientIDNotValid, "a session to be kept without a client ID"}
	case client == "":
		client = "auto-" + rand.Text()
		answer.Properties.SetData(packet.AssignedClientID, []byte(client))
	}
	c.version, c.account = p.Version, account
	if err := c.setWill(p.Will); err != nil {
		return err
	}
	c.limits(p, &answer)
	return b.attach(c, client, p.CleanStart, asOf, func(present bool) {
		b.metrics.connections.WithLabelValues(c.kind).Inc() // before the client can know
		answer.SessionPresent = present
		c.reply(&answer)
	})
}

func (c *conn) setWill(w *packet.Will) error {
	if w == nil {
		return nil
	}
	topic := string(w.Topic)
	switch {
	case !ValidTopic(topic):
		return &refusal{refusedWill, packet.TopicNameInvalid, "the will's topic cannot be published on"}
	case !coveredByAny(c.account.Publish, topic):
		return &refusal{refusedWill, packet.NotAuthorized, "the will's topic is not one of the account's"}
	}
	m := &message{topic: topic, payload: slices.Clone(w.Payload), qos: w.QoS, retain: w.Retain, props: w.Properties.Forward(nil)}
	if w.Properties.Has(packet.MessageExpiry) {
		m.expires = time.Now().Add(seconds(w.Properties.Number(packet.MessageExpiry)))
	}
	c.will = &will{message: m, delay: seconds(w.Properties.Number(packet.WillDelay))}
	return nil
}

// wanted is how long the client wants its session to be kept.
func (c *conn) wanted(p *packet.Connect) time.Duration {
	switch {
	case p.Version == packet.V5:
		return seconds(p.Properties.Number(packet.SessionExpiry))
	case p.CleanStart:
		return 0
	}
	return forever
}

// forever is the session expiry interval that stands for no end.
const forever = 0xffffffff * time.Second

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }

// limits settles what either side may send to the other.
func (c *conn) limits(p *packet.Connect, answer *packet.Connack) {
	b, q := c.broker, &p.Properties
	c.keep = min(c.wanted(p), b.config.SessionKeep)
	if p.Version == packet.V5 && c.keep != c.wanted(p) {
		answer.Properties.SetNumber(packet.SessionExpiry, uint32(c.keep/time.Second))
	}
	c.sendWindow = min(int(q.NumberOr(packet.ReceiveMaximum, 0xffff)), sendWindow)
	c.peerPacket = int(q.Number(packet.MaximumPacketSize))
	c.aliasLimit = int(min(q.Number(packet.TopicAliasMaximum), topicAliases))
	c.problems = q.NumberOr(packet.RequestProblemInfo, 1) == 1
	keepAlive := time.Duration(p.KeepAlive) * time.Second
	if p.Version == packet.V5 {
		if limit := b.config.KeepAlive; keepAlive == 0 || keepAlive > limit {
			keepAlive = limit
			answer.Properties.SetNumber(packet.ServerKeepAlive, uint32(limit/time.Second))
		}
		answer.Properties.SetNumber(packet.ReceiveMaximum, uint32(b.config.Window))
		answer.Properties.SetNumber(packet.MaximumPacketSize, maxPacket)
		answer.Properties.SetNumber(packet.TopicAliasMaximum, topicAliases)
	}
	c.keepAlive = keepAlive
}

// topicAliases is how many of them either side may use.
const topicAliases = 16

// read takes one packet after the other until there are no more.
func (c *conn) read() error {
	var heard time.Time // what the deadline was set from
	for {
		if now := time.Now(); c.keepAlive == 0 {
			if heard.IsZero() || c.in.place != nil {
				if err := c.nc.SetReadDeadline(time.Time{}); err != nil {
					return err
				}
				heard = now
			}
		} else if now.Sub(heard) > c.keepAlive/16 || c.in.place != nil {
			if err := c.nc.SetReadDeadline(now.Add(c.keepAlive*3/2 + c.keepAlive/16)); err != nil {
				return err
			}
			heard = now
		}
		h, body, err := c.in.next(c.version)
		if err == nil {
			err = c.survive(func() error { return c.take(h, body) })
		}
		if err == nil && h.Length > lastBuffer {
			heard = time.Time{} // it had a deadline of its own
		}
		if err != nil {
			return c.explain(err)
		}
	}
}

// explain tells the client why it is let go of, where MQTT has a way to.
func (c *conn) explain(err error) error {
	var wrong *packet.Error
	switch {
	case errors.Is(err, errGoodbye):
		c.end(err, packet.Success)
	case errors.As(err, &wrong):
		if wrong.Reason == packet.PacketTooLarge {
			c.broker.metrics.tooLarge.Inc()
		}
		c.end(err, wrong.Reason)
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errKeepAlive
		c.end(err, packet.KeepAliveTimeout)
	case errors.Is(err, errPanicked):
		c.end(err, packet.ImplementationError)
	default:
		c.end(err, packet.Success)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// take deals with one packet. Packets are decoded further down, lest all of
// them be room on the stack below each PUBLISH.
func (c *conn) take(h packet.Header, body []byte) error {
	switch h.Type {
	case packet.PUBLISH:
		return c.takePublish(h.Flags, body)
	case packet.PUBACK, packet.PUBREC, packet.PUBCOMP:
		return c.takeAck(h.Type, body)
	case packet.PUBREL:
		return c.takeRelease(body)
	case packet.SUBSCRIBE:
		return c.subscribe(body)
	case packet.UNSUBSCRIBE:
		return c.unsubscribe(body)
	case packet.PINGREQ:
		if err := packet.DecodeEmpty(h.Type, body); err != nil {
			return err
		}
		if alive := c.broker.config.Alive; alive != nil {
			alive(c.session.account.ID)
		}
		c.queueReply(packet.AppendEmpty(nil, packet.PINGRESP))
		return nil
	case packet.DISCONNECT:
		return c.goodbye(body)
	}
	return &packet.Error{Reason: packet.ProtocolError, Text: h.Type.String() + " is not what a client sends here"}
}

func (c *conn) takeAck(t packet.Type, body []byte) error {
	var a packet.Ack
	if err := a.Decode(c.version, t, body); err != nil {
		return err
	}
	answer, err := c.session.acknowledge(c, &a)
	if answer != nil {
		c.reply(answer)
	}
	return err
}

func (c *conn) goodbye(body []byte) error {
	var p packet.Disconnect
	if err := p.Decode(c.version, body); err != nil {
		return err
	}
	if p.Properties.Has(packet.SessionExpiry) {
		keep := min(seconds(p.Properties.Number(packet.SessionExpiry)), c.broker.config.SessionKeep)
		if c.keep == 0 && keep > 0 {
			return &packet.Error{Reason: packet.ProtocolError, Text: "DISCONNECT: session expiry, and CONNECT had none"}
		}
		c.broker.keepFor(c, keep)
		c.keep = keep
	}
	if p.Reason == packet.Success {
		c.mu.Lock()
		c.will = nil
		c.mu.Unlock()
	}
	return errGoodbye
}

// finish is what happens when nothing more is read: the session goes on
// without the connection, messages under way are settled, and then the will.
func (c *conn) finish(err error) {
	b := c.broker
	b.detach(c)
	b.metrics.disconnects.WithLabelValues(causeLabel(err)).Inc()
	b.log.Info("mqtt client gone", "account", c.account.ID, "cause", err)
	c.mu.Lock()
	for len(c.slots) > 0 || c.writing {
		c.room.Wait()
	}
	c.over = true
	w := c.will
	if c.silent {
		w = nil
	}
	c.mu.Unlock()
	b.settled(c, w)
}

// causeLabel is why a connection ended, as a label of the metric.
func causeLabel(err error) string {
	var wrong *packet.Error
	switch {
	case errors.Is(err, errGoodbye):
		return "goodbye"
	case errors.Is(err, errKeepAlive):
		return "keep_alive"
	case errors.Is(err, errStuck):
		return "stuck"
	case errors.Is(err, errTakenOver):
		return "taken_over"
	case errors.Is(err, errPanicked):
		return "panic"
	case errors.Is(err, errUnkept):
		return "unkept"
	case errors.As(err, &wrong):
		return "protocol"
	case errors.Is(err, errEnded), errors.Is(err, context.Canceled):
		return "gateway"
	case errors.Is(err, io.EOF), err != nil:
		return "network"
	}
	return "network"
}
