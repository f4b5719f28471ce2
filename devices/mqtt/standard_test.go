package mqtt

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

// The tests of this file are the standard's own subjects, one each, with the
// section of MQTT 5 that asks for it.

// 4.4: what was not acknowledged is sent again on reconnect, in its order, with
// the same numbers, marked as duplicates.
func TestRedeliveryOnReconnect(t *testing.T) {
	inVersions(t, func(t *testing.T, v packet.Version) {
		b := startBroker(t, BrokerConfig{})
		p, _ := b.connect(t, v, "c", keeping)
		p.subscribe("std/#", 2, nil)
		other, _ := b.connect(t, v, "other", nil)
		for i := range 3 {
			other.publish("std/a", byte(i%2+1), fmt.Sprint(i), nil)
		}
		var first []uint16
		for i := range 3 {
			first = append(first, p.hears(fmt.Sprint(i)).ID)
		}
		p.say(&packet.Ack{Type: packet.PUBACK, ID: first[0]}, &packet.Ack{Type: packet.PUBREC, ID: first[1]})
		p.ack(packet.PUBREL, first[1])
		p.Close()
		p, ack := b.connect(t, v, "c", keeping)
		if !ack.SessionPresent {
			t.Fatal("no session present")
		}
		p.ack(packet.PUBREL, first[1]) // it had come that far
		if m := p.hears("2"); !m.Dup || m.ID != first[2] {
			t.Errorf("number %d, first %d, duplicate %t", m.ID, first[2], m.Dup)
		}
		p.say(&packet.Ack{Type: packet.PUBCOMP, ID: first[1]}, &packet.Ack{Type: packet.PUBACK, ID: first[2]})
		p.silent()
		if s := b.Clients(); s[0].Queued != 0 {
			t.Errorf("%d messages still wait", s[0].Queued)
		}
	})
}

// 4.1, 4.5: what comes while a client is away waits for it; QoS 0 does not.
func TestOfflineQueueing(t *testing.T) {
	inVersions(t, func(t *testing.T, v packet.Version) {
		b := startBroker(t, BrokerConfig{})
		p, _ := b.connect(t, v, "c", keeping)
		p.subscribe("std/#", 2, nil)
		p.say(&packet.Disconnect{})
		p.closed()
		b.awaitCount(t, "linli_mqtt_connections", "", 0)
		other, _ := b.connect(t, v, "other", nil)
		for qos := range byte(3) {
			other.publish("std/a", qos, fmt.Sprint(qos), nil)
		}
		other.silent()
		p, _ = b.connect(t, v, "c", keeping)
		for qos := byte(1); qos < 3; qos++ {
			if m := p.hears(fmt.Sprint(qos)); m.QoS != qos || m.Dup {
				t.Errorf("%+v", m)
			}
		}
		p.silent()
	})
}

// 3.3.4: of subscriptions that overlap the highest QoS counts, and a client
// that gets one copy gets all identifiers.
func TestOverlappingSubscriptions(t *testing.T) {
	inVersions(t, func(t *testing.T, v packet.Version) {
		b := startBroker(t, BrokerConfig{})
		p, _ := b.connect(t, v, "c", nil)
		for i, filter := range []string{"std/#", "std/+", "std/a"} {
			p.subscribe(filter, byte(i), func(s *packet.Subscribe) {
				if v == packet.V5 {
					s.Properties.SubscriptionIDs = []uint32{uint32(i + 1)}
				}
			})
		}
		p.say(&packet.Publish{Topic: []byte("std/a"), QoS: 2, ID: 1, Payload: []byte("x")})
		p.ack(packet.PUBREC, 1)
		m := p.hears("x")
		slices.Sort(m.Properties.SubscriptionIDs)
		if m.QoS != 2 || v == packet.V5 && !slices.Equal(m.Properties.SubscriptionIDs, []uint32{1, 2, 3}) {
			t.Errorf("QoS %d, identifiers %v", m.QoS, m.Properties.SubscriptionIDs)
		}
		p.silent()
	})
}

// 3.1.2.10: who is silent for one and a half keep-alives is gone.
func TestKeepAlive(t *testing.T) {
	inVersions(t, func(t *testing.T, v packet.Version) {
		b := startBroker(t, BrokerConfig{})
		began := time.Now()
		p, _ := b.connect(t, v, "c", func(c *packet.Connect) { c.KeepAlive = 1 })
		if r := p.ended(); r != packet.KeepAliveTimeout && v == packet.V5 {
			t.Errorf("told %v", r)
		}
		if d := time.Since(began); d < 1500*time.Millisecond {
			t.Errorf("closed after %v", d)
		}
		b.awaitCount(t, "linli_mqtt_disconnects_total", "keep_alive", 1)
	})
}

