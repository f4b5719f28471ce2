package province

import (
	"fmt"
	"math"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	rows     *prometheus.CounterVec
	requests *prometheus.CounterVec
	bytes    prometheus.Counter
	gauges   []prometheus.Collector
}

func newMetrics(s *Sender) *metrics {
	gauge := func(name, help string, value func(Status) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			status, err := s.Status()
			if err != nil {
				return math.NaN()
			}
			return value(status)
		})
	}
	return &metrics{
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_province_rows_total", Help: "Rows sent, by the platform's receipt.",
		}, []string{"status"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_province_requests_total", Help: "Batches sent, by whether they were answered with receipts.",
		}, []string{"result"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linli_province_sent_bytes_total", Help: "Bytes of the requests' bodies, as they went over the wire.",
		}),
		gauges: []prometheus.Collector{
			gauge("linli_province_backlog_rows", "Rows that the platform has not accepted yet.",
				func(s Status) float64 { return float64(s.Backlog) }),
			gauge("linli_province_set_aside_rows", "Rows that the platform refused.",
				func(s Status) float64 { return float64(s.SetAside) }),
			gauge("linli_province_last_success_timestamp_seconds", "When the platform last accepted a batch, 0 if it has not since the process began.",
				func(s Status) float64 {
					if s.LastSuccess.IsZero() {
						return 0
					}
					return float64(s.LastSuccess.Unix())
				}),
		},
	}
}

func (m *metrics) all() []prometheus.Collector {
	return append([]prometheus.Collector{m.rows, m.requests, m.bytes}, m.gauges...)
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
