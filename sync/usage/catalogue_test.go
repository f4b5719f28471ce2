package usage

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/attendance"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/booking"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/desk"
	"github.com/linli-edge/gateway/devices/express"
	"github.com/linli-edge/gateway/devices/fitness"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
	"github.com/linli-edge/gateway/devices/rating"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/rental"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/terminal"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/journal"
)

// town is a registry with a device of each kind.
type town struct{ snapshot *registry.Snapshot }

func (t town) Snapshot() *registry.Snapshot { return t.snapshot }

var everything = town{&registry.Snapshot{
	Devices: map[string]registry.Device{
		"locker":     {Device: devices.Device{ID: "locker", Kind: locker.Kind, Facility: "f"}, Compartments: 4},
		"cabinet":    at("f", "cabinet", cabinet.Kind),
		"pickup":     at("f", "pickup", pickup.Kind),
		"express":    at("f", "express", express.Kind),
		"terminal":   at("f", "terminal", terminal.Kind),
		"booking":    at("f", "booking", booking.Kind),
		"rating":     at("f", "rating", rating.Kind),
		"desk":       at("f", "desk", desk.Kind),
		"attendance": at("f", "attendance", attendance.Kind),
		"fitness":    at("f", "fitness", fitness.Kind),
		"rental":     at("f", "rental", rental.Kind),
		"visit":      {Device: devices.Device{ID: "visit", Kind: visit.Kind, Elder: "e1"}},
		"wearable":   {Device: devices.Device{ID: "wearable", Kind: wearable.Kind, Elder: "e1"}},
		"bed":        {Device: devices.Device{ID: "bed", Kind: bed.Kind, Elder: "e2"}},
		"alarm":      {Device: devices.Device{ID: "alarm", Kind: alarm.Kind, Elder: "e2"}},
		"room":       {Device: devices.Device{ID: "room", Kind: room.Kind, Elder: "e2"}},
	},
	Facilities: map[string]registry.Facility{"f": {ID: "f"}},
	Elders:     map[string]registry.Elder{"e1": {ID: "e1"}, "e2": {ID: "e2"}},
}}

// own journals what the box itself says.
func (b *box) own(p devices.Payload) { b.t.Helper(); b.record(devices.GatewayDevice, p, time.Time{}) }

// said is an event of the alerts, as they journal it.
type said struct {
	t    devices.Type
	data string
}

func (s said) EventType() devices.Type      { return s.t }
func (s said) Validate() error              { return nil }
func (s said) MarshalJSON() ([]byte, error) { return []byte(s.data), nil }

func (b *box) urgent(t devices.Type, data string) {
	b.t.Helper()
	e, err := devices.New(devices.GatewayDevice, said{t, data})
	if err != nil {
		b.t.Fatal(err)
	}
	b.ids++
	e.ID, e.Received, e.Urgency = fmt.Sprint(b.ids), b.clock(), devices.Urgent
	b.repeat(e)
}

// hours lets hours pass, each with its Alive.
func (b *box) hours(n int) {
	for range n {
		b.pass(time.Hour)
		b.own(Alive{})
	}
}

