package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"

	"github.com/linli-edge/gateway/devices/texts"
)

// server answers HTTP on one listener until its context ends.
type server struct {
	name     string
	listener net.Listener
	handler  http.Handler
	logger   *slog.Logger
	// patience is how long a whole request, and then its answer, may take; 0
	// for as long as it likes. A stream sets its own limits.
	patience time.Duration
}

// What whoever comes over the network may take: neither the connections of a
// thousand browsers nor one that says and reads nothing are for ever. The
// socket's callers have the time of a backup.
const (
	visitors  = 1000
	unhurried = time.Minute
)

// listen opens a TCP listener; the error says which address is taken.
func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, texts.Errorf(texts.Gateway.Listen, address, err)
	}
	return l, nil
}

// listenUnix opens the control socket, in place of one that a killed daemon
// left behind. Only the daemon's own user may connect.
func listenUnix(path string) (net.Listener, error) {
	if conn, err := net.Dial("unix", path); err == nil {
		return nil, errors.Join(texts.Errorf(texts.Gateway.SocketTaken, path), conn.Close())
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, texts.Errorf(texts.Gateway.Listen, path, err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, texts.Errorf(texts.Gateway.Listen, path, err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(texts.Errorf(texts.Gateway.Listen, path, err), l.Close())
	}
	return l, nil
}

// run serves until ctx ends, then lets requests finish for two seconds.
func (s server) run(ctx context.Context) error {
	h := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ReadTimeout: s.patience, WriteTimeout: s.patience,
		ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
		// Streams end with the daemon, not with their readers.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	var g errgroup.Group
	g.Go(func() error {
		if err := h.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", s.name, err)
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := h.Shutdown(grace); err != nil {
			return h.Close() // somebody would not hang up
		}
		return nil
	})
	return g.Wait()
}

// supervise runs a part of the gateway until ctx ends, and again after it
// failed: first soon, then once a minute. Nothing that fails takes the others
// with it.
func supervise(ctx context.Context, logger *slog.Logger, failures func(part string), part string, run func(context.Context) error) {
	const longest = time.Minute
	for wait := time.Second; ; wait = min(2*wait, longest) {
		began := time.Now()
		err := run(ctx)
		if ctx.Err() != nil {
			if err != nil && !errors.Is(err, context.Canceled) {
				logger.Error("part ended badly", "part", part, "error", err)
			}
			return
		}
		logger.Error("part failed", "part", part, "error", err, "again_in", wait)
		failures(part)
		if time.Since(began) > longest {
			wait = time.Second
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// watchdog tells systemd that the gateway is up and, for as long as it is
// healthy, that it lives. Without systemd it does nothing.
func watchdog(ctx context.Context, logger *slog.Logger, healthy func() error) error {
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		logger.Warn("systemd not told", "error", err)
	}
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval == 0 {
		<-ctx.Done()
	}
	for ctx.Err() == nil {
		if err := healthy(); err != nil {
			logger.Error("unhealthy", "error", err)
		} else if _, err := daemon.SdNotify(false, daemon.SdNotifyWatchdog); err != nil {
			logger.Warn("systemd not told", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(interval / 3):
		}
	}
	_, err = daemon.SdNotify(false, daemon.SdNotifyStopping)
	return err
}
