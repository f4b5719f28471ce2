package mqtt

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"time"
)

// accept takes connections until the listener is closed.
func (e *engine) accept(l net.Listener) error {
	const shortest, longest = 10 * time.Millisecond, time.Second
	pause := shortest
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = shortest
			if c := e.welcome(nc); c != nil {
				e.conns.Go(func() { e.serve(c) })
			}
		case errors.Is(err, net.ErrClosed):
			return nil
		default: // out of file descriptors, most likely: it passes
			e.log.Error("mqtt accept", "error", err)
			timer := time.NewTimer(pause)
			<-timer.C
			pause = min(2*pause, longest)
		}
	}
}

// acceptWebSockets does the same where MQTT comes inside of WebSockets.
func (e *engine) acceptWebSockets(l net.Listener) error {
	s := webSocketServer(func(nc net.Conn, certificate *x509.Certificate) {
		if c := e.welcome(nc); c != nil {
			c.certificate = certificate
			e.conns.Go(func() { e.serve(c) })
		}
	})
	if err := s.Serve(l); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// welcome returns nil if there is no room.
func (e *engine) welcome(nc net.Conn) *conn {
	c := newConn(nc, e.large, e.metrics.stuck.Inc)
	e.mu.Lock()
	full, waiting := len(e.open) >= e.config.Connections, e.pending >= max(e.config.Connections/4, 1)
	if !full && !waiting {
		e.open[c] = struct{}{}
		e.pending++
	}
	e.mu.Unlock()
	if full || waiting {
		reason := refusedPending
		if full {
			reason = refusedFull
		}
		e.refuse(reason, nc.RemoteAddr(), "")
		_ = c.Close() // nothing was written
		return nil
	}
	return c
}

// serve is the life of one connection.
func (e *engine) serve(c *conn) {
	err := c.Conn.SetReadDeadline(time.Now().Add(loginTimeout))
	if tc, ok := c.Conn.(*tls.Conn); ok && err == nil {
		if err = tc.HandshakeContext(e.ctx); err == nil {
			state := tc.ConnectionState()
			c.certificate = clientCertificate(&state)
		}
	}
	if err == nil {
		err = e.establish(c)
	}
	_ = c.Close() // closed already, unless something went wrong that err tells
	c.release()
	if errors.Is(err, errTooLarge) {
		e.metrics.tooLarge.Inc()
	}

	e.mu.Lock()
	delete(e.open, c)
	if !c.login {
		e.pending--
	}
	e.mu.Unlock()
	switch {
	case c.login:
		e.finish(c.session, err)
	case !c.refused:
		e.refuse(refusedProtocol, c.RemoteAddr(), "")
	}
}

// establish runs mochi on a connection, and survives it.
func (e *engine) establish(c *conn) (err error) {
	defer func() {
		if r := recover(); r != nil {
			e.metrics.panics.Inc()
			e.log.Error("mqtt connection panicked", "remote", c.RemoteAddr().String(), "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanicked, r)
		}
	}()
	return e.server.EstablishConnection("tcp", c)
}

// finish cleans up behind a connection that was logged in.
func (e *engine) finish(s *session, err error) {
	e.metrics.connections.Dec()
	e.subscribed(s) // if it panicked within
	said := e.leave(s)
	e.log.Info("mqtt client gone", "account", s.account.ID, "goodbye", said, "cause", err)
	<-s.pipe.settled()
	if s.will != nil && !said && !s.silent.Load() {
		e.sendWill(s)
	}
}
