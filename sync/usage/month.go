package usage

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/linli-edge/gateway/sync/journal"
)

// Months says when a month is added up.
type Months struct {
	// Close is the day of the next month on which the month's rows are made.
	Close int `yaml:"close" example:"3"`
	// Freeze is the day from which on nothing of the month is told any more,
	// neither of its days nor of itself.
	Freeze int `yaml:"freeze" example:"18"`
}

// DefaultMonths is what the contract says where nobody has agreed on anything
// else.
func DefaultMonths() Months { return Months{Close: 3, Freeze: 18} }

// after is the day n of the month that follows a month ("2026-11").
func after(month string, n int) string {
	at, err := time.Parse("2006-01", month)
	if err != nil {
		return ""
	}
	return at.AddDate(0, 1, n-1).Format(time.DateOnly)
}

const monthLength = len("2026-11")

func monthOf(period string) string { return period[:min(len(period), monthLength)] }

// frozen tells whether a row is too late to be told.
func (b *batch) frozen(key string) bool {
	period, _, _ := strings.Cut(key, "/")
	return b.today != "" && b.today >= after(monthOf(period), b.months.Freeze)
}

const keyClosed = "closed" // in bucketMeta: the last month that is closed

// foldMonths adds up the months that have closed, and again those of which a
// day has changed since. A month adds up its days.
func (b *batch) foldMonths() error {
	closed := string(b.tx.Get(bucketMeta, []byte(keyClosed)))
	due := map[string]bool{} // rows of months
	for key := range b.rows {
		day, rest, _ := strings.Cut(key, "/")
		if len(day) > monthLength && monthOf(day) <= closed {
			due[monthOf(day)+"/"+rest] = true
		}
	}
	if month := b.closing(); month > closed {
		for key := range b.tx.Ascend(bucketRows, nil) {
			day, rest, _ := strings.Cut(string(key), "/")
			if len(day) > monthLength && monthOf(day) > closed && monthOf(day) <= month {
				due[monthOf(day)+"/"+rest] = true
			}
		}
		b.tx.Put(bucketMeta, []byte(keyClosed), []byte(month))
	}
	for key := range due {
		if err := b.addUp(key); err != nil {
			return err
		}
	}
	return nil
}

// closing is the last month that is to be closed, "" if none is.
func (b *batch) closing() string {
	at, err := time.Parse("2006-01", monthOf(b.today))
	if err != nil {
		return ""
	}
	month := at.AddDate(0, -1, 0).Format("2006-01")
	if b.today < after(month, b.months.Close) {
		month = at.AddDate(0, -2, 0).Format("2006-01")
	}
	return month
}

// addUp makes the row of a month of those of its days.
func (b *batch) addUp(key string) error {
	month, rest, _ := strings.Cut(key, "/")
	sum, err := b.row([]byte(key))
	if err != nil {
		return err
	}
	sum.Numerator, sum.Denominator, sum.Buckets = 0, nil, nil
	for n := 1; n <= 31; n++ {
		day := fmt.Sprintf("%s-%02d/%s", month, n, rest)
		r := b.rows[day]
		if r == nil {
			value := b.tx.Get(bucketRows, []byte(day))
			if value == nil {
				continue
			}
			r = &record{}
			if err := json.Unmarshal(value, r); err != nil {
				return fmt.Errorf("row %q: damaged: %w", day, err)
			}
		}
		sum.Numerator += r.Numerator
		if r.Denominator != nil {
			if sum.Denominator == nil {
				sum.Denominator = new(int64)
			}
			*sum.Denominator += *r.Denominator
		}
		for len(sum.Buckets) < len(r.Buckets) {
			sum.Buckets = append(sum.Buckets, 0)
		}
		for i, n := range r.Buckets {
			sum.Buckets[i] += n
		}
	}
	return nil
}

// Whoever reads the rows reads them by period: of each, the number of the last
// change stands in a bucket of its own, apart for alerts, which go first.
//
//	bucket "periods"  key: lane; value: change number, 8 bytes big-endian
const bucketPeriods = "periods"

// alertPrefix is that of the codes that go first.
const alertPrefix = "alert."

// Lane is a part of the rows that is read in one go: those of a period, alerts
// apart.
type Lane struct {
	// Period is a day, or a month.
	Period string
	Alerts bool
	// Change is the number of the last change.
	Change uint64
}

// Key names the lane.
func (l Lane) Key() string {
	if l.Alerts {
		return l.Period + "/alerts"
	}
	return l.Period + "/rest"
}

func lane(row string) string {
	period, rest, _ := strings.Cut(row, "/")
	_, code, _ := strings.Cut(rest, "/")
	return Lane{Period: period, Alerts: strings.HasPrefix(code, alertPrefix)}.Key()
}

// Lanes lists what there is to tell, by period; nothing while the statistics
// are made again after their file was lost.
func (u *Usage) Lanes() (lanes []Lane, err error) {
	err = u.state.View(func(tx *journal.Tx) error {
		if rebuildNumber(tx, "until") > 0 {
			return nil
		}
		for key, value := range tx.Ascend(bucketPeriods, nil) {
			period, which, _ := strings.Cut(string(key), "/")
			lanes = append(lanes, Lane{Period: period, Alerts: which == "alerts", Change: toNumber(value)})
		}
		return nil
	})
	return lanes, err
}

// LaneRows returns up to most rows of a lane whose last change has a number
// greater than after, in the order of these numbers. Rows that are held back
// are not among them.
func (u *Usage) LaneRows(l Lane, after uint64, most int) (rows []Row, err error) {
	all, err := u.Rows(l.Period)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if r.Change > after && strings.HasPrefix(r.Indicator, alertPrefix) == l.Alerts {
			rows = append(rows, r)
		}
	}
	sortByChange(rows)
	return rows[:min(len(rows), most)], nil
}

// Waiting counts the rows of which nobody has been told yet who was told each
// lane up to a change, by Lane.Key.
func (u *Usage) Waiting(told map[string]uint64) (n int, err error) {
	err = u.state.View(func(tx *journal.Tx) error {
		if rebuildNumber(tx, "until") > 0 {
			return nil
		}
		for change, row := range tx.Ascend(bucketChanges, nil) {
			if toNumber(change) > told[lane(string(row))] {
				n++
			}
		}
		return nil
	})
	return n, err
}
