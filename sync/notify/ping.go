package notify

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/sync/alert"
)

// Pinger tells somebody outside, again and again, that the box is alive: who
// no longer hears it knows that it is not. A dead box cannot say so itself.
type Pinger struct {
	web   *web
	url   string
	every time.Duration
	alive func() error
	log   *slog.Logger

	results *prometheus.CounterVec
	last    prometheus.Gauge
}

// NewPinger makes one that asks for url every so often, as long as alive
// returns nil.
func NewPinger(url string, every time.Duration, alive func() error, log *slog.Logger, r prometheus.Registerer) (*Pinger, error) {
	p := &Pinger{
		web: newWeb(0), url: url, every: every, alive: alive, log: log,
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_watch_pings_total", Help: "Pings to whoever watches the box from outside: accepted, temporary, permanent, unknown, withheld.",
		}, []string{"result"}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "linli_watch_last_ping_timestamp_seconds", Help: "When a ping was last accepted, by the box's clock.",
		}),
	}
	if err := r.Register(p.results); err != nil {
		return nil, err
	}
	return p, r.Register(p.last)
}

// Run pings until ctx ends, and returns nil.
func (p *Pinger) Run(ctx context.Context) error {
	defer p.web.close()
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	before := ""
	for ctx.Err() == nil {
		result := p.ping(ctx)
		p.results.WithLabelValues(string(result.Class)).Inc()
		if result.Class == alert.Accepted {
			p.last.SetToCurrentTime()
		}
		if result.Detail != before && ctx.Err() == nil { // each change once
			p.log.Info("ping", "result", result.Class, "detail", result.Detail)
			before = result.Detail
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return nil
}

// withheld: the box is not well, and whoever watches shall miss it.
const withheld alert.Class = "withheld"

func (p *Pinger) ping(ctx context.Context) alert.Result {
	if err := p.alive(); err != nil {
		return alert.Result{Class: withheld, Detail: "the gateway is not healthy"}
	}
	r, err := http.NewRequest(http.MethodGet, p.url, nil)
	if err != nil {
		return alert.Result{Class: alert.Permanent, Detail: "not a URL"}
	}
	answer, _, failed := p.web.do(ctx, r)
	if failed != nil {
		return *failed
	}
	return judge(answer)
}
