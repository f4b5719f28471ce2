package gpio

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"periph.io/x/conn/v3/gpio"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/attendance"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/rating"
)

const (
	// lookAgain is how often a level is read although there was no edge.
	lookAgain = time.Second
	// openAgain is the time between attempts at a line that is not there.
	openAgain = 5 * time.Second
	// reportAgain is the time between attempts at a report that could not be
	// recorded.
	reportAgain = time.Second
	// longAgo is the age from which an edge is stamped by its own time.
	longAgo = time.Second
)

// Report takes in what a device says, and returns nil when that is on disk:
// intake.Intake.Report.
type Report func(ctx context.Context, device string, r devices.Report) error

// Config is what a Driver works with; every field is needed but Acknowledge.
type Config struct {
	// Wires are the inputs; outputs among them are left to Outputs.
	Wires []Wire
	// Find finds the line of a wire: Board.Find.
	Find   func(Wire) (gpio.PinIO, error)
	Report Report
	// Acknowledge is called when somebody turns the key that says "somebody is
	// here"; nil if there is none.
	Acknowledge func(ctx context.Context) error
	Clock       devices.Clock
	Logger      *slog.Logger
	Registerer  prometheus.Registerer
}

// Driver watches the inputs. It is a [devices.Driver].
type Driver struct {
	Config
	metrics driverMetrics
	gates   map[string]*sharedGate
	reports atomic.Uint64 // made

	mu     sync.Mutex
	states []InputState
}

// InputState is an input as somebody who looks at it sees it.
type InputState struct {
	Wire Wire
	// Problem is why the line is not open, nil if it is.
	Problem error
	Active  bool
	// Changes since the start, and Lost, those that the kernel had to drop.
	Changes, Lost int
}

// sharedGate is the gate of a people counter, which has two beams.
type sharedGate struct {
	mu    sync.Mutex
	state gate
}

type driverMetrics struct {
	up            *prometheus.GaugeVec
	changes, lost *prometheus.CounterVec
}

// New makes a driver of the wires that are inputs.
func New(c Config) *Driver {
	d := &Driver{Config: c, gates: map[string]*sharedGate{}, metrics: driverMetrics{
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "linli_gpio_line_up", Help: "1 while a line is open, 0 while it is busy or not there.",
		}, []string{"line"}),
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_gpio_changes_total", Help: "Changes of level that were seen, after debouncing.",
		}, []string{"line"}),
		lost: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_gpio_edges_lost_total", Help: "Edges that the kernel had to drop because nobody read them in time, or merged.",
		}, []string{"line"}),
	}}
	c.Registerer.MustRegister(d.metrics.up, d.metrics.changes, d.metrics.lost)
	for _, w := range c.Wires {
		if !w.Role.Input() {
			continue
		}
		d.states = append(d.states, InputState{Wire: w})
		if (w.Role == OuterBeam || w.Role == InnerBeam) && d.gates[w.Device] == nil {
			d.gates[w.Device] = &sharedGate{}
		}
	}
	return d
}

// Run watches the inputs until ctx ends.
func (d *Driver) Run(ctx context.Context) error {
	var watching sync.WaitGroup
	for i := range d.states {
		watching.Go(func() { d.watch(ctx, i) })
	}
	watching.Wait()
	<-ctx.Done() // a box may have no inputs
	return nil
}

// States is how the inputs are.
func (d *Driver) States() []InputState {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.states)
}

// watch opens the line of an input, again and again, and follows it.
func (d *Driver) watch(ctx context.Context, i int) {
	w := d.states[i].Wire
	up := d.metrics.up.WithLabelValues(w.Name())
	var s sense
	said := ""
	for {
		up.Set(0)
		pin, err := d.open(w)
		if err == nil {
			up.Set(1)
			if said != "" {
				said = ""
				d.Logger.Info("gpio line is back", "wire", w.Name())
			}
			d.note(i, func(s *InputState) { s.Problem = nil })
			s, err = d.follow(ctx, i, pin, s)
			if halted := pin.Halt(); halted != nil && err == nil && ctx.Err() == nil {
				err = halted
			}
		}
		if ctx.Err() != nil {
			d.flush(ctx, w, s)
			return
		}
		if err.Error() != said {
			said = err.Error()
			d.Logger.Error("gpio line is not there, trying again", "wire", w.Name(), "error", err)
		}
		d.note(i, func(s *InputState) { s.Problem = err })
		if !clock.Pause(ctx, openAgain) {
			return
		}
	}
}

func (d *Driver) note(i int, change func(*InputState)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.states[i])
}

func (d *Driver) open(w Wire) (gpio.PinIO, error) {
	pin, err := d.Find(w)
	if err != nil {
		return nil, err
	}
	if l, ok := pin.(*Line); ok {
		l.Debounce = w.Debounce
	}
	return pin, pin.In(w.Bias, gpio.BothEdges)
}

// source is what a [Line] tells more than a gpio.PinIO.
type source interface {
	Next(timeout time.Duration) (Edge, bool)
	Level() (gpio.Level, error)
}

// plain makes a source of any other pin, for which the edge says no more than
// that there was one.
type plain struct{ gpio.PinIO }

func (p plain) Next(timeout time.Duration) (Edge, bool) {
	if !p.WaitForEdge(timeout) {
		return Edge{}, false
	}
	return Edge{Level: p.Read()}, true
}

func (p plain) Level() (gpio.Level, error) { return p.Read(), nil }

