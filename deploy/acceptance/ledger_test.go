package main

import (
	"slices"
	"testing"

	"github.com/linli-edge/gateway/sync/journal"
)

// What must not be in a journal is noticed.
func TestLedgerSees(t *testing.T) {
	type entry struct {
		chain journal.Chain
		seq   uint64
		key   string
	}
	sound := []entry{
		{journal.Ordinary, 1, "a"}, {journal.Urgent, 1, "b"}, {journal.Ordinary, 2, "c"},
		{journal.Ordinary, 1, "a"}, {journal.Ordinary, 2, "c"}, {journal.Ordinary, 3, "d"}, // read again
	}
	for _, c := range []struct {
		name string
		bad  entry
	}{
		{"a gap", entry{journal.Ordinary, 5, "e"}},
		{"not from the beginning", entry{journal.Urgent, 3, "e"}},
		{"another event under a known number", entry{journal.Ordinary, 2, "e"}},
		{"an event a second time", entry{journal.Ordinary, 4, "a"}},
		{"an event in both chains", entry{journal.Urgent, 2, "d"}},
		{"no number", entry{journal.Ordinary, 0, "e"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLedger()
			for _, e := range sound {
				if err := l.see(e.chain, e.seq, e.key); err != nil {
					t.Fatalf("%+v: %v", e, err)
				}
			}
			if err := l.see(c.bad.chain, c.bad.seq, c.bad.key); err == nil {
				t.Error("not noticed")
			}
		})
	}
}

func TestLedgerMisses(t *testing.T) {
	l := newLedger()
	for _, k := range []string{"kept", "lost", "late"} {
		l.acknowledged(k, 1, 2)
	}
	promised := slices.DeleteFunc(l.promised(), func(k string) bool { return k == "late" })
	if err := l.see(journal.Ordinary, 1, "kept"); err != nil {
		t.Fatal(err)
	}
	if got := l.missing(promised); !slices.Equal(got, []string{"lost"}) {
		t.Errorf("missing %q", got)
	}
	if got := l.promised(); !slices.Equal(got, []string{"late"}) {
		t.Errorf("still promised: %q", got)
	}
	if acked, told := l.sums(); acked != 3 || told != (parcels{3, 6}) {
		t.Errorf("%d acknowledged, %+v told", acked, told)
	}
}
