package journal_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/intake"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/journal/journaltest"
)

// community is a directory in which "w…" is a wearable, and all else a locker.
type community struct{}

func (community) Device(id string) (devices.Device, bool) {
	if strings.HasPrefix(id, "w") {
		return devices.Device{ID: id, Kind: wearable.Kind, Elder: "e"}, true
	}
	return devices.Device{ID: id, Kind: locker.Kind, Facility: "f"}, true
}
func (community) Behind(string, string) (devices.Device, bool) { return devices.Device{}, false }
func (community) Bridges() []devices.Device                    { return nil }

// BenchmarkCardOverMQTT is BenchmarkCard with the whole way in: 50 lockers on
// connections of the embedded broker, one message in flight each, and an SOS
// every 100 ms, both until their PUBACK.
func BenchmarkCardOverMQTT(b *testing.B) {
	o := options()
	o.Wait = journal.DefaultWait
	j, err := journal.OpenFaulty(b.TempDir(), o, nil, slowCard())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { mustClose(b, j) })
	vocabulary := kinds.Vocabulary()
	profiles, err := profile.Load(fstest.MapFS{}, vocabulary)
	if err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	in := intake.New(intake.Config{
		Directory: community{}, Vocabulary: vocabulary, Profiles: profiles, Recorder: j, Clock: newStamp().read, Logger: log, Registerer: prometheus.NewRegistry(),
	})
	login := func(c mqtt.Credentials) (devices.Account, bool) {
		d, ok := community{}.Device(c.User)
		return in.Account(d), ok
	}
	broker, err := mqtt.NewBroker(mqtt.BrokerConfig{Listeners: []mqtt.Listener{{Address: "127.0.0.1:0"}}}, login, in.Take, log, prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- broker.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})

	run := counter.Add(1)
	load := func(connections, messages int, name, payload string) mqttload.Load {
		return mqttload.Load{
			Address: broker.Addrs()[0].String(), Connections: connections, Window: 1, Messages: messages,
			Login: func(n int) (clientID, user, secret string) {
				id := fmt.Sprint(name, n)
				return id, id, "secret"
			},
			Message: func(n, i int) (string, []byte) {
				return fmt.Sprintf("linli/v1/%s%d/event", name, n), fmt.Appendf(nil, payload, fmt.Sprint(run, "-", counter.Add(1)))
			},
		}
	}
	var perSecond []float64
	var press []time.Duration
	for b.Loop() {
		flooding, end := context.WithCancel(ctx)
		pressed := make(chan struct{})
		go func() {
			defer close(pressed)
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for flooding.Err() == nil {
				<-tick.C
				r, err := mqttload.Run(ctx, load(1, 1, "w", `{"id":"%s","type":"sos"}`))
				if err != nil {
					b.Error(err)
					return
				}
				press = append(press, r.Latency...)
			}
		}()
		r, err := mqttload.Run(ctx, load(50, 6000, "l", `{"id":"%s","type":"parcel.deposited","time":"2026-03-01T08:00:00+08:00","data":{"compartment":12}}`))
		if err != nil {
			b.Fatal(err)
		}
		end()
		<-pressed
		perSecond = append(perSecond, r.PerSecond())
	}
	slices.Sort(press)
	b.ReportMetric(median(perSecond), "acked/s")
	b.ReportMetric(milliseconds(journaltest.Quantile(press, .5)), "sos-puback-p50-ms")
	b.ReportMetric(milliseconds(journaltest.Quantile(press, .99)), "sos-puback-p99-ms")
	b.ReportMetric(0, "ns/op")
}
