// Package journaltest holds what durable intake is measured against: the
// least that could be called a group commit on bbolt, and the disk itself. It
// is for benchmarks, which set the two beside each other in one run, because
// an absolute figure means little on a shared machine.
package journaltest

import (
	"encoding/binary"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Bare is a group commit of ready-made values on bbolt, one key each, and
// nothing else.
type Bare struct {
	DB    *bolt.DB
	queue chan request
}

type request struct {
	value []byte
	done  chan error
}

var bucket = []byte("events")

// mostInBatch is as many as the journal puts in one of its own.
const mostInBatch = 4096

// NewBare makes a Bare in a new file; it ends with the test.
func NewBare(tb testing.TB, path string) *Bare {
	tb.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{InitialMmapSize: 1 << 30})
	if err != nil {
		tb.Fatal(err)
	}
	if err := db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	}); err != nil {
		tb.Fatal(err)
	}
	b := &Bare{DB: db, queue: make(chan request, mostInBatch)}
	var writer sync.WaitGroup
	writer.Go(b.write)
	tb.Cleanup(func() {
		close(b.queue)
		writer.Wait()
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return b
}

// Record returns when the value is on disk.
func (b *Bare) Record(value []byte) error { return <-b.Submit(value) }

// Submit returns where it will be told that the value is on disk.
func (b *Bare) Submit(value []byte) <-chan error {
	done := make(chan error, 1)
	b.queue <- request{value, done}
	return done
}

// Single is Record in a transaction of its own.
func (b *Bare) Single(key uint64, value []byte) error {
	return b.DB.Update(func(tx *bolt.Tx) error {
		return tx.Bucket(bucket).Put(binary.BigEndian.AppendUint64(nil, key), value)
	})
}

func (b *Bare) write() {
	var seq uint64
	for first := range b.queue {
		batch := b.gather(first)
		err := b.DB.Update(func(tx *bolt.Tx) error {
			events := tx.Bucket(bucket)
			events.FillPercent = 1
			for _, r := range batch {
				seq++
				if err := events.Put(binary.BigEndian.AppendUint64(nil, seq), r.value); err != nil {
					return err
				}
			}
			return nil
		})
		for _, r := range batch {
			r.done <- err
		}
	}
}

// gather takes whatever has come meanwhile.
func (b *Bare) gather(first request) []request {
	batch := []request{first}
	for len(batch) < mostInBatch {
		select {
		case next, ok := <-b.queue:
			if !ok {
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// Flood lets writers call record, over and over, for d. It returns how many
// calls a second came back and their latencies, ascending. n counts from 0 in
// each writer.
func Flood(tb testing.TB, writers int, d time.Duration, record func(writer, n int) error) (perSecond float64, latencies []time.Duration) {
	tb.Helper()
	var all sync.WaitGroup
	each := make([][]time.Duration, writers)
	start := time.Now()
	for w := range writers {
		all.Go(func() {
			for n := 0; time.Since(start) < d; n++ {
				before := time.Now()
				if err := record(w, n); err != nil {
					tb.Error(err)
					return
				}
				each[w] = append(each[w], time.Since(before))
			}
		})
	}
	all.Wait()
	elapsed := time.Since(start)
	latencies = slices.Concat(each...)
	slices.Sort(latencies)
	return float64(len(latencies)) / elapsed.Seconds(), latencies
}

// Fdatasyncs writes 4 KiB and syncs, over and over, for d, and returns the
// latencies, ascending.
func Fdatasyncs(tb testing.TB, f *os.File, d time.Duration) []time.Duration {
	tb.Helper()
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
	slices.Sort(all)
	return all
}

// Quantile returns the latency that a share q of all stayed within; they must
// be ascending.
func Quantile(latencies []time.Duration, q float64) time.Duration {
	if len(latencies) == 0 {
		return 0
	}
	return latencies[min(int(q*float64(len(latencies))), len(latencies)-1)]
}

// Written is what a process (or "self") has sent towards the disk since it
// began, in bytes.
func Written(tb testing.TB, process string) int64 {
	tb.Helper()
	text, err := os.ReadFile("/proc/" + process + "/io")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "write_bytes: "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			if err != nil {
				tb.Fatal(err)
			}
			return n
		}
	}
	tb.Fatalf("no write_bytes of process %s", process)
	return 0
}
