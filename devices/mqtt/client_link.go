package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync/atomic"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/linli-edge/gateway/devices"
)

const (
	connectTimeout = 10 * time.Second
	linkWrite      = 5 * time.Second
	// lastWords is how long the broker may take to hear that we leave.
	lastWords = 500 * time.Millisecond
)

var (
	online  = []byte(`{"state":"online"}`)
	offline = []byte(`{"state":"offline"}`)
)

// Errors that end a link.
var (
	errStopping = errors.New("gateway stops")
	errRefused  = errors.New("subscription refused")
)

// link is one connection to the external broker, from dialling to its end. It
// never comes back: the next connection is another link.
type link struct {
	client  *Client
	paho    paho.Client
	ctx     context.Context // ends with the connection, for the reason that ended it
	end     context.CancelCauseFunc
	pipe    *pipeline
	leaving chan struct{} // closed when nothing new is taken
	acked   atomic.Bool   // something was acknowledged, so the link is of use
}

func newLink(c *Client, handling context.Context) *link {
	l := &link{client: c, leaving: make(chan struct{})}
	l.ctx, l.end = context.WithCancelCause(handling)
	l.pipe = newPipeline(handling, c.config.Window, func(err error) { l.end(fmt.Errorf("message not acknowledged: %w", err)) })

	o := paho.NewClientOptions()
	o.AddBroker(c.config.URL)
	o.SetClientID(c.config.ClientID)
	o.SetUsername(c.config.User)
	o.SetPassword(c.config.Secret)
	o.SetProtocolVersion(4)
	o.SetCleanSession(false)
	o.SetAutoReconnect(false)
	o.SetConnectRetry(false)
	o.SetConnectTimeout(connectTimeout)
	o.SetKeepAlive(c.config.Heartbeat)
	o.SetPingTimeout(c.config.HeartbeatTimeout)
	o.SetOrderMatters(true)
	o.SetAutoAckDisabled(true)
	o.SetDefaultPublishHandler(l.take)
	o.SetBinaryWill(c.config.StatusTopic, offline, 1, true)
	o.SetCustomOpenConnectionFn(l.dial)
	o.SetConnectionLostHandler(func(_ paho.Client, err error) { l.end(err) })
	l.paho = paho.NewClient(o)
	return l
}

func (l *link) useful() bool { return l.acked.Load() }

// run connects, subscribes and keeps the link until it is lost or ctx ends.
func (l *link) run(ctx context.Context) error {
	c := l.client
	c.metrics.attempts.Inc()
	interrupt := context.AfterFunc(ctx, func() { l.end(errStopping) })
	err := l.open()
	interrupt() // from now on, stopping takes its time
	if err == nil {
		c.setLink(l.paho)
		c.log.Info("mqtt connected", "broker", c.address)
		err = l.keep(ctx)
		c.setLink(nil)
	}
	l.close(ctx.Err() != nil)
	return err
}

func (l *link) open() error {
	c := l.client
	connecting := l.paho.Connect()
	if err := awaitFor(l.ctx, connecting, connectTimeout+time.Second, "connect"); err != nil {
		return err
	}
	if t, ok := connecting.(*paho.ConnectToken); ok && !t.SessionPresent() {
		c.newSession() // nothing of an earlier one can come again
	}
	filters := make(map[string]byte, len(c.config.Topics))
	for _, t := range c.config.Topics {
		filters[t] = 1
	}
	subscribing := l.paho.SubscribeMultiple(filters, nil)
	if err := awaitFor(l.ctx, subscribing, c.config.HeartbeatTimeout, "subscribe"); err != nil {
		return err
	}
	if t, ok := subscribing.(*paho.SubscribeToken); ok {
		for filter, granted := range t.Result() {
			if granted > 2 {
				return fmt.Errorf("%w: %s", errRefused, filter)
			}
		}
	}
	return l.beat()
}

// beat says that the gateway is there, and finds out whether the broker is.
func (l *link) beat() error {
	c := l.client.config
	return awaitFor(l.ctx, l.paho.Publish(c.StatusTopic, 1, true, online), c.HeartbeatTimeout, "heartbeat")
}

// keep returns why the link ended.
func (l *link) keep(ctx context.Context) error {
	ticker := time.NewTicker(l.client.config.Heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		case <-ctx.Done():
			return errStopping
		case <-ticker.C:
			if err := l.beat(); err != nil {
				l.end(err)
			}
		}
	}
}

// close ends the link. If the gateway stops, what is with the handler may
// still be acknowledged, and the broker is told that we leave.
func (l *link) close(stopping bool) {
	close(l.leaving)
	if stopping {
		timer := time.NewTimer(l.client.config.Grace)
		defer timer.Stop()
		select {
		case <-l.pipe.settled():
		case <-timer.C:
			l.client.log.Warn("mqtt stops with messages unacknowledged; they will be delivered again")
		}
		if l.paho.IsConnectionOpen() {
			t := l.paho.Publish(l.client.config.StatusTopic, 1, true, offline)
			t.WaitTimeout(lastWords) // as good as it gets: the will says the same
		}
	}
	l.end(errStopping)
	l.paho.Disconnect(uint(lastWords.Milliseconds()))
}

// take gives a message to the pipeline. It runs in paho's own goroutine, and
// must not wait for anything that needs it: a full window is waited for, and
// the link's end.
func (l *link) take(_ paho.Client, msg paho.Message) {
	select {
	case <-l.leaving:
		return
	default:
	}
	m := devices.Message{Topic: msg.Topic(), Payload: msg.Payload(), Retained: msg.Retained()}
	packets, lossy := l.client.session(), msg.Qos() == 0
	if !lossy {
		m.Packet = packets.identify(msg.MessageID(), msg.Duplicate(), m.Topic, m.Payload)
	}
	do := func(ctx context.Context, done func(error)) { l.deliver(ctx, m, !lossy, done) }
	if m.Topic == l.client.config.StatusTopic {
		do = nil // our own heartbeat, heard through a wildcard
	}
	l.pipe.submit(l.ctx.Done(), &job{
		lossy: lossy, do: do,
		ack: func() error {
			if lossy {
				return nil
			}
			if !l.paho.IsConnectionOpen() {
				return net.ErrClosed
			}
			msg.Ack()
			packets.acknowledged(msg.MessageID(), m.Packet)
			l.acked.Store(true)
			return nil
		},
	})
}

func (l *link) deliver(ctx context.Context, m devices.Message, repeats bool, done func(error)) {
	l.client.handle(ctx, m, func(err error) {
		result := resultHandled
		switch {
		case err != nil && repeats:
			result = resultFailed
		case err != nil:
			result = resultLost
		}
		l.client.metrics.messages.WithLabelValues(result).Inc()
		done(err)
	})
}

// dial opens a connection that ends with the link, and on which no write
// blocks for ever: paho bounds only some of its writes.
func (l *link) dial(*url.URL, paho.ClientOptions) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(l.ctx, connectTimeout)
	defer cancel()
	var nc net.Conn
	var err error
	if l.client.tls != nil {
		nc, err = (&tls.Dialer{Config: l.client.tls}).DialContext(ctx, "tcp", l.client.address)
	} else {
		nc, err = (&net.Dialer{}).DialContext(ctx, "tcp", l.client.address)
	}
	if err != nil {
		return nil, err
	}
	return &linkConn{Conn: nc, forget: context.AfterFunc(l.ctx, func() { _ = nc.Close() })}, nil
}

type linkConn struct {
	net.Conn
	forget func() bool
}

func (c *linkConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(linkWrite)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *linkConn) Close() error {
	c.forget()
	return c.Conn.Close()
}
