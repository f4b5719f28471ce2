package province

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/devicetest"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/province/receiver"
	"github.com/linli-edge/gateway/sync/usage"
)

// campaign asks for the long form: 200 rounds, 300,000 rows.
func campaign() bool { return os.Getenv("LINLI_CAMPAIGN") != "" }

// toxics are what a line does, by the names of toxiproxy.
var toxics = []string{
	`{"name":"x","type":"latency","stream":"upstream","attributes":{"latency":40,"jitter":40}}`,
	`{"name":"x","type":"latency","stream":"downstream","attributes":{"latency":400}}`, // the answer comes too late
	`{"name":"x","type":"bandwidth","stream":"upstream","attributes":{"rate":2}}`,
	`{"name":"x","type":"slow_close","stream":"downstream","attributes":{"delay":300}}`,
	`{"name":"x","type":"timeout","stream":"downstream","attributes":{"timeout":100}}`,
	`{"name":"x","type":"reset_peer","stream":"upstream","attributes":{"timeout":10}}`,
	`{"name":"x","type":"reset_peer","stream":"downstream","attributes":{"timeout":0}}`,
	`{"name":"x","type":"limit_data","stream":"upstream","attributes":{"bytes":700}}`,
	`{"name":"x","type":"limit_data","stream":"downstream","attributes":{"bytes":100}}`,
	`{"name":"x","type":"slicer","stream":"upstream","attributes":{"average_size":50,"size_variation":20,"delay":500}}`,
}

// books is a receiver that can be killed, behind one address.
type books struct {
	t    *testing.T
	path string
	mu   sync.RWMutex
	*receiver.Receiver
}

func (k *books) open() {
	var err error
	k.Receiver, err = receiver.Open(k.path, receiver.Options{
		Keys:   map[string]contract.Scheme{"box-1": contract.HMAC([]byte(secret))},
		Clock:  func() devices.Stamp { return devices.Stamp{Wall: time.Now()} },
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		k.t.Fatal(err)
	}
}

// kill ends the receiver, and starts it again on the same store.
func (k *books) kill() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.Close(); err != nil {
		k.t.Error(err)
	}
	k.open()
}

func (k *books) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	k.Receiver.ServeHTTP(w, r)
}

// wired is a gateway as far as the province is concerned, on a real line.
type wired struct {
	t        *testing.T
	dir, url string
	journal  *journal.Journal
	registry *registry.Registry
	usage    *usage.Usage
	sender   *Sender
	line     *http.Transport
	stop     func()
}

func (w *wired) start() {
	must := func(err error) {
		if err != nil {
			w.t.Helper()
			w.t.Fatal(err)
		}
	}
	began := time.Now()
	clock := func() devices.Stamp {
		return devices.Stamp{Boot: devices.BootID{1}, Mono: time.Hour + time.Since(began), Wall: time.Now(), Synced: true}
	}
	var err error
	logger := slog.New(slog.DiscardHandler)
	w.journal, err = journal.Open(filepath.Join(w.dir, "journal"), journal.Options{Clock: clock})
	must(err)
	w.registry, err = registry.Open(filepath.Join(w.dir, "registry.bolt"), registry.Options{})
	must(err)
	must(w.registry.Put(registry.Facility{ID: "f-1", Name: "点"}, registry.Device{Device: devices.Device{ID: "l1", Kind: locker.Kind, Facility: "f-1"}}))
	w.usage, err = usage.Open(w.journal, w.registry, usage.Options{Clock: clock, Every: time.Millisecond, Logger: logger, Registerer: prometheus.NewRegistry()})
	must(err)
	w.line = &http.Transport{}
	w.sender, err = Open(w.journal, w.usage, w.registry, Config{
		URL: w.url, Box: "box-1", Secret: []byte(secret), Transport: w.line, Clock: clock, Logger: logger, Registerer: prometheus.NewRegistry(),
	})
	must(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- w.usage.Run(ctx) }()
	w.stop = func() {
		cancel()
		w.line.CloseIdleConnections()
		if err := errors.Join(<-ended, w.sender.Close(), w.usage.Close(), w.registry.Close(), w.journal.Close()); err != nil {
			w.t.Error(err)
		}
	}
}

// On a line that does everything that lines do, with both ends killed again and
// again: in the end the platform has, to the unit, what happened at the locker.
func TestToxicLine(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rounds := 20
	if campaign() {
		rounds = 200
	}
	t.Logf("seed %d, %d rounds", seed, rounds)
	random := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	platform := &books{t: t, path: filepath.Join(dir, "platform.bolt")}
	platform.open()
	server := httptest.NewServer(platform)
	proxy := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "line", freeAddress(t), strings.TrimPrefix(server.URL, "http://"))
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	b := &wired{t: t, dir: dir, url: "http://" + proxy.Listen + receiver.Path}
	b.start()
	defer func() {
		b.stop()
		proxy.Stop()
		server.Close()
		if err := platform.Close(); err != nil {
			t.Error(err)
		}
	}()

	// What happens at the locker, counted by hand.
	var deposits, pickups int64
	inside := map[int]bool{}
	events, failed := 0, 0
	for range rounds {
		for range 1 + random.IntN(20) {
			n := 1 + random.IntN(30)
			var p devices.Payload = locker.Deposited{Compartment: n}
			if inside[n] {
				p = locker.PickedUp{Compartment: n}
				pickups++
			} else {
				deposits++
			}
			inside[n] = !inside[n]
			e, err := devices.New("l1", p)
			if err != nil {
				t.Fatal(err)
			}
			events++
			e.ID, e.Received = fmt.Sprint(events), b.sender.config.Clock()
			for range 1 + random.IntN(2) { // a device repeats itself
				if err := b.journal.Record(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
		}
		if random.IntN(5) > 0 {
			if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxics[random.IntN(len(toxics))])); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(50+random.IntN(300))*time.Millisecond)
		if b.sender.Send(ctx) != nil {
			failed++
		}
		cancel()
		switch random.IntN(4) {
		case 0:
			platform.kill()
		case 1:
			b.stop()
			b.start()
		}
		proxy.Toxics.ResetToxics(t.Context())
	}
	last := b.journal.Last(journal.Ordinary)
	for counted := uint64(0); counted < last; {
		for _, f := range b.journal.Stats().Followers {
			if f.Name == "usage" {
				counted = f.At[journal.Ordinary]
			}
		}
		<-time.After(5 * time.Millisecond)
	}
	for attempts := 0; ; attempts++ {
		err := b.sender.Send(t.Context())
		if waiting, e := b.sender.backlog(); err == nil && e == nil && waiting == 0 {
			break
		}
		if attempts > 50 {
			t.Fatalf("never sent: %v", err)
		}
	}
	sums := map[string]int64{}
	if err := platform.Rows("20", func(_ string, r contract.Row) error {
		if len(r.Period) > contract.MonthLength {
			sums[r.Indicator] += r.Numerator
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if sums["parcel.deposits"] != deposits || sums["parcel.pickups"] != pickups {
		t.Errorf("the platform has %d deposits and %d pickups, happened %d and %d", sums["parcel.deposits"], sums["parcel.pickups"], deposits, pickups)
	}
	if failed == 0 {
		t.Error("nothing ever failed: is the line between them?")
	}
	t.Logf("%d events, %d of %d sendings failed", events, failed, rounds)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := devicetest.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}
