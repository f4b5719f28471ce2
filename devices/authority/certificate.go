package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/linli-edge/gateway/devices/lan"
	"github.com/linli-edge/gateway/devices/texts"
)

// span is how long a certificate is valid.
type span struct{ from, to time.Time }

// always is from where clocks begin to the last year that X.509 writes with
// two digits.
var always = span{time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC)}

// The page's certificate, around the moment at which it is made.
const (
	day        = 24 * time.Hour
	pageBefore = 30 * day
	pageAfter  = 2 * 365 * day
	renewAhead = 365 * day
)

// plausible tells whether the box can know the time: it was not there before
// 2025.
func plausible(now time.Time) bool {
	return now.Year() >= 2025 && now.Add(pageAfter).Before(always.to)
}

// fits tells whether the page's certificate is the one to have now. A box that
// does not know the time keeps the one it has.
func fits(page *x509.Certificate, now time.Time) bool {
	switch {
	case !plausible(now):
		return true
	case page.NotAfter.Equal(always.to):
		return false
	}
	return now.After(page.NotBefore) && now.Add(renewAhead).Before(page.NotAfter)
}

// own is the authority's certificate, always the same for the same key.
func own(key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(public)
	template := &x509.Certificate{
		SerialNumber:          new(big.Int).SetBytes(append([]byte{1}, sum[:15]...)),
		Subject:               pkix.Name{CommonName: "Linli gateway " + hex.EncodeToString(sum[:4])},
		SubjectKeyId:          sum[:20],
		NotBefore:             always.from,
		NotAfter:              always.to,
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, deterministic{key})
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// deterministic signs as RFC 6979 says, without randomness.
type deterministic struct{ *ecdsa.PrivateKey }

func (d deterministic) Sign(_ io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return d.PrivateKey.Sign(nil, digest, o)
}

// issue makes a certificate of the server.
func (a *Authority) issue(host lan.Host, valid span) (*tls.Certificate, error) {
	template := leaf(valid, host.Names[0], x509.ExtKeyUsageServerAuth)
	template.DNSNames = host.Names
	for _, ip := range host.Addresses {
		template.IPAddresses = append(template.IPAddresses, ip.AsSlice())
	}
	certificate, err := a.sign(template, &a.server.PublicKey)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{certificate.Raw, a.certificate.Raw}, PrivateKey: a.server, Leaf: certificate}, nil
}

func leaf(valid span, name string, usage x509.ExtKeyUsage) *x509.Certificate {
	serial := make([]byte, 16)
	rand.Read(serial) // never fails
	serial[0] = serial[0]&0x7f | 0x40
	return &x509.Certificate{
		SerialNumber:          new(big.Int).SetBytes(serial),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             valid.from,
		NotAfter:              valid.to,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{usage},
		BasicConstraintsValid: true,
	}
}

func (a *Authority) sign(template *x509.Certificate, public any) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, public, a.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// ForDevice makes a key and a certificate with which a device can log in, once
// the registry knows the certificate: both in PEM. The key is nowhere else.
func (a *Authority) ForDevice(id string) (certificate *x509.Certificate, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("authority: %w", err)
	}
	if keyPEM, err = encodeKey(key); err != nil {
		return nil, nil, fmt.Errorf("authority: %w", err)
	}
	certificate, err = a.forDevice(id, &key.PublicKey)
	return certificate, keyPEM, err
}

// ForRequest makes a certificate for a device that has a key of its own, from
// the request for it, in PEM (CSR, PKCS #10). What the request says besides
// its key counts for nothing. The error is a *texts.Error.
func (a *Authority) ForRequest(id string, request []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(request)
	if block == nil || block.Type != "CERTIFICATE REQUEST" && block.Type != "NEW CERTIFICATE REQUEST" {
		return nil, texts.Errorf(texts.Authority.NoRequest)
	}
	r, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, texts.Errorf(texts.Authority.BadRequest, err)
	}
	if err := r.CheckSignature(); err != nil {
		return nil, texts.Errorf(texts.Authority.BadRequest, err)
	}
	if key, ok := r.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve.Params().BitSize < 256 {
		return nil, texts.Errorf(texts.Authority.BadKey)
	}
	return a.forDevice(id, r.PublicKey)
}

func (a *Authority) forDevice(id string, public any) (*x509.Certificate, error) {
	certificate, err := a.sign(leaf(always, id, x509.ExtKeyUsageClientAuth), public)
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	return certificate, nil
}

// PEM is a certificate in that form.
func PEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
