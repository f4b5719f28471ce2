package journal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
)

func TestMain(m *testing.M) {
	runChild()
	goleak.VerifyTestMain(m)
}

// stamp is a clock that tests turn by hand.
type stamp struct {
	mu  sync.Mutex
	now devices.Stamp
}

func newStamp() *stamp {
	return &stamp{now: devices.Stamp{
		Boot: devices.BootID{1, 2, 3}, Mono: time.Hour,
		Wall: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), Synced: true,
	}}
}

func (s *stamp) read() devices.Stamp {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *stamp) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Mono += d
	s.now.Wall = s.now.Wall.Add(d)
}

func options() journal.Options { return journal.Options{Clock: newStamp().read} }

func mustOpen(t testing.TB, dir string, o journal.Options) *journal.Journal {
	t.Helper()
	j, err := journal.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustClose(t, j) })
	return j
}

func mustClose(t testing.TB, c interface{ Close() error }) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func ordinary(id string) devices.Event {
	return devices.Event{
		ID: id, Device: "l1", Type: "door", Received: newStamp().read(),
		Data: json.RawMessage(`{"compartment":12,"open":true}`),
	}
}

func urgent(id string) devices.Event {
	e := ordinary(id)
	e.Device, e.Type, e.Urgency, e.Data = "w1", "sos", devices.Urgent, nil
	return e
}

func mustRecord(t testing.TB, j *journal.Journal, events ...devices.Event) {
	t.Helper()
	for _, e := range events {
		if err := j.Record(t.Context(), e); err != nil {
			t.Errorf("record %s: %v", e.ID, err)
		}
	}
}

// ids reads a whole chain and checks that its sequence grows by one from
// first.
func ids(t testing.TB, j *journal.Journal, which journal.Chain) []string {
	t.Helper()
	var found []string
	var at uint64
	for {
		entries, err := j.Read(which, at, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return found
		}
		for _, e := range entries {
			if at > 0 && e.Seq != at+1 {
				t.Errorf("%s: %d follows %d", which, e.Seq, at)
			}
			if e.Chain != which || e.Event.Urgency != devices.Urgency(which) {
				t.Errorf("entry %+v in the %s chain", e, which)
			}
			at = e.Seq
			found = append(found, e.Event.ID)
		}
	}
}

func wantIDs(t testing.TB, j *journal.Journal, which journal.Chain, want ...string) {
	t.Helper()
	got := ids(t, j, which)
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("%s chain: entry %d is %q, want %q", which, i, got[i], want[i])
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s chain holds %d entries, want %d", which, len(got), len(want))
	}
}

func TestRecordAndRead(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, options())
	full := ordinary("a")
	full.Observed = time.Date(1970, 1, 1, 0, 0, 0, 123, time.UTC)
	mustRecord(t, j, full, urgent("u"), ordinary("b"))
	entries, err := j.Read(journal.Ordinary, 0, 1)
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	if got := fmt.Sprintf("%+v", entries[0].Event); got != fmt.Sprintf("%+v", full) || entries[0].Seq != 1 {
		t.Errorf("got  %s\nwant %+v", got, full)
	}
	wantIDs(t, j, journal.Ordinary, "a", "b")
	wantIDs(t, j, journal.Urgent, "u")
	mustClose(t, j)
	if err := j.Record(t.Context(), ordinary("c")); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := j.Read(journal.Ordinary, 0, 1); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	j = mustOpen(t, dir, options())
	if j.Last(journal.Ordinary) != 2 || j.Last(journal.Urgent) != 1 {
		t.Errorf("last %d, %d", j.Last(journal.Ordinary), j.Last(journal.Urgent))
	}
	mustRecord(t, j, ordinary("c"))
	wantIDs(t, j, journal.Ordinary, "a", "b", "c")
}

func TestRefusesWhatItCannotKeep(t *testing.T) {
	j := mustOpen(t, t.TempDir(), options())
	for name, spoil := range map[string]func(*devices.Event){
		"no ID":     func(e *devices.Event) { e.ID = "" },
		"no device": func(e *devices.Event) { e.Device = "" },
		"no type":   func(e *devices.Event) { e.Type = "" },
		"too large": func(e *devices.Event) { e.Data = make([]byte, journal.MaxEventBytes) },
	} {
		e := ordinary("a")
		spoil(&e)
		if err := j.Record(t.Context(), e); err == nil {
			t.Errorf("%s: recorded", name)
		}
		if err := j.Submit(t.Context(), e, func(error) { t.Errorf("%s: done was called", name) }); err == nil {
			t.Errorf("%s: submitted", name)
		}
	}
	wantIDs(t, j, journal.Ordinary)
}

