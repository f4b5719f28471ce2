package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/linli-edge/gateway/cmd/gateway/internal/console"
	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/lan"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// servers are what the gateway answers on: the page with health and metrics,
// metrics alone if they have an address of their own, and the socket.
func (g *gateway) servers() []server {
	metrics := promhttp.HandlerFor(g.metrics, promhttp.HandlerOpts{})
	page := http.NewServeMux()
	page.Handle("/", g.console)
	page.HandleFunc("GET /healthz", probe(g.healthy))
	page.HandleFunc("GET /readyz", probe(g.ready))
	page.HandleFunc("GET /ca.crt", g.certificate)
	servers := []server{
		{"page", lan.AtMost(visitors, g.lanOnly(g.page)), page, g.logger, unhurried},
		{"socket", g.socket, g.commands, g.logger, 0},
	}
	if g.securePage != nil {
		servers = append(servers, server{"page_tls", g.securePage, page, g.logger, unhurried})
	}
	if g.scrape == nil {
		page.Handle("GET /metrics", metrics)
		return servers
	}
	scrape := http.NewServeMux()
	scrape.Handle("GET /metrics", metrics)
	return append(servers, server{"metrics", lan.AtMost(visitors, g.scrape), scrape, g.logger, unhurried})
}

func probe(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if err := check(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, err)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

// healthy tells whether the alert path is alive, and its state and the others
// are: for these a restart, which mends what is damaged, is better than going
// on.
func (g *gateway) healthy() error { return errors.Join(g.alerts.Alive(), g.journal.Sound()) }

// ready tells whether a device that speaks now will be heard and kept.
func (g *gateway) ready() error {
	if err := g.healthy(); err != nil {
		return err
	}
	if c, ok := g.driver.(*mqtt.Client); ok && !c.Connected() {
		return texts.Errorf(texts.Status.NoBroker)
	}
	return nil
}

// serveCommands makes the handler of the socket.
func (g *gateway) serveCommands() {
	started := g.clock()
	broker, _ := g.driver.(*mqtt.Broker) // nil for the client of another one
	g.commands = control.Handler(control.Config{
		Registry: g.registry, Broker: broker, Journal: g.journal, Alerts: g.alerts, Watch: g.watch, Ledger: g.ledger, Commands: g.orders, Clock: g.clock,
		Certify: g.certify,
		Login: func(name string) (control.Invitation, error) {
			token, err := g.console.Mint(name)
			return g.invitation("/login?token="+token, console.TokenLife), err
		},
		Door: func(by registry.Author, elder string, renew bool) (control.Invitation, error) {
			path, err := g.console.Door(by, elder, renew)
			return g.invitation(path, 0), err
		},
		Status: func() control.Status { return g.status(started) },
		Words: func(e devices.Event, lang texts.Lang) (who, what string) {
			return console.Words(e, g.registry.Snapshot(), lang)
		},
		Backup: g.backup, Health: g.healthOfAll, Pins: g.pins, TestOutput: g.outputs.Test,
		Figures:  control.Figures{Usage: g.figures, Senders: g.reports},
		Channels: g.channels, Ways: g.ways, Tap: g.intake.Tap,
	})
}

// invitation is a link to the page, which listens at one port or two.
func (g *gateway) invitation(path string, valid time.Duration) control.Invitation {
	link := control.Invitation{Path: path, Valid: int(valid.Seconds())}
	_, link.Port, _ = net.SplitHostPort(g.page.Addr().String()) // a listener's address has both
	if g.securePage != nil {
		_, link.TLSPort, _ = net.SplitHostPort(g.securePage.Addr().String())
	}
	return link
}

// status is what "linli status" prints.
func (g *gateway) status(started devices.Stamp) control.Status {
	now := g.clock()
	up, _ := now.Since(started) // the same boot
	s := control.Status{
		Version: version, Box: g.cfg.Box.ID, Up: int64(up.Seconds()), Synchronised: now.Synced,
		Devices: len(g.registry.Snapshot().Devices), Unreachable: g.alerts.Reach().Nobody,
		Findings: g.findings(), Authority: g.authority.Fingerprint(), AuthorityDamaged: g.authority.Damaged(),
	}
	s.Newcomers = g.registry.Inbox().Len()
	if s.Locked = g.registry.Snapshot().Locked(); s.Locked > 0 {
		s.Key = g.registry.KeyFile()
	}
	s.NotReady = inBoth(g.ready())
	for _, i := range g.alerts.Incidents() {
		if i.Phase != alert.PhaseResolved {
			s.OpenIncidents++
		}
	}
	for _, d := range g.journal.Damage() {
		most, _ := d.Lost()
		s.Damaged, s.Salvaged, s.Lost = s.Damaged+1, s.Salvaged+d.Salvaged, s.Lost+most
	}
	s.Damaged += len(g.registry.Damaged())
	for _, chain := range g.journal.Stats().Chains {
		if chain.First > 0 {
			s.Events += chain.Last - chain.First + 1
		}
		s.Bytes += chain.Bytes
	}
	for _, sender := range g.reports {
		if reports, err := sender.Status(); err == nil {
			s.Waiting += reports.Backlog
			s.Refused += reports.SetAside
		}
	}
	return s
}
