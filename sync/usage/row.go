package usage

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/sync/journal"
)

// Row is one figure: an indicator at a facility on a day.
type Row struct {
	// Facility is its ID in the registry.
	Facility string
	// Indicator is the Indicator's Code.
	Indicator string
	// Day as in "2026-11-23", or the month "2026-11".
	Day string
	// Numerator counts what the Indicator says.
	Numerator int64
	// Denominator is nil for an indicator that has none.
	Denominator *int64
	// Buckets are those of Indicator.Bounds and the one beyond, nil for an
	// indicator that is no histogram.
	Buckets []int64
	// Generation and N are the revision. Of two, that of the higher
	// generation is newer, then that of the higher N.
	Generation, N uint64
	// Change is the number of the row's last change, and Changed when it
	// happened, zero if that is not known.
	Change  uint64
	Changed time.Time
}

// record is a Row on disk, without its key and the generation, which is that
// of the whole file.
type record struct {
	Numerator   int64   `json:"numerator"`
	Denominator *int64  `json:"denominator,omitempty"`
	Buckets     []int64 `json:"buckets,omitempty"`
	// Times is how often a flag was raised.
	Times  int64  `json:"times,omitempty"`
	N      uint64 `json:"n"`
	Change uint64 `json:"change"`
	// Changed is when that was, in seconds since 1970; 0 if it is not known.
	Changed int64 `json:"changed,omitempty"`
}

const (
	bucketThings    = "things"
	bucketRows      = "rows"
	bucketChanges   = "changes"
	bucketDrafts    = "drafts"
	bucketBoots     = "boots"
	bucketUncertain = "uncertain"
	bucketMeta      = "meta"
)

func appendRowKey(key []byte, day, facility, indicator string) []byte {
	key = append(append(key, day...), '/')
	key = append(append(key, facility...), '/')
	return append(key, indicator...)
}

func decodeRow(key string, value []byte, generation uint64) (Row, error) {
	day, rest, _ := strings.Cut(key, "/")
	facility, indicator, ok := strings.Cut(rest, "/")
	var r record
	if err := json.Unmarshal(value, &r); err != nil || !ok {
		return Row{}, fmt.Errorf("row %q: damaged: %w", key, err)
	}
	var changed time.Time
	if r.Changed > 0 {
		changed = time.Unix(r.Changed, 0).UTC()
	}
	return Row{
		Changed: changed, Facility: facility, Indicator: indicator, Day: day,
		Numerator: r.Numerator, Denominator: r.Denominator, Buckets: r.Buckets,
		Generation: generation, N: r.N, Change: r.Change,
	}, nil
}

// add adds an amount.
func (r *record) add(i Indicator, a amount) {
	r.Numerator += a.numerator
	if i.Fold == Flag {
		r.Times += a.numerator
		r.Numerator = min(1, r.Times)
	}
	if i.shared() {
		if r.Denominator == nil {
			r.Denominator = new(int64)
		}
		*r.Denominator += a.denominator
	}
	if i.Fold == Histogram {
		if r.Buckets == nil {
			r.Buckets = make([]int64, i.buckets())
		}
		if a.bucket >= 0 {
			r.Buckets[a.bucket] += a.numerator
		}
	}
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func metaNumber(tx *journal.Tx, key string) uint64 {
	if v := tx.Get(bucketMeta, []byte(key)); len(v) == 8 {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func toNumber(v []byte) uint64 {
	if len(v) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(v)
}

func sortByChange(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.Change, b.Change) })
}
