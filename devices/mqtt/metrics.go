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

// Reasons for refusing a connection, a label of linli_mqtt_refused_total.
const (
	refusedCredentials = "credentials"
	refusedClientID    = "client_id"
	refusedWill        = "will"
	refusedSessions    = "sessions" // too many of one account
	refusedBusy        = "busy"     // too much of this client waits for the disk
	refusedPending     = "pending"  // too many connections before login
	refusedFull        = "full"     // too many connections
	refusedProtocol    = "protocol" // no CONNECT, or a bad one, or none in time
)

// Reasons for dropping a message to one client, the label of
// linli_mqtt_dropped_total.
const (
	droppedUnread = "unread"    // QoS 0, and the client reads too slowly
	droppedFull   = "full"      // QoS 1 or 2, and too much waits already
	droppedSize   = "too_large" // for what the client says it takes
)

type brokerMetrics struct {
	connections *prometheus.GaugeVec
	messages    *prometheus.CounterVec
	handled     prometheus.Counter // of messages, looked up once
	refused     *prometheus.CounterVec
	disconnects *prometheus.CounterVec
	dropped     *prometheus.CounterVec
	tooLarge    prometheus.Counter
	panics      prometheus.Counter
	stuck       prometheus.Counter
	held        prometheus.Counter
}

func newBrokerMetrics(r prometheus.Registerer, b *Broker) *brokerMetrics {
	f := promauto.With(r)
	m := &brokerMetrics{
		connections: f.NewGaugeVec(prometheus.GaugeOpts{Name: "linli_mqtt_connections", Help: "Clients logged in at the embedded broker, by listener (tcp, tls, ws, wss)."}, []string{"listener"}),
		messages:    newMessageCounter(f),
		refused:     f.NewCounterVec(prometheus.CounterOpts{Name: "linli_mqtt_refused_total", Help: "Connections refused before or at login, by listener and reason."}, []string{"listener", "reason"}),
		disconnects: f.NewCounterVec(prometheus.CounterOpts{Name: "linli_mqtt_disconnects_total", Help: "Connections that have ended after their login, by reason."}, []string{"reason"}),
		dropped:     f.NewCounterVec(prometheus.CounterOpts{Name: "linli_mqtt_dropped_total", Help: "Messages that one client did not get, by reason; nothing that the gateway keeps is ever dropped."}, []string{"reason"}),
		tooLarge:    f.NewCounter(prometheus.CounterOpts{Name: "linli_mqtt_packets_too_large_total", Help: "Connections closed because a packet announced more than its limit."}),
		panics:      f.NewCounter(prometheus.CounterOpts{Name: "linli_mqtt_panics_total", Help: "Panics that ended a connection or a message, and nothing else."}),
		stuck:       f.NewCounter(prometheus.CounterOpts{Name: "linli_mqtt_stuck_total", Help: "Connections closed because the client did not read in time."}),
	}
	m.held = f.NewCounter(prometheus.CounterOpts{Name: "linli_mqtt_held_total", Help: "Messages that waited for their turn because their client sent more than its rate; none is lost, and no call for help waits."})
	m.handled = m.messages.WithLabelValues(resultHandled)
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "linli_mqtt_sessions", Help: "Sessions at the embedded broker, connected or kept."}, func() float64 {
		b.mu.Lock()
		defer b.mu.Unlock()
		return float64(len(b.sessions))
	})
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "linli_mqtt_queued_bytes", Help: "What waits for clients of the embedded broker, QoS 1 and 2."}, func() float64 {
		return float64(b.queuedBytes.Load())
	})
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "linli_mqtt_unsettled_bytes", Help: "Messages heard that are not acknowledged yet, of all clients."}, func() float64 {
		return float64(b.unsettled.bytes.Load())
	})
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "linli_mqtt_retained_bytes", Help: "What the embedded broker retains."}, func() float64 {
		b.router.mu.RLock()
		defer b.router.mu.RUnlock()
		return float64(b.router.retainedBytes)
	})
	return m
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
