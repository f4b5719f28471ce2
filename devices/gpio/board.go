package gpio

import (
	"fmt"
	"maps"
	"slices"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpioreg"

	"github.com/linli-edge/gateway/devices/texts"
)

// Board maps the pins of a header to lines. The zero Board has none.
type Board struct {
	Name string
	// Chips are labels of the chip that the header's lines are on, by
	// generation of the board: the first one that is there is meant.
	Chips []string
	// Pins are the numbers of the lines, by pin.
	Pins map[int]int
}

// Find finds the line of a wire: a pin that somebody has registered with
// periph under the name of the wire's line, or a line of the kernel. It opens
// none. The error says what there is instead.
func (b Board) Find(w Wire) (gpio.PinIO, error) {
	if w.Line != "" {
		if pin := gpioreg.ByName(w.Line); pin != nil {
			return pin, nil
		}
		l, err := FindLine(w.Line)
		if err != nil {
			return nil, err
		}
		return l, nil
	}
	offset, err := b.line(w)
	if err != nil {
		return nil, err
	}
	var missing error
	for _, chip := range b.Chips {
		l, err := findOffset(chip, offset)
		if err == nil {
			return l, nil
		}
		missing = err
	}
	return nil, missing
}

func (b Board) line(w Wire) (int, error) {
	if b.Name == "" {
		return 0, texts.Errorf(texts.GPIO.NoBoard, w.Pin)
	}
	offset, ok := b.Pins[w.Pin]
	if !ok {
		return 0, texts.Errorf(texts.GPIO.NoPin, b.Name, w.Pin)
	}
	return offset, nil
}

// Check says what is wrong with a board.
func (b Board) Check() error {
	if len(b.Chips) == 0 || len(b.Pins) == 0 {
		return fmt.Errorf("board %s: needs chips and pins", b.Name)
	}
	lines := slices.Sorted(maps.Values(b.Pins))
	if len(slices.Compact(lines)) != len(b.Pins) {
		return fmt.Errorf("board %s: two pins are one line", b.Name)
	}
	return nil
}

// CheckWires says which wire cannot be connected on the board, by its place in
// the list; -1 if all can.
func (b Board) CheckWires(wires []Wire) (int, error) {
	for i, w := range wires {
		if w.Pin != 0 {
			if _, err := b.line(w); err != nil {
				return i, err
			}
		}
		for _, other := range wires[:i] {
			if other.Pin == w.Pin && other.Line == w.Line {
				return i, texts.Errorf(texts.GPIO.Twice, w.Name(), other.Name())
			}
		}
	}
	return -1, nil
}
