package province

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/usage"
)

// Sender sends the rows of one box to one platform.
type Sender struct {
	config   Config
	scheme   contract.Scheme
	client   *http.Client
	usage    *usage.Usage
	registry *registry.Registry
	state    *journal.State
	metrics  *metrics

	sending sync.Mutex // held while a batch is under way

	mu      sync.Mutex
	status  Status        // without the counts
	heard   time.Time     // the platform's clock, as it last told
	heardAt devices.Stamp // when it did
}

// Status is how the sending goes.
type Status struct {
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
	if c.Interval == 0 {
		c.Interval = defaultInterval
	}
	if c.Transport == nil {
		c.Transport = newTransport()
	}
	state, err := j.OpenState("province")
	if err != nil {
		return nil, fmt.Errorf("open province: %w", err)
	}
	s := &Sender{
		config: c, scheme: contract.HMAC(c.Secret), usage: u, registry: r, state: state,
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

// Close closes the state file. Run must have returned.
func (s *Sender) Close() error {
	s.metrics.unregister(s.config.Registerer)
	s.client.CloseIdleConnections()
	return s.state.Close()
}

// Run sends every Interval until ctx ends, and tries again after failures. It
// returns nil.
func (s *Sender) Run(ctx context.Context) error {
	for s.wait(ctx, untilSlot(s.config.Box, s.config.Interval, s.config.Clock().Wall)) {
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
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Send sends at once what the platform has not accepted yet, as Run does every
// Interval.
func (s *Sender) Send(ctx context.Context) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	generation, err := s.usage.Generation()
	if err == nil && generation > 0 {
		_, err = journal.Deliver(ctx, s.state, journal.Delivery[usage.Row]{
			Name:  cursor(generation),
			Most:  contract.MaxRows,
			Pace:  s.config.Pace,
			Fetch: s.usage.Changes,
			Send:  s.sendRows,
		})
	}
	if ctx.Err() != nil {
		return err // to be stopped is no failure
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.LastError = forPeople(err)
	return err
}

func cursor(generation uint64) string {
	return "platform/" + strconv.FormatUint(generation, 10)
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
func (s *Sender) sendRows(ctx context.Context, rows []usage.Row) error {
	box := s.registry.Snapshot()
	events := make([]contract.Event, len(rows))
	for i, row := range rows {
		var err error
		if events[i], err = contract.NewEvent(s.config.Box, wire(row, box.Facilities[row.Facility])); err != nil {
			return err
		}
	}
	receipts, err := s.post(ctx, events)
	if f := (*failure)(nil); errors.As(err, &f) && f.refused {
		if len(rows) > 1 {
			half := len(rows) / 2
			if err := s.sendRows(ctx, rows[:half]); err != nil {
				return err
			}
			return s.sendRows(ctx, rows[half:])
		}
		receipts = map[string]contract.Receipt{events[0].ID: {ID: events[0].ID, Status: contract.Refused, Reason: f.detail}}
	} else if err != nil {
		return err
	}
	if err := s.keepAside(rows, events, receipts); err != nil {
		return err
	}
	for _, e := range events {
		s.metrics.rows.WithLabelValues(string(receipts[e.ID].Status)).Inc()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.LastSuccess = s.config.Clock().Wall
	return nil
}

// wire is all that is told of a row, and of the facility where it was counted.
func wire(row usage.Row, facility registry.Facility) contract.Row {
	return contract.Row{
		Facility:    row.Facility,
		Indicator:   row.Indicator,
		Period:      row.Day,
		Numerator:   row.Numerator,
		Denominator: row.Denominator,
		Buckets:     row.Buckets,
		Generation:  row.Generation,
		N:           row.N,
		Region:      facility.Region,
		UrbanRural:  facility.UrbanRural,
		Industry:    facility.Industry,
		Operator:    facility.Operator,
	}
}

// Status tells how the sending goes.
func (s *Sender) Status() (Status, error) {
	s.mu.Lock()
	status := s.status
	s.mu.Unlock()
	generation, err := s.usage.Generation()
	if err != nil {
		return status, err
	}
	at, err := s.state.Cursor(cursor(generation))
	if err != nil {
		return status, err
	}
	if status.Backlog, err = s.usage.Pending(at); err != nil {
		return status, err
	}
	aside, err := s.SetAside()
	status.SetAside = len(aside)
	return status, err
}
