package devicetest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices"
)

// Harness is an installation of the driver under test.
type Harness struct {
	// Start starts the driver, waits until devices reach it, and returns what
	// stops it again and waits until it has stopped. Started again, it is the
	// same installation after a restart.
	Start func(t testing.TB, handle func(context.Context, devices.Message, func(error))) (stop func())
	// Connect logs in a device that may publish below Topic(id). It keeps
	// its session, and connects again by itself whenever it is thrown out.
	Connect func(t testing.TB, id string) Device
	// Topic is a topic that the device may publish on.
	Topic func(id string) string
	// Restart stops the broker between driver and devices and starts it
	// again. Killed, it has no chance to save anything. nil if the driver is
	// the broker.
	Restart func(t testing.TB, kill bool)
	// Relayed is set if somebody else's broker stands between the devices
	// and the driver: it acknowledges on its own account, replays what it
	// retained, and hides who published.
	Relayed bool
}

// Device publishes as a device does.
type Device interface {
	// Publish sends m, again if need be, and returns a channel that is closed
	// when the device has been told that it was received; with QoS 0, when it
	// was sent.
	Publish(m Publication) <-chan struct{}
	Close()
}

// Publication is what a device publishes.
type Publication struct {
	Topic   string
	Payload []byte
	QoS     byte
	Retain  bool
}

// Run holds a driver to its promises. install is called for each test.
func Run(t *testing.T, install func(t *testing.T) Harness) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *bench)
	}{
		{"QoS", testQoS},
		{"AcknowledgedAfterHandler", testAcknowledgedAfterHandler},
		{"UnfinishedComesAgain", testUnfinishedComesAgain},
		{"FailedComesAgain", testFailedComesAgain},
		{"OrderPerTopic", testOrderPerTopic},
		{"HungTopicHoldsNoOther", testHungTopicHoldsNoOther},
		{"Retained", testRetained},
		{"EmptyAndLarge", testEmptyAndLarge},
		{"RestartLosesNothing", testRestartLosesNothing},
		{"BrokerRestart", testBrokerRestart},
		{"StopsClean", testStopsClean},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, &bench{Harness: install(t), handler: NewHandler()})
		})
	}
}

// bench is what a test works at.
type bench struct {
	Harness
	handler *Handler
}

func (b *bench) start(t *testing.T) (stop func()) {
	t.Helper()
	stop = sync.OnceFunc(b.Start(t, b.handler.Handle))
	t.Cleanup(func() {
		b.handler.Release()
		stop()
	})
	return stop
}

func (b *bench) connect(t *testing.T, id string) Device {
	t.Helper()
	d := b.Connect(t, id)
	t.Cleanup(d.Close)
	return d
}

func (b *bench) say(id, text string) Publication {
	return Publication{Topic: b.Topic(id), Payload: []byte(text), QoS: 1}
}

func (b *bench) await(t *testing.T, text string) devices.Message {
	t.Helper()
	return b.handler.Await(t, text, func(m devices.Message) bool { return string(m.Payload) == text })
}

func wait(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Fatalf("waited %v in vain for %s", patience, what)
	}
}

