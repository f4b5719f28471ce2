package mqtt

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Results of a message, the label of linli_mqtt_messages_total.
const (
	resultHandled  = "handled"
	resultFailed   = "failed"   // not acknowledged, will be delivered again
	resultLost     = "lost"     // failed, and of QoS 0 or a will: nobody delivers again
	resultDenied   = "denied"   // the account may not publish there
	resultUnrouted = "unrouted" // handled, but not retained or passed on: too large
)

// Reasons for refusing a connection, the label of linli_mqtt_refused_total.
const (
	refusedCredentials = "credentials"
	refusedClientID    = "client_id"
	refusedWill        = "will"
	refusedSessions    = "sessions" // too many of one account
	refusedPending     = "pending"  // too many connections before login
	refusedFull        = "full"     // too many connections
	refusedProtocol    = "protocol" // no CONNECT, or a bad one, or none in time
)

type brokerMetrics struct {
	connections prometheus.Gauge
	messages    *prometheus.CounterVec
	refused     *prometheus.CounterVec
	tooLarge    prometheus.Counter
	panics      prometheus.Counter
	stuck       prometheus.Counter
}

func newBrokerMetrics(r prometheus.Registerer) *brokerMetrics {
	f := promauto.With(r)
	return &brokerMetrics{
		connections: f.NewGauge(prometheus.GaugeOpts{Name: "linli_mqtt_connections", Help: "Clients logged in at the embedded broker."}),
		messages:    newMessageCounter(f),
		refused:     f.NewCounterVec(prometheus.CounterOpts{Name: "linli_mqtt_refused_total", Help: "Connections refused before or at login, by reason."}, []string{"reason"}),
		tooLarge:    f.NewCounter(prometheus.CounterOpts{Name: "linli_mqtt_packets_too_large_total", Help: "Connections closed because a packet announced more than its limit."}),
		panics:      f.NewCounter(prometheus.CounterOpts{Name: "linli_mqtt_panics_total", Help: "Panics that ended a connection or a message, and nothing else."}),
		stuck:       f.NewCounter(prometheus.CounterOpts{Name: "linli_mqtt_stuck_total", Help: "Connections closed because the client did not read in time."}),
	}
}

type clientMetrics struct {
	connected prometheus.Gauge
	attempts  prometheus.Counter
	messages  *prometheus.CounterVec
}

func newClientMetrics(r prometheus.Registerer) *clientMetrics {
	f := promauto.With(r)
	return &clientMetrics{
		connected: f.NewGauge(prometheus.GaugeOpts{Name: "linli_mqtt_connected", Help: "1 while subscribed at the external broker."}),
		attempts:  f.NewCounter(prometheus.CounterOpts{Name: "linli_mqtt_connects_total", Help: "Attempts to connect to the external broker."}),
		messages:  newMessageCounter(f),
	}
}

func newMessageCounter(f promauto.Factory) *prometheus.CounterVec {
	return f.NewCounterVec(prometheus.CounterOpts{Name: "linli_mqtt_messages_total", Help: "Messages heard, by result."}, []string{"result"})
}
