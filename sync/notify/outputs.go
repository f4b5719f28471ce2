package notify

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/linli-edge/gateway/sync/alert"
)

// Publish sends a command to a device, as the drivers of package mqtt do.
type Publish func(ctx context.Context, topic string, payload []byte, qos byte, retain bool) error

// commanded is a siren or lamp that takes commands over MQTT.
type commanded struct {
	config  Siren
	publish Publish
}

// NewSiren is the siren or lamp that c describes.
func NewSiren(c Siren, publish Publish) alert.Siren { return commanded{c, publish} }

// Set publishes the payload of the state, with QoS 1, so that a siren which
// was away gets it when it comes back.
func (c commanded) Set(ctx context.Context, sound alert.Sound) error {
	payload := c.config.On
	switch {
	case sound == alert.Quiet:
		payload = c.config.Off
	case sound == alert.Evacuate && c.config.Evacuate != "":
		payload = c.config.Evacuate
	}
	if err := c.publish(ctx, c.config.Topic, []byte(payload), 1, false); err != nil {
		return fmt.Errorf("siren: %w", err)
	}
	return nil
}

// Outputs are several sirens and lamps as one. They are switched beside each
// other: one that hangs holds up none of the others, and gets the latest state
// when it comes back.
type Outputs struct{ outputs []*output }

type output struct {
	siren alert.Siren

	mu      sync.Mutex
	wanted  alert.Sound
	running bool
}

// NewOutputs makes one siren of several.
func NewOutputs(sirens ...alert.Siren) *Outputs {
	o := &Outputs{}
	for _, s := range sirens {
		o.outputs = append(o.outputs, &output{siren: s})
	}
	return o
}

// Set switches all of them and returns when all are switched, or ctx ends.
func (o *Outputs) Set(ctx context.Context, sound alert.Sound) error {
	done := make(chan error, len(o.outputs))
	for _, out := range o.outputs {
		go func() { done <- out.set(ctx, sound) }()
	}
	var errs []error
	for range o.outputs {
		select {
		case err := <-done:
			errs = append(errs, err)
		case <-ctx.Done():
			return errors.Join(append(errs, context.Cause(ctx))...)
		}
	}
	return errors.Join(errs...)
}

var errBusy = errors.New("the output has not answered the command before")

// set switches the output to what is wanted last. While one call is under way
// others only leave word.
func (o *output) set(ctx context.Context, sound alert.Sound) error {
	o.mu.Lock()
	o.wanted = sound
	if o.running {
		o.mu.Unlock()
		return errBusy // the engine comes again
	}
	o.running = true
	for {
		now := o.wanted
		o.mu.Unlock()
		err := o.siren.Set(ctx, now)
		o.mu.Lock()
		if err != nil || o.wanted == now || ctx.Err() != nil {
			o.running = false
			o.mu.Unlock()
			return err
		}
	}
}
