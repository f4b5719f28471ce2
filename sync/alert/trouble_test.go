package alert

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
)

// lose has the journal say that events are gone.
func (b *box) lose(t *testing.T, id string) {
	t.Helper()
	e, err := devices.New(devices.GatewayDevice, journal.Gap{Chain: "ordinary", First: 1, Last: 9, Count: 9, Unread: 9})
	must(t, err)
	e.ID, e.Received, e.Urgency = id, b.clock(), devices.Urgent
	must(t, b.guard.Record(context.Background(), e))
	pass(time.Second)
}

// A technical incident tells everybody once, then daily, without a siren; more
// of the same is added to it, and calls nobody once somebody knows.
func TestLossIsToldOnceThenDaily(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.lose(t, "gap/1")
		calls := b.expect(t, "the first loss", everyone)
		if text := calls[0].page.Text(texts.Chinese); !strings.HasPrefix(text, "【数据丢失】社区网关\n") || calls[0].page.Priority != Technical {
			t.Errorf("page %q of priority %s", text, calls[0].page.Priority)
		}
		if b.siren.sounds() {
			t.Error("the siren sounds")
		}
		b.lose(t, "gap/2")
		pass(23 * time.Hour)
		b.expect(t, "before a day is over", "")
		pass(time.Hour)
		b.expect(t, "after a day", everyone)

		// A call for help meanwhile is none of its business.
		must(t, b.press("w-zhao", "1"))
		pass(time.Second)
		b.expect(t, "a press", own)
		if !b.siren.sounds() {
			t.Error("the siren is silent")
		}
		list := b.engine.Incidents()
		if len(list) != 2 || list[1].Kind != Loss || list[1].Presses != 2 {
			t.Fatalf("incidents %+v", list)
		}
		for _, i := range list {
			must(t, b.engine.Arrive(t.Context(), i.ID, "li", "page"))
		}
		b.lose(t, "gap/3")
		pass(72 * time.Hour)
		b.expect(t, "once somebody knows", "")
	})
}

// A detector that begins to alarm calls like an SOS. That it repeats itself
// calls nobody anew; after it has cleared it does.
func TestSmokeCallsOnceUntilItHasCleared(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		n := 0
		smoke := func(cleared bool) {
			t.Helper()
			n++
			e, err := devices.New("kitchen", alarm.Smoke{Cleared: cleared})
			must(t, err)
			e.ID, e.Received, e.Urgency = fmt.Sprint(n), b.clock(), devices.Urgent
			must(t, b.guard.Record(context.Background(), e))
			pass(time.Second)
		}
		smoke(true)
		b.expect(t, "a detector that says that all is well", "")
		smoke(false)
		calls := b.expect(t, "smoke", everyone)
		if p := calls[0].page; p.Kind != Smoke || p.Priority != High || !strings.Contains(p.Text(texts.Chinese), "119") {
			t.Errorf("page %+v", p)
		}
		if !b.siren.sounds() {
			t.Error("the siren is silent")
		}
		pass(time.Minute)
		b.expect(t, "nobody has answered", everyone)
		must(t, b.engine.Acknowledge(t.Context(), b.only(t).ID, "li", "page"))
		smoke(false)
		pass(10 * time.Minute)
		b.expect(t, "it still alarms, and somebody knows", "")
		smoke(true)
		if b.only(t).Phase != PhaseAcknowledged {
			t.Error("clearing has closed the incident")
		}
		smoke(false)
		b.expect(t, "it burns again", everyone)
	})
}
