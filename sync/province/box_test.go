package province

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/province/contract/contracttest"
	"github.com/linli-edge/gateway/sync/province/receiver"
	"github.com/linli-edge/gateway/sync/usage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "0123456789abcdef"

// wrongBy is the bubble's time, moved to the year 2026 and by an error.
func wrongBy(wrong time.Duration) devices.Clock {
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	return func() devices.Stamp {
		passed := time.Since(start)
		return devices.Stamp{
			Boot: devices.BootID{1}, Mono: passed, Synced: true,
			Wall: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC).Add(passed + wrong),
		}
	}
}

// platform is a receiver that can be killed, behind a line that can be
// disturbed. It is the transport of a box.
type platform struct {
	t     *testing.T
	path  string
	clock devices.Clock

	mu       sync.Mutex
	receiver *receiver.Receiver
	keys     map[string]contract.Scheme
	codes    map[string]string
	requests [][]byte // bodies, in clear
	zipped   int      // bytes of those that were compressed
	// spec, if not nil, is what all requests and answers must fit; fitted
	// counts them by path and status.
	spec   *contracttest.Spec
	fitted map[string]int
	// disturb, if not nil, may answer in the platform's place, which deliver
	// asks.
	disturb func(req *http.Request, body []byte, deliver func() (*http.Response, error)) (*http.Response, error)
}

func newPlatform(t *testing.T, dir string) *platform {
	p := &platform{
		t: t, path: filepath.Join(dir, "platform.bolt"), clock: wrongBy(0),
		keys: map[string]contract.Scheme{"box-1": contract.HMAC([]byte(secret))}, codes: map[string]string{},
	}
	p.start()
	return p
}

