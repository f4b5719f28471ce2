package intake_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/intake"
	"github.com/linli-edge/gateway/devices/locker"
)

// void forgets what it is given to record.
type void struct{}

func (void) Submit(_ context.Context, _ devices.Event, done func(error)) error {
	done(nil)
	return nil
}

func (void) Record(context.Context, devices.Event) error { return nil }

// BenchmarkTake: a native event of 230 bytes, from its topic to the event that
// is handed to the journal.
func BenchmarkTake(b *testing.B) {
	stamps, err := clock.System()
	if err != nil {
		b.Fatal(err)
	}
	in := intake.New(intake.Config{
		Directory:  directory{"locker-01": {ID: "locker-01", Kind: locker.Kind}},
		Vocabulary: devices.NewVocabulary(locker.Specs()), Recorder: void{}, Clock: stamps,
		Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler),
	})
	payload := fmt.Appendf(nil, `{"id":"4711","type":"parcel.deposited","data":{"compartment":12,"note":"%s"},"firmware":"2.4.1"}`, strings.Repeat("x", 130))
	m := devices.Message{Client: "locker-01", Topic: "linli/v1/locker-01/event", Payload: payload}
	b.ReportAllocs()
	for b.Loop() {
		in.Take(b.Context(), m, func(err error) {
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}
