package mqtt

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
)

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
	b.awaitCount(t, "linli_mqtt_disconnects_total", "protocol", 20)
	b.awaitCount(t, "linli_mqtt_connections", "", 1)
	// The session lives, and retaining is not blocked.
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
	start := time.Now()
	for i := 0; b.count(t, "linli_mqtt_stuck_total", "") == 0; i++ {
		if time.Since(start) > time.Minute {
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
	eventually(t, "the place of one that is refused to be free", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.pending == 0
	})
	for i := range 4 {
		b.login(t, 4, fmt.Sprint(i), "d1", true)
	}
	b.dial(t).ends()
	b.awaitCount(t, "linli_mqtt_refused_total", refusedFull, 1)
}

// Retaining and subscribing at the same moment disturb each other in nothing.
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
