package province

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
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
	// code is the platform's, "" if it said none; sequence goes with one.
	code     string
	sequence uint64
	status   int
	// unreachable says that there was no platform at all.
	unreachable bool
	cause       *texts.Error
}

func (f *failure) Error() string { return f.cause.Error() }
func (f *failure) Unwrap() error { return f.cause }

// Is makes a stale signature known.
func (f *failure) Is(target error) bool { return target == errStale && f.code == contract.ProblemStale }

func failed(t texts.Text, args ...any) *failure { return &failure{cause: texts.Errorf(t, args...)} }

func newTransport(c *tls.Config) http.RoundTripper {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSClientConfig:        c,
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
	if err := s.pace(ctx); err != nil {
		return nil, err
	}
	text, err := s.request(ctx, contract.PathRows, contract.BatchType, body, s.signer())
	if err != nil {
		return nil, err
	}
	var answer contract.Answer
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, failed(texts.Province.NoAnswer, err)
	}
	receipts := make(map[string]contract.Receipt, len(events))
	for _, r := range answer.Receipts {
		receipts[r.ID] = r
	}
	for _, e := range events {
		switch receipts[e.ID].Status {
		case contract.Accepted, contract.Superseded, contract.Refused:
		default:
			return nil, failed(texts.Province.Receipts, e.ID)
		}
	}
	return receipts, nil
}

// pace waits until another batch of rows may leave, whatever became of the one
// before it.
func (s *Sender) pace(ctx context.Context) error {
	timer := time.NewTimer(time.Until(s.free))
	defer timer.Stop()
	select {
	case <-timer.C:
		s.free = time.Now().Add(s.config.Pace)
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// request posts a body, signed, and returns that of a 200.
func (s *Sender) request(ctx context.Context, path, mediaType string, body []byte, scheme contract.Scheme) ([]byte, error) {
	if scheme.Sign == nil {
		return nil, failed(texts.Province.NotEnrolled)
	}
	answer, err := s.exchange(ctx, path, mediaType, body, scheme)
	if f := (*failure)(nil); errors.As(err, &f) && f.code == contract.ProblemMediaType && !s.plain.Load() {
		s.plain.Store(true) // it does not know gzip
		answer, err = s.exchange(ctx, path, mediaType, body, scheme)
	}
	if f := (*failure)(nil); errors.As(err, &f) && f.code == contract.ProblemCloned && s.adopt(f.sequence) {
		answer, err = s.exchange(ctx, path, mediaType, body, scheme)
	}
	result := "answered"
	if err != nil {
		result = "failed"
	}
	s.metrics.requests.WithLabelValues(result).Inc()
	return answer, err
}

// worthZipping is a body that gets shorter by it, in bytes.
const worthZipping = 1 << 10

func (s *Sender) exchange(ctx context.Context, path, mediaType string, body []byte, scheme contract.Scheme) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	url, err := s.config.beside(path)
	if err != nil {
		return nil, err
	}
	nonce, err := s.nonce()
	if err != nil {
		return nil, err
	}
	zipped := len(body) >= worthZipping && !s.plain.Load()
	if zipped {
		if body, err = zip(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", mediaType)
	if zipped {
		req.Header.Set("Content-Encoding", "gzip")
	}
	if err := contract.Sign(req, body, s.config.Box, scheme, s.platformTime(), nonce.String()); err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	s.metrics.bytes.Add(float64(len(body)))
	response, err := s.client.Do(req)
	if err != nil {
		f := failed(texts.Province.Unreachable, err)
		f.unreachable = true
		return nil, f
	}
	defer response.Body.Close() // only read from
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, failed(texts.Province.Unreachable, err)
	}
	var told struct {
		ServerTime time.Time `json:"server_time"`
	}
	if json.Unmarshal(answer, &told) == nil {
		s.learnTime(told.ServerTime)
	}
	if response.StatusCode != http.StatusOK {
		return nil, s.problem(response, answer)
	}
	return answer, nil
}

func zip(body []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if _, err = z.Write(body); err == nil {
		err = z.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return out.Bytes(), nil
}

// nonce numbers the next request. The number is on disk before it is used, so
// no two requests have the same.
func (s *Sender) nonce() (contract.Nonce, error) {
	n := contract.Nonce{Random: rand.Text()}
	var err error
	if n.Generation, err = s.usage.Generation(); err != nil {
		return n, err
	}
	err = s.state.Update(func(tx *journal.Tx) error {
		if v := tx.Get(bucketMeta, []byte(keySequence)); len(v) == 8 {
			n.Sequence = binary.BigEndian.Uint64(v)
		}
		n.Sequence++
		tx.Put(bucketMeta, []byte(keySequence), number(n.Sequence))
		return nil
	})
	return n, err
}

// adopt goes on from the number that the platform knows, if this box has only
// just begun to count: its file was lost. It returns false for one that has
// counted longer: then another box uses its identity, and the number is taken
// back, so that no repetition catches up.
func (s *Sender) adopt(sequence uint64) (adopted bool) {
	err := s.state.Update(func(tx *journal.Tx) error {
		var own uint64
		if v := tx.Get(bucketMeta, []byte(keySequence)); len(v) == 8 {
			own = binary.BigEndian.Uint64(v)
		}
		next := max(own, 1) - 1
		if adopted = own == 1 && sequence >= 1; adopted {
			next = sequence
		}
		tx.Put(bucketMeta, []byte(keySequence), number(next))
		return nil
	})
	return adopted && err == nil
}

// refusals are the problems of a batch that will never be taken. Anything else
// with such a status is not the platform's word.
var refusals = []string{contract.ProblemBatch, contract.ProblemTooLarge}

// problem tells what a status other than 200 means.
func (s *Sender) problem(response *http.Response, body []byte) *failure {
	var p contract.Problem
	_ = json.Unmarshal(body, &p) // it may be a portal's page
	p.Code, p.Detail = clip(p.Code), clip(p.Detail)
	f := failed(texts.Province.Status, response.StatusCode, p.Code, p.Detail)
	switch response.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		f.refused = slices.Contains(refusals, p.Code)
	case http.StatusUnauthorized, http.StatusForbidden:
		f.cause = texts.Errorf(texts.Province.Unauthorized, p.Code, p.Detail)
	}
	switch p.Code {
	case contract.ProblemCode:
		f.cause = texts.Errorf(texts.Province.BadCode)
	case contract.ProblemReplaced:
		f.cause = texts.Errorf(texts.Province.Replaced)
	case contract.ProblemCloned:
		f.cause = texts.Errorf(texts.Province.Cloned)
	}
	f.detail, f.code, f.sequence, f.status = p.Detail, p.Code, p.Sequence, response.StatusCode
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
