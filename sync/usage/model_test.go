package usage

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
)

// stay is what is really in a compartment, or nothing.
type stay struct {
	known   bool // the coming was reported
	came    time.Time
	units   int64
	flagged bool
}

// truth is what really happens at the compartments, and a recount of it by
// hand: nothing of it goes through a state machine.
type truth struct {
	inside  map[string]*stay // by device and number
	lost    map[string]bool  // where the last report was lost: two are beyond anybody
	figures map[string]int64 // by day, facility, indicator and part
}

func (m *truth) add(at time.Time, facility, indicator, part string, n int64) {
	day := at.UTC().Add(8 * time.Hour).Format("2006-01-02")
	m.figures[day+" "+facility+" "+indicator+" "+part] += n
}

// addDwell counts in the bucket that is named by its upper limit in minutes.
func (m *truth) addDwell(at time.Time, facility, indicator string, minutes float64, n int64, limits ...float64) {
	bucket := 0
	for bucket < len(limits) && minutes > limits[bucket] {
		bucket++
	}
	m.add(at, facility, indicator, "count", n)
	m.add(at, facility, indicator, fmt.Sprintf("bucket%d", bucket), n)
}

// step lets something happen at a compartment and reports it.
func (m *truth) step(t *rapid.T, b *box) (reported []devices.Event) {
	device := rapid.SampledFrom([]string{"l1", "l2", "l3", "c1"}).Draw(t, "device")
	n := rapid.IntRange(1, 2).Draw(t, "compartment")
	facility := map[string]string{"l1": "f-1", "l2": "f-1", "l3": "f-2", "c1": "f-2"}[device]
	at := b.clock().Wall
	observed := time.Time{}
	if rapid.IntRange(0, 4).Draw(t, "late") == 0 {
		at = at.Add(-time.Duration(rapid.IntRange(0, 3*24*60).Draw(t, "by minutes")) * time.Minute)
		observed = at
	}
	say := func(p devices.Payload) { reported = append(reported, b.record(device, p, observed)) }
	key := fmt.Sprint(device, n)
	in := m.inside[key]
	missed := rapid.IntRange(0, 9).Draw(t, "report is lost") == 0 && device == "l1" && !m.lost[key]

	switch what := rapid.IntRange(0, 5).Draw(t, "what"); {
	case in == nil && what < 5: // something comes
		in = &stay{known: true, came: at, units: 1}
		m.inside[key] = in
		switch device {
		case "l1": // the controller reports
			if m.lost[key] = missed; missed {
				in.known = false
				return nil
			}
			say(locker.Deposited{Compartment: n})
		case "l2": // a sensor
			say(locker.Door{Compartment: n, Open: true})
			say(locker.Occupancy{Compartment: n, Occupied: true})
			say(locker.Door{Compartment: n})
		case "l3": // both
			say(locker.Door{Compartment: n, Open: true})
			says := []devices.Payload{locker.Occupancy{Compartment: n, Occupied: true}, locker.Deposited{Compartment: n}}
			first := rapid.IntRange(0, 1).Draw(t, "first")
			say(says[first])
			say(says[1-first])
		case "c1":
			in.units = rapid.Int64Range(1, 3).Draw(t, "portions")
			say(cabinet.Loaded{Compartment: n, Portions: int(in.units)})
			m.add(at, facility, "meal.loaded", "count", in.units)
			return reported
		}
		m.add(at, facility, "parcel.deposits", "count", 1)
		m.add(at, facility, "parcel.overdue", "of", 1)
	case in != nil && what < 4: // it goes
		delete(m.inside, key)
		dwell := at.Sub(in.came).Minutes()
		if device == "c1" {
			say(cabinet.PickedUp{Compartment: n})
			if !in.flagged {
				m.add(at, facility, "meal.picked_up", "count", in.units)
				if dwell >= 0 {
					m.addDwell(at, facility, "meal.dwell", dwell, in.units, 5, 10, 15, 20, 30, 45, 60, 120)
				}
			}
			return reported
		}
		switch device {
		case "l1":
			if m.lost[key] = missed; missed { // the next deposit will tell
				return nil
			}
			say(locker.PickedUp{Compartment: n})
		case "l2":
			say(locker.Occupancy{Compartment: n})
		case "l3":
			say(locker.PickedUp{Compartment: n})
			say(locker.Occupancy{Compartment: n})
		}
		m.add(at, facility, "parcel.pickups", "count", 1)
		if in.known && dwell >= 0 {
			m.addDwell(at, facility, "parcel.dwell", dwell, 1, 60, 180, 360, 720, 1440, 2880, 4320)
		}
	case in != nil: // nobody comes for it
		flag := map[bool]devices.Payload{true: cabinet.Unclaimed{Compartment: n}, false: locker.Overdue{Compartment: n}}[device == "c1"]
		say(flag)
		if in.flagged {
			return reported
		}
		in.flagged = true
		if device == "c1" {
			m.add(at, facility, "meal.unclaimed", "count", in.units)
		} else {
			m.add(at, facility, "parcel.overdue", "count", 1)
		}
	default: // somebody looks, something breaks
		say(locker.Door{Compartment: n, Open: true})
		say(locker.Fault{Compartment: n, Code: "jammed"})
	}
	return reported
}

