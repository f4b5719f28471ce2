package clock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// TypeStep is the type of a Step.
const TypeStep devices.Type = "clock.step"

// Step says that the box's clock was set, or that its synchronisation has
// begun or ended. It is the payload of an event of devices.GatewayDevice, with
// the ID "clock/<boot>/<monotonic nanoseconds>".
//
//	{"from":"1970-01-01T00:01:12Z","to":"2026-11-23T08:00:00Z","synchronised":true}
type Step struct {
	// From is what the clock would have said if it had only run on; To is what
	// it said instead. They are the same in the first Step of a process.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Synchronised says whether the kernel called its clock that afterwards.
	Synchronised bool `json:"synchronised"`
}

// EventType is TypeStep.
func (Step) EventType() devices.Type { return TypeStep }

// Validate wants a time.
func (s Step) Validate() error {
	if s.To.IsZero() {
		return errors.New("to: missing")
	}
	return nil
}

const (
	watchInterval = 10 * time.Second
	// leastStep is what NTP does by setting the clock rather than by slewing.
	leastStep = time.Second
)

// Watch records a Step at once, and whenever the clock has been set or its
// synchronisation has begun or ended, until ctx ends. So the journal tells the
// time of a boot even if no device speaks after it is known.
func Watch(ctx context.Context, now devices.Clock, recorder devices.Recorder, logger *slog.Logger) error {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	var last devices.Stamp // as recorded
	for {
		if s := now(); stepped(last, s) {
			step := Step{From: s.Wall, To: s.Wall, Synchronised: s.Synced}
			if elapsed, ok := s.Since(last); ok {
				step.From = last.Wall.Add(elapsed)
			}
			if err := record(ctx, recorder, step, s); err == nil {
				last = s
				logger.Info("clock", "from", step.From, "to", step.To, "synchronised", step.Synchronised)
			} else if ctx.Err() == nil {
				logger.Warn("clock step not recorded", "error", err, "again_in", watchInterval)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func stepped(last, now devices.Stamp) bool {
	elapsed, ok := now.Since(last)
	return !ok || now.Synced != last.Synced || !near(now.Wall, last.Wall.Add(elapsed), leastStep)
}

func record(ctx context.Context, recorder devices.Recorder, step Step, at devices.Stamp) error {
	e, err := devices.New(devices.GatewayDevice, step)
	if err != nil {
		return err
	}
	e.ID = fmt.Sprintf("clock/%s/%d", at.Boot, at.Mono)
	e.Received = at
	return recorder.Record(ctx, e)
}
