package province

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/usage"
)

// How the sending goes is a statistic itself. It is added up in the
// transactions that move the cursors, and journaled hourly: were it journaled
// with each batch, each would make rows of the next.
const (
	bucketMeta  = "meta"
	keyTally    = "tally"
	keySequence = "sequence"

	tallyEvery = time.Hour
)

// tally is what has been sent since the last usage.Synced.
type tally struct {
	usage.Synced
	// Since is when it began.
	Since devices.Stamp `json:"since"`
	// Number counts the tallies, for the identity of the event.
	Number uint64 `json:"number"`
}

// count adds one row that was sent.
func (t *tally) count(row usage.Row, status contract.Status, now time.Time, today string) {
	if status == contract.Refused {
		t.Refused++
		return
	}
	t.Accepted++
	if row.N > 1 && row.Day < today[:len(row.Day)] {
		t.Revised++
	}
	if t.Delays == nil {
		t.Delays = make([]int64, usage.SyncDelays)
	}
	if !row.Changed.IsZero() {
		t.Delays[usage.DelayBucket(now.Sub(row.Changed))]++
	}
}

// merge adds what another tally holds.
func (t *tally) merge(other tally) {
	t.Accepted += other.Accepted
	t.Refused += other.Refused
	t.Revised += other.Revised
	for len(t.Delays) < len(other.Delays) {
		t.Delays = append(t.Delays, 0)
	}
	for i, n := range other.Delays {
		t.Delays[i] += n
	}
}

func loadTally(tx *journal.Tx) (t tally, err error) {
	if value := tx.Get(bucketMeta, []byte(keyTally)); value != nil {
		if err := json.Unmarshal(value, &t); err != nil {
			return t, fmt.Errorf("tally: %w", err)
		}
	}
	return t, nil
}

func (t tally) save(tx *journal.Tx) error {
	value, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("tally: %w", err)
	}
	tx.Put(bucketMeta, []byte(keyTally), value)
	return nil
}

func addTally(tx *journal.Tx, sent tally) error {
	t, err := loadTally(tx)
	if err != nil {
		return err
	}
	if t.Since == (devices.Stamp{}) {
		t.Since = sent.Since
	}
	t.merge(sent)
	return t.save(tx)
}

// tell journals the tally if it is due.
func (s *Sender) tell(ctx context.Context, now devices.Stamp) error {
	var t tally
	err := s.state.View(func(tx *journal.Tx) (err error) {
		t, err = loadTally(tx)
		return err
	})
	if err != nil || t.Since == (devices.Stamp{}) {
		return err
	}
	if passed, same := now.Since(t.Since); same && passed < tallyEvery {
		return nil
	}
	waiting, err := s.backlog()
	if err != nil {
		return err
	}
	t.Destination, t.Waiting = s.config.Name, int64(waiting)
	for len(t.Delays) < usage.SyncDelays {
		t.Delays = append(t.Delays, 0)
	}
	e, err := devices.New(devices.GatewayDevice, t.Synced)
	if err != nil {
		return err
	}
	e.ID, e.Received = fmt.Sprintf("%s/%s/%d", e.Type, s.config.Name, t.Number), now
	if err := s.journal.Record(ctx, e); err != nil {
		return fmt.Errorf("journal how sending went: %w", err)
	}
	return s.state.Update(func(tx *journal.Tx) error { return tally{Number: t.Number + 1}.save(tx) })
}

// reached journals that the platform can be reached, or no longer can. The
// caller holds sending.
func (s *Sender) reached(ctx context.Context, online bool) {
	if !s.config.Uplink || s.reachable != nil && *s.reachable == online {
		return
	}
	if err := usage.Record(ctx, s.config.Clock(), s.journal, usage.Uplink{Online: online}); err != nil {
		s.config.Logger.Warn("uplink not recorded", "error", err)
		return // it is with the next attempt
	}
	s.reachable = &online
}
