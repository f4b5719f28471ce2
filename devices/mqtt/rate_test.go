package mqtt

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
)

// rated is a handler that writes down when it was given what.
type rated struct {
	mu    sync.Mutex
	given []string
	at    map[string]time.Time // by client and payload
}

func (r *rated) handle(_ context.Context, m devices.Message, done func(error)) {
	r.mu.Lock()
	if r.at == nil {
		r.at = map[string]time.Time{}
	}
	r.given = append(r.given, m.Client+" "+string(m.Payload[:min(16, len(m.Payload))]))
	r.at[r.given[len(r.given)-1]] = time.Now()
	r.mu.Unlock()
	done(nil)
}

// of returns what a client has said, in the order in which the handler was
// given it, calls for help aside.
func (r *rated) of(client string) (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.given {
		if rest, ok := strings.CutPrefix(g, client+" "); ok && rest != "sos" {
			all = append(all, rest)
		}
	}
	return all
}

func (r *rated) when(t *testing.T, what string) time.Time {
	t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.at[what]
	if !ok {
		t.Errorf("%q was not heard", what)
	}
	return at
}

// limited is testLogin with a rate.
func limited(rate int) Login {
	return func(c Credentials) (devices.Account, bool) {
		a, ok := testLogin(c)
		a.Rate = rate
		return a, ok
	}
}

func callsForHelp(m devices.Message) bool { return string(m.Payload) == "sos" }

// flooder publishes one message after the other, with some in flight, and
// lets go of what QoS 2 keeps.
type flooder struct {
	t    *testing.T
	conn net.Conn
	user string
	qos  byte
	room chan struct{}
	sent int
}

func newFlooder(t *testing.T, conn net.Conn, qos byte, window int) *flooder {
	f := &flooder{t: t, conn: conn, user: "d1", qos: qos, room: make(chan struct{}, window)}
	go f.acknowledge()
	return f
}

func (f *flooder) acknowledge() {
	in := bufio.NewReader(f.conn)
	for acked := 0; ; {
		header, body, err := mqttload.ReadFrame(in)
		if err != nil {
			return
		}
		switch header {
		case mqttload.Puback, mqttload.Pubrec:
			if acked++; int(binary.BigEndian.Uint16(body)) != f.number(acked) {
				f.t.Errorf("acknowledgement %d is of %x", acked, body)
			}
			<-f.room
			if header == mqttload.Pubrec {
				go f.conn.Write(mqttload.Frame(mqttload.Pubrel, body[:2])) // ends with the connection
			}
		}
	}
}

// number is the packet number of the nth message, from 1.
func (f *flooder) number(n int) int { return (n-1)%60000 + 1 }

func (f *flooder) publish(payload []byte) {
	f.t.Helper()
	f.takePlace()
	f.write(payload)
}

// takePlace waits until not too many are in flight.
func (f *flooder) takePlace() {
	if f.qos > 0 {
		f.room <- struct{}{}
	}
}

func (f *flooder) write(payload []byte) {
	f.t.Helper()
	f.sent++
	if _, err := f.conn.Write(mqttload.PublishFrame(4, deviceTopic(f.user), uint16(f.number(f.sent)), f.qos, false, payload)); err != nil {
		f.t.Fatal(err)
	}
}

// await returns when all is acknowledged.
func (f *flooder) await() {
	for range cap(f.room) {
		f.room <- struct{}{}
	}
}

func numbered(n int) (all []string) {
	for i := range n {
		all = append(all, strconv.Itoa(i))
	}
	return all
}

