package alert

import (
	"context"
	"time"

	"github.com/linli-edge/gateway/devices/clock"
)

// Siren is what the box can do by itself to be heard: a siren, a lamp.
type Siren interface {
	// Set lets it play a sound, Quiet for none, and returns soon after ctx
	// ends. It is called by one goroutine, also when nothing changes. When the
	// engine stops, the siren stays as it is.
	Set(ctx context.Context, sound Sound) error
}

// sirenDeadline is how long one switch may take.
const sirenDeadline = 2 * time.Second

// blow keeps the siren as it should be: on while a call for help is
// unanswered.
func (e *Engine) blow(ctx context.Context) {
	for {
		e.mu.Lock()
		sound := e.sound
		e.mu.Unlock()
		if err := e.set(ctx, sound); err != nil && ctx.Err() == nil {
			e.log.Error("siren cannot be switched, trying again", "sound", sound, "error", err)
			e.metrics.sirenErrors.Inc()
			if !clock.Pause(ctx, again) {
				return
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-e.horn:
		}
	}
}

func (e *Engine) set(ctx context.Context, sound Sound) error {
	ctx, cancel := context.WithTimeout(ctx, sirenDeadline)
	defer cancel()
	return e.options.Siren.Set(ctx, sound)
}
