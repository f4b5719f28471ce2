package console

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/cmd/gateway/internal/simulate"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// channel is a way to reach people that keeps what it was given.
type channel struct{ result alert.Result }

func (c channel) Send(context.Context, string, alert.Page) alert.Result { return c.result }

// box is a gateway as far as the console sees it: journal, registry and alert
// engine are real.
type box struct {
	*testing.T
	*Console
	server  *httptest.Server
	journal *journal.Journal
	engine  *alert.Engine
	watch   *alert.Watch
	ledger  *alert.Ledger
	ahead   atomic.Int64 // of the real clock, ns
	gone    []string     // devices whose connections have ended
	dir     string
}

func newBox(t *testing.T) *box {
	b := &box{T: t, dir: t.TempDir()}
	people, err := registry.Open(filepath.Join(b.dir, "registry"), registry.Options{
		Clock: b.clock, Gone: func(device string) { b.gone = append(b.gone, device) },
	})
	b.must(err)
	t.Cleanup(func() { b.check(people.Close()) })
	community := simulate.Example()
	community.Caregivers[0].Channels = []registry.Channel{{Kind: "webhook", Address: "https://example.org/zhou"}}
	community.Caregivers[2].Channels = []registry.Channel{{Kind: "sms", Address: "10000"}}
	_, err = community.Register(people)
	b.must(err)
	b.journal, err = journal.Open(filepath.Join(b.dir, "journal"), journal.Options{Clock: b.clock})
	b.must(err)
	t.Cleanup(func() { b.check(b.journal.Close()) })
	b.engine, err = alert.Open(b.journal, people, alert.Options{Clock: b.clock, Senders: map[string]alert.Sender{
		"webhook": channel{alert.Result{Class: alert.Accepted}},
		"sms":     channel{alert.Result{Class: alert.Temporary}},
	}})
	b.must(err)
	t.Cleanup(func() { b.check(b.engine.Close()) })
	b.watch, err = alert.OpenWatch(b.engine, alert.WatchOptions{})
	b.must(err)
	t.Cleanup(func() { b.check(b.watch.Close()) })
	b.ledger, err = alert.OpenLedger(b.engine)
	b.must(err)
	t.Cleanup(func() { b.check(b.ledger.Close()) })
	b.Console = b.newConsole(people)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{b.engine.Run, b.ledger.Run, b.Console.Run} {
		running.Go(func() { b.check(run(ctx)) })
	}
	t.Cleanup(func() { cancel(); running.Wait() })
	b.server = httptest.NewServer(b.Console)
	t.Cleanup(b.server.Close)
	t.Cleanup(b.Console.Close)
	return b
}

func (b *box) newConsole(people *registry.Registry) *Console {
	profiles, err := profile.Load(firmwareconfig.Profiles(), kinds.Vocabulary())
	b.must(err)
	c, err := New(Config{
		KeyFile: filepath.Join(b.dir, "session.key"), Registry: people, Journal: b.journal, Alerts: b.engine, Watch: b.watch, Ledger: b.ledger,
		Profiles: profiles,
		Ways:     func() []string { return []string{"internet", "sim"} },
		Figures: func() []Facility {
			return []Facility{
				{ID: "locker-north", Deposits: 31, Pickups: 24, Overdue: 1}, {ID: "locker-south", Deposits: 18, Pickups: 15},
				{ID: "meals-osmanthus", Loaded: 11, Collected: 10, Unclaimed: 1}, {ID: "meals-orchid", Loaded: 8, Collected: 8},
			}
		},
		Province: func() Province { return Province{Accepted: b.clock().Wall.Add(-time.Minute), Waiting: 3} },
		Clock:    b.clock, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	b.must(err)
	return c
}

var start = time.Now()

func (b *box) clock() devices.Stamp {
	ahead := time.Duration(b.ahead.Load())
	return devices.Stamp{Boot: devices.BootID{1}, Mono: time.Since(start) + time.Hour + ahead, Wall: time.Now().Add(ahead).UTC(), Synced: true}
}

func (b *box) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *box) check(err error) {
	if err != nil {
		b.Error(err)
	}
}

// report records what a device says.
func (b *box) report(device string, id string, p devices.Payload, urgency devices.Urgency) {
	b.Helper()
	e, err := devices.New(device, p)
	b.must(err)
	e.ID, e.Received, e.Urgency = "i/"+id, b.clock(), urgency
	b.must(b.journal.Record(b.Context(), e))
}

// sos presses a button and waits until people are being called.
func (b *box) sos(device string) string {
	b.Helper()
	b.report(device, "sos-"+device, wearable.SOS{}, devices.Urgent)
	return b.await(func(i alert.Incident) bool {
		waits := func(d alert.Delivery) bool { return d.Result == "" }
		return i.Device == device && len(i.Deliveries) > 0 && !slices.ContainsFunc(i.Deliveries, waits)
	})
}

// patience bounds what must come at last; it measures nothing.
const patience = 2 * time.Minute

// await waits for an incident to be as it should, and returns its ID.
func (b *box) await(as func(alert.Incident) bool) string {
	b.Helper()
	for {
		changed := b.engine.Changed()
		for _, i := range b.engine.Incidents() {
			if as(i) {
				return i.ID
			}
		}
		select {
		case <-changed:
		case <-time.After(patience):
			b.Fatalf("it did not come to it: %+v", b.engine.Incidents())
		}
	}
}

// browser is somebody's: it keeps cookies and follows redirects.
func (b *box) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	b.must(err)
	client := b.server.Client()
	return &http.Client{Jar: jar, Transport: client.Transport}
}

// enter logs a browser in.
func (b *box) enter(name string) *http.Client {
	b.Helper()
	secret, err := b.Mint(name)
	b.must(err)
	client := b.browser()
	if status, body := b.post(client, "/login", url.Values{"token": {secret}}); status != http.StatusOK {
		b.Fatalf("login: %d %s", status, body)
	}
	return client
}

func (b *box) do(client *http.Client, method, path, contentType, body string, header ...string) (int, string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, b.server.URL+path, strings.NewReader(body))
	b.must(err)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := client.Do(r)
	b.must(err)
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	b.must(err)
	return answer.StatusCode, string(content)
}

func (b *box) get(client *http.Client, path string, header ...string) (int, string) {
	b.Helper()
	return b.do(client, http.MethodGet, path, "", "", header...)
}

func (b *box) post(client *http.Client, path string, form url.Values, header ...string) (int, string) {
	b.Helper()
	return b.do(client, http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode(), header...)
}

// contains checks that a page says all of these.
func contains(t *testing.T, body string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(body, w) {
			t.Errorf("%q is missing in:\n%s", w, body)
		}
	}
}

func lacks(t *testing.T, body string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(body, w) {
			t.Errorf("%q should not be in:\n%s", w, body)
		}
	}
}