// A device that sends ten times its rate gets through what its rate allows,
// in order, and loses nothing; another is not held up, nor is a call for help
// of the same device. One line is logged.
func TestFlooderSlowsOnlyItself(t *testing.T) {
	const rate, n = 100, 4000
	for qos := range byte(3) {
		t.Run(fmt.Sprintf("QoS %d", qos), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h rated
				var log bytes.Buffer
				metrics := prometheus.NewRegistry()
				b := newPiped(t, BrokerConfig{Urgent: callsForHelp, File: filepath.Join(t.TempDir(), "sessions")}, limited(rate), h.handle,
					slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})), metrics)
				f := newFlooder(t, b.login("d1", false), qos, 32)
				other := newFlooder(t, b.login("d2", true), 0, 1)
				began := time.Now()
				for i := range n {
					f.publish([]byte(strconv.Itoa(i)))
					if i == n/2 {
						f.takePlace() // in its own window
						now := time.Now()
						f.write([]byte("sos"))
						if waited := h.when(t, "d1 sos").Sub(now); waited != 0 {
							t.Errorf("the call for help waited %v", waited)
						}
					}
					if i%100 == 0 {
						now, text := time.Now(), fmt.Sprint("other ", i)
						if _, err := other.conn.Write(mqttload.PublishFrame(4, deviceTopic("d2"), 1, 0, false, []byte(text))); err != nil {
							t.Fatal(err)
						}
						if waited := h.when(t, "d2 "+text).Sub(now); waited != 0 {
							t.Errorf("the other device waited %v", waited)
						}
					}
					time.Sleep(time.Second / (10 * rate))
				}
				f.await()
				if qos == 0 { // nothing tells the client
					time.Sleep(2 * burst)
				}
				took, want := h.when(t, "d1 "+strconv.Itoa(n-1)).Sub(began), time.Duration(n+1)*time.Second/rate-burst
				if took < want-time.Second || took > want+time.Second {
					t.Errorf("took %v, want %v", took, want)
				}
				if got := h.of("d1"); !slices.Equal(got, numbered(n)) {
					t.Errorf("%d messages came, not in order", len(got))
				}
				if held := metricValue(t, metrics, "linli_mqtt_held_total", ""); held < n/2 || held > n {
					t.Errorf("%v messages held", held)
				}
				if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "account=d1") {
					t.Errorf("logged %s", log.String())
				}
				f.conn.Close()
				other.conn.Close()
				b.stop()
			})
		})
	}
}