func isDone(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func testQoS(t *testing.T, b *bench) {
	b.start(t)
	d := b.connect(t, "d1")
	seen := map[string]bool{}
	for qos := range byte(3) {
		p := b.say("d1", fmt.Sprintf("qos %d", qos))
		p.QoS = qos
		wait(t, "the acknowledgement", d.Publish(p))
		m := b.await(t, string(p.Payload))
		if m.Topic != p.Topic || m.Retained {
			t.Errorf("QoS %d came as %+v", qos, m)
		}
		if want := map[bool]string{false: "d1", true: ""}[b.Relayed]; m.Client != want {
			t.Errorf("QoS %d came from %q, not %q", qos, m.Client, want)
		}
		if (m.Packet == "") != (qos == 0) || m.Packet != "" && seen[m.Packet] {
			t.Errorf("QoS %d has packet identity %q, after %v", qos, m.Packet, seen)
		}
		seen[m.Packet] = true
	}
}

func testAcknowledgedAfterHandler(t *testing.T, b *bench) {
	if b.Relayed {
		t.Skip("the broker acknowledges on its own account; see UnfinishedComesAgain")
	}
	b.start(t)
	d, other := b.connect(t, "d1"), b.connect(t, "d2")
	b.handler.Hang()
	first := d.Publish(b.say("d1", "held"))
	b.handler.AwaitCalls(t, 1)
	// A whole exchange of another device passes meanwhile.
	second := other.Publish(b.say("d2", "held too"))
	b.handler.AwaitCalls(t, 2)
	if isDone(first) || isDone(second) {
		t.Error("acknowledged while the handler was busy with it")
	}
	b.handler.Release()
	wait(t, "the acknowledgement", first)
	wait(t, "the acknowledgement", second)
}

func testUnfinishedComesAgain(t *testing.T, b *bench) {
	stop := b.start(t)
	d := b.connect(t, "d1")
	b.handler.Hang()
	d.Publish(b.say("d1", "unfinished"))
	b.handler.AwaitCalls(t, 1)
	stop() // the handler gives up when its context ends
	if n := len(b.handler.Taken()); n != 0 {
		t.Fatalf("%d messages taken by a handler that hangs", n)
	}
	b.handler.Release()
	b.start(t)
	b.await(t, "unfinished")
}

func testFailedComesAgain(t *testing.T, b *bench) {
	b.start(t)
	d := b.connect(t, "d1")
	b.handler.Fail(3)
	acked := d.Publish(b.say("d1", "stubborn"))
	taken := b.await(t, "stubborn")
	wait(t, "the acknowledgement", acked)
	given := b.handler.Given()
	if len(given) < 4 {
		t.Fatalf("given %d times, of which 3 failed", len(given))
	}
	for i, m := range given[:4] {
		if m.Packet == "" || m.Packet != taken.Packet {
			t.Errorf("delivery %d has packet identity %q, the last one %q", i+1, m.Packet, taken.Packet)
		}
	}
	wait(t, "the acknowledgement", d.Publish(b.say("d1", "next")))
	if m := b.await(t, "next"); m.Packet == taken.Packet {
		t.Errorf("the next message has the same packet identity %q", m.Packet)
	}
}

func testOrderPerTopic(t *testing.T, b *bench) {
	const n = 300
	b.start(t)
	d := b.connect(t, "d1")
	var last <-chan struct{}
	for i := range n {
		last = d.Publish(b.say("d1", fmt.Sprint(i)))
	}
	wait(t, "the last acknowledgement", last)
	b.await(t, fmt.Sprint(n-1))
	for i, m := range b.handler.Taken() {
		if string(m.Payload) != fmt.Sprint(i) {
			t.Fatalf("message %s came in the place of %d", m.Payload, i)
		}
	}
}

func testHungTopicHoldsNoOther(t *testing.T, b *bench) {
	hung := b.Topic("d1")
	release := make(chan struct{})
	stop := b.Start(t, func(ctx context.Context, m devices.Message, done func(error)) {
		if m.Topic != hung || string(m.Payload) != "hang" {
			b.handler.Handle(ctx, m, done)
			return
		}
		go func() {
			select {
			case <-release:
				done(nil)
			case <-ctx.Done():
				done(ctx.Err())
			}
		}()
	})
	defer stop()
	defer close(release)
	d := b.connect(t, "d1")
	d.Publish(b.say("d1", "hang"))
	d.Publish(b.say("d1", "behind it"))
	other := b.say("d1", "beside it")
	other.Topic += "2"
	d.Publish(other)
	b.await(t, "beside it")
	b.await(t, "behind it")
}

func testRetained(t *testing.T, b *bench) {
	d := (Device)(nil)
	if b.Relayed { // before the driver has ever been there
		d = b.connect(t, "d1")
		p := b.say("d1", "from earlier")
		p.Retain = true
		wait(t, "the acknowledgement", d.Publish(p))
	}
	b.start(t)
	if b.Relayed {
		if m := b.await(t, "from earlier"); !m.Retained {
			t.Error("a replay is not marked as retained")
		}
	} else {
		d = b.connect(t, "d1")
	}
	p := b.say("d1", "live")
	p.Retain = true
	d.Publish(p)
	if m := b.await(t, "live"); m.Retained {
		t.Error("a live message is marked as retained because it asked to be")
	}
}

func testEmptyAndLarge(t *testing.T, b *bench) {
	b.start(t)
	d, other := b.connect(t, "d1"), b.connect(t, "d2")
	large := b.say("d1", strings.Repeat("邻里", 10<<20/6))
	acked := d.Publish(large)
	wait(t, "another device's acknowledgement", other.Publish(b.say("d2", "small")))
	wait(t, "the acknowledgement", acked)
	m := b.handler.Await(t, "10 MB", func(m devices.Message) bool { return len(m.Payload) > 1<<20 })
	if !bytes.Equal(m.Payload, large.Payload) {
		t.Errorf("%d bytes came as %d others", len(large.Payload), len(m.Payload))
	}
	wait(t, "the acknowledgement", d.Publish(b.say("d1", "")))
	b.await(t, "")
	b.await(t, "small")
}

func testRestartLosesNothing(t *testing.T, b *bench) {
	const rounds, each = 4, 50
	d := b.connect(t, "d1")
	var acked []<-chan struct{}
	for round := range rounds {
		stop := b.start(t)
		for i := range each {
			acked = append(acked, d.Publish(b.say("d1", fmt.Sprint(round*each+i))))
		}
		b.await(t, fmt.Sprint(round*each)) // and stop somewhere in the middle
		stop()
	}
	b.start(t)
	for i := range acked {
		b.await(t, fmt.Sprint(i))
	}
}

func testBrokerRestart(t *testing.T, b *bench) {
	if b.Restart == nil {
		t.Skip("the driver is the broker")
	}
	b.start(t)
	d := b.connect(t, "d1")
	for i, kill := range []bool{false, true, false} {
		b.Restart(t, kill)
		// A killed broker has forgotten that the driver was subscribed, and
		// takes messages before the driver is back.
		text := fmt.Sprintf("after restart %d", i)
		stop := repeat(func() <-chan struct{} { return d.Publish(b.say("d1", text)) })
		t.Cleanup(stop)
		b.await(t, text)
		stop()
	}
}

// repeat publishes again and again, each after the one before was
// acknowledged, until stop is called.
func repeat(publish func() <-chan struct{}) (stop func()) {
	var wg sync.WaitGroup
	over := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-publish():
			case <-over:
				return
			}
		}
	})
	return sync.OnceFunc(func() {
		close(over)
		wg.Wait()
	})
}

func testStopsClean(t *testing.T, b *bench) {
	before := goleak.IgnoreCurrent()
	stop := b.start(t)
	d := b.Connect(t, "d1")
	wait(t, "the acknowledgement", d.Publish(b.say("d1", "hello")))
	b.await(t, "hello")
	stop()
	d.Close()
	calls := b.handler.Calls()
	goleak.VerifyNone(t, before)
	if n := b.handler.Calls(); n != calls {
		t.Errorf("the handler was called %d times after the driver had stopped", n-calls)
	}
}
