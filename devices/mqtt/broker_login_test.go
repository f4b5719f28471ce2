package mqtt

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/devicetest"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

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
			{refusedCredentials, mqttload.ConnectFrame(version, "c", "", "", true)},
			{refusedCredentials, mqttload.ConnectFrame(version, "c", "", "x", true)},
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
			if n := wills(b); n != 1 {
				t.Errorf("%d wills of the connection that was given up (3.1.4-3)", n)
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

// Whoever is logging in while the secret is taken back is not let in by the
// answer of a moment before.
func TestRevokedWhileLoggingIn(t *testing.T) {
	var b *Broker
	revoked := false
	login := func(c Credentials) (devices.Account, bool) {
		if revoked {
			return devices.Account{}, false
		}
		revoked = true // after it was found to be good
		b.Disconnect(c.User)
		return testLogin(c)
	}
	b, err := NewBroker(BrokerConfig{Listeners: []Listener{{Address: "127.0.0.1:0"}}, RefusalDelay: time.Millisecond}, login, devicetest.NewHandler().Handle, testLog(t), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer runDriver(t, b)()
	p := (&brokerBench{Broker: b}).peer(t, packet.V5)
	p.send((&packet.Connect{Version: packet.V5, CleanStart: true, User: []byte(hub), Password: []byte(hub)}).Append(nil))
	if ack := expect[*packet.Connack](p); ack.Reason != packet.BadUserOrPassword {
		t.Errorf("told %v", ack.Reason)
	}
	p.closed()
}
