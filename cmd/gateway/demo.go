package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/linli-edge/gateway/cmd/gateway/internal/simulate"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/notify"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/province/receiver"
	"github.com/linli-edge/gateway/sync/usage"
)

// demoPage is where the demo's page is, unless the port is taken.
const demoPage = "127.0.0.1:8080"

func (c *cli) demoCommand() *cobra.Command {
	d := demo{cli: c}
	cmd := &cobra.Command{
		Use: "demo", Short: texts.Command.Demo.In(c.lang), Long: texts.Demo.Long.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.out = cmd.OutOrStdout()
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().Float64Var(&d.speed, "speed", 60, texts.Command.SpeedFlag.In(c.lang))
	cmd.Flags().StringVar(&d.listen, "listen", demoPage, texts.Command.ListenFlag.In(c.lang))
	return cmd
}

// demo is everything around a gateway that a community, its caregivers and
// its province are: simulated devices, telephones, a platform. The gateway in
// the middle is the one that "linli run" runs, with a configuration made up
// for it.
type demo struct {
	*cli
	speed  float64
	listen string
	out    io.Writer
	mu     sync.Mutex // lines of the terminal
}

func (d *demo) say(t texts.Text, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(d.out, "%s  %s\n", time.Now().Format(time.TimeOnly), t.In(d.lang, args...))
}

func (d *demo) run(ctx context.Context) (err error) {
	if d.speed < 1 || d.speed > 3600 {
		return mendable{texts.Errorf(texts.Demo.Speed, d.speed)}
	}
	dir, err := os.MkdirTemp("", "linli-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	now, err := clock.System()
	if err != nil {
		return err
	}

	cfg := firmwareconfig.Default().In(dir)
	cfg.Box.ID, cfg.Box.Name = "demo", "邻里演示"
	cfg.MQTT.Listen, cfg.MQTT.TLS, cfg.Console.TLS = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.Console.Listen = freeOr(d.listen)
	platform, err := d.newPlatform(dir, cfg.Box.ID)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, platform.Close()) }()
	cfg.Province.URL = platform.url
	cfg.Province.SecretFile = platform.secretFile
	cfg.Province.Interval = 5 * time.Second
	phones, err := d.newPhones()
	if err != nil {
		return err
	}
	community := simulate.Example()
	for i := range community.Caregivers {
		caregiver := &community.Caregivers[i]
		caregiver.Channels = []registry.Channel{{Kind: notify.WebhookChannel, Address: phones.url + "/" + caregiver.ID}}
		phones.names["/"+caregiver.ID] = caregiver.Name
	}

	g, err := newGateway(cfg, now, slog.New(slog.NewTextHandler(d.out, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		return mendable{err}
	}
	secrets, err := community.Register(g.registry)
	if err != nil {
		return errors.Join(err, g.close())
	}
	people, err := simulate.New(community, simulate.Config{
		Broker:      "tcp://" + g.driver.(*mqtt.Broker).Addrs()[0].String(),
		Credentials: func(device string) (string, error) { return secrets[device], nil },
		Speed:       d.speed, Seed: uint64(now().Wall.UnixNano()), From: morning(now().Wall), FirstSOS: 15 * time.Second,
		Clock: now, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return errors.Join(err, g.close())
	}
	token, err := g.console.Mint(texts.Demo.Visitor.In(d.lang))
	if err != nil {
		return errors.Join(err, g.close())
	}
	d.welcome("http://" + g.page.Addr().String() + "/login?token=" + token)

	// The community falls silent first, then the gateway sends what it still
	// has, then the world around it goes.
	outside, stopOutside := context.WithCancel(context.WithoutCancel(ctx))
	defer stopOutside()
	var world, box errgroup.Group
	world.Go(func() error { return platform.run(outside) })
	world.Go(func() error { return phones.run(outside) })
	inside, stopInside := context.WithCancel(context.WithoutCancel(ctx))
	defer stopInside()
	box.Go(func() error { return g.Run(inside) })
	box.Go(func() error { d.progress(inside, g, people, platform); return nil })
	err = people.Run(ctx)
	d.say(texts.Demo.Stopping)
	stopInside()
	err = errors.Join(err, box.Wait())
	stopOutside()
	err = errors.Join(err, world.Wait())
	d.say(texts.Demo.Stopped)
	return err
}

// morning is shortly before the meals are brought, on the community's present
// day, so that there is something to see at once.
func morning(wall time.Time) time.Time {
	local := wall.In(simulate.Zone)
	return time.Date(local.Year(), local.Month(), local.Day(), 10, 30, 0, 0, simulate.Zone)
}

// freeOr is address, or any free port of its host if that one is taken.
func freeOr(address string) string {
	l, err := net.Listen("tcp", address)
	host, _, split := net.SplitHostPort(address)
	if err == nil {
		_ = l.Close()
	}
	if err == nil || split != nil || address != demoPage {
		return address
	}
	return net.JoinHostPort(host, "0")
}

func (d *demo) welcome(page string) {
	fmt.Fprintf(d.out, "\n%s\n\n", texts.Demo.Welcome.In(d.lang, page))
}

// progress prints a line now and then.
func (d *demo) progress(ctx context.Context, g *gateway, people *simulate.Simulation, p *platform) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		acknowledged := 0
		for _, types := range people.Counts().Reports {
			for _, n := range types {
				acknowledged += n
			}
		}
		open := 0
		for _, i := range g.alerts.Incidents() {
			if i.Phase == alert.PhaseRaised {
				open++
			}
		}
		totals, err := p.store.Totals(usage.Day(g.clock().Wall))
		if err != nil {
			d.say(texts.Demo.Failed, err)
			continue
		}
		sums := map[string]int64{}
		for _, t := range totals.Totals {
			sums[t.Indicator] = t.Numerator
		}
		d.say(texts.Demo.Progress, acknowledged, g.journal.Last(journal.Ordinary)+g.journal.Last(journal.Urgent), open,
			sums[usage.Deposits.Code], sums[usage.Pickups.Code], sums[usage.Loaded.Code], sums[usage.PickedUp.Code])
	}
}

// phones stand in for the caregivers' telephones: a page rings in the
// terminal.
type phones struct {
	server
	url   string
	names map[string]string // by path
}

func (d *demo) newPhones() (*phones, error) {
	l, err := listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &phones{url: "http://" + l.Addr().String(), names: map[string]string{}}
	p.server = server{"phones", l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var page alert.Page
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&page); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		d.say(texts.Demo.Rings, p.names[r.URL.Path], page.Title(d.lang), page.Step)
	}), slog.New(slog.DiscardHandler), unhurried}
	return p, nil
}

// platform stands in for the province's.
type platform struct {
	server
	store           *receiver.Receiver
	url, secretFile string
}

func (d *demo) newPlatform(dir, box string) (*platform, error) {
	secret := rand.Text()
	p := &platform{secretFile: filepath.Join(dir, "province.secret")}
	if err := os.WriteFile(p.secretFile, []byte(secret), 0o600); err != nil {
		return nil, err
	}
	now, err := clock.System()
	if err != nil {
		return nil, err
	}
	if p.store, err = receiver.Open(filepath.Join(dir, "platform.db"), receiver.Options{
		Keys: map[string]contract.Scheme{box: contract.HMAC([]byte(secret))}, Clock: now,
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}); err != nil {
		return nil, err
	}
	l, err := listen("127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, p.store.Close())
	}
	p.url = "http://" + l.Addr().String() + receiver.Path
	p.server = server{"platform", l, p.store, slog.New(slog.DiscardHandler), unhurried}
	return p, nil
}

func (p *platform) Close() error { return p.store.Close() }
