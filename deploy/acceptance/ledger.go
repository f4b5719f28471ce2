package main

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/linli-edge/gateway/sync/journal"
)

// ledger holds what a box has promised against what it shows.
type ledger struct {
	mu      sync.Mutex
	acked   int             // events acknowledged, in all
	waiting map[string]bool // acknowledged and not yet seen in the journal
	told    parcels         // what the platform's books must come to

	// Only whoever examines the box uses these.
	seen   map[string]bool
	chains [2][]string // keys by sequence, indexed by journal.Chain
}

func newLedger() *ledger { return &ledger{waiting: map[string]bool{}, seen: map[string]bool{}} }

// key is what an event is known by: its device and its identity.
func key(device, id string) string { return device + " " + id }

func (l *ledger) acknowledged(key string, deposits, pickups int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked++
	l.waiting[key] = true
	l.told.deposits += int64(deposits)
	l.told.pickups += int64(pickups)
}

// sums are how many events were acknowledged, and what the books must say.
func (l *ledger) sums() (acked int, told parcels) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked, l.told
}

// promised is what was acknowledged until now and has not been seen.
func (l *ledger) promised() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.waiting))
}

// missing returns those of promised that have not been seen by now, and
// forgets the promises: each is counted once.
func (l *ledger) missing(promised []string) (missing []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range promised {
		if !l.seen[k] {
			missing = append(missing, k)
		}
		delete(l.waiting, k)
	}
	return missing
}

// last is how far a chain has been seen.
func (l *ledger) last(c journal.Chain) uint64 { return uint64(len(l.chains[c])) }

// see takes an entry of the journal, in the order of its chain. The error
// says what is wrong with it.
func (l *ledger) see(c journal.Chain, seq uint64, key string) error {
	chain := &l.chains[c]
	switch last := uint64(len(*chain)); {
	case seq == 0 || seq > last+1:
		return fmt.Errorf("%s chain: after %d comes %d", c, last, seq)
	case seq <= last && (*chain)[seq-1] != key:
		return fmt.Errorf("%s chain: %d was %q and is %q", c, seq, (*chain)[seq-1], key)
	case seq <= last:
		return nil
	}
	*chain = append(*chain, key)
	if l.seen[key] {
		return fmt.Errorf("%s chain: %q is there a second time, at %d", c, key, seq)
	}
	l.seen[key] = true
	return nil
}
