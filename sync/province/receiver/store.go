package receiver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/sync/province/contract"
)

// maxAhead is how far the day of a row may lie in the future: a box whose
// clock is that wrong would leave figures that no day ever overtakes.
const maxAhead = 48 * time.Hour

func rowKey(box string, r contract.Row) []byte {
	return []byte(strings.Join([]string{r.Period, box, r.Facility, r.Indicator}, "\x00"))
}

// keep puts the rows of a box on disk, in one transaction, and says what has
// become of each.
func (r *Receiver) keep(signed contract.Signed, events []contract.Event) ([]contract.Receipt, error) {
	box := signed.KeyID
	receipts := make([]contract.Receipt, len(events))
	latest := r.now().Add(maxAhead).Format(time.DateOnly)
	err := r.db.Update(func(tx *bolt.Tx) error {
		if err := admit(tx, signed, r.now()); err != nil {
			return err
		}
		rows := tx.Bucket(rowsBucket)
		for i, e := range events {
			receipts[i] = contract.Receipt{ID: e.ID}
			row, err := e.Row(box)
			if err == nil && row.Period > latest {
				err = fmt.Errorf("period: in the future (got %s)", row.Period)
			}
			if err == nil {
				receipts[i].Status, err = upsert(rows, box, row)
			}
			if isStoreError(err) {
				return err
			} else if err != nil {
				receipts[i].Status, receipts[i].Reason = contract.Refused, err.Error()
			}
		}
		return nil
	})
	return receipts, err
}

// errStore marks an error that is the store's and not the row's.
var errStore = errors.New("store")

func isStoreError(err error) bool { return errors.Is(err, errStore) }

func upsert(rows *bolt.Bucket, box string, row contract.Row) (contract.Status, error) {
	key := rowKey(box, row)
	if value := rows.Get(key); value != nil {
		var kept contract.Row
		if err := json.Unmarshal(value, &kept); err != nil {
			return "", fmt.Errorf("%w: row %q: %w", errStore, key, err)
		}
		switch {
		case kept.Newer(row):
			return contract.Superseded, nil
		case !row.Newer(kept) && !sameFigures(row, kept):
			return "", errors.New("generation, n: another row was accepted under this revision")
		case !row.Newer(kept):
			return contract.Accepted, nil
		}
	}
	value, err := json.Marshal(row)
	if err != nil {
		return "", fmt.Errorf("%w: encode row: %w", errStore, err)
	}
	if err := rows.Put(key, value); err != nil {
		return "", fmt.Errorf("%w: %w", errStore, err)
	}
	return contract.Accepted, nil
}

func sameFigures(a, b contract.Row) bool {
	sameDenominator := a.Denominator == nil && b.Denominator == nil ||
		a.Denominator != nil && b.Denominator != nil && *a.Denominator == *b.Denominator
	return a.Numerator == b.Numerator && sameDenominator && slices.Equal(a.Buckets, b.Buckets)
}

// Rows calls each for every row kept of a period, a day or a month, in the
// order of period, box, facility and indicator. It stops at each's error.
func (r *Receiver) Rows(period string, each func(box string, row contract.Row) error) error {
	return r.db.View(func(tx *bolt.Tx) error {
		prefix := []byte(period)
		c := tx.Bucket(rowsBucket).Cursor()
		for k, v := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
			_, rest, _ := bytes.Cut(k, []byte{0})
			box, _, _ := bytes.Cut(rest, []byte{0})
			var row contract.Row
			if err := json.Unmarshal(v, &row); err != nil {
				return fmt.Errorf("row %q: %w", k, err)
			}
			if err := each(string(box), row); err != nil {
				return err
			}
		}
		return nil
	})
}