// 3.2.2.3.14: the server's keep-alive counts where the client's is longer.
func TestServerKeepAlive(t *testing.T) {
	b := startBroker(t, BrokerConfig{KeepAlive: time.Second})
	for _, asked := range []uint16{0, 600} {
		p, ack := b.connect(t, packet.V5, "c", func(c *packet.Connect) { c.KeepAlive = asked })
		if n := ack.Properties.Number(packet.ServerKeepAlive); n != 1 {
			t.Errorf("server keep-alive is %d", n)
		}
		if r := p.ended(); r != packet.KeepAliveTimeout {
			t.Errorf("told %v", r)
		}
	}
	_, ack := b.connect(t, packet.V5, "c", func(c *packet.Connect) { c.KeepAlive = 1 })
	if ack.Properties.Has(packet.ServerKeepAlive) {
		t.Error("a shorter keep-alive was changed")
	}
}

// 3.1.2.5, 3.14.4: a will is published when the connection is lost, or when
// the client asks for it, and not after a normal goodbye.
func TestWillIsPublished(t *testing.T) {
	inVersions(t, func(t *testing.T, v packet.Version) {
		b := startBroker(t, BrokerConfig{})
		watcher, _ := b.connect(t, v, "w", nil)
		watcher.subscribe("std/#", 1, nil)
		will := func(c *packet.Connect) {
			c.Will = &packet.Will{QoS: 1, Retain: true, Topic: []byte("std/will"), Payload: []byte("gone")}
			if v == packet.V5 {
				c.Will.Properties.SetData(packet.ContentType, []byte("text"))
			}
		}
		p, _ := b.connect(t, v, "c", will)
		p.Close()
		m := watcher.hears("gone")
		watcher.say(&packet.Ack{Type: packet.PUBACK, ID: m.ID})
		if v == packet.V5 && string(m.Properties.Data(packet.ContentType)) != "text" {
			t.Errorf("the will's properties are lost: %+v", m.Properties)
		}
		late, _ := b.connect(t, v, "late", nil)
		late.subscribe("std/will", 0, nil)
		if m := late.hears("gone"); !m.Retain {
			t.Error("the will was not retained")
		}
		p, _ = b.connect(t, v, "c", will)
		p.say(&packet.Disconnect{})
		p.closed()
		if v == packet.V5 {
			p, _ = b.connect(t, v, "c", will)
			p.say(&packet.Disconnect{Reason: packet.DisconnectWithWill})
			watcher.say(&packet.Ack{Type: packet.PUBACK, ID: watcher.hears("gone").ID})
		}
		b.awaitCount(t, "linli_mqtt_disconnects_total", "goodbye", float64(v-3))
		watcher.silent()
	})
}

// 3.1.3.2.2: a will waits for its delay, or for the end of the session, and is
// not sent if the client comes back.
func TestWillDelay(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	watcher, _ := b.connect(t, packet.V5, "w", nil)
	watcher.subscribe("std/#", 0, nil)
	login := func(delay, expiry uint32, clean bool) *peer {
		p, _ := b.connect(t, packet.V5, "c", func(c *packet.Connect) {
			c.CleanStart = clean
			c.Properties.SetNumber(packet.SessionExpiry, expiry)
			c.Will = &packet.Will{Topic: []byte("std/will"), Payload: fmt.Appendf(nil, "%d/%d", delay, expiry)}
			c.Will.Properties.SetNumber(packet.WillDelay, delay)
		})
		return p
	}
	began := time.Now()
	login(1, 60, true).Close()
	watcher.hears("1/60")
	if d := time.Since(began); d < time.Second {
		t.Errorf("the will came after %v", d)
	}
	login(60, 1, true).Close()
	watcher.hears("60/1") // the session has ended
	login(60, 60, true).Close()
	b.awaitCount(t, "linli_mqtt_connections", "", 1)
	p := login(60, 60, false) // back in time
	watcher.silent()
	p.Close()
	b.awaitCount(t, "linli_mqtt_connections", "", 1)
	login(0, 0, true) // the session ends with the clean start
	watcher.hears("60/60")
}

