package usage

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/devices/locker"
)

// A figure leads to the entries that made it: those of its day, however late
// they came, and no others.
func TestExplain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBoxOf(t, dir, everything)
		b.record("locker", locker.Deposited{Compartment: 1}, time.Time{})
		b.record("locker", locker.Fault{Compartment: 2, Code: "jam"}, time.Time{})
		b.record("locker", locker.Deposited{Compartment: 3}, b.clock().Wall.Add(-10*time.Hour)) // the day before
		b.own(said{typeRaised, `{"incident":"1","kind":"sos","device":"wearable"}`})
		b.settle()
		b.pass(20 * time.Second)
		b.urgent(typeAcknowledged, `{"incident":"1"}`)
		b.pass(24 * time.Hour)
		b.record("locker", locker.Deposited{Compartment: 4}, b.clock().Wall.Add(-23*time.Hour)) // late
		b.settle()

		explain := func(period, facility, indicator string) (s string) {
			t.Helper()
			x, err := b.usage.Explain(t.Context(), period, facility, indicator)
			if err != nil {
				t.Fatal(err)
			}
			if x.Numerator != x.Row.Numerator {
				t.Errorf("%s adds up to %d, the row says %d", indicator, x.Numerator, x.Row.Numerator)
			}
			for _, p := range x.Parts {
				s += fmt.Sprintf("%s %d %s %+d/%+d, ", p.Entry.Chain, p.Entry.Seq, p.Entry.Event.Type, p.Numerator, p.Denominator)
			}
			return s
		}
		if got, want := explain("2026-11-23", "f", "parcel.deposits"), "ordinary 1 parcel.deposited +1/+0, ordinary 5 parcel.deposited +1/+0, "; got != want {
			t.Errorf("deposits by %s, want %s", got, want)
		}
		if got, want := explain("2026-11-23", "gateway", "alert.acknowledged"), "ordinary 4 incident.raised +0/+1, urgent 1 incident.acknowledged +1/+0, "; got != want {
			t.Errorf("acknowledged by %s, want %s", got, want)
		}
		if _, err := b.usage.Explain(t.Context(), "2026-11-23", "f", "nothing"); !errors.Is(err, ErrNoRow) {
			t.Errorf("no such row: %v", err)
		}
		if f := b.journal.Stats().Followers; len(f) != 1 {
			t.Errorf("followers left behind: %+v", f)
		}
		b.stop()
	})
}
