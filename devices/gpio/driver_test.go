package gpio

import (
	"context"
	"encoding/json"
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
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"

	"github.com/linli-edge/gateway/devices"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a driver with pins made of software, and what it has reported.
type bench struct {
	t       *testing.T
	pins    map[int]*gpiotest.Pin
	missing map[int]error
	began   time.Time
	driver  *Driver
	stop    func()

	mu       sync.Mutex
	failing  error
	hanging  bool
	reports  []string // "device type data"
	ids      []string
	acked    int
	attempts int
}

func newBench(t *testing.T, wires ...string) *bench {
	t.Helper()
	b := &bench{t: t, pins: map[int]*gpiotest.Pin{}, missing: map[int]error{}, began: time.Now()}
	b.driver = New(Config{
		Wires: parsed(t, wires...), Find: b.find, Report: b.report, Clock: b.clock,
		Acknowledge: func(context.Context) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.acked++
			return b.failing
		},
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	for _, s := range b.driver.States() {
		b.pins[s.Wire.Pin] = &gpiotest.Pin{N: s.Wire.place(), Num: s.Wire.Pin, EdgesChan: make(chan gpio.Level, 100)}
	}
	return b
}

func parsed(t *testing.T, wires ...string) (all []Wire) {
	t.Helper()
	for _, s := range wires {
		w, err := ParseWire(s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, w)
	}
	return all
}

func (b *bench) clock() devices.Stamp {
	return devices.Stamp{Boot: devices.BootID{1}, Mono: time.Hour + time.Since(b.began), Wall: time.Now()}
}

// find gives a pin, which rests as it was left: In must not pull it to rest.
func (b *bench) find(w Wire) (gpio.PinIO, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.missing[w.Pin]; err != nil {
		return nil, err
	}
	return steady{b.pins[w.Pin]}, nil
}

// steady is a pin whose level is that of the wire outside, whatever the
// resistor.
type steady struct{ *gpiotest.Pin }

func (p steady) In(gpio.Pull, gpio.Edge) error { return nil }

func (b *bench) report(ctx context.Context, device string, r devices.Report) error {
	b.mu.Lock()
	b.attempts++
	failing, hanging := b.failing, b.hanging
	b.mu.Unlock()
	if hanging {
		<-ctx.Done()
		return ctx.Err()
	}
	if failing != nil {
		return failing
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Contains(b.ids, device+r.ID) {
		b.t.Errorf("%s twice", r.ID)
	}
	b.ids = append(b.ids, device+r.ID)
	var data map[string]any
	if err := json.Unmarshal(r.Data, &data); err != nil {
		b.t.Error(err)
	}
	delete(data, "service")
	b.reports = append(b.reports, fmt.Sprint(device, " ", r.Type, " ", data))
	return nil
}

func (b *bench) start() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := b.driver.Run(ctx); err != nil {
			b.t.Error(err)
		}
	}()
	b.stop = func() {
		cancel()
		<-ended
	}
	synctest.Wait()
}

// edge changes the level of a pin, and the kernel notices.
func (b *bench) edge(pin int, l gpio.Level) {
	b.pins[pin].EdgesChan <- l
	synctest.Wait()
}

// unseen changes the level of a pin, and no edge comes of it.
func (b *bench) unseen(pin int, l gpio.Level) {
	if err := b.pins[pin].Out(l); err != nil {
		b.t.Error(err)
	}
}

func (b *bench) want(reports ...string) {
	b.t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.reports, reports) {
		b.t.Errorf("reported\n  %s\nwant\n  %s", strings.Join(b.reports, "\n  "), strings.Join(reports, "\n  "))
	}
	b.reports = nil
}

func (b *bench) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// A pull is reported at once, by its own number, and again and again until it
// is on disk.
func TestPullCord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "pull-cord, cord-302, normally closed, pin 11")
		b.start()
		b.want()
		b.edge(11, gpio.High)
		b.want("cord-302 sos map[]")
		b.edge(11, gpio.Low)
		b.set(func() { b.failing = errors.New("no disk") })
		b.edge(11, gpio.High)
		b.want()
		time.Sleep(10 * time.Second)
		b.set(func() { b.failing = nil })
		time.Sleep(2 * time.Second)
		b.want("cord-302 sos map[]")
		if b.attempts < 10 {
			t.Errorf("%d attempts", b.attempts)
		}
		b.stop()
		b.start() // still pulled: nobody may have heard it
		b.want("cord-302 sos map[]")
		b.stop()
	})
}

