package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/supervision"
	"github.com/linli-edge/gateway/devices/texts"
)

// supervised lists the devices in use.
func (g *gateway) supervised() []supervision.Device {
	var all []supervision.Device
	for _, d := range g.registry.Snapshot().Devices {
		if !d.Retired {
			all = append(all, supervision.Device{ID: d.ID, Kind: d.Kind, Interval: time.Duration(d.Interval) * time.Second})
		}
	}
	return all
}

// alive takes a client's ping for a word of its device. A guest is no device
// yet.
func (g *gateway) alive(account string) {
	if _, ok := g.registry.Device(account); ok {
		g.health.Heard(account, g.clock())
	}
}

// healthOfAll is how each device in use is, for the command line.
func (g *gateway) healthOfAll() control.Healths {
	h := control.Healths{Now: g.clock(), Devices: map[string]supervision.Health{}}
	for _, d := range g.supervised() {
		h.Devices[d.ID] = g.health.Health(d.ID)
	}
	return h
}

// healths asks the running gateway how the devices are. While it is down
// nobody knows, and that is no error.
func (c *cli) healths(cmd *cobra.Command) (control.Healths, error) {
	cfg, err := c.load()
	if err != nil {
		return control.Healths{}, err
	}
	client := control.Client{HTTP: control.Dial(cfg.Socket), Lang: c.lang}
	var all control.Healths
	if err := client.Do(cmd.Context(), http.MethodGet, "/v1/health", nil, &all); err != nil && !isDown(err) {
		return all, c.explain(cfg.Socket, err)
	}
	return all, nil
}

// healthColumns are what a list of devices says of one: when it last spoke,
// its battery, and what is wrong with it.
func (c *cli) healthColumns(all control.Healths, d registry.Device) (heard, battery, state string) {
	if d.Retired {
		return "", "", texts.Device.RetiredState.In(c.lang)
	}
	h, known := all.Devices[d.ID]
	if !known {
		return "", "", ""
	}
	heard = texts.Supervision.Never.In(c.lang)
	if ago, same := all.Now.Since(h.Heard); same {
		heard = texts.Supervision.Heard.In(c.lang, ago.Round(time.Second))
	} else if h.Heard.Boot != (devices.BootID{}) {
		heard = h.Heard.Wall.Local().Format(time.DateTime)
	}
	if h.Percent != nil {
		battery = fmt.Sprintf("%d%%", *h.Percent)
	}
	var found []string
	for _, t := range h.Found {
		found = append(found, texts.Findings[string(t)].Begun.In(c.lang))
	}
	if state = strings.Join(found, texts.ConsoleEvents.Comma.In(c.lang)); state == "" {
		state = texts.Supervision.Fine.In(c.lang)
	}
	return heard, battery, state
}

// intervalCommand sets within which time a device has to say something.
func (c *cli) intervalCommand() *cobra.Command {
	return &cobra.Command{
		Use: "interval ID DURATION", Short: texts.Supervision.Set.In(c.lang), Long: texts.Supervision.SetLong.In(c.lang), Args: c.args(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			interval, err := time.ParseDuration(args[1])
			if err != nil || interval != interval.Truncate(time.Second) {
				return mendable{texts.Errorf(texts.Supervision.BadInterval, args[1])}
			}
			return c.patch(cmd, args[0], map[string]any{"interval_seconds": int(interval.Seconds())}, texts.Device.Changed)
		},
		Example: "  linli device interval sos-302 12h\n  linli device interval sos-302 0",
	}
}

// findings counts what is found, by type, for the status.
func (g *gateway) findings() map[devices.Type]int {
	counts := map[devices.Type]int{}
	for _, h := range g.healthOfAll().Devices {
		for _, t := range h.Found {
			counts[t]++
		}
	}
	return counts
}
