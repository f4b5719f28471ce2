package intake_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/intake"
)

// A tap hands on what bridges send, with whose it is; a reader that is too
// slow holds nobody up and is told how much it has missed.
func TestTap(t *testing.T) {
	w := newWorld(t)
	ctx, end := context.WithCancel(t.Context())
	heard := make(chan intake.Heard)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for h := range w.Tap(ctx) {
			heard <- h
		}
	}()
	say := func(client, topic string) {
		t.Helper()
		if err := w.Message(t.Context(), devices.Message{Client: client, Topic: topic, Payload: []byte(`{"x":1}`)}); err != nil {
			t.Fatal(err)
		}
	}
	var first intake.Heard
	for known := false; !known; { // it may not have begun to listen
		say("b1", "site/浴室")
		select {
		case first = <-heard:
			known = true
		case <-time.After(10 * time.Millisecond): // not faster than it could be taken
		}
	}
	if first.Address != "浴室" || first.Device.ID != "bath" || first.Profile != "sites" || string(first.Payload) != `{"x":1}` || first.Lost != 0 {
		t.Errorf("heard %+v", first)
	}
	say("w1", "linli/v1/w1/event") // of no bridge
	for i := range 2000 {
		say("b1", fmt.Sprintf("site/stranger-%d", i))
	}
	lost := 0
	for range 200 { // as many as were kept, and those that were on their way
		h := <-heard
		if lost = h.Lost; h.Topic == "linli/v1/w1/event" {
			t.Error("a native message is of no profile")
		}
	}
	if lost < 1000 {
		t.Errorf("lost %d of 2000 with nobody reading", lost)
	}
	end()
	for open := true; open; {
		select {
		case <-heard:
		case <-done:
			open = false
		}
	}
}
