package journal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
)

// model is what the journal should hold: a plain slice for each chain.
type model struct {
	clock   *stamp
	dir     string
	journal *journal.Journal
	state   *journal.State

	recorded [2][]string        // by sequence - 1
	failed   [2]map[string]bool // may turn up after a restart
	applied  [2]int             // entries that the follower has seen
	next     int

	failing       atomic.Pointer[syscall.Errno]
	failingBefore atomic.Bool
}

func (m *model) open(t *rapid.T) {
	fault := func(before bool) func(journal.Chain) error {
		return func(journal.Chain) error {
			if errno := m.failing.Load(); errno != nil && m.failingBefore.Load() == before {
				return *errno
			}
			return nil
		}
	}
	o := journal.Options{Clock: m.clock.read, SegmentBytes: 32 << 10, Keep: 24 * time.Hour}
	var err error
	if m.journal, err = journal.OpenFaulty(m.dir, o, fault(true), fault(false)); err != nil {
		t.Fatal(err)
	}
	if m.state, err = m.journal.OpenState("follower"); err != nil {
		t.Fatal(err)
	}
}

func (m *model) close(t *rapid.T) {
	if err := errors.Join(m.state.Close(), m.journal.Close()); err != nil {
		t.Fatal(err)
	}
}

func (m *model) event(which journal.Chain, id string) devices.Event {
	e := ordinary(id)
	e.Urgency, e.Received = devices.Urgency(which), m.clock.read()
	e.Data = make([]byte, 1000)
	return e
}

// record submits some new events and some old ones in one go.
func (m *model) record(t *rapid.T) {
	which := rapid.SampledFrom([]journal.Chain{journal.Ordinary, journal.Urgent}).Draw(t, "chain")
	n := rapid.IntRange(1, 30).Draw(t, "events")
	var ids []string
	// What was retired is forgotten at the next start.
	oldest := int(m.journal.Stats().Chains[which].First) - 1
	for range n {
		if have := len(m.recorded[which]); have > 0 && oldest >= 0 && rapid.Bool().Draw(t, "old") {
			ids = append(ids, m.recorded[which][rapid.IntRange(oldest, have-1).Draw(t, "which")])
		} else if len(ids) > 0 && rapid.IntRange(0, 4).Draw(t, "twice") == 0 {
			ids = append(ids, ids[len(ids)-1])
		} else {
			m.next++
			ids = append(ids, fmt.Sprint(which, m.next))
		}
	}
	results := make(chan error, n)
	for _, id := range ids {
		if err := m.journal.Submit(context.Background(), m.event(which, id), func(err error) { results <- err }); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range ids {
		err := <-results
		known := slices.Contains(m.recorded[which], id)
		switch {
		case known && err != nil && m.failing.Load() == nil:
			t.Fatalf("redelivery of %s: %v", id, err)
		case err == nil && !known:
			m.recorded[which] = append(m.recorded[which], id)
			delete(m.failed[which], id)
		case err != nil && !known:
			m.failed[which][id] = true
		}
	}
}

// read compares what the journal shows with the model.
func (m *model) read(t *rapid.T) {
	for which, want := range m.recorded {
		chain := journal.Chain(which)
		if got := m.journal.Last(chain); got != uint64(len(want)) {
			t.Fatalf("%s ends at %d, want %d", chain, got, len(want))
		}
		var at uint64
		for {
			entries, err := m.journal.Read(chain, at, rapid.IntRange(1, 50).Draw(t, "most"))
			if err != nil {
				t.Fatal(err)
			}
			if len(entries) == 0 {
				break
			}
			for _, e := range entries {
				// What everyone has read may be retired at any moment.
				if e.Seq <= at || e.Seq > max(at, uint64(m.applied[which]))+1 {
					t.Fatalf("%s: %d follows %d, applied up to %d", chain, e.Seq, at, m.applied[which])
				}
				at = e.Seq
				if e.Event.ID != want[at-1] {
					t.Fatalf("%s: %d is %s, want %s", chain, at, e.Event.ID, want[at-1])
				}
			}
		}
		if at < uint64(len(want)) && m.applied[which] < len(want) {
			t.Fatalf("%s can be read up to %d of %d", chain, at, len(want))
		}
	}
}

// restart reopens the journal. What failed last may have come true.
func (m *model) restart(t *rapid.T) {
	m.failing.Store(nil)
	m.close(t)
	m.open(t)
	for which := range m.recorded {
		have := uint64(len(m.recorded[which]))
		entries, err := m.journal.Read(journal.Chain(which), have, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !m.failed[which][e.Event.ID] {
				t.Fatalf("%s turned up", e.Event.ID)
			}
			delete(m.failed[which], e.Event.ID)
			m.recorded[which] = append(m.recorded[which], e.Event.ID)
		}
	}
}

// fold brings the follower up to date: it sees each entry once, in order.
func (m *model) fold(t *rapid.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := func() bool {
		return m.applied[0] == len(m.recorded[0]) && m.applied[1] == len(m.recorded[1])
	}
	if done() {
		return
	}
	if err := m.journal.Fold(ctx, m.state, journal.Fold{
		Chains: []journal.Chain{journal.Urgent, journal.Ordinary},
		Apply: func(tx *journal.Tx, entries []journal.Entry) error {
			for _, e := range entries {
				at := &m.applied[e.Chain]
				if e.Seq != uint64(*at)+1 || e.Event.ID != m.recorded[e.Chain][*at] {
					t.Fatalf("applied %s %d %s after %d", e.Chain, e.Seq, e.Event.ID, *at)
				}
				*at++
			}
			return nil
		},
		Committed: func() {
			if done() {
				cancel()
			}
		},
	}); err != nil {
		t.Fatal(err)
	}
}

// The journal against the model under random events, redeliveries, rotations,
// restarts, failing commits, followers and trims.
func TestModel(t *testing.T) {
	memory := "/dev/shm" // the disk is not what this is about
	if _, err := os.Stat(memory); err != nil {
		memory = ""
	}
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(memory, "journal-model-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &model{clock: newStamp(), dir: dir}
		m.failed = [2]map[string]bool{{}, {}}
		m.open(t)
		defer func() { m.close(t) }()
		m.record(t)
		m.fold(t) // a follower from the beginning
		t.Repeat(map[string]func(*rapid.T){
			"record":  m.record,
			"record ": m.record, // twice as often
			"fold":    m.fold,
			"restart": m.restart,
			"days": func(t *rapid.T) {
				m.clock.advance(time.Duration(rapid.IntRange(1, 48).Draw(t, "hours")) * time.Hour)
				m.journal.Tidy()
			},
			"failing": func(t *rapid.T) {
				errno := rapid.SampledFrom([]syscall.Errno{0, syscall.EIO}).Draw(t, "cause")
				m.failingBefore.Store(rapid.Bool().Draw(t, "before"))
				if m.failing.Store(&errno); errno == 0 {
					m.failing.Store(nil)
				}
			},
			"": m.read,
		})
	})
}