func TestOnlyOneProcess(t *testing.T) {
	dir := t.TempDir()
	mustOpen(t, dir, options())
	if _, err := journal.Open(dir, options()); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("opened twice: %v", err)
	}
}

func TestRedeliveryIsNoOp(t *testing.T) {
	dir := t.TempDir()
	o := options()
	o.SegmentBytes = 32 << 10
	var want []string
	for run := range 3 {
		j := mustOpen(t, dir, o)
		for i := range 600 {
			id := fmt.Sprintf("%d-%d", run, i)
			want = append(want, id)
			mustRecord(t, j, ordinary(id))
		}
		for _, id := range want { // across rotation and restart
			mustRecord(t, j, ordinary(id))
		}
		if run == 0 && j.Stats().Chains[journal.Ordinary].Files < 3 {
			t.Errorf("only %d files", j.Stats().Chains[journal.Ordinary].Files)
		}
		wantIDs(t, j, journal.Ordinary, want...)
		mustClose(t, j)
	}
	j := mustOpen(t, dir, o)
	other := ordinary("0-0")
	other.Device = "l2" // the same ID of another device is another event
	mustRecord(t, j, other)
	if got := j.Last(journal.Ordinary); got != uint64(len(want)+1) {
		t.Errorf("last is %d, want %d", got, len(want)+1)
	}
}

// A redelivery of what is being written must not be acknowledged before it,
// and fails with it.
func TestRedeliverySharesFate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan error)
		o := options()
		j, err := journal.OpenFaulty(t.TempDir(), o, func(journal.Chain) error { return <-release }, nil)
		if err != nil {
			t.Fatal(err)
		}
		results := make(chan error, 3)
		for range 3 {
			go func() { results <- j.Record(t.Context(), ordinary("a")) }()
		}
		synctest.Wait()
		if len(results) != 0 {
			t.Fatal("acknowledged before the commit")
		}
		release <- syscall.EIO
		synctest.Wait()
		// Those who came while the commit ran were in the next batch: theirs
		// is the next attempt.
		for len(results) > 0 {
			if err := <-results; !errors.Is(err, syscall.EIO) {
				t.Errorf("got %v", err)
			}
		}
		close(release)
		synctest.Wait()
		mustRecord(t, j, ordinary("a"))
		wantIDs(t, j, journal.Ordinary, "a")
		mustClose(t, j)
	})
}

func TestWaitForCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.Wait = 50 * time.Millisecond
		j := mustOpen(t, t.TempDir(), o)
		start := time.Now()
		var both sync.WaitGroup
		both.Go(func() { mustRecord(t, j, ordinary("a")) })
		time.Sleep(30 * time.Millisecond)
		both.Go(func() { mustRecord(t, j, ordinary("b")) })
		both.Wait()
		if got := time.Since(start); got != o.Wait {
			t.Errorf("ordinary events took %s", got)
		}
		start = time.Now()
		mustRecord(t, j, urgent("u"))
		if got := time.Since(start); got != 0 {
			t.Errorf("an urgent event waited %s", got)
		}
		// Company enough does not wait, and a batch that is being closed neither.
		// Not one event more: it could be left over from a batch that the others
		// have filled, and rightly wait by itself.
		start = time.Now()
		var all sync.WaitGroup
		for i := range journal.CompanyEvents {
			all.Go(func() { mustRecord(t, j, ordinary(fmt.Sprint(i))) })
		}
		all.Wait()
		all.Go(func() { mustRecord(t, j, ordinary("last")) })
		synctest.Wait()
		mustClose(t, j)
		all.Wait()
		if got := time.Since(start); got != 0 {
			t.Errorf("company enough waited %s", got)
		}
	})
}

