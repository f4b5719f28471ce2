package usage

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/journal"
)

const (
	oneDay   = 24 * time.Hour
	tenYears = 3653 * oneDay
)

// reboot starts the box in another boot, after it has been off for a time.
func (b *box) reboot(wall time.Time, synced bool) {
	b.t.Helper()
	b.stop()
	b.mu.Lock()
	b.now.Boot[0]++
	b.now.Mono = time.Minute
	b.mu.Unlock()
	b.set(wall, synced)
	b.start()
	b.tick()
}

// tick journals what the clock says, as the gateway does when it is set.
func (b *box) tick() {
	b.t.Helper()
	b.record(devices.GatewayDevice, wearable.Worn{}, time.Time{})
}

// turn sets the clock, and journals that.
func (b *box) turn(wall time.Time, synced bool) {
	b.t.Helper()
	b.set(wall, synced)
	b.tick()
}

// deposit puts a parcel into a compartment of its own.
func (b *box) deposit() {
	b.t.Helper()
	b.parcels++
	b.record("l1", locker.Deposited{Compartment: b.parcels}, time.Time{})
}

// deposits are the days with deposits, and how many; days in brackets are
// uncertain.
func (b *box) deposits() string {
	b.t.Helper()
	b.settle()
	var out []string
	for _, r := range b.all() {
		if r.Indicator != Deposits.Code || r.Numerator == 0 {
			continue
		}
		day := r.Day
		if b.uncertain(r.Day) {
			day = "(" + day + ")"
		}
		out = append(out, day+" "+strings.Repeat("x", int(r.Numerator)))
	}
	return strings.Join(out, ", ")
}

// all are the rows of all days, also those that are told to nobody any more.
func (b *box) all() (rows []Row) {
	b.t.Helper()
	err := b.usage.state.View(func(tx *journal.Tx) error {
		for key, value := range tx.Ascend(bucketRows, nil) {
			r, err := decodeRow(string(key), value, metaNumber(tx, "generation"))
			if err != nil {
				return err
			}
			rows = append(rows, r)
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return sortedRows(looked(rows))
}

func (b *box) uncertain(day string) bool {
	b.t.Helper()
	uncertain, err := b.usage.Uncertain(day)
	if err != nil {
		b.t.Fatal(err)
	}
	return uncertain
}

// expect compares the deposits.
func (b *box) expect(when, want string) {
	b.t.Helper()
	if got := b.deposits(); got != want {
		b.t.Errorf("%s: deposits %s, want %s", when, got, want)
	}
}

// story runs a test on a box in a bubble. It starts at 8 in the morning of 23
// November 2026, China time, with a synchronised clock and one deposit.
func story(t *testing.T, tell func(t *testing.T, b *box)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, dir)
		b.deposit()
		tell(t, b)
		b.stop()
	})
}

// Events of a time at which the box knew no time count on their day as soon as
// it does, in their order.
func TestBoxWithoutClock(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, dir)
		right := b.clock().Wall
		b.set(time.Unix(100, 0), false)
		b.record("l1", locker.Deposited{Compartment: 1}, time.Time{})
		b.pass(2 * time.Hour)
		b.record("l1", locker.PickedUp{Compartment: 1}, right.Add(90*time.Minute))
		b.settle()
		if got := b.figures("1970-01-01", "2026-11-23"); got != "" {
			t.Errorf("counted without a date\n%s", got)
		}
		b.restart()
		if got := gauge(t, b, "linli_usage_undated_changes"); got != 2 {
			t.Errorf("%v changes undated, want 2", got)
		}
		b.pass(20 * time.Hour)
		b.set(right.Add(22*time.Hour), true)
		b.record("w1", wearable.Worn{Worn: true}, time.Time{})
		b.settle()
		want := `2026-11-23 f-1 parcel.deposits 1
2026-11-23 f-1 parcel.dwell 1 [0 1 0 0 0 0 0 0]
2026-11-23 f-1 parcel.overdue 0/1
2026-11-23 f-1 parcel.pickups 1
`
		if got := b.figures("2026-11-23", "2026-11-24"); got != want {
			t.Errorf("figures\n%swant\n%s", got, want)
		}
		if got := gauge(t, b, "linli_usage_undated_changes"); got != 0 {
			t.Errorf("%v changes undated, want none", got)
		}
		b.stop()
	})
}

