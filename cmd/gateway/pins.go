package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices/gpio"
	"github.com/linli-edge/gateway/devices/sensor"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// horn is the siren and lamp on the box's own lines.
type horn struct{ outputs *gpio.Outputs }

// sounds are what they play: for help, long calls; to leave the house, the
// pattern of three that ISO 8201 gives to evacuation.
var sounds = map[alert.Sound]gpio.Pattern{
	alert.ForHelp:  {2 * time.Second, time.Second},
	alert.Evacuate: {half, half, half, half, half, 3 * half},
}

const half = 500 * time.Millisecond

// Set implements alert.Siren.
func (h horn) Set(ctx context.Context, sound alert.Sound) error {
	return h.outputs.Call(ctx, sound != alert.Quiet, sounds[sound])
}

// newOutputs makes what hangs on the box's lines, and the siren among it; nil
// where there is none.
func (g *gateway) newOutputs() (siren alert.Siren, err error) {
	if g.board, g.wires, err = g.cfg.GPIO.Connected(); err != nil {
		return nil, err
	}
	g.outputs = gpio.NewOutputs(g.wires, g.board.Find, g.logger, g.metrics)
	if !g.outputs.Has(gpio.Siren, "", 0) && !g.outputs.Has(gpio.Lamp, "", 0) {
		return nil, nil
	}
	return horn{g.outputs}, nil
}

// newInputs makes what is read of the box itself: lines and sensors.
func (g *gateway) newInputs() error {
	g.inputs = gpio.New(gpio.Config{
		Wires: g.wires, Find: g.board.Find, Report: g.intake.Report, Acknowledge: g.somebodyIsHere,
		Clock: g.clock, Logger: g.logger, Registerer: g.metrics,
	})
	probes, err := g.cfg.Probes()
	if err != nil {
		return err
	}
	g.sensors = sensor.New(probes, os.DirFS("/sys"), g.intake.Report, g.clock, g.logger, g.metrics)
	return nil
}

// somebodyIsHere acknowledges every call for help that nobody has answered: a
// key was turned at the box.
func (g *gateway) somebodyIsHere(ctx context.Context) error {
	var errs []error
	for _, i := range g.alerts.Incidents() {
		if i.Phase == alert.PhaseRaised && i.Priority == alert.High {
			errs = append(errs, g.alerts.Acknowledge(ctx, i.ID, texts.Alert.Key.In(texts.Chinese), "button"))
		}
	}
	return errors.Join(errs...)
}

// struck tells whether the strike of a compartment is wired to the box.
func (g *gateway) struck(device string, compartment int) bool {
	return g.outputs.Has(gpio.Strike, device, compartment)
}

// hear runs everything that brings something in, until ctx ends.
func (g *gateway) hear(ctx context.Context) {
	var drivers sync.WaitGroup
	for part, run := range map[string]func(context.Context) error{"mqtt": g.driver.Run, "gpio": g.inputs.Run, "sensors": g.sensors.Run} {
		drivers.Go(func() { supervise(ctx, g.logger, g.failed, part, run) })
	}
	drivers.Wait()
}

// inBoth is what an error says in Chinese and English, nothing for none.
func inBoth(err error) (both [2]string) {
	if err != nil {
		both = [2]string{texts.Of(err, texts.Chinese), texts.Of(err, texts.English)}
	}
	return both
}

// fromBoth is the text that inBoth has taken apart.
func fromBoth(both [2]string) texts.Text { return texts.Text{ZH: both[0], EN: both[1]} }

// pins is what "linli gpio" shows.
func (g *gateway) pins() control.Pins {
	var p control.Pins
	for _, s := range g.inputs.States() {
		p.Inputs = append(p.Inputs, control.Pin{Wire: s.Wire.Name(), Device: s.Wire.Device, Active: s.Active, Changes: s.Changes, Lost: s.Lost, Problem: inBoth(s.Problem)})
	}
	for _, s := range g.outputs.States() {
		p.Outputs = append(p.Outputs, control.Pin{Wire: s.Wire.Name(), Device: s.Wire.Device, Active: s.On, Problem: inBoth(s.Problem)})
	}
	return p
}
