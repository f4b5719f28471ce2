package mqtt

import (
	"bufio"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// onePipe is a listener that has one connection.
type onePipe chan net.Conn

func (l onePipe) Accept() (net.Conn, error) {
	if c, ok := <-l; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (onePipe) Close() error   { return nil }
func (onePipe) Addr() net.Addr { return &net.TCPAddr{} }

// Who asks the WebSocket port for something else is not kept for ever: it is
// none of the broker's connections, which are counted.
func TestWebSocketPortKeepsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := webSocketServer(func(net.Conn, *x509.Certificate) { t.Error("let in") })
		l := make(onePipe)
		done := make(chan error)
		go func() { done <- s.Serve(l) }()
		here, there := net.Pipe()
		l <- there
		go io.WriteString(here, "GET / HTTP/1.1\r\nHost: box\r\n\r\n")
		in := bufio.NewReader(here)
		answer, err := http.ReadResponse(in, nil)
		if err == nil {
			_, err = io.Copy(io.Discard, answer.Body)
		}
		if err != nil || answer.StatusCode != http.StatusBadRequest {
			t.Fatalf("answered with %v, %v", answer, err)
		}
		began := time.Now()
		if _, err := in.ReadByte(); !errors.Is(err, io.EOF) || time.Since(began) > loginTimeout {
			t.Errorf("ended after %s with %v", time.Since(began), err)
		}
		close(l)
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}
