package province

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	gopath "path"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/province/contract"
)

// Config says where the rows go. URL, Box, Clock, Logger and Registerer are
// required, and what Sign needs.
type Config struct {
	// Name of the destination, a code: of its file, in logs and metrics; "" is
	// "province".
	Name string
	// URL is where the platform takes batches, "https://…/v1/rows". Plain
	// http is for a platform on the same machine only.
	URL string
	// Box is the ID under which the platform knows this box: 1 to 64 of a-z,
	// 0-9, '-', '_' and '.'.
	Box string
	// Sign is one of contract.Schemes; "" is hmac-sha256.
	Sign string
	// Secret is what the platform gave with the Box, MinSecret bytes or more. Of
	// the hmac schemes.
	Secret []byte
	// KeyFile keeps the key pair that the box makes itself: see Sender.Enrol.
	// Of the other schemes.
	KeyFile string
	// Form is how the platform wants signatures of SM2 and SM3.
	Form contract.Form
	// Interval is how often rows are sent; 0 is an hour.
	Interval time.Duration
	// Pace is the least time between two batches; 0 is none.
	Pace time.Duration
	// Uplink says that this destination tells whether the box is online.
	Uplink bool
	// TLS is how the connection is made; nil is by the system's authorities and
	// without a certificate of the box.
	TLS *tls.Config
	// Transport carries the requests; nil is one of its own.
	Transport http.RoundTripper

	Clock      devices.Clock
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// MinSecret is the least length of a secret, in bytes.
const MinSecret = 16

const defaultInterval = time.Hour

// Validate says what is wrong with URL, Box, Secret or Interval.
func (c Config) Validate() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http":
		return texts.Errorf(texts.Province.URL, c.URL)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return texts.Errorf(texts.Province.PlainURL, c.URL)
	case devices.CheckCode("box", c.Box) != nil:
		return texts.Errorf(texts.Province.Box, c.Box)
	case c.Sign != "" && !slices.Contains(contract.Schemes(), c.Sign):
		return texts.Errorf(texts.Province.Sign, strings.Join(contract.Schemes(), ", "), c.Sign)
	case !ownsKey(c.Sign) && len(c.Secret) < MinSecret:
		return texts.Errorf(texts.Province.Secret, MinSecret)
	case ownsKey(c.Sign) && c.KeyFile == "":
		return texts.Errorf(texts.Province.NoKeyFile, c.Sign)
	case c.Name != "" && devices.CheckCode("name", c.Name) != nil:
		return texts.Errorf(texts.Province.Name, c.Name)
	case c.Interval < 0:
		return texts.Errorf(texts.Province.Interval, c.Interval)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// complete fills in the defaults.
func (c Config) complete() Config {
	if c.Name == "" {
		c.Name = "province"
	}
	if c.Sign == "" {
		c.Sign = contract.NameHMACSHA256
	}
	if c.Interval == 0 {
		c.Interval = defaultInterval
	}
	if c.Transport == nil {
		c.Transport = newTransport(c.TLS)
	}
	return c
}

// signer is the scheme to begin with; it has no Sign while the box has no key.
func (c Config) signer() (contract.Scheme, error) {
	switch {
	case c.Sign == contract.NameHMACSHA256:
		return contract.HMAC(c.Secret), nil
	case c.Sign == contract.NameHMACSM3:
		return contract.HMACSM3(c.Secret, c.Form), nil
	}
	k, ok, err := loadKey(c.KeyFile)
	if err != nil || !ok || k.Algorithm != c.Sign {
		return contract.Scheme{Name: c.Sign}, err
	}
	return k.scheme(c.Form)
}

// beside is where the platform takes something else: beside the rows.
func (c Config) beside(path string) (string, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "", fmt.Errorf("url: %w", err)
	}
	if path != contract.PathRows {
		u.Path, u.RawPath = gopath.Join(gopath.Dir(u.Path), gopath.Base(path)), ""
	}
	return u.String(), nil
}

// untilSlot is the time from now to the box's own moment of the interval.
func untilSlot(box string, interval time.Duration, now time.Time) time.Duration {
	h := sha256.Sum256([]byte(box))
	offset := int64(binary.BigEndian.Uint64(h[:]) % uint64(interval))
	since := (now.UnixNano() - offset) % int64(interval)
	if since < 0 {
		since += int64(interval)
	}
	return interval - time.Duration(since)
}
