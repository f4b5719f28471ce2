package mqtt

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/devicetest"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
)

// brokerBench is a broker under test and what it hands its messages to.
type brokerBench struct {
	*Broker
	handler *devicetest.Handler
	metrics *prometheus.Registry
	stop    func()
}

func startBroker(t testing.TB, config BrokerConfig) *brokerBench {
	t.Helper()
	b := &brokerBench{handler: devicetest.NewHandler(), metrics: prometheus.NewRegistry()}
	config.Listen = "127.0.0.1:0"
	if config.RefusalDelay == 0 {
		config.RefusalDelay = time.Millisecond
	}
	if config.Grace == 0 {
		config.Grace = time.Second
	}
	var err error
	b.Broker, err = NewBroker(config, testLogin, b.handler.Handle, testLog(t), b.metrics)
	if err != nil {
		t.Fatal(err)
	}
	b.stop = runDriver(t, b.Broker)
	t.Cleanup(b.stop)
	return b
}

// count reads a counter or gauge, of one label value or, if that is empty, of
// all.
func (b *brokerBench) count(t testing.TB, name, label string) float64 {
	t.Helper()
	families, err := b.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if label == "" || m.GetLabel()[0].GetValue() == label {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func (b *brokerBench) awaitCount(t testing.TB, name, label string, want float64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s{%s} to be %v", name, label, want), func() bool { return b.count(t, name, label) == want })
}

// wire is a connection of raw frames.
type wire struct {
	net.Conn
	t       testing.TB
	in      *bufio.Reader
	version byte
}

func (b *brokerBench) dial(t testing.TB) *wire {
	t.Helper()
	c, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &wire{Conn: c, t: t, in: bufio.NewReader(c), version: 4}
}

func (b *brokerBench) login(t testing.TB, version byte, clientID, user string, clean bool) *wire {
	t.Helper()
	w := b.dial(t)
	w.version = version
	w.write(mqttload.ConnectFrame(version, clientID, user, user, clean))
	if body := w.read(mqttload.Connack); body[1] != 0 {
		t.Fatalf("login refused: %x", body)
	}
	return w
}

func (w *wire) write(frames ...[]byte) {
	w.t.Helper()
	if _, err := w.Write(bytes.Join(frames, nil)); err != nil {
		w.t.Fatal(err)
	}
}

// read reads the next packet, which must be of that type.
func (w *wire) read(header byte) []byte {
	w.t.Helper()
	if err := w.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		w.t.Fatal(err)
	}
	got, body, err := mqttload.ReadFrame(w.in)
	if err != nil {
		w.t.Fatalf("reading a packet %#x: %v", header, err)
	}
	if got != header {
		w.t.Fatalf("got packet %#x %x, not %#x", got, body, header)
	}
	return body
}

// ends reads until the other side closes, and returns the types of the
// packets that came before.
func (w *wire) ends() (headers []byte) {
	w.t.Helper()
	if err := w.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		w.t.Fatal(err)
	}
	for {
		header, _, err := mqttload.ReadFrame(w.in)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			w.t.Fatal("the connection was not closed")
		}
		if err != nil {
			return headers
		}
		headers = append(headers, header)
	}
}

func (w *wire) publish(topic string, packet uint16, qos byte, payload string) {
	w.t.Helper()
	w.write(mqttload.PublishFrame(w.version, topic, packet, qos, false, []byte(payload)))
}

func (w *wire) subscribe(filter string, qos byte) (granted byte) {
	w.t.Helper()
	head := []byte{0, 1}
	if w.version == 5 {
		head = append(head, 0)
	}
	w.write(mqttload.Frame(mqttload.Subscribe, head, mqttload.Text(filter), []byte{qos}))
	body := w.read(mqttload.Suback)
	return body[len(body)-1]
}

