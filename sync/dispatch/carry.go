package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/sync/journal"
)

// carry brings one command to its end, or as far as it comes until ctx ends.
func (d *Dispatcher) carry(ctx context.Context, id string) {
	for ctx.Err() == nil {
		changed := d.Changed()
		r, ok := d.find(id)
		if !ok {
			return
		}
		var err error
		wait := time.Duration(0)
		switch {
		case len(r.Untold) > 0 && (r.Phase == command.PhaseAsked || r.Over()):
			err = d.tell(ctx, id)
		case r.Over():
			return
		case r.Phase == command.PhaseAsked:
			wait, err = d.send(ctx, id)
		default:
			if err = d.tell(ctx, id); err == nil {
				wait, err = d.await(ctx, id, changed)
			}
		}
		if err != nil && ctx.Err() == nil {
			d.Logger.Error("command held up", "command", id, "device", r.Device, "error", err)
			wait = again
		}
		if wait > 0 {
			clock.Pause(ctx, wait)
		}
	}
}

// send writes that the command is about to leave, and lets it leave. It returns
// how long to wait before it is tried again.
func (d *Dispatcher) send(ctx context.Context, id string) (wait time.Duration, err error) {
	moved, err := d.step(id, func(c command.Command, now devices.Stamp) command.Command {
		if d.wired(c) {
			c.Repeatable = false // a strike does not know a command again
		}
		return c.Send(now)
	})
	if err != nil {
		return 0, err
	}
	r, ok := d.find(id)
	if !moved || !ok || r.Phase != command.PhaseSent {
		return 0, nil // it has expired
	}
	words, err := d.words(r.Command)
	if err != nil { // the registration has changed meanwhile
		d.Logger.Warn("command given up", "command", id, "device", r.Device, "reason", err)
		_, err := d.step(id, func(c command.Command, now devices.Stamp) command.Command {
			return c.Unsent().Stop(command.Refused, now)
		})
		return 0, err
	}
	attempt, cancel := context.WithTimeout(ctx, handing)
	defer cancel()
	wired := d.wired(r.Command)
	if wired {
		err = d.Strike(attempt, r.Device, r.Data.Compartment)
	} else {
		err = d.Publish(attempt, words.topic, words.payload, words.qos, false)
	}
	switch {
	case err == nil:
		_, err := d.step(id, command.Command.Handed)
		return 0, err
	case wired, errors.Is(err, mqtt.ErrNotConnected), errors.Is(err, mqtt.ErrTopic):
		d.Logger.Warn("command not sent yet", "command", id, "device", r.Device, "error", err)
		_, err := d.step(id, func(c command.Command, _ devices.Stamp) command.Command { return c.Unsent() })
		return again, err
	}
	// It may have left, so its answer is awaited.
	d.Logger.Warn("command of unknown fate", "command", id, "device", r.Device, "error", err)
	return 0, nil
}

// wired tells whether the box's own line opens what is to be opened.
func (d *Dispatcher) wired(c command.Command) bool {
	return d.Wired != nil && c.Action == command.Open && d.Wired(c.Device, c.Data.Compartment)
}

// await waits until a sent command has changed or its time is over.
func (d *Dispatcher) await(ctx context.Context, id string, changed <-chan struct{}) (time.Duration, error) {
	r, ok := d.find(id)
	if !ok || r.Phase != command.PhaseSent {
		return 0, nil
	}
	left := r.Left(d.Clock())
	if left == 0 {
		_, err := d.step(id, command.Command.Tick)
		return 0, err
	}
	timer := time.NewTimer(min(left, nap))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-changed:
	case <-timer.C:
	}
	return 0, nil
}

// nap is the longest time between two looks at the clock: the timers of the
// runtime stand still while the box is suspended, its clock does not.
const nap = 10 * time.Second

