package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/linli-edge/gateway/cmd/gateway/internal/backup"
	"github.com/linli-edge/gateway/cmd/gateway/internal/console"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/attempts"
	"github.com/linli-edge/gateway/devices/authority"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/discovery"
	"github.com/linli-edge/gateway/devices/gpio"
	"github.com/linli-edge/gateway/devices/intake"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/lan"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/sensor"
	"github.com/linli-edge/gateway/devices/supervision"
	"github.com/linli-edge/gateway/devices/texts"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/dispatch"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/notify"
	"github.com/linli-edge/gateway/sync/province"
	"github.com/linli-edge/gateway/sync/usage"
)

// registryFile and the others are what the data folder holds.
const (
	registryFile  = backup.RegistryFile
	journalFolder = backup.JournalFolder
	sessionKey    = backup.KeyFile
	sessionsFile  = "mqtt.sessions" // not part of a backup: clients make them anew
	authorityKey  = backup.AuthorityKey
	healthFile    = backup.HealthFile
)

// gateway is one whole daemon.
type gateway struct {
	cfg     firmwareconfig.Config
	clock   devices.Clock
	logger  *slog.Logger
	metrics *prometheus.Registry

	registry *registry.Registry
	journal  *journal.Journal
	channels *notify.Channels
	pinger   *notify.Pinger // nil where nobody watches from outside
	loud     bool           // there is a siren or lamp
	alerts   *alert.Engine
	watch    *alert.Watch
	ledger   *alert.Ledger
	figures  *usage.Usage
	reports  []*province.Sender // none where no province is configured
	intake   *intake.Intake
	health   *supervision.Supervisor
	driver   driver
	orders   *dispatch.Dispatcher
	console  *console.Console
	// lookAtPaths is how often each path is tried.
	lookAtPaths time.Duration
	// lookAtClock is how often the clock is looked at for what has its hour, 0
	// for once a minute.
	lookAtClock time.Duration
	// blockWithin is how long a cabinet may take to block a compartment.
	blockWithin time.Duration
	// free is how much of the disk under a folder is left, in percent.
	free func(folder string) (int, error)
	// descriptions are what devices say of themselves.
	descriptions *discovery.Book

	board   gpio.Board // what is wired to the box's own pins
	wires   []gpio.Wire
	inputs  *gpio.Driver
	outputs *gpio.Outputs
	sensors *sensor.Driver

	commands             http.Handler // of the socket
	page, socket, scrape net.Listener // scrape is nil where the page serves the metrics
	securePage           net.Listener // nil where the page is not served with TLS
	failures             *prometheus.CounterVec
	opened               []func() error // closes what was opened, last first

	untaken            map[string]taking // by replies that could not be kept yet; of the goroutine of the modem
	authority          *authority.Authority
	attempts           *attempts.Attempts
	serving            context.Context // ends with the gateway; logins wait no longer
	delayed, strangers prometheus.Counter
}

