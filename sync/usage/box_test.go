package usage

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// directory is a registry of devices that do not change.
type directory map[string]devices.Device

func (d directory) Device(id string) (devices.Device, bool) { found, ok := d[id]; return found, ok }

func (d directory) Behind(string, string) (devices.Device, bool) { return devices.Device{}, false }

func (d directory) Bridges() []devices.Device { return nil }

var community = directory{
	"l1": {ID: "l1", Kind: locker.Kind, Facility: "f-1"},
	"l2": {ID: "l2", Kind: locker.Kind, Facility: "f-1"},
	"l3": {ID: "l3", Kind: locker.Kind, Facility: "f-2"},
	"c1": {ID: "c1", Kind: cabinet.Kind, Facility: "f-2"},
	"l9": {ID: "l9", Kind: locker.Kind}, // of no facility
	"w1": {ID: "w1", Kind: wearable.Kind},
}

// box is a gateway's journal and statistics, with clocks that the test turns.
type box struct {
	t       testing.TB
	dir     string
	mu      sync.Mutex
	now     devices.Stamp
	journal *journal.Journal
	usage   *Usage
	metrics *prometheus.Registry
	ids     int
	parcels int
	stop    func()

	recording sync.WaitGroup
}

// newBox starts a box on the morning of 23 November 2026, China time.
func newBox(t testing.TB, dir string) *box {
	b := &box{t: t, dir: dir, now: devices.Stamp{
		Boot: devices.BootID{1}, Mono: time.Hour, Wall: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), Synced: true,
	}}
	b.start()
	return b
}

func (b *box) clock() devices.Stamp {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *box) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now.Mono += d
	b.now.Wall = b.now.Wall.Add(d)
}

// set turns the wall clock.
func (b *box) set(wall time.Time, synced bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now.Wall, b.now.Synced = wall, synced
}

func (b *box) start() {
	b.t.Helper()
	var err error
	if b.journal, err = journal.Open(b.dir, journal.Options{Clock: b.clock, SegmentBytes: 64 << 10}); err != nil {
		b.t.Fatal(err)
	}
	b.metrics = prometheus.NewRegistry()
	b.usage, err = Open(b.journal, community, Options{Clock: b.clock, Logger: slog.New(slog.DiscardHandler), Registerer: b.metrics})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error)
	go func() { done <- b.usage.Run(ctx) }()
	b.stop = func() {
		b.t.Helper()
		b.recording.Wait()
		cancel()
		for what, err := range map[string]error{"run": <-done, "close usage": b.usage.Close(), "close journal": b.journal.Close()} {
			if err != nil {
				b.t.Errorf("%s: %v", what, err)
			}
		}
	}
}

func (b *box) restart() {
	b.t.Helper()
	b.stop()
	b.start()
}

// record journals what a device reports now, as observed at a time.
func (b *box) record(device string, p devices.Payload, observed time.Time) devices.Event {
	b.t.Helper()
	e, err := devices.New(device, p)
	if err != nil {
		b.t.Fatal(err)
	}
	b.ids++
	e.ID, e.Observed, e.Received = fmt.Sprint(b.ids), observed, b.clock()
	b.repeat(e)
	return e
}

// repeat journals an event, and does not wait for it.
func (b *box) repeat(e devices.Event) {
	b.t.Helper()
	b.recording.Add(1)
	err := b.journal.Submit(b.t.Context(), e, func(err error) {
		defer b.recording.Done()
		if err != nil {
			b.t.Errorf("record: %v", err)
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// settle waits, in the bubble's time, until everything is counted.
func (b *box) settle() {
	b.t.Helper()
	synctest.Wait()
	time.Sleep(2 * defaultEvery)
	synctest.Wait()
}

// figures renders the rows of the given days, one a line, revisions left out.
func (b *box) figures(days ...string) string {
	b.t.Helper()
	var out strings.Builder
	for _, day := range days {
		rows, err := b.usage.Rows(day)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, r := range rows {
			fmt.Fprintln(&out, figure(r))
		}
	}
	return out.String()
}

func sortedRows(rows []Row) []Row {
	slices.SortFunc(rows, func(x, y Row) int {
		return cmp.Compare(rowKey(x.Day, x.Facility, x.Indicator), rowKey(y.Day, y.Facility, y.Indicator))
	})
	return rows
}

func figure(r Row) string {
	s := fmt.Sprintf("%s %s %s %d", r.Day, r.Facility, r.Indicator, r.Numerator)
	if r.Denominator != nil {
		s += fmt.Sprintf("/%d", *r.Denominator)
	}
	if r.Buckets != nil {
		s += fmt.Sprint(" ", r.Buckets)
	}
	return s
}
