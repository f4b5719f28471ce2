package main

import (
	"github.com/linli-edge/gateway/cmd/gateway/internal/console"
	"github.com/linli-edge/gateway/devices"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
	"github.com/linli-edge/gateway/sync/province"
	"github.com/linli-edge/gateway/sync/usage"
)

// newProvince makes the sender of the statistics, nil where no province is
// configured.
func (g *gateway) newProvince(now devices.Clock) (*province.Sender, error) {
	p := g.cfg.Province
	if p.URL == "" {
		return nil, nil
	}
	secret, err := firmwareconfig.Secret(p.SecretFile)
	if err != nil {
		return nil, err
	}
	sender, err := province.Open(g.journal, g.figures, g.registry, province.Config{
		URL: p.URL, Box: g.cfg.Box.ID, Secret: secret, Interval: p.Interval, Pace: p.Pace, Clock: now, Logger: g.logger, Registerer: g.metrics,
	})
	if err != nil {
		return nil, err
	}
	g.opened = append(g.opened, sender.Close)
	return sender, nil
}

// provinceState tells the page how the reports stand, nil where none are sent.
func (g *gateway) provinceState() func() console.Province {
	if g.reports == nil {
		return nil
	}
	return func() console.Province {
		s, err := g.reports.Status()
		return console.Province{Accepted: s.LastSuccess, Waiting: s.Backlog, Refused: s.SetAside, Failing: err != nil || s.LastError != nil}
	}
}

// figuresOfToday adds up today's rows by facility, for the page.
func (g *gateway) figuresOfToday() []console.Facility {
	rows, err := g.figures.Today()
	if err != nil {
		g.logger.Error("figures not read", "error", err)
		return nil
	}
	var facilities []console.Facility
	for _, r := range rows { // by facility
		if n := len(facilities); n == 0 || facilities[n-1].ID != r.Facility {
			facilities = append(facilities, console.Facility{ID: r.Facility})
		}
		f := &facilities[len(facilities)-1]
		for indicator, figure := range map[string]*int{
			usage.Deposits.Code: &f.Deposits, usage.Pickups.Code: &f.Pickups, usage.Overdue.Code: &f.Overdue,
			usage.Loaded.Code: &f.Loaded, usage.PickedUp.Code: &f.Collected, usage.Unclaimed.Code: &f.Unclaimed,
		} {
			if r.Indicator == indicator {
				*figure = int(r.Numerator)
			}
		}
	}
	return facilities
}
