package mqtt

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

// inBubble runs test with a broker whose connections are pipes, in virtual
// time. What dial returns is the client's end of one.
func inBubble(t *testing.T, config BrokerConfig, test func(t *testing.T, b *Broker, dial func() net.Conn)) {
	config.Listeners = []Listener{{Address: "127.0.0.1:0"}} // never accepted on
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBroker(config, testLogin, func(_ context.Context, _ devices.Message, done func(error)) { done(nil) }, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		if err := b.closeListeners(); err != nil {
			t.Fatal(err)
		}
		b.ctx, b.started = t.Context(), time.Now()
		test(t, b, func() net.Conn {
			ours, theirs := net.Pipe()
			b.welcome(theirs, "tcp", nil)
			return ours
		})
		close(b.closing)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

// A login that trickles in is cut off in time, however it trickles.
func TestSlowLoris(t *testing.T) {
	inBubble(t, BrokerConfig{}, func(t *testing.T, b *Broker, dial func() net.Conn) {
		for _, pause := range []time.Duration{time.Second, 9 * time.Second, time.Hour} {
			c, began := dial(), time.Now()
			frame := mqttload.ConnectFrame(4, strings.Repeat("c", 100), "d1", "d1", true)
			for _, x := range frame {
				if _, err := c.Write([]byte{x}); err != nil {
					break
				}
				time.Sleep(pause) // of the bubble
			}
			if took := time.Since(began); took < loginTimeout || took > loginTimeout+pause {
				t.Errorf("a byte each %v: closed after %v", pause, took)
			}
			c.Close()
		}
	})
}

// A client that is gone without a word is found by its keep-alive; so is one
// that never finishes its packet.
func TestHalfOpen(t *testing.T) {
	inBubble(t, BrokerConfig{}, func(t *testing.T, b *Broker, dial func() net.Conn) {
		for _, trickle := range []bool{false, true} {
			c := dial()
			connect := (&packet.Connect{Version: packet.V311, CleanStart: true, KeepAlive: 60, ClientID: []byte("c"), User: []byte("d1"), Password: []byte("d1")}).Append(nil)
			if _, err := c.Write(connect); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
				t.Fatal(err)
			}
			began, closed := time.Now(), make(chan time.Time, 1)
			go func() {
				_, _ = io.Copy(io.Discard, c) // until it is closed
				closed <- time.Now()
			}()
			var trickling sync.WaitGroup
			if trickle {
				trickling.Go(func() {
					for _, err := c.Write([]byte{0x30, 0x7f}); err == nil; _, err = c.Write([]byte{'x'}) {
						time.Sleep(50 * time.Second)
					}
				})
			}
			if took := (<-closed).Sub(began); took < 90*time.Second || took > 100*time.Second {
				t.Errorf("trickle %t: closed after %v", trickle, took)
			}
			c.Close()
			trickling.Wait()
		}
	})
}

// A client that does not read is closed within two seconds, and the one that
// publishes to it never waits.
func TestStuckReaderIsClosed(t *testing.T) {
	inBubble(t, BrokerConfig{}, func(t *testing.T, b *Broker, dial func() net.Conn) {
		stuck := dial()
		if _, err := stuck.Write((&packet.Connect{Version: packet.V311, CleanStart: true, ClientID: []byte("c"), User: []byte(hub), Password: []byte(hub)}).Append(nil)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(stuck, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
		subscribe := &packet.Subscribe{ID: 1, Filters: []packet.Subscription{{Filter: []byte("std/#")}}}
		if _, err := stuck.Write(subscribe.Append(nil, packet.V311)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(stuck, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		routed := make(chan error, 1)
		b.route(&message{topic: "std/a", payload: []byte("x")}, nil, func(err error) { routed <- err })
		if err := <-routed; err != nil || time.Since(began) != 0 {
			t.Errorf("the publisher waited %v: %v", time.Since(began), err)
		}
		for len(b.current()) > 0 {
			time.Sleep(100 * time.Millisecond)
			if time.Since(began) > 2*time.Second {
				t.Fatal("not closed within two seconds")
			}
		}
	})
}

// junk is bytes that are worse than random: some are packets.
func junk(random *rand.Rand, v packet.Version) []byte {
	b := make([]byte, random.IntN(200))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	if random.IntN(2) == 0 {
		return b
	}
	frame := mqttload.PublishFrame(byte(v), deviceTopic("d1"), uint16(random.IntN(9)), byte(random.IntN(3)), false, b)
	for range random.IntN(4) {
		frame[random.IntN(len(frame))] ^= byte(1 << random.IntN(8))
	}
	return append(frame, b...)
}

// Thousands of connections that send junk, before and after their login, end
// nothing but themselves, leave no goroutine behind, and disturb nobody.
func TestJunk(t *testing.T) {
	before := goleak.IgnoreCurrent()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 3))
	b := startBroker(t, BrokerConfig{})
	other, _ := b.connect(t, packet.V5, "other", nil)
	other.subscribe("std/#", 1, nil)
	for i := range 2000 {
		v := packet.V311 + packet.Version(i%2)
		p := b.peer(t, v)
		frames := junk(random, v)
		if i%4 < 2 {
			frames = append(mqttload.ConnectFrame(byte(v), "c", "d1", "d1", true), frames...)
		}
		_, _ = p.Write(frames) // it may be closed already
		if i%3 == 0 {
			p.Close()
		} else {
			_ = p.Conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, p.in)
			p.Close()
		}
		if i%200 == 0 {
			other.say(&packet.Publish{Topic: []byte("std/a"), Payload: []byte("still here")})
			other.hears("still here")
		}
	}
	b.awaitCount(t, "linli_mqtt_connections", "", 1)
	if n := b.count(t, "linli_mqtt_panics_total", ""); n != 0 {
		t.Errorf("%v panics", n)
	}
	other.Close()
	b.stop()
	goleak.VerifyNone(t, before)
}

// Connections come and go as fast as this machine makes them, some of them in
// the middle of their CONNECT. Who is in is served all the while, and nobody is
// kept out afterwards.
func TestConnectFlood(t *testing.T) {
	before := goleak.IgnoreCurrent()
	b := startBroker(t, BrokerConfig{Connections: 64})
	member, _ := b.connect(t, packet.V311, "member", nil)
	began := time.Now()
	const n, hands = 20_000, 4
	var flood errgroup.Group
	for range hands {
		flood.Go(func() error {
			begin := mqttload.ConnectFrame(4, "c", "d1", "d1", true)
			for i := range n / hands {
				c, err := net.Dial("tcp", b.Addrs()[0].String())
				if err != nil {
					return err
				}
				if i%2 == 0 {
					_, _ = c.Write(begin[:len(begin)/2]) // it may have been refused already
				}
				c.Close()
			}
			return nil
		})
	}
	over := make(chan error)
	go func() { over <- flood.Wait() }()
	var slowest time.Duration
	served := 0
	for flooding := true; flooding; served++ {
		sent := time.Now()
		member.publish("std/here", 1, "still", nil)
		slowest = max(slowest, time.Since(sent))
		select {
		case err := <-over:
			if err != nil {
				t.Fatal(err)
			}
			flooding = false
		default:
		}
	}
	t.Logf("%.0f connects/s; %d messages of who was in, the slowest took %s", n/time.Since(began).Seconds(), served, slowest)
	eventually(t, "room for a client", func() bool {
		p := b.peer(t, packet.V311)
		_, err := p.Write(mqttload.ConnectFrame(4, "c", "d1", "d1", true))
		if err == nil {
			_, err = p.next()
		}
		p.Close()
		return err == nil
	})
	b.stop()
	goleak.VerifyNone(t, before)
}

// 5,000 clients that say nothing cost little: the broker is a process of its
// own, and the figure is all that it has.
func TestIdleConnectionsAreCheap(t *testing.T) {
	const n = 5000
	limit := int64(150 << 20)
	if raceDetector {
		limit *= 4 // what it remembers of each access
	}
	dir, address := t.TempDir(), freeAddress(t)
	if err := os.WriteFile(filepath.Join(dir, "address"), []byte(address), 0o600); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), killFolder+"="+dir)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := child.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = child.Wait() // killed, it says so
	}()
	eventually(t, "the broker to listen", func() bool {
		c, err := net.Dial("tcp", address)
		return err == nil && c.Close() == nil
	})
	empty := resident(t, child.Process.Pid)
	for i := range n {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		user := fmt.Sprint("u", i)
		if _, err := c.Write(mqttload.ConnectFrame(4, "c", user, user, false)); err != nil {
			t.Fatal(err)
		}
		ack := make([]byte, 4)
		if _, err := io.ReadFull(c, ack); err != nil || ack[3] != 0 {
			t.Fatalf("%x, %v", ack, err)
		}
	}
	full := resident(t, child.Process.Pid)
	t.Logf("%.1f MB resident with %d idle connections, %.1f MB with none: %.1f KB each", float64(full)/(1<<20), n, float64(empty)/(1<<20), float64(full-empty)/n/1024)
	if full > limit {
		t.Errorf("%d bytes resident, want at most %d", full, limit)
	}
}

// resident is what a process has in memory, in bytes.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