// 3.1.3.1: a client without an ID is given one, where no session is kept.
func TestZeroLengthClientID(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	_, ack := b.connect(t, packet.V5, "", nil)
	if len(ack.Properties.Data(packet.AssignedClientID)) == 0 {
		t.Error("no client ID was assigned")
	}
	p, _ := b.connect(t, packet.V311, "", nil)
	p.silent()
	p = b.peer(t, packet.V311)
	p.send((&packet.Connect{Version: packet.V311, User: []byte(hub), Password: []byte(hub)}).Append(nil))
	if ack := expect[*packet.Connack](p); ack.Reason != packet.ClientIDNotValid {
		t.Errorf("answered with %v", ack.Reason)
	}
	p.closed()
}

// 4.7.2: a wildcard at the beginning does not reach topics that begin with $,
// and nobody publishes there. The server's own are there to be read.
func TestDollarTopics(t *testing.T) {
	inVersions(t, func(t *testing.T, v packet.Version) {
		b := startBroker(t, BrokerConfig{})
		p, _ := b.connect(t, v, "c", func(c *packet.Connect) { c.User, c.Password = []byte("root"), []byte("root") })
		for _, filter := range []string{"#", "+/broker/version"} {
			if r := p.subscribe(filter, 0, nil); r != packet.Success {
				t.Errorf("%s: %v", filter, r)
			}
		}
		if r := p.publish("$SYS/broker/version", 1, "mine", nil); r != packet.NotAuthorized && v == packet.V5 {
			t.Errorf("publishing below $SYS: %v", r)
		}
		p.silent()
		p.subscribe("$SYS/broker/version", 0, nil)
		if m := expect[*packet.Publish](p); !m.Retain || !strings.HasPrefix(string(m.Payload), "linli-gateway") {
			t.Errorf("got %q", m.Payload)
		}
		p.subscribe("$SYS/#", 0, nil)
		for range b.status() {
			expect[*packet.Publish](p)
		}
	})
}

// 3.1.2.11.2, 3.14.2.2.2: a session lasts as long as the client has asked.
func TestSessionExpiry(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	present := func(expiry uint32) bool {
		p, ack := b.connect(t, packet.V5, "c", func(c *packet.Connect) {
			c.CleanStart = false
			c.Properties.SetNumber(packet.SessionExpiry, expiry)
		})
		p.Close()
		b.awaitCount(t, "linli_mqtt_connections", "", 0)
		return ack.SessionPresent
	}
	if present(60) {
		t.Error("a session before the first")
	}
	if !present(60) || !present(0) {
		t.Error("the session was not kept")
	}
	if present(1) {
		t.Error("a session without an expiry was kept")
	}
	b.awaitCount(t, "linli_mqtt_sessions", "", 0)
	p, _ := b.connect(t, packet.V5, "c", keeping)
	q := &packet.Disconnect{}
	q.Properties.SetNumber(packet.SessionExpiry, 0)
	p.say(q)
	p.closed()
	if present(0) {
		t.Error("a session was kept that the client has ended in its DISCONNECT")
	}
	p, _ = b.connect(t, packet.V5, "c", nil)
	q.Properties.SetNumber(packet.SessionExpiry, 5)
	p.say(q)
	if r := p.ended(); r != packet.ProtocolError {
		t.Errorf("an expiry after none: %v", r)
	}
}

// 4.9: neither side sends more than the other takes at once.
func TestFlowControl(t *testing.T) {
	b := startBroker(t, BrokerConfig{Window: 3})
	p, ack := b.connect(t, packet.V5, "c", func(c *packet.Connect) { c.Properties.SetNumber(packet.ReceiveMaximum, 2) })
	if n := ack.Properties.Number(packet.ReceiveMaximum); n != 3 {
		t.Errorf("receive maximum is %d", n)
	}
	p.subscribe("std/#", 2, nil)
	other, _ := b.connect(t, packet.V5, "other", nil)
	for i := range 5 {
		other.publish("std/a", byte(i%2+1), fmt.Sprint(i), nil)
	}
	one, two := p.hears("0"), p.hears("1")
	p.silent()
	p.say(&packet.Ack{Type: packet.PUBREC, ID: two.ID})
	p.ack(packet.PUBREL, two.ID)
	p.silent() // PUBREC alone makes no room
	p.say(&packet.Ack{Type: packet.PUBACK, ID: one.ID}, &packet.Ack{Type: packet.PUBCOMP, ID: two.ID})
	p.hears("2")
	p.hears("3")
	p.silent()

	b.handler.Hang()
	for i := range uint16(4) {
		other.say(&packet.Publish{Topic: []byte("std/b"), QoS: 1, ID: i + 1})
	}
	if r := other.ended(); r != packet.ReceiveMaximumExceeded {
		t.Errorf("a fourth message: %v", r)
	}
	b.handler.Release()
}

