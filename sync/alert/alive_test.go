package alert

import (
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
)

func TestAliveWhileTheClockIsLookedAt(t *testing.T) {
	now := devices.Stamp{Mono: time.Hour}
	e := &Engine{options: Options{Clock: func() devices.Stamp { return now }}}
	if e.Alive() == nil {
		t.Error("alive before Run")
	}
	e.ctx, e.beat = t.Context(), now
	now.Mono += 2 * heartbeat
	if err := e.Alive(); err != nil {
		t.Errorf("after two heartbeats: %v", err)
	}
	now.Mono += 10 * heartbeat
	if e.Alive() == nil {
		t.Error("alive though nothing was done for a minute")
	}
}