// tell journals what the journal does not have yet.
func (d *Dispatcher) tell(ctx context.Context, id string) error {
	r, ok := d.find(id)
	if !ok || len(r.Untold) == 0 {
		return nil
	}
	for _, e := range r.Untold {
		if err := d.journal.Record(ctx, e); err != nil {
			return fmt.Errorf("journal command: %w", err)
		}
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	now, ok := d.find(id)
	if !ok {
		return nil
	}
	now.Untold = slices.DeleteFunc(slices.Clone(now.Untold), func(e devices.Event) bool {
		return slices.ContainsFunc(r.Untold, func(told devices.Event) bool { return told.ID == e.ID })
	})
	return d.write(now)
}

// listen reads the journal for answers while any is awaited.
func (d *Dispatcher) listen(ctx context.Context) {
	for ctx.Err() == nil {
		changed := d.Changed()
		from, awaited := d.awaited()
		if !awaited {
			select {
			case <-ctx.Done():
			case <-changed:
			}
			continue
		}
		for e, err := range d.journal.Tail(ctx, from) {
			if err == nil {
				err = d.heard(ctx, e)
			}
			if err != nil {
				d.Logger.Error("answers to commands are read again", "error", err)
				clock.Pause(ctx, again)
				break
			}
			if _, awaited := d.awaited(); !awaited {
				break
			}
		}
	}
}

// awaited is where the earliest answer may be that is waited for.
func (d *Dispatcher) awaited() (from journal.Position, any bool) {
	now := d.Clock()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.records {
		ago, same := now.Since(r.Ended)
		late := r.Reason == command.NoAnswer && same && ago < linger
		if r.Phase != command.PhaseSent && !late {
			continue
		}
		for i := range from {
			if !any || r.From[i] < from[i] {
				from[i] = r.From[i]
			}
		}
		any = true
	}
	return from, any
}

// heard lets what a device reports confirm what was asked for.
func (d *Dispatcher) heard(ctx context.Context, entry journal.Entry) error {
	e := entry.Event
	switch e.Type {
	case command.TypeDone:
		p, err := devices.Decode[command.Done](e)
		if err != nil {
			return nil // of somebody else, who calls something so too
		}
		return d.answered(ctx, entry, p.Command, "")
	case command.TypeFailed:
		p, err := devices.Decode[command.Failed](e)
		if err != nil || p.Reason == "" {
			return nil
		}
		return d.answered(ctx, entry, p.Command, p.Reason)
	case locker.TypeDoor: // that of cabinets and pickups is the same
		p, err := devices.Decode[locker.Door](e)
		if err != nil || !p.Open {
			return nil
		}
		return d.seen(entry, p.Compartment, command.Command.Opened)
	case locker.TypeFault:
		p, err := devices.Decode[locker.Fault](e)
		if err != nil || p.Cleared || p.Code != command.JamCode {
			return nil
		}
		return d.seen(entry, p.Compartment, command.Command.Jammed)
	}
	return nil
}

// answered applies a device's word to the command that it names.
func (d *Dispatcher) answered(ctx context.Context, entry journal.Entry, id, reason string) error {
	r, ok := d.find(id)
	if !ok || r.Device != entry.Event.Device {
		return nil // nobody answers for another
	}
	moved, err := d.step(id, func(c command.Command, now devices.Stamp) command.Command { return c.Answer(reason, now) })
	if moved && r.Over() { // late: nobody carries it any more
		select {
		case d.fresh <- id:
		case <-ctx.Done(): // it is resumed
		}
	}
	return err
}

// seen applies what was seen of a compartment to the commands that concern it
// and were sent before.
func (d *Dispatcher) seen(entry journal.Entry, compartment int, f func(command.Command, int, devices.Stamp) command.Command) error {
	for _, c := range d.Commands() {
		r, ok := d.find(c.ID)
		if !ok || r.Phase != command.PhaseSent || entry.Seq <= r.From[entry.Chain] || !d.watches(entry.Event.Device, c) {
			continue
		}
		if _, err := d.step(c.ID, func(c command.Command, now devices.Stamp) command.Command { return f(c, compartment, now) }); err != nil {
			return err
		}
	}
	return nil
}

// watches tells whether a device sees what another was asked to open: itself,
// or the sensor of the same facility and compartment.
func (d *Dispatcher) watches(device string, c command.Command) bool {
	if device == c.Device {
		return true
	}
	snapshot := d.registry.Snapshot()
	sensor, asked := snapshot.Devices[device], snapshot.Devices[c.Device]
	return sensor.Facility != "" && sensor.Facility == asked.Facility && sensor.Compartment > 0 && sensor.Compartment == c.Data.Compartment
}
