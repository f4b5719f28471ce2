package journal_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
)

// fill records n events with 1 KiB of data, stamped by the clock.
func fill(t testing.TB, j *journal.Journal, clock *stamp, name string, n int, urgency devices.Urgency) {
	t.Helper()
	last := make(chan struct{})
	for i := range n {
		e := ordinary(fmt.Sprint(name, i))
		e.Received, e.Urgency = clock.read(), urgency
		e.Device = fmt.Sprint("l", i%3)
		e.Data = []byte(`{"note":"` + strings.Repeat("x", 1000) + `"}`)
		if err := j.Submit(t.Context(), e, func(err error) {
			if err != nil {
				t.Error(err)
			}
			if i == n-1 {
				close(last)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if i%20 == 19 || i == n-1 { // small batches: files are cut between them
			mustRecord(t, j, e)
		}
	}
	<-last
}

func small(clock *stamp) journal.Options {
	return journal.Options{Clock: clock.read, SegmentBytes: 64 << 10, Keep: 24 * time.Hour}
}

func first(t testing.TB, j *journal.Journal, which journal.Chain) uint64 {
	t.Helper()
	return j.Stats().Chains[which].First
}

func TestRetiresByAgeWhatEveryoneHasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock, dir := newStamp(), t.TempDir()
		j := mustOpen(t, dir, small(clock))
		s := mustState(t, j, "slow")
		fold := counting()
		fold.Chains = []journal.Chain{journal.Ordinary}
		fill(t, j, clock, "old", 200, devices.Ordinary)
		clock.advance(48 * time.Hour)
		fill(t, j, clock, "new", 200, devices.Ordinary)
		tidy := func() {
			j.Tidy()
			synctest.Wait()
		}
		if tidy(); first(t, j, journal.Ordinary) == 1 {
			t.Error("old events stay although nobody follows")
		}
		mustClose(t, s)
		mustClose(t, j)

		dir = t.TempDir()
		j = mustOpen(t, dir, small(clock))
		s = mustState(t, j, "slow")
		fill(t, j, clock, "a", 10, devices.Ordinary)
		caughtUp(t, j, s, fold)
		fill(t, j, clock, "old", 190, devices.Ordinary)
		clock.advance(48 * time.Hour)
		fill(t, j, clock, "new", 200, devices.Ordinary)
		if tidy(); first(t, j, journal.Ordinary) != 1 {
			t.Error("events were retired that a follower has not read")
		}
		mustClose(t, s)
		mustClose(t, j)
		j = mustOpen(t, dir, small(clock))
		if tidy(); first(t, j, journal.Ordinary) != 1 {
			t.Error("a follower that does not run was forgotten")
		}
		s = mustState(t, j, "slow")
		caughtUp(t, j, s, fold)
		time.Sleep(2 * time.Minute) // by itself
		synctest.Wait()
		oldest, err := j.Read(journal.Ordinary, 0, 1)
		if err != nil || len(oldest) != 1 || oldest[0].Seq == 1 || oldest[0].Seq > 201 {
			t.Errorf("the oldest is %v, %v", oldest, err)
		}
		if got := len(ids(t, j, journal.Ordinary)); got < 200 {
			t.Errorf("%d left", got)
		}
		mustClose(t, s)
		mustClose(t, j)
	})
}

// A chain with little traffic does not keep old events because its file is
// never full.
func TestRetiresAQuietChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := newStamp()
		j := mustOpen(t, t.TempDir(), small(clock))
		for day := range 5 {
			fill(t, j, clock, fmt.Sprint(day, "-"), 1, devices.Urgent)
			clock.advance(11 * time.Hour)
			time.Sleep(2 * time.Minute)
			synctest.Wait()
		}
		wantIDs(t, j, journal.Urgent, "3-0", "4-0")
		mustClose(t, j)
	})
}

func gaps(t testing.TB, j *journal.Journal) (found []journal.Gap) {
	t.Helper()
	var at uint64
	for {
		entries, err := j.Read(journal.Urgent, at, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return found
		}
		for _, e := range entries {
			at = e.Seq
			if e.Event.Type != journal.TypeGap {
				continue
			}
			gap, err := devices.Decode[journal.Gap](e.Event)
			if err != nil || gap.Validate() != nil || e.Event.Device != devices.GatewayDevice ||
				e.Event.ID != fmt.Sprintf("gap/%s/%d", gap.Chain, gap.First) {
				t.Errorf("gap %+v of %+v, %v", gap, e.Event, err)
			}
			found = append(found, gap)
		}
	}
}

