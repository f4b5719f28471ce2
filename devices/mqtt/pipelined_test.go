package mqtt

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

// committer is a journal whose group commit takes a time of the bubble.
type committer struct {
	takes time.Duration
	mu    sync.Mutex
	next  []func(error)
	heard chan string
}

func (c *committer) handle(_ context.Context, m devices.Message, done func(error)) {
	if c.heard != nil {
		c.heard <- string(m.Payload)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = append(c.next, done)
}

func (c *committer) run(ctx context.Context) {
	tick := time.NewTicker(c.takes)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		c.mu.Lock()
		batch := c.next
		c.next = nil
		c.mu.Unlock()
		for _, done := range batch {
			done(nil)
		}
	}
}

// piped is a broker whose clients come over pipes, for virtual time.
type piped struct {
	*Broker
	t    *testing.T
	stop func()
}

func newPiped(t *testing.T, config BrokerConfig, login Login, handle Handler, log *slog.Logger, metrics prometheus.Registerer) *piped {
	config.Listeners = []Listener{{Address: "127.0.0.1:0"}}
	b, err := NewBroker(config, login, handle, log, metrics)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.closeListeners(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	b.ctx, b.started = ctx, time.Now()
	if b.store != nil {
		go b.store.run() // stop waits for it
	}
	return &piped{b, t, func() {
		close(b.closing)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		cancel()
	}}
}

// login is a client of MQTT 3.1.1, whose secret is its name.
func (p *piped) login(user string, clean bool) net.Conn {
	conn, theirs := net.Pipe()
	p.welcome(theirs, "tcp", nil)
	if _, err := conn.Write(mqttload.ConnectFrame(4, "c", user, user, clean)); err != nil {
		p.t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 4)); err != nil {
		p.t.Fatal(err)
	}
	return conn
}

// withCommitter runs test in virtual time, with one client of MQTT 3.1.1
// logged in over a pipe.
func withCommitter(t *testing.T, c *committer, test func(t *testing.T, conn net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		b := newPiped(t, BrokerConfig{}, testLogin, c.handle, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		ctx, stop := context.WithCancel(t.Context())
		var committing sync.WaitGroup
		committing.Go(func() { c.run(ctx) })
		conn := b.login("d1", true)
		test(t, conn)
		conn.Close()
		b.stop()
		stop()
		committing.Wait()
	})
}

// One client with 16 messages in flight, and a commit that takes 10 ms: each
// commit acknowledges all 16, in their order.
func TestOneClientSharesCommitsWithItself(t *testing.T) {
	const n, window = 1600, 16
	withCommitter(t, &committer{takes: 10 * time.Millisecond}, func(t *testing.T, conn net.Conn) {
		began := time.Now()
		room := make(chan struct{}, window)
		go func() {
			for i := range n {
				room <- struct{}{}
				if _, err := conn.Write(mqttload.PublishFrame(4, deviceTopic("d1"), uint16(i+1), 1, false, []byte("x"))); err != nil {
					return
				}
			}
		}()
		in := bufio.NewReader(conn)
		for i := range n {
			header, body, err := mqttload.ReadFrame(in)
			if err != nil || header != mqttload.Puback || int(body[0])<<8|int(body[1]) != i+1 {
				t.Fatalf("acknowledgement %d is %#x %x, %v", i+1, header, body, err)
			}
			<-room
		}
		rate := n / time.Since(began).Seconds()
		t.Logf("%.0f acknowledged/s", rate)
		if rate < 1000 {
			t.Errorf("%.0f acknowledged/s, want at least 1000", rate)
		}
	})
}

// A call for help behind a thousand messages of its bridge whose commit hangs is with the
// handler at once.
func TestNothingIsWaitedForBeforeAnSOS(t *testing.T) {
	c := &committer{takes: time.Hour, heard: make(chan string, 1024)}
	withCommitter(t, c, func(t *testing.T, conn net.Conn) {
		began := time.Now()
		for i := range uint16(1000) {
			if _, err := conn.Write(mqttload.PublishFrame(4, deviceTopic("d1"), i+1, 1, false, []byte("x"))); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := conn.Write((&packet.Publish{Topic: []byte(deviceTopic("d1")), QoS: 1, ID: 2000, Payload: []byte("sos")}).Append(nil, packet.V311)); err != nil {
			t.Fatal(err)
		}
		for <-c.heard != "sos" {
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the call waited %v", waited)
		}
	})
}
