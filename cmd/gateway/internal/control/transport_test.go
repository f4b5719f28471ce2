package control

import (
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// Whoever has asked leaves no connection open: each would hold a goroutine and
// its buffers in the gateway.
func TestDialKeepsNothingOpen(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var idle atomic.Int32
	s := &httptest.Server{Listener: l, Config: &http.Server{
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateIdle {
				idle.Add(1)
			}
		},
	}}
	s.Start()
	for range 3 {
		r, err := Dial(socket).Get("http://gateway/")
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s.Close() // waits for what is open
	if n := idle.Load(); n > 0 {
		t.Error(n, "connections were kept for later")
	}
}
