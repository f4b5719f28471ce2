package mqtt

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/devicetest"
)

// peerAt is another client of an external broker.
func peerAt(t testing.TB, address string) paho.Client {
	t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + address).SetClientID("peer").SetAutoReconnect(false))
	if tk := c.Connect(); !tk.WaitTimeout(time.Minute) || tk.Error() != nil {
		t.Fatal(tk.Error())
	}
	t.Cleanup(func() { c.Disconnect(200) })
	return c
}

func listen(t testing.TB, c paho.Client, filter string) <-chan string {
	t.Helper()
	heard := make(chan string, 100)
	tk := c.Subscribe(filter, 1, func(_ paho.Client, m paho.Message) { heard <- string(m.Payload()) })
	if !tk.WaitTimeout(time.Minute) || tk.Error() != nil {
		t.Fatal(tk.Error())
	}
	return heard
}

func awaitHeard(t testing.TB, heard <-chan string, want string) {
	t.Helper()
	timer := time.NewTimer(time.Minute)
	defer timer.Stop()
	for {
		select {
		case got := <-heard:
			if got == want {
				return
			}
		case <-timer.C:
			t.Fatalf("waited a minute in vain for %s", want)
		}
	}
}

func TestClientSaysItIsThere(t *testing.T) {
	m := startMosquitto(t)
	h := devicetest.NewHandler()
	status := listen(t, peerAt(t, m.address), "linli/v1/gateway/status")
	c, metrics := newTestClient(t, m.address, h.Handle)
	stop := runDriver(t, c)
	awaitHeard(t, status, string(online))
	metrics.awaitConnected(t)
	stop()
	awaitHeard(t, status, string(offline))
	if metrics.value(t) != 0 {
		t.Error("linli_mqtt_connected is not 0 after Run")
	}
	// The gateway subscribes to linli/v1/#, and does not report itself.
	if g := h.Given(); len(g) != 0 {
		t.Errorf("the handler was given %+v", g)
	}
}

func TestClientPublishes(t *testing.T) {
	m := startMosquitto(t)
	heard := listen(t, peerAt(t, m.address), "linli/v1/d1/command")
	c, metrics := newTestClient(t, m.address, devicetest.NewHandler().Handle)
	ctx := context.Background()
	if err := c.Publish(ctx, "linli/v1/d1/command", []byte("x"), 1, false); !errors.Is(err, ErrNotConnected) {
		t.Errorf("publishing before Run: %v", err)
	}
	stop := runDriver(t, c)
	defer stop()
	metrics.awaitConnected(t)
	if err := c.Publish(ctx, "linli/v1/+/command", []byte("x"), 1, false); !errors.Is(err, ErrTopic) {
		t.Errorf("publishing on a filter: %v", err)
	}
	for _, text := range []string{"0", "1", "2"} {
		if err := c.Publish(ctx, "linli/v1/d1/command", []byte(text), text[0]-'0', false); err != nil {
			t.Fatal(err)
		}
		awaitHeard(t, heard, text)
	}
	stop()
	if err := c.Publish(ctx, "linli/v1/d1/command", []byte("x"), 1, false); !errors.Is(err, ErrNotConnected) {
		t.Errorf("publishing after Run: %v", err)
	}
}

