package mqtt

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/devicetest"
)

// authority signs the certificates of a test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{c, key}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.certificate)
	return p
}

func (a *authority) issue(t testing.TB, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestListeners(t *testing.T) {
	a := newAuthority(t)
	secure := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{a.issue(t, "box")}, ClientCAs: a.pool(), ClientAuth: tls.VerifyClientCertIfGiven}
	h := devicetest.NewHandler()
	seen := make(chan Credentials, 1)
	b, err := NewBroker(BrokerConfig{Listeners: []Listener{
		{Address: "127.0.0.1:0"},
		{Address: "127.0.0.1:0", TLS: secure},
		{Address: "127.0.0.1:0", WebSocket: true},
		{Address: "127.0.0.1:0", TLS: secure, WebSocket: true},
	}}, func(c Credentials) (devices.Account, bool) {
		c.Secret = bytes.Clone(c.Secret) // as it may not be kept
		seen <- c
		return testLogin(c)
	}, h.Handle, testLog(t), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(runDriver(t, b))
	for i, scheme := range []string{"tcp", "ssl", "ws", "wss"} {
		t.Run(scheme, func(t *testing.T) {
			o := paho.NewClientOptions().AddBroker(scheme + "://" + b.Addrs()[i].String()).SetClientID("c").SetUsername("d1").SetPassword("d1").SetAutoReconnect(false)
			o.SetTLSConfig(&tls.Config{RootCAs: a.pool(), Certificates: []tls.Certificate{a.issue(t, "d1")}})
			c := paho.NewClient(o)
			if token := c.Connect(); !token.WaitTimeout(time.Minute) || token.Error() != nil {
				t.Fatal(token.Error())
			}
			defer c.Disconnect(100)
			got := <-seen
			if got.User != "d1" || string(got.Secret) != "d1" || got.Client != "c" || !got.Remote.Addr().IsLoopback() || got.Remote.Port() == 0 {
				t.Errorf("credentials are %+v", got)
			}
			if proved := got.Certificate != nil && got.Certificate.Subject.CommonName == "d1"; proved != (i%2 == 1) {
				t.Errorf("certificate is %v", got.Certificate)
			}
			if token := c.Publish(deviceTopic("d1"), 1, false, scheme); !token.WaitTimeout(time.Minute) || token.Error() != nil {
				t.Fatal(token.Error())
			}
			h.Await(t, scheme, func(m devices.Message) bool { return string(m.Payload) == scheme })
		})
	}
}
