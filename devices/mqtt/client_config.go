package mqtt

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"
)

// ClientConfig says how to reach an external broker. The zero value of each
// time and limit means its default.
type ClientConfig struct {
	// URL is mqtt://host:port or mqtts://host:port.
	URL string
	// ClientID names the session that the broker keeps for the gateway. It
	// must stay the same, and be nobody else's: two with one ID throw each
	// other out for ever.
	ClientID string
	// User and Secret log in; both empty for a broker that asks nobody.
	User   string
	Secret string
	// CAFile holds the certificates to trust, PEM; empty for the system's.
	// CertFile and KeyFile are the gateway's own, for brokers that ask.
	CAFile, CertFile, KeyFile string
	// Topics are the filters to subscribe.
	Topics []string
	// StatusTopic is where the gateway says {"state":"online"} at each
	// heartbeat and {"state":"offline"} when it stops or is lost, retained;
	// default linli/v1/gateway/status.
	StatusTopic string
	// Heartbeat is the time between two, and HeartbeatTimeout how long the
	// acknowledgement of one may take; defaults 30 s and 10 s.
	Heartbeat, HeartbeatTimeout time.Duration
	// RetryMin and RetryMax bound the wait before connecting again, which
	// doubles with each failure and is jittered; defaults 500 ms and 30 s.
	RetryMin, RetryMax time.Duration
	// Window is how many messages may be with the handler at once; default
	// 256. A broker limits it too: mosquitto to 20 by default.
	Window int
	// Grace is how long messages that are with the handler may take to be
	// acknowledged once Run is to end; default 3 s.
	Grace time.Duration
}

func (c ClientConfig) withDefaults() ClientConfig {
	set := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	set(&c.Heartbeat, 30*time.Second)
	set(&c.HeartbeatTimeout, 10*time.Second)
	set(&c.RetryMin, 500*time.Millisecond)
	set(&c.RetryMax, 30*time.Second)
	set(&c.Grace, 3*time.Second)
	if c.Window == 0 {
		c.Window = 256
	}
	if c.StatusTopic == "" {
		c.StatusTopic = "linli/v1/gateway/status"
	}
	return c
}

// Validate says what is wrong with c, naming the field.
func (c ClientConfig) Validate() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "mqtt" && u.Scheme != "mqtts" || u.Hostname() == "" || u.Port() == "" {
		return fmt.Errorf("url: must be mqtt://host:port or mqtts://host:port (got %q)", c.URL)
	}
	if c.ClientID == "" {
		return errors.New("client ID: missing")
	}
	if c.User == "" && c.Secret != "" {
		return errors.New("user: missing, and there is a secret")
	}
	if len(c.Topics) == 0 {
		return errors.New("topics: missing")
	}
	for _, t := range c.Topics {
		if !ValidFilter(t) {
			return fmt.Errorf("topics: must be topic filters (got %q)", t)
		}
	}
	if c.StatusTopic != "" && !ValidTopic(c.StatusTopic) {
		return fmt.Errorf("status topic: must be a topic (got %q)", c.StatusTopic)
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return errors.New("certificate: needs both files, certificate and key")
	}
	if c.RetryMax != 0 && c.RetryMax < c.RetryMin {
		return fmt.Errorf("retry: the longest wait must not be below the shortest (got %v)", c.RetryMax)
	}
	return nil
}

// tls is the configuration for mqtts, nil for mqtt.
func (c ClientConfig) tls() (*tls.Config, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "mqtts" {
		return nil, err
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.Hostname()}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("CA file: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("CA file: no certificate in %s", c.CAFile)
		}
	}
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// address is the host:port of the broker.
func (c ClientConfig) address() (string, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(u.Hostname(), u.Port()), nil
}
