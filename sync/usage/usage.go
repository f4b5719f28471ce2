package usage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/sync/journal"
)

// Options of Open. All but Every and Months are required.
type Options struct {
	Clock devices.Clock
	// Every is how long events may wait for company before the figures are
	// written; 0 is two seconds.
	Every time.Duration
	// Months is DefaultMonths if it is zero.
	Months     Months
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

const defaultEvery = 2 * time.Second

// Usage keeps the statistics. Its methods may be called from many goroutines.
type Usage struct {
	journal   *journal.Journal
	community community
	options   Options
	state     *journal.State
	metrics   *metrics
	disk      func() error // makes transactions fail; nil outside of tests
}

// Open opens the statistics that follow j. The registry says which facility a
// device belongs to. Nothing is counted before Run.
func Open(j *journal.Journal, registry community, o Options) (*Usage, error) {
	if o.Every == 0 {
		o.Every = defaultEvery
	}
	if o.Months == (Months{}) {
		o.Months = DefaultMonths()
	}
	state, err := j.OpenState(stateName)
	if err != nil {
		return nil, fmt.Errorf("open usage: %w", err)
	}
	until, err := beginRebuild(state)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open usage: %w", err), state.Close())
	}
	if until > 0 {
		o.Logger.Warn("statistics are made again of the journal", "until", until)
	}
	u := &Usage{journal: j, community: registry, options: o, state: state, metrics: newMetrics()}
	err = state.View(func(tx *journal.Tx) error {
		for _, value := range tx.Ascend(bucketDrafts, nil) {
			if d, err := decodeDraft(value); err != nil {
				return err
			} else if d.waits() {
				u.metrics.undated.Inc()
			}
		}
		return nil
	})
	if err == nil {
		err = u.metrics.register(o.Registerer)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open usage: %w", err), state.Close())
	}
	return u, nil
}

// Close closes the state file. Run must have returned.
func (u *Usage) Close() error {
	u.metrics.unregister(u.options.Registerer)
	return u.state.Close()
}

// Waits between attempts after an error.
const (
	retryFirst = time.Second
	retryMost  = time.Minute
)

// Run counts what the journal holds, and then what comes, until ctx ends or
// the journal is closed. After an error of the state or the journal it is
// logged and tried again.
func (u *Usage) Run(ctx context.Context) error {
	var counted tally
	var known, working map[string]*thing // as on disk, nil if that is not sure
	fold := journal.Fold{
		Chains: []journal.Chain{journal.Urgent, journal.Ordinary},
		Every:  u.options.Every,
		Apply: func(tx *journal.Tx, entries []journal.Entry) (err error) {
			working, known = known, nil
			if working == nil || len(working) > remembered {
				working = map[string]*thing{}
			}
			counted, err = apply(tx, entries, u.community.Snapshot(), u.options, u.generationFrom(), working, nil)
			if err == nil && u.disk != nil {
				err = u.disk()
			}
			return err
		},
	}
	wait := retryFirst
	fold.Committed = func() {
		wait, known = retryFirst, working
		u.metrics.add(counted)
	}
	for {
		err := u.journal.Fold(ctx, u.state, fold)
		if err == nil || errors.Is(err, journal.ErrClosed) {
			return nil
		}
		u.metrics.errors.Inc()
		u.options.Logger.Error("statistics stand still", "error", err, "again_in", wait)
		if !clock.Pause(ctx, wait) {
			return nil
		}
		wait = min(2*wait, retryMost)
	}
}

// generationFrom is the least generation that a state begun now may have:
// higher than that of one which was lost.
func (u *Usage) generationFrom() uint64 {
	return uint64(max(u.options.Clock().Wall.Unix(), 1))
}

// Generation is that of the state file, 0 before anything was counted.
func (u *Usage) Generation() (generation uint64, err error) {
	err = u.state.View(func(tx *journal.Tx) error {
		generation = metaNumber(tx, "generation")
		return nil
	})
	return generation, err
}

// Today returns the figures of the present day, as Rows does. Its day is that
// of the figures: the box's clock need not be right.
func (u *Usage) Today() ([]Row, error) {
	now := u.options.Clock()
	err := u.state.View(func(tx *journal.Tx) error {
		calendar, err := loadCalendar(tx)
		if at := calendar.Resolve(clock.Moment{Boot: now.Boot, Mono: now.Mono}).At; !at.IsZero() {
			now.Wall = at
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return u.Rows(Day(now.Wall))
}

// Rows returns the figures of a day ("2026-11-23") or a month ("2026-11"), by
// facility and indicator.
// They are as old as Options.Every.
func (u *Usage) Rows(day string) ([]Row, error) {
	var rows []Row
	err := u.state.View(func(tx *journal.Tx) error {
		generation := metaNumber(tx, "generation")
		for key, value := range tx.Ascend(bucketRows, []byte(day+"/")) {
			if !strings.HasPrefix(string(key), day+"/") {
				break
			}
			row, err := decodeRow(string(key), value, generation)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		return nil
	})
	return rows, err
}

// Uncertain tells whether figures of a day ("2026-11-23") may belong to
// another day, or those of another day to this one, because the box did not
// know the time. It may end when the time becomes known, or stay for ever.
func (u *Usage) Uncertain(day string) (uncertain bool, err error) {
	err = u.state.View(func(tx *journal.Tx) error {
		uncertain, err = uncertainDay(tx, day)
		return err
	})
	return uncertain, err
}
