package supervision

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/linli-edge/gateway/devices"
)

const (
	// tickInterval is how often Run looks at all devices.
	tickInterval = 5 * time.Second
	// saveInterval is how often it is written when each was last heard.
	saveInterval = time.Hour
	// offlineGrace is how long a device that was said to be offline has to
	// come back.
	offlineGrace = 5 * time.Minute
	// restartGrace is how long a restart of the gateway alone may take, and
	// how long everybody has after it. After a kill it is an interval.
	restartGrace = 5 * time.Minute
	// bootGrace is how long after a start of the box nothing is found.
	bootGrace = 10 * time.Minute
	// recordsAtOnce share the journal's commits.
	recordsAtOnce = 64
)

// Device is what is supervised.
type Device struct {
	ID   string
	Kind devices.Kind
	// Interval is the device's own reporting interval, 0 for that of its kind.
	Interval time.Duration
}

// Options of New; every field is needed.
type Options struct {
	// File keeps what was found.
	File string
	// Devices lists those in use. What is no longer in it is forgotten, and
	// what was found of it cleared.
	Devices    func() []Device
	Recorder   devices.Recorder
	Clock      devices.Clock
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Supervisor watches the devices. Its methods may be called at once; what it
// hears costs a lock and nothing else.
type Supervisor struct {
	Options
	started devices.Stamp
	// continued: the one before has ended well, and not long ago, so that what
	// it knew of who was heard when is whole.
	continued bool
	found     *prometheus.GaugeVec

	mu      sync.Mutex
	watches map[string]*watch
}

// watch is what is known of one device.
type watch struct {
	// Heard is when it last spoke; Mono counts in the present boot only.
	Heard devices.Stamp `json:"heard"`
	// Said is what it last said of each condition: true for wrong.
	Said map[devices.Type]bool `json:"said,omitempty"`
	// Found is what was decided last of each finding.
	Found map[devices.Type]*decision `json:"found,omitempty"`
	// Percent is its battery, as it last said.
	Percent *int `json:"percent,omitempty"`

	offline time.Duration                  // since when it was said to be, boot time; 0 if it was not
	since   map[devices.Type]time.Duration // since when it says what it says
}

// decision is one finding, or that it is over, on its way to the journal.
type decision struct {
	At      devices.Stamp `json:"at"`
	Since   time.Time     `json:"since"`
	Cleared bool          `json:"cleared,omitempty"`
	// Pending: the journal may not have it yet.
	Pending bool `json:"pending,omitempty"`
}

// New makes a Supervisor that remembers what the file says.
func New(o Options) *Supervisor {
	s := &Supervisor{Options: o, started: o.Clock(), watches: map[string]*watch{}, found: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "linli_supervision_findings", Help: "Devices of which something is found, by what: silent, battery_low, not_worn, clock_wrong, tampered.",
	}, []string{"finding"})}
	s.load()
	o.Registerer.MustRegister(s.found)
	return s
}

// Heard takes in that a device lives, whatever it said.
func (s *Supervisor) Heard(device string, at devices.Stamp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.watch(device)
	w.Heard, w.offline = at, 0
}

// Offline takes in that a device was said to have gone.
func (s *Supervisor) Offline(device string, at devices.Stamp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.watch(device); w.offline == 0 {
		w.offline = max(at.Mono, 1)
	}
}

// Reported takes in what a device says in a report of type t, with its
// canonical data.
func (s *Supervisor) Reported(device string, t devices.Type, data json.RawMessage, at devices.Stamp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.watch(device)
	condition, wrong, ok := says(t, data, w.Said[TypeBatteryLow])
	if !ok {
		return
	}
	w.say(condition, wrong, at)
	if condition == TypeBatteryLow {
		var b struct {
			Percent *int `json:"percent"`
		}
		if json.Unmarshal(data, &b) == nil && b.Percent != nil {
			w.Percent = b.Percent
		}
	}
}

// Dated takes in whether a device's time stamp was plausible.
func (s *Supervisor) Dated(device string, plausible bool, at devices.Stamp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch(device).say(TypeClockWrong, !plausible, at)
}

func (w *watch) say(t devices.Type, wrong bool, at devices.Stamp) {
	if said, ever := w.Said[t]; ever && said == wrong || !ever && !wrong {
		return
	}
	w.Said[t], w.since[t] = wrong, at.Mono
}

// watch is that of a device. The caller holds mu.
func (s *Supervisor) watch(device string) *watch {
	w := s.watches[device]
	if w == nil {
		w = &watch{}
		s.watches[device] = w
		w.prepare()
	}
	return w
}

func (w *watch) prepare() {
	w.since = map[devices.Type]time.Duration{}
	if w.Said == nil {
		w.Said = map[devices.Type]bool{}
	}
	if w.Found == nil {
		w.Found = map[devices.Type]*decision{}
	}
}

// Health is how a device is.
type Health struct {
	// Heard is when it last spoke, the zero Stamp for never.
	Heard devices.Stamp `json:"heard,omitzero"`
	// Percent is the last word on its battery, nil if there was none.
	Percent *int `json:"battery_percent,omitempty"`
	// Found is what is wrong with it, in the order of Types.
	Found []devices.Type `json:"found,omitempty"`
}

// Health tells how a device is, as of the last look.
func (s *Supervisor) Health(device string) Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.watches[device]
	if w == nil {
		return Health{}
	}
	h := Health{Heard: w.Heard, Percent: w.Percent}
	for _, t := range types {
		if w.on(t) {
			h.Found = append(h.Found, t)
		}
	}
	return h
}

// on tells whether t was found, and is not cleared.
func (w *watch) on(t devices.Type) bool { d := w.Found[t]; return d != nil && !d.Cleared }

