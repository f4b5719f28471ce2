package gpio

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/warthog618/go-gpiocdev"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"

	"github.com/linli-edge/gateway/devices/texts"
)

const (
	consumer    = "linli"
	eventBuffer = 1024 // edges that the kernel keeps for a line
)

// Line is a line of a GPIO chip, on the kernel's character device. It is a
// gpio.PinIO, and tells more than one: see [Line.Next] and [Line.Level].
//
// A Line is opened by In or Out and held until Halt.
type Line struct {
	chip   string // name, "gpiochip0"
	label  string
	offset int
	name   string // the kernel's, "" if it has none
	// Debounce is how long an input must be steady; set before In.
	Debounce time.Duration

	mu    sync.Mutex
	held  *gpiocdev.Line
	bias  gpio.Pull
	edges chan Edge
	halt  chan struct{}
	seqno uint32 // of the last edge
}

// Edge is a change of level.
type Edge struct {
	Level gpio.Level
	// At is when the kernel saw it, by CLOCK_MONOTONIC; 0 if it did not say.
	At time.Duration
	// Lost is how many edges before it the kernel had to drop.
	Lost int
}

// FindLine finds a line that nobody holds by its kernel name, or by CHIP/NUMBER
// with the label or name of its chip. It opens no line.
func FindLine(name string) (*Line, error) {
	chip, number, found := strings.Cut(name, "/")
	if found {
		offset, err := strconv.Atoi(number)
		if err != nil {
			return nil, texts.Errorf(texts.GPIO.NoLine, name)
		}
		return findOffset(chip, offset)
	}
	var match *Line
	for l := range Lines() {
		if l.name != name {
			continue
		}
		if match != nil {
			return nil, texts.Errorf(texts.GPIO.Ambiguous, name)
		}
		match = l.Line
	}
	if match == nil {
		return nil, texts.Errorf(texts.GPIO.NoLine, name)
	}
	return match, nil
}

func findOffset(chip string, offset int) (*Line, error) {
	var known []string
	for _, c := range chips() {
		known = append(known, c.Name+" ("+c.Label+")")
		if c.Name == chip || c.Label == chip {
			info, err := c.LineInfo(offset)
			if err := errors.Join(err, c.Close()); err != nil {
				return nil, texts.Errorf(texts.GPIO.NoLine, fmt.Sprintf("%s/%d", chip, offset))
			}
			return &Line{chip: c.Name, label: c.Label, offset: offset, name: info.Name}, nil
		}
		if err := c.Close(); err != nil {
			return nil, err
		}
	}
	return nil, texts.Errorf(texts.GPIO.NoChip, chip, strings.Join(known, ", "))
}

// chips opens every chip once: some systems give a chip a second name by a
// symbolic link. What cannot be opened is left out.
func chips() []*gpiocdev.Chip {
	var all []*gpiocdev.Chip
	for _, name := range gpiocdev.Chips() {
		c, err := gpiocdev.NewChip(name)
		if err != nil {
			continue
		}
		if slices.ContainsFunc(all, func(other *gpiocdev.Chip) bool { return other.Name == c.Name }) {
			_ = c.Close() // it was only looked at
			continue
		}
		all = append(all, c)
	}
	return all
}

// LineState is a line and how it is used.
type LineState struct {
	*Line
	// Consumer holds it, "" if nobody does.
	Consumer string
	Output   bool
}

// Lines goes through all lines of all chips, opening none.
func Lines() func(func(LineState) bool) {
	return func(yield func(LineState) bool) {
		for _, c := range chips() {
			more := true
			for offset := 0; more && offset < c.Lines(); offset++ {
				info, err := c.LineInfo(offset)
				if err != nil {
					continue
				}
				user := info.Consumer
				if info.Used && user == "" {
					user = "the kernel"
				}
				more = yield(LineState{
					Line:     &Line{chip: c.Name, label: c.Label, offset: offset, name: info.Name},
					Consumer: user, Output: info.Config.Direction == gpiocdev.LineDirectionOutput,
				})
			}
			_ = c.Close() // it was only looked at
			if !more {
				return
			}
		}
	}
}

