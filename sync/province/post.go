package province

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/province/contract"
)

// Limits of one request.
const (
	requestTime   = time.Minute
	maxAnswer     = 1 << 20 // bytes
	maxRetryAfter = time.Hour
)

// failure is why a batch was not accepted.
type failure struct {
	// refused says that the platform will never take this batch.
	refused bool
	// detail is what the platform said.
	detail string
	// retryAfter is what it asked for, 0 if nothing.
	retryAfter time.Duration
	cause      *texts.Error
}

func (f *failure) Error() string { return f.cause.Error() }
func (f *failure) Unwrap() error { return f.cause }

func failed(t texts.Text, args ...any) *failure { return &failure{cause: texts.Errorf(t, args...)} }

func newTransport() http.RoundTripper {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:    15 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           1,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// post sends a batch and returns a receipt for each of its events, by ID. Its
// error is a *failure, unless the batch could not even be made.
func (s *Sender) post(ctx context.Context, events []contract.Event) (map[string]contract.Receipt, error) {
	body, err := json.Marshal(events)
	if err != nil {
		return nil, fmt.Errorf("encode batch: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.config.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", contract.BatchType)
	if err := contract.Sign(req, body, s.config.Box, s.scheme, s.platformTime(), rand.Text()); err != nil {
		return nil, fmt.Errorf("sign batch: %w", err)
	}
	answer, err := s.exchange(req)
	if err != nil {
		s.metrics.requests.WithLabelValues("failed").Inc()
		return nil, err
	}
	receipts := make(map[string]contract.Receipt, len(events))
	for _, r := range answer.Receipts {
		receipts[r.ID] = r
	}
	for _, e := range events {
		switch receipts[e.ID].Status {
		case contract.Accepted, contract.Superseded, contract.Refused:
		default:
			s.metrics.requests.WithLabelValues("failed").Inc()
			return nil, failed(texts.Province.Receipts, e.ID)
		}
	}
	s.metrics.requests.WithLabelValues("answered").Inc()
	return receipts, nil
}

// exchange returns the answer to a request that was taken.
func (s *Sender) exchange(req *http.Request) (contract.Answer, error) {
	var answer contract.Answer
	response, err := s.client.Do(req)
	if err != nil {
		return answer, failed(texts.Province.Unreachable, err)
	}
	defer response.Body.Close() // only read from
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer, failed(texts.Province.Unreachable, err)
	}
	if response.StatusCode != http.StatusOK {
		return answer, s.problem(response, body)
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return answer, failed(texts.Province.NoAnswer, err)
	}
	s.learnTime(answer.ServerTime)
	return answer, nil
}

// refusals are the problems of a batch that will never be taken. Anything else
// with such a status is not the platform's word.
var refusals = []string{contract.ProblemBatch, contract.ProblemTooLarge}

// problem tells what a status other than 200 means.
func (s *Sender) problem(response *http.Response, body []byte) *failure {
	var p contract.Problem
	if err := json.Unmarshal(body, &p); err == nil {
		s.learnTime(p.ServerTime)
	}
	p.Code, p.Detail = clip(p.Code), clip(p.Detail)
	f := failed(texts.Province.Status, response.StatusCode, p.Code, p.Detail)
	switch response.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		f.refused = slices.Contains(refusals, p.Code)
	case http.StatusUnauthorized, http.StatusForbidden:
		f.cause = texts.Errorf(texts.Province.Unauthorized, p.Code, p.Detail)
	}
	f.detail = p.Detail
	f.retryAfter = retryAfter(response.Header.Get("Retry-After"), s.platformTime())
	return f
}

// maxReason bounds what is kept of a platform's words, in bytes.
const maxReason = 500

func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxReason)], "") }

// retryAfter reads seconds or a date, up to maxRetryAfter.
func retryAfter(value string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// learnTime notes the platform's clock.
func (s *Sender) learnTime(server time.Time) {
	if server.IsZero() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard, s.heardAt = server, s.config.Clock()
}

// platformTime is the time by the platform's clock, as far as it is known.
// Whoever sets the box's clock in between changes nothing.
func (s *Sender) platformTime() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Clock()
	if passed, ok := now.Since(s.heardAt); ok && !s.heard.IsZero() {
		return s.heard.Add(passed)
	}
	return now.Wall
}
