package usage

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	changes   *prometheus.CounterVec
	unplaced  prometheus.Counter
	malformed prometheus.Counter
	undated   prometheus.Gauge
	lost      prometheus.Counter
	frozen    prometheus.Counter
	errors    prometheus.Counter
}

func newMetrics() *metrics {
	return &metrics{
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_usage_changes_total",
			Help: "What happened to compartments, by kind of device. Found and lost are comings and goings that were not reported.",
		}, []string{"kind", "change"}),
		unplaced: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linli_usage_unplaced_events_total",
			Help: "Events in no statistic, because their device is not registered or has no facility.",
		}),
		malformed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linli_usage_malformed_events_total",
			Help: "Events in no statistic, because their data could not be read.",
		}),
		undated: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "linli_usage_undated_changes",
			Help: "What happened to compartments and counts on no day until the box knows the time.",
		}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linli_usage_lost_changes_total",
			Help: "What happened to compartments and counts on no day, because the box did not know the time for too long.",
		}),
		frozen: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linli_usage_frozen_changes_total",
			Help: "Changes of rows that came after their month was frozen: counted on the box, and told to nobody.",
		}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linli_usage_errors_total",
			Help: "Failures to read the journal or to write the statistics; each is tried again.",
		}),
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.changes, m.unplaced, m.malformed, m.undated, m.lost, m.frozen, m.errors}
}

func (m *metrics) register(r prometheus.Registerer) error {
	for i, c := range m.all() {
		if err := r.Register(c); err != nil {
			for _, registered := range m.all()[:i] {
				r.Unregister(registered)
			}
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	return nil
}

func (m *metrics) unregister(r prometheus.Registerer) {
	for _, c := range m.all() {
		r.Unregister(c)
	}
}

func (m *metrics) add(t tally) {
	for label, n := range t.changes {
		m.changes.WithLabelValues(string(label.kind), label.change).Add(float64(n))
	}
	m.unplaced.Add(float64(t.unplaced))
	m.malformed.Add(float64(t.malformed))
	m.undated.Add(float64(t.undated))
	m.lost.Add(float64(t.lost))
	m.frozen.Add(float64(t.frozen))
}
