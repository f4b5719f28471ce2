package usage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// devicesOnly is a registry that does not change.
type devicesOnly map[string]registry.Device

func (d devicesOnly) Snapshot() *registry.Snapshot { return &registry.Snapshot{Devices: d} }

func at(facility, id string, kind devices.Kind) registry.Device {
	return registry.Device{Device: devices.Device{ID: id, Kind: kind, Facility: facility}}
}

var neighbours = devicesOnly{
	"l1": at("f-1", "l1", locker.Kind),
	"l2": at("f-1", "l2", locker.Kind),
	"l3": at("f-2", "l3", locker.Kind),
	"c1": at("f-2", "c1", cabinet.Kind),
	"l9": at("", "l9", locker.Kind), // of no facility
	"w1": at("", "w1", wearable.Kind),
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
	fails   atomic.Int32 // so many transactions
	ids     int
	parcels int
	people  community
	stop    func()

	recording sync.WaitGroup
	months    Months
}

// newBox starts a box on the morning of 23 November 2026, China time.
func newBox(t testing.TB, dir string) *box { return newBoxOf(t, dir, neighbours) }

// newBoxOf starts a box with another registry.
func newBoxOf(t testing.TB, dir string, people community) *box {
	b := &box{t: t, dir: dir, people: people, now: devices.Stamp{
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
	b.usage, err = Open(b.journal, b.people, Options{Clock: b.clock, Months: b.months, Logger: slog.New(slog.DiscardHandler), Registerer: b.metrics})
	if err != nil {
		b.t.Fatal(err)
	}
	b.usage.disk = func() error {
		if b.fails.Add(-1) >= 0 {
			return errors.New("the disk fails")
		}
		b.fails.Store(0)
		return nil
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
	time.Sleep(2*defaultEvery + 10*retryFirst)
	synctest.Wait()
}

// Changes returns up to most rows whose last change has a number greater than
// after, of all lanes, in the order of these numbers, and the last of the
// numbers, or after if there is none: what whoever follows the lanes is told.
func (u *Usage) Changes(after uint64, most int) (rows []Row, last uint64, err error) {
	lanes, err := u.Lanes()
	if err != nil {
		return nil, after, err
	}
	for _, l := range lanes {
		of, err := u.LaneRows(l, after, most)
		if err != nil {
			return nil, after, err
		}
		rows = append(rows, of...)
	}
	sortByChange(rows)
	if rows = rows[:min(len(rows), most)]; len(rows) == 0 {
		return nil, after, nil
	}
	return rows, rows[len(rows)-1].Change, nil
}

// parcelsAndMeals are the indicators that the tests of days and clocks look at.
var parcelsAndMeals = []string{
	"parcel.deposits", "parcel.pickups", "parcel.overdue", "parcel.dwell", "meal.loaded", "meal.picked_up", "meal.unclaimed", "meal.dwell",
}

// looked leaves out the rows of all other indicators.
func looked(rows []Row) []Row {
	return slices.DeleteFunc(rows, func(r Row) bool { return !slices.Contains(parcelsAndMeals, r.Indicator) || len(r.Day) == monthLength })
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
		for _, r := range looked(rows) {
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

func rowKey(day, facility, indicator string) string {
	return string(appendRowKey(nil, day, facility, indicator))
}
