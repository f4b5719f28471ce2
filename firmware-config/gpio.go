package firmwareconfig

import (
	"strings"

	"github.com/linli-edge/gateway/devices/gpio"
	"github.com/linli-edge/gateway/devices/sensor"
	"github.com/linli-edge/gateway/devices/texts"
)

// GPIO is what is wired to the box's own pins.
type GPIO struct {
	// Board names the header that pins are counted on; not needed where lines
	// are named as the kernel names them.
	Board string `yaml:"board" example:"raspberry-pi"`
	// Wires says what each line is, in words: see package gpio.
	Wires []string `yaml:"wires" example:"\"pull-cord, cord-302, normally closed, pin 11\""`
}

// Connected are the board and the wires of a configuration that is valid.
func (g GPIO) Connected() (gpio.Board, []gpio.Wire, error) {
	b, wires, p := g.connect()
	if p != nil {
		return b, nil, p
	}
	return b, wires, nil
}

func (g GPIO) connect() (b gpio.Board, wires []gpio.Wire, p *problem) {
	if g.Board != "" {
		found, ok, err := board(g.Board)
		if !ok || err != nil {
			return b, nil, wrong("gpio.board", texts.Errorf(texts.GPIO.Board, short(g.Board)), texts.Errorf(texts.GPIO.BoardMend, strings.Join(BoardNames(), ", ")))
		}
		b = found
	}
	for i, s := range g.Wires {
		w, err := gpio.ParseWire(s)
		if err != nil {
			return b, nil, g.wrong(i, err)
		}
		wires = append(wires, w)
	}
	if i, err := b.CheckWires(wires); err != nil {
		return b, nil, g.wrong(i, err)
	}
	return b, wires, nil
}

func (g GPIO) wrong(i int, err error) *problem {
	return &problem{field: "gpio.wires[" + itoa(i) + "]", reason: err, mend: texts.Errorf(texts.GPIO.Mend)}
}

func (c Config) checkGPIO() *problem {
	_, _, p := c.GPIO.connect()
	return p
}

// Probes are the sensors of a configuration that is valid.
func (c Config) Probes() ([]sensor.Probe, error) {
	probes, p := c.probes()
	if p != nil {
		return nil, p
	}
	return probes, nil
}

func (c Config) probes() (probes []sensor.Probe, p *problem) {
	for i, s := range c.Sensors {
		probe, err := sensor.ParseProbe(s)
		if err != nil {
			return nil, &problem{field: "sensors[" + itoa(i) + "]", reason: err, mend: texts.Errorf(texts.Sensor.Mend)}
		}
		probes = append(probes, probe)
	}
	return probes, nil
}

func (c Config) checkSensors() *problem {
	_, p := c.probes()
	return p
}
