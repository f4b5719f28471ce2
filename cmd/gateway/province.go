package main

import (
	"path/filepath"

	"github.com/linli-edge/gateway/cmd/gateway/internal/console"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
	"github.com/linli-edge/gateway/sync/province"
	"github.com/linli-edge/gateway/sync/usage"
)

// newProvinces makes the senders of the statistics, of those destinations that
// are configured. The first of them tells whether the box is online.
func (g *gateway) newProvinces(now devices.Clock) ([]*province.Sender, error) {
	var senders []*province.Sender
	for _, d := range []struct {
		name string
		firmwareconfig.Province
	}{{"province", g.cfg.Province}, {"city", g.cfg.City}} {
		if d.URL == "" {
			continue
		}
		form, err := d.Form()
		if err != nil {
			return nil, err
		}
		c := province.Config{
			Name: d.name, URL: d.URL, Box: g.cfg.Box.ID, Sign: d.Sign, Form: form, KeyFile: filepath.Join(g.cfg.Data, d.name+".key.json"),
			Interval: d.Interval, Pace: d.Pace, Uplink: len(senders) == 0, Clock: now, Logger: g.logger, Registerer: g.metrics,
		}
		if d.SharesSecret() {
			if c.Secret, err = firmwareconfig.Secret(d.SecretFile); err != nil {
				return nil, err
			}
		}
		if c.TLS, _, err = d.Province.ClientTLS(); err != nil {
			return nil, texts.Errorf(texts.Platform.TLSLoad, err)
		}
		sender, err := province.Open(g.journal, g.figures, g.registry, c)
		if err != nil {
			return nil, err
		}
		g.opened = append(g.opened, sender.Close)
		senders = append(senders, sender)
	}
	return senders, nil
}

// provinceState tells the page how the reports stand, nil where none are sent.
func (g *gateway) provinceState() func() console.Province {
	if len(g.reports) == 0 {
		return nil
	}
	return func() console.Province {
		var all console.Province
		for _, sender := range g.reports {
			s, err := sender.Status()
			all.Waiting += s.Backlog
			all.Refused += s.SetAside
			all.Failing = all.Failing || err != nil || s.LastError != nil
			if all.Accepted.IsZero() || s.LastSuccess.Before(all.Accepted) {
				all.Accepted = s.LastSuccess
			}
		}
		return all
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
		switch n := int(r.Numerator); r.Indicator {
		case usage.Deposits.Code:
			f.Deposits = n
		case usage.Pickups.Code:
			f.Pickups = n
		case usage.Overdue.Code:
			f.Overdue = n
		case usage.Loaded.Code:
			f.Loaded = n
		case usage.PickedUp.Code:
			f.Collected = n
		case usage.Unclaimed.Code:
			f.Unclaimed = n
		case usage.Traditional.Code: // of all services
			if r.Denominator != nil {
				f.Services = int(*r.Denominator)
			}
		}
	}
	return facilities
}
