package gpio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"periph.io/x/conn/v3/gpio"

	"github.com/linli-edge/gateway/devices/texts"
)

// Pattern is how a siren or lamp calls: on, off, on and so on, from the start
// again. An empty one is on all the time.
type Pattern []time.Duration

// Outputs drives what hangs on the lines.
//
// # What moves when
//
//   - At the start an output is set to off together with its direction; one
//     that the wire says to keep goes on as it is found, without a move.
//   - When Run ends, the output is switched off before its line is released;
//     one to keep is released as it is. After that the level is the hardware's:
//     most chips hold it, which is why off comes first.
//   - If the daemon is killed, nothing is switched: the lines stay as they are
//     until the daemon is back or [Release] has been called, which the service
//     does as soon as it has ended, however it ended. So a strike is energised
//     no longer than that takes.
type Outputs struct {
	find   func(Wire) (gpio.PinIO, error)
	log    *slog.Logger
	up     *prometheus.GaugeVec
	on     *prometheus.GaugeVec
	failed *prometheus.CounterVec
	all    []*output
}

// output is one output, and what belongs to the goroutine that drives it.
type output struct {
	wire Wire
	work chan order
	done chan struct{} // closed when Run has ended

	mu      sync.Mutex
	isOn    bool
	problem error
}

// order is what an output is to do.
type order struct {
	on      bool
	pattern Pattern
	length  time.Duration // 0 until told otherwise
	settled chan error
}

// NewOutputs makes the outputs among the wires.
func NewOutputs(wires []Wire, find func(Wire) (gpio.PinIO, error), log *slog.Logger, metrics prometheus.Registerer) *Outputs {
	o := &Outputs{find: find, log: log,
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "linli_gpio_output_up", Help: "1 while the line of an output is open, 0 while it is busy or not there.",
		}, []string{"line"}),
		on: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "linli_gpio_output_on", Help: "1 while an output is switched on, whatever its pattern.",
		}, []string{"line"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_gpio_output_failures_total", Help: "How often a line could not be opened or switched.",
		}, []string{"line"}),
	}
	metrics.MustRegister(o.up, o.on, o.failed)
	for _, w := range wires {
		if !w.Role.Input() {
			o.all = append(o.all, &output{wire: w, work: make(chan order), done: make(chan struct{}), problem: errNotRunning})
		}
	}
	return o
}

var errNotRunning = errors.New("gpio: outputs are not driven")

// Run drives the outputs until ctx ends.
func (o *Outputs) Run(ctx context.Context) error {
	var driving sync.WaitGroup
	for _, out := range o.all {
		driving.Go(func() { o.drive(ctx, out) })
	}
	driving.Wait()
	<-ctx.Done() // a box may have no outputs
	return nil
}

// OutputState is an output as somebody who looks at it sees it.
type OutputState struct {
	Wire    Wire
	On      bool
	Problem error // why it cannot be driven, nil if it can
}

// States is how the outputs are.
func (o *Outputs) States() []OutputState {
	var all []OutputState
	for _, out := range o.all {
		out.mu.Lock()
		all = append(all, OutputState{out.wire, out.isOn, out.problem})
		out.mu.Unlock()
	}
	return all
}

// Has tells whether there is an output of that role, for a strike that of the
// device's compartment.
func (o *Outputs) Has(role Role, device string, compartment int) bool {
	return len(o.of(role, device, compartment)) > 0
}

func (o *Outputs) of(role Role, device string, compartment int) []*output {
	var found []*output
	for _, out := range o.all {
		if w := out.wire; w.Role == role && w.Device == device && w.Compartment == compartment {
			found = append(found, out)
		}
	}
	return found
}

// Call switches all sirens and lamps on with a pattern, or off. It returns when
// they have been switched, or with the error of one that could not be.
func (o *Outputs) Call(ctx context.Context, on bool, pattern Pattern) error {
	var errs []error
	for _, role := range []Role{Siren, Lamp} {
		for _, out := range o.of(role, "", 0) {
			errs = append(errs, out.do(ctx, order{on: on, pattern: pattern}))
		}
	}
	return errors.Join(errs...)
}

// Switch switches all outputs of a role that is not a strike.
func (o *Outputs) Switch(ctx context.Context, role Role, on bool) error {
	var errs []error
	for _, out := range o.of(role, "", 0) {
		errs = append(errs, out.do(ctx, order{on: on}))
	}
	return errors.Join(errs...)
}

