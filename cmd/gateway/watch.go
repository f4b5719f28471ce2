package main

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/notify"
)

// watchPaths tells when something that pages or reports need is down, as a
// technical incident that ends when it works again.
func (g *gateway) watchPaths(ctx context.Context) error {
	paths := g.channels.Paths(g.cfg.Channels)
	if c, ok := g.driver.(interface{ Connected() bool }); ok {
		paths = append(paths, notify.Path{Name: "broker", Check: func(context.Context) error {
			if !c.Connected() {
				return errors.New("not connected")
			}
			return nil
		}})
	}
	return notify.Watch(ctx, paths, g.logger, func(ctx context.Context, path string, down bool) error {
		return g.alerts.Report(ctx, alert.Found{
			Kind: alert.PathDown, Part: path, Mended: !down, Because: []alert.Sign{{Sign: alert.SignPath, Of: path}},
		}, "path-"+rand.Text())
	})
}
