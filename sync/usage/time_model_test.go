package usage

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/sync/journal"
)

// lived is what really happened in one boot, by the true time.
type lived struct {
	first, last time.Time
	synced      bool
}

// trueTime is a history by the true time, which the box does not know.
type trueTime struct {
	now      time.Time
	boots    []lived
	parcels  []parcel
	occupied map[int]int // by compartment: the index of its parcel
}

type parcel struct {
	came, went     time.Time
	cameIn, wentIn int // index of the boot
}

func (m *trueTime) boot() *lived { return &m.boots[len(m.boots)-1] }

func (m *trueTime) pass(b *box, d time.Duration) {
	m.now = m.now.Add(d)
	b.pass(d)
}

// say journals what the clock says.
func (m *trueTime) say(b *box) {
	b.tick()
	m.boot().last = m.now
}

// wrong is a clock that nothing synchronises.
func (m *trueTime) wrong(t *rapid.T) time.Time {
	switch rapid.IntRange(0, 5).Draw(t, "wrong") {
	case 0:
		return time.Unix(rapid.Int64Range(0, 1000).Draw(t, "s"), 0).UTC()
	case 1:
		return m.now.Add(tenYears)
	case 2:
		return m.now.Add(-tenYears)
	case 3:
		return m.now
	}
	return m.now.Add(time.Duration(rapid.IntRange(-72, 72).Draw(t, "hours")) * time.Hour)
}

func (m *trueTime) step(t *rapid.T, b *box) {
	m.pass(b, time.Duration(rapid.IntRange(0, 30*60).Draw(t, "minutes"))*time.Minute)
	switch rapid.IntRange(0, 11).Draw(t, "what") {
	case 0, 1: // NTP
		b.set(m.now, true)
		m.boot().synced = true
		m.say(b)
	case 2: // NTP is lost
		b.set(b.clock().Wall, false)
		m.say(b)
	case 3: // a hand
		b.set(m.wrong(t), false)
		m.say(b)
	case 4: // power cut
		b.stop()
		m.now = m.now.Add(time.Duration(rapid.IntRange(0, 40*24).Draw(t, "off hours")) * time.Hour)
		b.mu.Lock()
		b.now.Boot[0]++
		b.now.Mono = 0
		b.mu.Unlock()
		b.set(m.wrong(t), false)
		b.start()
		m.boots = append(m.boots, lived{first: m.now})
		m.say(b)
	case 5:
		b.restart()
	case 6:
		b.settle()
	default:
		m.visit(b, rapid.IntRange(1, 3).Draw(t, "compartment"))
	}
}

// visit puts a parcel into a compartment, or takes it out.
func (m *trueTime) visit(b *box, n int) {
	if i, ok := m.occupied[n]; ok {
		delete(m.occupied, n)
		m.parcels[i].went, m.parcels[i].wentIn = m.now, len(m.boots)-1
		b.record("l1", locker.PickedUp{Compartment: n}, time.Time{})
	} else {
		m.occupied[n] = len(m.parcels)
		m.parcels = append(m.parcels, parcel{came: m.now, cameIn: len(m.boots) - 1})
		b.record("l1", locker.Deposited{Compartment: n}, time.Time{})
	}
	m.boot().last = m.now
}

// figureKey names a figure of a day: of an indicator, or of one bucket of it, 1 to 8.
type figureKey struct {
	day, indicator string
	bucket         int
}

// truth recounts all parcels by the true time.
func (m *trueTime) truth() map[figureKey]int64 {
	f := map[figureKey]int64{}
	for _, p := range m.parcels {
		f[figureKey{Day(p.came), Deposits.Code, 0}]++
		if p.went.IsZero() {
			continue
		}
		f[figureKey{Day(p.went), Pickups.Code, 0}]++
		bucket := 1
		for _, hours := range []float64{1, 3, 6, 12, 24, 48, 72} {
			if p.went.Sub(p.came).Hours() > hours {
				bucket++
			}
		}
		f[figureKey{Day(p.went), "parcel.dwell", bucket}]++
	}
	return f
}

