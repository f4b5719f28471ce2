package mqtt

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"os/exec"
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
	b, err := NewBroker(BrokerConfig{Listeners: []Listener{{Address: "127.0.0.1:0"}}}, testLogin, func(_ context.Context, m devices.Message, done func(error)) {
		if string(m.Payload) == "bomb" {
			panic("bomb")
		}
		done(nil)
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
	if body := w.read(mqttload.Publish | 1<<1); !bytes.HasSuffix(body, []byte("open")) {
		t.Errorf("got %x", body)
	}
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
		c, err := net.Dial("tcp", b.Addrs()[0].String())
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
	_, err = NewBroker(BrokerConfig{Listeners: []Listener{{Address: l.Addr().String()}}}, testLogin, devicetest.NewHandler().Handle, testLog(t), prometheus.NewRegistry())
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("error is %v", err)
	}
}

func TestPahoAtTheBroker(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	b := startBroker(t, BrokerConfig{})
	defer b.stop()
	commands := make(chan paho.Message, 3)
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + b.Addrs()[0].String()).SetClientID("c").SetUsername("d1").SetPassword("d1").SetAutoReconnect(false))
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
	host, port, err := net.SplitHostPort(b.Addrs()[0].String())
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
