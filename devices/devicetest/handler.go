package devicetest

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/linli-edge/gateway/devices"
)

// Handler takes messages as a driver hands them over, and remembers all it
// was given.
type Handler struct {
	*fate
	given, taken []devices.Message
}

// NewHandler returns a Handler that neither fails nor hangs.
func NewHandler() *Handler { return &Handler{fate: newFate()} }

// Handle is what a driver calls. While it hangs, done is called from another
// goroutine.
func (h *Handler) Handle(ctx context.Context, m devices.Message, done func(error)) {
	m.Payload = bytes.Clone(m.Payload)
	h.mu.Lock()
	h.given = append(h.given, m)
	h.mu.Unlock()
	h.spawn(func() {
		err := h.pass(ctx)
		if err == nil {
			h.mu.Lock()
			h.taken = append(h.taken, m)
			h.notify()
			h.mu.Unlock()
		}
		done(err)
	})
}

// Given returns the messages of all calls, in the order in which they began.
func (h *Handler) Given() []devices.Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.given)
}

// Taken returns the messages for which nil was returned, in that order.
func (h *Handler) Taken() []devices.Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.taken)
}

// Await waits until a message that ok accepts was taken, and returns the
// first.
func (h *Handler) Await(t testing.TB, what string, ok func(devices.Message) bool) devices.Message {
	t.Helper()
	var found devices.Message
	h.await(t, what, func() bool {
		i := slices.IndexFunc(h.taken, ok)
		if i >= 0 {
			found = h.taken[i]
		}
		return i >= 0
	})
	return found
}