func counted(t *rapid.T, rows []Row) (f map[figureKey]int64, totals map[string]int64) {
	f, totals = map[figureKey]int64{}, map[string]int64{}
	for _, r := range rows {
		totals[r.Indicator] += r.Numerator
		switch r.Indicator {
		case Deposits.Code, Pickups.Code:
			f[figureKey{r.Day, r.Indicator, 0}] = r.Numerator
		case "parcel.dwell":
			sum := int64(0)
			for i, n := range r.Buckets {
				f[figureKey{r.Day, r.Indicator, i + 1}] = n
				sum += n
			}
			if sum != r.Numerator {
				t.Errorf("%+v does not add up", r)
			}
		case Overdue.Code:
			totals["of"] += *r.Denominator
			if *r.Denominator < 0 {
				t.Errorf("%+v", r)
			}
		}
		if r.Numerator < 0 {
			t.Errorf("%+v", r)
		}
	}
	return f, totals
}

// unknown tells whether the day lies between two boots that knew the time, with
// one between them that did not.
func (m *trueTime) unknown(day string) bool {
	end := ""
	silent := false
	for _, boot := range m.boots {
		switch {
		case !boot.synced:
			silent = true
		default:
			if silent && end <= day && day <= Day(boot.first) {
				return true
			}
			end, silent = Day(boot.last), false
		}
	}
	return false
}

// Whatever the clocks say: what happened in a boot that was ever synchronised
// counts on its true day, and its dwell in its true bucket if that is known;
// nothing is lost or counted twice; and where the day is not the true one, it
// is called uncertain.
func TestTrueDays(t *testing.T) {
	temp := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) {
			dir, err := os.MkdirTemp(temp, "")
			if err != nil {
				rt.Fatal(err)
			}
			b := newBox(t, dir)
			defer func() { b.stop() }()
			m := &trueTime{now: b.clock().Wall, occupied: map[int]int{}}
			m.boots = []lived{{first: m.now}}
			if m.boots[0].synced = rapid.Bool().Draw(rt, "synchronised"); !m.boots[0].synced {
				b.set(m.wrong(rt), false)
			}
			m.say(b)
			for range rapid.IntRange(1, 60).Draw(rt, "steps") {
				m.step(rt, b)
			}
			b.settle()
			deposits, pickups := int64(len(m.parcels)), int64(len(m.parcels)-len(m.occupied))
			_, totals := counted(rt, b.all())
			undated := int64(gauge(t, b, "linli_usage_undated_changes"))
			if totals[Deposits.Code]+totals[Pickups.Code]+undated != deposits+pickups || totals["of"] != totals[Deposits.Code] {
				rt.Errorf("counted %v and %d undated, happened %d and %d", totals, undated, deposits, pickups)
			}
			b.set(m.now, true) // at last
			m.boot().synced = true
			m.say(b)
			b.settle()
			m.check(rt, b)
		})
	})
}

// check compares the figures when all is known that ever will be.
func (m *trueTime) check(t *rapid.T, b *box) {
	truth := m.truth()
	got, totals := counted(t, b.all())
	if deposits, pickups := int64(len(m.parcels)), int64(len(m.parcels)-len(m.occupied)); totals[Deposits.Code] != deposits ||
		totals[Pickups.Code] != pickups || totals["of"] != deposits {
		t.Errorf("counted %v, happened %d and %d", totals, deposits, pickups)
	}
	keys := map[figureKey]bool{}
	for key := range truth {
		keys[key] = true
	}
	for key := range got {
		keys[key] = true
	}
	for key := range keys {
		uncertain := b.uncertain(key.day)
		if got[key] != truth[key] && !uncertain && !(key.bucket > 0 && m.dwellUnknown(key.day)) {
			t.Errorf("%+v: counted %d, happened %d, and not called uncertain", key, got[key], truth[key])
		}
		if uncertain && !m.unknown(key.day) && !m.dwellUnknown(key.day) {
			t.Errorf("%s is called uncertain", key.day)
		}
	}
	err := b.usage.state.View(func(tx *journal.Tx) error {
		for key := range tx.Ascend(bucketDrafts, nil) {
			t.Errorf("draft %x is left", key)
		}
		if c, err := loadCalendar(tx); err != nil || len(c.Boots) != 1 {
			t.Errorf("%d boots are left, %v", len(c.Boots), err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// dwellUnknown tells whether a parcel went on the day that came in a boot
// which never knew the time.
func (m *trueTime) dwellUnknown(day string) bool {
	for _, p := range m.parcels {
		if !p.went.IsZero() && Day(p.went) == day && !m.boots[p.cameIn].synced {
			return true
		}
	}
	return false
}
