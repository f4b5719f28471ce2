package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/supervision"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/dispatch"
	"github.com/linli-edge/gateway/sync/journal"
)

// Config is what a Console shows and works with; every field is needed but
// Province and Health.
type Config struct {
	// KeyFile holds the key that signs sessions. It is made if it is not there.
	KeyFile string

	Registry *registry.Registry
	Journal  *journal.Journal
	Alerts   *alert.Engine
	Watch    *alert.Watch
	Ledger   *alert.Ledger
	// Login is how devices log in at this box, mqtts://:8883; zero if they do
	// so at somebody else's broker.
	Login url.URL
	// Certify gives a device a certificate to log in with instead of its secret.
	// request is a CSR in PEM, "" for a key that is made here.
	Certify func(by registry.Author, device, request string) (control.Certified, error)
	// Profiles are the makes of bridges.
	Profiles *profile.Set
	// Commands carries what is asked of devices.
	Commands *dispatch.Dispatcher
	// Ways returns the independent paths by which a call for help can reach
	// somebody.
	Ways func() []string
	// Figures returns today's figures of each facility in use.
	Figures func() []Facility
	// Health tells how a device is.
	Health func(device string) supervision.Health
	// Province tells how the reports to the province stand, nil if none are
	// sent.
	Province func() Province

	Clock      devices.Clock
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Console serves the page.
type Console struct {
	Config
	tokens   tokens
	sessions sessions
	pages    pages
	feed     feed
	handler  http.Handler

	closing   chan struct{}
	closeOnce sync.Once
	streams   chan struct{} // a place for each open stream
	open      prometheus.Gauge
	dropped   prometheus.Counter
}

// New makes a console. It serves at once; the live events need Run.
func New(c Config) (*Console, error) {
	key, err := loadKey(c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	pages, err := parsePages()
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	console := &Console{
		Config:   c,
		tokens:   tokens{clock: c.Clock},
		sessions: sessions{key: key, clock: c.Clock},
		pages:    pages,
		closing:  make(chan struct{}),
		streams:  make(chan struct{}, maxStreams),
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "linli_console_streams",
			Help: "Pages that are open and kept current.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linli_console_streams_dropped_total",
			Help: "Pages whose stream was ended because they were too slow, or too many.",
		}),
	}
	if err := errors.Join(c.Registerer.Register(console.open), c.Registerer.Register(console.dropped)); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	console.handler = console.routes()
	return console, nil
}

// Run follows the journal for the live events until ctx ends, and returns
// nil.
func (c *Console) Run(ctx context.Context) error {
	c.feed.follow(ctx, c)
	return nil
}

// Close ends all streams, so that a server that shuts down need not wait for
// them: register it with http.Server.RegisterOnShutdown.
func (c *Console) Close() { c.closeOnce.Do(func() { close(c.closing) }) }

// ServeHTTP serves the page, its parts and the JSON interface.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// Mint returns the secret of a login link for a person: /login?token=SECRET.
// name, the caregiver's ID or what else the person is called by, has 1 to 64
// characters.
func (c *Console) Mint(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	return c.tokens.mint(name), nil
}

// Session returns a bearer token for a person's scripts, good for 30 days.
func (c *Console) Session(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	return c.sessions.issue(name)
}

func checkName(name string) error {
	if n := utf8.RuneCountInString(name); n < 1 || n > maxName || !utf8.ValidString(name) {
		return fmt.Errorf("name: must have 1 to %d characters (got %d)", maxName, n)
	}
	return nil
}
