package sensor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
)

const (
	readEvery = 10 * time.Second
	tellEvery = 10 * time.Minute
	inARow    = 3 // readings that make or clear a fault
	tellLimit = 5 * time.Second
)

// leastChange is what is told before tellEvery, in degrees and percent.
var leastChange = map[Quantity]float64{Temperature: 0.5, Humidity: 2}

// Report takes in what a device says, and returns nil when that is on disk:
// intake.Intake.Report.
type Report func(ctx context.Context, device string, r devices.Report) error

// Driver reads probes. It is a [devices.Driver].
type Driver struct {
	probes []Probe
	sys    fs.FS
	report Report
	clock  devices.Clock
	log    *slog.Logger
	failed *prometheus.CounterVec
	told   atomic.Uint64
}

// New makes a driver of the probes; sys is the folder /sys.
func New(probes []Probe, sys fs.FS, report Report, clock devices.Clock, log *slog.Logger, metrics prometheus.Registerer) *Driver {
	d := &Driver{probes: probes, sys: sys, report: report, clock: clock, log: log, failed: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "linli_sensor_failures_total", Help: "Readings of a sensor that were none.",
	}, []string{"sensor"})}
	metrics.MustRegister(d.failed)
	return d
}

// Run reads the probes until ctx ends. Each is read by itself: a bus that
// hangs holds up its own probes only.
func (d *Driver) Run(ctx context.Context) error {
	var reading sync.WaitGroup
	for _, p := range d.probes {
		reading.Go(func() {
			var s state
			tick := time.NewTicker(readEvery)
			defer tick.Stop()
			for {
				s = d.look(ctx, p, s)
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
			}
		})
	}
	reading.Wait()
	<-ctx.Done() // a box may have no sensors
	return nil
}

// look reads a probe once, and tells what is to be told. What cannot be
// recorded is told with the next reading.
func (d *Driver) look(ctx context.Context, p Probe, s state) state {
	v, err := p.read(d.sys)
	if err != nil {
		d.failed.WithLabelValues(p.Name()).Inc()
	}
	now := d.clock()
	after, reports := p.step(s, v, err, now.Mono)
	for _, r := range reports {
		data, err := json.Marshal(r)
		if err == nil {
			once, cancel := context.WithTimeout(ctx, tellLimit)
			id := fmt.Sprintf("sensor/%.8s/%d/%d", now.Boot, now.Mono, d.told.Add(1))
			err = d.report(once, p.Device, devices.Report{Type: r.EventType(), ID: id, Data: data})
			cancel()
		}
		if err != nil {
			return s
		}
	}
	if after.fault != s.fault {
		d.log.Warn("sensor", "sensor", p.Name(), "fault", after.fault, "error", err)
	}
	return after
}

// state is what is remembered of a probe: a pure state machine, from readings
// to reports.
type state struct {
	last   float64 // reading that was believed
	read   bool
	told   float64
	toldAt time.Duration
	said   bool   // told is set
	fault  string // that was told, "" if all is well
	bad    int    // readings in a row that were none
	good   int    // readings in a row that were good
}

// plausible is how far a reading of 85 C may be from the one before.
const plausible = 5

// step is the transition by a reading.
func (p Probe) step(s state, v float64, err error, at time.Duration) (state, []devices.Payload) {
	if err == nil && p.Bus == OneWire && v == powerOn && (!s.read || math.Abs(s.last-powerOn) > plausible) {
		err = errPower
	}
	var reports []devices.Payload
	if err != nil {
		s.bad, s.good = s.bad+1, 0
		if code := codeOf(err); s.bad >= inARow && code != s.fault {
			if s.fault != "" {
				reports = append(reports, p.fault(s.fault, true))
			}
			s.fault, s.said = code, false
			reports = append(reports, p.fault(code, false))
		}
		return s, reports
	}
	s.bad, s.good = 0, s.good+1
	s.last, s.read = v, true
	if s.fault != "" {
		if s.good < inARow {
			return s, nil
		}
		reports = append(reports, p.fault(s.fault, true))
		s.fault = ""
	}
	if s.said && math.Abs(v-s.told) < leastChange[p.Quantity] && at-s.toldAt < tellEvery {
		return s, reports
	}
	s.told, s.toldAt, s.said = v, at, true
	return s, append(reports, p.reading(math.Round(v*10)/10))
}

func codeOf(err error) string {
	switch {
	case errors.Is(err, errCRC):
		return "sensor_crc"
	case errors.Is(err, errPower):
		return "sensor_power"
	}
	return "sensor_gone"
}

func (p Probe) fault(code string, cleared bool) devices.Payload {
	if p.Compartment != 0 {
		return locker.Fault{Compartment: p.Compartment, Code: code, Cleared: cleared}
	}
	return condition.Fault{Code: code, Cleared: cleared}
}

func (p Probe) reading(v float64) devices.Payload {
	if p.Quantity == Humidity {
		return condition.Humidity{Compartment: p.Compartment, Percent: v}
	}
	return pickup.Temperature{Compartment: p.Compartment, Celsius: v, Cold: p.Cold}
}