// reader follows the change feed as a sender would.
type reader struct {
	at   uint64
	rows map[string]Row
}

func (r *reader) read(t *rapid.T, b *box, most int) int {
	rows, last, err := b.usage.Changes(r.at, most)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		key := rowKey(row.Day, row.Facility, row.Indicator)
		if before, ok := r.rows[key]; ok && (row.N <= before.N || row.Generation != before.Generation || row.Numerator < before.Numerator) {
			t.Fatalf("%+v follows %+v", row, before)
		}
		if row.Change <= r.at {
			t.Fatalf("change %d after %d", row.Change, r.at)
		}
		r.at, r.rows[key] = row.Change, row
	}
	if r.at != last {
		t.Fatalf("last change %d, want %d", last, r.at)
	}
	return len(rows)
}

// recount renders rows in the truth's form.
func recount(rows map[string]Row) map[string]int64 {
	figures := map[string]int64{}
	add := func(r Row, part string, n int64) {
		if n != 0 {
			figures[strings.Join([]string{r.Day, r.Facility, r.Indicator, part}, " ")] = n
		}
	}
	for _, r := range looked(slices.Collect(maps.Values(rows))) {
		add(r, "count", r.Numerator)
		if r.Denominator != nil {
			add(r, "of", *r.Denominator)
		}
		for i, n := range r.Buckets {
			add(r, fmt.Sprintf("bucket%d", i), n)
		}
	}
	return figures
}

// Whatever happens, is repeated, comes late, or is cut off by a restart or a
// disk that fails: the rows are those of a recount of what really happened.
func TestRecount(t *testing.T) {
	temp := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		// As a plain TB: in a bubble nobody may ask for the deadline.
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) {
			dir, err := os.MkdirTemp(temp, "")
			if err != nil {
				rt.Fatal(err)
			}
			b := newBox(t, dir)
			defer func() { b.stop() }()
			// The sensors say what there is: nothing.
			for _, device := range []string{"l2", "l3"} {
				for n := 1; n <= 2; n++ {
					b.record(device, locker.Occupancy{Compartment: n}, time.Time{})
				}
			}
			m := truth{inside: map[string]*stay{}, lost: map[string]bool{}, figures: map[string]int64{}}
			feed := reader{rows: map[string]Row{}}
			var past []devices.Event
			for range rapid.IntRange(1, 60).Draw(rt, "steps") {
				b.pass(time.Duration(rapid.IntRange(0, 300).Draw(rt, "minutes")) * time.Minute)
				reported := m.step(rt, b)
				past = append(past, reported...)
				switch rapid.IntRange(0, 9).Draw(rt, "then") {
				case 0:
					b.restart()
				case 1:
					b.settle()
				case 2:
					feed.read(rt, b, rapid.IntRange(1, 5).Draw(rt, "most"))
				case 5:
					b.fails.Store(int32(rapid.IntRange(1, 2).Draw(rt, "transactions fail")))
				case 3, 4:
					if len(past) > 0 { // a redelivery of anything
						b.repeat(rapid.SampledFrom(past).Draw(rt, "repeated"))
					}
				}
			}
			b.settle()
			for feed.read(rt, b, 3) > 0 {
			}
			maps.DeleteFunc(m.figures, func(_ string, n int64) bool { return n == 0 })
			got := recount(feed.rows)
			for _, key := range slices.Sorted(maps.Keys(m.figures)) {
				if got[key] != m.figures[key] {
					rt.Errorf("%s: counted %d, happened %d", key, got[key], m.figures[key])
				}
			}
			for _, key := range slices.Sorted(maps.Keys(got)) {
				if m.figures[key] == 0 {
					rt.Errorf("%s: counted %d, happened 0", key, got[key])
				}
			}
			lanes, err := b.usage.Lanes()
			told := map[string]uint64{}
			for _, l := range lanes {
				told[l.Key()] = feed.at
			}
			if n, e := b.usage.Waiting(told); n != 0 || errors.Join(err, e) != nil {
				rt.Errorf("%d are waiting, %v", n, errors.Join(err, e))
			}
		})
	})
}