// Open energises the strike of a compartment for its pulse; compartment 0 is
// that of a door. It returns when the pulse has begun. Whether the door has
// opened, its contact says.
func (o *Outputs) Open(ctx context.Context, device string, compartment int) error {
	strikes := o.of(Strike, device, compartment)
	if len(strikes) == 0 {
		return fmt.Errorf("gpio: no strike of %s, compartment %d", device, compartment)
	}
	var errs []error
	for _, out := range strikes {
		errs = append(errs, out.do(ctx, order{on: true, length: out.wire.Pulse}))
	}
	return errors.Join(errs...)
}

// Test switches one output on for a while, by its place in States.
func (o *Outputs) Test(ctx context.Context, i int, length time.Duration) error {
	if i < 0 || i >= len(o.all) {
		return texts.Errorf(texts.GPIO.NoOutput, i+1)
	}
	out := o.all[i]
	if out.wire.Longest > 0 {
		length = min(length, out.wire.Longest)
	}
	return out.do(ctx, order{on: true, length: length})
}

func (out *output) do(ctx context.Context, work order) error {
	work.settled = make(chan error, 1)
	select {
	case out.work <- work:
	case <-out.done:
		return errNotRunning
	case <-ctx.Done():
		return fmt.Errorf("gpio: %s: %w", out.wire.Name(), context.Cause(ctx))
	}
	return <-work.settled // comes at once: nothing but an ioctl is waited for
}

func (out *output) note(on bool, problem error) {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.isOn, out.problem = on, problem
}

// drive opens the line of an output, again and again, and does what is ordered.
func (o *Outputs) drive(ctx context.Context, out *output) {
	defer close(out.done)
	w := out.wire
	up, on := o.up.WithLabelValues(w.Name()), o.on.WithLabelValues(w.Name())
	var want order // the latest: a line that comes back goes on with it
	said := ""
	for {
		pin, level, err := o.hold(w)
		if err == nil {
			up.Set(1)
			if said != "" {
				said = ""
				o.log.Info("gpio output is back", "wire", w.Name())
			}
			err = out.obey(ctx, pin, level, &want, on)
			err = errors.Join(err, release(pin, w, ctx.Err() == nil))
			up.Set(0)
		}
		on.Set(0)
		if ctx.Err() != nil {
			out.note(false, errNotRunning)
			return
		}
		if want.length > 0 {
			want = order{} // a pulse is not made up for
		}
		o.failed.WithLabelValues(w.Name()).Inc()
		out.note(false, err)
		if err.Error() != said {
			said = err.Error()
			o.log.Error("gpio output is not there, trying again", "wire", w.Name(), "error", err)
		}
		if !out.refuse(ctx, err, &want) {
			out.note(false, errNotRunning)
			return
		}
	}
}

// hold opens the line, off or as it is.
func (o *Outputs) hold(w Wire) (pin gpio.PinIO, level gpio.Level, err error) {
	if pin, err = o.find(w); err != nil {
		return nil, level, err
	}
	if l, ok := pin.(*Line); ok && w.Keep {
		level, err = l.Hold(!w.Active)
	} else {
		level, err = !w.Active, pin.Out(!w.Active)
	}
	return pin, level, err
}

// release gives a line back: off, unless it is to be kept, or gone already.
func release(pin gpio.PinIO, w Wire, gone bool) error {
	var err error
	if !gone && !w.Keep {
		err = pin.Out(!w.Active)
	}
	return errors.Join(err, pin.Halt())
}

// refuse waits until it is time to try a line again that is not there: after a
// while, or when somebody orders something. What is to last is remembered.
func (out *output) refuse(ctx context.Context, problem error, want *order) bool {
	again := time.NewTimer(openAgain)
	defer again.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-again.C:
	case work := <-out.work:
		if work.length == 0 {
			*want = work
		}
		work.settled <- problem // and on to the next attempt: somebody needs it
	}
	return true
}