// 3.3.2.3.4: aliases of the client, within the maximum, for this connection.
func TestTopicAliasFromTheClient(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	watcher, _ := b.connect(t, packet.V5, "w", nil)
	watcher.subscribe("std/#", 0, nil)
	p, ack := b.connect(t, packet.V5, "c", nil)
	limit := ack.Properties.Number(packet.TopicAliasMaximum)
	send := func(topic string, alias uint32) {
		m := &packet.Publish{Topic: []byte(topic), Payload: []byte(topic)}
		m.Properties.SetNumber(packet.TopicAlias, alias)
		p.say(m)
	}
	send("std/a", 1)
	send("std/b", limit)
	send("", 1)
	send("std/c", 1)
	send("", 1)
	for _, want := range []string{"std/a", "std/b", "std/a", "std/c", "std/c"} {
		if m := expect[*packet.Publish](watcher); string(m.Topic) != want || m.Properties.Has(packet.TopicAlias) {
			t.Errorf("came on %s, not %s", m.Topic, want)
		}
	}
	for _, wrong := range []struct {
		topic  string
		alias  uint32
		reason packet.Reason
	}{{"std/a", 0, packet.TopicAliasInvalid}, {"std/a", limit + 1, packet.TopicAliasInvalid}, {"", 2, packet.ProtocolError}} {
		p, _ = b.connect(t, packet.V5, "c", nil)
		send(wrong.topic, wrong.alias)
		if r := p.ended(); r != wrong.reason {
			t.Errorf("alias %d of %q: %v", wrong.alias, wrong.topic, r)
		}
	}
}

// 3.1.2.11.5: aliases towards the client, as many as it takes.
func TestTopicAliasToTheClient(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	p, _ := b.connect(t, packet.V5, "c", func(c *packet.Connect) { c.Properties.SetNumber(packet.TopicAliasMaximum, 1) })
	p.subscribe("std/#", 0, nil)
	for i, topic := range []string{"std/a", "std/a", "std/b", "std/a"} {
		p.publish(topic, 0, "x", nil)
		m := p.hears("x")
		alias := m.Properties.Number(packet.TopicAlias)
		wantTopic := topic
		if i == 1 || i == 3 {
			wantTopic = ""
		}
		if string(m.Topic) != wantTopic || (alias == 1) != (topic == "std/a") {
			t.Errorf("message %d on %s came as %q, alias %d", i, topic, m.Topic, alias)
		}
	}
}

// 3.8.3.1: no local, retain as published, retain handling.
func TestSubscribeOptions(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	p, _ := b.connect(t, packet.V5, "c", nil)
	other, _ := b.connect(t, packet.V5, "other", nil)
	options := func(change func(*packet.Subscription)) func(*packet.Subscribe) {
		return func(s *packet.Subscribe) { change(&s.Filters[0]) }
	}
	p.subscribe("std/local", 0, options(func(s *packet.Subscription) { s.NoLocal = true }))
	p.publish("std/local", 0, "mine", nil)
	p.silent()
	other.publish("std/local", 0, "theirs", nil)
	p.hears("theirs")

	p.subscribe("std/plain", 0, nil)
	p.subscribe("std/as", 0, options(func(s *packet.Subscription) { s.RetainAsPublished = true }))
	for topic, want := range map[string]bool{"std/plain": false, "std/as": true} {
		other.publish(topic, 0, "r", retained)
		if m := p.hears("r"); m.Retain != want {
			t.Errorf("%s: retain is %t", topic, m.Retain)
		}
	}
	for handling, want := range [][]bool{{true, true}, {true, false}, {false, false}} {
		q, _ := b.connect(t, packet.V5, fmt.Sprint("h", handling), nil)
		for _, comes := range want {
			q.subscribe("std/as", 0, options(func(s *packet.Subscription) { s.RetainHandling = byte(handling) }))
			if comes {
				if m := q.hears("r"); !m.Retain {
					t.Error("what is retained is not marked")
				}
			}
			q.silent()
		}
	}
}

