package control

import (
	"bytes"
	"context"
	"net"
	"net/http"
)

// Dial returns a client whose requests go to the daemon's socket; the host in
// their URLs means nothing.
func Dial(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		// A command that registers a thousand devices leaves no thousand
		// connections behind that the gateway would keep open for it.
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
}

// Direct returns a client whose requests are answered by h itself, for the
// commands that work while the daemon is down.
func Direct(h http.Handler) *http.Client { return &http.Client{Transport: direct{h}} }

type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	d.ServeHTTP(w, r)
	return &http.Response{
		StatusCode: w.status, Header: w.header, Request: r, ProtoMajor: 1, ProtoMinor: 1,
		Body: readCloser{bytes.NewReader(w.body.Bytes())}, ContentLength: int64(w.body.Len()),
	}, nil
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
