package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/linli-edge/gateway/sync/alert"
)

// defaultTimeout is how long a channel waits for an answer over HTTP.
const defaultTimeout = 8 * time.Second

const (
	connectTimeout = 5 * time.Second
	idleTimeout    = 90 * time.Second
	tooMany        = 10 * time.Second // the pause after a 429 that names none
	maxAnswer      = 4 << 10          // bytes of an answer that are read
	maxHeader      = 16 << 10         // bytes of its header
)

// web makes one attempt over HTTP, for every channel that speaks it.
type web struct {
	client  *http.Client
	timeout time.Duration
}

func newWeb(timeout time.Duration) *web {
	if timeout == 0 {
		timeout = defaultTimeout
	}
	return &web{timeout: timeout, client: &http.Client{
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

func (w *web) close() { w.client.CloseIdleConnections() }

// do sends a request and reads the beginning of the answer. failed is nil if
// there was one.
func (w *web) do(ctx context.Context, r *http.Request) (answer *http.Response, body []byte, failed *alert.Result) {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// From the first byte on the receiver may act on it.
		WroteHeaders: func() { sent.Store(true) },
	})
	r.Header.Set("User-Agent", "linli-gateway")
	answer, err := w.client.Do(r.WithContext(ctx))
	if err != nil {
		if sent.Load() {
			return nil, nil, &alert.Result{Class: alert.Unknown, Detail: "no answer: " + reason(err)}
		}
		return nil, nil, &alert.Result{Class: alert.Temporary, Detail: reason(err)}
	}
	// The connection can be used again only if the answer was read. An answer
	// that breaks off is judged by what there is of it.
	body, _ = io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	_ = answer.Body.Close() // only read: nothing can be lost
	return answer, body, nil
}

// post sends a JSON document and reads the answer into one that says within
// HTTP how it went. ok is false where HTTP itself, or no answer, is the result.
func (w *web) post(ctx context.Context, address string, in, out any) (result alert.Result, ok bool) {
	document, err := json.Marshal(in)
	if err != nil {
		return alert.Result{Class: alert.Permanent, Detail: "page cannot be encoded"}, false
	}
	r, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(document))
	if err != nil {
		return alert.Result{Class: alert.Permanent, Detail: "not a URL"}, false
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	return w.ask(ctx, r, out)
}

// ask is post for a request that was made elsewhere.
func (w *web) ask(ctx context.Context, r *http.Request, out any) (result alert.Result, ok bool) {
	answer, body, failed := w.do(ctx, r)
	if failed != nil {
		return *failed, false
	}
	if result = judge(answer); result.Class != alert.Accepted {
		return result, false
	}
	if err := json.Unmarshal(body, out); err != nil {
		// A captive portal, or a proxy, answers 200 with a page of its own.
		return alert.Result{Class: alert.Unknown, Detail: "HTTP 200, but not the provider's answer"}, false
	}
	return result, true
}

// judge tells the result of an answer by HTTP alone.
func judge(answer *http.Response) alert.Result {
	result := alert.Result{Class: alert.Permanent, Detail: "HTTP " + strconv.Itoa(answer.StatusCode)}
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		result.Class = alert.Accepted
	case code == http.StatusTooManyRequests:
		result.Class = alert.Temporary
		result.RetryAfter = cmp.Or(retryAfter(answer.Header), tooMany)
	case code == http.StatusServiceUnavailable:
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

// verdicts say what the codes of a provider mean; a code that is not there is
// permanent.
type verdicts map[int]verdict

type verdict struct {
	class alert.Class
	wait  time.Duration
	says  string
}

// of is the result of a code; 0 is accepted everywhere. The provider's own
// message is never passed on: it may quote addresses and keys.
func (v verdicts) of(code int) alert.Result {
	if code == 0 {
		return alert.Result{Class: alert.Accepted, Detail: "code 0"}
	}
	result := alert.Result{Class: alert.Permanent, Detail: "code " + strconv.Itoa(code)}
	if known, ok := v[code]; ok {
		result.Class, result.RetryAfter = known.class, known.wait
		result.Detail += ": " + known.says
	}
	return result
}
