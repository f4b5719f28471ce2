package gpio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"
	"pgregory.net/rapid"
)

// relay is a pin that remembers when it was switched.
type relay struct {
	gpiotest.Pin
	began time.Time

	mu      sync.Mutex
	moves   []string // "1.5s High"
	halted  int
	failing error
}

func (r *relay) Out(l gpio.Level) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failing != nil {
		return r.failing
	}
	r.moves = append(r.moves, fmt.Sprint(time.Since(r.began), " ", l))
	return nil
}

func (r *relay) Halt() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.halted++
	return nil
}

func (r *relay) want(t *testing.T, moves ...string) {
	t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.moves, moves) {
		t.Errorf("moved %v, want %v", r.moves, moves)
	}
	r.moves = nil
}

func drive(t *testing.T, wire string) (o *Outputs, r *relay, stop func()) {
	t.Helper()
	r = &relay{began: time.Now()}
	o = NewOutputs(parsed(t, wire), func(Wire) (gpio.PinIO, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r, r.failing
	}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- o.Run(ctx) }()
	synctest.Wait()
	return o, r, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// The first thing that happens to a line is that it is off; the last, too.
func TestSiren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, r, stop := drive(t, "siren, pin 16, active low")
		r.want(t, "0s High")
		must(t, o.Call(t.Context(), true, nil))
		must(t, o.Call(t.Context(), true, nil))
		r.want(t, "0s Low")
		time.Sleep(time.Hour)
		r.want(t) // never muted
		must(t, o.Call(t.Context(), false, nil))
		r.want(t, "1h0m0s High")
		must(t, o.Call(t.Context(), true, Pattern{2 * time.Second, time.Second}))
		time.Sleep(3500 * time.Millisecond)
		r.want(t, "1h0m0s Low", "1h0m2s High", "1h0m3s Low")
		if s := o.States()[0]; !s.On || s.Problem != nil {
			t.Errorf("%+v", s)
		}
		stop()
		r.want(t, "1h0m3.5s High")
		if r.halted != 1 {
			t.Errorf("released %d times", r.halted)
		}
		if err := o.Call(t.Context(), true, nil); !errors.Is(err, errNotRunning) {
			t.Error(err)
		}
	})
}

func TestStrike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, r, stop := drive(t, "strike, l1, compartment 2, pin 3, pulse 2s, longest 3s")
		r.want(t, "0s Low")
		must(t, o.Open(t.Context(), "l1", 2))
		time.Sleep(10 * time.Second)
		r.want(t, "0s High", "2s Low")
		refused := 0
		for range 10 { // somebody keeps pressing
			if err := o.Open(t.Context(), "l1", 2); err != nil {
				refused++
				if !strings.Contains(err.Error(), "must cool down for") {
					t.Error(err)
				}
			}
			time.Sleep(time.Second)
		}
		time.Sleep(5 * time.Second)
		r.want(t, "10s High", "13s Low", "16s High", "19s Low")
		if refused != 4 {
			t.Errorf("refused %d times", refused)
		}
		if err := o.Open(t.Context(), "l1", 3); err == nil || !strings.Contains(err.Error(), "no strike of l1, compartment 3") {
			t.Error(err)
		}
		if !o.Has(Strike, "l1", 2) || o.Has(Strike, "l1", 3) || o.Has(Siren, "", 0) {
			t.Error("it has what it has not")
		}
		stop()
	})
}

// A line that fails is opened anew, and goes on with what it should; a pulse is
// not made up for.
func TestOutputFails(t *testing.T) {
	for wire, wants := range map[string][]string{
		"siren, pin 16":            {"10s Low", "10s High"},
		"strike, gate, pin 16":     {"10s Low"},
		"lamp, pin 16, longest 1m": {"10s Low", "10s High"},
	} {
		synctest.Test(t, func(t *testing.T) {
			o, r, stop := drive(t, wire)
			defer stop()
			r.want(t, "0s Low")
			r.mu.Lock()
			r.failing = errors.New("no such device")
			r.mu.Unlock()
			begin := o.Call
			if o.Has(Strike, "gate", 0) {
				begin = func(ctx context.Context, _ bool, _ Pattern) error { return o.Open(ctx, "gate", 0) }
			}
			if err := begin(t.Context(), true, nil); err == nil {
				t.Errorf("%s: switched", wire)
			}
			synctest.Wait()
			if s := o.States()[0]; s.Problem == nil || s.On {
				t.Errorf("%s: %+v", wire, s)
			}
			time.Sleep(2*openAgain - time.Second)
			r.mu.Lock()
			r.failing = nil
			r.mu.Unlock()
			time.Sleep(time.Second)
			r.want(t, wants...)
		})
	}
}

// Whatever is ordered and when, no output is on for longer than its longest
// time, a strike not even when it is ordered again and again.
func TestLongest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := Wire{Role: rapid.SampledFrom([]Role{Strike, Lamp}).Draw(t, "role"), Longest: 3 * time.Second}
		now := time.Unix(0, 0)
		var p player
		var on, ordered time.Duration
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "order") {
				length := time.Duration(rapid.IntRange(0, 5).Draw(t, "length")) * time.Second
				if p.rest(w, now) == 0 {
					p = p.then(w, order{on: rapid.IntRange(0, 4).Draw(t, "on") > 0, length: length}, now)
					ordered = 0
				}
			}
			step := time.Duration(rapid.IntRange(1, 1000).Draw(t, "step")) * time.Millisecond
			if wait, more := p.next(now); more {
				step = min(step, wait)
			}
			if p.at(now) {
				on, ordered = on+step, ordered+step
			} else {
				on = 0
			}
			now = now.Add(step)
			if w.Role == Strike && on > w.Longest || ordered > w.Longest {
				t.Errorf("a %s was on for %s", w.Role, max(on, ordered))
			}
		}
	})
}

func TestRelease(t *testing.T) {
	r := &relay{began: time.Now()}
	wires := parsed(t, "siren, pin 16, active low", "lamp, pin 18, keep", "door, l1, pin 3")
	must(t, Release(wires, func(Wire) (gpio.PinIO, error) { return r, nil }))
	if len(r.moves) != 1 || !strings.HasSuffix(r.moves[0], "High") || r.halted != 1 {
		t.Errorf("%v, released %d times", r.moves, r.halted)
	}
	if err := Release(wires, func(Wire) (gpio.PinIO, error) { return nil, errors.New("held by x") }); err == nil || !strings.Contains(err.Error(), "siren, pin 16 is not switched off: held by x") {
		t.Error(err)
	}
}
