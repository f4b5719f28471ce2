package mqtt

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

// hanging is a journal that takes messages and commits none until it is told
// to.
type hanging struct {
	mu      sync.Mutex
	heard   []string
	waiting []func(error)
	goes    bool
}

func (h *hanging) handle(_ context.Context, m devices.Message, done func(error)) {
	h.mu.Lock()
	h.heard = append(h.heard, m.Client+" "+string(m.Payload[:min(3, len(m.Payload))]))
	if !h.goes {
		h.waiting = append(h.waiting, done)
		done = func(error) {}
	}
	h.mu.Unlock()
	done(nil)
}

func (h *hanging) has(what string) bool {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Contains(h.heard, what)
}

// A journal that hangs under many devices that go on sending: what is held is
// bounded, a call for help is with the journal at once all the same, also of
// those who are held up, and when it is back each message is handled and
// acknowledged in its order.
func TestUnsettledIsBoundedTogether(t *testing.T) {
	const clients, each, size, limit = 40, 20, 2000, 64 << 10
	synctest.Test(t, func(t *testing.T) {
		var h hanging
		login := func(c Credentials) (devices.Account, bool) {
			return devices.Account{ID: c.User, Publish: []string{"linli/v1/" + c.User + "/event"}}, true
		}
		b := newPiped(t, BrokerConfig{Urgent: callsForHelp, UnsettledBytes: limit}, login, h.handle, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		var all []*flooder
		var sending sync.WaitGroup
		for i := range clients {
			user := fmt.Sprint("d", i)
			f := newFlooder(t, b.login(user, true), 1, each+2)
			f.user = user
			all = append(all, f)
			sending.Go(func() {
				for range each {
					f.publish(make([]byte, size))
				}
			})
		}
		synctest.Wait()
		if held := b.unsettled.bytes.Load(); held < limit || held > limit+clients*ownUnsettled {
			t.Errorf("%d bytes are held, want %d and at most %d more of each of %d clients", held, limit, ownUnsettled, clients)
		}
		newcomer := newFlooder(t, b.login("new", true), 1, 2)
		newcomer.user = "new"
		newcomer.publish([]byte("sos"))
		newcomer.publish([]byte("ordinary")) // within its own share
		if !h.has("new sos") || !h.has("new ord") {
			t.Error("a device with nothing on its way is held up")
		}
		h.mu.Lock()
		h.goes = true
		waiting := h.waiting
		h.waiting = nil
		h.mu.Unlock()
		for _, done := range waiting {
			done(nil)
		}
		sending.Wait()
		for _, f := range append(all, newcomer) {
			f.await() // and its acknowledgements came in order
			f.conn.Close()
		}
		synctest.Wait()
		if len(h.heard) != clients*each+2 || b.unsettled.bytes.Load() != 0 {
			t.Errorf("%d messages were heard, %d bytes are held at the end", len(h.heard), b.unsettled.bytes.Load())
		}
		b.stop()
	})
}

// Of a client that has sent its share while there is no room, the next call
// for help is taken and passes what its journal has not committed.
func TestNoRoomIsNeededForAnSOS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h hanging
		b := newPiped(t, BrokerConfig{Urgent: callsForHelp, UnsettledBytes: 1}, testLogin, h.handle, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		conn := b.login("d1", true)
		go func() { // until the connection ends
			for i := range uint16(6) {
				payload := []byte("sos")
				if i%2 == 0 {
					payload = make([]byte, ownUnsettled-2*slotSize-len(deviceTopic("d1"))-len(payload))
				}
				if _, err := conn.Write(mqttload.PublishFrame(4, deviceTopic("d1"), i+1, 1, false, payload)); err != nil {
					return
				}
			}
		}()
		if !h.has("d1 sos") || len(h.heard) != 2 {
			t.Errorf("heard %q", h.heard)
		}
		conn.Close()
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, done := range h.waiting {
			done(nil)
		}
		b.stop()
	})
}

// A message that is larger than what may be unsettled altogether has its turn
// too: it would wait for ever, and hold one of the few places for large ones.
func TestMessageLargerThanTheLimit(t *testing.T) {
	b := startBroker(t, BrokerConfig{UnsettledBytes: 32 << 10})
	p, _ := b.connect(t, packet.V5, "c", nil)
	p.publish("std/a", 1, strings.Repeat("x", 40<<10), nil)
	p.publish("std/a", 1, "y", nil)
}
