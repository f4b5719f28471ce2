package authority

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/lan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// box is the surroundings of an authority: names and a clock that can be set.
type box struct {
	*testing.T
	path string
	mu   sync.Mutex
	host lan.Host
	wall time.Time
}

func newBox(t *testing.T, wall time.Time) *box {
	return &box{T: t, path: filepath.Join(t.TempDir(), "authority.key"), wall: wall, host: lan.Host{
		Names: []string{"linli", "linli.local"}, Addresses: []netip.Addr{netip.MustParseAddr("192.168.1.10"), netip.MustParseAddr("fd12::10")},
	}}
}

func (b *box) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

func (b *box) open() *Authority {
	b.Helper()
	a, err := Open(b.path, Options{
		Host:   func() lan.Host { b.mu.Lock(); defer b.mu.Unlock(); return b.host },
		Clock:  func() devices.Stamp { b.mu.Lock(); defer b.mu.Unlock(); return devices.Stamp{Wall: b.wall} },
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		b.Fatal(err)
	}
	return a
}

var (
	today = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	birth = time.Date(1970, 1, 1, 0, 0, 40, 0, time.UTC)
)

// accepts is what a client that trusts ca, at its own idea of the time, says
// to the server's certificate.
func accepts(ca, server *x509.Certificate, name string, at time.Time) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err := server.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: at})
	return err
}

// The key is made once, for the owner's eyes only, and what devices have
// pinned is the same ever after, byte for byte.
func TestTheAuthorityStays(t *testing.T) {
	b := newBox(t, birth)
	first := b.open()
	info, err := os.Stat(b.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("key file: %v, %v", info, err)
	}
	b.set(func() { b.wall = today; b.host.Names = []string{"other"} })
	again := b.open()
	if !bytes.Equal(first.Certificate().Raw, again.Certificate().Raw) || first.Fingerprint() != again.Fingerprint() {
		t.Error("the authority's certificate has changed")
	}
	if err := accepts(first.Certificate(), again.current.Load().devices.Leaf, "other", today); err != nil {
		t.Errorf("a device that has pinned the authority is locked out: %v", err)
	}
	if len(first.Fingerprint()) != 32*3-1 || again.Damaged() != "" {
		t.Errorf("fingerprint %q, damaged %q", first.Fingerprint(), again.Damaged())
	}
	if other := newBox(t, today).open(); bytes.Equal(other.Certificate().Raw, first.Certificate().Raw) {
		t.Error("two boxes have the same authority")
	}
}

func TestDamagedKeyIsSetAside(t *testing.T) {
	for _, content := range []string{"", "garbage", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		b := newBox(t, today)
		if err := os.WriteFile(b.path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		a := b.open()
		if kept, err := os.ReadFile(a.Damaged()); err != nil || string(kept) != content {
			t.Errorf("%q: set aside at %q: %q, %v", content, a.Damaged(), kept, err)
		}
		if again := b.open(); again.Fingerprint() != a.Fingerprint() || again.Damaged() != "" {
			t.Errorf("%q: the new key was not kept", content)
		}
	}
	b := newBox(t, today)
	b.path = filepath.Join(b.TempDir(), "nowhere", "authority.key")
	if _, err := Open(b.path, Options{Clock: func() devices.Stamp { return devices.Stamp{} }, Logger: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a key that cannot be kept: %v", err)
	}
}

// Whatever the clocks of box and chip say, the chip accepts the box.
func TestNoClockLocksADeviceOut(t *testing.T) {
	for _, ofBox := range []time.Time{birth, today, time.Date(2044, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(2080, 1, 1, 0, 0, 0, 0, time.UTC)} {
		a := newBox(t, ofBox).open()
		for _, ofChip := range []time.Time{birth, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), today, today.AddDate(15, 0, 0)} {
			for _, name := range []string{"linli.local", "192.168.1.10", "fd12::10"} {
				if err := accepts(a.Certificate(), a.current.Load().devices.Leaf, name, ofChip); err != nil {
					t.Errorf("box in %d, chip in %d, as %s: %v", ofBox.Year(), ofChip.Year(), name, err)
				}
			}
		}
		if err := accepts(a.Certificate(), a.current.Load().devices.Leaf, "elsewhere.local", today); err == nil {
			t.Error("accepted under a name that is not the box's")
		}
	}
}

// The page's certificate is one that browsers take, is remade a year before
// its end, and at once when the time becomes known; connections and ports
// stay.
func TestThePageCertificateFollowsTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, birth)
		a := b.open()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		defer func() { cancel(); <-done }()
		page := func() *x509.Certificate { time.Sleep(checkInterval + time.Second); return a.current.Load().page.Leaf }

		if !page().NotAfter.Equal(always.to) {
			t.Error("a box that does not know the time has invented one")
		}
		for wall := today; wall.Before(today.AddDate(6, 0, 0)); wall = wall.AddDate(0, 0, 20) {
			b.set(func() { b.wall = wall })
			c := page()
			if life := c.NotAfter.Sub(c.NotBefore); life > 825*day {
				t.Fatalf("valid for %v, which browsers refuse", life)
			}
			if err := accepts(a.Certificate(), c, "linli.local", wall.Add(-29*day)); err != nil {
				t.Fatalf("a phone that is behind: %v", err)
			}
			if err := accepts(a.Certificate(), c, "linli.local", wall.Add(300*day)); err != nil {
				t.Fatalf("near its end: %v", err)
			}
		}
		kept := page()
		b.set(func() { b.wall = birth })
		if page() != kept {
			t.Error("a box that has forgotten the time threw a good certificate away")
		}
		b.set(func() { b.wall = kept.NotAfter.Add(-renewAhead + time.Hour) })
		renewed := page()
		if renewed == kept {
			t.Error("not renewed")
		}
		b.set(func() { b.host.Names = []string{"renamed"} })
		if c := page(); c == renewed || c.DNSNames[0] != "renamed" || a.current.Load().devices.Leaf.DNSNames[0] != "renamed" {
			t.Error("the new name is not in the certificates")
		}
	})
}

