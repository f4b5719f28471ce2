package notify

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// Who watches from outside hears the box for as long as it is well; the metric
// tells how it went, and the log not where to.
func TestPinger(t *testing.T) {
	var heard atomic.Int64
	var ill, away atomic.Bool
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if away.Load() {
			w.WriteHeader(503)
			return
		}
		heard.Add(1)
	}) + "/ping/secret-token"
	var log strings.Builder
	p, err := NewPinger(address, time.Millisecond, func() error {
		if ill.Load() {
			return errors.New("alerts: not running")
		}
		return nil
	}, slog.New(slog.NewTextHandler(&log, nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	count := func(result string) float64 { return testutil.ToFloat64(p.results.WithLabelValues(result)) }
	until(t, "heard", func() bool { return heard.Load() > 1 && count("accepted") > 1 && testutil.ToFloat64(p.last) > 0 })
	away.Store(true)
	until(t, "refused", func() bool { return count("temporary") > 1 })
	away.Store(false)
	ill.Store(true)
	until(t, "withheld", func() bool { return count("withheld") > 2 })
	quiet := heard.Load()
	until(t, "more withheld", func() bool { return count("withheld") > 5 })
	if heard.Load() != quiet {
		t.Error("a box that is ill pings")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), "secret-token") || strings.Count(log.String(), "\n") > 20 {
		t.Errorf("%s", log.String())
	}
}
