package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/prometheus/client_golang/prometheus"
)

// Client hears messages through an external broker. It is a [devices.Driver].
type Client struct {
	config  ClientConfig
	tls     *tls.Config
	address string
	handle  Handler
	log     *slog.Logger
	metrics *clientMetrics

	mu      sync.Mutex
	link    paho.Client // nil while not connected
	packets *packetIDs  // of the session that the broker keeps for us
}

// NewClient checks the configuration and reads the files that it names. It
// connects when Run is called.
func NewClient(config ClientConfig, handle Handler, log *slog.Logger, metrics prometheus.Registerer) (*Client, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("mqtt: %w", err)
	}
	config = config.withDefaults()
	t, err := config.tls()
	if err != nil {
		return nil, fmt.Errorf("mqtt: %w", err)
	}
	address, err := config.address()
	if err != nil {
		return nil, fmt.Errorf("mqtt: %w", err)
	}
	return &Client{config: config, tls: t, address: address, handle: handle, log: log, metrics: newClientMetrics(metrics), packets: newPacketIDs()}, nil
}

// Run connects, and connects again whenever the connection is lost, until ctx
// ends. Then it gives the messages that are with the handler Grace to be
// acknowledged; what is not will be delivered to the next Run. It returns
// nil. It can be called once.
func (c *Client) Run(ctx context.Context) error {
	handling, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	var unsettled []<-chan struct{} // what earlier links left with the handler
	defer func() {
		giveUp()
		for _, settled := range unsettled {
			<-settled
		}
	}()
	wait := c.config.RetryMin
	for {
		l := newLink(c, handling)
		err := l.run(ctx)
		unsettled = append(slices.DeleteFunc(unsettled, isClosed), l.pipe.settled())
		if ctx.Err() != nil {
			return nil
		}
		if l.useful() {
			wait = c.config.RetryMin
		}
		pause := wait/2 + rand.N(wait/2+1)
		wait = min(2*wait, c.config.RetryMax)
		c.log.Warn("mqtt connection lost; will connect again", "broker", c.address, "error", err, "wait", pause)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// Publish sends a message and, with qos 1 or 2, waits until the broker has
// acknowledged it. After an error other than [ErrNotConnected] or [ErrTopic]
// nothing is known of the message. Nothing is queued while there is no
// connection.
func (c *Client) Publish(ctx context.Context, topic string, payload []byte, qos byte, retain bool) error {
	if !ValidTopic(topic) {
		return fmt.Errorf("%w: %q", ErrTopic, topic)
	}
	c.mu.Lock()
	link := c.link
	c.mu.Unlock()
	if link == nil || !link.IsConnectionOpen() {
		return ErrNotConnected
	}
	return await(ctx, link.Publish(topic, min(qos, 2), retain, payload))
}

// Connected tells whether the broker hears us, and sends what we have
// subscribed to.
func (c *Client) Connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link != nil && c.link.IsConnectionOpen()
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (c *Client) session() *packetIDs {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.packets
}

func (c *Client) newSession() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.packets = newPacketIDs()
}

func (c *Client) setLink(l paho.Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = l
	if l == nil {
		c.metrics.connected.Set(0)
	} else {
		c.metrics.connected.Set(1)
	}
}

// await waits for what paho does in the background.
func await(ctx context.Context, t paho.Token) error {
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// awaitFor is await with a time limit, and says what took too long.
func awaitFor(ctx context.Context, t paho.Token, limit time.Duration, what string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errors.New("no answer"))
	defer cancel()
	if err := await(ctx, t); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