// newGateway opens and wires everything: devices -> journal -> {alert ->
// notify, usage -> province}. Nothing runs before Run. The error is for a
// person, and says what to mend.
func newGateway(cfg firmwareconfig.Config, now devices.Clock, logger *slog.Logger) (_ *gateway, err error) {
	g := &gateway{cfg: cfg, clock: now, logger: logger, metrics: newMetrics(), untaken: map[string]taking{}, lookAtPaths: notify.CheckEvery, blockWithin: blockWithin, free: freePercent, failures: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "linli_gateway_part_failures_total", Help: "How often a part of the gateway ended with an error and was started again.",
	}, []string{"part"})}
	g.delayed = prometheus.NewCounter(prometheus.CounterOpts{Name: "linli_logins_delayed_total", Help: "Logins that had to wait, because of others that failed before."})
	g.strangers = prometheus.NewCounter(prometheus.CounterOpts{Name: "linli_strangers_refused_total", Help: "Connections from outside of the local network to a port without TLS."})
	g.metrics.MustRegister(g.failures, g.delayed, g.strangers)
	g.attempts, g.serving = attempts.New(now), g.untilClosed()
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
		}
	}()
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, texts.Errorf(texts.Gateway.Data, cfg.Data, err)
	}

	// Whom devices and browsers trust, what is registered, and the journal.
	if g.authority, err = authority.Open(filepath.Join(cfg.Data, authorityKey), authority.Options{
		Host: lan.This, Clock: now, Logger: logger, Registerer: g.metrics,
	}); err != nil {
		return nil, texts.Errorf(texts.Gateway.Data, cfg.Data, err)
	}
	vocabulary := kinds.Vocabulary()
	profiles, err := profile.Load(firmwareconfig.Profiles(), vocabulary)
	if err != nil {
		return nil, err
	}
	if g.registry, err = registry.Open(filepath.Join(cfg.Data, registryFile), registry.Options{
		Kinds: kinds.Names(), Profile: profiles.Check, Key: registryKey(), Gone: g.gone, Clock: now, Logger: logger, Registerer: g.metrics,
	}); err != nil {
		return nil, err
	}
	g.opened = append(g.opened, g.registry.Close)
	if g.journal, err = journal.Open(filepath.Join(cfg.Data, journalFolder), journal.Options{
		Clock: now, Wait: cfg.Journal.Wait, Keep: cfg.Journal.Keep, Budget: int64(cfg.Journal.Budget), Reserve: int64(cfg.Journal.Reserve),
		Logger: logger, Registerer: g.metrics,
	}); err != nil {
		return nil, texts.Errorf(texts.Gateway.Data, cfg.Data, err)
	}
	g.opened = append(g.opened, g.journal.Close)

	// Who follows it: alerts to caregivers, statistics to the province.
	pins, err := g.newOutputs()
	if err != nil {
		return nil, err
	}
	if g.channels, err = notify.Open(cfg.Channels, notify.Options{Clock: now, Secret: firmwareconfig.Secret, Logger: logger, Registerer: g.metrics}); err != nil {
		return nil, err
	}
	g.opened = append(g.opened, g.channels.Close)
	if w := cfg.Watch; w.Ping != "" {
		if g.pinger, err = notify.NewPinger(w.Ping, w.Every, g.healthy, logger, g.metrics); err != nil {
			return nil, err
		}
	}
	g.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "linli_notify_independent_paths", Help: "Independent paths by which a call for help can reach somebody; there should be two.",
	}, func() float64 { return float64(len(g.ways())) }))
	if g.alerts, err = alert.Open(g.journal, g.registry, alert.Options{
		Clock: now, Siren: g.siren(pins), Logger: logger, Registerer: g.metrics,
		Steps:   alert.Steps{High: cfg.Alert.Step, Medium: cfg.Alert.MediumStep, Arrive: cfg.Alert.Arrive},
		Senders: g.channels.Senders(), Names: cfg.Alert.Names, Link: g.link(),
	}); err != nil {
		return nil, texts.Errorf(texts.Gateway.Data, cfg.Data, err)
	}
	g.opened = append(g.opened, g.alerts.Close)
	if g.watch, err = alert.OpenWatch(g.alerts, alert.WatchOptions{
		Free: func() (int, error) { return g.free(cfg.Data) }, Ask: g.askElder,
	}); err != nil {
		return nil, texts.Errorf(texts.Gateway.Data, cfg.Data, err)
	}
	g.opened = append(g.opened, g.watch.Close)
	if g.ledger, err = alert.OpenLedger(g.alerts); err != nil {
		return nil, texts.Errorf(texts.Gateway.Data, cfg.Data, err)
	}
	g.opened = append(g.opened, g.ledger.Close)
	if g.figures, err = usage.Open(g.journal, g.registry, usage.Options{Clock: now, Months: cfg.Months, Logger: logger, Registerer: g.metrics}); err != nil {
		return nil, texts.Errorf(texts.Gateway.Data, cfg.Data, err)
	}
	g.opened = append(g.opened, g.figures.Close)
	if g.reports, err = g.newProvinces(now); err != nil {
		return nil, err
	}

	// What feeds it: messages, made events by the intake.
	g.descriptions = discovery.New(discovery.Config{
		File: filepath.Join(cfg.Data, discovery.FileName), Known: g.registry.Known, Vocabulary: vocabulary, Logger: logger,
	})
	g.descriptions.Forget(func(bridge string) bool { _, ok := g.registry.Device(bridge); return ok })
	g.health = supervision.New(supervision.Options{
		File: filepath.Join(cfg.Data, healthFile), Devices: g.supervised, Recorder: g.journal, Clock: now, Logger: logger, Registerer: g.metrics,
	})
	g.intake = intake.New(intake.Config{
		Directory: g.registry, Inbox: g.registry.Inbox(), Vocabulary: vocabulary, Profiles: profiles, Descriptions: g.descriptions,
		Recorder: g.alerts.Guard(g.journal), Witness: g.health,
		Clock: now, Logger: logger, Registerer: g.metrics,
	})
	if err := g.newDriver(); err != nil {
		return nil, err
	}
	if err := g.newInputs(); err != nil {
		return nil, err
	}

	// What goes back to the devices: commands of people.
	if g.orders, err = dispatch.Open(g.journal, g.registry, dispatch.Options{
		Clock: now, Profiles: profiles, Publish: g.driver.Publish, Wired: g.struck, Strike: g.outputs.Open, Online: g.intake.Online, Logger: logger, Registerer: g.metrics,
	}); err != nil {
		return nil, texts.Errorf(texts.Gateway.Data, cfg.Data, err)
	}
	g.opened = append(g.opened, g.orders.Close)

	// Who looks at it: the page, the command line.
	if g.console, err = console.New(console.Config{
		KeyFile: filepath.Join(cfg.Data, sessionKey), Registry: g.registry, Journal: g.journal, Alerts: g.alerts, Watch: g.watch, Ledger: g.ledger,
		Login: loginAt(cfg.MQTT), Certify: g.certify, Profiles: profiles, Commands: g.orders, Ways: g.ways, Figures: g.figuresOfToday, Health: g.health.Health, Province: g.provinceState(), Clock: now, Logger: logger, Registerer: g.metrics,
	}); err != nil {
		return nil, err
	}
	if err := g.listen(); err != nil {
		return nil, err
	}
	g.serveCommands()
	return g, nil
}