func bothVersions(t *testing.T, test func(t *testing.T, version byte)) {
	for _, version := range []byte{4, 5} {
		t.Run(map[byte]string{4: "3.1.1", 5: "5"}[version], func(t *testing.T) { test(t, version) })
	}
}

func TestNoAcknowledgementAfterFailure(t *testing.T) {
	bothVersions(t, func(t *testing.T, version byte) {
		for _, qos := range []byte{1, 2} {
			b := startBroker(t, BrokerConfig{})
			b.handler.Fail(1)
			w := b.login(t, version, "c", "d1", false)
			w.publish(deviceTopic("d1"), 7, qos, "x")
			if headers := w.ends(); slices.ContainsFunc(headers, func(h byte) bool { return h == mqttload.Puback || h == mqttload.Pubrec }) {
				t.Errorf("QoS %d: a message that could not be kept was answered with %x", qos, headers)
			}
			b.awaitCount(t, "linli_mqtt_messages_total", resultFailed, 1)

			// The redelivery is the same packet, and is acknowledged.
			w = b.login(t, version, "c", "d1", false)
			w.write(mqttload.PublishFrame(version, deviceTopic("d1"), 7, qos, true, []byte("x")))
			answer := w.read(map[byte]byte{1: mqttload.Puback, 2: mqttload.Pubrec}[qos])
			if binary.BigEndian.Uint16(answer) != 7 || len(answer) > 2 && answer[2] != 0 {
				t.Errorf("QoS %d: redelivery answered with %x", qos, answer)
			}
			if g := b.handler.Given(); len(g) != 2 || g[0].Packet == "" || g[0].Packet != g[1].Packet {
				t.Errorf("QoS %d: given %+v", qos, g)
			}
			b.stop()
		}
	})
}