// Every indicator of the catalogue, from the reports that make it.
func TestEachIndicator(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBoxOf(t, dir, everything) // at 8 in the morning of the 23rd
		b.own(Alive{First: true})
		for _, id := range sortedKeys(everything.snapshot.Devices) {
			b.record(id, condition.Status{Online: true}, time.Time{})
		}
		report := func(device string, p ...devices.Payload) {
			t.Helper()
			for _, p := range p {
				b.record(device, p, time.Time{})
			}
		}
		cooked := b.clock().Wall.Add(-30 * time.Minute)
		report("cabinet", cabinet.Loaded{Compartment: 1, Portions: 3, Hot: true, Cooked: &cooked}, cabinet.Loaded{Compartment: 2}, cabinet.Loaded{Compartment: 3, Hot: true},
			cabinet.Temperature{Compartment: 3, Celsius: 66})
		report("locker", locker.Deposited{Compartment: 1}, locker.Deposited{Compartment: 2}, locker.Overdue{Compartment: 2}, locker.Fault{Compartment: 4, Code: "jam"})
		report("terminal", terminal.Started{Session: "a", ElderMode: true}, terminal.Ended{Session: "a", Result: terminal.Completed},
			terminal.Started{}, terminal.Ended{Result: terminal.Failed}, terminal.Available{Available: false})
		report("booking", booking.Created{Booking: "1"}, booking.Created{Booking: "2"}, booking.Created{Booking: "3"}, booking.Fulfilled{Booking: "1"},
			booking.NoShow{Booking: "2"}, booking.Cancelled{Booking: "3"}, booking.Delivered{Contactless: true}, booking.Delivered{})
		report("rating", rating.Rated{Service: "1", Level: 5}, rating.Rated{Service: "2", Level: 1}, rating.Rated{Service: "3", Level: 3}, rating.Closed{Service: "2"})
		report("desk", desk.Served{Way: desk.WayPhone, Count: 3}, desk.Served{Way: desk.WayCode})
		report("attendance", condition.Opening{Open: true}, attendance.Counted{Entries: 7})
		report("fitness", fitness.Tested{Test: "pulse"})
		report("rental", rental.In{Asset: "chair"}, rental.In{Asset: "bed"}, rental.Out{Asset: "chair"})
		report("express", express.Deposited{Parcels: 5}, express.PickedUp{Parcels: 2})
		report("pickup", pickup.Stocked{Compartment: 1}, pickup.Stocked{Compartment: 2}, pickup.PickedUp{Compartment: 1}, pickup.Temperature{Celsius: 9, Cold: true})
		report("visit", visit.Visited{By: visit.ByNFC})
		low := 10
		report("wearable", wearable.Battery{Percent: &low}, wearable.Worn{Worn: true}, wearable.Worn{})
		for i, kind := range []string{"sos", "fall", "smoke", "gas", "carbon_monoxide", "water", "wandering", "night_exit", "inactivity", "missed_meal", "vital_sign", "unprotected", "path_down", "round_due"} {
			b.own(said{typeRaised, fmt.Sprintf(`{"incident":"%d","kind":%q,"device":"wearable","round":1}`, i, kind)})
		}
		b.own(said{typeRaised, `{"incident":"0","kind":"sos","device":"wearable","round":2}`})
		b.settle()
		b.own(Uplink{})
		b.settle()
		b.pass(20 * time.Second)
		b.urgent(typeAcknowledged, `{"incident":"0"}`)
		b.pass(time.Minute)
		b.urgent(typeAcknowledged, `{"incident":"0"}`)
		b.urgent(typeResolved, `{"incident":"0","cause":"accidental"}`)
		b.urgent(typeResolved, `{"incident":"1","cause":"real"}`)
		b.urgent(typeResolved, `{"incident":"13","cause":"device"}`) // a round is no alert
		b.urgent(journal.TypeGap, `{"chain":"ordinary","first":1,"last":9,"count":9,"unread":4}`)
		b.own(Synced{Destination: "province", Accepted: 5, Refused: 1, Waiting: 2, Revised: 1, Delays: []int64{0, 5, 0, 0, 0, 0, 0, 0}})
		b.settle()
		b.pass(40*time.Minute - 80*time.Second)
		b.own(Uplink{Online: true})
		b.pass(20 * time.Minute)
		b.own(Alive{})
		b.hours(2) // 11:00
		report("cabinet", cabinet.PickedUp{Compartment: 1, Elder: "e1"}, cabinet.Unclaimed{Compartment: 2}, cabinet.PickedUp{Compartment: 3, Elder: "e1"})
		report("locker", locker.PickedUp{Compartment: 1}, locker.PickedUp{Compartment: 2, By: locker.ByCourier})
		b.record("wearable", condition.Status{}, time.Time{})
		b.hours(12) // 23:00
		report("pickup", pickup.PickedUp{Compartment: 2})
		b.settle()

		rows, err := b.usage.Rows("2026-11-23")
		if err != nil {
			t.Fatal(err)
		}
		month, err := b.usage.Rows("2026-11")
		if err != nil {
			t.Fatal(err)
		}
		b.pass(8 * oneDay)
		b.own(Alive{First: true})
		b.record("visit", visit.Visited{By: visit.ByButton}, time.Time{})
		b.own(visit.Visited{Elder: "e2", By: visit.ByPage})
		b.own(desk.Served{Way: desk.WayCard, Count: 2, Facility: "f"})
		b.settle()
		if r := row(t, b, "2026-12-01", "gateway", "visit.due"); r.Numerator != 2 || *r.Denominator != 2 {
			t.Errorf("visits that were due: %d/%d", r.Numerator, *r.Denominator)
		}
		if r := row(t, b, "2026-12-01", "f", "service.traditional"); r.Numerator != 2 || *r.Denominator != 2 {
			t.Errorf("entered by staff: %d/%d", r.Numerator, *r.Denominator)
		}
		made := map[string]bool{"visit.due": true}
		var got []string
		for _, r := range append(rows, month...) {
			made[r.Indicator] = true
			got = append(got, strings.TrimPrefix(figure(r), "2026-11"))
		}
		for _, i := range Indicators() {
			if !made[i.Code] {
				t.Errorf("nothing makes %s", i.Code)
			}
		}
		want := strings.Split(strings.TrimSpace(eachFigure), "\n")
		for _, line := range want {
			if !slices.Contains(got, line) {
				t.Errorf("no row %s", line)
			}
		}
		for _, line := range got {
			if !slices.Contains(want, line) {
				t.Errorf("a row %s", line)
			}
		}
		b.stop()
	})
}

