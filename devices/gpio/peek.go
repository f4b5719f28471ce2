package gpio

import (
	"errors"

	"github.com/warthog618/go-gpiocdev"
	"periph.io/x/conn/v3/gpio"

	"github.com/linli-edge/gateway/devices/texts"
)

// Peeked are lines that are only looked at: whatever they are, they go on as
// they are.
type Peeked struct {
	lines  []*Line
	held   []*gpiocdev.Line
	levels []int
}

// Peek takes all lines that nobody holds as they are. It fails if there are
// none.
func Peek() (*Peeked, error) {
	p := &Peeked{}
	for s := range Lines() {
		if s.Consumer != "" {
			continue
		}
		held, err := gpiocdev.RequestLine(s.chip, s.offset, gpiocdev.WithConsumer(consumer+"-identify"), gpiocdev.AsIs)
		if err != nil {
			continue
		}
		level, err := held.Value()
		if err != nil {
			_ = held.Close() // it cannot be looked at
			continue
		}
		p.lines, p.held, p.levels = append(p.lines, s.Line), append(p.held, held), append(p.levels, level)
	}
	if len(p.lines) == 0 {
		return nil, texts.Errorf(texts.GPIOCommand.NoLines)
	}
	return p, nil
}

// Len is how many lines are looked at.
func (p *Peeked) Len() int { return len(p.lines) }

// Moved goes through the lines whose level is no longer what it was when they
// were looked at before.
func (p *Peeked) Moved() func(func(*Line, gpio.Level) bool) {
	return func(yield func(*Line, gpio.Level) bool) {
		for i, held := range p.held {
			level, err := held.Value()
			if err != nil || level == p.levels[i] {
				continue
			}
			p.levels[i] = level
			if !yield(p.lines[i], level != 0) {
				return
			}
		}
	}
}

// Close lets go of the lines.
func (p *Peeked) Close() error {
	var errs []error
	for _, held := range p.held {
		errs = append(errs, held.Close())
	}
	return errors.Join(errs...)
}