func TestGivesUpOrdinaryEventsOverBudget(t *testing.T) {
	registry := prometheus.NewRegistry()
	clock := newStamp()
	o := small(clock)
	o.Budget, o.Reserve, o.Registerer = 1<<20, 256<<10, registry
	j := mustOpen(t, t.TempDir(), o)
	s := mustState(t, j, "slow")
	fold := counting()
	fill(t, j, clock, "read", 30, devices.Ordinary)
	caughtUp(t, j, s, fold)
	for i := range 10 {
		fill(t, j, clock, fmt.Sprint("o", i, "-"), 200, devices.Ordinary)
		fill(t, j, clock, fmt.Sprint("u", i, "-"), 10, devices.Urgent)
	}
	j.Tidy()
	waitFor(t, func() bool {
		c := j.Stats().Chains
		return c[journal.Ordinary].Bytes <= o.Budget-max(o.Reserve, c[journal.Urgent].Bytes)
	})
	found := gaps(t, j)
	if got := len(ids(t, j, journal.Urgent)); got != 100+len(found) {
		t.Errorf("%d of 100 urgent events left", got-len(found))
	}
	if len(found) == 0 {
		t.Fatal("no gap was journaled")
	}
	next, lost, unread := uint64(1), 0, 0
	for _, g := range found {
		if g.First != next || g.Count != int(g.Last-g.First+1) || g.Devices["l0"]+g.Devices["l1"]+g.Devices["l2"] != g.Count ||
			!g.From.Equal(clock.read().Wall) || !g.To.Equal(clock.read().Wall) {
			t.Errorf("gap %+v, should begin at %d", g, next)
		}
		next = g.Last + 1
		lost += g.Count
		unread += g.Unread
	}
	if got := first(t, j, journal.Ordinary); got != next {
		t.Errorf("the oldest is %d, the gaps end before %d", got, next)
	}
	if unread != lost-30 {
		t.Errorf("%d of %d unread", unread, lost)
	}
	want := fmt.Sprintf("# HELP linli_journal_lost_records_total Events retired before their time for want of space.\n"+
		"# TYPE linli_journal_lost_records_total counter\nlinli_journal_lost_records_total{chain=\"ordinary\"} %d\nlinli_journal_lost_records_total{chain=\"urgent\"} 0\n", lost)
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "linli_journal_lost_records_total"); err != nil {
		t.Error(err)
	}
	// The follower skips what is gone, and is told.
	seen := 0
	apply := fold.Apply
	fold.Apply = func(tx *journal.Tx, entries []journal.Entry) error {
		for _, e := range entries {
			if e.Event.Type == journal.TypeGap {
				seen++
			}
		}
		return apply(tx, entries)
	}
	caughtUp(t, j, s, fold)
	if seen != len(found) {
		t.Errorf("the follower was told of %d gaps of %d", seen, len(found))
	}
	// The urgent chain is given up last, and never within its reserve.
	for i := range 10 {
		fill(t, j, clock, fmt.Sprint("v", i, "-"), 200, devices.Urgent)
	}
	j.Tidy()
	waitFor(t, func() bool {
		c := j.Stats().Chains
		return c[journal.Ordinary].Bytes+c[journal.Urgent].Bytes <= o.Budget
	})
	if c := j.Stats().Chains; c[journal.Urgent].Bytes < o.Reserve || c[journal.Ordinary].Files > 2 {
		t.Errorf("left: %+v", c)
	}
}

// waitFor polls what a goroutine of the journal does with the real disk.
func waitFor(t testing.TB, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it did not happen")
		}
	}
}

// On a full disk urgent events make room for themselves; ordinary ones only
// where everything has been read.
func TestFullDiskMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full [2]atomic.Bool
		clock := newStamp()
		j, err := journal.OpenFaulty(t.TempDir(), small(clock), func(which journal.Chain) error {
			if full[which].Load() {
				return syscall.ENOSPC
			}
			return nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := mustState(t, j, "slow")
		fold := counting()
		fold.Chains = []journal.Chain{journal.Ordinary}
		fill(t, j, clock, "a", 1, devices.Ordinary)
		caughtUp(t, j, s, fold)
		fill(t, j, clock, "b", 300, devices.Ordinary)
		oldest := first(t, j, journal.Ordinary)
		check := func(why string, givesUp bool) {
			t.Helper()
			synctest.Wait()
			now := first(t, j, journal.Ordinary)
			if (now > oldest) != givesUp {
				t.Errorf("%s: the oldest was %d and is %d", why, oldest, now)
			}
			oldest = now
		}
		fail := func(which journal.Chain) {
			t.Helper()
			full[which].Store(true)
			e := ordinary(fmt.Sprint(which))
			e.Urgency = devices.Urgency(which)
			if err := j.Record(t.Context(), e); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("got %v", err)
			}
			full[which].Store(false)
		}
		fail(journal.Ordinary)
		check("an ordinary event, unread files", false)
		fail(journal.Urgent)
		check("an urgent event", true)
		caughtUp(t, j, s, fold)
		fail(journal.Ordinary)
		check("an ordinary event, read files", true)
		if got := gaps(t, j); len(got) != 2 {
			t.Errorf("gaps %+v", got)
		}
		mustClose(t, s)
		mustClose(t, j)
	})
}
