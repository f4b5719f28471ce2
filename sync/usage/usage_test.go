package usage

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/wearable"
)

// A day at a locker and a cabinet, over midnight, restarts and late reports.
func TestDays(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, dir)
		deposit := b.record("l1", locker.Deposited{Compartment: 1}, time.Time{})
		b.record("c1", cabinet.Loaded{Compartment: 1, Portions: 2}, time.Time{})
		b.record("c1", cabinet.Loaded{Compartment: 2}, time.Time{})
		for range 50 {
			b.repeat(deposit)
		}
		b.restart()
		b.pass(12 * time.Minute)
		b.record("c1", cabinet.PickedUp{Compartment: 1, Elder: "e-1"}, time.Time{})
		b.pass(3 * time.Hour)
		b.record("c1", cabinet.Unclaimed{Compartment: 2}, time.Time{})
		b.record("c1", cabinet.PickedUp{Compartment: 2}, time.Time{})
		b.settle()
		want := `2026-11-23 f-1 parcel.deposits 1
2026-11-23 f-1 parcel.overdue 0/1
2026-11-23 f-2 meal.dwell 2 [0 0 2 0 0 0 0 0 0]
2026-11-23 f-2 meal.loaded 3
2026-11-23 f-2 meal.picked_up 2
2026-11-23 f-2 meal.unclaimed 1
`
		if got := b.figures("2026-11-23"); got != want {
			t.Errorf("the day's figures\n%swant\n%s", got, want)
		}
		b.pass(13 * time.Hour) // past midnight, China time
		b.restart()
		b.record("l1", locker.Overdue{Compartment: 1}, time.Time{})
		b.record("l1", locker.PickedUp{Compartment: 1}, time.Time{})
		b.settle()
		want = `2026-11-24 f-1 parcel.dwell 1 [0 0 0 0 1 0 0 0]
2026-11-24 f-1 parcel.overdue 1/0
2026-11-24 f-1 parcel.pickups 1
`
		if got := b.figures("2026-11-24"); got != want {
			t.Errorf("the next day's figures\n%swant\n%s", got, want)
		}
		today, err := b.usage.Today()
		if err != nil || len(looked(today)) != 3 {
			t.Errorf("today has %d rows, %v", len(today), err)
		}

		// A report that was buffered in the device changes the day before.
		before := row(t, b, "2026-11-23", "f-1", "parcel.deposits")
		b.record("l1", locker.Deposited{Compartment: 2}, b.clock().Wall.Add(-8*time.Hour))
		b.settle()
		after := row(t, b, "2026-11-23", "f-1", "parcel.deposits")
		if after.Numerator != 2 || after.Generation != before.Generation || after.N <= before.N || after.Change <= before.Change {
			t.Errorf("late deposit: from %+v to %+v", before, after)
		}
		b.stop()
	})
}

func row(t *testing.T, b *box, day, facility, indicator string) Row {
	t.Helper()
	rows, err := b.usage.Rows(day)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Facility == facility && r.Indicator == indicator {
			return r
		}
	}
	t.Fatalf("no row %s %s %s", day, facility, indicator)
	return Row{}
}

func TestNotCounted(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, dir)
		b.record("l9", locker.Deposited{Compartment: 1}, time.Time{})
		b.record("unknown", locker.Deposited{Compartment: 1}, time.Time{})
		b.record("w1", wearable.Worn{Worn: true}, time.Time{})
		b.record("l1", devices.Rejected{Reason: devices.RejectInvalid}, time.Time{})
		b.record("l1", locker.Status{Online: true}, time.Time{})
		b.record("l1", locker.Deposited{Compartment: 0}, time.Time{})
		b.settle()
		if got := b.figures("2026-11-23"); got != "" {
			t.Errorf("counted\n%s", got)
		}
		want := `
# HELP linli_usage_malformed_events_total Events in no statistic, because their data could not be read.
# TYPE linli_usage_malformed_events_total counter
linli_usage_malformed_events_total 1
# HELP linli_usage_unplaced_events_total Events in no statistic, because their device is not registered or has no facility.
# TYPE linli_usage_unplaced_events_total counter
linli_usage_unplaced_events_total 2
`
		if err := testutil.GatherAndCompare(b.metrics, strings.NewReader(want), "linli_usage_malformed_events_total", "linli_usage_unplaced_events_total"); err != nil {
			t.Error(err)
		}
		if generation, err := b.usage.Generation(); generation != 0 || err != nil {
			t.Errorf("generation %d, %v before anything was counted", generation, err)
		}
		b.stop()
	})
}