func TestClientConnectsWhenTheBrokerComes(t *testing.T) {
	address := freeAddress(t)
	c, metrics := newTestClient(t, address, devicetest.NewHandler().Handle)
	stop := runDriver(t, c)
	defer stop()
	eventually(t, "some attempts", func() bool { return metrics.count(t, "linli_mqtt_connects_total") >= 3 })
	// The embedded broker stands in for the one that comes late. It lets no
	// device subscribe to everything.
	b, err := NewBroker(BrokerConfig{Listeners: []Listener{{Address: address}}}, func(Credentials) (devices.Account, bool) {
		return devices.Account{ID: "gateway", Publish: []string{"#"}, Subscribe: []string{"#"}}, true
	}, devicetest.NewHandler().Handle, testLog(t), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer runDriver(t, b)()
	metrics.awaitConnected(t)
}

func TestClientFindsHalfOpenLinks(t *testing.T) {
	m := startMosquitto(t)
	p := startProxy(t, m.address)
	h := devicetest.NewHandler()
	config := testClientConfig(p.Addr().String())
	config.Heartbeat, config.HeartbeatTimeout = 50*time.Millisecond, 500*time.Millisecond
	metrics := connectedMetric{prometheus.NewRegistry()}
	c, err := NewClient(config, h.Handle, testLog(t), metrics)
	if err != nil {
		t.Fatal(err)
	}
	stop := runDriver(t, c)
	defer stop()
	metrics.awaitConnected(t)
	before := metrics.count(t, "linli_mqtt_connects_total")
	p.freeze() // the connection stays open, and nothing passes
	d := connectDevice(t, m.address, "d1")
	defer d.Close()
	d.Publish(devicetest.Publication{Topic: deviceTopic("d1"), Payload: []byte("x"), QoS: 1})
	h.Await(t, "the message, on another link", func(m devices.Message) bool { return string(m.Payload) == "x" })
	if after := metrics.count(t, "linli_mqtt_connects_total"); after <= before {
		t.Errorf("%v attempts to connect, %v before the link went dead", after, before)
	}
}

func TestClientTLS(t *testing.T) {
	certFile, keyFile := selfSigned(t)
	m := startMosquitto(t, "certfile "+certFile, "keyfile "+keyFile)
	config := testClientConfig(m.address)
	config.URL = "mqtts://" + m.address

	untrusting := connectedMetric{prometheus.NewRegistry()}
	c, err := NewClient(config, devicetest.NewHandler().Handle, testLog(t), untrusting)
	if err != nil {
		t.Fatal(err)
	}
	stop := runDriver(t, c)
	eventually(t, "some attempts", func() bool { return untrusting.count(t, "linli_mqtt_connects_total") >= 3 })
	if untrusting.value(t) != 0 {
		t.Error("connected to a broker whose certificate nobody vouches for")
	}
	stop()

	config.CAFile = certFile
	trusting := connectedMetric{prometheus.NewRegistry()}
	c, err = NewClient(config, devicetest.NewHandler().Handle, testLog(t), trusting)
	if err != nil {
		t.Fatal(err)
	}
	defer runDriver(t, c)()
	trusting.awaitConnected(t)
}

func TestClientConfigRejects(t *testing.T) {
	for want, change := range map[string]func(*ClientConfig){
		"url":          func(c *ClientConfig) { c.URL = "broker:1883" },
		"client ID":    func(c *ClientConfig) { c.ClientID = "" },
		"user":         func(c *ClientConfig) { c.Secret = "s" },
		"topics":       func(c *ClientConfig) { c.Topics = []string{"a/#/b"} },
		"status topic": func(c *ClientConfig) { c.StatusTopic = "a/+" },
		"certificate":  func(c *ClientConfig) { c.KeyFile = "k" },
		"retry":        func(c *ClientConfig) { c.RetryMax = 1 },
		"CA file":      func(c *ClientConfig) { c.URL, c.CAFile = "mqtts://b:8883", "/nowhere" },
	} {
		config := testClientConfig("127.0.0.1:1883")
		change(&config)
		_, err := NewClient(config, devicetest.NewHandler().Handle, testLog(t), prometheus.NewRegistry())
		if err == nil || !strings.HasPrefix(err.Error(), "mqtt: "+want+":") {
			t.Errorf("%s: error is %v", want, err)
		}
	}
}

// proxy passes bytes until its links are frozen.
type proxy struct {
	net.Listener
	mu    sync.Mutex
	links []chan struct{} // closed when frozen
}

func startProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l}
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	running.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil {
				in.Close()
				continue
			}
			context.AfterFunc(ctx, func() {
				in.Close()
				out.Close()
			})
			frozen := make(chan struct{})
			p.mu.Lock()
			p.links = append(p.links, frozen)
			p.mu.Unlock()
			running.Go(func() { pass(ctx, out, in, frozen) })
			running.Go(func() { pass(ctx, in, out, frozen) })
		}
	})
	t.Cleanup(func() {
		cancel()
		l.Close()
		running.Wait()
	})
	return p
}

func pass(ctx context.Context, to, from net.Conn, frozen <-chan struct{}) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		select {
		case <-frozen:
			<-ctx.Done()
			return
		default:
		}
		if err != nil {
			to.Close()
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			from.Close()
			return
		}
	}
}

// freeze makes the links that are there now pass nothing any more.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		close(l)
	}
	p.links = nil
}

// selfSigned writes a certificate for 127.0.0.1 and its key.
func selfSigned(t testing.TB) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test broker"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		if err == nil {
			err = errors.Join(pem.Encode(io.Writer(f), &pem.Block{Type: kind, Bytes: der}), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", cert), write("key.pem", "PRIVATE KEY", private)
}
