package alert

import (
	"fmt"
	"testing"
	"time"
)

// rooms is how many doors call at once in these tests: more than one address
// takes at a time.
const rooms = 3 * atOnce

func (b *box) everywhere(t *testing.T) {
	t.Helper()
	for i := range rooms {
		must(t, b.press(fmt.Sprint("room-", i), fmt.Sprint(i)))
	}
}

// called counts the calls of each incident at one address.
func (b *box) called(address string) map[string]int {
	n := map[string]int{}
	for _, c := range b.phone.take() {
		if c.address == address {
			n[c.page.Incident]++
		}
	}
	return n
}

// An address that takes ten seconds for each page is tried for every room within
// a step, before it is tried again for any.
func TestEveryRoomHasItsTurn(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.phone.mood("wang", Result{Class: hangs})
		b.everywhere(t)
		pass((rooms/atOnce - 1) * deadline)
		n := b.called("wang")
		for incident, calls := range n {
			if calls > 1 {
				t.Errorf("%s: called %d times", incident, calls)
			}
		}
		if len(n) != rooms {
			t.Errorf("%d rooms of %d had their turn", len(n), rooms)
		}
	})
}

// A box that dies each time before more than a few pages have left, and before
// it is known what became of them, is no worse for the rooms that called last:
// by chance alone each has its turn. The odds against are a thousand million to
// one.
func TestDyingAgainAndAgainIsFair(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.phone.mood("wang", Result{Class: hangs})
		b.everywhere(t)
		pass(time.Second)
		n := b.called("wang")
		for range 60 {
			must(t, b.kill())
			must(t, b.start())
			pass(100 * time.Millisecond)
			for incident, calls := range b.called("wang") {
				n[incident] += calls
			}
		}
		if len(n) != rooms {
			t.Errorf("%d rooms of %d had their turn", len(n), rooms)
		}
	})
}
