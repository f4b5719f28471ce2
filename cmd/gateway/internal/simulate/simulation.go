package simulate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/sync/errgroup"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Config is how a community is played.
type Config struct {
	// Broker is the gateway's address: tcp://127.0.0.1:1883.
	Broker string
	// Credentials returns the secret with which a device logs in; its user
	// name is its ID.
	Credentials func(device string) (secret string, err error)
	// Speed is how many times faster than real time the day passes; at least 1.
	Speed float64
	// Seed chooses among the possible days.
	Seed uint64
	// From is the hour at which the day begins, zero for the present one.
	From time.Time
	// FirstSOS is after how much real time somebody certainly presses for
	// help, 0 for no such certainty.
	FirstSOS time.Duration
	// Clock stamps the reports.
	Clock  devices.Clock
	Logger *slog.Logger
	// Acknowledged, if not nil, is told of each report as it is acknowledged,
	// by the goroutines of the devices.
	Acknowledged func(device string, r Report)
}

// Counts says what the gateway has acknowledged.
type Counts struct {
	// Reports are the acknowledged reports, by device and type.
	Reports map[string]map[devices.Type]int
	// Repeated counts further copies of acknowledged reports.
	Repeated int
}

// Total of the reports of a type.
func (c Counts) Total(t devices.Type) int {
	n := 0
	for _, types := range c.Reports {
		n += types[t]
	}
	return n
}

// Simulation plays a community.
type Simulation struct {
	Config
	community Community
	run       string // begins the ids of this run, so that the next repeats none
	began     devices.Stamp
	dial      mqtt.OpenConnectionFunc // nil for TCP

	mu     sync.Mutex
	counts Counts
}

// New prepares to play a community. It connects to nothing yet.
func New(community Community, c Config) (*Simulation, error) {
	if c.Speed < 1 {
		return nil, fmt.Errorf("speed: must be at least 1 (got %g)", c.Speed)
	}
	if c.Clock == nil || c.Credentials == nil || c.Logger == nil {
		return nil, errors.New("simulate: Clock, Credentials and Logger are needed")
	}
	return &Simulation{Config: c, community: community, counts: Counts{Reports: map[string]map[devices.Type]int{}}}, nil
}

// Run plays until ctx ends, then disconnects every device and returns nil. It
// returns an error only if a device has no credentials. It is called once.
func (s *Simulation) Run(ctx context.Context) error {
	s.began = s.Clock()
	s.run = strconv.FormatInt(s.began.Wall.UnixMilli(), 36)
	if s.From.IsZero() {
		s.From = s.began.Wall
	}
	var players []*player
	first := s.helpless()
	for _, d := range s.community.Devices {
		secret, err := s.Credentials(d.ID)
		if err != nil {
			return fmt.Errorf("credentials of %s: %w", d.ID, err)
		}
		var sos time.Time
		if d.ID == first {
			sos = s.From.Add(time.Duration(float64(s.FirstSOS) * s.Speed))
		}
		players = append(players, &player{sim: s, device: d, secret: secret, reports: Routine(d, s.Seed, s.From, sos), dial: s.dial})
	}
	running, ctx := errgroup.WithContext(ctx)
	for _, p := range players {
		running.Go(func() error { return p.play(ctx) })
	}
	return running.Wait()
}

// helpless is the wearable whose wearer presses first, "" for none.
func (s *Simulation) helpless() string {
	var wearers []string
	for _, d := range s.community.Devices {
		if d.Kind == wearable.Kind { // not every device of an elder has a button
			wearers = append(wearers, d.ID)
		}
	}
	if s.FirstSOS == 0 || len(wearers) == 0 {
		return ""
	}
	return wearers[source(s.Seed, "first").IntN(len(wearers))]
}

// Counts of what has been acknowledged so far.
func (s *Simulation) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Counts{Reports: map[string]map[devices.Type]int{}, Repeated: s.counts.Repeated}
	for device, types := range s.counts.Reports {
		c.Reports[device] = maps.Clone(types)
	}
	return c
}

// acknowledged counts the nth copy of a report.
func (s *Simulation) acknowledged(device string, r Report, copy int) {
	s.mu.Lock()
	if copy > 0 {
		s.counts.Repeated++
	} else {
		types := s.counts.Reports[device]
		if types == nil {
			types = map[devices.Type]int{}
			s.counts.Reports[device] = types
		}
		types[r.Payload.EventType()]++
	}
	s.mu.Unlock()
	if copy == 0 && s.Acknowledged != nil {
		s.Acknowledged(device, r)
	}
}

// due is how long after the beginning, in real time, a moment of the rhythm
// comes.
func (s *Simulation) due(at time.Time) time.Duration {
	return time.Duration(float64(at.Sub(s.From)) / s.Speed)
}

// elapsed is the real time since the beginning.
func (s *Simulation) elapsed() time.Duration {
	d, _ := s.Clock().Since(s.began)
	return d
}