// 3.8.2.1.2: the identifier comes with the message, and goes with the
// subscription.
func TestSubscriptionIdentifiers(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	p, _ := b.connect(t, packet.V5, "c", nil)
	for _, id := range []uint32{7, packet.MaxLength} {
		p.subscribe("std/a", 1, func(s *packet.Subscribe) { s.Properties.SubscriptionIDs = []uint32{id} })
		p.publish("std/a", 0, "x", nil)
		if m := p.hears("x"); !slices.Equal(m.Properties.SubscriptionIDs, []uint32{id}) {
			t.Errorf("identifiers %v, not %d", m.Properties.SubscriptionIDs, id)
		}
	}
	p.subscribe("std/a", 1, nil) // in the place of the earlier one
	p.publish("std/a", 0, "x", nil)
	if m := p.hears("x"); len(m.Properties.SubscriptionIDs) != 0 {
		t.Errorf("identifiers %v", m.Properties.SubscriptionIDs)
	}
	p.say(&packet.Unsubscribe{ID: 3, Filters: [][]byte{[]byte("std/a"), []byte("std/b")}})
	if r := expect[*packet.Suback](p).Reasons; !slices.Equal(r, []packet.Reason{packet.Success, packet.NoSubscriptionExisted}) {
		t.Errorf("UNSUBACK %v", r)
	}
	p.publish("std/a", 0, "x", nil)
	p.silent()
}

// 4.10, 3.3.2.3: the properties of a request reach the responder unchanged.
func TestRequestResponse(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	asks, _ := b.connect(t, packet.V5, "asks", nil)
	answers, _ := b.connect(t, packet.V5, "answers", nil)
	answers.subscribe("std/request", 1, nil)
	asks.subscribe("std/response", 1, nil)
	user := []byte{byte(packet.UserProperty), 0, 1, 'k', 0, 2, 'v', 'v', byte(packet.UserProperty), 0, 1, 'k', 0, 1, 'w'}
	asks.publish("std/request", 1, "?", func(m *packet.Publish) {
		m.Properties.SetData(packet.ResponseTopic, []byte("std/response"))
		m.Properties.SetData(packet.CorrelationData, []byte{0, 1, 0xff})
		m.Properties.SetData(packet.ContentType, []byte("text/plain"))
		m.Properties.SetNumber(packet.PayloadFormat, 1)
		m.Properties.Raw = user
	})
	m := answers.hears("?")
	q := &m.Properties
	if string(q.Data(packet.ResponseTopic)) != "std/response" || !bytes.Equal(q.Data(packet.CorrelationData), []byte{0, 1, 0xff}) ||
		string(q.Data(packet.ContentType)) != "text/plain" || q.Number(packet.PayloadFormat) != 1 || !bytes.Equal(q.Raw, user) {
		t.Errorf("properties are %+v", q)
	}
	answers.publish(string(q.Data(packet.ResponseTopic)), 1, "!", func(r *packet.Publish) {
		r.Properties.SetData(packet.CorrelationData, q.Data(packet.CorrelationData))
	})
	if m := asks.hears("!"); !bytes.Equal(m.Properties.Data(packet.CorrelationData), []byte{0, 1, 0xff}) {
		t.Errorf("correlation data %x", m.Properties.Data(packet.CorrelationData))
	}
}

// 3.3.2.3.3: a message past its time is not sent; one that is says how much is
// left.
func TestPublicationExpiry(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	p, _ := b.connect(t, packet.V5, "c", keeping)
	p.subscribe("std/#", 1, nil)
	p.Close()
	b.awaitCount(t, "linli_mqtt_connections", "", 0)
	other, _ := b.connect(t, packet.V5, "other", nil)
	for _, seconds := range []uint32{1, 600} {
		other.publish("std/a", 1, fmt.Sprint(seconds), func(m *packet.Publish) {
			m.Retain = true
			m.Properties.SetNumber(packet.MessageExpiry, seconds)
		})
	}
	other.publish("std/b", 1, "short", func(m *packet.Publish) {
		m.Retain = true
		m.Properties.SetNumber(packet.MessageExpiry, 1)
	})
	eventually(t, "a second to pass", func() bool { return len(b.router.kept("std/b")) == 0 })
	p, _ = b.connect(t, packet.V5, "c", keeping)
	m := p.hears("600")
	if left := m.Properties.Number(packet.MessageExpiry); left < 500 || left > 599 {
		t.Errorf("%d seconds are left", left)
	}
	p.silent()
	late, _ := b.connect(t, packet.V5, "late", nil)
	late.subscribe("std/#", 0, nil)
	late.hears("600")
	late.silent()
}

