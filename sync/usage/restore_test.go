package usage

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/sync/journal"
)

// A backup of the 24th is restored on the 26th: the generation is higher than
// that of the backup and of what it replaces; the 23rd is sent again, and
// nothing of the days from which events are lost.
func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		b := newBox(t, t.TempDir())
		b.record("l1", locker.Deposited{Compartment: 1}, time.Time{})
		b.settle()
		b.pass(day)
		b.record("l1", locker.Deposited{Compartment: 2}, time.Time{})
		b.settle()
		before, err := b.usage.Generation()
		if err != nil {
			t.Fatal(err)
		}
		made := b.clock()
		b.stop()
		if got := GenerationOf(b.dir); got != before {
			t.Errorf("generation of the folder: %d, want %d", got, before)
		}

		b.pass(2 * day)
		renew := func(above uint64, now devices.Stamp) uint64 {
			t.Helper()
			j, err := journal.OpenReadOnly(b.dir, journal.Options{Clock: b.clock})
			if err != nil {
				t.Fatal(err)
			}
			generation, err := Renew(j, above, made, now)
			if err != nil {
				t.Error(err)
			}
			if err := j.Close(); err != nil {
				t.Error(err)
			}
			return generation
		}
		first := renew(0, b.clock())
		if first <= before {
			t.Errorf("generation %d does not exceed %d", first, before)
		}
		// A box without a clock, and one that was restored before.
		unset := b.clock()
		unset.Wall, unset.Synced = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), false
		if again := renew(first+7, unset); again != first+8 {
			t.Errorf("generation %d, want %d", again, first+8)
		}

		b.start()
		defer func() { b.stop() }()
		sent := func() (days []string) {
			t.Helper()
			rows, _, err := b.usage.Changes(0, 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if r.Generation != first+8 {
					t.Errorf("row of generation %d", r.Generation)
				}
				if len(days) == 0 || days[len(days)-1] != r.Day {
					days = append(days, r.Day)
				}
			}
			return days
		}
		if days := sent(); len(days) != 1 || days[0] != "2026-11-23" {
			t.Errorf("sends %v", days)
		}
		// On the day of the restoration the platform may know more.
		b.record("l1", locker.Deposited{Compartment: 3}, time.Time{})
		b.settle()
		if days := sent(); len(days) != 1 {
			t.Errorf("sends %v", days)
		}
		b.pass(day)
		b.record("l1", locker.Deposited{Compartment: 4}, time.Time{})
		b.settle()
		if days := sent(); len(days) != 2 || days[1] != "2026-11-27" {
			t.Errorf("sends %v", days)
		}
	})
}

// A box that has never counted anything has nothing to renew.
func TestRenewNothing(t *testing.T) {
	dir := t.TempDir()
	clock := func() devices.Stamp { return devices.Stamp{} }
	j, err := journal.Open(dir, journal.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if j, err = journal.OpenReadOnly(dir, journal.Options{Clock: clock}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}()
	if g, err := Renew(j, 5, clock(), clock()); g != 0 || err != nil {
		t.Errorf("generation %d, %v", g, err)
	}
	if g := GenerationOf(dir); g != 0 {
		t.Errorf("generation %d", g)
	}
}
