package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/texts"
)

var (
	open12 = command.Order{ID: "1", Device: "native", Action: command.Open, Data: command.Data{Compartment: 12}}
	bank12 = command.Order{ID: "2", Device: "bank", Action: command.Open, Data: command.Data{Compartment: 12}}
)

// A device that speaks for itself hears the order once, with its expiry, and
// its answer is the outcome; all of it is in the journal.
func TestNative(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		c := b.ask(t, open12)
		sent := b.sent()
		if len(sent) != 1 || sent[0].topic != "linli/v1/native/command" || sent[0].qos != 1 {
			t.Fatalf("sent %+v", sent)
		}
		o, expires, err := command.Decode([]byte(sent[0].payload))
		if err != nil || o.ID != "1" || o.Data.Compartment != 12 || !expires.Equal(c.Expires().Truncate(time.Second)) {
			t.Errorf("%s: %v", sent[0].payload, err)
		}
		b.expect(t, "1", command.PhaseSent, "")
		if err := b.report("band", "x", command.Done{Command: "1"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		b.expect(t, "1", command.PhaseSent, "") // nobody answers for another
		for i, p := range []devices.Payload{command.Done{Command: "1"}, command.Done{Command: "1"}, command.Failed{Command: "1", Reason: "x"}, command.Done{Command: "unknown"}} {
			if err := b.report("native", fmt.Sprint(i), p); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		b.expect(t, "1", command.PhaseDone, command.ByDevice)
		told, err := b.told("1")
		if err != nil || !slices.Equal(told, []devices.Type{command.TypeAsked, command.TypeSent, command.TypeEnded}) {
			t.Errorf("told %v, %v", told, err)
		}
		again := b.ask(t, open12)
		if again.Phase != command.PhaseDone || len(b.sent()) != 1 {
			t.Errorf("asked again: %+v, %d sent", again, len(b.sent()))
		}
		if all := b.dispatcher.Commands(); len(all) != 1 {
			t.Errorf("%d commands", len(all))
		}
	})
}

// The door confirms an order to a bridge: its own word, or that of the sensor at
// the same place; a door that opened before does not, nor another's.
func TestDoorConfirms(t *testing.T) {
	for _, witness := range []string{"bank", "contact"} {
		bubble(t, func(t *testing.T, b *box) {
			if err := b.report(witness, "early", locker.Door{Compartment: 12, Open: true}); err != nil {
				t.Fatal(err)
			}
			b.ask(t, bank12)
			if sent := b.sent(); len(sent) != 1 || sent[0].topic != "acme/bank/set" || sent[0].payload != `{"open":12,"order":"2"}` || sent[0].qos != 0 {
				t.Fatalf("sent %+v", sent)
			}
			for i, p := range []devices.Payload{locker.Door{Compartment: 11, Open: true}, locker.Door{Compartment: 12}} {
				if err := b.report(witness, fmt.Sprint(i), p); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.report("native", "other", locker.Door{Compartment: 12, Open: true}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			b.expect(t, "2", command.PhaseSent, "")
			if err := b.report(witness, "open", locker.Door{Compartment: 12, Open: true}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			b.expect(t, "2", command.PhaseDone, command.ByDoor)
		})
	}
}

// A door that jams is the reason; no answer at all is one too, and does not
// claim that nothing happened. A word that comes after it still counts.
func TestFailures(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.ask(t, bank12)
		if err := b.report("bank", "jam", locker.Fault{Compartment: 12, Code: command.JamCode}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		b.expect(t, "2", command.PhaseFailed, command.JamCode)

		b.ask(t, open12)
		pass(DefaultValid + command.Grace - time.Millisecond)
		b.expect(t, "1", command.PhaseSent, "")
		pass(time.Millisecond)
		b.expect(t, "1", command.PhaseFailed, command.NoAnswer)
		pass(time.Minute)
		if err := b.report("native", "late", command.Done{Command: "1"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		b.expect(t, "1", command.PhaseDone, command.ByDevice)
		if told, err := b.told("1"); err != nil || !slices.Equal(told, []devices.Type{command.TypeAsked, command.TypeSent, command.TypeEnded, command.TypeEnded}) {
			t.Errorf("told %v, %v", told, err)
		}
	})
}

// What cannot answer is done when it is handed over.
func TestSilent(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.ask(t, command.Order{ID: "3", Device: "bell", Action: command.Ring})
		b.expect(t, "3", command.PhaseDone, command.ByNobody)
	})
}

// While the broker is away an order waits, and leaves as soon as it is back;
// after its time it never does.
func TestBrokerAway(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.mu.Lock()
		b.fate = mqtt.ErrNotConnected
		b.mu.Unlock()
		b.ask(t, bank12)
		pass(5 * time.Second)
		b.expect(t, "2", command.PhaseAsked, "")
		b.mu.Lock()
		tried := len(b.left)
		b.left, b.fate = nil, nil
		b.mu.Unlock()
		pass(time.Second)
		b.expect(t, "2", command.PhaseSent, "")
		if n := len(b.sent()); n != 1 || tried < 2 {
			t.Errorf("tried %d times, sent %d times", tried, n)
		}

		b.mu.Lock()
		b.fate = mqtt.ErrNotConnected
		b.mu.Unlock()
		b.ask(t, open12)
		pass(DefaultValid)
		b.expect(t, "1", command.PhaseFailed, command.Expired)
		b.mu.Lock()
		b.left, b.fate = nil, nil
		b.mu.Unlock()
		pass(time.Hour)
		if n := len(b.sent()); n != 0 {
			t.Errorf("%d messages after the end", n)
		}
	})
}

// An attempt of unknown fate may have arrived: it is not repeated.
func TestUnknownFate(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.mu.Lock()
		b.fate = errors.New("connection lost")
		b.mu.Unlock()
		b.ask(t, bank12)
		pass(20 * time.Second)
		if n := len(b.sent()); n != 1 {
			t.Errorf("sent %d times", n)
		}
		b.expect(t, "2", command.PhaseSent, "")
	})
}

