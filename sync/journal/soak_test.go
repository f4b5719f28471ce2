package journal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
)

// Everything at once, on a small budget: recorders, followers, readers and
// whoever looks at the figures, over several starts. In the end each sequence
// of both chains can be read or is in exactly one gap, and followers saw those
// that they saw in order.
func TestSoak(t *testing.T) {
	starts, each := 3, time.Second
	if os.Getenv("LINLI_CAMPAIGN") != "" {
		starts, each = 100, 10*time.Second
	}
	dir := t.TempDir()
	seen := map[string]*journal.Position{"first": {}, "second": {}}
	for start := range starts {
		soak(t, dir, start, each, seen)
	}
	j := mustOpen(t, dir, soaked(nil))
	missing := map[string]uint64{}
	for _, gap := range gaps(t, j) {
		missing[gap.Chain] += gap.Last - gap.First + 1
		if gap.Count != int(gap.Last-gap.First+1) {
			t.Errorf("gap %+v", gap)
		}
	}
	for _, chain := range []journal.Chain{journal.Ordinary, journal.Urgent} {
		readable := uint64(0)
		for at := uint64(0); ; {
			entries, err := j.Read(chain, at, 500)
			if err != nil {
				t.Fatal(err)
			}
			if len(entries) == 0 {
				break
			}
			readable, at = readable+uint64(len(entries)), entries[len(entries)-1].Seq
		}
		t.Logf("%s: %d recorded, %d given up", chain, j.Last(chain), missing[chain.String()])
		if readable+missing[chain.String()] != j.Last(chain) {
			t.Errorf("%s: %d readable, %d in gaps, %d recorded", chain, readable, missing[chain.String()], j.Last(chain))
		}
	}
	if missing["ordinary"] == 0 || missing["urgent"] > 0 {
		t.Errorf("given up: %v", missing)
	}
}

func soaked(r prometheus.Registerer) journal.Options {
	o := small(newStamp())
	o.Budget, o.Reserve, o.Registerer = 24<<20, 23<<20, r
	o.Wait = time.Millisecond
	return o
}

func soak(t *testing.T, dir string, start int, d time.Duration, seen map[string]*journal.Position) {
	t.Helper()
	registry := prometheus.NewRegistry()
	j := mustOpen(t, dir, soaked(registry))
	ctx, cancel := context.WithTimeout(t.Context(), d+5*time.Minute)
	defer cancel()
	began := time.Now()
	var all sync.WaitGroup
	data := []byte(`{"note":"` + strings.Repeat("x", 200) + `"}`)
	for w := range 8 {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				e := ordinary(fmt.Sprint(start, "-", n))
				e.Device, e.Data = fmt.Sprint("w", w), data
				if n%20 == 0 {
					e.Urgency = devices.Urgent
				}
				mustRecord(t, j, e)
				if n%7 == 0 {
					mustRecord(t, j, e) // a redelivery
				}
			}
		})
	}
	for name, at := range seen {
		s := mustState(t, j, name)
		fold := journal.Fold{
			Chains: []journal.Chain{journal.Urgent, journal.Ordinary},
			Apply: func(tx *journal.Tx, entries []journal.Entry) error {
				for _, e := range entries {
					if e.Seq <= at[e.Chain] {
						t.Errorf("%s: %s %d follows %d", name, e.Chain, e.Seq, at[e.Chain])
					}
					at[e.Chain] = e.Seq
				}
				tx.Put("at", []byte(name), fmt.Append(nil, at))
				return nil
			},
		}
		if name == "second" {
			fold.Every = 100 * time.Millisecond
		}
		all.Go(func() {
			if err := j.Fold(ctx, s, fold); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			mustClose(t, s)
		})
	}
	all.Go(func() {
		var at journal.Position
		for e, err := range j.Tail(ctx, at) {
			if err != nil || e.Seq <= at[e.Chain] {
				t.Errorf("tail: %s %d follows %d, %v", e.Chain, e.Seq, at[e.Chain], err)
				return
			}
			at[e.Chain] = e.Seq
		}
	})
	all.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			j.Tidy()
			if _, err := registry.Gather(); err != nil {
				t.Error(err)
			}
			// A slow disk takes longer to hold more than it may.
			if time.Since(began) > d && j.Stats().Chains[journal.Ordinary].First > 1 {
				cancel()
			}
		}
	})
	all.Wait()
	if err := j.Close(); err != nil && !errors.Is(err, journal.ErrClosed) {
		t.Error(err)
	}
}
