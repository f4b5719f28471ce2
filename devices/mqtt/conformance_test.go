package mqtt

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/devicetest"
)

func TestBrokerConforms(t *testing.T) {
	devicetest.Run(t, func(t *testing.T) devicetest.Harness {
		address := freeAddress(t)
		return devicetest.Harness{
			Topic: deviceTopic,
			Start: func(t testing.TB, handle func(context.Context, devices.Message, func(error))) func() {
				b, err := NewBroker(BrokerConfig{Listeners: []Listener{{Address: address}}, Grace: 200 * time.Millisecond}, testLogin, handle, testLog(t), prometheus.NewRegistry())
				if err != nil {
					t.Fatal(err)
				}
				return runDriver(t, b)
			},
			Connect: func(t testing.TB, id string) devicetest.Device { return connectDevice(t, address, id) },
		}
	})
}

func TestClientConforms(t *testing.T) {
	devicetest.Run(t, func(t *testing.T) devicetest.Harness {
		m := startMosquitto(t)
		return devicetest.Harness{
			Topic:   deviceTopic,
			Relayed: true,
			Start: func(t testing.TB, handle func(context.Context, devices.Message, func(error))) func() {
				c, metrics := newTestClient(t, m.address, handle)
				stop := runDriver(t, c)
				metrics.awaitConnected(t)
				return stop
			},
			Connect: func(t testing.TB, id string) devicetest.Device { return connectDevice(t, m.address, id) },
			Restart: m.restart,
		}
	})
}

func deviceTopic(id string) string { return "linli/v1/" + id + "/event" }

// testLogin knows every device whose secret is its name, and lets it do what
// a native device may. A bridge may do more.
func testLogin(c Credentials) (devices.Account, bool) {
	user := c.User
	if user == "" || string(c.Secret) != user {
		return devices.Account{}, false
	}
	a := devices.Account{
		ID:        user,
		Publish:   []string{"linli/v1/" + user + "/#"},
		Subscribe: []string{"linli/v1/" + user + "/command", "linli/v1/" + user + "/status"},
	}
	if user == hub {
		a.Publish, a.Subscribe = []string{"std/#"}, []string{"std/#"}
	}
	if user == "root" {
		a.Publish, a.Subscribe = []string{"#", "$SYS/#"}, []string{"#", "$SYS/#"}
	}
	if user == "bridge" {
		a.Publish = append(a.Publish, "zigbee2mqtt/#")
		a.Subscribe = append(a.Subscribe, "zigbee2mqtt/#")
	}
	return a, true
}

func testLog(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

func freeAddress(t testing.TB) string {
	t.Helper()
	address, err := devicetest.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// runDriver runs d until the returned function is called, which waits for it.
func runDriver(t testing.TB, d devices.Driver) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// connectedMetric reads the metrics of a client.
type connectedMetric struct{ *prometheus.Registry }

func (m connectedMetric) count(t testing.TB, name string) float64 { return metricValue(t, m, name, "") }

func (m connectedMetric) value(t testing.TB) float64 { return m.count(t, "linli_mqtt_connected") }

func (m connectedMetric) awaitConnected(t testing.TB) {
	t.Helper()
	eventually(t, "linli_mqtt_connected to be 1", func() bool { return m.value(t) == 1 })
}

func testClientConfig(address string) ClientConfig {
	return ClientConfig{
		URL: "mqtt://" + address, ClientID: "linli-test", Topics: []string{"linli/v1/#"},
		RetryMin: 10 * time.Millisecond, RetryMax: 200 * time.Millisecond, Grace: 200 * time.Millisecond,
	}
}

func newTestClient(t testing.TB, address string, handle Handler) (*Client, connectedMetric) {
	t.Helper()
	metrics := connectedMetric{prometheus.NewRegistry()}
	c, err := NewClient(testClientConfig(address), handle, testLog(t), metrics)
	if err != nil {
		t.Fatal(err)
	}
	return c, metrics
}

// eventually looks again and again for what nothing announces.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("waited a minute in vain for %s", what)
		}
	}
}

// mosquitto is Debian's broker, run by a test.
type mosquitto struct {
	address string
	config  string
	process *exec.Cmd
}

func startMosquitto(t testing.TB, options ...string) *mosquitto {
	t.Helper()
	m := &mosquitto{address: freeAddress(t), config: filepath.Join(t.TempDir(), "mosquitto.conf")}
	_, port, err := net.SplitHostPort(m.address)
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location %s/\nlog_type error\nlog_type warning\n", port, filepath.Dir(m.config))
	for _, o := range options {
		config += o + "\n"
	}
	if os.Geteuid() == 0 {
		config += "user root\n" // or it could not write into the temporary folder
	}
	if err := os.WriteFile(m.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	m.start(t)
	t.Cleanup(func() { m.stop(t, syscall.SIGTERM) })
	return m
}

func (m *mosquitto) start(t testing.TB) {
	t.Helper()
	m.process = exec.Command(tool(t, "mosquitto"), "-c", m.config)
	m.process.Stdout, m.process.Stderr = t.Output(), t.Output()
	if err := m.process.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "mosquitto to listen", func() bool {
		c, err := net.Dial("tcp", m.address)
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
}

func (m *mosquitto) stop(t testing.TB, signal os.Signal) {
	if err := m.process.Process.Signal(signal); err != nil {
		t.Error(err)
	}
	_ = m.process.Wait() // killed, it says so
}

func (m *mosquitto) restart(t testing.TB, kill bool) {
	signal := os.Signal(syscall.SIGTERM)
	if kill {
		signal = syscall.SIGKILL
	}
	m.stop(t, signal)
	m.start(t)
}

// tool finds a program of Debian's that the tests use.
func tool(t testing.TB, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if path := filepath.Join("/usr/sbin", name); exec.Command(path, "-h").Err == nil {
		return path
	}
	t.Fatalf("%s is missing: run make deps", name)
	return ""
}
