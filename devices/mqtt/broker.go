package mqtt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

// BrokerConfig says where the embedded broker listens and how much it takes.
// The zero value of each limit means its default.
type BrokerConfig struct {
	// Listeners are the ways in; at least one.
	Listeners []Listener
	// Connections at once; default 1024. Of those, a quarter may be waiting
	// for their login.
	Connections int
	// Window is how many messages of one connection may be with the handler
	// at once; default 64.
	Window int
	// Sessions that one account may have, connected or kept; default 8. Of
	// those not connected, the one longest gone makes room.
	Sessions int
	// RetainedBytes that all retained messages may take together; default
	// 16 MiB. What does not fit is passed on but not retained.
	RetainedBytes int
	// RefusalDelay is how long a wrong login waits for its answer; default
	// 1 s.
	RefusalDelay time.Duration
	// Grace is how long messages that are with the handler may take to be
	// acknowledged once Run is to end; default 3 s.
	Grace time.Duration
}

func (c BrokerConfig) withDefaults() BrokerConfig {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&c.Connections, 1024)
	set(&c.Window, 64)
	set(&c.Sessions, 8)
	set(&c.RetainedBytes, 16<<20)
	if c.RefusalDelay == 0 {
		c.RefusalDelay = time.Second
	}
	if c.Grace == 0 {
		c.Grace = 3 * time.Second
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
	for key, v := range map[string]int{"connections": c.Connections, "window": c.Window, "sessions": c.Sessions, "retained_bytes": c.RetainedBytes} {
		if v < 0 {
			return fmt.Errorf("%s: must not be negative (got %d)", key, v)
		}
	}
	for key, v := range map[string]time.Duration{"refusal_delay": c.RefusalDelay, "grace": c.Grace} {
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
	log       *slog.Logger
	listeners []net.Listener // as configured
	engine    *engine
}

// NewBroker listens at once, so that a port in use is known before anything
// else is started, and serves when Run is called.
func NewBroker(config BrokerConfig, login Login, handle Handler, log *slog.Logger, metrics prometheus.Registerer) (*Broker, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	b := &Broker{config: config, log: log}
	for _, l := range config.Listeners {
		opened, err := l.open()
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
		b.listeners = append(b.listeners, opened)
	}
	e, err := newEngine(config, login, handle, log, newBrokerMetrics(metrics))
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	b.engine = e
	return b, nil
}

// Addrs is where the broker listens, in the order of its Listeners.
func (b *Broker) Addrs() []net.Addr {
	all := make([]net.Addr, len(b.listeners))
	for i, l := range b.listeners {
		all[i] = l.Addr()
	}
	return all
}

// Close gives up the ports of a broker that was never run.
func (b *Broker) Close() error {
	var errs []error
	for _, l := range b.listeners {
		errs = append(errs, l.Close())
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
	if err := b.engine.start(handling); err != nil {
		return errors.Join(err, b.Close())
	}
	g, serving := errgroup.WithContext(ctx)
	for i, l := range b.listeners {
		c := b.config.Listeners[i]
		b.log.Info("mqtt broker listens", "address", l.Addr().String(), "tls", c.TLS != nil, "websocket", c.WebSocket)
		if c.WebSocket {
			g.Go(func() error { return b.engine.acceptWebSockets(l) })
		} else {
			g.Go(func() error { return b.engine.accept(l) })
		}
	}
	g.Go(func() error {
		<-serving.Done()
		return b.Close()
	})
	err := g.Wait()

	if !b.engine.drain(b.config.Grace) {
		b.log.Warn("mqtt broker stops with messages unacknowledged; they will be delivered again")
	}
	giveUp()
	return errors.Join(err, b.engine.stop())
}

// Publish sends a message to whoever subscribed. It returns once the broker
// has taken it on; that is no word of any device. qos is 0, 1 or 2.
func (b *Broker) Publish(ctx context.Context, topic string, payload []byte, qos byte, retain bool) error {
	if !ValidTopic(topic) {
		return fmt.Errorf("%w: %q", ErrTopic, topic)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.engine.publish(topic, payload, qos, retain)
}

// Disconnect ends every connection and session of an account: after its
// secret was revoked, or its rights have changed. The device may log in again
// if Login still lets it.
func (b *Broker) Disconnect(account string) { b.engine.disconnect(account) }
