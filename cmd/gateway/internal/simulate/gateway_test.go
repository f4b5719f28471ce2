package simulate

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/discovery"
	"github.com/linli-edge/gateway/devices/intake"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
)

// notebook is a recorder that knows a redelivery when it sees one.
type notebook struct {
	mu     sync.Mutex
	known  map[[2]string]bool
	events map[string]map[devices.Type]int
	faults []devices.Event
}

func (n *notebook) Record(_ context.Context, e devices.Event) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if id := [2]string{e.Device, e.ID}; !n.known[id] {
		n.known[id] = true
		if n.events[e.Device] == nil {
			n.events[e.Device] = map[devices.Type]int{}
		}
		n.events[e.Device][e.Type]++
	}
	if e.Type == (devices.Rejected{}).EventType() {
		n.faults = append(n.faults, e)
	}
	return nil
}

func (n *notebook) Submit(ctx context.Context, e devices.Event, done func(error)) error {
	done(n.Record(ctx, e))
	return nil
}

// The gateway's own broker and intake let every device in, understand all
// that it says, and keep exactly what the simulation counts.
func TestTheGatewayUnderstands(t *testing.T) {
	const enough = 400 // acknowledged reports
	people, err := registry.Open(filepath.Join(t.TempDir(), "registry"), registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer people.Close()
	community := Example()
	secrets, err := community.Register(people)
	if err != nil {
		t.Fatal(err)
	}
	profiles, err := profile.Load(fstest.MapFS{}, vocabulary)
	if err != nil {
		t.Fatal(err)
	}
	kept := &notebook{known: map[[2]string]bool{}, events: map[string]map[devices.Type]int{}}
	logger, clock := slog.New(slog.DiscardHandler), testClock()
	in := intake.New(intake.Config{
		Inbox:     people.Inbox(),
		Directory: people, Vocabulary: vocabulary, Profiles: profiles, Recorder: kept,
		Descriptions: discovery.New(discovery.Config{Vocabulary: vocabulary, Logger: logger}),
		Clock:        clock, Logger: logger, Registerer: prometheus.NewRegistry(),
	})
	login := func(c mqtt.Credentials) (devices.Account, bool) {
		d, ok := people.Login(c.User, c.Secret)
		return in.Account(d), ok
	}
	broker, err := mqtt.NewBroker(mqtt.BrokerConfig{Listeners: []mqtt.Listener{{Address: "127.0.0.1:0"}}}, login, in.Take, logger, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	serving, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := broker.Run(serving); err != nil {
			t.Error(err)
		}
	})
	defer running.Wait()
	defer stop()

	playing, end := context.WithTimeout(t.Context(), 5*time.Minute)
	defer end()
	var heard atomic.Int32
	s, err := New(community, Config{
		Broker: "tcp://" + broker.Addrs()[0].String(), Speed: 36000, Seed: 1, From: midnight, FirstSOS: time.Millisecond,
		Credentials: func(device string) (string, error) { return secrets[device], nil },
		Clock:       clock, Logger: logger,
		Acknowledged: func(string, Report) {
			if heard.Add(1) == enough {
				end()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(playing); err != nil {
		t.Fatal(err)
	}
	stop() // and what is still on its way is kept, before it is counted
	running.Wait()
	if heard.Load() < enough {
		t.Fatalf("%d reports acknowledged in five minutes", heard.Load())
	}
	for _, e := range kept.faults {
		t.Errorf("%s: %s", e.Device, e.Data)
	}
	counts := s.Counts()
	for _, d := range community.Devices {
		if kept.events[d.ID]["status"] == 0 {
			t.Errorf("%s was never online", d.ID)
		}
		said, got := maps.Clone(counts.Reports[d.ID]), maps.Clone(kept.events[d.ID])
		for _, types := range []map[devices.Type]int{said, got} {
			maps.DeleteFunc(types, func(typ devices.Type, _ int) bool { return isLevel(t, d, typ) })
		}
		// What was on its way at the end may be kept without having been
		// counted: at most one report of each device.
		more := 0
		for typ, n := range got {
			if n < said[typ] {
				t.Errorf("%s: %d %s kept of %d", d.ID, n, typ, said[typ])
			}
			more += n - said[typ]
		}
		if more > 1 {
			t.Errorf("%s: kept %v, counted %v", d.ID, got, said)
		}
	}
	if counts.Total(wearable.TypeSOS) == 0 {
		t.Error("nobody pressed")
	}
}

// isLevel tells the reports that are kept only if they say something new.
func isLevel(t *testing.T, d Device, typ devices.Type) bool {
	for _, data := range []string{`{}`, `{"compartment":1,"open":true}`, `{"code":"x"}`, `{"celsius":1}`, `{"worn":true}`, `{"online":true}`, `{"occupied":true}`, `{"entries":1}`, `{"available":true}`, `{"asset":"a","available":true}`, `{"celsius":1,"cold":true}`} {
		if p, _, err := vocabulary.Parse(d.Kind, typ, json.RawMessage(data)); err == nil {
			_, level := p.(devices.Leveled)
			return level
		}
	}
	return false
}
