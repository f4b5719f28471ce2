package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/linli-edge/gateway/devices/texts"
)

// Client asks a gateway, over its socket or directly.
type Client struct {
	HTTP *http.Client
	Lang texts.Lang
	// By is who asks, for the history.
	By string
}

// Refused is what the gateway said when it would not: a message for the
// person who asked, in their language.
type Refused struct{ Message string }

func (r *Refused) Error() string { return r.Message }

// Do sends one request; in and out are JSON documents, nil for none. The
// error is a *Refused if the gateway answered, and said no.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	body, err := c.Stream(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(body).Decode(out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// Stream is Do for an answer that is read as it comes. in may also be bytes,
// which are sent as they are.
func (c *Client) Stream(ctx context.Context, method, path string, in any) (io.ReadCloser, error) {
	var body io.Reader
	if raw, ok := in.([]byte); ok {
		body = bytes.NewReader(raw)
	} else if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://gateway"+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept-Language", string(c.Lang))
	r.Header.Set(byHeader, url.QueryEscape(c.By))
	answer, err := c.HTTP.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	var p problem
	if err := json.NewDecoder(answer.Body).Decode(&p); err != nil || p.Error == "" {
		return nil, errors.New(answer.Status)
	}
	return nil, &Refused{p.Error}
}
