package alert

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
)

type metrics struct {
	incidents   *prometheus.CounterVec
	open        prometheus.GaugeFunc
	unanswered  prometheus.GaugeFunc
	pages       *prometheus.CounterVec
	fromMemory  prometheus.Counter
	firstPage   prometheus.Histogram
	sirenErrors prometheus.Counter
	rotaFlaws   prometheus.GaugeFunc
	unprotected prometheus.GaugeFunc
	drills      *prometheus.CounterVec
	drillTook   prometheus.Gauge
	drillAt     prometheus.Gauge
}

func newMetrics(e *Engine) *metrics {
	count := func(in ...Phase) func() float64 {
		return func() float64 {
			e.mu.Lock()
			defer e.mu.Unlock()
			n := 0
			for _, r := range e.board.records {
				for _, phase := range in {
					if r.Phase == phase {
						n++
					}
				}
			}
			return float64(n)
		}
	}
	return &metrics{
		incidents: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_alert_incidents_total",
			Help: "Incidents opened, by kind.",
		}, []string{"kind"}),
		open: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "linli_alert_open_incidents",
			Help: "Incidents that are not resolved.",
		}, count(PhaseRaised, PhaseAcknowledged, PhaseOnScene)),
		unanswered: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "linli_alert_unanswered_incidents",
			Help: "Incidents that nobody has acknowledged.",
		}, count(PhaseRaised)),
		pages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_alert_pages_total",
			Help: "Attempts at pages, by kind of channel and result: accepted, temporary, permanent, unknown.",
		}, []string{"channel", "result"}),
		fromMemory: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linli_alert_from_memory_total",
			Help: "Steps that were called from memory because the disk was late or failed.",
		}),
		firstPage: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "linli_alert_first_page_seconds",
			Help:    "Time from hearing of an incident until a person's channel has accepted a page.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2, 5, 10, 30, 60, 300},
		}),
		rotaFlaws: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "linli_alert_rota_flaws",
			Help: "Holes in the rota of the coming 14 days, and people on it who have no channel that works.",
		}, func() float64 {
			_, flaws := e.Duty()
			return float64(len(flaws))
		}),
		unprotected: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "linli_alert_unprotected_elders",
			Help: "Elders whose device to call for help with does not work.",
		}, func() float64 {
			n := 0
			for _, i := range e.Incidents() {
				if i.Kind == Unprotected && i.Phase != PhaseResolved {
					n++
				}
			}
			return float64(n)
		}),
		drills: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_alert_drills_total",
			Help: "Daily drills of the whole alert path, by result: passed, failed.",
		}, []string{"result"}),
		drillTook: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "linli_alert_drill_seconds",
			Help: "Time that the latest drill took from the report until every channel had accepted.",
		}),
		drillAt: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "linli_alert_drill_passed_timestamp_seconds",
			Help: "When a drill last passed, by the box's clock.",
		}),
		sirenErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linli_alert_siren_errors_total",
			Help: "Times that the siren could not be switched.",
		}),
	}
}

func (m *metrics) drill(took time.Duration, at devices.Stamp, passed bool) {
	m.drillTook.Set(took.Seconds())
	if !passed {
		m.drills.WithLabelValues("failed").Inc()
		return
	}
	m.drills.WithLabelValues("passed").Inc()
	m.drillAt.Set(float64(at.Wall.Unix()))
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.incidents, m.open, m.unanswered, m.pages, m.fromMemory, m.firstPage, m.sirenErrors, m.rotaFlaws, m.unprotected, m.drills, m.drillTook, m.drillAt} {
		errs = append(errs, r.Register(c))
	}
	return errors.Join(errs...)
}
