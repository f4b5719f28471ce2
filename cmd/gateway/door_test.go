package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices/authority"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/registry"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
	"github.com/linli-edge/gateway/sync/journal"
)

// securePort is where the gateway takes devices with TLS.
func securePort(t testing.TB, g *gateway) string {
	t.Helper()
	all := g.driver.(*mqtt.Broker).Addrs()
	return all[len(all)-1].String()
}

// trust is what an installer makes of the page's /ca.crt.
func (b *box) trust() *tls.Config {
	b.t.Helper()
	code, ca := b.get("/ca.crt")
	roots := x509.NewCertPool()
	if code != http.StatusOK || !roots.AppendCertsFromPEM([]byte(ca)) {
		b.t.Fatalf("no authority at /ca.crt: %d %s", code, ca)
	}
	return &tls.Config{RootCAs: roots, ServerName: "localhost"}
}

// A page in a browser speaks MQTT in WebSockets, with TLS, where that was asked
// for; a port that somebody has is named.
func TestWebSocketAtTheDoor(t *testing.T) {
	b := newBox(t)
	b.cfg.MQTT.WebSocket = "127.0.0.1:0"
	secrets := b.register(neighbourhood(b)...)
	g, stop := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	dialer := websocket.Dialer{TLSClientConfig: b.trust(), Subprotocols: []string{"mqtt"}}
	ws, answer, err := dialer.DialContext(t.Context(), "wss://"+securePort(t, g)+"/mqtt", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	d, err := greet(t, inFrames{ws.NetConn(), ws}, 4, "client-of-l1", "l1", secrets["l1"])
	if err != nil {
		t.Fatal(err)
	}
	if err := d.publish("linli/v1/l1/event", deposited); err != nil {
		t.Error(err)
	}
	if g.journal.Last(journal.Ordinary) == 0 {
		t.Error("nothing is in the journal")
	}
	stop()

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	b.cfg.MQTT.WebSocket = taken.Addr().String()
	if _, err := newGateway(b.cfg, b.clock, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "cannot listen on "+b.cfg.MQTT.WebSocket) {
		t.Errorf("a port that is taken: %v", err)
	}
}

// inFrames is a connection in which each packet is a frame.
type inFrames struct {
	net.Conn
	ws *websocket.Conn
}

func (c inFrames) Write(p []byte) (int, error) {
	return len(p), c.ws.WriteMessage(websocket.BinaryMessage, p)
}

func (c inFrames) Read(p []byte) (int, error) {
	_, frame, err := c.ws.ReadMessage()
	return copy(p, frame), err // the reader's buffer takes any answer of this test
}

// connectSecurely logs a device in over TLS.
func connectSecurely(t testing.TB, address string, config *tls.Config, user, secret string) (*device, error) {
	t.Helper()
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return nil, err
	}
	return greet(t, conn, 4, "client-of-"+user, user, secret)
}

const deposited = `{"type":"parcel.deposited","data":{"compartment":1}}`

