package province

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/usage"
)

// Sender sends the rows of one box to one destination.
type Sender struct {
	config   Config
	journal  *journal.Journal
	plain    atomic.Bool // the platform does not know gzip
	client   *http.Client
	usage    *usage.Usage
	registry *registry.Registry
	state    *journal.State
	metrics  *metrics

	sending sync.Mutex // held while a batch is under way
	// Of who holds sending.
	free      time.Time // when the next batch of rows may leave, by Pace
	reachable *bool     // whether the platform was, as it is in the journal

	mu      sync.Mutex
	scheme  contract.Scheme
	status  Status        // without the counts
	heard   time.Time     // the platform's clock, as it last told
	heardAt devices.Stamp // when it did
}

// Status is how the sending goes.
type Status struct {
	// Name is that of the destination.
	Name string
	// Backlog is how many rows the platform has not accepted yet.
	Backlog int
	// SetAside is how many rows it has refused.
	SetAside int
	// LastSuccess is when it last gave receipts, zero if it has not since the
	// process began.
	LastSuccess time.Time
	// LastError is why the latest attempt failed, nil if it did not; for
	// people, by texts.Of.
	LastError error
	// Next is when the next attempt is due.
	Next time.Time
}

// Open prepares the sending of u's rows with the codes that their facilities
// have in r. Nothing is sent before Run.
func Open(j *journal.Journal, u *usage.Usage, r *registry.Registry, c Config) (*Sender, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.complete()
	scheme, err := c.signer()
	if err != nil {
		return nil, err
	}
	c.Registerer = prometheus.WrapRegistererWith(prometheus.Labels{"destination": c.Name}, c.Registerer)
	state, err := j.OpenState(c.Name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c.Name, err)
	}
	s := &Sender{
		config: c, journal: j, scheme: scheme, usage: u, registry: r, state: state,
		client: &http.Client{
			Transport: c.Transport,
			// A batch that is taken elsewhere is not taken.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	s.metrics = newMetrics(s)
	if err := s.metrics.register(c.Registerer); err != nil {
		return nil, errors.Join(fmt.Errorf("open province: %w", err), state.Close())
	}
	return s, nil
}

// Name is that of the destination.
func (s *Sender) Name() string { return s.config.Name }

// Close closes the state file. Run must have returned.
func (s *Sender) Close() error {
	s.metrics.unregister(s.config.Registerer)
	s.client.CloseIdleConnections()
	return s.state.Close()
}

// Run sends every Interval until ctx ends, and tries again after failures. It
// returns nil.
func (s *Sender) Run(ctx context.Context) error {
	for s.wait(ctx, untilSlot(s.config.Box, s.config.Interval, s.config.Clock().Wall)+jitter(s.config.Interval)) {
		for failures := 0; ; failures++ {
			err := s.Send(ctx)
			if err == nil || ctx.Err() != nil {
				break
			}
			again := backoff(failures)
			if f := (*failure)(nil); errors.As(err, &f) && f.retryAfter > 0 {
				again += f.retryAfter
			}
			s.config.Logger.Warn("rows not sent", "error", err, "again_in", again)
			if !s.wait(ctx, again) {
				break
			}
		}
	}
	return nil
}

// jitter spreads those whose moments fall together.
func jitter(interval time.Duration) time.Duration { return rand.N(interval/60 + 1) }

// Waits after failures.
const (
	backoffFirst = time.Second
	backoffMost  = 5 * time.Minute
)

// backoff is at random half to all of a time that doubles with each failure.
func backoff(failures int) time.Duration {
	most := min(backoffFirst<<min(failures, 20), backoffMost)
	return most/2 + rand.N(most/2)
}

// wait returns false if ctx ends first.
func (s *Sender) wait(ctx context.Context, d time.Duration) bool {
	s.mu.Lock()
	s.status.Next = s.config.Clock().Wall.Add(d)
	s.mu.Unlock()
	return clock.Pause(ctx, d)
}

// Send sends at once what the platform has not accepted yet, as Run does every
// Interval, and compares the days that have ended.
func (s *Sender) Send(ctx context.Context) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	err := s.sendAll(ctx)
	if err == nil {
		err = s.reconcileDue(ctx)
	}
	if err == nil {
		err = s.rotate(ctx)
	}
	if ctx.Err() != nil {
		return err // to be stopped is no failure
	}
	f := (*failure)(nil)
	s.reached(ctx, !errors.As(err, &f) || !f.unreachable)
	if e := s.tell(ctx, s.config.Clock()); e != nil {
		s.config.Logger.Warn("how sending went is not journaled", "error", e)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.LastError = forPeople(err)
	return err
}

// sendAll sends batch by batch until nothing is left.
func (s *Sender) sendAll(ctx context.Context) error {
	for ctx.Err() == nil {
		generation, err := s.usage.Generation()
		if err != nil || generation == 0 {
			return err
		}
		b, err := s.next(generation)
		if err != nil || len(b.upTo) == 0 {
			return err
		}
		var sent tally
		if len(b.rows) > 0 {
			if sent, err = s.sendRows(ctx, b.rows); err != nil {
				return err
			}
		}
		if err := s.advance(generation, b, sent); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// forPeople is the part of an error that the catalogue has words for.
func forPeople(err error) error {
	var known *texts.Error
	if errors.As(err, &known) {
		return known
	}
	return err
}

// sendRows returns nil when every row is accepted or set aside.
func (s *Sender) sendRows(ctx context.Context, rows []usage.Row) (tally, error) {
	sent := tally{Since: s.config.Clock()}
	events, err := s.events(rows)
	if err != nil {
		return sent, err
	}
	receipts, err := s.post(ctx, events)
	if f := (*failure)(nil); errors.As(err, &f) && f.refused {
		if len(rows) > 1 {
			half := len(rows) / 2
			first, err := s.sendRows(ctx, rows[:half])
			if err != nil {
				return sent, err
			}
			second, err := s.sendRows(ctx, rows[half:])
			first.merge(second)
			return first, err
		}
		receipts = map[string]contract.Receipt{events[0].ID: {ID: events[0].ID, Status: contract.Refused, Reason: f.detail}}
	} else if err != nil {
		return sent, err
	}
	if err := s.keepAside(rows, events, receipts); err != nil {
		return sent, err
	}
	now, today := s.platformTime(), s.today()
	for i, e := range events {
		status := receipts[e.ID].Status
		s.metrics.rows.WithLabelValues(string(status)).Inc()
		sent.count(rows[i], status, now, today)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.LastSuccess = s.config.Clock().Wall
	return sent, nil
}

// events are the rows as they go over the wire.
func (s *Sender) events(rows []usage.Row) ([]contract.Event, error) {
	box := s.registry.Snapshot()
	uncertain := map[string]bool{}
	events := make([]contract.Event, len(rows))
	for i, row := range rows {
		doubt, asked := uncertain[row.Day]
		if !asked && len(row.Day) > contract.MonthLength {
			var err error
			if doubt, err = s.usage.Uncertain(row.Day); err != nil {
				return nil, err
			}
			uncertain[row.Day] = doubt
		}
		var err error
		if events[i], err = contract.NewEvent(s.config.Box, wire(row, box, doubt)); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// wire is all that is told of a row, and of the facility where it was counted.
func wire(row usage.Row, box *registry.Snapshot, uncertain bool) contract.Row {
	facility := box.Facilities[row.Facility]
	r := contract.Row{
		Facility:    row.Facility,
		Indicator:   row.Indicator,
		Period:      row.Day,
		Numerator:   row.Numerator,
		Denominator: row.Denominator,
		Buckets:     row.Buckets,
		Generation:  row.Generation,
		N:           row.N,
		Region:      facility.Region, RegionEdition: facility.RegionEdition,
		UrbanRural: facility.UrbanRural,
		Industry:   facility.Industry, IndustryEdition: facility.IndustryEdition,
		Operator:  facility.Operator,
		Uncertain: uncertain,
	}
	if r.Industry != "" && r.IndustryEdition == 0 {
		r.IndustryEdition = registry.DefaultIndustryEdition
	}
	if row.Indicator == usage.Covered {
		r.Kinds, r.Services = kindsAt(row.Facility, box), facility.Services
	}
	return r
}

// kindsAt are the kinds of the devices in use at a facility.
func kindsAt(facility string, box *registry.Snapshot) []string {
	kinds := map[string]bool{}
	for _, d := range box.Devices {
		if !d.Retired && usage.Place(d.Device) == facility {
			kinds[string(d.Kind)] = true
		}
	}
	return slices.Sorted(maps.Keys(kinds))
}

// Status tells how the sending goes.
func (s *Sender) Status() (Status, error) {
	s.mu.Lock()
	status := s.status
	s.mu.Unlock()
	status.Name = s.config.Name
	var err error
	if status.Backlog, err = s.backlog(); err != nil {
		return status, err
	}
	aside, err := s.SetAside()
	status.SetAside = len(aside)
	return status, err
}
