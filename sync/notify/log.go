package notify

import (
	"context"
	"log/slog"

	"github.com/linli-edge/gateway/sync/alert"
)

// line is the channel of the kind alert.LogChannel: a line of the log.
type line struct{ logger *slog.Logger }

// Send writes a line and always accepts.
func (l line) Send(ctx context.Context, _ string, p alert.Page) alert.Result {
	l.logger.LogAttrs(ctx, slog.LevelWarn, "call for help",
		slog.String("incident", p.Incident), slog.String("kind", string(p.Kind)),
		slog.Int("step", p.Step), slog.Int("presses", p.Presses), slog.Int("waiting_seconds", p.Waiting),
		slog.Bool("from_memory", p.FromMemory), slog.Bool("test", p.Test))
	return alert.Result{Class: alert.Accepted}
}