// obey does what is ordered, until ctx ends or the line fails.
func (out *output) obey(ctx context.Context, pin gpio.PinIO, level gpio.Level, want *order, metric prometheus.Gauge) error {
	w := out.wire
	set := func(l gpio.Level) error {
		if l == level {
			return nil
		}
		if err := pin.Out(l); err != nil {
			return err
		}
		level = l
		return nil
	}
	var play player
	begin := func(work order) error {
		now := time.Now()
		play, *want = play.then(w, work, now), work
		out.note(work.on, nil)
		if work.on {
			metric.Set(1)
		} else {
			metric.Set(0)
		}
		return set(w.level(play.at(now)))
	}
	if level == w.Active { // it was kept on: for its longest time from now on
		*want = order{on: true}
	}
	if err := begin(*want); err != nil {
		return err
	}
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	for {
		now := time.Now()
		if want.on && play.over(now) {
			*want = order{}
			out.note(false, nil)
			metric.Set(0)
		}
		if err := set(w.level(play.at(now))); err != nil {
			return err
		}
		var next <-chan time.Time
		if wait, more := play.next(now); more {
			next = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return nil
		case work := <-out.work:
			if rest := play.rest(w, time.Now()); work.on && rest > 0 {
				work.settled <- texts.Errorf(texts.GPIO.Hot, w.Name(), rest.Round(time.Second))
				continue
			}
			err := begin(work)
			work.settled <- err
			if err != nil {
				return err
			}
		case <-look.C: // a chip that is gone says so only if it is asked
			if line, ok := pin.(source); ok {
				if _, err := line.Level(); err != nil {
					return err
				}
			}
		case <-next:
		}
	}
}

// level is the level of the line that means on or off.
func (w Wire) level(on bool) gpio.Level {
	if on {
		return w.Active
	}
	return !w.Active
}

// player is an order being carried out: a pure function of the time.
type player struct {
	on      bool
	pattern Pattern
	since   time.Time
	until   time.Time // zero: without end
}

// strikePause is how long a strike must have been off for its next pulse not to
// count as a part of the one before.
const strikePause = 500 * time.Millisecond

// going tells whether a pulse of a strike begun now would be a part of the one
// before.
func (p player) going(w Wire, now time.Time) bool {
	return w.Role == Strike && p.on && now.Before(p.until.Add(strikePause))
}

// rest is how long a strike must stay off: as long as its longest time, if that
// is how long it was on.
func (p player) rest(w Wire, now time.Time) time.Duration {
	switch {
	case w.Role != Strike || !p.on || !p.over(now):
		return 0
	case p.until.Sub(p.since) >= w.Longest:
		return max(0, p.until.Add(w.Longest).Sub(now))
	case p.going(w, now) && now.Sub(p.since) >= w.Longest:
		return p.until.Add(strikePause).Sub(now)
	}
	return 0
}

// then begins an order after what was carried out before. No order keeps an
// output on for longer than its longest time, nor do several one after the
// other keep a strike.
func (p player) then(w Wire, work order, now time.Time) player {
	n := player{on: work.on, pattern: work.pattern, since: now}
	if !work.on {
		return n
	}
	if work.length > 0 {
		n.until = now.Add(work.length)
	}
	if w.Longest > 0 {
		if p.going(w, now) {
			n.since = p.since
		}
		if end := n.since.Add(w.Longest); n.until.IsZero() || n.until.After(end) {
			n.until = end
		}
	}
	return n
}

func (p player) over(now time.Time) bool { return !p.until.IsZero() && !now.Before(p.until) }

// at tells whether the output is on at a time.
func (p player) at(now time.Time) bool {
	if !p.on || p.over(now) {
		return false
	}
	on, _ := p.pattern.at(now.Sub(p.since))
	return on
}

// next is how long nothing changes; more is false if nothing ever will.
func (p player) next(now time.Time) (wait time.Duration, more bool) {
	if !p.on || p.over(now) {
		return 0, false
	}
	if _, left := p.pattern.at(now.Sub(p.since)); left > 0 {
		wait, more = left, true
	}
	if !p.until.IsZero() && (!more || p.until.Sub(now) < wait) {
		wait, more = p.until.Sub(now), true
	}
	return wait, more
}

// at tells whether a pattern is on after some time, and for how long that
// lasts, 0 without end.
func (p Pattern) at(elapsed time.Duration) (on bool, left time.Duration) {
	var round time.Duration
	for _, d := range p {
		round += d
	}
	if round <= 0 {
		return true, 0
	}
	elapsed %= round
	for i, d := range p {
		if elapsed < d {
			return i%2 == 0, d - elapsed
		}
		elapsed -= d
	}
	return false, round
}

// Release switches off every output that is not to be kept, of a daemon that
// has ended. Lines that somebody holds are left alone, and said in the error.
func Release(wires []Wire, find func(Wire) (gpio.PinIO, error)) error {
	var errs []error
	for _, w := range wires {
		if w.Role.Input() || w.Keep {
			continue
		}
		pin, err := find(w)
		if err == nil {
			err = errors.Join(pin.Out(!w.Active), pin.Halt())
		}
		if err != nil {
			errs = append(errs, texts.Errorf(texts.GPIO.NotReleased, w.Name(), err))
		}
	}
	return errors.Join(errs...)
}