// Callers that a commit has released together come back one after the other.
// Were the first not to wait for the last, every second commit would be theirs.
func TestCrowd(t *testing.T) {
	const crowd, rounds, commit = 50, 20, 16 * time.Millisecond
	for _, which := range []journal.Chain{journal.Ordinary, journal.Urgent} {
		synctest.Test(t, func(t *testing.T) {
			commits := 0
			j, err := journal.OpenFaulty(t.TempDir(), options(), func(journal.Chain) error {
				commits++
				time.Sleep(commit)
				return nil
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer mustClose(t, j)
			event := ordinary
			if which == journal.Urgent {
				event = urgent
			}
			var all sync.WaitGroup
			for i := range crowd {
				all.Go(func() {
					for round := range rounds {
						time.Sleep(time.Duration(i) * 20 * time.Microsecond)
						mustRecord(t, j, event(fmt.Sprint(i, "-", round)))
					}
				})
			}
			all.Wait()
			switch {
			case which == journal.Ordinary && commits > rounds+2: // the first commit knows of no crowd
				t.Errorf("%d commits of %d events by %d callers", commits, crowd*rounds, crowd)
			case which == journal.Urgent && commits < 2*rounds-2:
				t.Errorf("%d commits of urgent events: the first of them have waited for company", commits)
			}
			if which == journal.Urgent {
				return
			}
			// Who comes alone after a crowd waits for it for a moment, once; after
			// a moment without anybody, not at all.
			start := time.Now()
			mustRecord(t, j, event("alone"))
			if got := time.Since(start); got > commit+2*time.Millisecond {
				t.Errorf("one alone took %s", got)
			}
			start = time.Now()
			mustRecord(t, j, event("alone again"))
			if got := time.Since(start); got != commit {
				t.Errorf("one alone took %s, and a commit takes %s", got, commit)
			}
		})
	}
}

func TestSubmitIsDoneInOrder(t *testing.T) {
	j := mustOpen(t, t.TempDir(), options())
	const n = 20000 // more than two batches: Submit has to wait
	var done []int
	last := make(chan struct{})
	for i := range n {
		e := ordinary(fmt.Sprint(i / 2)) // each twice
		err := j.Submit(t.Context(), e, func(err error) {
			if err != nil {
				t.Error(err)
			}
			if done = append(done, i); i == n-1 {
				close(last)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	<-last
	if len(done) != n || !slices.IsSorted(done) {
		t.Errorf("%d done, in order: %t", len(done), slices.IsSorted(done))
	}
	if got := j.Last(journal.Ordinary); got != n/2 {
		t.Errorf("last is %d", got)
	}
}

// A disk that hangs holds callers only as long as their contexts last, and the
// other chain not at all; later everything goes on.
func TestHangingCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		j, err := journal.OpenFaulty(t.TempDir(), options(), func(which journal.Chain) error {
			if which == journal.Ordinary {
				<-release
			}
			return nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		var all sync.WaitGroup
		for i := range 3 * 4096 { // the last third is held back
			all.Go(func() {
				if err := j.Record(ctx, ordinary(fmt.Sprint(i))); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
			})
		}
		mustRecord(t, j, urgent("u"))
		all.Wait()
		close(release)
		mustRecord(t, j, ordinary("again"))
		if got := len(ids(t, j, journal.Ordinary)); got < 4096 {
			t.Errorf("%d recorded", got)
		}
		mustClose(t, j)
	})
}

func TestTailFollowsBothChains(t *testing.T) {
	j := mustOpen(t, t.TempDir(), options())
	mustRecord(t, j, ordinary("a"), ordinary("b"), urgent("u"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	var recording sync.WaitGroup
	for e, err := range j.Tail(ctx, journal.Position{journal.Ordinary: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Event.ID)
		if e.Event.ID == "b" {
			recording.Go(func() { mustRecord(t, j, ordinary("c")) })
		}
		if e.Event.ID == "c" {
			cancel()
		}
	}
	recording.Wait()
	if want := []string{"u", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTailEndsWithTheJournal(t *testing.T) {
	j := mustOpen(t, t.TempDir(), options())
	ended := make(chan error)
	go func() {
		var last error
		for _, err := range j.Tail(t.Context(), journal.Position{}) {
			last = err
		}
		ended <- last
	}()
	mustClose(t, j)
	if err := <-ended; !errors.Is(err, journal.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
