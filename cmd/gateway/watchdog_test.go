package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// systemdHears is systemd, which starts anew who has not been heard for three
// milliseconds: next is what it is told next, and once it is deaf nobody is kept
// waiting for it.
func systemdHears(t *testing.T) (next func() string, deaf func()) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	deaf = func() {
		t.Setenv("NOTIFY_SOCKET", "")
		_ = socket.Close()
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "3000")
	t.Setenv("WATCHDOG_PID", "")
	next = func() string {
		t.Helper()
		said := make([]byte, 100)
		if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		n, err := socket.Read(said)
		if err != nil {
			t.Fatal(err)
		}
		return string(said[:n])
	}
	return next, deaf
}

// systemd hears that the gateway lives only while it is well: one that goes on
// running and does not do what is due is started anew.
func TestWatchdogIsFedByWhoIsWell(t *testing.T) {
	next, _ := systemdHears(t)
	hear := func(want string) {
		t.Helper()
		if said := next(); said != want {
			t.Fatalf("systemd hears %q, want %q", said, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	verdicts, ended := make(chan error), make(chan error)
	go func() { ended <- watchdog(ctx, slog.New(slog.DiscardHandler), func() error { return <-verdicts }) }()
	hear("READY=1")
	for range 2 {
		verdicts <- nil
		hear("WATCHDOG=1")
	}
	for range 3 {
		verdicts <- errors.New("alerts: not done anything for a minute")
	}
	verdicts <- nil
	hear("WATCHDOG=1")
	verdicts <- errors.New("again")
	cancel()
	for done := false; !done; {
		select {
		case verdicts <- errors.New("again"):
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
			done = true
		}
	}
	hear("STOPPING=1") // and nothing that was said of an unhealthy one
}
