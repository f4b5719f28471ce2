package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/devicetest"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
	"github.com/linli-edge/gateway/devices/registry"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/province/receiver"
)

// built is the folder of the binaries under test, each made at first use.
var built struct {
	sync.Mutex
	dir string
}

func TestMain(m *testing.M) {
	// Where toxiproxy loses a line while it slows it down, its goroutine stays.
	stuck := goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run")
	goleak.VerifyTestMain(m, stuck, goleak.Cleanup(func(code int) {
		if built.dir != "" {
			_ = os.RemoveAll(built.dir)
		}
		os.Exit(code)
	}))
}

// gatewayBinary builds the daemon as it is shipped, once.
func gatewayBinary(t testing.TB) string { return binary(t, ".", "gateway") }

// binary builds the program in a folder, once.
func binary(t testing.TB, folder, name string) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	if built.dir == "" {
		var err error
		if built.dir, err = os.MkdirTemp("", "linli-test-"); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(built.dir, name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, folder)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return path
}

// box is one gateway's configuration and surroundings: a platform that takes
// its rows, and a telephone that its pages reach.
type box struct {
	t        testing.TB
	cfg      firmwareconfig.Config
	clock    devices.Clock
	platform *receiver.Receiver
	phone    *phone
	logged   terminal // what the gateway has logged inside the test
}