// A strike of the box's own does not know a command again: it is not energised
// twice, whatever is killed.
func TestStrikeOnce(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.ask(t, command.Order{ID: "s", Device: "wired", Action: command.Open, Data: command.Data{Compartment: 3}})
		pass(time.Second)
		if err := b.halt(); err != nil { // and on again, while the kernel runs
			t.Fatal(err)
		}
		if err := b.start(); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.struck != 1 || len(b.left) != 0 {
			t.Errorf("energised %d times, %d messages", b.struck, len(b.left))
		}
		b.expect(t, "s", command.PhaseSent, "")
	})
}

// What is refused is refused in words, and nothing is sent or kept.
func TestRefusals(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.offline["band"] = true
		b.ask(t, bank12)
		before := len(b.sent())
		for _, c := range []struct {
			order  command.Order
			valid  time.Duration
			zh, en string
		}{
			{command.Order{Device: "nobody", Action: command.Ring}, 0, "没有登记", "is not registered"},
			{command.Order{Device: "old", Action: command.Open, Data: command.Data{Compartment: 1}}, 0, "已停用", "is retired"},
			{command.Order{Device: "band", Action: command.Ring}, 0, "离线", "is offline"},
			{command.Order{Device: "band", Action: command.Open, Data: command.Data{Compartment: 1}}, 0, "不能打开柜门", "cannot be asked to open"},
			{command.Order{Device: "acme", Action: command.Set, Data: command.Data{Name: "x", Value: json.RawMessage("1")}}, 0, "（网桥）不能", "(bridge) cannot"},
			{command.Order{Device: "bank", Action: command.Set, Data: command.Data{Name: "x", Value: json.RawMessage("1")}}, 0, "没有设置参数的报文", "has no message to set"},
			{command.Order{Device: "native", Action: command.Open, Data: command.Data{Compartment: 25}}, 0, "只有 24 个格口", "has 24 only"},
			{command.Order{Device: "native", Action: command.Open}, 0, "格口号", "give its number"},
			{command.Order{Device: "relay", Action: command.Open, Data: command.Data{Compartment: 12}}, 0, "只管第 31 格", "compartment 31 only"},
			{command.Order{ID: "other", Device: "bank", Action: command.Open, Data: command.Data{Compartment: 12}}, 0, "尚未结束", "still under way"},
			{command.Order{ID: "2", Device: "bank", Action: command.Open, Data: command.Data{Compartment: 13}}, 0, "已用于另一个命令", "used for another command"},
			{open12, time.Hour, "须为 1s 至 10m0s", "must be 1s to 10m0s"},
		} {
			c.order.By = "li"
			_, err := b.dispatcher.Ask(t.Context(), c.order, c.valid)
			if err == nil || !strings.Contains(texts.Of(err, texts.Chinese), c.zh) || !strings.Contains(texts.Of(err, texts.English), c.en) {
				t.Errorf("%+v: %v", c.order, err)
			}
		}
		b.offline["acme"] = true
		if _, err := b.dispatcher.Ask(t.Context(), command.Order{Device: "bell", Action: command.Ring, By: "li"}, 0); err == nil || !strings.Contains(err.Error(), `its bridge "acme" is offline`) {
			t.Errorf("a bridge that is offline: %v", err)
		}
		if n, all := len(b.sent()), b.dispatcher.Commands(); n != before || len(all) != 1 {
			t.Errorf("%d messages, commands %+v", n-before, all)
		}
		// A sensor or lock that is for one compartment needs no number.
		b.offline["acme"] = false
		if c := b.ask(t, command.Order{Device: "relay", Action: command.Open}); c.Data.Compartment != 31 || c.ID == "" {
			t.Errorf("%+v", c)
		}
	})
}

