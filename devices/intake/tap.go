package intake

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/linli-edge/gateway/devices"
)

// Heard is a message of a bridge, as a tap hands it on.
type Heard struct {
	devices.Message
	// Profile is the bridge's reference to its own; Address what it calls the
	// device, "" for what is the bridge's own affair.
	Profile, Address string
	// Device is the registered device, zero if there is none.
	Device devices.Device
	// Lost is how many messages before this one came faster than they were
	// taken.
	Lost int
}

// What a tap holds that its reader has not taken.
const (
	tapMessages = 256
	tapBytes    = 4 << 20
)

// taps are those that listen in.
type taps struct {
	some atomic.Bool // whether there are any
	mu   sync.Mutex
	all  []*tap
}

// tap is one that listens in.
type tap struct {
	mu    sync.Mutex
	queue []devices.Message
	bytes int
	lost  int
	wake  chan struct{} // capacity 1
}

// Tap hands on what bridges send from now on, until ctx ends. It never holds
// up a message: what its reader is too slow for is left out, and counted.
func (in *Intake) Tap(ctx context.Context) iter.Seq[Heard] {
	return func(yield func(Heard) bool) {
		t := &tap{wake: make(chan struct{}, 1)}
		in.taps.add(t)
		defer in.taps.remove(t)
		for {
			m, lost, ok := t.take()
			if !ok {
				select {
				case <-ctx.Done():
					return
				case <-t.wake:
				}
				continue
			}
			for h := range in.trace(m) {
				if h.Lost = lost; !yield(h) {
					return
				}
			}
		}
	}
}

// trace finds out which bridge a message is of.
func (in *Intake) trace(m devices.Message) iter.Seq[Heard] {
	return func(yield func(Heard) bool) {
		for _, bridge := range in.speakers(m) {
			p, ok := in.Profiles.Profile(bridge.Profile)
			if !ok || !p.Speaks(m.Topic) {
				continue
			}
			h := Heard{Message: m, Profile: bridge.Profile}
			if p.Describes(m.Topic) == "" {
				if h.Address, _ = p.Address(m); h.Address == "" {
					h.Address = in.described(bridge, m.Topic)
				}
				h.Device, _ = in.Directory.Behind(bridge.ID, h.Address)
			}
			yield(h)
			return
		}
	}
}

func (t *taps) add(one *tap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, one)
	t.some.Store(true)
}

func (t *taps) remove(one *tap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = slices.DeleteFunc(t.all, func(o *tap) bool { return o == one })
	t.some.Store(len(t.all) > 0)
}

// hear hands a message of a bridge to all taps.
func (t *taps) hear(m devices.Message) {
	if !t.some.Load() || strings.HasPrefix(m.Topic, prefix) {
		return
	}
	m.Payload = slices.Clone(m.Payload) // the driver may use it again
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range t.all {
		one.put(m)
	}
}

func (t *tap) put(m devices.Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) >= tapMessages || t.bytes+len(m.Payload) > tapBytes {
		t.lost++
		return
	}
	t.queue = append(t.queue, m)
	t.bytes += len(m.Payload)
	select {
	case t.wake <- struct{}{}:
	default: // it is awake
	}
}

func (t *tap) take() (m devices.Message, lost int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		return m, 0, false
	}
	m, t.queue = t.queue[0], t.queue[1:]
	t.bytes -= len(m.Payload)
	return m, t.lost, true
}