func newBox(t testing.TB) *box {
	t.Helper()
	dir := t.TempDir()
	now, err := clock.System()
	if err != nil {
		t.Fatal(err)
	}
	b := &box{t: t, clock: now, cfg: firmwareconfig.Default().In(filepath.Join(dir, "data")), phone: newPhone(t)}
	if err := os.Mkdir(b.cfg.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	b.cfg.Box.ID = "test-box"
	b.cfg.MQTT.Listen, b.cfg.Console.Listen = freePort(t), freePort(t)
	b.cfg.MQTT.TLS, b.cfg.Console.TLS = "127.0.0.1:0", "127.0.0.1:0"
	b.cfg.Journal.Wait = 0
	b.cfg.Watch.Drill = firmwareconfig.Off // tests count incidents

	secret := strings.Repeat("s", 32)
	b.platform, err = receiver.Open(filepath.Join(dir, "platform.db"), receiver.Options{
		Keys: map[string]contract.Scheme{b.cfg.Box.ID: contract.HMAC([]byte(secret))}, Clock: now,
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(b.platform)
	t.Cleanup(func() {
		server.Close()
		if err := b.platform.Close(); err != nil {
			t.Error(err)
		}
	})
	b.cfg.Province.URL = server.URL + receiver.Path
	b.cfg.Province.SecretFile = filepath.Join(dir, "province.secret")
	b.cfg.Province.Interval = time.Second
	if err := os.WriteFile(b.cfg.Province.SecretFile, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

// freePort is an address of this machine that nobody listens on.
func freePort(t testing.TB) string {
	t.Helper()
	address, err := devicetest.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// register puts records into the registry, and returns the secrets of the
// devices among them. The gateway must not be running.
func (b *box) register(records ...registry.Record) (secrets map[string]string) {
	b.t.Helper()
	reg, err := registry.Open(filepath.Join(b.cfg.Data, registryFile), registry.Options{Kinds: kinds.Names(), Clock: b.clock})
	if err != nil {
		b.t.Fatal(err)
	}
	secrets = map[string]string{}
	err = reg.Update(func(tx *registry.Tx) error {
		if err := tx.Put(records...); err != nil {
			return err
		}
		for _, r := range records {
			if d, ok := r.(registry.Device); ok && d.Bridge == "" {
				if secrets[d.ID], err = tx.Issue(d.ID); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err := errors.Join(err, reg.Close()); err != nil {
		b.t.Fatal(err)
	}
	return secrets
}

// start runs the gateway inside the test until the returned stop is called,
// or the test ends. Before it runs, each of change is called on it.
func (b *box) start(change ...func(*gateway)) (g *gateway, stop func()) {
	b.t.Helper()
	g, err := newGateway(b.cfg, b.clock, slog.New(slog.NewTextHandler(io.MultiWriter(b.t.Output(), &b.logged), nil)))
	if err != nil {
		b.t.Fatal(err)
	}
	g.free = func(string) (int, error) { return 100, nil } // tests count incidents, also where the disk is nearly full
	for _, c := range change {
		c(g)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- g.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("gateway: %v", err)
		}
	})
	b.t.Cleanup(stop)
	return g, stop
}

// write makes the configuration file of the box, for the binary.
func (b *box) write() string {
	b.t.Helper()
	c := b.cfg
	mqtt := "tls: " + c.MQTT.TLS
	if c.MQTT.Listen != "" {
		mqtt += ", listen: " + c.MQTT.Listen
	}
	mqtt += fmt.Sprint(", rate: ", c.MQTT.Rate)
	if c.MQTT.Broker != "" {
		mqtt = "broker: " + c.MQTT.Broker
	}
	file := filepath.Join(filepath.Dir(c.Data), "gateway.yaml")
	text := fmt.Sprintf("box: {id: %s}\ndata: %s\nsocket: %s\nmqtt: {%s}\nconsole: {tls: %q, listen: %q}\njournal: {wait: %s}\nlog: {level: warn}\nalert: {step: %s}\n",
		c.Box.ID, c.Data, c.Socket, mqtt, c.Console.TLS, c.Console.Listen, c.Journal.Wait, c.Alert.Step)
	if c.Province.URL != "" {
		text += fmt.Sprintf("province: {url: %q, secret_file: %s, interval: %s}\n", c.Province.URL, c.Province.SecretFile, c.Province.Interval)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return file
}

// process is the built binary at work.
type process struct {
	cmd *exec.Cmd
	log *bytes.Buffer
}

// run starts the built binary on the box.
func (b *box) run() *process {
	b.t.Helper()
	return b.runAs(gatewayBinary(b.t))
}

// runAs starts the binary that the command line ends with.
func (b *box) runAs(line ...string) *process {
	b.t.Helper()
	line = append(line, "run", "--config", b.write())
	return launch(b.t, line...)
}

// launch starts the binary that the command line begins with.
func launch(t testing.TB, line ...string) *process {
	t.Helper()
	d := &process{cmd: exec.Command(line[0], line[1:]...), log: &bytes.Buffer{}}
	d.cmd.Stderr = d.log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return d
}

// end sends a signal and waits; it returns the exit code, -1 for a kill.
func (d *process) end(t testing.TB, signal syscall.Signal) int {
	t.Helper()
	if err := d.cmd.Process.Signal(signal); err != nil {
		t.Fatalf("%v\n%s", err, d.log)
	}
	if err := d.cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return d.cmd.ProcessState.ExitCode()
}

// phone is a webhook that remembers what it was sent.
type phone struct {
	url   string
	mu    sync.Mutex
	pages []alert.Page
	rang  chan struct{} // closed at the next page
}

func newPhone(t testing.TB) *phone {
	p := &phone{rang: make(chan struct{})}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var page alert.Page
		if err := json.NewDecoder(r.Body).Decode(&page); err != nil {
			t.Errorf("page: %v", err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.pages = append(p.pages, page)
		close(p.rang)
		p.rang = make(chan struct{})
	}))
	t.Cleanup(s.Close)
	p.url = s.URL
	return p
}

// await returns the pages once there are some that satisfy enough.
func (p *phone) await(t testing.TB, what string, enough func([]alert.Page) bool) []alert.Page {
	t.Helper()
	deadline := time.After(patience)
	for {
		p.mu.Lock()
		pages, rang := append([]alert.Page(nil), p.pages...), p.rang
		p.mu.Unlock()
		if enough(pages) {
			return pages
		}
		select {
		case <-rang:
		case <-deadline:
			t.Fatalf("no page came: %s; so far %+v", what, pages)
		}
	}
}

// patience bounds what must come at last; it measures nothing.
const patience = 2 * time.Minute

// eventually polls until ok, for what no channel tells of.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		<-tick.C
	}
}

// device is a device on the wire, of raw frames.
type device struct {
	t       testing.TB
	conn    net.Conn
	in      *bufio.Reader
	version byte
	packet  uint16
}

// connect logs a device in, with MQTT version 4 (3.1.1) or 5.
func connect(t testing.TB, address string, version byte, id, secret string) (*device, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return greet(t, conn, version, id, id, secret)
}

// greet logs in on a connection; without a secret it is the certificate that counts.
func greet(t testing.TB, conn net.Conn, version byte, client, user, secret string) (*device, error) {
	d := &device{t: t, conn: conn, in: bufio.NewReader(conn), version: version}
	hello := mqttload.ConnectFrame(version, client, user, secret, true)
	if secret == "" {
		hello = mqttload.CertifiedFrame(client, user)
	}
	if _, err := conn.Write(hello); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	header, body, err := mqttload.ReadFrame(d.in)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if header != mqttload.Connack || len(body) < 2 || body[1] != 0 {
		return nil, errors.Join(fmt.Errorf("refused: %x %x", header, body), conn.Close())
	}
	return d, nil
}

// publish sends one message with QoS 1 and waits for its PUBACK.
func (d *device) publish(topic, payload string) error {
	if err := d.send(topic, payload); err != nil {
		return err
	}
	return d.acked()
}

func (d *device) send(topic, payload string) error {
	d.packet++
	if d.packet == 0 {
		d.packet = 1
	}
	_, err := d.conn.Write(mqttload.PublishFrame(d.version, topic, d.packet, 1, false, []byte(payload)))
	return err
}

// acked waits for a PUBACK without a reason to doubt it.
func (d *device) acked() error {
	header, body, err := mqttload.ReadFrame(d.in)
	if err != nil {
		return err
	}
	if header != mqttload.Puback || len(body) > 2 && body[2] >= 0x80 {
		return fmt.Errorf("no PUBACK but %x %x", header, body)
	}
	return nil
}

// get asks the page's listener for a path.
func (b *box) get(path string) (int, string) {
	b.t.Helper()
	r, err := http.Get("http://" + b.cfg.Console.Listen + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

// total is one figure at the platform, summed over all facilities.
func (b *box) total(day, indicator string) int64 {
	b.t.Helper()
	totals, err := b.platform.Totals(day)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, t := range totals.Totals {
		if t.Indicator == indicator {
			return t.Numerator
		}
	}
	return 0
}