// A registration that changes before the order can leave stops it.
func TestRetiredMeanwhile(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.mu.Lock()
		b.fate = mqtt.ErrNotConnected
		b.mu.Unlock()
		b.ask(t, open12)
		d := b.registry.Snapshot().Devices["native"]
		d.Retired = true
		if err := b.registry.Put(d); err != nil {
			t.Fatal(err)
		}
		b.mu.Lock()
		b.left, b.fate = nil, nil
		b.mu.Unlock()
		pass(2 * time.Second)
		b.expect(t, "1", command.PhaseFailed, command.Refused)
		if n := len(b.sent()); n != 0 {
			t.Errorf("%d messages to a retired device", n)
		}
	})
}

// An order that the journal does not take is not sent.
func TestNotKept(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // who asked has hung up: it happens all the same
		if _, err := b.dispatcher.Ask(ctx, command.Order{ID: "9", Device: "band", Action: command.Ring, By: "li"}, 0); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		b.expect(t, "9", command.PhaseSent, "")

		if err := b.journal.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := b.dispatcher.Ask(t.Context(), command.Order{ID: "10", Device: "native", Action: command.Open, Data: command.Data{Compartment: 1}, By: "li"}, 0)
		if err == nil || !strings.Contains(texts.Of(err, texts.Chinese), "没有写入磁盘，也没有发出") {
			t.Errorf("asked with a journal that is closed: %v", err)
		}
		pass(time.Minute)
		if n := len(b.sent()); n != 1 {
			t.Errorf("%d messages", n)
		}
	})
}

// Only so many may be under way, and only so many that have ended are kept.
func TestBounds(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		set := func(i int) error {
			_, err := b.dispatcher.Ask(t.Context(), command.Order{
				Device: "native", Action: command.Set, Data: command.Data{Name: fmt.Sprintf("p%d", i), Value: json.RawMessage("1")}, By: "li",
			}, 0)
			return err
		}
		for i := range maxOpen {
			if err := set(i); err != nil {
				t.Fatal(err)
			}
		}
		if err := set(maxOpen); err == nil || !strings.Contains(err.Error(), "256 commands are under way already") {
			t.Errorf("one more: %v", err)
		}
		pass(time.Minute)
		if err := set(maxOpen); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(b.dispatcher.Commands()); n > maxEnded+1 {
			t.Errorf("%d commands are kept", n)
		}
	})
}
