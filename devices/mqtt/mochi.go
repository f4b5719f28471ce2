package mqtt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/linli-edge/gateway/devices"
)

// engine is mochi's server with everything that it has to be guarded from.
type engine struct {
	config  BrokerConfig
	login   Login
	handle  Handler
	log     *slog.Logger
	metrics *brokerMetrics
	server  *mochi.Server

	ctx     context.Context // what the handler is called with; set by start
	closing chan struct{}   // closed by drain
	running atomic.Bool
	conns   sync.WaitGroup
	large   chan struct{}

	retained retainedSizes

	mu       sync.Mutex
	open     map[*conn]struct{}
	pending  int                 // of open, not logged in
	sessions map[string]*session // by key; kept while mochi keeps the MQTT session
}

func newEngine(config BrokerConfig, login Login, handle Handler, log *slog.Logger, metrics *brokerMetrics) (*engine, error) {
	limits := mochi.NewDefaultServerCapabilities()
	limits.MaximumMessageExpiryInterval = 0
	limits.MaximumPacketSize = maxPacket + 5
	limits.MaximumClientWritesPending = 256
	limits.MaximumInflight = 256
	limits.TopicAliasMaximum = 0
	limits.Compatibilities.NoInheritedPropertiesOnAck = true
	e := &engine{
		config: config, login: login, handle: handle, log: log, metrics: metrics,
		server: mochi.New(&mochi.Options{
			Capabilities:            limits,
			ClientNetReadBufferSize: 256,                           // conn has a buffer of its own
			Logger:                  slog.New(slog.DiscardHandler), // it would log payloads
			SysTopicResendInterval:  math.MaxInt32,
			InlineClient:            true,
		}),
		closing:  make(chan struct{}),
		large:    make(chan struct{}, largeAtOnce),
		retained: retainedSizes{bytes: map[string]int{}, limit: config.RetainedBytes},
		open:     map[*conn]struct{}{},
		sessions: map[string]*session{},
	}
	if err := e.server.AddHook(&hook{engine: e}, nil); err != nil {
		return nil, fmt.Errorf("mqtt: %w", err)
	}
	return e, nil
}

func (e *engine) start(ctx context.Context) error {
	e.ctx = ctx
	if err := e.server.Serve(); err != nil {
		return fmt.Errorf("mqtt: %w", err)
	}
	e.running.Store(true)
	return nil
}

func (e *engine) publish(topic string, payload []byte, qos byte, retain bool) error {
	if !e.running.Load() {
		return ErrNotConnected
	}
	return e.server.Publish(topic, payload, retain, min(qos, 2))
}

// drain stops taking messages, and waits at most grace for those taken to be
// settled. It tells whether they were.
func (e *engine) drain(grace time.Duration) bool {
	close(e.closing)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	for _, s := range e.current() {
		select {
		case <-s.pipe.settled():
		case <-timer.C:
			return false
		}
	}
	return true
}

// stop closes all connections and waits until nothing of the broker runs any
// more. The context given to start must have ended.
func (e *engine) stop() error {
	e.running.Store(false)
	for _, s := range e.current() {
		e.end(s, packets.ErrServerShuttingDown)
	}
	e.mu.Lock()
	for c := range e.open {
		_ = c.Close() // it is being given up: whatever is wrong with it no longer matters
	}
	e.mu.Unlock()
	e.conns.Wait()
	return e.server.Close()
}

// end closes the connection of s, if it has one, for a reason of ours: no
// will is sent. Only MQTT 5 can be told why.
func (e *engine) end(s *session, why packets.Code) {
	s.silent.Store(true)
	if s.client.Properties.ProtocolVersion == 5 {
		_ = e.server.DisconnectClient(s.client, why) // returns why
	}
	s.client.Stop(why)
}

func (e *engine) disconnect(account string) {
	for _, s := range e.current() {
		if s.account.ID == account {
			e.end(s, packets.ErrAdministrativeAction)
			e.forget(s)
		}
	}
}

// forget drops the MQTT session of s: subscriptions and what waits for it.
func (e *engine) forget(s *session) {
	e.mu.Lock()
	if e.sessions[s.key] == s {
		delete(e.sessions, s.key)
	}
	e.mu.Unlock()
	if now, ok := e.server.Clients.Get(s.key); ok && now == s.client {
		now.ClearInflights()
		e.server.UnsubscribeClient(now)
		e.server.Clients.Delete(s.key)
	}
}

func (e *engine) current() []*session {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]*session, 0, len(e.sessions))
	for _, s := range e.sessions {
		all = append(all, s)
	}
	return all
}

