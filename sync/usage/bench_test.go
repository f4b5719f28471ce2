package usage

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/sync/journal"
)

// BenchmarkFold: what it takes to count an event, from the journal's file to
// the state's commit. On a box whose time is not known each change is kept
// until it is.
func BenchmarkFold(b *testing.B) {
	const lockers, compartments, events = 50, 100, 40_960
	people := devicesOnly{}
	for i := range lockers {
		id := fmt.Sprintf("l%d", i)
		people[id] = at("f-1", id, locker.Kind)
	}
	for _, synced := range []bool{true, false} {
		b.Run(fmt.Sprintf("synchronised=%t", synced), func(b *testing.B) {
			now := devices.Stamp{Boot: devices.BootID{1}, Mono: time.Hour, Wall: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), Synced: synced}
			clock := func() devices.Stamp { return now }
			j, err := journal.Open(b.TempDir(), journal.Options{Clock: clock})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			note := strings.Repeat("x", 100)
			for i := range events {
				n := i / 2 % (lockers * compartments)
				e := devices.Event{ID: fmt.Sprint(i), Device: fmt.Sprintf("l%d", n%lockers), Type: locker.Deposited{}.EventType(), Received: now,
					Data: fmt.Appendf(nil, `{"compartment":%d,"note":%q}`, n/lockers+1, note)}
				if i%2 == 1 {
					e.Type = locker.PickedUp{}.EventType()
				}
				if err := j.Submit(b.Context(), e, func(error) {}); err != nil {
					b.Fatal(err)
				}
			}
			if err := j.Record(b.Context(), devices.Event{ID: "last", Device: "l0", Type: locker.Status{}.EventType(), Received: now, Data: []byte(`{"online":true}`)}); err != nil {
				b.Fatal(err)
			}
			last := j.Last(journal.Ordinary)
			for run := 0; b.Loop(); run++ {
				state, err := j.OpenState(fmt.Sprintf("usage-%d", run))
				if err != nil {
					b.Fatal(err)
				}
				ctx, end := context.WithCancel(b.Context())
				counted, things := 0, map[string]*thing{}
				var done bool
				fold := journal.Fold{
					Chains: []journal.Chain{journal.Ordinary},
					Apply: func(tx *journal.Tx, entries []journal.Entry) error {
						done = entries[len(entries)-1].Seq == last
						got, err := apply(tx, entries, people.Snapshot(), Options{Logger: slog.New(slog.DiscardHandler)}, 1, things, nil)
						for _, n := range got.changes {
							counted += n
						}
						return err
					},
					Committed: func() {
						if done {
							end()
						}
					},
				}
				if err := j.Fold(ctx, state, fold); err != nil {
					b.Fatal(err)
				}
				end()
				if counted != events {
					b.Fatalf("%d of %d changes counted", counted, events)
				}
				if err := state.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/events, "us/event")
			b.ReportMetric(0, "ns/op")
		})
	}
}
