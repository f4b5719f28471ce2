package authority

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/lan"
	"github.com/linli-edge/gateway/devices/wholefile"
)

// Options of Open; every field is needed.
type Options struct {
	// Host tells under which names and addresses the box is reached: lan.This.
	Host       func() lan.Host
	Clock      devices.Clock
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Authority is an open authority. All its methods may be called at once.
type Authority struct {
	Options
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	server      *ecdsa.PrivateKey
	current     atomic.Pointer[certificates]
	damaged     string // where the unreadable key is, "" if none was found
	expires     prometheus.Gauge
}

// certificates are those of the server, as of one moment.
type certificates struct {
	host    lan.Host
	devices *tls.Certificate
	page    *tls.Certificate
}

// Open reads the key at path, or makes one if there is none, and makes the
// server's certificates. An error means that a new key could not be written.
func Open(path string, o Options) (*Authority, error) {
	a := &Authority{Options: o, expires: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "linli_page_certificate_expiry_timestamp_seconds", Help: "Unix time at which the page's certificate expires; it is remade a year before.",
	})}
	key, err := readKey(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		key, err = makeKey(path)
	case errors.Is(err, errNoKey):
		a.damaged = fmt.Sprintf("%s.damaged.%d", path, o.Clock().Wall.UnixNano())
		o.Logger.Error("the authority's key is damaged: a new authority is made, and devices must be given its certificate", "set_aside", a.damaged, "error", err)
		if err = os.Rename(path, a.damaged); err == nil {
			key, err = makeKey(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	a.key = key
	if a.certificate, err = own(key); err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	if a.server, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	if err := errors.Join(a.renew(), o.Registerer.Register(a.expires)); err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	return a, nil
}

// errNoKey is wrapped where the file is there and holds no key.
var errNoKey = errors.New("no private key")

const keyBlock = "PRIVATE KEY"

func readKey(path string) (*ecdsa.PrivateKey, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil || block.Type != keyBlock {
		return nil, fmt.Errorf("%w: no PEM block %q", errNoKey, keyBlock)
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoKey, err)
	}
	key, ok := any.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: not of ECDSA P-256", errNoKey)
	}
	return key, nil
}

func makeKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	content, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	return key, wholefile.Write(path, content)
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), nil
}

// Certificate is what whoever trusts the box has to trust.
func (a *Authority) Certificate() *x509.Certificate { return a.certificate }

// Fingerprint is the SHA-256 of the authority's certificate in hexadecimal, as
// browsers and openssl print it, to be compared by eye.
func (a *Authority) Fingerprint() string {
	sum := sha256.Sum256(a.certificate.Raw)
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	var b strings.Builder
	for i := 0; i < len(digits); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(digits[i : i+2])
	}
	return b.String()
}

// Damaged is where an unreadable key was set aside at this start, "" if none.
func (a *Authority) Damaged() string { return a.damaged }

// Devices is the configuration of a port for devices: a client may show a
// certificate of this authority, and need not.
func (a *Authority) Devices() *tls.Config {
	c := a.config(func(c *certificates) *tls.Certificate { return c.devices })
	c.ClientAuth = tls.VerifyClientCertIfGiven
	c.ClientCAs = x509.NewCertPool()
	c.ClientCAs.AddCert(a.certificate)
	return c
}

// Page is the configuration of a port for browsers.
func (a *Authority) Page() *tls.Config {
	return a.config(func(c *certificates) *tls.Certificate { return c.page })
}

func (a *Authority) config(which func(*certificates) *tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// Of TLS 1.2; those of 1.3 are not a choice.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return which(a.current.Load()), nil },
	}
}

// checkInterval is how often Run looks whether the certificates are still
// those that are wanted.
const checkInterval = time.Minute

// Run keeps the server's certificates current until ctx ends.
func (a *Authority) Run(ctx context.Context) error {
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := a.renew(); err != nil {
			a.Logger.Error("certificates not remade; those that are stay in use", "error", err, "again_in", checkInterval)
		}
	}
}

// renew remakes the server's certificates if the box has other names now, or
// the page's does not fit the time.
func (a *Authority) renew() error {
	host, now := a.Host(), a.Clock().Wall
	last := a.current.Load()
	if last != nil && last.host.Equal(host) && fits(last.page.Leaf, now) {
		return nil
	}
	next := &certificates{host: host}
	var err error
	if next.devices, err = a.issue(host, always); err != nil {
		return err
	}
	if next.page = next.devices; plausible(now) {
		if next.page, err = a.issue(host, span{now.Add(-pageBefore), now.Add(pageAfter)}); err != nil {
			return err
		}
	}
	a.current.Store(next)
	a.expires.Set(float64(next.page.Leaf.NotAfter.Unix()))
	a.Logger.Info("certificates made", "names", strings.Join(host.Names, ","), "addresses", len(host.Addresses), "page_until", next.page.Leaf.NotAfter)
	return nil
}