// admit finds out who wants to log in, and returns their session, or the
// reason for refusing it.
func (e *engine) admit(cl *mochi.Client, pk packets.Packet) (s *session, refused string) {
	c := cl.Net.Conn.(*conn)
	account, ok := e.login(Credentials{
		User: string(pk.Connect.Username), Secret: pk.Connect.Password, Client: cl.ID, Certificate: c.certificate, Remote: remoteOf(c),
	})
	if !ok || account.ID == "" {
		return nil, refusedCredentials
	}
	if len(cl.ID) > 128 {
		return nil, refusedClientID
	}
	s = &session{
		key: account.ID + "/" + cl.ID, account: account,
		client: cl, conn: c, packets: newPacketIDs(), ended: make(chan struct{}),
	}
	if w := cl.Properties.Will; pk.Connect.WillFlag {
		if !ValidTopic(w.TopicName) || !coveredByAny(account.Publish, w.TopicName) {
			return nil, refusedWill
		}
		s.will = &will{topic: w.TopicName, payload: w.Payload, qos: w.Qos, retain: w.Retain}
	}
	if !e.makeRoom(s) {
		return nil, refusedSessions
	}
	s.pipe = newPipeline(e.ctx, e.config.Window, func(err error) { e.failed(s, err) })
	return s, ""
}

// makeRoom sees to it that an account has no more sessions than it may have.
func (e *engine) makeRoom(s *session) bool {
	e.mu.Lock()
	count := 0
	var oldest *session
	for key, other := range e.sessions {
		if other.account.ID != s.account.ID || key == s.key {
			continue
		}
		count++
		if !other.gone.IsZero() && (oldest == nil || other.gone.Before(oldest.gone)) {
			oldest = other
		}
	}
	e.mu.Unlock()
	if count < e.config.Sessions {
		return true
	}
	if oldest == nil {
		return false
	}
	e.forget(oldest)
	return true
}

// begin makes s the session of its key. An earlier connection of the same key
// is ended and waited for, because mochi would let the two clean up after
// each other.
func (e *engine) begin(s *session, clean bool) {
	e.mu.Lock()
	earlier := e.sessions[s.key]
	e.sessions[s.key] = s
	e.pending--
	e.mu.Unlock()
	s.conn.login = true
	e.metrics.connections.Inc()
	if earlier == nil {
		return
	}
	e.end(earlier, packets.ErrSessionTakenOver)
	select {
	case <-earlier.ended:
	case <-s.conn.closed:
	}
	if !clean {
		s.packets = earlier.packets
	}
}

// failed drops the connection of s without the acknowledgement that the
// message would have had.
func (e *engine) failed(s *session, err error) {
	switch {
	case errors.Is(err, errUnanswered): // what ends the connection is logged when it has ended
	case errors.Is(err, errPanicked):
		s.silent.Store(true)
		e.metrics.panics.Inc()
		e.log.Error("mqtt message panicked; connection dropped without acknowledgement", "account", s.account.ID, "error", err)
	default:
		s.silent.Store(true)
		e.log.Warn("mqtt message failed; connection dropped without acknowledgement", "account", s.account.ID, "error", err)
	}
	s.client.Stop(err)
}

// errUnanswered is wrapped when an acknowledgement could not be written.
var errUnanswered = errors.New("acknowledgement not written")

// deliver calls the handler and counts.
func (e *engine) deliver(ctx context.Context, m devices.Message, repeats bool) error {
	err := e.handle.wait(ctx, m)
	switch {
	case err == nil:
		e.metrics.messages.WithLabelValues(resultHandled).Inc()
	case repeats:
		e.metrics.messages.WithLabelValues(resultFailed).Inc()
	default:
		e.metrics.messages.WithLabelValues(resultLost).Inc()
	}
	return err
}

// sendWill tells the handler and whoever subscribed that the client has gone.
func (e *engine) sendWill(s *session) {
	m := devices.Message{Client: s.account.ID, Topic: s.will.topic, Payload: s.will.payload}
	err := guarded(func() error { return e.deliver(e.ctx, m, false) })
	if err == nil {
		err = e.publish(s.will.topic, s.will.payload, s.will.qos, s.will.retain)
	}
	if err != nil {
		e.log.Warn("mqtt will lost", "account", s.account.ID, "error", err)
	}
}

// leave lets s go: what the next connection of its key may not find is
// dropped, and that one no longer waits. It tells whether the client said
// goodbye.
func (e *engine) leave(s *session) (saidGoodbye bool) {
	e.mu.Lock()
	s.gone = time.Now()
	e.mu.Unlock()
	p := s.client.Properties
	expires := p.ProtocolVersion < 5 && p.Clean || p.ProtocolVersion == 5 && p.Props.SessionExpiryInterval == 0
	if now, ok := e.server.Clients.Get(s.key); expires || !ok || now != s.client {
		e.forget(s)
	}
	close(s.ended)
	return errors.Is(s.client.StopCause(), packets.CodeDisconnect)
}

// subscribed ends what a subscription kept waiting.
func (e *engine) subscribed(s *session) {
	if s.subscribing {
		s.subscribing = false
		e.retained.mu.RUnlock()
	}
}

// refuse counts a refused connection and logs it.
func (e *engine) refuse(reason string, remote net.Addr, user string) {
	e.metrics.refused.WithLabelValues(reason).Inc()
	e.log.Warn("mqtt connection refused", "reason", reason, "remote", remote.String(), "user", fmt.Sprintf("%.64q", user))
}
