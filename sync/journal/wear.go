package journal

import (
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
)

// DefaultEndurance is the wear that a card is taken to bear, in bytes written:
// some 300 times the 32 GB of one made for cameras. Industrial cards bear ten
// times that, and say so on their data sheet as TBW.
const DefaultEndurance = 10e12

// Rewriting is how many bytes a card is taken to write for one of ours: a TBW
// is given for long files, while a commit is a few pages, each of which costs
// the card more than itself, and the file system's own notes come on top.
const Rewriting = 4

// Wear is what has been written for the events since the journal was opened:
// their files and the states of the followers. The zero Wear is that of a
// journal that has just been opened.
type Wear struct {
	Events   int64         // recorded, without redeliveries
	Bytes    int64         // written
	Measured time.Duration // by the monotonic clock
}

// PerEvent is how many bytes were written an event, 0 if there was none.
func (w Wear) PerEvent() float64 {
	if w.Events == 0 {
		return 0
	}
	return float64(w.Bytes) / float64(w.Events)
}

// PerDay is how many bytes are written a day if it goes on like that.
func (w Wear) PerDay() float64 {
	if w.Measured <= 0 {
		return 0
	}
	return float64(w.Bytes) / w.Measured.Hours() * 24
}

// Years is how long a card of that endurance, in bytes, lasts if it goes on
// like that; 0 if nothing has been written.
func (w Wear) Years(endurance float64) float64 {
	perDay := w.PerDay() * Rewriting
	if perDay == 0 {
		return 0
	}
	return endurance / perDay / 365.25
}

// wear counts what is written.
type wear struct {
	events, bytes atomic.Int64
	opened        time.Duration // by the monotonic clock
}

// count adds what a transaction wrote, when it is committed.
func (w *wear) count(tx *bolt.Tx) {
	page := int64(tx.DB().Info().PageSize)
	tx.OnCommit(func() {
		stats := tx.Stats()
		w.bytes.Add(stats.GetPageAlloc() + page) // a meta page beside what was allocated
	})
}

func (w *wear) read(now time.Duration) Wear {
	return Wear{Events: w.events.Load(), Bytes: w.bytes.Load(), Measured: now - w.opened}
}