// In makes the line an input with edges; a line that is open is opened anew.
// An error of a line that somebody holds names the holder.
func (l *Line) In(pull gpio.Pull, edge gpio.Edge) error {
	if err := l.Halt(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	edges, halt := make(chan Edge), make(chan struct{})
	l.seqno = 0
	options := []gpiocdev.LineReqOption{
		gpiocdev.WithConsumer(consumer), gpiocdev.AsInput, gpiocdev.WithEventBufferSize(eventBuffer),
		gpiocdev.WithEventHandler(func(e gpiocdev.LineEvent) {
			// Until somebody takes it, the next ones wait in the kernel.
			select {
			case edges <- l.edge(e):
			case <-halt:
			}
		}),
	}
	switch edge {
	case gpio.BothEdges:
		options = append(options, gpiocdev.WithBothEdges)
	case gpio.RisingEdge:
		options = append(options, gpiocdev.WithRisingEdge)
	case gpio.FallingEdge:
		options = append(options, gpiocdev.WithFallingEdge)
	}
	switch pull {
	case gpio.PullUp:
		options = append(options, gpiocdev.WithPullUp)
	case gpio.PullDown:
		options = append(options, gpiocdev.WithPullDown)
	case gpio.Float:
		options = append(options, gpiocdev.WithBiasDisabled)
	}
	if l.Debounce > 0 && edge != gpio.NoEdge {
		options = append(options, gpiocdev.WithDebounce(l.Debounce))
	}
	held, err := gpiocdev.RequestLine(l.chip, l.offset, options...)
	if err != nil {
		return l.refused(err)
	}
	l.held, l.bias, l.edges, l.halt = held, pull, edges, halt
	return nil
}

// edge is called by the goroutine that reads the line only.
func (l *Line) edge(e gpiocdev.LineEvent) Edge {
	lost := int(e.LineSeqno) - int(l.seqno) - 1
	l.seqno = e.LineSeqno
	return Edge{Level: e.Type == gpiocdev.LineEventRisingEdge, At: e.Timestamp, Lost: max(0, lost)}
}

// refused says who holds a line.
func (l *Line) refused(err error) error {
	if !errors.Is(err, syscall.EBUSY) {
		return fmt.Errorf("gpio: %s: %w", l, err)
	}
	holder := "?"
	for s := range Lines() {
		if s.chip == l.chip && s.offset == l.offset && s.Consumer != "" {
			holder = s.Consumer
		}
	}
	return texts.Errorf(texts.GPIO.Busy, l.label, l.offset, holder)
}

// Next waits for the next edge, for as long as timeout. ok is false where none
// came.
func (l *Line) Next(timeout time.Duration) (e Edge, ok bool) {
	l.mu.Lock()
	edges, halt := l.edges, l.halt
	l.mu.Unlock()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case e = <-edges:
		return e, true
	case <-halt:
	case <-timer.C:
	}
	return Edge{}, false
}

// Level reads the line, also as an output, and disturbs nothing. An error says
// that the chip is gone.
func (l *Line) Level() (gpio.Level, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		return gpio.Low, fmt.Errorf("gpio: %s is not open", l)
	}
	v, err := l.held.Value()
	if err != nil {
		return gpio.Low, texts.Errorf(texts.GPIO.Gone, l.label, l.offset, err)
	}
	return v != 0, nil
}

// Out sets the level, together with the direction if the line is not open yet:
// it does not move on the way.
func (l *Line) Out(level gpio.Level) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != nil && l.halt == nil {
		if err := l.held.SetValue(value(level)); err != nil {
			return texts.Errorf(texts.GPIO.Gone, l.label, l.offset, err)
		}
		return nil
	}
	if l.held != nil {
		return fmt.Errorf("gpio: %s is an input", l)
	}
	held, err := gpiocdev.RequestLine(l.chip, l.offset, gpiocdev.WithConsumer(consumer), gpiocdev.AsOutput(value(level)))
	if err != nil {
		return l.refused(err)
	}
	l.held = held
	return nil
}

// value is a level as the kernel has it.
func value(level gpio.Level) int {
	if level {
		return 1
	}
	return 0
}

// Hold opens the line as an output that goes on as it is, or at the given level
// if it is not an output. It returns the level.
func (l *Line) Hold(otherwise gpio.Level) (gpio.Level, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != nil {
		return gpio.Low, fmt.Errorf("gpio: %s is open", l)
	}
	held, err := gpiocdev.RequestLine(l.chip, l.offset, gpiocdev.WithConsumer(consumer), gpiocdev.AsIs)
	if err != nil {
		return gpio.Low, l.refused(err)
	}
	level := otherwise
	info, err := held.Info()
	if err == nil && info.Config.Direction == gpiocdev.LineDirectionOutput {
		var v int
		v, err = held.Value()
		level = v != 0
	}
	if err == nil {
		err = held.Reconfigure(gpiocdev.AsOutput(value(level)))
	}
	if err != nil {
		return gpio.Low, errors.Join(fmt.Errorf("gpio: %s: %w", l, err), held.Close())
	}
	l.held = held
	return level, nil
}

// Halt closes the line and wakes who waits for an edge.
func (l *Line) Halt() error {
	l.mu.Lock()
	held, halt := l.held, l.halt
	l.held, l.halt, l.edges = nil, nil, nil
	l.mu.Unlock()
	if halt != nil {
		close(halt)
	}
	if held == nil {
		return nil
	}
	return held.Close()
}

// Read is Level for those who take no error.
func (l *Line) Read() gpio.Level {
	level, _ := l.Level() // as gpio.PinIn has it
	return level
}

// WaitForEdge is Next for those who want to know no more. A negative timeout
// waits until Halt.
func (l *Line) WaitForEdge(timeout time.Duration) bool {
	if timeout < 0 {
		timeout = 1<<63 - 1
	}
	_, ok := l.Next(timeout)
	return ok
}

// String is the chip's label and the line's number.
func (l *Line) String() string { return fmt.Sprintf("%s/%d", l.label, l.offset) }

// Name is what the line is registered under: as String says.
func (l *Line) Name() string { return l.String() }

// Kernel is the kernel's name of the line, "" if it has none.
func (l *Line) Kernel() string { return l.name }

// Number is the line's number on its chip.
func (l *Line) Number() int { return l.offset }

// Function is "In", "Out", or "" while the line is not open.
func (l *Line) Function() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.held == nil:
		return ""
	case l.halt != nil:
		return "In"
	}
	return "Out"
}

// Pull is the resistor that In was called with.
func (l *Line) Pull() gpio.Pull {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bias
}

// DefaultPull is not known.
func (l *Line) DefaultPull() gpio.Pull { return gpio.PullNoChange }

// PWM is not for such lines.
func (l *Line) PWM(gpio.Duty, physic.Frequency) error {
	return errors.New("gpio: PWM is not supported")
}

var _ gpio.PinIO = (*Line)(nil)
