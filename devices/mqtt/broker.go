package mqtt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

// BrokerConfig says where the embedded broker listens and how much it takes.
// The zero value of each limit means its default.
type BrokerConfig struct {
	// Listeners are the ways in; at least one.
	Listeners []Listener
	// File is where sessions and retained messages are kept; "" keeps them in
	// memory only.
	File string
	// Connections at once; default 8192. Of those, a quarter may be waiting
	// for their login.
	Connections int
	// Window is how many messages of one connection may be unsettled at once;
	// default 1024. It is the receive maximum of MQTT 5.
	Window int
	// UnsettledBytes is how much of all connections together may be unsettled
	// at once; default 16 MiB. Beyond it who has more than 8 KiB of them is
	// not read on until there is room, but for calls for help. A message that
	// is larger than half of it waits for that half.
	UnsettledBytes int
	// Sessions that one account may have, connected or kept; default 8. Of
	// those not connected, the one longest gone makes room.
	Sessions int
	// SessionKeep is how long a session is kept at most after its client has
	// gone; default 30 days.
	SessionKeep time.Duration
	// Subscriptions that one session may have; default 256.
	Subscriptions int
	// QueueMessages and QueueBytes may wait for one client; defaults 1000 and
	// 1 MiB. TotalBytes may wait for all; default 16 MiB. What comes then for
	// that client is dropped and counted.
	QueueMessages, QueueBytes, TotalBytes int
	// RetainedBytes that all retained messages may take together; default
	// 16 MiB. What does not fit is passed on but not retained.
	RetainedBytes int
	// KeepAlive is the longest that a client of MQTT 5 gets; default 1 h.
	KeepAlive time.Duration
	// RefusalDelay is how long a wrong login waits for its answer; default
	// 1 s.
	RefusalDelay time.Duration
	// Alive is told the account of a client that has sent a ping. It must
	// return at once, and may be nil.
	Alive func(account string)
	// Urgent tells whether a message of a client that sends more than its
	// rate must not wait. It must change nothing, and may be nil for none.
	Urgent func(m devices.Message) bool
	// Grace is how long messages that are with the handler may take to be
	// acknowledged once Run is to end; default 3 s.
	Grace time.Duration
}

func (c BrokerConfig) withDefaults() BrokerConfig {
	for v, d := range map[*int]int{
		&c.Connections: 8192, &c.Window: 1024, &c.Sessions: 8, &c.Subscriptions: 256, &c.QueueMessages: 1000, &c.QueueBytes: 1 << 20,
		&c.TotalBytes: 16 << 20, &c.UnsettledBytes: 16 << 20, &c.RetainedBytes: 16 << 20,
	} {
		if *v == 0 {
			*v = d
		}
	}
	for v, d := range map[*time.Duration]time.Duration{
		&c.SessionKeep: 30 * 24 * time.Hour, &c.KeepAlive: time.Hour, &c.RefusalDelay: time.Second, &c.Grace: 3 * time.Second,
	} {
		if *v == 0 {
			*v = d
		}
	}
	return c
}

// Validate says what is wrong with c, naming the key.
func (c BrokerConfig) Validate() error {
	if len(c.Listeners) == 0 {
		return errors.New("listen: missing")
	}
	for _, l := range c.Listeners {
		if err := l.validate(); err != nil {
			return err
		}
	}
	for key, v := range map[string]int{
		"connections": c.Connections, "window": c.Window, "unsettled_bytes": c.UnsettledBytes, "sessions": c.Sessions, "subscriptions": c.Subscriptions, "queue_messages": c.QueueMessages,
		"queue_bytes": c.QueueBytes, "total_bytes": c.TotalBytes, "retained_bytes": c.RetainedBytes,
	} {
		if v < 0 {
			return fmt.Errorf("%s: must not be negative (got %d)", key, v)
		}
	}
	for key, v := range map[string]time.Duration{"session_keep": c.SessionKeep, "keep_alive": c.KeepAlive, "refusal_delay": c.RefusalDelay, "grace": c.Grace} {
		if v < 0 {
			return fmt.Errorf("%s: must not be negative (got %v)", key, v)
		}
	}
	return nil
}

