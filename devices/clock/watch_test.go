package clock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// box is a clock that can be set, and a journal that can fail.
type box struct {
	mu     sync.Mutex
	wrong  time.Duration
	synced bool
	fails  bool
	steps  []string
	ids    map[string]bool
}

func (b *box) now() devices.Stamp {
	b.mu.Lock()
	defer b.mu.Unlock()
	mono := time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) // the bubble's
	return devices.Stamp{Boot: devices.BootID{1}, Mono: mono, Wall: start.Add(mono + b.wrong), Synced: b.synced}
}

func (b *box) set(wrong time.Duration, synced, fails bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong, b.synced, b.fails = wrong, synced, fails
}

func (b *box) Record(_ context.Context, e devices.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fails {
		return errors.New("no space left on device")
	}
	s, err := devices.Decode[Step](e)
	if err != nil || s.Validate() != nil || e.Device != devices.GatewayDevice || b.ids[e.ID] || !e.Received.Wall.Equal(s.To) {
		return fmt.Errorf("%+v", e)
	}
	b.ids[e.ID] = true
	b.steps = append(b.steps, fmt.Sprintf("%s %t", s.To.Sub(s.From), s.Synchronised))
	return nil
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &box{ids: map[string]bool{}, wrong: -10 * year}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- Watch(ctx, b.now, b, slog.New(slog.DiscardHandler)) }()
		pass := func() {
			time.Sleep(time.Hour)
			synctest.Wait()
		}
		pass()
		b.set(0, true, false)
		pass()
		b.set(100*time.Millisecond, true, false) // slewed
		pass()
		b.set(time.Hour, false, true)
		pass()
		b.set(time.Hour, false, false)
		pass()
		b.set(time.Hour, true, false)
		pass()
		want := []string{"0s false", "87600h0m0s true", "1h0m0s false", "0s true"}
		if !slices.Equal(b.steps, want) {
			t.Errorf("%q, want %q", b.steps, want)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