// handshake connects a client to a server with the two configurations, and
// returns what each side knows of the connection. The connection is closed.
func handshake(t *testing.T, server, client *tls.Config) (atServer, atClient tls.ConnectionState, err error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	serving := make(chan error, 1)
	conn := tls.Server(s, server)
	go func() {
		err := conn.Handshake()
		if err == nil {
			_, err = conn.Write([]byte("x")) // TLS 1.3 brings its tickets with the first data
		}
		if err != nil {
			err = errors.Join(err, s.Close())
		}
		serving <- err
	}()
	cl := tls.Client(c, client)
	if err = cl.Handshake(); err == nil {
		_, err = cl.Read(make([]byte, 1))
	}
	if err != nil {
		_ = c.Close()
	}
	if serverErr := <-serving; err == nil {
		err = serverErr
	}
	return conn.ConnectionState(), cl.ConnectionState(), err
}

func (b *box) client(a *Authority) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(a.Certificate())
	return &tls.Config{RootCAs: roots, ServerName: "linli.local", Time: func() time.Time { return today }}
}

func TestVersionsAndCiphers(t *testing.T) {
	b := newBox(t, today)
	a := b.open()
	for _, c := range []struct {
		name    string
		change  func(*tls.Config)
		version uint16 // 0 for refused
	}{
		{"modern", func(*tls.Config) {}, tls.VersionTLS13},
		{"small chip", func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
		}, tls.VersionTLS12},
		{"no AEAD", func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}
		}, 0},
		{"no forward secrecy", func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		}, 0},
		{"TLS 1.1", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, 0},
		{"another authority", func(c *tls.Config) { c.RootCAs = newBox(t, today).client(newBox(t, today).open()).RootCAs }, 0},
	} {
		for port, server := range map[string]*tls.Config{"devices": a.Devices(), "page": a.Page()} {
			client := b.client(a)
			c.change(client)
			_, state, err := handshake(t, server, client)
			if (err == nil) != (c.version != 0) || err == nil && state.Version != c.version {
				t.Errorf("%s at the %s port: version %x, %v", c.name, port, state.Version, err)
			}
		}
	}
}

// A reconnection costs no signature, and still knows the client's certificate.
func TestResumption(t *testing.T) {
	b := newBox(t, today)
	a := b.open()
	certificate, key, err := a.ForDevice("sos-302")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(PEM(certificate), key)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server, client := a.Devices(), b.client(a)
		client.MaxVersion, client.Certificates, client.ClientSessionCache = version, []tls.Certificate{pair}, tls.NewLRUClientSessionCache(1)
		for _, resumed := range []bool{false, true} {
			state, _, err := handshake(t, server, client)
			if err != nil || state.DidResume != resumed || len(state.VerifiedChains) != 1 || !state.PeerCertificates[0].Equal(certificate) {
				t.Errorf("version %x: resumed %t, want %t, chains %d, %v", version, state.DidResume, resumed, len(state.VerifiedChains), err)
			}
		}
	}
}