// A plausible clock counts at once. When NTP says otherwise, the old day goes
// down and the new one up, each by a revision, and nothing is counted twice.
func TestAPlausibleClockIsRevised(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		right := b.clock().Wall.Add(5 * oneDay)
		b.reboot(right.Add(-3*oneDay), false) // kept in a file while it was off
		b.deposit()
		b.pass(3 * time.Hour)
		b.record("l1", locker.PickedUp{Compartment: 2}, time.Time{})
		b.expect("at once", "(2026-11-23) x, (2026-11-25) x")
		before := row(t, b, "2026-11-25", "f-1", Deposits.Code)
		b.turn(right.Add(3*time.Hour), true)
		b.expect("after NTP", "2026-11-23 x, 2026-11-28 x")
		after := row(t, b, "2026-11-25", "f-1", Deposits.Code)
		if after.Numerator != 0 || after.N != before.N+1 || after.Change <= before.Change {
			t.Errorf("the wrong day's row was %+v and is %+v", before, after)
		}
		want := `2026-11-25 f-1 parcel.deposits 0
2026-11-25 f-1 parcel.dwell 0 [0 0 0 0 0 0 0 0]
2026-11-25 f-1 parcel.overdue 0/0
2026-11-25 f-1 parcel.pickups 0
2026-11-28 f-1 parcel.deposits 1
2026-11-28 f-1 parcel.dwell 1 [0 1 0 0 0 0 0 0]
2026-11-28 f-1 parcel.overdue 0/1
2026-11-28 f-1 parcel.pickups 1
`
		if got := b.figures("2026-11-25", "2026-11-28"); got != want {
			t.Errorf("figures\n%swant\n%s", got, want)
		}
	})
}

// Whoever sets the clock by ten years in the middle of a boot, the monotonic
// clock goes on from what was synchronised.
func TestTenYears(t *testing.T) {
	for _, c := range []struct {
		name   string
		step   time.Duration
		synced bool
		doubt  string
	}{
		{"a hand, forward", tenYears, false, "2026-11-23 x, 2026-11-24 xx"},
		{"a hand, back", -tenYears, false, "2026-11-23 x, 2026-11-24 xx"},
		{"NTP, forward", tenYears, true, "2026-11-23 x, (2026-11-24) xx"},
		{"NTP, back", -tenYears, true, "2026-11-23 x, 2026-11-24 xx"}, // before any gateway
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, func(t *testing.T, b *box) {
				right := b.clock().Wall
				b.pass(oneDay)
				b.turn(b.clock().Wall.Add(c.step), c.synced)
				b.deposit()
				b.pass(12 * time.Hour)
				b.restart()
				b.deposit()
				b.expect("wrong", c.doubt)
				if today, err := b.usage.Today(); err != nil || len(today) == 0 || today[0].Day != "2026-11-24" {
					t.Errorf("today %+v, %v", today, err)
				}
				b.pass(2 * time.Hour)
				b.turn(right.Add(38*time.Hour), true)
				b.deposit()
				b.expect("right again", "2026-11-23 x, 2026-11-24 xxx")
			})
		})
	}
}

// If the first word of a synchronised clock was the wrong one, the other is
// believed after a day. What it has dated is uncertain.
func TestARefutedClock(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		right := b.clock().Wall.Add(oneDay)
		b.reboot(right.Add(100*oneDay), true)
		b.deposit()
		b.pass(time.Hour)
		b.turn(right.Add(time.Hour), true)
		b.deposit()
		b.expect("in doubt", "2026-11-23 x, (2027-03-04) xx")
		b.pass(25 * time.Hour)
		b.deposit()
		b.expect("after a day", "2026-11-23 x, (2026-11-24) x, 2026-11-25 x, (2027-03-04) x")
	})
}

// A boot that never knew the time lies between its neighbours.
func TestBetweenTheNeighbours(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		right := b.clock().Wall
		b.reboot(time.Unix(0, 0), false)
		b.deposit()
		b.pass(time.Hour)
		b.reboot(time.Unix(0, 0), false)
		b.deposit()
		b.expect("unknown", "(2026-11-23) x")
		b.reboot(right.Add(4*oneDay), true)
		b.deposit()
		b.expect("bounded", "(2026-11-23) xxx, (2026-11-27) x")
		for day, want := range map[string]bool{"2026-11-22": false, "2026-11-25": true, "2026-11-28": false} {
			if got := b.uncertain(day); got != want {
				t.Errorf("%s uncertain: %t, want %t", day, got, want)
			}
		}
	})
	// Within one day there is no doubt.
	story(t, func(t *testing.T, b *box) {
		right := b.clock().Wall
		b.reboot(time.Unix(0, 0), false)
		b.deposit()
		b.pass(30 * time.Minute)
		b.record("l1", locker.PickedUp{Compartment: 2}, time.Time{}) // at a known distance
		b.reboot(right.Add(8*time.Hour), true)
		b.expect("bounded by one day", "2026-11-23 xx")
	})
	// But for how long something stayed that came in one such boot and went in
	// another.
	story(t, func(t *testing.T, b *box) {
		right := b.clock().Wall
		b.reboot(time.Unix(0, 0), false)
		b.deposit()
		b.reboot(time.Unix(0, 0), false)
		b.record("l1", locker.PickedUp{Compartment: 2}, time.Time{})
		b.reboot(right.Add(8*time.Hour), true)
		b.expect("a dwell that nobody knows", "(2026-11-23) xx")
	})
}