// driver brings messages in, and carries some out.
type driver interface {
	devices.Driver
	// Publish sends a message to whoever subscribed, see mqtt.Broker.
	Publish(ctx context.Context, topic string, payload []byte, qos byte, retain bool) error
}

// newDriver makes the way in of the messages.
func (g *gateway) newDriver() (err error) {
	m := g.cfg.MQTT
	if m.Broker == "" {
		broker, err := g.newBroker()
		if err != nil {
			return err
		}
		g.driver = broker
		g.opened = append(g.opened, broker.Close)
		return nil
	}
	var secret []byte
	if m.SecretFile != "" {
		if secret, err = firmwareconfig.Secret(m.SecretFile); err != nil {
			return err
		}
	}
	g.driver, err = mqtt.NewClient(mqtt.ClientConfig{URL: m.Broker, ClientID: m.ClientID, User: m.User, Secret: string(secret), Topics: m.Topics},
		g.intake.Take, g.logger, g.metrics)
	return err
}

// gone ends the connections of a device whose rights have changed: it comes
// back with those that it has now.
func (g *gateway) gone(device string) {
	if broker, ok := g.driver.(*mqtt.Broker); ok {
		broker.Disconnect(device)
	}
}

// registryKey is the key of the registry where systemd keeps it
// (LoadCredentialEncrypted=registry.key), "" where it is beside the registry.
func registryKey() string {
	if folder := os.Getenv("CREDENTIALS_DIRECTORY"); folder != "" {
		return filepath.Join(folder, backup.RegistryKey)
	}
	return ""
}

