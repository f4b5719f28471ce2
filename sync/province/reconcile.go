package province

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/usage"
)

// Receipt is what a comparison with the platform has shown of one facility and
// period.
type Receipt struct {
	Period   string `json:"period"`
	Facility string `json:"facility"`
	// Ours and Theirs are how many rows the box and the platform have.
	Ours   int `json:"ours"`
	Theirs int `json:"theirs"`
	// Equal says that they have the same rows.
	Equal bool `json:"equal"`
	// Digest is that of the box's.
	Digest string `json:"digest"`
	// Change is the number of the last change that was compared.
	Change uint64    `json:"change"`
	At     time.Time `json:"at"`
}

const (
	bucketReceipts = "receipts"
	// keepReceipts is for how long they are kept: as long as the rows.
	keepReceipts = 2 * 366 * 24 * time.Hour
	// compareDays is how many days back are compared by themselves.
	compareDays = 3
)

// reconcileDue compares the days that have ended, and last month's rows, if
// anything has changed in them since they were compared.
func (s *Sender) reconcileDue(ctx context.Context) error {
	today, err := time.Parse(time.DateOnly, s.today())
	if err != nil {
		return fmt.Errorf("today: %w", err)
	}
	lanes, err := s.usage.Lanes()
	if err != nil {
		return err
	}
	newest := map[string]uint64{}
	for _, l := range lanes {
		newest[l.Period] = max(newest[l.Period], l.Change)
	}
	for _, period := range closed(today) {
		change := newest[period]
		done, err := s.compared(period, change)
		if err != nil {
			return err
		}
		if change == 0 || done {
			continue
		}
		_, err = s.reconcile(ctx, period)
		if f := (*failure)(nil); errors.As(err, &f) && f.status == http.StatusNotFound {
			return nil // this platform does not compare
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// closed are the periods that are compared on a day: last month, and the days
// before.
func closed(today time.Time) []string {
	periods := []string{today.AddDate(0, 0, -today.Day()).Format("2006-01")}
	for n := 1; n <= compareDays; n++ {
		periods = append(periods, today.AddDate(0, 0, -n).Format(time.DateOnly))
	}
	return periods
}

// compared tells whether the period was found equal with all changes so far.
func (s *Sender) compared(period string, change uint64) (bool, error) {
	receipts, err := s.Receipts(period)
	var last uint64
	for _, r := range receipts {
		last = max(last, r.Change)
		if !r.Equal && s.config.Clock().Wall.Sub(r.At).Abs() > 24*time.Hour {
			return false, err // once more
		}
	}
	return len(receipts) > 0 && last >= change, err
}

// Reconcile compares a day ("2026-11-23") or a month ("2026-11") with the
// platform, sends again what it does not have, and compares that once more. It
// returns a receipt for each facility.
func (s *Sender) Reconcile(ctx context.Context, period string) ([]Receipt, error) {
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.reconcile(ctx, period)
}

func (s *Sender) reconcile(ctx context.Context, period string) ([]Receipt, error) {
	receipts, byFacility, err := s.compare(ctx, period)
	if err != nil {
		return nil, err
	}
	again := false
	for _, r := range receipts {
		if r.Equal {
			continue
		}
		again = true
		s.config.Logger.Warn("the platform has other rows, they are sent again", "destination", s.config.Name, "period", period, "facility", r.Facility, "ours", r.Ours, "theirs", r.Theirs)
		for rows := range slices.Chunk(byFacility[r.Facility], contract.MaxRows) {
			if _, err := s.sendRows(ctx, rows); err != nil {
				return nil, err
			}
		}
	}
	if again {
		if receipts, _, err = s.compare(ctx, period); err != nil {
			return nil, err
		}
	}
	return receipts, s.keepReceipts(receipts)
}

// compare asks the platform what it has of a period.
func (s *Sender) compare(ctx context.Context, period string) ([]Receipt, map[string][]usage.Row, error) {
	rows, err := s.usage.Rows(period)
	if err != nil {
		return nil, nil, err
	}
	byFacility := map[string][]usage.Row{}
	for _, r := range rows {
		if r.Change > 0 { // the others are held back, and told to nobody
			byFacility[r.Facility] = append(byFacility[r.Facility], r)
		}
	}
	box := s.registry.Snapshot()
	asked := contract.Reconciliation{Period: period, Facilities: []contract.Held{}}
	receipts := []Receipt{}
	for _, id := range slices.Sorted(maps.Keys(byFacility)) {
		r := Receipt{Period: period, Facility: id, Ours: len(byFacility[id]), At: s.platformTime()}
		var told []contract.Row
		for _, row := range byFacility[id] {
			told = append(told, wire(row, box, false))
			r.Change = max(r.Change, row.Change)
		}
		r.Digest = contract.DigestOf(told)
		receipts = append(receipts, r)
		asked.Facilities = append(asked.Facilities, contract.Held{Facility: id, Rows: r.Ours, Digest: r.Digest})
	}
	if len(receipts) == 0 {
		return nil, nil, nil
	}
	var answer contract.Reconciled
	if err := s.ask(ctx, contract.PathReconcile, s.signer(), asked, &answer); err != nil {
		return nil, nil, err
	}
	for i := range receipts {
		n := slices.IndexFunc(answer.Facilities, func(h contract.Held) bool { return h.Facility == receipts[i].Facility })
		if n < 0 {
			return nil, nil, failed(texts.Province.Receipts, receipts[i].Facility)
		}
		theirs := answer.Facilities[n]
		receipts[i].Theirs, receipts[i].Equal = theirs.Rows, theirs.Rows == receipts[i].Ours && theirs.Digest == receipts[i].Digest
	}
	return receipts, byFacility, nil
}

func (s *Sender) keepReceipts(receipts []Receipt) error {
	oldest := s.platformTime().Add(-keepReceipts).Format(time.DateOnly)
	return s.state.Update(func(tx *journal.Tx) error {
		for key := range tx.Ascend(bucketReceipts, nil) {
			if string(key) >= oldest {
				break
			}
			tx.Delete(bucketReceipts, key)
		}
		for _, r := range receipts {
			value, err := json.Marshal(r)
			if err != nil {
				return fmt.Errorf("keep receipt: %w", err)
			}
			tx.Put(bucketReceipts, []byte(r.Period+"/"+r.Facility), value)
		}
		return nil
	})
}

// Receipts lists what the last comparison of a period has shown; of all
// periods, if it is "".
func (s *Sender) Receipts(period string) (list []Receipt, err error) {
	prefix := period
	if period != "" {
		prefix += "/"
	}
	err = s.state.View(func(tx *journal.Tx) error {
		for key, value := range tx.Ascend(bucketReceipts, []byte(prefix)) {
			if !strings.HasPrefix(string(key), prefix) {
				break
			}
			var r Receipt
			if err := json.Unmarshal(value, &r); err != nil {
				return fmt.Errorf("receipt %q: %w", key, err)
			}
			list = append(list, r)
		}
		return nil
	})
	return list, err
}
