package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// piped is a listener that takes one end of pipes.
type piped chan net.Conn

func (p piped) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p piped) Close() error { return nil }
func (piped) Addr() net.Addr { return &net.TCPAddr{} }

// Who begins a request and does not end it, or does not read the answer, is
// let go of: connections are open files, of which there are not many.
func TestWhoHangsIsLetGoOf(t *testing.T) {
	for name, request := range map[string]string{
		"half a form":              "POST /login HTTP/1.1\r\nHost: box\r\nContent-Length: 10\r\n\r\ntoken",
		"an answer nobody listens": "GET / HTTP/1.1\r\nHost: box\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan struct{})
				l := make(piped)
				s := server{"page", l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer close(ended)
					_, _ = io.Copy(io.Discard, r.Body)
					_, _ = w.Write(make([]byte, 64<<10))
				}), slog.New(slog.DiscardHandler), unhurried}
				done := make(chan error)
				go func() { done <- s.run(ctx) }()
				here, there := net.Pipe()
				l <- there
				if _, err := here.Write([]byte(request)); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				<-ended
				if waited := time.Since(began); waited > unhurried {
					t.Errorf("after %s", waited)
				}
				stop()
				synctest.Wait()
				close(l)
				if err := <-done; err != nil {
					t.Error(err)
				}
				here.Close()
			})
		})
	}
}

// A stream sets its own limits, as that of the page does, and lasts.
func TestAStreamOutlivesTheServersPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		l := make(piped)
		s := server{"page", l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			out := http.NewResponseController(w)
			err := out.SetReadDeadline(time.Time{})
			for range 10 {
				select {
				case <-r.Context().Done():
					err = errors.Join(err, r.Context().Err())
				case <-time.After(unhurried / 2):
				}
				err = errors.Join(err, out.SetWriteDeadline(time.Now().Add(time.Second)))
				_, wrong := io.WriteString(w, "data: x\n\n")
				err = errors.Join(err, wrong, out.Flush())
			}
			ended <- err
		}), slog.New(slog.DiscardHandler), unhurried}
		done := make(chan error)
		go func() { done <- s.run(ctx) }()
		here, there := net.Pipe()
		l <- there
		go io.Copy(io.Discard, here)
		if _, err := io.WriteString(here, "GET /stream HTTP/1.1\r\nHost: box\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("the stream ended with %v", err)
		}
		stop()
		synctest.Wait()
		close(l)
		here.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
