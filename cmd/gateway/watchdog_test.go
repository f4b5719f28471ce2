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

// systemd hears that the gateway lives only while it is well: one that goes on
// running and does not do what is due is started anew.
func TestWatchdogIsFedByWhoIsWell(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "3000")
	t.Setenv("WATCHDOG_PID", "")
	hear := func(want string) {
		t.Helper()
		said := make([]byte, 100)
		if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if n, err := socket.Read(said); err != nil || string(said[:n]) != want {
			t.Fatalf("systemd hears %q, %v, want %q", said[:n], err, want)
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