// eachFigure is counted by hand. Days: 15 hours of running; the box was online
// but for 40 minutes.
const eachFigure = `
-23 f attendance.entries 7
-23 f attendance.open 1
-23 f booking.cancelled 1/3
-23 f booking.fulfilled 1/3
-23 f booking.no_show 1/3
-23 f delivery.contactless 1/2
-23 f device.online 594000/594000
-23 f express.active 1
-23 f express.deposits 5
-23 f express.pickups 2
-23 f facility.covered 54000/54000
-23 f fitness.tests 1
-23 f meal.dwell 4 [0 0 0 0 0 0 0 0 4]
-23 f meal.loaded 5
-23 f meal.picked_up 4
-23 f meal.unclaimed 1
-23 f meal.unsafe 3/4
-23 f parcel.deposits 2
-23 f parcel.dwell 2 [0 2 0 0 0 0 0 0]
-23 f parcel.faults 1
-23 f parcel.occupied 21600/162000
-23 f parcel.overdue 1/2
-23 f parcel.pickups 2
-23 f parcel.returns 1
-23 f parcel.turnover 2/162000
-23 f pickup.excursions 1
-23 f pickup.night 1/2
-23 f rating.closed 1/1
-23 f rating.given 3/19
-23 f rating.good 1/3
-23 f rating.levels 3 [1 0 1 0 1]
-23 f rental.rented 54000/108000
-23 f service.traditional 3/19
-23 f terminal.available 0/54000
-23 f terminal.completed 1/2
-23 f terminal.elder_mode 1/2
-23 gateway alert.acknowledged 1/12 [0 1 0 0 0 0 0]
-23 gateway alert.carbon_monoxide 1
-23 gateway alert.fall 1
-23 gateway alert.false 1/2
-23 gateway alert.gas 1
-23 gateway alert.inactivity 1
-23 gateway alert.offline 1/12
-23 gateway alert.missed_meal 1
-23 gateway alert.night_exit 1
-23 gateway alert.smoke 1
-23 gateway alert.sos 1
-23 gateway alert.unprotected 1
-23 gateway alert.vital_sign 1
-23 gateway alert.wandering 1
-23 gateway alert.water 1
-23 gateway bed.online 54000/54000
-23 gateway box.lost 4
-23 gateway box.offline 2400/54000
-23 gateway device.online 162000/162000
-23 gateway facility.covered 54000/54000
-23 gateway rating.given 0/1
-23 gateway service.traditional 0/1
-23 gateway sync.delay 5 [0 5 0 0 0 0 0 0]
-23 gateway sync.revisions 1
-23 gateway sync.rows 5/8
-23 gateway visit.made 1
-23 gateway visit.overdue 0/2
-23 gateway wearable.battery_low 1
-23 gateway wearable.not_worn 1
-23 gateway wearable.offline 1
-23 gateway wearable.online 10800/54000
 f meal.elders 1
 f site.services 11
 gateway site.services 1
`

