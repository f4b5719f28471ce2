package journal_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/journal/journaltest"
)

// The benchmarks compare what runs in turns within one run, because the disk
// of a shared machine is not the same from one minute to the next. Each side
// of a comparison gets several short turns; the figures are medians of the turns.

const turns = 6

// benchBytes is the payload of a benchmark event: 230 bytes.
const benchBytes = 230

func benchEvent(n uint64) devices.Event {
	return devices.Event{
		ID: "e" + strconv.FormatUint(n, 36), Device: "locker-7", Type: "door",
		Received: benchStamp, Data: benchData,
	}
}

var (
	benchStamp = newStamp().read()
	benchData  = json.RawMessage(`{"compartment":12,"open":true,"note":"` + strings.Repeat("x", benchBytes-40) + `"}`)
)

// flood lets recorders call j.Record for d.
func flood(tb testing.TB, j *journal.Journal, recorders int, d time.Duration) (perSecond float64, latencies []time.Duration) {
	tb.Helper()
	contexts := make([]context.Context, recorders) // as each connection has its own
	for i := range contexts {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		contexts[i] = ctx
	}
	return journaltest.Flood(tb, recorders, d, func(writer, _ int) error {
		return j.Record(contexts[writer], benchEvent(counter.Add(1)))
	})
}

var counter atomic.Uint64

func median[T cmp.Ordered](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}

// barely is a value of the size that a benchmark event takes.
var barely = make([]byte, benchBytes+60)

func syncFile(b *testing.B, dir string) *os.File {
	b.Helper()
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { mustClose(b, f) })
	return f
}