func TestPanickingHandlerEndsItsConnectionOnly(t *testing.T) {
	b, err := NewBroker(BrokerConfig{Listen: "127.0.0.1:0"}, testLogin, func(_ context.Context, m devices.Message) error {
		if string(m.Payload) == "bomb" {
			panic("bomb")
		}
		return nil
	}, testLog(t), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(runDriver(t, b))
	bench := &brokerBench{Broker: b}
	w, other := bench.login(t, 4, "c", "d1", true), bench.login(t, 4, "c", "d2", true)
	w.publish(deviceTopic("d1"), 1, 1, "bomb")
	if headers := w.ends(); len(headers) != 0 {
		t.Errorf("answered with %x", headers)
	}
	other.publish(deviceTopic("d2"), 1, 1, "x")
	other.read(mqttload.Puback)
}

func TestTruncatedSubscribe(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	watcher := b.login(t, 4, "w", "bridge", true)
	if granted := watcher.subscribe("zigbee2mqtt/#", 0); granted != 0 {
		t.Fatalf("granted %#x", granted)
	}
	for range 20 {
		w := b.login(t, 5, "c", "d1", false)
		// A filter, and then no options byte.
		w.write(mqttload.Frame(mqttload.Subscribe, []byte{0, 1, 0}, mqttload.Text("linli/v1/d1/command")))
		w.ends()
	}
	b.awaitCount(t, "linli_mqtt_panics_total", "", 20)
	b.awaitCount(t, "linli_mqtt_connections", "", 1)
	// The process lives, and so does the session; retaining is not blocked.
	w := b.login(t, 5, "c", "d1", true)
	w.subscribe("linli/v1/d1/command", 1)
	if err := b.Publish(context.Background(), "linli/v1/d1/command", []byte("open"), 1, true); err != nil {
		t.Fatal(err)
	}
	w.read(mqttload.Publish | 1<<1)
}

func TestHugePacketBeforeLogin(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, frame := range [][]byte{
		append(mqttload.AppendLength([]byte{mqttload.Connect}, 256<<20-1), "MQTT"...),
		append(mqttload.AppendLength([]byte{mqttload.Publish}, 256<<20-1), "MQTT"...),
		mqttload.AppendLength([]byte{mqttload.Connect}, loginPacket+1),
		{mqttload.Connect, 0xff, 0xff, 0xff, 0xff, 0xff},
		[]byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		w := b.dial(t)
		w.write(frame)
		if headers := w.ends(); len(headers) != 0 {
			t.Errorf("%x... was answered with %x", frame[:5], headers)
		}
	}
	b.awaitCount(t, "linli_mqtt_packets_too_large_total", "", 2)
	b.awaitCount(t, "linli_mqtt_refused_total", refusedProtocol, 5)
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 64<<20 {
		t.Errorf("%d bytes were allocated for packets that were refused", allocated)
	}
	b.login(t, 4, "c", "d1", true)
}

func TestTooLargeAfterLogin(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	w := b.login(t, 4, "c", "d1", true)
	w.write(mqttload.AppendLength([]byte{mqttload.Publish | 2}, maxPacket+1))
	w.ends()
	b.awaitCount(t, "linli_mqtt_packets_too_large_total", "", 1)
}

func TestLargeIsAcknowledgedButNotPassedOn(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	watcher := b.login(t, 4, "w", "bridge", true)
	watcher.subscribe("zigbee2mqtt/#", 0)
	w := b.login(t, 4, "c", "bridge", true)
	large := mqttload.PublishFrame(4, "zigbee2mqtt/x", 1, 1, false, make([]byte, 10<<20))
	large[0] |= 1 // to be retained
	w.write(large)
	w.read(mqttload.Puback)
	w.publish("zigbee2mqtt/x", 2, 1, "small")
	w.read(mqttload.Puback)
	if body := watcher.read(mqttload.Publish); !bytes.HasSuffix(body, []byte("small")) {
		t.Errorf("%d bytes were passed on", len(body))
	}
	late := b.login(t, 4, "late", "bridge", true)
	late.subscribe("zigbee2mqtt/#", 0)
	w.publish("zigbee2mqtt/x", 3, 1, "marker")
	if body := late.read(mqttload.Publish); !bytes.HasSuffix(body, []byte("marker")) {
		t.Errorf("%d bytes were retained", len(body))
	}
	if g := b.handler.Given(); len(g[0].Payload) != 10<<20 {
		t.Errorf("the handler was given %d bytes", len(g[0].Payload))
	}
}

// A packet that announces much and comes slowly holds a place; the others
// are not held up by that.
func TestSlowLargePacketsHoldNobody(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	for i := range largeAtOnce + 2 {
		w := b.login(t, 4, fmt.Sprint("c", i), "d1", true)
		w.write(mqttload.AppendLength([]byte{mqttload.Publish | 2}, 8<<20), mqttload.Text(deviceTopic("d1")))
	}
	other := b.login(t, 4, "c", "d2", true)
	other.publish(deviceTopic("d2"), 1, 1, "x")
	other.read(mqttload.Puback)
}

func TestStuckSubscriberHoldsNobodyForLong(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	stuck := b.login(t, 4, "s", "bridge", true)
	stuck.write(mqttload.Frame(mqttload.Subscribe, []byte{0, 1}, mqttload.Text("zigbee2mqtt/#"), []byte{1}))
	stuck.read(mqttload.Suback) // and from now on it does not read
	w := b.login(t, 4, "c", "bridge", true)
	payload := strings.Repeat("x", 64<<10)
	var longest time.Duration
	for i := 0; b.count(t, "linli_mqtt_stuck_total", "") == 0; i++ {
		if i > 5000 {
			t.Fatal("the stuck subscriber was never closed")
		}
		began := time.Now()
		w.publish("zigbee2mqtt/x", uint16(i%1000+1), 1, payload)
		w.read(mqttload.Puback)
		longest = max(longest, time.Since(began))
	}
	// The publisher goes on, and was not held until 1.5 keep-alives or for
	// ever (this client asked for none).
	w.publish("zigbee2mqtt/x", 1001, 1, payload)
	w.read(mqttload.Puback)
	b.awaitCount(t, "linli_mqtt_connections", "", 1)
	if longest > 10*time.Second { // 1 s, on a machine that has the time
		t.Errorf("a publisher was held %v", longest)
	}
}

func TestDeniedByDefault(t *testing.T) {
	bothVersions(t, func(t *testing.T, version byte) {
		b := startBroker(t, BrokerConfig{})
		w := b.login(t, version, "c", "d1", true)
		for _, filter := range []string{"#", "+/+/+/+", "linli/v1/+/command", "linli/v1/d2/command", "linli/v1/d1/#", "$SYS/#", "$share/g/#", "linli/v1/d1/comm+", "zigbee2mqtt/#"} {
			if granted := w.subscribe(filter, 0); granted < 0x80 {
				t.Errorf("%s was granted", filter)
			}
		}
		for _, filter := range []string{"linli/v1/d1/command", "$share/g/linli/v1/d1/command"} {
			if granted := w.subscribe(filter, 1); granted != 1 {
				t.Errorf("%s was answered with %#x", filter, granted)
			}
		}
		// Denied publishes are acknowledged or refused, in order, and go
		// nowhere.
		b.handler.Hang()
		w.publish(deviceTopic("d1"), 1, 1, "mine")
		w.publish(deviceTopic("d2"), 2, 1, "not mine")
		w.publish(deviceTopic("d2"), 3, 2, "not mine")
		w.publish(deviceTopic("d2"), 4, 0, "not mine")
		b.handler.AwaitCalls(t, 1)
		b.handler.Release()
		if answer := w.read(mqttload.Puback); answer[1] != 1 {
			t.Errorf("first acknowledged packet %x", answer)
		}
		answer := w.read(mqttload.Puback)
		if refused := len(answer) > 2 && answer[2] == 0x87; answer[1] != 2 || refused != (version == 5) {
			t.Errorf("denied publish answered with %x", answer)
		}
		if answer := w.read(mqttload.Pubrec); answer[1] != 3 {
			t.Errorf("denied publish of QoS 2 answered with %x", answer)
		}
		b.awaitCount(t, "linli_mqtt_messages_total", resultDenied, 3)
		if g := b.handler.Given(); len(g) != 1 || g[0].Topic != deviceTopic("d1") || g[0].Client != "d1" {
			t.Errorf("the handler was given %+v", g)
		}
	})
}

func TestLoginRefused(t *testing.T) {
	bothVersions(t, func(t *testing.T, version byte) {
		b := startBroker(t, BrokerConfig{})
		for _, c := range []struct {
			reason string
			frame  []byte
		}{
			{refusedCredentials, mqttload.ConnectFrame(version, "c", "d1", "wrong", true)},
			{refusedProtocol, mqttload.ConnectFrame(version, "c", "", "", true)}, // a password flag and no password
			{refusedCredentials, mqttload.ConnectFrame(version, "c", "", "x", true)},
			{refusedCredentials, mqttload.ConnectFrame(version, "c", "\xff\x00", "wrong", true)},
			{refusedClientID, mqttload.ConnectFrame(version, strings.Repeat("c", 200), "d1", "d1", true)},
			{refusedWill, connectWithWill(version, "d1", deviceTopic("d2"), "gone")},
			{refusedWill, connectWithWill(version, "d1", "linli/v1/d1/+", "gone")},
		} {
			before := b.count(t, "linli_mqtt_refused_total", c.reason)
			w := b.dial(t)
			w.write(c.frame)
			if body := w.read(mqttload.Connack); body[1] == 0 {
				t.Errorf("%s: logged in", c.reason)
			}
			w.ends()
			b.awaitCount(t, "linli_mqtt_refused_total", c.reason, before+1)
		}
	})
}

func connectWithWill(version byte, user, topic, payload string) []byte {
	body := append(mqttload.Text("MQTT"), version, 0xc6, 0, 0)
	will := [][]byte{mqttload.Text(topic), mqttload.Text(payload)}
	if version == 5 {
		body = append(body, 0)
		will = append([][]byte{{5, 0x18, 0, 0, 0, 60}}, will...) // will delay: 60 s
	}
	return mqttload.Frame(mqttload.Connect, append([][]byte{body, mqttload.Text("c")}, append(will, mqttload.Text(user), mqttload.Text(user))...)...)
}

func TestWill(t *testing.T) {
	const status = "linli/v1/d1/status"
	disconnect := mqttload.Frame(0xe0)
	bothVersions(t, func(t *testing.T, version byte) {
		login := func(b *brokerBench) *wire {
			w := b.dial(t)
			w.version = version
			w.write(connectWithWill(version, "d1", status, "gone"))
			w.read(mqttload.Connack)
			return w
		}
		wills := func(b *brokerBench) (n int) {
			b.awaitCount(t, "linli_mqtt_connections", "", 0)
			b.stop() // waits for whatever is under way
			for _, m := range b.handler.Given() {
				if m.Topic == status && m.Client == "d1" && string(m.Payload) == "gone" {
					n++
				}
			}
			return n
		}
		t.Run("lost", func(t *testing.T) {
			b := startBroker(t, BrokerConfig{})
			login(b).Close()
			b.handler.Await(t, "the will", func(m devices.Message) bool { return m.Topic == status })
			if n := wills(b); n != 1 {
				t.Errorf("%d wills", n)
			}
		})
		t.Run("goodbye", func(t *testing.T) {
			b := startBroker(t, BrokerConfig{})
			login(b).write(disconnect)
			if n := wills(b); n != 0 {
				t.Errorf("%d wills", n)
			}
		})
		t.Run("taken over", func(t *testing.T) {
			b := startBroker(t, BrokerConfig{})
			first := login(b)
			second := login(b)
			first.ends()
			second.write(disconnect)
			if n := wills(b); n != 0 {
				t.Errorf("%d wills of a device that is there", n)
			}
		})
		t.Run("gateway stops", func(t *testing.T) {
			b := startBroker(t, BrokerConfig{})
			login(b)
			b.stop()
			if n := wills(b); n != 0 {
				t.Errorf("%d wills because the gateway stopped", n)
			}
		})
		t.Run("gateway fails", func(t *testing.T) {
			b := startBroker(t, BrokerConfig{})
			b.handler.Fail(1)
			login(b).publish(deviceTopic("d1"), 1, 1, "x")
			if n := wills(b); n != 0 {
				t.Errorf("%d wills because the gateway could not keep a message", n)
			}
		})
	})
}

func TestClientIDIsBoundToAccount(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	victim := b.login(t, 4, "the-id", "d1", false)
	victim.subscribe("linli/v1/d1/command", 1)
	thief := b.login(t, 4, "the-id", "d2", false)
	if err := b.Publish(context.Background(), "linli/v1/d1/command", []byte("open"), 1, false); err != nil {
		t.Fatal(err)
	}
	victim.read(mqttload.Publish | 1<<1)
	thief.publish(deviceTopic("d2"), 1, 1, "x")
	thief.read(mqttload.Puback) // and no command before it
}

func TestSessionsOfAnAccountAreBounded(t *testing.T) {
	b := startBroker(t, BrokerConfig{Sessions: 2})
	first := b.login(t, 4, "1", "d1", false)
	first.Close()
	b.awaitCount(t, "linli_mqtt_connections", "", 0)
	second := b.login(t, 4, "2", "d1", false)
	b.login(t, 4, "3", "d1", false) // takes the place of the first
	w := b.dial(t)
	w.write(mqttload.ConnectFrame(4, "4", "d1", "d1", false))
	if body := w.read(mqttload.Connack); body[1] == 0 {
		t.Error("a third session was let in")
	}
	second.publish(deviceTopic("d1"), 1, 1, "x")
	second.read(mqttload.Puback)
	b.awaitCount(t, "linli_mqtt_refused_total", refusedSessions, 1)
}

func TestConnectionsAreBounded(t *testing.T) {
	b := startBroker(t, BrokerConfig{Connections: 4})
	silent := b.dial(t) // the one that may wait for its login
	b.dial(t).ends()
	b.awaitCount(t, "linli_mqtt_refused_total", refusedPending, 1)
	silent.Close()
	b.awaitCount(t, "linli_mqtt_refused_total", refusedProtocol, 1)
	for i := range 4 {
		b.login(t, 4, fmt.Sprint(i), "d1", true)
	}
	b.dial(t).ends()
	b.awaitCount(t, "linli_mqtt_refused_total", refusedFull, 1)
}

func TestDisconnectRevokes(t *testing.T) {
	bothVersions(t, func(t *testing.T, version byte) {
		b := startBroker(t, BrokerConfig{})
		w := b.login(t, version, "c", "d1", false)
		w.subscribe("linli/v1/d1/command", 1)
		other := b.login(t, version, "c", "d2", false)
		b.Disconnect("d1")
		if headers := w.ends(); (len(headers) == 1 && headers[0] == 0xe0) != (version == 5) {
			t.Errorf("told %x", headers)
		}
		other.publish(deviceTopic("d2"), 1, 1, "x")
		other.read(mqttload.Puback)
		w = b.dial(t)
		w.write(mqttload.ConnectFrame(version, "c", "d1", "d1", false))
		if body := w.read(mqttload.Connack); body[0] != 0 {
			t.Error("the session of the revoked account was kept")
		}
	})
}

func TestPersistentSessionGetsCommands(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	w := b.login(t, 4, "c", "d1", false)
	w.subscribe("linli/v1/d1/command", 1)
	w.Close()
	b.awaitCount(t, "linli_mqtt_connections", "", 0)
	if err := b.Publish(context.Background(), "linli/v1/d1/command", []byte("open"), 1, false); err != nil {
		t.Fatal(err)
	}
	w = b.dial(t)
	w.write(mqttload.ConnectFrame(4, "c", "d1", "d1", false))
	if body := w.read(mqttload.Connack); body[0] != 1 {
		t.Error("no session present")
	}
	if body := w.read(mqttload.Publish | 1<<1 | 1<<3); !bytes.HasSuffix(body, []byte("open")) {
		t.Errorf("got %x", body)
	}
}

// Retaining and subscribing at the same moment is a data race inside mochi;
// the race detector would find it here.
func TestRetainWhileSubscribing(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	publisher, subscriber := b.login(t, 4, "p", "bridge", true), b.login(t, 4, "s", "bridge", true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 300 {
			frame := mqttload.PublishFrame(4, fmt.Sprintf("zigbee2mqtt/%d", i%7), uint16(i+1), 1, false, []byte(strings.Repeat("x", i%2)))
			frame[0] |= 1
			if _, err := publisher.Write(frame); err != nil {
				return
			}
		}
	}()
	go io.Copy(io.Discard, publisher) // ends with the test
	frame := mqttload.Frame(mqttload.Subscribe, []byte{0, 1}, mqttload.Text("zigbee2mqtt/#"), []byte{0})
	go io.Copy(io.Discard, subscriber)
	for range 300 {
		subscriber.write(frame)
	}
	<-done
	b.awaitCount(t, "linli_mqtt_messages_total", resultHandled, 300)
}

func TestRetainedAreBounded(t *testing.T) {
	b := startBroker(t, BrokerConfig{RetainedBytes: 4096})
	w := b.login(t, 4, "p", "bridge", true)
	retain := func(topic, payload string, packet uint16) {
		frame := mqttload.PublishFrame(4, topic, packet, 1, false, []byte(payload))
		frame[0] |= 1
		w.write(frame)
		w.read(mqttload.Puback)
	}
	big := strings.Repeat("x", 3000)
	retain("zigbee2mqtt/a", big, 1)
	retain("zigbee2mqtt/b", big, 2) // does not fit
	retain("zigbee2mqtt/a", "", 3)
	retain("zigbee2mqtt/c", big, 4)
	late := b.login(t, 4, "late", "bridge", true)
	late.subscribe("zigbee2mqtt/#", 0)
	if body := late.read(mqttload.Publish | 1); !bytes.HasPrefix(body, mqttload.Text("zigbee2mqtt/c")) {
		t.Errorf("retained: %.40q", body)
	}
	w.publish("zigbee2mqtt/end", 5, 1, "")
	late.read(mqttload.Publish) // and nothing else was retained
}

func TestBrokerStopsWithMessagesInFlight(t *testing.T) {
	b := startBroker(t, BrokerConfig{Grace: time.Minute})
	w := b.login(t, 4, "c", "d1", true)
	b.handler.Hang()
	w.publish(deviceTopic("d1"), 1, 1, "x")
	b.handler.AwaitCalls(t, 1)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		b.stop()
	}()
	eventually(t, "the port to be given up", func() bool {
		c, err := net.Dial("tcp", b.Addr().String())
		return err != nil || c.Close() != nil
	})
	b.handler.Release()
	w.read(mqttload.Puback) // before the connection is closed
	<-stopped
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = NewBroker(BrokerConfig{Listen: l.Addr().String()}, testLogin, devicetest.NewHandler().Handle, testLog(t), prometheus.NewRegistry())
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("error is %v", err)
	}
}

