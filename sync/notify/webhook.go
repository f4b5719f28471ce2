package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// WebhookChannel is the kind of channel that a Webhook serves; its address is
// an http or https URL.
const WebhookChannel = "webhook"

// DefaultTimeout is how long a Webhook waits for an answer.
const DefaultTimeout = 8 * time.Second

const (
	connectTimeout = 5 * time.Second
	idleTimeout    = 90 * time.Second
	maxAnswer      = 4 << 10  // bytes of an answer that are read
	maxHeader      = 16 << 10 // bytes of its header
)

// Webhook posts pages as JSON; see the package comment for what is sent and
// how answers are understood.
type Webhook struct {
	client  *http.Client
	timeout time.Duration
}

// NewWebhook makes a Webhook that waits for answers as long as timeout, 0 for
// DefaultTimeout.
func NewWebhook(timeout time.Duration) *Webhook {
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	return &Webhook{timeout: timeout, client: &http.Client{
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSHandshakeTimeout:    connectTimeout,
			IdleConnTimeout:        idleTimeout,
			MaxIdleConnsPerHost:    2,
			MaxResponseHeaderBytes: maxHeader,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close lets go of idle connections.
func (w *Webhook) Close() { w.client.CloseIdleConnections() }

// CheckWebhook says what is wrong with an address.
func CheckWebhook(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return texts.Errorf(texts.Alert.NoURL)
	case u.Scheme != "http" && u.Scheme != "https":
		return texts.Errorf(texts.Alert.Scheme, u.Scheme)
	case u.Hostname() == "":
		return texts.Errorf(texts.Alert.Host)
	}
	return nil
}

// message is what is posted.
type message struct {
	Version int `json:"version"`
	alert.Page
	Title bilingual `json:"title"`
	Text  bilingual `json:"text"`
}

type bilingual struct {
	Chinese string `json:"zh-CN"`
	English string `json:"en"`
}

// Send posts p to the URL address once.
func (w *Webhook) Send(ctx context.Context, address string, p alert.Page) alert.Result {
	if err := CheckWebhook(address); err != nil {
		return alert.Result{Class: alert.Permanent, Detail: err.Error()}
	}
	body, err := json.Marshal(message{
		Version: 1, Page: p,
		Title: bilingual{p.Title(texts.Chinese), p.Title(texts.English)},
		Text:  bilingual{p.Text(texts.Chinese), p.Text(texts.English)},
	})
	if err != nil {
		return alert.Result{Class: alert.Permanent, Detail: fmt.Sprintf("encode: %v", err)}
	}
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// From the first byte on the receiver may act on it.
		WroteHeaders: func() { sent.Store(true) },
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return alert.Result{Class: alert.Permanent, Detail: texts.Alert.NoURL.EN}
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("Idempotency-Key", p.Key)
	request.Header.Set("User-Agent", "linli-gateway")
	answer, err := w.client.Do(request)
	if err != nil {
		if sent.Load() {
			return alert.Result{Class: alert.Unknown, Detail: "no answer: " + reason(err)}
		}
		return alert.Result{Class: alert.Temporary, Detail: reason(err)}
	}
	// The connection can be used again only if the answer was read.
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	_ = answer.Body.Close() // only read: nothing can be lost
	return judge(answer)
}

// judge tells the result of an answer.
func judge(answer *http.Response) alert.Result {
	result := alert.Result{Class: alert.Permanent, Detail: "HTTP " + strconv.Itoa(answer.StatusCode)}
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		result.Class = alert.Accepted
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		result.Class = alert.Temporary
		result.RetryAfter = retryAfter(answer.Header)
	case code == http.StatusRequestTimeout || code == http.StatusTooEarly || code >= 500:
		result.Class = alert.Temporary
	case code >= 300 && code < 400:
		result.Detail += ": redirections are not followed, give the final address"
	}
	return result
}

// retryAfter reads the header in either form. A date counts from the
// receiver's own, so that the box's clock does not matter; without that it is
// ignored.
func retryAfter(h http.Header) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return max(0, until.Sub(now))
}

// reason is what went wrong, without the address: that may hold a token.
func reason(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var wrapped *url.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		return "certificate not accepted"
	case errors.As(err, &dns):
		return "name not resolved"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "stopped"
	case errors.As(err, &op):
		return op.Op + ": " + op.Err.Error()
	case errors.As(err, &wrapped):
		return wrapped.Err.Error()
	}
	return err.Error()
}