// BenchmarkRecord sets the journal without added wait beside a bare bbolt
// group commit of the same bytes and the disk's bare fdatasync.
func BenchmarkRecord(b *testing.B) {
	for _, recorders := range []int{1, 10, 50, 500, 800} {
		b.Run(fmt.Sprintf("recorders=%d", recorders), func(b *testing.B) {
			const turn = 250 * time.Millisecond
			dir := b.TempDir()
			j := mustOpen(b, filepath.Join(dir, "journal"), options())
			bare := journaltest.NewBare(b, filepath.Join(dir, "bare"))
			f := syncFile(b, dir)
			var perSecond, ratio []float64
			var oursP50, bareP50, syncP50 []time.Duration
			for b.Loop() {
				for range turns {
					theirs, l := journaltest.Flood(b, recorders, turn, func(int, int) error { return bare.Record(barely) })
					bareP50 = append(bareP50, journaltest.Quantile(l, .5))
					syncP50 = append(syncP50, journaltest.Quantile(journaltest.Fdatasyncs(b, f, turn/5), .5))
					ours, l := flood(b, j, recorders, turn)
					oursP50 = append(oursP50, journaltest.Quantile(l, .5))
					perSecond, ratio = append(perSecond, ours), append(ratio, ours/theirs)
				}
			}
			b.ReportMetric(median(perSecond), "events/s")
			b.ReportMetric(median(ratio), "of-bare-group")
			b.ReportMetric(float64(median(oursP50).Microseconds()), "p50-µs")
			b.ReportMetric(float64(median(oursP50))/float64(median(syncP50)), "p50-in-fdatasyncs")
			b.ReportMetric(float64(median(bareP50))/float64(median(syncP50)), "bare-p50-in-fdatasyncs")
			b.ReportMetric(float64(median(syncP50).Microseconds()), "fdatasync-µs")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkGroupCommit sets the group commit beside one transaction a message.
func BenchmarkGroupCommit(b *testing.B) {
	dir := b.TempDir()
	j := mustOpen(b, filepath.Join(dir, "journal"), options())
	bare := journaltest.NewBare(b, filepath.Join(dir, "bare"))
	var ours, single float64
	for b.Loop() {
		for range turns {
			n, _ := flood(b, j, 50, 250*time.Millisecond)
			ours += n
			n, _ = journaltest.Flood(b, 50, 250*time.Millisecond, func(int, int) error { return bare.Single(counter.Add(1), barely) })
			single += n
		}
	}
	b.ReportMetric(ours/single, "times-a-tx-each")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkWear measures the bytes written per event at 100 events a second,
// for several waits, and flat out at 500 recorders per payload byte.
func BenchmarkWear(b *testing.B) {
	for _, wait := range []time.Duration{0, 20 * time.Millisecond, journal.DefaultWait, 100 * time.Millisecond} {
		b.Run("wait="+wait.String(), func(b *testing.B) {
			o := options()
			o.Wait = wait
			j := mustOpen(b, b.TempDir(), o)
			const events = 300
			before, n := journaltest.Written(b, "self"), 0
			for b.Loop() {
				tick := time.NewTicker(time.Second / 100)
				var all sync.WaitGroup
				for range events {
					<-tick.C
					all.Go(func() { mustRecord(b, j, benchEvent(counter.Add(1))) })
				}
				tick.Stop()
				all.Wait()
				n += events
			}
			b.ReportMetric(float64(journaltest.Written(b, "self")-before)/float64(n), "B/event")
			b.ReportMetric(0, "ns/op")
		})
	}
	b.Run("flat-out", func(b *testing.B) {
		j := mustOpen(b, b.TempDir(), options())
		var events float64
		before := journaltest.Written(b, "self")
		for b.Loop() {
			_, l := flood(b, j, 500, 2*time.Second)
			events += float64(len(l))
		}
		b.ReportMetric(float64(journaltest.Written(b, "self")-before)/events/benchBytes, "B/payload-byte")
		b.ReportMetric(0, "ns/op")
	})
}

// submit records events as fast as they are taken.
func submit(tb testing.TB, j *journal.Journal, events uint64) {
	tb.Helper()
	var pending sync.WaitGroup
	for n := range events {
		pending.Add(1)
		if err := j.Submit(tb.Context(), benchEvent(n), func(err error) {
			if err != nil {
				tb.Error(err)
			}
			pending.Done()
		}); err != nil {
			tb.Fatal(err)
		}
	}
	pending.Wait()
}

// slowCard is an SD card: 8 ms a sync, one at a time, for both chains.
func slowCard() func(journal.Chain) error {
	card := make(chan struct{}, 1) // who waits first is first
	return func(journal.Chain) error {
		for range 2 { // a commit is two syncs
			card <- struct{}{}
			time.Sleep(8 * time.Millisecond)
			<-card
		}
		return nil
	}
}

// BenchmarkCard keeps a slow card busy with 50 recorders and the default wait,
// and every 100 ms something urgent comes.
func BenchmarkCard(b *testing.B) {
	o := options()
	o.Wait = journal.DefaultWait
	j, err := journal.OpenFaulty(b.TempDir(), o, nil, slowCard())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { mustClose(b, j) })
	var perSecond []float64
	var press []time.Duration
	for b.Loop() {
		ctx, stop := context.WithCancel(b.Context())
		var pressing sync.WaitGroup
		pressing.Go(func() {
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for ctx.Err() == nil {
				<-tick.C
				before := time.Now()
				mustRecord(b, j, urgent(fmt.Sprint(counter.Add(1))))
				press = append(press, time.Since(before))
			}
		})
		n, _ := flood(b, j, 50, 5*time.Second)
		stop()
		pressing.Wait()
		perSecond = append(perSecond, n)
	}
	slices.Sort(press)
	b.ReportMetric(median(perSecond), "events/s")
	b.ReportMetric(milliseconds(journaltest.Quantile(press, .5)), "urgent-p50-ms")
	b.ReportMetric(milliseconds(journaltest.Quantile(press, .99)), "urgent-p99-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkTrim sets recording while a small budget makes a file be retired
// every fraction of a second beside recording with room for all.
func BenchmarkTrim(b *testing.B) {
	small := options()
	small.Budget, small.Reserve, small.SegmentBytes = 16<<20, 4<<20, 4<<20
	large := small
	large.Budget = 0
	trimmed, roomy := mustOpen(b, b.TempDir(), small), mustOpen(b, b.TempDir(), large)
	var with, without []time.Duration
	for b.Loop() {
		for range turns {
			_, l := flood(b, trimmed, 50, 500*time.Millisecond)
			with = append(with, journaltest.Quantile(l, .99))
			_, l = flood(b, roomy, 50, 500*time.Millisecond)
			without = append(without, journaltest.Quantile(l, .99))
		}
	}
	first := trimmed.Stats().Chains[journal.Ordinary].First
	if first == 1 {
		b.Error("nothing was trimmed")
	}
	b.ReportMetric(float64(first-1), "events-trimmed")
	b.ReportMetric(milliseconds(median(with)), "p99-ms")
	b.ReportMetric(milliseconds(median(without)), "p99-ms-without")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkRead reads 1 million events through a cursor.
func BenchmarkRead(b *testing.B) {
	j := mustOpen(b, b.TempDir(), options())
	submit(b, j, 1_000_000)
	events := 0
	b.ReportAllocs()
	for b.Loop() {
		for e, err := range j.Tail(b.Context(), journal.Position{}) {
			if err != nil {
				b.Fatal(err)
			}
			events++
			if e.Seq == 1_000_000 {
				break
			}
		}
	}
	if events != 1_000_000*b.N {
		b.Errorf("read %d events in %d rounds", events, b.N)
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkOpen opens a journal of 1 million events. It looks at the newest
// files only, so more make no difference.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	j := mustOpen(b, dir, options())
	submit(b, j, 1_000_000)
	mustClose(b, j)
	for b.Loop() {
		j, err := journal.Open(dir, options())
		if err != nil {
			b.Fatal(err)
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