func (p *platform) start() {
	p.t.Helper()
	var err error
	p.receiver, err = receiver.Open(p.path, receiver.Options{
		Keys:       p.keys,
		Codes:      p.codes,
		Clock:      func() devices.Stamp { return p.clock() },
		Logger:     slog.New(slog.DiscardHandler),
		Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *platform) stop() {
	p.t.Helper()
	if err := p.receiver.Close(); err != nil {
		p.t.Error(err)
	}
}

func (p *platform) restart() {
	p.stop()
	p.start()
}

// RoundTrip is http.RoundTripper.
func (p *platform) RoundTrip(req *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if req.Header.Get("Content-Encoding") == "gzip" {
		p.zipped += len(body)
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		if body, err = io.ReadAll(z); err != nil {
			return nil, err
		}
	}
	p.requests = append(p.requests, body)
	deliver := func() (*http.Response, error) { return p.deliver(req, body), nil }
	if p.disturb != nil {
		return p.disturb(req, body, deliver)
	}
	return deliver()
}

func (p *platform) deliver(req *http.Request, body []byte) *http.Response {
	clear := body
	if req.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = zip(body); err != nil { // the same bytes again
			p.t.Error(err)
		}
	}
	arrived := req.Clone(req.Context())
	arrived.Body = io.NopCloser(bytes.NewReader(body))
	w := httptest.NewRecorder()
	p.receiver.ServeHTTP(w, arrived)
	if p.spec != nil {
		if err := errors.Join(p.spec.Request(req, clear), p.spec.Response(req, w.Code, w.Header(), w.Body.Bytes())); err != nil {
			p.t.Errorf("%s: %v\n%s\n%s", req.URL, err, clear, w.Body)
		}
		p.fitted[fmt.Sprint(req.URL.Path, " ", w.Code)]++
	}
	return w.Result()
}

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// total is a numerator of all facilities and days of 2026.
func (p *platform) total(indicator string) int64 {
	p.t.Helper()
	totals, err := p.receiver.Totals("2026")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, x := range totals.Totals {
		if x.Indicator == indicator {
			return x.Numerator
		}
	}
	return 0
}

// box is a gateway as far as the province is concerned.
type box struct {
	t        *testing.T
	dir      string
	clock    devices.Clock
	config   Config
	journal  *journal.Journal
	registry *registry.Registry
	usage    *usage.Usage
	sender   *Sender
	ids      int
	wrong    atomic.Int64 // of the wall clock, if it has been set
	cancel   func()
	running  sync.WaitGroup
}

func newBox(t *testing.T, dir string, p http.RoundTripper) *box {
	b := &box{t: t, dir: dir, config: Config{
		URL: "https://platform.example/v1/rows", Box: "box-1", Secret: []byte(secret), Interval: 10 * time.Second,
		Transport: p, Logger: slog.New(slog.DiscardHandler),
	}}
	right := wrongBy(0)
	b.clock = func() devices.Stamp {
		s := right()
		if wrong := b.wrong.Load(); wrong != 0 {
			s.Wall, s.Synced = s.Wall.Add(time.Duration(wrong)), false
		}
		return s
	}
	b.start()
	err := b.registry.Put(
		registry.Facility{ID: "f-1", Name: "幸福里快递柜", Region: "320102001001", RegionEdition: 2023, UrbanRural: "111", Industry: "602", Operator: "11320000MB151840XJ"},
		registry.Facility{ID: "f-2", Name: "幸福里助餐点"},
		registry.Device{Device: devices.Device{ID: "l1", Kind: locker.Kind, Name: "张三的柜子", Facility: "f-1"}},
		registry.Device{Device: devices.Device{ID: "c1", Kind: cabinet.Kind, Facility: "f-2"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *box) start() {
	b.t.Helper()
	must := func(err error) {
		if err != nil {
			b.t.Helper()
			b.t.Fatal(err)
		}
	}
	var err error
	metrics := prometheus.NewRegistry()
	b.journal, err = journal.Open(filepath.Join(b.dir, "journal"), journal.Options{Clock: b.clock})
	must(err)
	b.registry, err = registry.Open(filepath.Join(b.dir, "registry.bolt"), registry.Options{})
	must(err)
	b.usage, err = usage.Open(b.journal, b.registry, usage.Options{Clock: b.clock, Every: time.Second, Logger: b.config.Logger, Registerer: metrics})
	must(err)
	b.config.Clock, b.config.Registerer = b.clock, metrics
	b.sender, err = Open(b.journal, b.usage, b.registry, b.config)
	must(err)
	ctx, cancel := context.WithCancel(b.t.Context())
	b.cancel = cancel
	for _, run := range []func(context.Context) error{b.usage.Run, b.sender.Run} {
		b.running.Go(func() {
			if err := run(ctx); err != nil {
				b.t.Errorf("run: %v", err)
			}
		})
	}
}

func (b *box) stop() {
	b.t.Helper()
	b.cancel()
	b.running.Wait()
	for _, close := range []func() error{b.sender.Close, b.usage.Close, b.registry.Close, b.journal.Close} {
		if err := close(); err != nil {
			b.t.Errorf("close: %v", err)
		}
	}
}

// turn sets the wall clock away from the right time.
func (b *box) turn(wrong time.Duration) { b.wrong.Store(int64(wrong)) }

func (b *box) restart() {
	b.stop()
	b.start()
}

func (b *box) record(device string, p devices.Payload) {
	b.t.Helper()
	e, err := devices.New(device, p)
	if err != nil {
		b.t.Fatal(err)
	}
	b.ids++
	e.ID, e.Received = fmt.Sprint(b.ids), b.clock()
	if err := b.journal.Record(b.t.Context(), e); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) status() Status {
	b.t.Helper()
	s, err := b.sender.Status()
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// bubble runs a test of a box and a platform in virtual time.
func bubble(t *testing.T, test func(t *testing.T, b *box, p *platform)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, dir)
		b := newBox(t, dir, p)
		test(t, b, p)
		b.stop()
		p.stop()
	})
}

// pass lets virtual time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
