package province

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/usage"
)

// Aside is a row that the platform refused.
type Aside struct {
	// Row is its id on the wire: "day/facility/indicator/generation.n".
	Row string `json:"row"`
	// Reason is what the platform said.
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

const bucketAside = "aside"

func asideKey(r usage.Row) []byte { return []byte(r.Day + "/" + r.Facility + "/" + r.Indicator) }

// keepAside writes down the rows that were refused, and forgets those that
// have been accepted since.
func (s *Sender) keepAside(rows []usage.Row, events []contract.Event, receipts map[string]contract.Receipt) error {
	aside, err := s.SetAside()
	if err != nil {
		return err
	}
	var refused []contract.Receipt
	for _, e := range events {
		if r := receipts[e.ID]; r.Status == contract.Refused {
			refused = append(refused, r)
		}
	}
	if len(aside) == 0 && len(refused) == 0 {
		return nil // no write
	}
	now := s.config.Clock().Wall
	err = s.state.Update(func(tx *journal.Tx) error {
		for i, row := range rows {
			receipt := receipts[events[i].ID]
			if receipt.Status != contract.Refused {
				tx.Delete(bucketAside, asideKey(row))
				continue
			}
			value, err := json.Marshal(Aside{Row: receipt.ID, Reason: clip(receipt.Reason), At: now})
			if err != nil {
				return fmt.Errorf("set row aside: %w", err)
			}
			tx.Put(bucketAside, asideKey(row), value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range refused {
		s.config.Logger.Warn("row refused and set aside", "row", r.ID, "reason", clip(r.Reason))
	}
	return nil
}

// SetAside lists the rows that the platform refused, by day.
func (s *Sender) SetAside() ([]Aside, error) {
	var list []Aside
	err := s.state.View(func(tx *journal.Tx) error {
		for key, value := range tx.Ascend(bucketAside, nil) {
			var a Aside
			if err := json.Unmarshal(value, &a); err != nil {
				return fmt.Errorf("row set aside %q: %w", key, err)
			}
			list = append(list, a)
		}
		return nil
	})
	return list, err
}
