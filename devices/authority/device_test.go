package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices/texts"
)

// request is a certificate request for a key, under a name of its own choice.
func request(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "root"}, DNSNames: []string{"linli.local"},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

// A device logs in with a certificate whose key was made here or there; the
// names that a request asks for are not in it.
func TestCertificatesOfDevices(t *testing.T) {
	b := newBox(t, birth)
	a := b.open()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	fromRequest, err := a.ForRequest("sos-302", request(t, key))
	if err != nil {
		t.Fatal(err)
	}
	made, keyPEM, err := a.ForDevice("sos-303")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(PEM(made), keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	for id, own := range map[string]tls.Certificate{"sos-302": {Certificate: [][]byte{fromRequest.Raw}, PrivateKey: key}, "sos-303": pair} {
		client := b.client(a)
		client.Certificates = []tls.Certificate{own}
		state, _, err := handshake(t, a.Devices(), client)
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if c := state.PeerCertificates[0]; c.Subject.CommonName != id || len(c.DNSNames) > 0 || c.IsCA {
			t.Errorf("%s is known as %q, %v", id, c.Subject.CommonName, c.DNSNames)
		}
	}
	// Nobody passes for the box with it, nor with one of another box.
	if err := accepts(a.Certificate(), fromRequest, "", today); err == nil {
		t.Error("a device's certificate is good for a server")
	}
	stranger := newBox(t, today)
	foreign, keyPEM, err := stranger.open().ForDevice("sos-302")
	if err != nil {
		t.Fatal(err)
	}
	client := b.client(a)
	if pair, err = tls.X509KeyPair(PEM(foreign), keyPEM); err != nil {
		t.Fatal(err)
	}
	client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	if _, _, err := handshake(t, a.Devices(), client); err == nil {
		t.Error("a certificate of another box is taken")
	}
}

func TestBadRequests(t *testing.T) {
	a := newBox(t, today).open()
	weak, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forged := request(t, good)
	block, _ := pem.Decode(forged)
	block.Bytes[len(block.Bytes)-1] ^= 1
	for name, c := range map[string]struct {
		request []byte
		want    string
	}{
		"nothing":       {nil, "openssl req"},
		"a certificate": {PEM(a.Certificate()), "openssl req"},
		"garbage":       {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: []byte("x")}), "cannot be used"},
		"forged":        {pem.EncodeToMemory(block), "cannot be used"},
		"P-224":         {request(t, weak), "at least 256 bits"},
		"Ed25519":       {request(t, edwards), "ECDSA"},
		"RSA":           {request(t, long), "ECDSA"},
	} {
		_, err := a.ForRequest("d", c.request)
		var said *texts.Error
		if !errors.As(err, &said) || !strings.Contains(err.Error(), c.want) || said.In(texts.Chinese) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzForRequest(f *testing.F) {
	b := newBox(&testing.T{}, today)
	b.path = f.TempDir() + "/authority.key"
	a := b.open()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request(f, key))
	f.Add(PEM(a.Certificate()))
	f.Fuzz(func(t *testing.T, request []byte) {
		if c, err := a.ForRequest("d", request); err == nil && (c.Subject.CommonName != "d" || c.IsCA) {
			t.Errorf("made a certificate of %q", c.Subject.CommonName)
		}
	})
}
