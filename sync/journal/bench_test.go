package journal_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
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

// flood lets recorders call record for d and returns how many calls a second
// came back, and their latencies.
func flood(tb testing.TB, recorders int, d time.Duration, record func(ctx context.Context, n uint64) error) (perSecond float64, latencies []time.Duration) {
	var all sync.WaitGroup
	var mu sync.Mutex
	start := time.Now()
	total := 0
	for range recorders {
		all.Go(func() {
			ctx, cancel := context.WithCancel(context.Background()) // as each connection has its own
			defer cancel()
			var mine []time.Duration
			for time.Since(start) < d {
				before := time.Now()
				if err := record(ctx, counter.Add(1)); err != nil {
					tb.Error(err)
					return
				}
				mine = append(mine, time.Since(before))
			}
			mu.Lock()
			defer mu.Unlock()
			total += len(mine)
			latencies = append(latencies, mine...)
		})
	}
	all.Wait()
	return float64(total) / time.Since(start).Seconds(), latencies
}

var counter atomic.Uint64

func median[T cmp.Ordered](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}

// bareGroup is the least that could be called a group commit on bbolt: values
// of the same size, ready made, one key each.
type bareGroup struct {
	queue chan bareRequest
	done  sync.WaitGroup
}

type bareRequest struct {
	value []byte
	done  chan error
}

func openBare(tb testing.TB, path string) *bolt.DB {
	db, err := bolt.Open(path, 0o600, &bolt.Options{InitialMmapSize: 1 << 30})
	if err != nil {
		tb.Fatal(err)
	}
	if err := db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists([]byte("events"))
		return err
	}); err != nil {
		tb.Fatal(err)
	}
	return db
}

func newBareGroup(tb testing.TB, db *bolt.DB) *bareGroup {
	g := &bareGroup{queue: make(chan bareRequest, 4096)}
	g.done.Go(func() {
		var seq uint64
		for first := range g.queue {
			batch := []bareRequest{first}
		gather:
			for len(batch) < 4096 {
				select {
				case next, ok := <-g.queue:
					if !ok {
						break gather
					}
					batch = append(batch, next)
				default:
					break gather
				}
			}
			err := db.Update(func(tx *bolt.Tx) error {
				b := tx.Bucket([]byte("events"))
				b.FillPercent = 1
				for _, r := range batch {
					seq++
					if err := b.Put(binary.BigEndian.AppendUint64(nil, seq), r.value); err != nil {
						return err
					}
				}
				return nil
			})
			for _, r := range batch {
				r.done <- err
			}
		}
	})
	tb.Cleanup(func() {
		close(g.queue)
		g.done.Wait()
	})
	return g
}

func (g *bareGroup) record(value []byte) error {
	done := make(chan error, 1)
	g.queue <- bareRequest{value, done}
	return <-done
}

// fdatasyncs writes 4 KiB and syncs for d, and returns the latencies.
func fdatasyncs(tb testing.TB, f *os.File, d time.Duration) []time.Duration {
	page := make([]byte, 4096)
	var all []time.Duration
	for start := time.Now(); time.Since(start) < d; {
		before := time.Now()
		if _, err := f.WriteAt(page, 0); err != nil {
			tb.Fatal(err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			tb.Fatal(err)
		}
		all = append(all, time.Since(before))
	}
	return all
}

// BenchmarkRecord sets the journal without added wait beside a bare bbolt
// group commit of the same bytes and the disk's bare fdatasync.
func BenchmarkRecord(b *testing.B) {
	for _, recorders := range []int{1, 10, 50, 500, 800} {
		b.Run(fmt.Sprintf("recorders=%d", recorders), func(b *testing.B) {
			const turn = 250 * time.Millisecond
			dir := b.TempDir()
			o := options()
			j := mustOpen(b, filepath.Join(dir, "journal"), o)
			db := openBare(b, filepath.Join(dir, "bare"))
			b.Cleanup(func() { mustClose(b, db) })
			group := newBareGroup(b, db)
			f, err := os.Create(filepath.Join(dir, "sync"))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { mustClose(b, f) })
			value := make([]byte, benchBytes+60)
			var perSecond, ratio []float64
			var oursP50, bareP50, syncP50 []time.Duration
			for b.Loop() {
				for range turns {
					bare, l := flood(b, recorders, turn, func(context.Context, uint64) error { return group.record(value) })
					bareP50 = append(bareP50, median(l))
					syncP50 = append(syncP50, median(fdatasyncs(b, f, turn/5)))
					ours, l := flood(b, recorders, turn, func(ctx context.Context, n uint64) error { return j.Record(ctx, benchEvent(n)) })
					oursP50 = append(oursP50, median(l))
					perSecond, ratio = append(perSecond, ours), append(ratio, ours/bare)
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
	db := openBare(b, filepath.Join(dir, "bare"))
	b.Cleanup(func() { mustClose(b, db) })
	value := make([]byte, benchBytes+60)
	var ours, single float64
	for b.Loop() {
		for range turns {
			n, _ := flood(b, 50, 250*time.Millisecond, func(ctx context.Context, n uint64) error { return j.Record(ctx, benchEvent(n)) })
			ours += n
			n, _ = flood(b, 50, 250*time.Millisecond, func(_ context.Context, n uint64) error {
				return db.Update(func(tx *bolt.Tx) error {
					return tx.Bucket([]byte("events")).Put(binary.BigEndian.AppendUint64(nil, n), value)
				})
			})
			single += n
		}
	}
	b.ReportMetric(ours/single, "times-a-tx-each")
	b.ReportMetric(0, "ns/op")
}

// written is what this process has sent towards the disk, in bytes.
func written(tb testing.TB) int64 {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		tb.Skip(err)
	}
	_, rest, _ := strings.Cut(string(text), "\nwrite_bytes: ")
	line, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.ParseInt(line, 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return n
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
			before, n := written(b), 0
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
			b.ReportMetric(float64(written(b)-before)/float64(n), "B/event")
			b.ReportMetric(0, "ns/op")
		})
	}
	b.Run("flat-out", func(b *testing.B) {
		j := mustOpen(b, b.TempDir(), options())
		var events float64
		before := written(b)
		for b.Loop() {
			start := time.Now()
			n, _ := flood(b, 500, 2*time.Second, func(ctx context.Context, n uint64) error { return j.Record(ctx, benchEvent(n)) })
			events += n * time.Since(start).Seconds()
		}
		b.ReportMetric(float64(written(b)-before)/events/benchBytes, "B/payload-byte")
		b.ReportMetric(0, "ns/op")
	})
}

// fillMillion records 1 million events.
func fillMillion(b *testing.B, j *journal.Journal) {
	b.Helper()
	var pending sync.WaitGroup
	for n := range uint64(1_000_000) {
		pending.Add(1)
		if err := j.Submit(b.Context(), benchEvent(n), func(err error) {
			if err != nil {
				b.Error(err)
			}
			pending.Done()
		}); err != nil {
			b.Fatal(err)
		}
	}
	pending.Wait()
}

// BenchmarkRead reads 1 million events through a cursor.
func BenchmarkRead(b *testing.B) {
	j := mustOpen(b, b.TempDir(), options())
	fillMillion(b, j)
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
	fillMillion(b, j)
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