// A cord that stays open becomes a fault, and that the fault cannot be recorded
// holds up no pull.
func TestCordIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "pull-cord, cord-302, normally closed, pin 11")
		b.start()
		b.edge(11, gpio.High)
		b.want("cord-302 sos map[]")
		b.set(func() { b.hanging = true })
		time.Sleep(cordOpen + 5*time.Second)
		b.set(func() { b.hanging = false })
		time.Sleep(3 * time.Second)
		b.want("cord-302 fault map[code:cord_open]")
		time.Sleep(time.Hour)
		b.want()
		b.edge(11, gpio.Low)
		b.want("cord-302 fault map[cleared:true code:cord_open]")
		b.edge(11, gpio.High)
		b.want("cord-302 sos map[]")
		b.stop()
	})
}

// A level that has changed without an edge is an event all the same, within a
// second; and it is known that something was missed.
func TestEdgesAreMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "door, locker-east, compartment 3, pin 13, normally closed")
		b.start()
		b.want("locker-east door map[compartment:3 open:false]")
		b.unseen(13, gpio.High)
		time.Sleep(lookAgain)
		b.want("locker-east door map[compartment:3 open:true]")
		b.edge(13, gpio.High) // the one between was merged away
		b.want()
		b.edge(13, gpio.Low)
		b.want("locker-east door map[compartment:3 open:false]")
		s := b.driver.States()[0]
		if s.Lost != 2 || s.Changes != 2 || s.Active {
			t.Errorf("%+v", s)
		}
		if lost := testutil.ToFloat64(b.driver.metrics.lost); lost != 2 {
			t.Errorf("%g lost", lost)
		}
		b.stop()
	})
}

// A line that is not there costs nobody else anything, is shown, and is tried
// until it comes.
func TestLineIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "pull-cord, cord-1, pin 11", "pull-cord, cord-2, pin 13")
		b.set(func() { b.missing[11] = errors.New("line 17 of chip x is held by y") })
		b.unseen(11, gpio.High)
		b.unseen(13, gpio.High)
		b.start()
		b.edge(13, gpio.Low)
		b.want("cord-2 sos map[]")
		if s := b.driver.States()[0]; s.Problem == nil || !strings.Contains(s.Problem.Error(), "held by y") {
			t.Errorf("%+v", s)
		}
		b.unseen(11, gpio.Low) // pulled before it could be opened
		b.set(func() { delete(b.missing, 11) })
		time.Sleep(openAgain)
		b.want("cord-1 sos map[]")
		if s := b.driver.States()[0]; s.Problem != nil {
			t.Errorf("%+v", s)
		}
		b.stop()
	})
}

func TestPadCounterMeterAndKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "rating, pad, level 5, pin 1", "rating, pad, level 1, pin 2",
			"outer-beam, gate, pin 3", "inner-beam, gate, pin 4", "meter, m, litres 10, pin 5", "acknowledge, pin 6")
		for _, p := range b.pins {
			p.L = gpio.High // at rest
		}
		b.start()
		press := func(pin int) {
			b.edge(pin, gpio.Low)
			b.edge(pin, gpio.High)
		}
		press(1)
		press(2)
		press(2)
		b.want("pad rating.given map[level:5]", "pad rating.given map[level:1]", "pad rating.given map[level:1]")
		b.edge(3, gpio.Low)
		b.edge(4, gpio.Low)
		b.edge(3, gpio.High)
		b.edge(4, gpio.High)
		b.want("gate people.counted map[entries:1]")
		b.edge(4, gpio.Low)
		b.edge(3, gpio.Low)
		b.edge(4, gpio.High)
		b.edge(3, gpio.High)
		b.want("gate people.counted map[entries:0 exits:1]")
		press(5)
		press(5)
		time.Sleep(meterEvery)
		b.want("m water.used map[litres:20]")
		press(6)
		if b.acked != 1 {
			t.Errorf("acknowledged %d times", b.acked)
		}
		press(5)
		b.stop()
		b.want("m water.used map[litres:10]") // what was added up is told at the end
	})
}
