package mqttload

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Load is what to publish. Every message is of QoS 1.
type Load struct {
	// Address of the broker, host:port.
	Address string
	// Connections, and how many messages each has unacknowledged at most.
	Connections, Window int
	// Rate is how many messages a second all connections together publish; 0
	// for as many as are acknowledged. Latency then counts from the moment at
	// which a message was due.
	Rate float64
	// Messages to publish, of all connections together.
	Messages int
	// Login returns client ID, user and secret of connection n, from 0.
	Login func(n int) (clientID, user, secret string)
	// Message returns the i-th message of connection n.
	Message func(n, i int) (topic string, payload []byte)
}

// Result is what came of it.
type Result struct {
	Acked   int
	Elapsed time.Duration   // from the first PUBLISH to the last PUBACK
	Latency []time.Duration // of each PUBACK since its PUBLISH, ascending
}

// PerSecond is the rate of acknowledgements.
func (r Result) PerSecond() float64 { return float64(r.Acked) / r.Elapsed.Seconds() }

// Quantile returns the latency that a share q of all stayed within, 0.5 for
// the median. It is 0 if there are none.
func (r Result) Quantile(q float64) time.Duration {
	if len(r.Latency) == 0 {
		return 0
	}
	return r.Latency[min(int(q*float64(len(r.Latency))), len(r.Latency)-1)]
}

// Run logs all connections in, then publishes from all at once. It returns
// when everything is acknowledged, with the first error, or when ctx ends.
func Run(ctx context.Context, l Load) (Result, error) {
	if l.Connections < 1 || l.Window < 1 || l.Window > 1<<15 || l.Messages < 1 {
		return Result{}, fmt.Errorf("load: connections, window and messages must be at least 1 (got %d, %d, %d)", l.Connections, l.Window, l.Messages)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	publishers := make([]*publisher, l.Connections)
	for n := range publishers {
		p, err := dial(ctx, l, n)
		if err != nil {
			return Result{}, fmt.Errorf("connection %d: %w", n, err)
		}
		defer p.conn.Close()
		publishers[n] = p
	}

	var left atomic.Int64
	left.Store(int64(l.Messages))
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range publishers {
		context.AfterFunc(ctx, func() { p.conn.Close() })
		g.Go(func() error { return p.run(&left) })
	}
	err := g.Wait()
	r := Result{Elapsed: time.Since(began)}
	for _, p := range publishers {
		r.Latency = append(r.Latency, p.latency...)
	}
	r.Acked = len(r.Latency)
	slices.Sort(r.Latency)
	return r, err
}

// publisher is one connection. It writes as much as its window lets it, then
// waits for acknowledgements: one goroutine, no locks.
type publisher struct {
	load    Load
	n       int
	conn    net.Conn
	in      *bufio.Reader
	out     *bufio.Writer
	sent    []time.Time // by packet ID, round the window
	next    int         // message number
	latency []time.Duration
}

func dial(ctx context.Context, l Load, n int) (*publisher, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Address)
	if err != nil {
		return nil, err
	}
	p := &publisher{load: l, n: n, conn: conn, in: bufio.NewReader(conn), out: bufio.NewWriterSize(conn, 16<<10), sent: make([]time.Time, l.Window)}
	clientID, user, secret := l.Login(n)
	if _, err := conn.Write(ConnectFrame(4, clientID, user, secret, true)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	header, body, err := ReadFrame(p.in)
	if err == nil && (header != Connack || len(body) != 2 || body[1] != 0) {
		err = fmt.Errorf("login refused: %x %x", header, body)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return p, nil
}

func (p *publisher) run(left *atomic.Int64) error {
	if p.load.Rate > 0 {
		return p.pace(left)
	}
	open, done := 0, false
	for {
		for !done && open < p.load.Window {
			if done = left.Add(-1) < 0; done {
				break
			}
			if err := p.publish(time.Now()); err != nil {
				return err
			}
			open++
		}
		if open == 0 {
			return nil
		}
		if err := p.out.Flush(); err != nil {
			return err
		}
		for first := true; first || open > 0 && p.in.Buffered() >= 4; first = false {
			if err := p.acknowledged(); err != nil {
				return err
			}
			open--
		}
	}
}

// pace publishes one message after the other, each when it is due.
func (p *publisher) pace(left *atomic.Int64) error {
	interval := time.Duration(float64(time.Second) * float64(p.load.Connections) / p.load.Rate)
	due := time.Now().Add(interval * time.Duration(p.n) / time.Duration(p.load.Connections))
	for ; left.Add(-1) >= 0; due = due.Add(interval) {
		<-time.After(time.Until(due))
		if err := p.publish(due); err != nil {
			return err
		}
		if err := p.out.Flush(); err != nil {
			return err
		}
		if err := p.acknowledged(); err != nil {
			return err
		}
	}
	return nil
}

// publish writes the next message, which was due then.
func (p *publisher) publish(due time.Time) error {
	slot := p.next % p.load.Window
	topic, payload := p.load.Message(p.n, p.next)
	p.next++
	p.sent[slot] = due
	_, err := p.out.Write(PublishFrame(4, topic, uint16(slot+1), 1, false, payload))
	return err
}

// acknowledged reads one PUBACK. They come in the order of the PUBLISHes, and
// so a slot is free again when its turn comes.
func (p *publisher) acknowledged() error {
	header, body, err := ReadFrame(p.in)
	if err != nil {
		return err
	}
	if header != Puback || len(body) < 2 {
		return fmt.Errorf("not a PUBACK: %x %x", header, body)
	}
	slot := len(p.latency) % p.load.Window
	if id := binary.BigEndian.Uint16(body); int(id) != slot+1 {
		return fmt.Errorf("PUBACK out of order: %d instead of %d", id, slot+1)
	}
	p.latency = append(p.latency, time.Since(p.sent[slot]))
	return nil
}
