package sensor

import (
	"slices"
	"strconv"
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// Quantity is what is measured.
type Quantity string

// The quantities: degrees Celsius, percent of relative humidity.
const (
	Temperature Quantity = "temperature"
	Humidity    Quantity = "humidity"
)

// Bus is an interface of the kernel.
type Bus string

// The interfaces.
const (
	OneWire Bus = "1-wire"
	Hwmon   Bus = "hwmon"
	IIO     Bus = "iio"
)

// Probe is one thing that is measured.
type Probe struct {
	Quantity    Quantity
	Device      string // in the registry
	Compartment int    // 0: all of it
	Cold        bool   // part of a cold chain
	Bus         Bus
	Chip        string // its name, or the ID of a 1-wire probe
	Which       int    // of several chips of one name, from 1
	Input       int    // of the chip, from 1
}

var chinese = strings.NewReplacer("，", ",", "温度", "temperature", "湿度", "humidity", "格口", "compartment ", "冷藏", "cold", "单总线", "1-wire ")

// ParseProbe reads a probe as it is written, words between commas.
func ParseProbe(s string) (Probe, error) {
	t := texts.Sensor
	words := strings.Split(chinese.Replace(s), ",")
	for i := range words {
		words[i] = strings.Join(strings.Fields(words[i]), " ")
	}
	p := Probe{Quantity: Quantity(words[0]), Which: 1, Input: 1}
	if p.Quantity != Temperature && p.Quantity != Humidity {
		return p, texts.Errorf(t.Quantity, words[0])
	}
	if len(words) < 2 || devices.CheckCode("device", words[1]) != nil {
		return p, texts.Errorf(texts.GPIO.Device, string(p.Quantity))
	}
	p.Device = words[1]
	for _, word := range words[2:] {
		name, value, _ := strings.Cut(word, " ")
		switch {
		case word == "cold":
			p.Cold = true
		case name == "compartment":
			n, err := strconv.Atoi(value)
			if err != nil || devices.CheckCompartment(n) != nil {
				return p, texts.Errorf(texts.GPIO.Number, word, 1, 9999)
			}
			p.Compartment = n
		case slices.Contains([]Bus{OneWire, Hwmon, IIO}, Bus(name)) && value != "":
			p.Bus = Bus(name)
			if err := p.chip(value); err != nil {
				return p, err
			}
		default:
			return p, texts.Errorf(texts.GPIO.Word, word)
		}
	}
	switch {
	case p.Bus == "":
		return p, texts.Errorf(t.Place)
	case p.Quantity == Humidity && p.Bus == OneWire:
		return p, texts.Errorf(t.OneWire)
	case p.Quantity == Humidity && p.Cold:
		return p, texts.Errorf(texts.GPIO.NotHere, "cold")
	}
	return p, nil
}

// chip reads NAME, NAME#2, NAME/3.
func (p *Probe) chip(s string) error {
	p.Chip = s
	for _, part := range []struct {
		sign string
		into *int
	}{{"/", &p.Input}, {"#", &p.Which}} {
		name, number, found := strings.Cut(p.Chip, part.sign)
		if !found {
			continue
		}
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n > 99 {
			return texts.Errorf(texts.Sensor.Number, s)
		}
		p.Chip, *part.into = name, n
	}
	if p.Chip == "" || strings.ContainsAny(p.Chip, "./\\*?[") {
		return texts.Errorf(texts.Sensor.Number, s)
	}
	return nil
}

// Name is what the probe is called in messages.
func (p Probe) Name() string {
	name := string(p.Bus) + " " + p.Chip
	if p.Which > 1 {
		name += "#" + strconv.Itoa(p.Which)
	}
	if p.Input > 1 {
		name += "/" + strconv.Itoa(p.Input)
	}
	return name
}
