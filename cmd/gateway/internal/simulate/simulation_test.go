package simulate

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/wearable"
)

// broker is the other side of MQTT as far as a device sees it. It remembers
// every publish, and may hang up on a client instead of acknowledging.
type broker struct {
	hangUp func(nth int) bool // asked for each event or state

	mu     sync.Mutex
	wills  int // clients that gave one
	logins map[string]string
	nth    int
	copies map[string]map[string]int // device -> payload -> times published
	acked  map[string]map[string]int // device -> payload -> times acknowledged
	first  map[string]time.Time      // device -> its first SOS
	online int                       // births
}

func newBroker() *broker {
	return &broker{
		hangUp: func(int) bool { return false },
		logins: map[string]string{}, first: map[string]time.Time{},
		copies: map[string]map[string]int{}, acked: map[string]map[string]int{},
	}
}

// serve speaks with one client until either side hangs up.
func (b *broker) serve(conn net.Conn) {
	defer conn.Close()
	device := ""
	for {
		p, err := packets.ReadPacket(conn)
		if err != nil {
			return
		}
		var answer packets.ControlPacket
		switch p := p.(type) {
		case *packets.ConnectPacket:
			device = p.Username
			b.mu.Lock()
			b.logins[p.Username] = string(p.Password)
			if p.WillFlag && p.WillTopic == "linli/v1/"+device+"/status" && string(p.WillMessage) == `{"online":false}` {
				b.wills++
			}
			b.mu.Unlock()
			answer = packets.NewControlPacket(packets.Connack)
		case *packets.PublishPacket:
			if !b.published(device, p) {
				return
			}
			ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			ack.MessageID = p.MessageID
			answer = ack
		case *packets.PingreqPacket:
			answer = packets.NewControlPacket(packets.Pingresp)
		default:
			return
		}
		if answer.Write(conn) != nil {
			return
		}
	}
}

// published returns whether to acknowledge.
func (b *broker) published(device string, p *packets.PublishPacket) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if strings.HasSuffix(p.TopicName, "/status") {
		b.online++
		return true
	}
	count := func(m map[string]map[string]int) {
		if m[device] == nil {
			m[device] = map[string]int{}
		}
		m[device][string(p.Payload)]++
	}
	count(b.copies)
	b.nth++
	if b.hangUp(b.nth) {
		return false
	}
	count(b.acked)
	if _, seen := b.first[device]; !seen && strings.Contains(string(p.Payload), `"sos"`) {
		b.first[device] = time.Now()
	}
	return true
}

// recount is what Counts should say, from the payloads alone.
func (b *broker) recount(t *testing.T) (map[string]map[devices.Type]int, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	counts, repeated := map[string]map[devices.Type]int{}, 0
	for device, payloads := range b.acked {
		counts[device] = map[devices.Type]int{}
		for payload, times := range payloads {
			var m struct {
				Type   devices.Type
				States []struct{ Type devices.Type }
			}
			if err := json.Unmarshal([]byte(payload), &m); err != nil {
				t.Fatal(err)
			}
			if len(m.States) == 1 {
				m.Type = m.States[0].Type
			}
			counts[device][m.Type]++
			repeated += times - 1
		}
	}
	return counts, repeated
}

func testClock() devices.Clock {
	began := time.Now()
	return func() devices.Stamp {
		return devices.Stamp{Mono: time.Since(began), Wall: time.Now().UTC()}
	}
}

// piped is a simulation whose network is in memory, so that it can live a
// day in a bubble.
func piped(t *testing.T, b *broker, c Config) *Simulation {
	c.Broker = "tcp://in-memory:1883"
	c.Credentials = func(device string) (string, error) { return "secret of " + device, nil }
	c.Clock, c.Logger = testClock(), slog.New(slog.DiscardHandler)
	s, err := New(Example(), c)
	if err != nil {
		t.Fatal(err)
	}
	s.dial = func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go b.serve(theirs)
		return ours, nil
	}
	return s
}

func TestADayAtSixtyTimesTheSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker()
		began := time.Now()
		s := piped(t, b, Config{Speed: 60, Seed: 1, From: midnight.Add(10 * time.Hour), FirstSOS: 12 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Minute)
		defer cancel()
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 24*time.Minute+time.Second {
			t.Errorf("took %s to stop", took-24*time.Minute)
		}
		want, repeated := b.recount(t)
		got := s.Counts()
		all := len(Example().Devices)
		if len(want) != all || repeated == 0 || got.Repeated != repeated {
			t.Errorf("%d devices, %d repeated, counted %d", len(want), repeated, got.Repeated)
		}
		for device, types := range want {
			if !maps.Equal(types, got.Reports[device]) {
				t.Errorf("%s: counted %v, the broker acknowledged %v", device, got.Reports[device], types)
			}
		}
		if b.wills != all || b.online != all || len(b.logins) != all || b.logins["band-07"] != "secret of band-07" {
			t.Errorf("%d wills, %d births, %d logins", b.wills, b.online, len(b.logins))
		}
		early := 0
		for _, at := range b.first {
			if at.Sub(began) == 12*time.Second {
				early++
			}
		}
		if early != 1 {
			t.Errorf("%d press after 12 s: %v", early, b.first)
		}
		if n := got.Total("meal.loaded"); n < 12 {
			t.Errorf("%d meals loaded", n)
		}
	})
}

// Stamps are real, whatever the speed.
func TestNobodyReportsTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker()
		s := piped(t, b, Config{Speed: 600, Seed: 2})
		clock := s.Clock
		s.Acknowledged = func(device string, r Report) {
			if due, now := s.due(r.At), s.elapsed(); due > now {
				t.Errorf("%s: due %s, sent %s", device, due, now)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := clock().Wall
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		for device, payloads := range b.copies {
			for payload := range payloads {
				var m struct{ Time time.Time }
				if err := json.Unmarshal([]byte(payload), &m); err != nil {
					t.Fatal(err)
				}
				if m.Time.Before(began) || m.Time.After(clock().Wall) {
					t.Errorf("%s: %s", device, payload)
				}
			}
		}
	})
}

// A report whose PUBACK was lost is sent again as it was, and counted once.
func TestALostAcknowledgementIsMadeGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker()
		b.hangUp = func(nth int) bool { return nth%5 == 0 }
		s := piped(t, b, Config{Speed: 60, Seed: 3, From: midnight.Add(10 * time.Hour)})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		want, _ := b.recount(t)
		got := s.Counts()
		lost := 0
		for device, payloads := range b.copies {
			for payload := range payloads {
				if b.acked[device][payload] == 0 {
					lost++
				}
			}
			if !maps.Equal(want[device], got.Reports[device]) {
				t.Errorf("%s: counted %v, acknowledged %v", device, got.Reports[device], want[device])
			}
		}
		// At the end a device may be waiting to try again.
		if lost > 2 || b.nth < 100 {
			t.Errorf("%d of %d publishes never acknowledged", lost, b.nth)
		}
		if b.online <= len(Example().Devices) {
			t.Errorf("%d births: nobody connected again", b.online)
		}
	})
}

func TestOverTCP(t *testing.T) {
	defer goleak.VerifyNone(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := newBroker()
	var serving sync.WaitGroup
	defer serving.Wait()
	defer listener.Close()
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { b.serve(conn) })
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var pressed sync.Once
	s, err := New(Example(), Config{
		Broker: "tcp://" + listener.Addr().String(), Speed: 60, Seed: 1, FirstSOS: 10 * time.Millisecond,
		Credentials: func(string) (string, error) { return "x", nil },
		Clock:       testClock(), Logger: slog.New(slog.DiscardHandler),
		Acknowledged: func(_ string, r Report) {
			if r.Payload.EventType() == wearable.TypeSOS {
				pressed.Do(cancel)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if n := s.Counts().Total(wearable.TypeSOS); n != 1 {
		t.Errorf("%d SOS acknowledged", n)
	}
}

// Whatever the seed, who presses first has a button to press.
func TestSomebodyPressesFirst(t *testing.T) {
	buttons := map[string]bool{}
	for _, d := range Example().Devices {
		buttons[d.ID] = d.Kind == wearable.Kind
	}
	for seed := range uint64(200) {
		s, err := New(Example(), Config{
			Speed: 60, Seed: seed, FirstSOS: time.Second, Clock: testClock(), Logger: slog.New(slog.DiscardHandler),
			Credentials: func(string) (string, error) { return "x", nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if first := s.helpless(); !buttons[first] {
			t.Errorf("seed %d: %s has no button", seed, first)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	if _, err := New(Example(), Config{Speed: 0.5}); err == nil || !strings.Contains(err.Error(), "speed: must be at least 1 (got 0.5)") {
		t.Errorf("speed 0.5: %v", err)
	}
}