// What people do about an alert may be read before it is known that it was one,
// and counts once; what they do about anything else never does.
func TestAlertsInEitherOrder(t *testing.T) {
	for name, c := range map[string]struct {
		kind  string
		first bool // the people
		want  string
	}{
		"raised first":  {"sos", false, "alert.acknowledged 1/1 [1 0 0 0 0 0 0], alert.false 1/1, alert.offline 0/1, alert.sos 1"},
		"raised last":   {"sos", true, "alert.acknowledged 1/1 [1 0 0 0 0 0 0], alert.false 1/1, alert.offline 0/1, alert.sos 1"},
		"of the box":    {"path_down", false, ""},
		"nobody's kind": {"made_up", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				b := newBoxOf(t, dir, everything)
				people := func() {
					for range 2 {
						b.urgent(typeAcknowledged, `{"incident":"1"}`)
						b.urgent(typeResolved, `{"incident":"1","cause":"accidental"}`)
					}
					b.settle()
				}
				if c.first {
					people()
				}
				b.own(said{typeRaised, fmt.Sprintf(`{"incident":"1","kind":%q,"device":"wearable"}`, c.kind)})
				b.settle()
				if !c.first {
					people()
				}
				rows, err := b.usage.Rows("2026-11-23")
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, r := range rows {
					got = append(got, strings.TrimPrefix(figure(r), "2026-11-23 gateway "))
				}
				if s := strings.Join(got, ", "); s != c.want {
					t.Errorf("%s, want %s", s, c.want)
				}
				b.stop()
			})
		})
	}
}

// A visit is due on the day on which the round that is agreed on ends, or seven
// days; not of who is away.
func TestVisitsFallDue(t *testing.T) {
	dir := t.TempDir()
	people := town{&registry.Snapshot{
		Devices: map[string]registry.Device{},
		Elders:  map[string]registry.Elder{"weekly": {ID: "weekly"}, "daily": {ID: "daily"}, "away": {ID: "away"}},
		Cares: map[string]registry.Care{
			"daily": {ID: "daily", RoundHours: 24}, "away": {ID: "away", RoundHours: 24, AwayUntil: "2027-02-01"},
		},
	}}
	synctest.Test(t, func(t *testing.T) {
		b := newBoxOf(t, dir, people) // at 8 in the morning of the 23rd
		for day := range 40 {
			if day > 0 {
				b.pass(16 * time.Hour)
				b.own(Alive{First: true}) // at midnight
				b.pass(8 * time.Hour)
			} else {
				b.own(Alive{First: true})
			}
			if day < 3 {
				b.own(visit.Visited{Elder: "daily", By: visit.ByPage})
			}
			if day == 0 || day == 7 {
				b.own(visit.Visited{Elder: "weekly", By: visit.ByPage})
			}
			b.settle()
		}
		for day, want := range map[string]string{
			"2026-11-23": "overdue 0/2", "2026-11-24": "due 1/1, overdue 0/2", "2026-11-25": "due 1/1, overdue 0/2", "2026-11-26": "due 0/1, overdue 0/2",
			"2026-11-27": "overdue 0/2", "2026-11-29": "overdue 0/2", "2026-11-30": "due 1/1, overdue 0/2", "2026-12-07": "due 0/1, overdue 0/2",
			"2026-12-26": "overdue 1/2", "2026-12-31": "overdue 2/2",
		} {
			rows, err := b.usage.Rows(day)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range rows {
				if r.Indicator == "visit.due" || r.Indicator == "visit.overdue" {
					got = append(got, strings.TrimPrefix(figure(r), day+" gateway visit."))
				}
			}
			if s := strings.Join(got, ", "); s != want {
				t.Errorf("%s: %s, want %s", day, s, want)
			}
		}
		b.stop()
	})
}