func gauge(t *testing.T, b *box, name string) float64 {
	t.Helper()
	families, err := b.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestChangesAndPruning(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, dir)
		for i := range 5 {
			b.record("l1", locker.Deposited{Compartment: i + 1}, time.Time{})
			b.settle()
		}
		// Deposits, overdue and turnover have changed five times; each stands once.
		rows, last, err := b.usage.Changes(0, 10)
		if err != nil || len(rows) != 3 || last != rows[2].Change || rows[0].N != 5 {
			t.Fatalf("changes %+v, last %d, %v", rows, last, err)
		}
		today := Lane{Period: rows[0].Day}.Key()
		if n, err := b.usage.Waiting(map[string]uint64{today: rows[0].Change}); n != 2 || err != nil {
			t.Errorf("%d are waiting, %v", n, err)
		}
		first, at, err := b.usage.Changes(0, 1)
		if err != nil || len(first) != 1 || at != first[0].Change {
			t.Errorf("the first change: %+v, %d, %v", first, at, err)
		}
		if none, at, err := b.usage.Changes(last, 10); len(none) != 0 || at != last || err != nil {
			t.Errorf("changes after the last: %+v, %d, %v", none, at, err)
		}
		b.pass(3 * 366 * 24 * time.Hour)
		b.record("l2", locker.Deposited{Compartment: 1}, time.Time{})
		b.settle()
		if got := b.figures("2026-11-23"); got != "" {
			t.Errorf("kept after three years\n%s", got)
		}
		rows, _, err = b.usage.Changes(0, 10)
		if err != nil || len(rows) != 3 || rows[0].Day <= "2029" {
			t.Errorf("changes %+v, %v", rows, err)
		}
		b.stop()
	})
}

// Days are those of China, whatever the zone of the box and the season.
func TestDay(t *testing.T) {
	for at, want := range map[string]string{
		"2026-11-23T15:59:59Z":      "2026-11-23",
		"2026-11-23T16:00:00Z":      "2026-11-24",
		"2026-07-01T23:59:59+08:00": "2026-07-01",
		"2028-02-28T16:00:00Z":      "2028-02-29",
	} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := Day(when); got != want {
			t.Errorf("%s is on %s, want %s", at, got, want)
		}
	}
}

func TestBuckets(t *testing.T) {
	for d, want := range map[time.Duration]int{0: 0, time.Hour: 0, time.Hour + 1: 1, 72 * time.Hour: 6, 73 * time.Hour: 7} {
		if got := catalogue["parcel.dwell"].bucket(d); got != want {
			t.Errorf("%v is in bucket %d, want %d", d, got, want)
		}
	}
}

// A day is named the same whichever was asked for before, also at its ends and
// before 1970.
func TestDayAsBefore(t *testing.T) {
	at := time.Date(1969, 12, 30, 15, 59, 59, 0, time.UTC)
	for i := range 40_000 {
		at = at.Add(time.Duration(i%3) * (12*time.Hour + time.Nanosecond))
		for _, shift := range []time.Duration{0, -time.Nanosecond, 8 * time.Hour, 16*time.Hour - time.Second} {
			if got, want := Day(at.Add(shift)), at.Add(shift).In(zone).Format(time.DateOnly); got != want {
				t.Fatalf("%s is on %s, want %s", at.Add(shift), got, want)
			}
		}
	}
}
