package main

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"

	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/notify"
)

// paths are those of the channels, and the broker if that is another machine's.
func (g *gateway) paths() []notify.Path {
	paths := g.channels.Paths(g.cfg.Channels)
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
		return g.alerts.Report(ctx, found, "path-"+rand.Text())
	})
}