func TestPahoAtTheBroker(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	b := startBroker(t, BrokerConfig{})
	defer b.stop()
	commands := make(chan paho.Message, 3)
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + b.Addr().String()).SetClientID("c").SetUsername("d1").SetPassword("d1").SetAutoReconnect(false))
	defer c.Disconnect(200)
	for _, token := range []func() paho.Token{
		c.Connect,
		func() paho.Token {
			return c.Subscribe("linli/v1/d1/command", 2, func(_ paho.Client, m paho.Message) { commands <- m })
		},
		func() paho.Token { return c.Publish(deviceTopic("d1"), 0, false, "0") },
		func() paho.Token { return c.Publish(deviceTopic("d1"), 1, false, "1") },
		func() paho.Token { return c.Publish(deviceTopic("d1"), 2, false, "2") },
	} {
		if tk := token(); !tk.WaitTimeout(time.Minute) || tk.Error() != nil {
			t.Fatal(tk.Error())
		}
	}
	for qos := range byte(3) {
		if err := b.Publish(context.Background(), "linli/v1/d1/command", []byte{'0' + qos}, qos, false); err != nil {
			t.Fatal(err)
		}
		if m := <-commands; m.Qos() != qos || m.Payload()[0] != '0'+qos {
			t.Errorf("command of QoS %d came as %d %q", qos, m.Qos(), m.Payload())
		}
	}
	for _, text := range []string{"0", "1", "2"} {
		b.handler.Await(t, text, func(m devices.Message) bool { return string(m.Payload) == text })
	}
}

func TestMosquittoPubAtTheBroker(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	host, port, err := net.SplitHostPort(b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"mqttv311", "mqttv5"} {
		for _, qos := range []string{"0", "1", "2"} {
			text := version + " " + qos
			out, err := exec.Command(tool(t, "mosquitto_pub"), "-h", host, "-p", port, "-V", version, "-q", qos,
				"-i", "c", "-u", "d1", "-P", "d1", "-t", deviceTopic("d1"), "-m", text).CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v: %s", text, err, out)
			}
			b.handler.Await(t, text, func(m devices.Message) bool { return string(m.Payload) == text && m.Client == "d1" })
		}
	}
}
