package intake_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/linli-edge/gateway/devices"
)

// full is a journal without room for ordinary events until it is given some.
type full struct {
	disk
	room chan struct{} // closed when there is
}

func (f *full) Submit(ctx context.Context, e devices.Event, done func(error)) error {
	if e.Urgency == devices.Ordinary {
		select {
		case <-f.room:
		default:
			select {
			case <-f.room:
			case <-ctx.Done():
				return fmt.Errorf("behind: %w", context.Cause(ctx))
			}
		}
	}
	return f.disk.Submit(ctx, e, done)
}

// Whoever reads a connection waits for no ordinary event: a call for help may
// be next. The order of the ordinary ones stays.
func TestNoWaitingForAFullJournal(t *testing.T) {
	w := newWorld(t)
	journal := &full{room: make(chan struct{})}
	w.Recorder = journal
	var all sync.WaitGroup
	say := func(client, payload string) {
		all.Add(1)
		w.Take(t.Context(), devices.Message{Client: client, Topic: "linli/v1/" + client + "/event", Payload: []byte(payload)}, func(err error) {
			if err != nil {
				t.Error(err)
			}
			all.Done()
		})
	}
	var want []string
	for i := range 100 {
		say("l1", fmt.Sprintf(`{"id":"%d","type":"parcel.deposited","data":{"compartment":%d}}`, i, i+1))
		want = append(want, fmt.Sprintf(`l1 parcel.deposited {"compartment":%d}`, i+1))
	}
	say("w1", `{"id":"1","type":"sos"}`)
	if got := journal.said(); !slices.Equal(got, []string{"w1 sos {}"}) {
		t.Errorf("recorded %q while the journal was full", got)
	}
	close(journal.room)
	all.Wait()
	if got := journal.said(); !slices.Equal(got, want) {
		t.Errorf("recorded %q", got)
	}
}

// When the caller's time is over, what still waits for room fails.
func TestBacklogEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	w.Recorder = &full{room: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 3)
	for i := range 3 {
		w.Take(ctx, devices.Message{Client: "l1", Topic: "linli/v1/l1/event", Payload: fmt.Appendf(nil, `{"id":"%d","type":"parcel.deposited","data":{"compartment":1}}`, i)}, func(err error) { failed <- err })
	}
	cancel()
	for range 3 {
		if err := <-failed; err == nil {
			t.Error("acknowledged, and not recorded")
		}
	}
}

// A state that is reported again while it is on its way to disk is done when
// that is, and fails with it.
func TestRepeatedStateSharesTheFate(t *testing.T) {
	w := newWorld(t)
	journal := &full{room: make(chan struct{})}
	w.Recorder = journal
	var done, failed int
	say := func() {
		w.Take(t.Context(), devices.Message{Client: "w1", Topic: "linli/v1/w1/status", Payload: []byte(`{"online":true}`)}, func(err error) {
			if done++; err != nil {
				failed++
			}
		})
	}
	var arrived sync.WaitGroup
	arrived.Add(1)
	journal.hold = func(devices.Event) { arrived.Wait() }
	close(journal.room)
	say()
	say()
	if done != 0 {
		t.Errorf("%d done while the first is on its way", done)
	}
	settled := make(chan struct{})
	w.Take(t.Context(), devices.Message{Client: "w1", Topic: "linli/v1/w1/status", Payload: []byte(`{"online":true}`)}, func(error) { close(settled) })
	journal.broken = context.DeadlineExceeded
	arrived.Done()
	<-settled
	if done != 2 || failed != 2 {
		t.Errorf("%d done, %d of them failed", done, failed)
	}
	journal.hold, journal.broken = nil, nil
	say()
	if got := journal.said(); len(got) != 1 {
		t.Errorf("after the failure recorded %q", got)
	}
}