// 3.1.2.11.4, 3.2.2.3.6: neither side sends a packet larger than the other
// takes.
func TestMaximumPacketSize(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	p, ack := b.connect(t, packet.V5, "c", func(c *packet.Connect) { c.Properties.SetNumber(packet.MaximumPacketSize, 100) })
	if n := ack.Properties.Number(packet.MaximumPacketSize); n != maxPacket {
		t.Errorf("maximum packet size is %d", n)
	}
	p.subscribe("std/#", 1, nil)
	other, _ := b.connect(t, packet.V5, "other", nil)
	other.publish("std/a", 1, strings.Repeat("x", 100), nil)
	other.publish("std/a", 0, strings.Repeat("x", 100), nil)
	other.publish("std/a", 1, "small", nil)
	p.hears("small")
	b.awaitCount(t, "linli_mqtt_dropped_total", droppedSize, 2)
	other.send(packet.AppendLength([]byte{byte(packet.PUBLISH) << 4}, maxPacket+1))
	if r := other.ended(); r != packet.PacketTooLarge {
		t.Errorf("told %v", r)
	}
}

// 4.8.2: each message goes to one member of a group, and to those outside.
func TestSharedSubscriptions(t *testing.T) {
	b := startBroker(t, BrokerConfig{})
	for i := range 3 {
		p, _ := b.connect(t, packet.V5, fmt.Sprint("m", i), nil)
		if r := p.subscribe("$share/g/std/+", 1, nil); r != packet.GrantedQoS1 {
			t.Fatal(r)
		}
	}
	outside, _ := b.connect(t, packet.V311, "outside", nil)
	outside.subscribe("std/#", 0, nil)
	other, _ := b.connect(t, packet.V5, "other", nil)
	const n = 30
	other.publish("std/r", 1, "retained", retained) // is not sent to a new shared subscription
	for i := range n {
		other.publish("std/a", 1, fmt.Sprint(i), nil)
	}
	outside.hears("retained")
	for i := range n {
		outside.hears(fmt.Sprint(i))
	}
	total := 0
	for _, s := range b.Clients() {
		if strings.HasPrefix(s.Client, "m") {
			total += s.Queued
			if s.Queued < n/4 {
				t.Errorf("%s got %d", s.Client, s.Queued)
			}
		}
	}
	if total != n+1 {
		t.Errorf("the group got %d messages of %d", total, n+1)
	}
	for _, wrong := range []string{"$share/g", "$share//std/a", "$share/+/std/a"} {
		if r := other.subscribe(wrong, 1, nil); r != packet.TopicFilterInvalid {
			t.Errorf("%s: %v", wrong, r)
		}
	}
}

// 3.3.1.3: what is retained is replaced, and removed by an empty payload.
func TestRetainedMessages(t *testing.T) {
	inVersions(t, func(t *testing.T, v packet.Version) {
		b := startBroker(t, BrokerConfig{})
		p, _ := b.connect(t, v, "c", nil)
		p.publish("std/a", 1, "old", retained)
		p.publish("std/a", 2, "new", retained)
		p.publish("std/b", 0, "gone", retained)
		p.publish("std/b", 0, "", retained)
		p.silent()
		p.subscribe("std/+", 1, nil)
		if m := p.hears("new"); !m.Retain || m.QoS != 1 {
			t.Errorf("%+v", m)
		}
		p.silent()
	})
}

// 3.1.4: a second connection of a client ends the first.
func TestTakeOver(t *testing.T) {
	inVersions(t, func(t *testing.T, v packet.Version) {
		b := startBroker(t, BrokerConfig{})
		first, _ := b.connect(t, v, "c", nil)
		second, _ := b.connect(t, v, "c", nil)
		if r := first.ended(); r != packet.SessionTakenOver && v == packet.V5 {
			t.Errorf("told %v", r)
		}
		second.silent()
	})
}

