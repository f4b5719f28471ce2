//go:build !race

package journal_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/journal/journaltest"
)

// outage is a box that could not deliver for weeks: what its follower finds.
type outage struct {
	open      time.Duration
	windows   []time.Duration // each is window events long
	work      []time.Duration // processor time of each
	anonymous int64           // bytes, the most that was seen
	alone     []time.Duration // latencies of recording before the drain
	meanwhile []time.Duration // and during it
}

// mostToOpen bounds the opening, however much is left.
const mostToOpen = time.Second

// window is how many events are timed together.
const window = 50_000

// perSecond is the drain rate over some windows.
func perSecond(windows []time.Duration) float64 {
	return window / median(slices.Clone(windows)).Seconds()
}

// drain buffers events, opens the journal cold, and lets a follower catch up
// while recording goes on at 100 events a second.
func drain(tb testing.TB, events uint64) (o outage) {
	tb.Helper()
	dir := tb.TempDir()
	j := mustOpen(tb, dir, options())
	submit(tb, j, events)
	mustClose(tb, j)
	forgetCache(tb, dir)
	debug.FreeOSMemory()

	for range 5 { // something else may use the disk now
		start := time.Now()
		j = mustOpen(tb, dir, options())
		if o.open = time.Since(start); o.open <= mostToOpen {
			break
		}
		mustClose(tb, j)
		forgetCache(tb, dir)
		j = nil
	}
	if j == nil {
		tb.Fatalf("opened in %s", o.open)
	}
	s := mustState(tb, j, "slow")
	record := func(ctx context.Context, name string) (all []time.Duration) {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return all
			}
			e := ordinary(fmt.Sprint(name, n))
			e.Urgency = devices.Urgency(n % 2)
			before := time.Now()
			mustRecord(tb, j, e)
			all = append(all, time.Since(before))
		}
	}
	quiet, cancel := context.WithTimeout(tb.Context(), time.Second)
	o.alone = record(quiet, "alone")
	cancel()

	ctx, caughtUp := context.WithCancel(tb.Context())
	defer caughtUp()
	var recording sync.WaitGroup
	recording.Go(func() { o.meanwhile = record(ctx, "meanwhile") })
	var seen, next uint64 = 0, window
	began, worked := time.Now(), processorTime(tb)
	if err := j.Fold(ctx, s, journal.Fold{
		Chains: []journal.Chain{journal.Ordinary},
		Apply: func(tx *journal.Tx, entries []journal.Entry) error {
			seen = entries[len(entries)-1].Seq
			tx.Put("count", []byte(entries[0].Event.Device), binary.BigEndian.AppendUint64(nil, seen))
			return nil
		},
		Committed: func() {
			if seen >= next {
				o.windows, o.work = append(o.windows, time.Since(began)), append(o.work, processorTime(tb)-worked)
				o.anonymous = max(o.anonymous, anonymous(tb))
				next, began, worked = next+window, time.Now(), processorTime(tb)
			}
			if seen >= events {
				caughtUp()
			}
		},
	}); err != nil {
		tb.Fatal(err)
	}
	recording.Wait()
	slices.Sort(o.alone)
	slices.Sort(o.meanwhile)
	mustClose(tb, s)
	mustClose(tb, j)
	return o
}

// forgetCache makes the system forget what it holds of the files in dir.
func forgetCache(tb testing.TB, dir string) {
	tb.Helper()
	if err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := f.Sync(); err != nil {
			return err
		}
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	}); err != nil {
		tb.Fatal(err)
	}
}

// processorTime is what this process has used: what else the machine does is
// not in it.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// anonymous is the memory of this process that is not a file's, in bytes.
func anonymous(tb testing.TB) int64 {
	tb.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		tb.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	kilobytes, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseInt(kilobytes, 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return n << 10
}

// A follower catches up on a long outage: a million events, ten million in a
// campaign. However much is left, an event costs the same.
func TestLongOutage(t *testing.T) {
	events := uint64(1_000_000)
	if os.Getenv("LINLI_CAMPAIGN") != "" {
		events = 10_000_000
	}
	o := drain(t, events)
	third := len(o.work) / 3
	first, last := perSecond(o.work[:third]), perSecond(o.work[len(o.work)-third:])
	t.Logf("%d events: opened in %s, drained at %.0f events/s, %.0f then %.0f events a second of processor time, %d MiB anonymous; recording p50 %s alone, %s meanwhile, p99 %s",
		events, o.open.Round(time.Millisecond), perSecond(o.windows), first, last, o.anonymous>>20,
		journaltest.Quantile(o.alone, .5), journaltest.Quantile(o.meanwhile, .5), journaltest.Quantile(o.meanwhile, .99))
	if o.anonymous > 64<<20 {
		t.Errorf("%d MiB of anonymous memory", o.anonymous>>20)
	}
	if first/last > 2 || last/first > 2 { // the benchmark says it more precisely
		t.Errorf("drained at %.0f events a second of processor time at first, at %.0f in the end", first, last)
	}
}

// BenchmarkLongOutage drains backlogs of three sizes.
func BenchmarkLongOutage(b *testing.B) {
	for _, events := range []uint64{100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) {
			var o outage
			for b.Loop() {
				o = drain(b, events)
			}
			b.ReportMetric(perSecond(o.windows), "events/s")
			b.ReportMetric(milliseconds(o.open), "open-ms")
			b.ReportMetric(float64(o.anonymous)/(1<<20), "RssAnon-MiB")
			b.ReportMetric(milliseconds(journaltest.Quantile(o.alone, .5)), "p50-ms-alone")
			b.ReportMetric(milliseconds(journaltest.Quantile(o.meanwhile, .5)), "p50-ms-meanwhile")
			b.ReportMetric(milliseconds(journaltest.Quantile(o.alone, .99)), "p99-ms-alone")
			b.ReportMetric(milliseconds(journaltest.Quantile(o.meanwhile, .99)), "p99-ms-meanwhile")
			b.ReportMetric(0, "ns/op")
		})
	}
}
