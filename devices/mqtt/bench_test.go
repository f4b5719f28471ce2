package mqtt

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
)

// BenchmarkBrokerWithoutStorage is what the broker alone is capable of: the
// handler returns at once. Everything that stores is to be compared with it.
func BenchmarkBrokerWithoutStorage(b *testing.B) {
	for _, connections := range []int{1, 10, 50, 500} {
		for _, window := range []int{1, 16} {
			b.Run(fmt.Sprintf("connections=%d/window=%d", connections, window), func(b *testing.B) {
				broker, err := NewBroker(BrokerConfig{Listeners: []Listener{{Address: "127.0.0.1:0"}}}, limited(10_000_000),
					func(_ context.Context, _ devices.Message, done func(error)) { done(nil) }, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
				if err != nil {
					b.Fatal(err)
				}
				defer runDriver(b, broker)()
				load := benchLoad(broker.Addrs()[0].String(), connections, window)
				load.Messages = b.N
				b.ResetTimer()
				r, err := mqttload.Run(b.Context(), load)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(r.PerSecond(), "acked/s")
				b.ReportMetric(float64(r.Quantile(0.5).Microseconds()), "p50-µs")
				b.ReportMetric(float64(r.Quantile(0.99).Microseconds()), "p99-µs")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// benchLoad publishes native events of about 230 bytes.
func benchLoad(address string, connections, window int) mqttload.Load {
	return mqttload.Load{
		Address: address, Connections: connections, Window: window,
		Login: func(n int) (string, string, string) {
			id := fmt.Sprint("d", n)
			return id, id, id
		},
		Message: func(n, i int) (string, []byte) {
			return deviceTopic(fmt.Sprint("d", n)), fmt.Appendf(nil,
				`{"id":"%08d-%08d","type":"vitals","time":"2026-11-23T08:15:30+08:00","data":{"heart_rate":72,"spo2":98,"systolic":121,"diastolic":79,"temperature":36.6,"steps":4312,"note":"%060d"}}`, n, i, i)
		},
	}
}

// TestLoad makes sure that what measures is right: everything published is
// acknowledged and handled, each message once.
func TestLoad(t *testing.T) {
	for _, window := range []int{1, 16} {
		b := startBroker(t, BrokerConfig{})
		load := benchLoad(b.Addrs()[0].String(), 5, window)
		load.Messages = 1000
		r, err := mqttload.Run(t.Context(), load)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, m := range b.handler.Taken() {
			seen[string(m.Payload)] = true
		}
		if r.Acked != 1000 || len(seen) != 1000 {
			t.Errorf("window %d: %d acknowledged, %d handled", window, r.Acked, len(seen))
		}
		if r.Quantile(0.5) <= 0 || r.Quantile(0.99) < r.Quantile(0.5) || r.Elapsed < r.Quantile(1) {
			t.Errorf("window %d: latencies %v, %v, %v in %v", window, r.Quantile(0.5), r.Quantile(0.99), r.Quantile(1), r.Elapsed)
		}
		b.stop()
	}
}
