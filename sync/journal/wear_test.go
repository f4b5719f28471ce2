package journal_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/journal/journaltest"
)

// What is counted as written is what the process has sent to the disk, but for
// the file system's own.
func TestWear(t *testing.T) {
	clock, registry := newStamp(), prometheus.NewRegistry()
	o := small(clock)
	o.Registerer, o.SegmentBytes = registry, 16<<20
	j := mustOpen(t, t.TempDir(), o)
	s := mustState(t, j, "s")
	if got := j.Stats().Wear; got != (journal.Wear{}) {
		t.Errorf("at first %+v", got)
	}
	before := journaltest.Written(t, "self")
	for i := range 200 {
		mustRecord(t, j, ordinary(fmt.Sprint("e", i)))
		if i%20 == 19 {
			caughtUp(t, j, s, counting())
		}
	}
	disk := journaltest.Written(t, "self") - before
	clock.advance(6 * time.Hour)
	w := j.Stats().Wear
	if w.Events != 200 || w.Measured != 6*time.Hour {
		t.Errorf("got %+v", w)
	}
	if disk > 0 && (w.Bytes < disk/2 || w.Bytes > 2*disk) { // a file system in memory writes nothing
		t.Errorf("counted %d bytes, the disk got %d", w.Bytes, disk)
	}
	if w.PerEvent() != float64(w.Bytes)/200 || w.PerDay() != 4*float64(w.Bytes) {
		t.Errorf("%g an event, %g a day of %+v", w.PerEvent(), w.PerDay(), w)
	}
	want := fmt.Sprintf("# HELP linli_journal_written_per_event_bytes Bytes written per event, followers' states included, since the start.\n"+
		"# TYPE linli_journal_written_per_event_bytes gauge\nlinli_journal_written_per_event_bytes %g\n", w.PerEvent())
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "linli_journal_written_per_event_bytes"); err != nil {
		t.Error(err)
	}
}

func TestWearInYears(t *testing.T) {
	w := journal.Wear{Events: 1000, Bytes: 5e6, Measured: 12 * time.Hour}
	if got := w.PerDay(); got != 1e7 {
		t.Errorf("%g a day", got)
	}
	if got := w.Years(journal.Rewriting * 1e7 * 365.25 * 3); got != 3 {
		t.Errorf("%g years", got)
	}
	if (journal.Wear{}).Years(1e12) != 0 || (journal.Wear{}).PerEvent() != 0 {
		t.Error("a journal that was just opened has a figure")
	}
}