// Devices come in over TLS with a secret or a certificate. A certificate is
// one device's; a new one, or a retirement, ends the connection at once and
// the old one never works again.
func TestDevicesAtTheDoor(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	east := registry.Facility{ID: "east", Name: "东门快递柜"}
	locker := registry.Device{}
	locker.ID, locker.Kind, locker.Facility = "l1", "locker", "east"
	other := locker
	other.ID = "l2"
	secrets := b.register(east, locker, other)
	config := b.write()
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	address, trust := securePort(t, g), b.trust()
	run := func(args ...string) (stdout, stderr string) {
		t.Helper()
		code, stdout, stderr := command(t, "en_US.UTF-8", append(args, "--config", config)...)
		if code != 0 {
			t.Fatalf("%v: %d %s", args, code, stderr)
		}
		return stdout, stderr
	}

	if _, err := connectSecurely(t, address, &tls.Config{ServerName: "localhost"}, "l1", secrets["l1"]); err == nil {
		t.Error("a device that does not know the authority believes the box")
	}
	d, err := connectSecurely(t, address, trust, "l1", secrets["l1"])
	if err != nil {
		t.Fatalf("with the secret: %v", err)
	}
	if err := d.publish("linli/v1/l1/event", deposited); err != nil {
		t.Fatal(err)
	}

	// The walk of the README: the certificate from the page, and Debian's client.
	ca := filepath.Join(t.TempDir(), "linli-ca.crt")
	_, text := b.get("/ca.crt")
	if err := os.WriteFile(ca, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("mosquitto_pub", "-h", "localhost", "-p", port, "--cafile", ca, "-u", "l2", "-P", secrets["l2"], "-i", "l2", "-q", "1",
		"-t", "linli/v1/l2/event", "-m", deposited).CombinedOutput()
	if err != nil {
		t.Fatalf("mosquitto_pub (is it installed? run make deps): %v\n%s", err, out)
	}

	certified := func(args ...string) *tls.Config {
		t.Helper()
		stdout, stderr := run(append([]string{"device", "credentials"}, args...)...)
		if !strings.Contains(stderr, "no longer works") {
			t.Errorf("said %q", stderr)
		}
		with := trust.Clone()
		pair, err := tls.X509KeyPair([]byte(stdout), []byte(stdout))
		if err != nil {
			t.Fatalf("%v in\n%s", err, stdout)
		}
		with.Certificates = []tls.Certificate{{Certificate: pair.Certificate[:1], PrivateKey: pair.PrivateKey}}
		return with
	}
	first := certified("l1", "--certificate")
	if _, err := io.ReadAll(d.in); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the connection was not ended: %v", err)
	}
	if _, err := connectSecurely(t, address, trust, "l1", secrets["l1"]); err == nil {
		t.Error("the secret that was replaced still works")
	}
	for user, want := range map[string]bool{"": true, "l1": true, "l2": false, "nobody": false} {
		d, err := connectSecurely(t, address, first, user, "")
		if (err == nil) != want {
			t.Errorf("a certificate of l1 as %q: %v", user, err)
		}
		if err == nil {
			if err := d.publish("linli/v1/l1/event", deposited); err != nil {
				t.Errorf("as %q: %v", user, err)
			}
			defer d.conn.Close()
		}
	}

	// From a request; and once more, which revokes the first.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "l2.csr")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, _ := run("device", "credentials", "l2", "--csr", file)
	block, _ := pem.Decode([]byte(stdout))
	requested := trust.Clone()
	requested.Certificates = []tls.Certificate{{Certificate: [][]byte{block.Bytes}, PrivateKey: key}}
	if strings.Contains(stdout, "PRIVATE KEY") {
		t.Error("a key was made that nobody asked for")
	}
	if d, err = connectSecurely(t, address, requested, "", ""); err != nil {
		t.Fatalf("from a request: %v", err)
	}
	if err := d.publish("linli/v1/l2/event", deposited); err != nil {
		t.Error(err)
	}
	certified("l1", "--certificate")
	if _, err := connectSecurely(t, address, first, "", ""); err == nil {
		t.Error("a certificate that was replaced still works")
	}
	run("device", "remove", "l2")
	if err := d.publish("linli/v1/l2/event", deposited); err == nil {
		t.Error("a removed device still speaks")
	}
	if _, err := connectSecurely(t, address, requested, "", ""); err == nil {
		t.Error("a removed device's certificate still works")
	}
	for _, bad := range []struct{ id, file, want string }{
		{"nobody", file, "not registered"}, {"l1", config, "CERTIFICATE REQUEST"}, {"l1", file + "x", "no such file"},
	} {
		if code, _, stderr := command(t, "en_US.UTF-8", "device", "credentials", bad.id, "--csr", bad.file, "--config", config); code != 2 || !strings.Contains(stderr, bad.want) {
			t.Errorf("%v: %d %s", bad, code, stderr)
		}
	}
	if status, _ := run("status"); !strings.Contains(status, g.authority.Fingerprint()) {
		t.Errorf("the fingerprint is not in the status: %s", status)
	}
}

