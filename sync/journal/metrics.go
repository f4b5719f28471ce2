package journal

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// chainMetrics are the figures of one chain since the journal was opened.
type chainMetrics struct {
	records, duplicates, failures, written, skipped, damaged, salvaged, missing, lost prometheus.Counter
	seconds, batch                                                                    prometheus.Observer
	failing                                                                           atomic.Bool
	wear                                                                              *wear
}

func (m *chainMetrics) committed(records int, took time.Duration) {
	m.records.Add(float64(records))
	m.wear.events.Add(int64(records))
	m.batch.Observe(float64(records))
	m.seconds.Observe(took.Seconds())
	m.failing.Store(false)
}

// metrics are the figures of the journal. Those of the disk and the cursors
// are looked up when they are asked for.
type metrics struct {
	journal    *Journal
	chains     [len(chains)]*chainMetrics
	states     prometheus.Counter
	collectors []prometheus.Collector
	registered []prometheus.Collector

	wear wear

	bytes, files, first, last, age, lag, reserve, perEvent, perDay *prometheus.Desc
}

func newMetrics(j *Journal) *metrics {
	m := &metrics{journal: j}
	m.wear.opened = j.options.Clock().Mono
	counter := func(name, help string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linli_journal_" + name, Help: help}, []string{"chain"})
		m.collectors = append(m.collectors, v)
		return v
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "linli_journal_" + name, Help: help, Buckets: buckets}, []string{"chain"})
		m.collectors = append(m.collectors, v)
		return v
	}
	gauge := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("linli_journal_"+name, help, append([]string{"chain"}, labels...), nil)
	}
	records := counter("records_total", "Events recorded.")
	duplicates := counter("duplicates_total", "Redeliveries, which changed nothing.")
	failures := counter("commit_errors_total", "Commits that failed.")
	written := counter("written_bytes_total", "Bytes written to files of events.")
	skipped := counter("damaged_records_total", "Damaged records met by a reader, and skipped.")
	damaged := counter("damaged_files_total", "Files found damaged.")
	salvaged := counter("salvaged_records_total", "Records rescued from damaged files.")
	missing := counter("missing_records_total", "Records lost with damaged files, where their number is known.")
	lost := counter("lost_records_total", "Events retired before their time for want of space.")
	m.states = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "linli_journal_damaged_states_total", Help: "State files of followers found damaged, and begun anew.",
	})
	m.collectors = append(m.collectors, m.states)
	seconds := histogram("commit_seconds", "Duration of commits.", prometheus.ExponentialBuckets(0.0005, 2, 16))
	batch := histogram("batch_events", "Events per commit.", prometheus.ExponentialBuckets(1, 2, 13))
	for _, which := range chains {
		label := which.String()
		m.chains[which] = &chainMetrics{
			records: records.WithLabelValues(label), duplicates: duplicates.WithLabelValues(label),
			failures: failures.WithLabelValues(label), written: written.WithLabelValues(label),
			skipped: skipped.WithLabelValues(label), damaged: damaged.WithLabelValues(label),
			salvaged: salvaged.WithLabelValues(label), missing: missing.WithLabelValues(label), lost: lost.WithLabelValues(label),
			wear: &m.wear, seconds: seconds.WithLabelValues(label), batch: batch.WithLabelValues(label),
		}
	}
	m.bytes = gauge("disk_bytes", "Bytes on disk.")
	m.files = gauge("files", "Files on disk.")
	m.first = gauge("first_sequence", "Oldest sequence on disk, 0 if none.")
	m.last = gauge("last_sequence", "Newest sequence.")
	m.age = gauge("oldest_seconds", "Age of the oldest event by the wall clock, 0 if none.")
	m.lag = gauge("lag_records", "Sequences that a follower has not read.", "follower")
	m.perEvent = prometheus.NewDesc("linli_journal_written_per_event_bytes", "Bytes written per event, followers' states included, since the start.", nil, nil)
	m.perDay = prometheus.NewDesc("linli_journal_written_per_day_bytes", "Bytes written per day at the rate since the start.", nil, nil)
	m.reserve = prometheus.NewDesc("linli_journal_reserve_bytes", "Room on disk that only urgent events can use.", nil, nil)
	m.collectors = append(m.collectors, m)
	return m
}

func (m *metrics) of(which Chain) *chainMetrics { return m.chains[which] }

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	var errs []error
	for _, c := range m.collectors {
		if err := r.Register(c); err != nil {
			errs = append(errs, err)
			continue
		}
		m.registered = append(m.registered, c)
	}
	if err := errors.Join(errs...); err != nil {
		m.unregister(r)
		return err
	}
	return nil
}

func (m *metrics) unregister(r prometheus.Registerer) {
	for _, c := range m.registered {
		r.Unregister(c)
	}
	m.registered = nil
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.bytes, m.files, m.first, m.last, m.age, m.lag, m.reserve, m.perEvent, m.perDay} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	stats := m.journal.Stats()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(m.reserve, float64(stats.Reserve))
	gauge(m.perEvent, stats.Wear.PerEvent())
	gauge(m.perDay, stats.Wear.PerDay())
	now := m.journal.options.Clock().Wall
	for _, which := range chains {
		s, label := stats.Chains[which], which.String()
		gauge(m.bytes, float64(s.Bytes), label)
		gauge(m.files, float64(s.Files), label)
		gauge(m.first, float64(s.First), label)
		gauge(m.last, float64(s.Last), label)
		var age float64
		if !s.Oldest.IsZero() {
			age = now.Sub(s.Oldest).Seconds()
		}
		gauge(m.age, age, label)
		for _, f := range stats.Followers {
			if f.Follows[which] {
				gauge(m.lag, float64(f.Lag[which]), label, f.Name)
			}
		}
	}
}
