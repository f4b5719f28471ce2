// Package gpiofake makes pins of software that the gateway finds as it finds
// the lines of a board: a test pulls at them and looks at them from outside.
package gpiofake

import (
	"sync"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpioreg"
	"periph.io/x/conn/v3/gpio/gpiotest"
)

// Pin is a pin with a level of its own: whatever resistor the gateway asks
// for, it stays where the test has put it.
type Pin struct {
	gpiotest.Pin
	mu    sync.Mutex
	moves []bool
	moved chan struct{} // closed at the next move
}

// New registers a pin under a name that no other has, until the test ends.
func New(t testing.TB, name string) *Pin {
	t.Helper()
	p := &Pin{Pin: gpiotest.Pin{N: name, Num: -1, EdgesChan: make(chan gpio.Level, 64)}, moved: make(chan struct{})}
	if err := gpioreg.Register(p); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := gpioreg.Unregister(name); err != nil {
			t.Error(err)
		}
	})
	return p
}

// In leaves the level as it is.
func (p *Pin) In(gpio.Pull, gpio.Edge) error { return nil }

// Set changes the level of an input from outside, with an edge.
func (p *Pin) Set(high bool) { p.EdgesChan <- gpio.Level(high) }

// WaitForEdge takes the next edge.
func (p *Pin) WaitForEdge(timeout time.Duration) bool {
	select {
	case l := <-p.EdgesChan:
		_ = p.Pin.Out(l) // never fails
		return true
	case <-time.After(timeout):
		return false
	}
}

// Out is called by the gateway.
func (p *Pin) Out(l gpio.Level) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moves = append(p.moves, bool(l))
	close(p.moved)
	p.moved = make(chan struct{})
	return p.Pin.Out(l)
}

// Moves are the levels that the gateway has set, and a channel that is closed
// when it sets one more.
func (p *Pin) Moves() (levels []bool, more <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append(levels, p.moves...), p.moved
}

// Await waits until the gateway has set the level, and reports false if it has
// not within the time.
func (p *Pin) Await(high bool, within time.Duration) bool {
	end := time.After(within)
	for {
		levels, more := p.Moves()
		if n := len(levels); n > 0 && levels[n-1] == high {
			return true
		}
		select {
		case <-more:
		case <-end:
			return false
		}
	}
}