// Every indicator says what it is, and can be read by a machine.
func TestCatalogue(t *testing.T) {
	for _, i := range Indicators() {
		if err := devices.CheckCode("code", i.Code); err != nil || i.Name.ZH == "" || i.Name.EN == "" || i.Numerator.ZH == "" || i.Unit == "" || i.Fold == "" {
			t.Errorf("%+v: %v", i, err)
		}
		if (i.Fold == Share || i.Fold == Hours) != i.shared() && i.Fold != Histogram {
			t.Errorf("%s is %s, and its denominator %q", i.Code, i.Fold, i.Denominator.EN)
		}
		if (i.Bounds != nil) != (i.Fold == Histogram && i.levels == 0) {
			t.Errorf("%s is %s, with bounds %v", i.Code, i.Fold, i.Bounds)
		}
	}
	if n := len(Indicators()); n < 50 {
		t.Errorf("%d indicators only", n)
	}
}

// Time in which the box did not run is in no hours, and is told as not covered.
func TestGapsAreExcluded(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBoxOf(t, dir, everything)
		b.own(Alive{First: true})
		b.record("bed", condition.Status{Online: true}, time.Time{})
		b.hours(1)
		b.pass(3 * time.Hour) // killed, and started again
		b.own(Alive{First: true})
		b.hours(1)
		b.settle()
		if r := row(t, b, "2026-11-23", "gateway", "bed.online"); r.Numerator != 7200 || *r.Denominator != 7200 {
			t.Errorf("bed.online %d/%d", r.Numerator, *r.Denominator)
		}
		if r := row(t, b, "2026-11-23", "f", "facility.covered"); r.Numerator != 7200 || *r.Denominator != 5*3600 {
			t.Errorf("covered %d/%d", r.Numerator, *r.Denominator)
		}
		b.reboot(b.clock().Wall.Add(20*time.Hour), true)
		b.own(Alive{First: true})
		b.hours(1)
		b.settle()
		if r := row(t, b, "2026-11-23", "f", "facility.covered"); r.Numerator != 7200 || *r.Denominator != 16*3600 {
			t.Errorf("covered %d/%d on the day of the outage", r.Numerator, *r.Denominator)
		}
		if r := row(t, b, "2026-11-24", "gateway", "bed.online"); r.Numerator != 3600 || *r.Denominator != 3600 {
			t.Errorf("bed.online %d/%d the next day", r.Numerator, *r.Denominator)
		}
		b.stop()
	})
}

