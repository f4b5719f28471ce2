package province

import (
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// Config says where the rows go. All fields but Interval, Pace and Transport are
// required.
type Config struct {
	// URL is where the platform takes batches, "https://…/v1/rows". Plain
	// http is for a platform on the same machine only.
	URL string
	// Box is the ID under which the platform knows this box: 1 to 64 of a-z,
	// 0-9, '-', '_' and '.'.
	Box string
	// Secret is what the platform gave with it, MinSecret bytes or more.
	Secret []byte
	// Interval is how often rows are sent; 0 is an hour.
	Interval time.Duration
	// Pace is the least time between two batches; 0 is none.
	Pace time.Duration
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
	case len(c.Secret) < MinSecret:
		return texts.Errorf(texts.Province.Secret, MinSecret)
	case c.Interval < 0:
		return texts.Errorf(texts.Province.Interval, c.Interval)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
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