// What is long counts as several, and no message waits longer than burst.
func TestLongMessagesCountAsSeveral(t *testing.T) {
	const rate = 100
	synctest.Test(t, func(t *testing.T) {
		var h rated
		b := newPiped(t, BrokerConfig{Urgent: callsForHelp}, limited(rate), h.handle, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		f := newFlooder(t, b.login("d1", true), 1, 32)
		began, cost := time.Now(), 0
		for i := range 300 {
			size := []int{16, 2 << 10, 20 << 10, 300 << 10}[i%4]
			payload := make([]byte, size)
			copy(payload[copy(payload, fmt.Sprintf("%-16d", i)):], "x")
			cost += min(1+(size+len(deviceTopic("d1")))/perMessage, rate)
			f.publish(payload)
		}
		f.await()
		want := time.Duration(cost)*time.Second/rate - burst
		if took := time.Since(began); took < want-2*time.Second || took > want+time.Second {
			t.Errorf("took %v, want %v", took, want)
		}
		if got := h.of("d1"); len(got) != 300 || !slices.IsSortedFunc(got, func(a, b string) int {
			m, _ := strconv.Atoi(strings.TrimSpace(a))
			n, _ := strconv.Atoi(strings.TrimSpace(b))
			return m - n
		}) {
			t.Errorf("%d messages came, or not in order", len(got))
		}
		f.conn.Close()
		b.stop()
	})
}

// What a client has sent gets its turn also after it has gone, QoS 0 as well.
// Coming back at once makes it no faster, and a call for help does not wait.
func TestReconnectingDoesNotFillTheBucket(t *testing.T) {
	const rate, times, each = 100, 6, 400
	synctest.Test(t, func(t *testing.T) {
		var h rated
		b := newPiped(t, BrokerConfig{Urgent: callsForHelp}, limited(rate), h.handle, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		began, n := time.Now(), 0
		for range times {
			f := newFlooder(t, b.login("d1", true), 0, 1)
			for range each {
				f.publish([]byte(strconv.Itoa(n)))
				n++
			}
			f.conn.Close()
			synctest.Wait()
		}
		f := newFlooder(t, b.login("d1", true), 1, 1000)
		for range 1000 { // a button that is stuck, for which nothing else has to wait
			now := time.Now()
			f.publish([]byte("sos"))
			if waited := h.when(t, "d1 sos").Sub(now); waited != 0 {
				t.Fatalf("a call for help waited %v", waited)
			}
		}
		f.publish([]byte(strconv.Itoa(n)))
		f.await()
		want := time.Duration(n)*time.Second/rate - burst
		if took := time.Since(began); took < want-time.Second || took > want+time.Second {
			t.Errorf("%d messages took %v, want %v", n, took, want)
		}
		if got := h.of("d1"); !slices.Equal(got, numbered(n+1)) {
			t.Errorf("%d of %d messages came, or not in order", len(got), n)
		}
		f.conn.Close()
		synctest.Wait()
		time.Sleep(2 * warnAgain)
		b.emptyBuckets(time.Now())
		if len(b.buckets) != 0 {
			t.Errorf("%d buckets are kept of nobody", len(b.buckets))
		}
		b.stop()
	})
}

// What waits for its turn when the gateway stops is handled and acknowledged.
func TestStoppingWaitsForNoTurn(t *testing.T) {
	const rate, n = 10, 150
	b := &brokerBench{metrics: prometheus.NewRegistry()}
	var h rated
	var err error
	if b.Broker, err = NewBroker(BrokerConfig{Listeners: []Listener{{Address: "127.0.0.1:0"}}, Grace: time.Minute}, limited(rate), h.handle, testLog(t), b.metrics); err != nil {
		t.Fatal(err)
	}
	stop := runDriver(t, b.Broker)
	w := b.login(t, 4, "c", "d1", true)
	for i := range n {
		w.publish(deviceTopic("d1"), uint16(i+1), 1, strconv.Itoa(i))
	}
	eventually(t, "all messages to be read", func() bool { return b.received.Load() == n })
	if held := b.count(t, "linli_mqtt_held_total", ""); held < 10 {
		t.Fatalf("only %v wait for their turn", held)
	}
	stop()
	for range n {
		w.read(mqttload.Puback)
	}
	if got := h.of("d1"); !slices.Equal(got, numbered(n)) {
		t.Errorf("%d messages came", len(got))
	}
}

// Of a client that sends without waiting for anything, little is on its way
// that has not been read: its call for help would be behind that.
func TestThrottledClientIsHardlyReadAhead(t *testing.T) {
	const rate = 10
	var h rated
	b := &brokerBench{metrics: prometheus.NewRegistry()}
	var err error
	if b.Broker, err = NewBroker(BrokerConfig{Listeners: []Listener{{Address: "127.0.0.1:0"}}}, limited(rate), h.handle, testLog(t), b.metrics); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(runDriver(t, b.Broker))
	w := b.login(t, 4, "c", "d1", true)
	if err := w.Conn.(*net.TCPConn).SetWriteBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	frame := mqttload.PublishFrame(4, deviceTopic("d1"), 0, 0, false, bytes.Repeat([]byte("x"), 230))
	sent := 0
	for b.count(t, "linli_mqtt_held_total", "") == 0 {
		w.write(frame)
		sent += len(frame)
	}
	for { // as much as it can
		if err := w.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := w.Write(frame)
		if sent += n; err != nil {
			break
		}
	}
	ahead := sent - int(b.received.Load())*len(frame)
	t.Logf("%d bytes are on their way, behind %d that were read", ahead, sent-ahead)
	if ahead > 96<<10 { // several times as much where the kernel may take what it likes
		t.Errorf("%d bytes are ahead", ahead)
	}
}
