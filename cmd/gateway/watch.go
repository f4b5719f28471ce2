package main

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/notify"
	"github.com/linli-edge/gateway/sync/usage"
)

// paths are those of the channels, and the broker if that is another machine's.
func (g *gateway) paths() []notify.Path {
	paths := g.channels.Paths(g.cfg.Channels, g.registry.Snapshot)
	if c, ok := g.driver.(*mqtt.Client); ok {
		paths = append(paths, notify.Path{Name: "broker", Check: func(context.Context) error {
			if !c.Connected() {
				return errors.New("not connected")
			}
			return nil
		}})
	}
	return paths
}

// Each channel carries a test once a week, on Mondays, or when the box is on
// again: somebody hears of it, and is awake.
const (
	trialAt    = 10 * time.Hour
	trialUntil = 20 * time.Hour
)

// tryChannels tries each channel on one person. One that does not take the test
// is a path that is down, until it does.
func (g *gateway) tryChannels(ctx context.Context, local time.Time) {
	for kind, result := range g.channels.Trial(ctx, g.registry.Snapshot(), local) {
		g.logger.Info("weekly trial", "channel", kind, "result", result.Class, "detail", result.Detail)
		err := g.alerts.Report(ctx, alert.Found{
			Kind: alert.PathDown, Part: "trial " + kind, Mended: result.Class == alert.Accepted, Because: []alert.Sign{{Sign: alert.SignPath, Of: kind}},
		}, "trial-"+rand.Text())
		if err != nil {
			g.logger.Error("the outcome of a trial cannot be journaled", "channel", kind, "error", err)
		}
	}
}

// watchPaths tells when something that pages or reports need is down, as a
// technical incident that ends when it works again; also when that was before a
// restart, which the incidents outlive.
func (g *gateway) watchPaths(ctx context.Context) error {
	return notify.Watch(ctx, g.paths(), g.lookAtPaths, g.logger, func(ctx context.Context, path string, down bool) error {
		found := alert.Found{Kind: alert.PathDown, Part: path, Mended: !down, Because: []alert.Sign{{Sign: alert.SignPath, Of: path}}}
		open := func(i alert.Incident) bool { return i.Subject == found.Subject() && i.Phase != alert.PhaseResolved }
		if !down && !slices.ContainsFunc(g.alerts.Incidents(), open) {
			return nil
		}
		if path == notify.Internet { // known long before a report cannot be sent
			if err := usage.Record(ctx, g.clock(), g.journal, usage.Uplink{Online: !down}); err != nil {
				return err
			}
		}
		return g.alerts.Report(ctx, found, "path-"+rand.Text())
	})
}