// Months without NTP: the kernel no longer calls its clock synchronised, which
// runs on with what its crystal drifts.
func TestMonthsWithoutNTP(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		for range 100 {
			b.pass(oneDay)
			b.set(b.clock().Wall, false)
			b.deposit()
			b.settle()
		}
		b.turn(b.clock().Wall.Add(-3*time.Minute), true) // NTP is back
		b.deposit()
		b.settle()
		rows, days := b.all(), 0
		for _, r := range rows {
			if r.Indicator == Deposits.Code {
				days++
				if want := map[bool]int64{false: 1, true: 2}[r.Day == "2027-03-03"]; r.Numerator != want || b.uncertain(r.Day) {
					t.Errorf("%+v", r)
				}
			}
		}
		if days != 101 {
			t.Errorf("%d days", days)
		}
	})
}

// The last and the first second of days that calendars get wrong, in a boot
// that learns the time last.
func TestBordersOfDays(t *testing.T) {
	for midnight, days := range map[string][2]string{
		"2027-12-31T16:00:00Z": {"2027-12-31", "2028-01-01"},
		"2028-02-28T16:00:00Z": {"2028-02-28", "2028-02-29"},
		"2028-02-29T16:00:00Z": {"2028-02-29", "2028-03-01"},
		"2027-02-28T16:00:00Z": {"2027-02-28", "2027-03-01"},
		"2027-06-30T16:00:00Z": {"2027-06-30", "2027-07-01"},
	} {
		story(t, func(t *testing.T, b *box) {
			at, err := time.Parse(time.RFC3339, midnight)
			if err != nil {
				t.Fatal(err)
			}
			b.reboot(time.Unix(0, 0), false)
			b.deposit() // a second before
			b.pass(time.Second)
			b.deposit() // on the stroke
			b.pass(time.Hour)
			b.turn(at.Add(time.Hour), true)
			b.expect(midnight, "2026-11-23 x, "+days[0]+" x, "+days[1]+" x")
		})
	}
}

// Device clocks that nobody has set count for nothing, one that is right and
// buffers for its day.
func TestDeviceClocks(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		for i, observed := range []time.Time{
			time.Unix(0, 0), time.Date(1980, 1, 6, 0, 0, 0, 0, time.UTC), time.Date(2080, 1, 1, 0, 0, 0, 0, time.UTC),
			b.clock().Wall.Add(-20 * oneDay),
		} {
			b.record("l1", locker.Deposited{Compartment: 100 + i}, observed)
		}
		b.expect("known time", "2026-11-03 x, 2026-11-23 xxxx")
		right := b.clock().Wall
		b.reboot(time.Unix(0, 0), false)
		for i, observed := range []time.Time{time.Unix(0, 0), right} {
			b.record("l1", locker.Deposited{Compartment: 200 + i}, observed)
		}
		b.turn(right.Add(2*oneDay), true)
		b.expect("1970", "2026-11-03 x, 2026-11-23 xxxxx, 2026-11-25 x")
	})
}

// A box that starts again and again without ever knowing the time stays small,
// and says what it has lost.
func TestNeverKnowsTheTime(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, dir)
		b.set(time.Unix(0, 0), false)
		for range 400 {
			b.mu.Lock()
			b.now.Boot[0]++
			b.now.Boot[1] += b.now.Boot[0] / 255
			b.now.Mono = 0
			b.mu.Unlock()
			b.deposit()
			b.pass(time.Hour)
		}
		b.settle()
		if got, lost := gauge(t, b, "linli_usage_undated_changes"), gauge(t, b, "linli_usage_lost_changes_total"); got+lost != 400 || got < 200 || lost < 100 {
			t.Errorf("%v undated, %v lost", got, lost)
		}
		b.stop()
	})
}