// A month is added up on the 3rd, corrected until the 18th, and then frozen. An
// elder counts once a month, and nothing on the disk says who it was.
func TestMonths(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBoxOf(t, dir, everything)
		meal := func(elder string, observed time.Time) {
			b.record("cabinet", cabinet.Loaded{Compartment: 1}, observed)
			b.record("cabinet", cabinet.PickedUp{Compartment: 1, Elder: elder}, observed)
			b.settle()
		}
		month := func() string {
			var lines []string
			rows, err := b.usage.Rows("2026-11")
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if strings.HasPrefix(r.Indicator, "meal.picked_up") || strings.HasPrefix(r.Indicator, "meal.elders") {
					told := ""
					if r.Change == 0 {
						told = " untold"
					}
					lines = append(lines, fmt.Sprint(r.Indicator, " ", r.Numerator, told))
				}
			}
			return strings.Join(lines, ", ")
		}
		expect := func(when, want string) {
			t.Helper()
			if got := month(); got != want {
				t.Errorf("%s: %s, want %s", when, got, want)
			}
		}
		for _, elder := range []string{"e1", "e2", "e1"} {
			meal(elder, time.Time{})
			b.pass(oneDay)
		}
		expect("within the month", "meal.elders 2")
		b.pass(6 * oneDay) // 2 December
		meal("e1", time.Time{})
		expect("on T+2", "meal.elders 2")
		b.pass(oneDay)
		meal("e1", time.Time{})
		expect("on T+3", "meal.elders 2, meal.picked_up 3")
		b.pass(4 * oneDay)
		meal("e3", b.clock().Wall.Add(-10*oneDay))
		expect("a late report", "meal.elders 3, meal.picked_up 4")
		b.pass(14 * oneDay) // 21 December
		meal("e4", b.clock().Wall.Add(-25*oneDay))
		expect("too late", "meal.elders 4 untold, meal.picked_up 5 untold")
		if got := gauge(t, b, "linli_usage_frozen_changes_total"); got == 0 {
			t.Error("the frozen changes are not counted")
		}
		err := b.usage.state.View(func(tx *journal.Tx) error {
			members := 0
			for key := range tx.Ascend(bucketMembers, nil) {
				if _, who, ok := strings.Cut(string(key), "meal.elders/"); ok && len(who) != 16 { // bytes of a hash
					t.Errorf("%q says who it was", key)
				}
				members++
			}
			if members == 0 {
				t.Error("no members")
			}
			for key, value := range tx.Ascend(bucketThings, nil) {
				if strings.HasPrefix(string(key), thingCompartment) && strings.Contains(string(value), `"e1"`) {
					t.Errorf("%q: %s", key, value)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		b.stop()
	})
}

// Where the platform wants other days, these are the month's.
func TestMonthsAsAgreed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBoxOf(t, dir, everything)
		b.stop()
		b.months = Months{Close: 5, Freeze: 25}
		b.start()
		b.pass(7 * oneDay)
		last := b.clock().Wall
		for _, c := range []struct{ day, want string }{
			{"2026-11-30", ""}, {"2026-12-04", ""}, {"2026-12-05", "3"}, {"2026-12-24", "4"}, {"2026-12-25", "5 untold"},
		} {
			for Day(b.clock().Wall) < c.day {
				b.pass(oneDay)
			}
			b.record("express", express.Deposited{Parcels: 1}, last)
			b.settle()
			rows, err := b.usage.Rows("2026-11")
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, r := range rows {
				if r.Indicator == "express.deposits" {
					got = fmt.Sprint(r.Numerator)
					if r.Change == 0 {
						got += " untold"
					}
				}
			}
			if got != c.want {
				t.Errorf("on %s: %q, want %q", c.day, got, c.want)
			}
		}
		b.stop()
	})
}

// The lanes lead to all rows that are to be told, alerts apart.
func TestLanes(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBoxOf(t, dir, everything)
		b.record("locker", locker.Deposited{Compartment: 1}, time.Time{})
		b.own(said{typeRaised, `{"incident":"1","kind":"sos","device":"wearable"}`})
		b.settle()
		lanes, err := b.usage.Lanes()
		if err != nil || len(lanes) != 2 || !lanes[0].Alerts || lanes[1].Alerts {
			t.Fatalf("%+v, %v", lanes, err)
		}
		all, _, err := b.usage.Changes(0, 100)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, l := range lanes {
			rows, err := b.usage.LaneRows(l, 0, 100)
			if err != nil || len(rows) == 0 || rows[len(rows)-1].Change != l.Change {
				t.Fatalf("%+v: %+v, %v", l, rows, err)
			}
			for _, r := range rows {
				if strings.HasPrefix(r.Indicator, "alert.") != l.Alerts {
					t.Errorf("%s in %+v", r.Indicator, l)
				}
			}
			n += len(rows)
			if rest, err := b.usage.LaneRows(l, rows[0].Change, 1); err != nil || len(rest) != min(1, len(rows)-1) {
				t.Errorf("after the first: %+v, %v", rest, err)
			}
		}
		waiting, err := b.usage.Waiting(nil)
		if n != len(all) || waiting != n || err != nil {
			t.Errorf("%d rows in the lanes, %d in all, %d waiting, %v", n, len(all), waiting, err)
		}
		b.stop()
	})
}