// Run runs everything until ctx ends; then the drivers stop first, so that
// all that was heard is recorded, and the journal last.
func (g *gateway) Run(ctx context.Context) error {
	g.logger.Info("gateway started", "version", version, "box", g.cfg.Box.ID, "data", g.cfg.Data, "page", g.page.Addr().String())
	background := context.WithoutCancel(ctx)
	following, stopFollowing := context.WithCancel(background)
	serving, stopServing := context.WithCancel(background)
	defer stopFollowing()
	defer stopServing()

	var followers, servers sync.WaitGroup
	start := func(group *sync.WaitGroup, ctx context.Context, part string, run func(context.Context) error) {
		group.Go(func() { supervise(ctx, g.logger, g.failed, part, run) })
	}
	start(&followers, following, "outputs", g.outputs.Run)
	start(&followers, following, "alert", g.alerts.Run)
	start(&followers, following, "channels", func(ctx context.Context) error { return g.channels.Run(ctx, g.replied) })
	start(&followers, following, "watch", g.watch.Run)
	start(&followers, following, "ledger", g.ledger.Run)
	start(&followers, following, "paths", g.watchPaths)
	if at, ok := g.cfg.Watch.DrillAt(); ok {
		start(&followers, following, "drill", func(ctx context.Context) error {
			return g.alerts.Repeat(ctx, alert.Routine{Name: "drill", At: at, Every: g.lookAtClock, Do: func(ctx context.Context, _ time.Time) { g.alerts.Drill(ctx) }})
		})
		start(&followers, following, "trial", func(ctx context.Context) error {
			return g.alerts.Repeat(ctx, alert.Routine{Name: "trial", At: trialAt, Until: trialUntil, Weekly: true, Every: g.lookAtClock, Do: g.tryChannels})
		})
	}
	if g.pinger != nil {
		start(&followers, following, "ping", g.pinger.Run)
	}
	start(&followers, following, "usage", g.figures.Run)
	start(&followers, following, "registry", func(ctx context.Context) error { return g.registry.Run(ctx, g.journal) })
	for _, sender := range g.reports {
		start(&followers, following, sender.Name(), sender.Run)
	}
	start(&servers, serving, "commands", g.orders.Run)
	start(&servers, serving, "acknowledgements", g.tellElders)
	start(&servers, serving, "unsafe portions", g.blockPortions)
	start(&servers, serving, "clock", func(ctx context.Context) error { return clock.Watch(ctx, g.clock, g.journal, g.logger) })
	start(&servers, serving, "alive", func(ctx context.Context) error { return usage.Watch(ctx, g.clock, g.journal, g.logger) })
	start(&servers, serving, "console", g.console.Run)
	start(&servers, serving, "supervision", g.health.Run)
	start(&servers, serving, "authority", g.authority.Run)
	start(&servers, serving, "descriptions", g.descriptions.Run)
	for _, s := range g.servers() {
		start(&servers, serving, s.name, s.run)
	}
	start(&servers, serving, "settle", func(ctx context.Context) error { return settle(ctx, g.journal, g.logger) })
	start(&servers, serving, "watchdog", func(ctx context.Context) error { return watchdog(ctx, g.logger, g.healthy) })

	g.hear(ctx)
	stopServing()
	g.console.Close()
	stopFollowing()
	servers.Wait()
	followers.Wait()
	err := g.close()
	g.logger.Info("gateway stopped")
	return err
}

func (g *gateway) close() error {
	var errs []error
	for i := len(g.opened) - 1; i >= 0; i-- {
		if err := g.opened[i](); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	g.opened = nil
	return errors.Join(errs...)
}

func (g *gateway) failed(part string) { g.failures.WithLabelValues(part).Inc() }

// listen opens the page, the metrics where they have an address of their own,
// and the socket.
func (g *gateway) listen() (err error) {
	if err := g.listenPage(); err != nil {
		return err
	}
	if g.cfg.Metrics.Listen != "" {
		if g.scrape, err = listen(g.cfg.Metrics.Listen); err != nil {
			return err
		}
		g.opened = append(g.opened, g.scrape.Close)
	}
	if g.socket, err = listenUnix(g.cfg.Socket); err != nil {
		return err
	}
	g.opened = append(g.opened, g.socket.Close)
	return nil
}

func newMetrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "linli_build_info", Help: "1, with the version as a label."}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	r.MustRegister(build)
	return r
}
