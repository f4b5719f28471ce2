package mqtt

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/gorilla/websocket"

	"github.com/linli-edge/gateway/devices/lan"
)

// Listener is one way to the embedded broker.
type Listener struct {
	// Address is host:port, ":1883" for every address of the box.
	Address string
	// TLS is nil for a listener in the clear.
	TLS *tls.Config
	// Guard, if set, is put around the TCP listener, beneath TLS: it decides
	// who may connect at all.
	Guard func(net.Listener) net.Listener
	// WebSocket takes MQTT in binary frames, subprotocol "mqtt", on any path.
	WebSocket bool
}

// kind names l in logs and metrics: tcp, tls, ws or wss.
func (l Listener) kind() string {
	switch {
	case l.TLS != nil && l.WebSocket:
		return "wss"
	case l.WebSocket:
		return "ws"
	case l.TLS != nil:
		return "tls"
	}
	return "tcp"
}

func (l Listener) validate() error {
	if _, _, err := net.SplitHostPort(l.Address); err != nil {
		return fmt.Errorf("listen: must be host:port (got %q)", l.Address)
	}
	return nil
}

// open listens, for so many connections at once where they are HTTP at first:
// of these the broker learns only when they ask for MQTT.
func (l Listener) open(connections int) (net.Listener, error) {
	n, err := net.Listen("tcp", l.Address)
	if err != nil {
		return nil, fmt.Errorf("mqtt: %w", err)
	}
	if l.Guard != nil {
		n = l.Guard(n)
	}
	if l.WebSocket {
		n = lan.AtMost(connections, n)
	}
	if l.TLS != nil {
		n = tls.NewListener(n, l.TLS)
	}
	return n, nil
}

// clientCertificate is what the client of a finished handshake has proved to
// be, nil without TLS or without a certificate.
func clientCertificate(state *tls.ConnectionState) *x509.Certificate {
	if state == nil || len(state.VerifiedChains) == 0 {
		return nil
	}
	return state.PeerCertificates[0]
}

// remoteOf is the other end of nc, the zero value if it is no IP address.
func remoteOf(nc net.Conn) netip.AddrPort {
	if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort()
	}
	return netip.AddrPort{}
}

// webSocketServer upgrades what is asked of it and hands the connections to
// serve, which returns when a connection has ended.
func webSocketServer(serve func(net.Conn, *x509.Certificate)) *http.Server {
	// The browser's origin says nothing here: no cookie logs anybody in, only
	// the CONNECT that follows.
	up := websocket.Upgrader{Subprotocols: []string{"mqtt"}, CheckOrigin: func(*http.Request) bool { return true }, HandshakeTimeout: loginTimeout}
	return &http.Server{
		ReadTimeout:    loginTimeout,
		WriteTimeout:   loginTimeout,
		MaxHeaderBytes: 8 << 10,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := up.Upgrade(w, r, nil); err == nil { // if not, it has answered with the reason
				serve(&webSocketConn{Conn: c.NetConn(), ws: c}, clientCertificate(r.TLS))
			}
		}),
	}
}

// webSocketConn is the stream of bytes inside of a WebSocket: the frames'
// borders mean nothing to MQTT.
type webSocketConn struct {
	net.Conn
	ws   *websocket.Conn
	rest io.Reader // of the current frame; nil between frames
}

func (c *webSocketConn) Read(p []byte) (int, error) {
	for {
		if c.rest == nil {
			kind, r, err := c.ws.NextReader()
			if err != nil {
				return 0, err
			}
			if kind != websocket.BinaryMessage {
				return 0, errors.New("websocket: a frame that is not binary")
			}
			c.rest = r
		}
		n, err := c.rest.Read(p)
		if errors.Is(err, io.EOF) {
			c.rest = nil
			if err = nil; n == 0 {
				continue
			}
		}
		return n, err
	}
}

func (c *webSocketConn) Write(p []byte) (int, error) {
	if err := c.ws.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (c *webSocketConn) SetWriteDeadline(t time.Time) error { return c.ws.SetWriteDeadline(t) }

// accept takes connections until the listener is closed.
func (b *Broker) accept(l net.Listener, kind string) error {
	const shortest, longest = 10 * time.Millisecond, time.Second
	pause := shortest
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = shortest
			b.welcome(nc, kind, nil)
		case errors.Is(err, net.ErrClosed):
			return nil
		default: // out of file descriptors, most likely: it passes
			b.log.Error("mqtt accept", "error", err)
			timer := time.NewTimer(pause)
			<-timer.C
			pause = min(2*pause, longest)
		}
	}
}

// acceptWebSockets does the same where MQTT comes inside of WebSockets.
func (b *Broker) acceptWebSockets(l net.Listener, kind string) error {
	s := webSocketServer(func(nc net.Conn, certificate *x509.Certificate) { b.welcome(nc, kind, certificate) })
	s.ErrorLog = slog.NewLogLogger(b.log.Handler(), slog.LevelDebug)
	if err := s.Serve(l); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return s.Close()
}

// welcome serves a connection if there is room for it.
func (b *Broker) welcome(nc net.Conn, kind string, certificate *x509.Certificate) {
	c := &conn{broker: b, nc: nc, kind: kind, certificate: certificate}
	b.mu.Lock()
	full, waiting, stopped := len(b.open) >= b.config.Connections, b.pending >= max(b.config.Connections/4, 1), b.stopped
	if !full && !waiting && !stopped {
		b.open[c] = struct{}{}
		b.pending++
		b.conns.Go(func() { b.serve(c) })
	}
	b.mu.Unlock()
	switch {
	case full:
		b.refuse(kind, refusedFull, nc.RemoteAddr(), "", "too many connections")
	case waiting:
		b.refuse(kind, refusedPending, nc.RemoteAddr(), "", "too many connections before their login")
	case !stopped:
		return
	}
	_ = nc.Close() // nothing was written
}

// quoted is text from outside as it may stand in a log.
func quoted(s string) string { return strconv.Quote(s[:min(len(s), 64)]) }
