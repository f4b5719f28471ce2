package dispatch

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/texts"
)

// Ask takes an order on that may take valid, 0 for [DefaultValid]. It returns
// when the command is on disk and in the journal; it is sent soon after. An
// order without an ID gets one; with one that is known already, it is the same
// command, and Ask does nothing.
//
// The error says in words why nothing will be sent: the order or the device is
// not right, the device is offline, the same is still under way, or the disk
// has failed.
func (d *Dispatcher) Ask(ctx context.Context, o command.Order, valid time.Duration) (command.Command, error) {
	c, err := d.ask(ctx, o, valid)
	if err != nil {
		d.results.WithLabelValues("refused").Inc()
	}
	return c, err
}

func (d *Dispatcher) ask(ctx context.Context, o command.Order, valid time.Duration) (command.Command, error) {
	if valid == 0 {
		valid = DefaultValid
	}
	if valid < MinValid || valid > MaxValid {
		return command.Command{}, texts.Errorf(texts.Order.Valid, MinValid, MaxValid, valid)
	}
	if o.ID == "" {
		o.ID = strings.ToLower(rand.Text())[:20]
	}
	o, err := d.complete(o)
	if err != nil {
		return command.Command{}, err
	}
	c := command.New(o, d.Clock(), valid)
	words, err := d.words(c)
	if err != nil {
		return command.Command{}, err
	}
	c.Silent, c.Repeatable = words.silent, words.repeatable

	d.writing.Lock()
	known, again, err := d.enter(c)
	d.writing.Unlock()
	if err != nil || again {
		return known, err
	}
	// It is going to happen now, whether whoever asked waits or not.
	if err := d.tell(context.WithoutCancel(ctx), o.ID); err != nil {
		stop := func(c command.Command, now devices.Stamp) command.Command { return c.Stop(command.Stopped, now) }
		_, late := d.step(o.ID, stop)
		err = errors.Join(err, late)
		d.fresh <- o.ID // so that it is told once the disk is back
		return command.Command{}, texts.Errorf(texts.Order.NotKept, err)
	}
	d.fresh <- o.ID
	return c, nil
}

// complete puts in what the device's registration says, and looks whether such
// a device can be asked.
func (d *Dispatcher) complete(o command.Order) (command.Order, error) {
	snapshot := d.registry.Snapshot()
	device, ok := snapshot.Devices[o.Device]
	switch {
	case !ok:
		return o, texts.Errorf(texts.Order.Unknown, o.Device)
	case device.Retired:
		return o, texts.Errorf(texts.Order.Retired, o.Device)
	}
	if o.Action == command.Open && o.Data.Compartment == 0 {
		o.Data.Compartment = device.Compartment
	}
	if o.Action == command.Notify && o.Data.Message == "" {
		o.Data.Message = command.Coming
	}
	if err := o.Validate(); err != nil {
		return o, err
	}
	switch n := o.Data.Compartment; {
	case !command.Can(device.Kind, o.Action):
		return o, texts.Errorf(texts.Order.Kind, o.Device, kindText(device.Kind), o.Action.Text())
	case o.Action == command.Open && device.Compartments > 0 && n > device.Compartments:
		return o, texts.Errorf(texts.Order.TooFar, o.Device, device.Compartments, n)
	case o.Action == command.Open && device.Compartment > 0 && n != device.Compartment:
		return o, texts.Errorf(texts.Order.NotIts, o.Device, device.Compartment, n)
	}
	if online, known := d.Online(o.Device); known && !online {
		return o, texts.Errorf(texts.Order.Offline, o.Device)
	}
	return o, nil
}

func kindText(kind devices.Kind) texts.Text {
	if k, ok := kinds.Of(kind); ok {
		return k.Text
	}
	return texts.Kinds.Bridge
}

// wording is a command as it is published.
type wording struct {
	topic              string
	payload            []byte
	qos                byte
	silent, repeatable bool
}

// words puts a command into the words of whoever speaks for the device.
func (d *Dispatcher) words(c command.Command) (wording, error) {
	snapshot := d.registry.Snapshot()
	device, ok := snapshot.Devices[c.Device]
	switch {
	case !ok:
		return wording{}, texts.Errorf(texts.Order.Unknown, c.Device)
	case device.Retired:
		return wording{}, texts.Errorf(texts.Order.Retired, c.Device)
	case device.Bridge == "":
		payload, err := command.Encode(c.Order, c.Expires())
		return wording{topic: command.Topic(c.Device), payload: payload, qos: 1, repeatable: true}, err
	}
	bridge, ok := snapshot.Devices[device.Bridge]
	if !ok || bridge.Retired {
		return wording{}, texts.Errorf(texts.Order.NoBridge, c.Device)
	}
	if online, known := d.Online(bridge.ID); known && !online {
		return wording{}, texts.Errorf(texts.Order.BridgeOffline, c.Device, bridge.ID)
	}
	p, err := d.Profiles.Open(bridge.Profile)
	if err != nil {
		return wording{}, err
	}
	out, err := p.Say(device.Device, c)
	if errors.Is(err, profile.ErrNoWords) {
		return wording{}, texts.Errorf(texts.Order.Make, c.Device, p.Title(), c.Action.Text())
	}
	return wording{topic: out.Topic, payload: out.Payload, silent: out.Silent, repeatable: out.Repeatable}, err
}

// enter writes a new command, unless its ID is known or it would be in the way
// of another.
func (d *Dispatcher) enter(c command.Command) (_ command.Command, again bool, err error) {
	d.mu.Lock()
	open := 0
	for _, r := range d.records {
		same := r.Device == c.Device && r.Action == c.Action && r.Data.Compartment == c.Data.Compartment && r.Data.Name == c.Data.Name
		switch {
		case r.ID == c.ID && (!same || r.Data.Message != c.Data.Message || string(r.Data.Value) != string(c.Data.Value)):
			err = texts.Errorf(texts.Order.Same, c.ID)
		case r.ID == c.ID:
			d.mu.Unlock()
			return r.Command, true, nil
		case r.Over():
		case same && err == nil:
			err = texts.Errorf(texts.Order.Busy, r.ID)
		}
		if !r.Over() || len(r.Untold) > 0 {
			open++
		}
	}
	d.mu.Unlock()
	if err == nil && open >= maxOpen {
		err = texts.Errorf(texts.Order.TooMany, open)
	}
	if err != nil {
		return command.Command{}, false, err
	}
	told, err := c.Told()
	if err != nil {
		return command.Command{}, false, err
	}
	if err := d.write(record{Command: c, From: d.position(), Untold: []devices.Event{told}}); err != nil {
		return command.Command{}, false, texts.Errorf(texts.Order.NotKept, err)
	}
	return c, false, nil
}
