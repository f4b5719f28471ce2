package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linli-edge/gateway/sync/province/receiver"
	"github.com/linli-edge/gateway/sync/usage"
)

// issuer is an authority of somebody else's.
type issuer struct {
	t           testing.TB
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newIssuer(t testing.TB, name string) *issuer {
	t.Helper()
	a := &issuer{t: t}
	a.certificate, a.key = a.make(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

func (a *issuer) make(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return made, key
}

// issue makes a certificate and its key, as PEM.
func (a *issuer) issue(name string, use x509.ExtKeyUsage) (certificate, key string) {
	a.t.Helper()
	c, k := a.make(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{use},
	})
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return certificatePEM(c), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func certificatePEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// A platform that wants to be shown a certificate of the box gets the figures of
// one that has it; without it, or with somebody else's, not a row, and the
// status says why.
func TestProvinceWantsACertificate(t *testing.T) {
	ours, strangers := newIssuer(t, "platform"), newIssuer(t, "strangers")
	for _, c := range []struct {
		name string
		of   *issuer
		in   bool
	}{{"its own", ours, true}, {"somebody else's", strangers, false}, {"none", nil, false}} {
		t.Run(c.name, func(t *testing.T) {
			b := newBox(t)
			var refused atomic.Int64
			platform := httptest.NewUnstartedServer(b.platform)
			certificate, key := ours.issue("platform", x509.ExtKeyUsageServerAuth)
			pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
			if err != nil {
				t.Fatal(err)
			}
			pool := x509.NewCertPool()
			pool.AddCert(ours.certificate)
			platform.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
			platform.Config.ErrorLog = log.New(counting{&refused}, "", 0)
			platform.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.TLS.PeerCertificates[0].Subject.CommonName != "test-box" {
					t.Errorf("the box says that it is %s", r.TLS.PeerCertificates[0].Subject)
				}
				b.platform.ServeHTTP(w, r)
			})
			platform.StartTLS()
			t.Cleanup(platform.Close)
			p := &b.cfg.Province
			p.URL, p.CA = platform.URL+receiver.Path, b.secretFile("ca.crt", certificatePEM(ours.certificate))
			if c.of != nil {
				certificate, key := c.of.issue("test-box", x509.ExtKeyUsageClientAuth)
				p.ClientCert, p.ClientKey = b.secretFile("box.crt", certificate), b.secretFile("box.key", key)
			}
			secrets := b.register(neighbourhood(b)...)
			config := b.write()
			_, stop := b.start()
			d, err := connect(t, b.cfg.MQTT.Listen, 5, "l1", secrets["l1"])
			if err != nil {
				t.Fatal(err)
			}
			defer d.conn.Close()
			if err := d.publish("linli/v1/l1/event", `{"id":"1","type":"parcel.deposited","data":{"compartment":12}}`); err != nil {
				t.Fatal(err)
			}
			day := usage.Day(b.clock().Wall)
			if c.in {
				eventually(t, "the deposit", func() bool { return b.total(day, usage.Deposits.Code) == 1 })
				return
			}
			eventually(t, "it is refused", func() bool { return refused.Load() > 0 })
			eventually(t, "the status says why", func() bool {
				_, out, _ := command(t, "en_US.UTF-8", "province", "status", "--config", config)
				return strings.Contains(out, "certificate")
			})
			stop()
			if n := b.total(day, usage.Deposits.Code); n != 0 {
				t.Errorf("%d deposits have got in", n)
			}
		})
	}
}

// counting counts the lines of a log.
type counting struct{ n *atomic.Int64 }

func (c counting) Write(line []byte) (int, error) {
	c.n.Add(1)
	return len(line), nil
}