// 4.13: what is not allowed ends the connection, with the reason in MQTT 5.
func TestProtocolErrors(t *testing.T) {
	for name, c := range map[string]struct {
		frame  []byte
		reason packet.Reason
	}{
		"second CONNECT":      {(&packet.Connect{Version: packet.V5, CleanStart: true}).Append(nil), packet.ProtocolError},
		"a server's packet":   {(&packet.Connack{}).Append(nil, packet.V5), packet.ProtocolError},
		"AUTH":                {[]byte{0xf0, 0}, packet.ProtocolError},
		"a server's property": {(&packet.Publish{Topic: []byte("std/a"), Properties: packet.Properties{SubscriptionIDs: []uint32{1}}}).Append(nil, packet.V5), packet.ProtocolError}, // 3.3.4-6
		"malformed":           {[]byte{0x82, 0}, packet.Malformed},
		"wildcard in a topic": {(&packet.Publish{Topic: []byte("std/+")}).Append(nil, packet.V5), packet.TopicNameInvalid},
		"NUL in a topic":      {(&packet.Publish{Topic: []byte("std/\x00")}).Append(nil, packet.V5), packet.Malformed},
		"topic not UTF-8":     {(&packet.Publish{Topic: []byte("std/\xff")}).Append(nil, packet.V5), packet.Malformed},
		"oversized topic":     {(&packet.Publish{Topic: bytes.Repeat([]byte("x"), maxTopic+1)}).Append(nil, packet.V5), packet.TopicNameInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			b := startBroker(t, BrokerConfig{})
			p, _ := b.connect(t, packet.V5, "c", nil)
			p.send(c.frame)
			if r := p.ended(); r != c.reason {
				t.Errorf("told %v, not %v", r, c.reason)
			}
		})
	}
	b := startBroker(t, BrokerConfig{})
	for name, c := range map[string]*packet.Connect{
		"enhanced authentication": func() *packet.Connect {
			c := &packet.Connect{Version: packet.V5, CleanStart: true}
			c.Properties.SetData(packet.AuthenticationMethod, []byte("SCRAM"))
			return c
		}(),
	} {
		p := b.peer(t, packet.V5)
		p.send(c.Append(nil))
		if ack := expect[*packet.Connack](p); ack.Reason != packet.BadAuthenticationMethod || len(ack.Properties.Data(packet.ReasonString)) == 0 {
			t.Errorf("%s: %v", name, ack.Reason)
		}
		p.closed()
	}
	p := b.peer(t, packet.V311)
	p.send([]byte("\x10\x0c\x00\x04MQTT\x09\x02\x00\x00\x00\x00"))
	if ack := expect[*packet.Connack](p); ack.Reason != packet.UnsupportedVersion {
		t.Errorf("level 9: %v", ack.Reason)
	}
	p.closed()
}

// QoS 2 towards the broker: a number that has not been released is the same
// message, however often it comes.
func TestQoS2IsExactlyOnce(t *testing.T) {
	inVersions(t, func(t *testing.T, v packet.Version) {
		b := startBroker(t, BrokerConfig{File: filepath.Join(t.TempDir(), "sessions")})
		watcher, _ := b.connect(t, v, "w", nil)
		watcher.subscribe("std/#", 0, nil)
		m := &packet.Publish{Topic: []byte("std/a"), QoS: 2, ID: 9, Payload: []byte("once")}
		for range 3 {
			p, _ := b.connect(t, v, "c", keeping)
			p.say(m)
			p.ack(packet.PUBREC, 9)
			m.Dup = true
			p.Close()
		}
		p, _ := b.connect(t, v, "c", keeping)
		p.say(&packet.Ack{Type: packet.PUBREL, ID: 9})
		p.ack(packet.PUBCOMP, 9)
		p.say(&packet.Ack{Type: packet.PUBREL, ID: 9})
		if r := p.ack(packet.PUBCOMP, 9); r != packet.PacketIDNotFound && v == packet.V5 {
			t.Errorf("a second PUBREL: %v", r)
		}
		watcher.hears("once")
		watcher.silent()
		if n := len(b.handler.Taken()); n != 1 {
			t.Errorf("handled %d times", n)
		}
		m.Dup = false
		p.say(m)
		p.ack(packet.PUBREC, 9)
		watcher.hears("once") // the number was free again
	})
}