// follow follows an open line until ctx ends or the line is gone.
func (d *Driver) follow(ctx context.Context, i int, pin gpio.PinIO, s sense) (sense, error) {
	w := d.states[i].Wire
	line, ok := pin.(source)
	if !ok {
		line = plain{pin}
	}
	defer context.AfterFunc(ctx, func() { _ = pin.Halt() })() // wakes Next; closed once more by the caller
	level, err := line.Level()
	if err != nil {
		return s, err
	}
	s = d.see(ctx, i, s, level, 0)
	for ctx.Err() == nil {
		timeout := lookAgain
		if due := w.due(s, d.Clock().Mono); due > 0 {
			timeout = min(timeout, due)
		}
		edge, came := line.Next(timeout)
		if ctx.Err() != nil {
			break
		}
		if came {
			merged := 0
			if s.seen && s.active == (edge.Level == w.Active) {
				merged = 1 // two edges of one direction: the one between them was merged
			}
			d.lose(i, edge.Lost+merged)
			s = d.see(ctx, i, s, edge.Level, edge.At)
			continue
		}
		if level, err = line.Level(); err != nil {
			return s, err
		}
		if missed := s.active != (level == w.Active); missed {
			d.lose(i, 1)
		}
		s = d.see(ctx, i, s, level, 0)
	}
	return s, nil
}

func (d *Driver) lose(i, n int) {
	if n > 0 {
		d.metrics.lost.WithLabelValues(d.states[i].Wire.Name()).Add(float64(n))
		d.note(i, func(s *InputState) { s.Lost += n })
	}
}

// see takes in a look at the line, and has reported what comes of it. edge is
// the kernel's time of the edge, 0 for a look without one.
func (d *Driver) see(ctx context.Context, i int, s sense, level gpio.Level, edge time.Duration) sense {
	w, now := d.states[i].Wire, d.Clock()
	active := level == w.Active
	changed := s.seen && s.active != active
	first := !s.seen
	after, reports := w.step(s, active, now.Mono)
	if changed {
		d.metrics.changes.WithLabelValues(w.Name()).Inc()
	}
	if changed || first {
		d.note(i, func(s *InputState) {
			s.Active = active
			if changed {
				s.Changes++
			}
		})
	}
	switch {
	case w.Role == Acknowledge:
		if changed && active && d.Acknowledge != nil {
			d.insist(ctx, w, func() error { return d.Acknowledge(ctx) })
		}
	case d.gates[w.Device] != nil && (w.Role == OuterBeam || w.Role == InnerBeam):
		if changed || first && active {
			reports = d.gates[w.Device].pass(w.Role, active)
		}
	}
	if !d.tell(ctx, w, reports, now, age(edge)) {
		after.fault = s.fault // the next look tells it again
	}
	return after
}

func (g *sharedGate) pass(role Role, broken bool) []devices.Payload {
	g.mu.Lock()
	defer g.mu.Unlock()
	var people int
	g.state, people = g.state.step(role, broken)
	switch people {
	case 1:
		return []devices.Payload{attendance.Counted{Entries: 1}}
	case -1:
		return []devices.Payload{attendance.Counted{Exits: 1}}
	}
	return nil
}

// age is how long ago an edge was.
func age(edge time.Duration) time.Duration {
	if edge == 0 {
		return 0
	}
	return max(0, monotonic()-edge)
}

// tell has reports recorded, and does not return before they are: what follows
// waits in the line. Only the fault of a cord is given up after a while, and
// false returned: the next pull must not wait for it.
func (d *Driver) tell(ctx context.Context, w Wire, reports []devices.Payload, now devices.Stamp, age time.Duration) (told bool) {
	for _, p := range reports {
		id := fmt.Sprintf("gpio/%.8s/%d/%d", now.Boot, now.Mono, d.reports.Add(1))
		if rated, ok := p.(rating.Rated); ok {
			rated.Service = devices.Refer(w.Device + "/" + id) // the pad knows no other number of it
			p = rated
		}
		data, err := json.Marshal(p)
		if err != nil {
			d.Logger.Error("gpio report cannot be written", "wire", w.Name(), "error", err)
			continue
		}
		r := devices.Report{Type: p.EventType(), ID: id, Data: data}
		if age >= longAgo {
			r.Observed = now.Wall.Add(-age)
		}
		if _, fault := p.(condition.Fault); fault {
			once, cancel := context.WithTimeout(ctx, reportAgain)
			err := d.Report(once, w.Device, r)
			cancel()
			return err == nil
		}
		d.insist(ctx, w, func() error { return d.Report(ctx, w.Device, r) })
	}
	return true
}

// insist does it until it is done, or ctx ends.
func (d *Driver) insist(ctx context.Context, w Wire, do func() error) {
	for failed := false; ; failed = true {
		err := do()
		if err == nil {
			return
		}
		if !failed && ctx.Err() == nil {
			d.Logger.Error("gpio report is not recorded, trying again", "wire", w.Name(), "error", err)
		}
		if !clock.Pause(ctx, reportAgain) {
			return
		}
	}
}

// flushTime is how long what a meter has not told yet may take when the driver
// stops.
const flushTime = time.Second

// flush tells at the end what a meter has added up.
func (d *Driver) flush(ctx context.Context, w Wire, s sense) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	_, reports := w.total(s)
	d.tell(ctx, w, reports, d.Clock(), 0)
}