// Broker is an MQTT 3.1.1 and 5 broker inside the process. It is a
// [devices.Driver].
type Broker struct {
	config    BrokerConfig
	login     Login
	handle    Handler
	log       *slog.Logger
	metrics   *brokerMetrics
	listeners []net.Listener // as configured
	store     *store         // nil if nothing is kept on disk
	router    *router
	medium    chan struct{}
	large     chan struct{}
	unsettled unsettled

	ctx      context.Context // what the handler is called with; set by Run
	closing  chan struct{}   // closed when no more messages are taken
	stopping chan struct{}   // closed when all that is left is to end
	running  atomic.Bool
	late     atomic.Bool // Grace is over
	conns    sync.WaitGroup

	started     time.Time
	received    atomic.Uint64 // messages
	queuedBytes atomic.Int64  // of all sessions
	revocations atomic.Uint64 // so often rights have changed; rises under mu
	// retaining keeps retained messages in one order, in memory and on disk,
	// and apart from new subscriptions, so that these get each once. It is
	// taken before all other locks.
	retaining sync.Mutex

	mu        sync.Mutex
	open      map[*conn]struct{}
	pending   int  // of open, not logged in
	stopped   bool // nothing new is begun
	sessions  map[string]*session
	byAccount map[string]map[*session]struct{}
	buckets   map[string]*bucket // by account
	nextID    uint64
}

// NewBroker listens at once, so that a port in use is known before anything
// else is started, and serves when Run is called.
func NewBroker(config BrokerConfig, login Login, handle Handler, log *slog.Logger, metrics prometheus.Registerer) (*Broker, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	b := &Broker{
		config: config, login: login, handle: handle, log: log, router: newRouter(config.RetainedBytes), medium: make(chan struct{}, mediumAtOnce), large: make(chan struct{}, largeAtOnce),
		unsettled: unsettled{limit: int64(config.UnsettledBytes), waiting: map[*conn]struct{}{}},
		closing:   make(chan struct{}), stopping: make(chan struct{}), open: map[*conn]struct{}{}, sessions: map[string]*session{},
		byAccount: map[string]map[*session]struct{}{}, buckets: map[string]*bucket{},
	}
	for _, l := range config.Listeners {
		opened, err := l.open(config.Connections)
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
		b.listeners = append(b.listeners, opened)
	}
	if config.File != "" {
		store, kept, err := openStore(config.File, log)
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
		b.store = store
		b.restore(kept)
	}
	b.metrics = newBrokerMetrics(metrics, b)
	return b, nil
}

// restore takes over what was kept. The time that sessions are kept begins
// anew: how long the box was off, nobody knows for certain.
func (b *Broker) restore(k *kept) {
	for _, s := range k.sessions {
		s.broker = b
		b.nextID = max(b.nextID, s.id)
		b.queuedBytes.Add(int64(s.bytes))
		b.register(s)
		for _, sub := range s.subs {
			b.router.add(sub)
		}
	}
	for _, m := range k.retained {
		b.router.retain(m)
	}
}

// Addrs is where the broker listens, in the order of its Listeners.
func (b *Broker) Addrs() []net.Addr {
	all := make([]net.Addr, len(b.listeners))
	for i, l := range b.listeners {
		all[i] = l.Addr()
	}
	return all
}

// Close gives up the ports and the file of a broker that was never run.
func (b *Broker) Close() error {
	errs := []error{b.closeListeners()}
	if b.store != nil && !b.running.Load() && b.ctx == nil {
		errs = append(errs, b.store.close(false))
	}
	return errors.Join(errs...)
}

func (b *Broker) closeListeners() error {
	var errs []error
	for _, l := range b.listeners {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Run serves until ctx ends. Then it takes nothing new, gives the messages
// that are with the handler Grace to be acknowledged, and closes every
// connection, sending no wills. It returns nil when all of that went well.
// It can be called once.
func (b *Broker) Run(ctx context.Context) error {
	handling, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	b.ctx, b.started = handling, time.Now()
	if b.store != nil {
		go b.store.run() // stop waits for it
	}
	b.running.Store(true)
	b.awaken()

	g, serving := errgroup.WithContext(ctx)
	for i, l := range b.listeners {
		c := b.config.Listeners[i]
		b.log.Info("mqtt broker listens", "address", l.Addr().String(), "listener", c.kind())
		if c.WebSocket {
			g.Go(func() error { return b.acceptWebSockets(l, c.kind()) })
		} else {
			g.Go(func() error { return b.accept(l, c.kind()) })
		}
	}
	g.Go(func() error { return b.tend(serving) })
	g.Go(func() error {
		<-serving.Done()
		return b.closeListeners()
	})
	err := g.Wait()

	if !b.drain() {
		b.log.Warn("mqtt broker stops with messages unacknowledged; they will be delivered again")
	}
	giveUp()
	return errors.Join(err, b.stop())
}

// drain stops taking messages, and waits at most Grace for those taken to be
// settled. It tells whether they were.
func (b *Broker) drain() bool {
	close(b.closing)
	conns := b.current()
	for _, c := range conns {
		c.mu.Lock()
		c.hurry()
		login := c.session == nil // and nothing to be written
		c.mu.Unlock()
		if !login {
			c.kick()
		}
	}
	timer := time.AfterFunc(b.config.Grace, func() {
		b.late.Store(true)
		for _, c := range conns {
			c.mu.Lock()
			c.room.Broadcast()
			c.mu.Unlock()
		}
	})
	defer timer.Stop()
	for _, c := range conns {
		c.mu.Lock()
		for len(c.slots) > 0 && !b.late.Load() {
			c.room.Wait()
		}
		c.mu.Unlock()
	}
	return !b.late.Load()
}

// stop closes all connections and waits until nothing of the broker runs any
// more. The context of the handler must have ended.
func (b *Broker) stop() error {
	b.running.Store(false)
	close(b.stopping)
	b.mu.Lock()
	b.stopped = true
	for _, s := range b.sessions {
		s.mu.Lock()
		stopTimers(s)
		s.mu.Unlock()
	}
	b.mu.Unlock()
	for _, c := range b.current() {
		c.mu.Lock()
		c.silent = true
		login := c.session == nil
		c.mu.Unlock()
		if login {
			_ = c.nc.Close() // it is being given up
			continue
		}
		c.end(errEnded, packet.ServerShuttingDown)
	}
	b.conns.Wait()
	if b.store == nil {
		return nil
	}
	return b.store.close(true)
}

func (b *Broker) current() []*conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.open))
}

