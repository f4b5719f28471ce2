package mqtt

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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
	config.Listeners = append([]Listener{{Address: "127.0.0.1:0"}}, config.Listeners...)
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

func (b *brokerBench) count(t testing.TB, name, label string) float64 {
	t.Helper()
	return metricValue(t, b.metrics, name, label)
}

// metricValue reads a counter or gauge, of one label value or, if that is
// empty, of all.
func metricValue(t testing.TB, g prometheus.Gatherer, name, label string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			found := label == ""
			for _, l := range m.GetLabel() {
				found = found || l.GetValue() == label
			}
			if found {
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
	c, err := net.Dial("tcp", b.Addrs()[0].String())
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