// An installer gets a certificate on the page, and a script over its interface,
// for a key of the device's own if it has one.
func TestCertificatesOfThePage(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	locker := registry.Device{}
	locker.ID, locker.Kind, locker.Facility = "l1", "locker", "east"
	secrets := b.register(registry.Facility{ID: "east", Name: "东门快递柜"}, locker)
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	address, trust := securePort(t, g), b.trust()
	session, err := g.console.Session("li")
	if err != nil {
		t.Fatal(err)
	}
	post := func(path, body string, want int) (http.Header, []byte) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+g.page.Addr().String()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+session)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		content, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != want {
			t.Fatalf("%s: %d %s %v", path, answer.StatusCode, content, err)
		}
		return answer.Header, content
	}
	enter := func(certificate, key []byte) error {
		t.Helper()
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			t.Fatalf("%v in\n%s%s", err, certificate, key)
		}
		with := trust.Clone()
		with.Certificates = []tls.Certificate{{Certificate: pair.Certificate[:1], PrivateKey: pair.PrivateKey}}
		d, err := connectSecurely(t, address, with, "", "")
		if err == nil {
			t.Cleanup(func() { _ = d.conn.Close() }) // closed by the gateway, perhaps
		}
		return err
	}

	post("/devices/nobody/certificate", "", http.StatusConflict)
	header, file := post("/devices/l1/certificate", "", http.StatusOK)
	if header.Get("Content-Disposition") != `attachment; filename="l1.pem"` || header.Get("Cache-Control") != "no-store" || !strings.HasSuffix(string(file), string(authority.PEM(g.authority.Certificate()))) {
		t.Errorf("%v\n%s", header, file)
	}
	if err := enter(file, file); err != nil {
		t.Error(err)
	}
	if _, err := connectSecurely(t, address, trust, "l1", secrets["l1"]); err == nil {
		t.Error("the secret that was replaced still works")
	}

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := json.Marshal(map[string]string{"request": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))})
	if err != nil {
		t.Fatal(err)
	}
	_, answer := post("/api/devices/l1/certificate", string(asked), http.StatusOK)
	var made control.Certified
	if err := json.Unmarshal(answer, &made); err != nil || made.Key != "" {
		t.Errorf("%s %v", answer, err)
	}
	if err := enter([]byte(made.Certificate), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})); err != nil {
		t.Error(err)
	}
	if enter(file, file) == nil {
		t.Error("the certificate that was replaced still works")
	}
	post("/api/devices/l1/certificate", `{"request":"none"}`, http.StatusConflict)
}

// The page over TLS: its cookie is for TLS only, and good for the whole page.
func TestThePageOverTLS(t *testing.T) {
	b := newBox(t)
	b.register(neighbourhood(b)...)
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	trust := b.trust()
	trust.ServerName = "127.0.0.1"
	transport := &http.Transport{TLSClientConfig: trust}
	defer transport.CloseIdleConnections()
	browser := &http.Client{Jar: jar, Transport: transport}
	_, port, err := net.SplitHostPort(g.securePage.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	page := "https://127.0.0.1:" + port
	token, err := g.console.Mint("li")
	if err != nil {
		t.Fatal(err)
	}
	// A browser sends the address of the form's page along.
	post := func(path string, form url.Values) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, page+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", page)
		answer, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	answer := post("/login", url.Values{"token": {token}})
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(body), "李敏") {
		t.Fatalf("logged in: %d %s %v", answer.StatusCode, body, err)
	}
	at, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	cookies := answer.Request.Response.Cookies() // of the redirection that the login answered with
	if len(cookies) != 1 || cookies[0].Name != "__Host-linli_session" || !cookies[0].Secure || !cookies[0].HttpOnly || len(jar.Cookies(at)) != 1 {
		t.Errorf("cookies %v", cookies)
	}
	if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
	if answer := post("/logout", nil); len(jar.Cookies(at)) != 0 {
		t.Error("still logged in")
	} else if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
}

// A box without the port in clear, as it is installed, has no such port.
func TestNothingInClearByDefault(t *testing.T) {
	if d := firmwareconfig.Default(); d.MQTT.Listen != "" || d.MQTT.TLS != "0.0.0.0:8883" {
		t.Fatalf("by default devices come in at %+v", d.MQTT)
	}
	b := newBox(t)
	b.cfg.MQTT.Listen = ""
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	if all := g.driver.(interface{ Addrs() []net.Addr }).Addrs(); len(all) != 1 {
		t.Fatalf("ports %v", all)
	}
	conn, err := net.Dial("tcp", securePort(t, g))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := greet(t, conn, 4, "x", "x", "x"); err == nil {
		t.Error("spoken to in clear")
	}
}

// Who guesses waits longer and longer, and the device whose secret it is
// comes in all the same.
func TestGuessingAtTheDoor(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	locker := registry.Device{}
	locker.ID, locker.Kind, locker.Facility = "l1", "locker", "east"
	secrets := b.register(registry.Facility{ID: "east", Name: "东门快递柜"}, locker)
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	for range 5 {
		if _, err := connect(t, b.cfg.MQTT.Listen, 4, "l1", "wrong"); err == nil {
			t.Fatal("let in with a wrong secret")
		}
	}
	began := time.Now()
	d, err := connect(t, b.cfg.MQTT.Listen, 4, "l1", secrets["l1"])
	if err != nil {
		t.Fatalf("the right device is locked out: %v", err)
	}
	defer d.conn.Close()
	t.Logf("the right device waited %v", time.Since(began).Round(time.Millisecond))
	families, err := g.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "linli_logins_delayed_total" && f.Metric[0].Counter.GetValue() >= 2 {
			return
		}
	}
	t.Error("nobody had to wait")
}