// 2.2.1: a number is not used again while its message is unacknowledged, also
// not when all others have been used meanwhile. What follows waits for the
// client, and is sent again in its order if it comes back instead.
func TestNumberOfAnUnacknowledgedMessage(t *testing.T) {
	inVersions(t, func(t *testing.T, v packet.Version) {
		b := startBroker(t, BrokerConfig{})
		p, _ := b.connect(t, v, "c", keeping)
		p.subscribe("std/a", 1, nil)
		tell := func(payload string) {
			t.Helper()
			if err := b.Publish(t.Context(), "std/a", []byte(payload), 1, false); err != nil {
				t.Fatal(err)
			}
		}
		tell("owed")
		owed := p.hears("owed").ID
		b.mu.Lock()
		s := b.sessions[hub+"/c"]
		b.mu.Unlock()
		s.mu.Lock()
		s.seq += 0xffff - 2 // as many others, all of them acknowledged
		s.mu.Unlock()
		tell("last number")
		if m := p.hears("last number"); m.ID != 0xffff {
			t.Errorf("its number is %d", m.ID)
		}
		tell("the same number")
		p.silent()
		p.say(&packet.Ack{Type: packet.PUBACK, ID: owed})
		if m := p.hears("the same number"); m.ID != owed {
			t.Errorf("its number is %d, want %d", m.ID, owed)
		}
		again, _ := b.connect(t, v, "c", keeping)
		again.hears("last number")
		again.hears("the same number")
	})
}

// 3.1.4: a device that comes back before anybody noticed that it was gone is
// there: its will is with the handler and with whoever subscribed before what
// it says then, also while a message of the lost connection waits for the
// journal.
func TestWillOfATakenOverConnectionComesFirst(t *testing.T) {
	inVersions(t, func(t *testing.T, v packet.Version) {
		for name, clean := range map[string]bool{"clean": true, "kept": false} {
			t.Run(name, func(t *testing.T) {
				b := startBroker(t, BrokerConfig{})
				shown, stop, err := b.Watch("std/status")
				if err != nil {
					t.Fatal(err)
				}
				defer stop()
				withWill := func(c *packet.Connect) {
					if keeping(c); clean {
						c.CleanStart = true
					}
					c.Will = &packet.Will{Topic: []byte("std/status"), Payload: []byte("gone"), Retain: true}
				}
				first, _ := b.connect(t, v, "c", withWill)
				b.handler.Hang()
				first.say(&packet.Publish{Topic: []byte("std/a"), QoS: 1, ID: 1, Payload: []byte("unsettled")})
				b.handler.AwaitCalls(t, 1)
				second, _ := b.connect(t, v, "c", withWill)
				second.say(&packet.Publish{Topic: []byte("std/status"), QoS: 1, ID: 1, Payload: []byte("back"), Retain: true})
				b.handler.AwaitCalls(t, 3)
				b.handler.Release()
				second.ack(packet.PUBACK, 1)
				var heard []string
				for _, m := range b.handler.Given() {
					heard = append(heard, string(m.Payload))
				}
				if want := []string{"unsettled", "gone", "back"}; !slices.Equal(heard, want) {
					t.Errorf("heard %q, want %q", heard, want)
				}
				if one, two := <-shown, <-shown; string(one.Payload) != "gone" || string(two.Payload) != "back" {
					t.Errorf("passed on %q, then %q", one.Payload, two.Payload)
				}
			})
		}
	})
}

// What is retained comes once for each filter of a SUBSCRIBE, however often
// that stands there, and no more of it waits for a client than is retained
// altogether: else one packet would fill the memory.
func TestRetainedMessagesDoNotMultiply(t *testing.T) {
	inVersions(t, func(t *testing.T, v packet.Version) {
		const limit = 16 << 10
		b := startBroker(t, BrokerConfig{RetainedBytes: limit})
		p, _ := b.connect(t, v, "c", nil)
		for i := range 5 {
			p.publish(fmt.Sprint("std/", i), 1, "kept", retained)
		}
		p.say(&packet.Subscribe{ID: 1, Filters: slices.Repeat([]packet.Subscription{{Filter: []byte("std/#")}}, 1000)})
		expect[*packet.Suback](p)
		for range 5 {
			p.hears("kept")
		}
		p.silent()

		s := &session{broker: b.Broker, conn: &conn{broker: b.Broker, writing: true}} // it comes to nothing
		m := &message{topic: "std/a", payload: make([]byte, 1000)}
		for range 1000 {
			s.offer(m, target{session: s, kept: true})
		}
		s.offer(m, target{session: s})
		if n := len(s.loose); n*m.size() > limit+m.size() || n < 2 || s.loose[n-1].kept {
			t.Errorf("%d messages of %d bytes wait", n, m.size())
		}
	})
}