// Publish sends a message to whoever subscribed. It returns once the broker
// has taken it on, on disk where a session is kept; that is no word of any
// device. qos is 0, 1 or 2.
func (b *Broker) Publish(ctx context.Context, topic string, payload []byte, qos byte, retain bool) error {
	if !ValidTopic(topic) {
		return fmt.Errorf("%w: %q", ErrTopic, topic)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !b.running.Load() {
		return ErrNotConnected
	}
	done := make(chan error, 1)
	b.route(&message{topic: topic, payload: slices.Clone(payload), qos: min(qos, 2), retain: retain}, nil, func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Disconnect ends every connection and session of an account: after its
// secret was revoked, or its rights have changed. The device may log in again
// if Login still lets it.
func (b *Broker) Disconnect(account string) {
	b.mu.Lock()
	b.revocations.Add(1)
	all := slices.Collect(maps.Keys(b.byAccount[account]))
	b.mu.Unlock()
	for _, s := range all {
		s.mu.Lock()
		c := s.conn
		s.mu.Unlock()
		if c != nil {
			c.mu.Lock()
			c.silent = true
			c.mu.Unlock()
			c.end(errEnded, packet.AdministrativeAction)
		}
		b.forget(s)
	}
}

// route gives m to all who are to get it, and calls done when it is on disk
// where it has to be, together with the changes in also. m may be nil.
func (b *Broker) route(m *message, also []change, done func(error)) {
	type held struct {
		s *session
		d *delivery
	}
	var waiting []held
	changes := also
	if m != nil && m.retain {
		b.retaining.Lock()
		defer b.retaining.Unlock()
	}
	if m != nil {
		for _, t := range b.router.match(m) {
			if d, write := t.session.offer(m, t); write != nil {
				waiting = append(waiting, held{t.session, d})
				changes = append(changes, write)
			}
		}
	}
	if m != nil && m.retain {
		if !b.router.retain(m) {
			b.log.Warn("mqtt message not retained: no room", "limit", b.config.RetainedBytes)
		} else if b.store != nil {
			changes = append(changes, putRetained(m))
		}
	}
	b.commit(changes, func(err error) {
		for _, h := range waiting {
			h.s.release(h.d, err)
		}
		done(err)
	})
}

// commit puts changes on disk if there are any.
func (b *Broker) commit(changes []change, done func(error)) {
	if len(changes) == 0 || b.store == nil {
		done(nil)
		return
	}
	b.store.write(changes, done)
}

// sendRetained sends what was retained to a new subscription.
func (b *Broker) sendRetained(sub *subscription, kept []*message) {
	if strings.HasPrefix(sub.filter, "$") {
		b.sendStatus(sub)
	}
	for _, m := range kept {
		t := target{session: sub.session, qos: min(sub.qos, m.qos), retain: true, kept: true}
		if sub.id != 0 {
			t.ids = []uint32{sub.id}
		}
		if d, write := sub.session.offer(m, t); write != nil {
			b.store.write([]change{write}, func(err error) { sub.session.release(d, err) })
		}
	}
}

// tend does what is due from time to time, until ctx ends.
func (b *Broker) tend(ctx context.Context) error {
	tick := time.NewTicker(statusInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			b.forgetRetained(now)
			b.emptyBuckets(now)
			b.publishStatus()
		}
	}
}

// forgetRetained lets go of retained messages that have expired.
func (b *Broker) forgetRetained(now time.Time) {
	b.retaining.Lock() // or one that was renewed meanwhile would be gone from the disk
	defer b.retaining.Unlock()
	for _, m := range b.router.expireRetained(now) {
		if b.store != nil {
			b.store.later(remove(retainedBucket, []byte(m.topic)))
		}
	}
}