// Run looks at all devices again and again until ctx ends, and then writes
// down when each was last heard.
func (s *Supervisor) Run(ctx context.Context) error {
	tick := time.NewTicker(tickInterval)
	defer tick.Stop()
	save := time.NewTicker(saveInterval)
	defer save.Stop()
	for {
		s.look(ctx)
		select {
		case <-ctx.Done():
			s.save(s.Clock())
			return nil
		case <-save.C:
			s.save(devices.Stamp{})
		case <-tick.C:
		}
	}
}

// look decides what is found now, keeps that, and has it journaled.
func (s *Supervisor) look(ctx context.Context) {
	now := s.Clock()
	if s.decide(now) {
		s.save(devices.Stamp{})
	}
	if s.journal(ctx) {
		s.save(devices.Stamp{})
	}
}

// decide returns whether anything has been found or is over.
func (s *Supervisor) decide(now devices.Stamp) (changed bool) {
	inUse := map[string]Device{}
	for _, d := range s.Devices() {
		inUse[d.ID] = d
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Mono < bootGrace {
		return false
	}
	for id := range inUse {
		s.watch(id)
	}
	counts := map[devices.Type]int{}
	for id, w := range s.watches {
		d, known := inUse[id]
		if !known {
			changed = w.clear(now) || changed
			if !w.pending() && len(w.Found) == 0 {
				delete(s.watches, id)
			}
			continue
		}
		silent, since := s.silent(w, d, now)
		changed = w.set(TypeSilent, silent, since, now) || changed
		for t, r := range conditions {
			wrong := w.Said[t]
			lasts := r.after
			if !wrong {
				lasts = r.until
			}
			if held := now.Mono - max(w.since[t], s.started.Mono); held >= lasts {
				changed = w.set(t, wrong, held, now) || changed
			}
		}
		for _, t := range types {
			if w.on(t) {
				counts[t]++
			}
		}
	}
	for _, t := range types {
		s.found.WithLabelValues(string(t[len("device."):])).Set(float64(counts[t]))
	}
	return changed
}

// silent tells whether a device is, and for how long it has said nothing.
func (s *Supervisor) silent(w *watch, d Device, now devices.Stamp) (bool, time.Duration) {
	interval := d.Interval
	if interval == 0 {
		interval = Interval(d.Kind)
	}
	listening := now.Mono - s.started.Mono
	quiet, inThisBoot := now.Since(w.Heard)
	before := w.Heard.Mono < s.started.Mono
	if !inThisBoot || before && !s.continued {
		quiet = listening // it may have spoken since, and nobody knows
	}
	if w.on(TypeSilent) { // until it speaks
		_, sameBoot := now.Since(w.Found[TypeSilent].At)
		return !inThisBoot || sameBoot && w.Heard.Mono <= w.Found[TypeSilent].At.Mono, quiet
	}
	if before && listening < min(restartGrace, interval) {
		return false, quiet // it may have spoken while nobody listened
	}
	gone := w.offline > 0 && now.Mono-w.offline >= min(offlineGrace, interval)
	return quiet >= interval || gone, quiet
}

// set decides that t holds, or no longer, for a while.
func (w *watch) set(t devices.Type, holds bool, lasts time.Duration, now devices.Stamp) (changed bool) {
	if w.on(t) == holds {
		return false
	}
	if d := w.Found[t]; d != nil && d.Pending {
		return false // one after the other
	}
	w.Found[t] = &decision{At: now, Since: now.Wall.Add(-lasts).UTC(), Cleared: !holds, Pending: true}
	return true
}

// clear ends everything that is found of a device that is no longer in use.
func (w *watch) clear(now devices.Stamp) (changed bool) {
	for t, d := range w.Found {
		if d.Pending {
			continue
		}
		if d.Cleared {
			delete(w.Found, t)
			continue
		}
		changed = w.set(t, false, 0, now) || changed
	}
	return changed
}

func (w *watch) pending() bool {
	for _, d := range w.Found {
		if d.Pending {
			return true
		}
	}
	return false
}

// journal records what is pending, and returns whether any of it was.
func (s *Supervisor) journal(ctx context.Context) (recorded bool) {
	type work struct {
		device string
		typ    devices.Type
		decision
	}
	var all []work
	s.mu.Lock()
	for _, id := range slices.Sorted(maps.Keys(s.watches)) {
		for _, t := range types {
			if d := s.watches[id].Found[t]; d != nil && d.Pending {
				all = append(all, work{id, t, *d})
			}
		}
	}
	s.mu.Unlock()
	var g errgroup.Group
	g.SetLimit(recordsAtOnce)
	for _, w := range all {
		g.Go(func() error {
			e, err := devices.New(w.device, Finding{Type: w.typ, Since: w.Since, Cleared: w.Cleared})
			if err == nil {
				e.ID, e.Received = fmt.Sprintf("supervision/%s/%s/%d", w.typ, w.At.Boot, w.At.Mono), w.At
				err = s.Recorder.Record(ctx, e)
			}
			if err != nil {
				return fmt.Errorf("%s of %s: %w", w.typ, w.device, err)
			}
			s.Logger.Info("device finding", "device", w.device, "finding", w.typ, "cleared", w.Cleared)
			s.mu.Lock()
			defer s.mu.Unlock()
			if d := s.watches[w.device].Found[w.typ]; d != nil {
				d.Pending = false
			}
			recorded = true
			return nil
		})
	}
	if err := g.Wait(); err != nil && ctx.Err() == nil {
		s.Logger.Warn("finding not recorded", "error", err, "again_in", tickInterval)
	}
	return recorded
}
