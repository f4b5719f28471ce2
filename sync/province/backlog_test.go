package province

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/province/receiver"
	"github.com/linli-edge/gateway/sync/usage"
)

// anonymous is the process's RssAnon, in bytes.
func anonymous(t *testing.T) (n int64) {
	t.Helper()
	debug.FreeOSMemory()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "RssAnon:"); ok {
			if _, err := fmt.Sscan(rest, &n); err != nil {
				t.Fatal(err)
			}
		}
	}
	return n << 10
}

// A backlog of very many rows is drained in little memory and few bytes: what
// the process takes more while it sends, with the platform in it too.
func TestBacklog(t *testing.T) {
	size := 20_000
	if campaign() {
		size = 300_000
	}
	dir := t.TempDir()
	now := devices.Stamp{Boot: devices.BootID{1}, Mono: time.Hour, Wall: time.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC), Synced: true}
	var turning sync.Mutex
	clock := func() devices.Stamp {
		turning.Lock()
		defer turning.Unlock()
		return now
	}
	turn := func(d time.Duration) {
		turning.Lock()
		defer turning.Unlock()
		now.Mono, now.Wall = now.Mono+d, now.Wall.Add(d)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	j, err := journal.Open(filepath.Join(dir, "journal"), journal.Options{Clock: clock})
	must(err)
	reg, err := registry.Open(filepath.Join(dir, "registry.bolt"), registry.Options{})
	must(err)
	const places = 60
	var records []registry.Record
	for f := range places {
		id := fmt.Sprintf("f-%02d", f)
		records = append(records,
			registry.Facility{ID: id, Name: "点", Region: fmt.Sprintf("3201020010%02d", f%99), UrbanRural: "111", Industry: "602", Operator: "11320000MB151840XJ"},
			registry.Device{Device: devices.Device{ID: "l-" + id, Kind: locker.Kind, Facility: id}},
			registry.Device{Device: devices.Device{ID: "c-" + id, Kind: cabinet.Kind, Facility: id}})
	}
	must(reg.Put(records...))
	logger, metrics := slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	u, err := usage.Open(j, reg, usage.Options{Clock: clock, Every: time.Millisecond, Logger: logger, Registerer: prometheus.NewRegistry()})
	must(err)
	p, err := receiver.Open(filepath.Join(dir, "platform.bolt"), receiver.Options{
		Keys: map[string]contract.Scheme{"box-1": contract.HMAC([]byte(secret))}, Clock: clock, Logger: logger, Registerer: prometheus.NewRegistry(),
	})
	must(err)
	server := httptest.NewServer(p)
	sender, err := Open(j, u, reg, Config{URL: server.URL + receiver.Path, Box: "box-1", Secret: []byte(secret), Clock: clock, Logger: logger, Registerer: metrics, Transport: http.DefaultTransport})
	must(err)
	defer func() {
		must(sender.Close())
		must(u.Close())
		server.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		must(p.Close())
		must(reg.Close())
		must(j.Close())
	}()

	// Days of parcels and meals, about 17 rows a place and day.
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- u.Run(ctx) }()
	n := 0
	record := func(device string, payload devices.Payload) {
		e, err := devices.New(device, payload)
		must(err)
		n++
		e.ID, e.Received = fmt.Sprint(n), clock()
		must(j.Submit(t.Context(), e, func(err error) {
			if err != nil {
				t.Error(err)
			}
		}))
	}
	for rows := 0; rows < size; {
		for f := range places {
			l, c := fmt.Sprintf("l-f-%02d", f), fmt.Sprintf("c-f-%02d", f)
			for k := range 2 + f%4 {
				record(l, locker.Deposited{Compartment: k + 1})
				record(c, cabinet.Loaded{Compartment: k + 1})
			}
			turn(time.Duration(3+f) * time.Minute / 10)
			record(l, locker.PickedUp{Compartment: 1})
			record(c, cabinet.PickedUp{Compartment: 1})
			record(c, cabinet.Unclaimed{Compartment: 2})
			rows += 14
		}
		turn(21 * time.Hour)
	}
	for deadline := time.Now().Add(10 * time.Minute); ; {
		if f := j.Stats().Followers; len(f) > 0 && f[0].At[journal.Ordinary] >= j.Last(journal.Ordinary) || time.Now().After(deadline) {
			break
		}
		<-time.After(50 * time.Millisecond)
	}
	stop()
	must(<-ended)

	waiting, err := sender.backlog()
	must(err)
	if waiting < size/2 {
		t.Fatalf("%d rows only", waiting)
	}
	before := anonymous(t)
	most, done := before, make(chan error)
	began := time.Now()
	go func() { done <- sender.sendAll(t.Context()) }()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for sending := true; sending; {
		select {
		case err := <-done:
			must(err)
			sending = false
		case <-tick.C:
		}
		most = max(most, anonymous(t))
	}
	left, err := sender.backlog()
	must(err)
	sent := testutil.ToFloat64(sender.metrics.bytes)
	perRow := sent / float64(waiting)
	t.Logf("%d rows in %v, %.1f bytes a row on the wire, RssAnon %.1f MiB before and %.1f MiB at most", waiting, time.Since(began).Round(time.Millisecond), perRow, float64(before)/(1<<20), float64(most)/(1<<20))
	if grown := most - before; left != 0 || perRow > 60 || grown > 16<<20 {
		t.Errorf("%d rows left, %.1f bytes a row (at most 60), %d bytes of memory more than before (at most 16 MiB)", left, perRow, grown)
	}
}
