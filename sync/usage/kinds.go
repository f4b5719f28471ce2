package usage

import (
	"slices"
	"strconv"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/attendance"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/booking"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/compartment"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/desk"
	"github.com/linli-edge/gateway/devices/express"
	"github.com/linli-edge/gateway/devices/fitness"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
	"github.com/linli-edge/gateway/devices/rating"
	"github.com/linli-edge/gateway/devices/rental"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/spell"
	"github.com/linli-edge/gateway/devices/terminal"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
)

// folds are the kinds that are counted: what a report of a device adds.
var folds = map[devices.Kind]func(b *batch, d placed, p devices.Payload, at clock.Moment) error{
	locker.Kind:     foldLocker,
	cabinet.Kind:    foldCabinet,
	pickup.Kind:     foldPickup,
	express.Kind:    foldExpress,
	terminal.Kind:   foldTerminal,
	booking.Kind:    foldBooking,
	rating.Kind:     foldRating,
	desk.Kind:       foldDesk,
	attendance.Kind: foldAttendance,
	fitness.Kind:    foldFitness,
	rental.Kind:     foldRental,
	visit.Kind:      foldVisit,
	wearable.Kind:   foldWearable,
	bed.Kind:        foldNothing, // its hours are those of its meter
	alarm.Kind:      foldNothing, // its alarms are incidents
	room.Kind:       foldNothing, // and so are its calls for help
}

func foldNothing(*batch, placed, devices.Payload, clock.Moment) error { return nil }

// served is that somebody was given services of a type, in the smart way.
func served(kind devices.Kind, units int64) []count {
	return []count{
		{Code: "service.traditional", Of: units}, {Code: "rating.given", Of: units},
		{Code: "site.services", Member: string(kind)},
	}
}

// contents is what is remembered of a compartment.
type contents struct {
	compartment.State
	// Of a meal: whether it is hot, when it was cooked, zero if that is not
	// known, and the sequence at which it was loaded.
	Hot    bool      `json:"hot,omitempty"`
	Cooked time.Time `json:"cooked,omitzero"`
	Loaded uint64    `json:"loaded,omitempty"`
}

// compartment takes a report of a compartment through its state machine, and
// counts what comes of it.
func (b *batch) compartment(d placed, n int, at clock.Moment, step func(compartment.State) (compartment.State, []compartment.Change),
	counts func(compartment.Change, *contents, clock.Moment) []count,
) (changed bool, err error) {
	s, t, err := thingOf[contents](b, thingCompartment, d.ID, strconv.Itoa(n))
	if err != nil {
		return false, err
	}
	before := s.State
	var changes []compartment.Change
	s.State, changes = step(s.State)
	changed = before.Occupied != s.Occupied || before.Latest != s.Latest || before.Before != s.Before
	b.doubt(d.Device.Device, d.place, n, Day(at.At), changes)
	if n > 0 && (before.Occupied != s.Occupied || (len(before.Faults) > 0) != (len(s.Faults) > 0)) {
		err = b.meter(d, func(m *meter) {
			m.Occupied += toInt(s.Occupied) - toInt(before.Occupied)
			m.Faulty += toInt(len(s.Faults) > 0) - toInt(len(before.Faults) > 0)
		})
		if err != nil {
			return changed, err
		}
	}
	for _, c := range changes {
		b.tally.changes[changeLabel{d.Kind, string(c.Kind)}]++
		when, since := at, clock.Moment{}
		switch {
		case c.Kind == compartment.Came && c.More:
			when = t.Since
		case c.Kind == compartment.Came:
			t.Since = at
		case c.Kind == compartment.Found:
			t.Since = clock.Moment{}
		case c.Kind == compartment.Went, c.Kind == compartment.Lost:
			since, t.Since = t.Since, clock.Moment{}
		}
		if err := b.emit(d.place, when, since, counts(c, s, since)...); err != nil {
			return changed, err
		}
	}
	return changed, nil
}

func toInt(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// What a parcel adds: there are too many to make it anew for each.
var (
	parcelCame   = []count{{Code: Deposits.Code, N: 1}, {Code: Overdue.Code, Of: 1}, {Code: "parcel.turnover", N: 1}}
	parcelWent   = []count{{Code: Pickups.Code, N: 1}, {Code: "parcel.dwell", N: 1}}
	parcelServed = slices.Concat(parcelWent, served(locker.Kind, 1))
)

func foldLocker(b *batch, d placed, p devices.Payload, at clock.Moment) error {
	taken, isTaken := p.(locker.PickedUp)
	courier := isTaken && taken.By == locker.ByCourier
	changed, err := b.compartment(d, locker.Compartment(p), at, func(s compartment.State) (compartment.State, []compartment.Change) {
		return locker.Step(s, p, at.At)
	}, func(c compartment.Change, _ *contents, _ clock.Moment) []count {
		switch c.Kind {
		case compartment.Came:
			return parcelCame
		case compartment.Went:
			if courier {
				return parcelWent
			}
			return parcelServed
		case compartment.Flagged:
			return []count{{Code: Overdue.Code, N: 1}}
		case compartment.FaultSet:
			return []count{{Code: "parcel.faults", N: 1}}
		}
		return nil
	})
	if err == nil && courier && changed {
		err = b.emit(d.place, at, clock.Moment{}, count{Code: "parcel.returns", N: 1})
	}
	return err
}

// What keeps a meal, in degrees Celsius, and for how long it keeps otherwise.
const (
	hotEnough  = 60.0
	coldEnough = 8.0
	keepsFor   = 2 * time.Hour
)

// temperature is what is remembered of one sensor of a cabinet: the latest
// word, and when it last was not hot, or not cold, enough, by sequence.
type temperature struct {
	Told            bool    `json:"told,omitempty"`
	Celsius         float64 `json:"celsius,omitempty"`
	NotHot, NotCold uint64  `json:",omitempty"`
}

// keeps tells whether the sensor proves that a meal was kept since it was
// loaded.
func (t temperature) keeps(c *contents) bool {
	if c.Hot {
		return t.Told && t.Celsius >= hotEnough && t.NotHot < c.Loaded
	}
	return t.Told && t.Celsius <= coldEnough && t.NotCold < c.Loaded
}

func foldCabinet(b *batch, d placed, p devices.Payload, at clock.Moment) error {
	n := cabinet.Compartment(p)
	if p, ok := p.(cabinet.Temperature); ok {
		t, _, err := thingOf[temperature](b, thingTemperature, d.ID, strconv.Itoa(n))
		if err != nil {
			return err
		}
		t.Told, t.Celsius = true, p.Celsius
		if p.Celsius < hotEnough {
			t.NotHot = b.seq
		}
		if p.Celsius > coldEnough {
			t.NotCold = b.seq
		}
		return nil
	}
	own, _, err := thingOf[temperature](b, thingTemperature, d.ID, strconv.Itoa(n))
	if err != nil {
		return err
	}
	whole, _, err := thingOf[temperature](b, thingTemperature, d.ID, "0")
	if err != nil {
		return err
	}
	elder := ""
	if p, ok := p.(cabinet.PickedUp); ok {
		elder = p.Elder
	}
	_, err = b.compartment(d, n, at, func(s compartment.State) (compartment.State, []compartment.Change) {
		return cabinet.Step(s, p, at.At)
	}, func(c compartment.Change, k *contents, since clock.Moment) []count {
		units := int64(c.Units)
		switch {
		case c.Kind == compartment.Came:
			if !c.More {
				k.Hot, k.Cooked, k.Loaded = false, time.Time{}, b.seq
			}
			if p, ok := p.(cabinet.Loaded); ok {
				if k.Hot = p.Hot; p.Cooked != nil {
					k.Cooked = *p.Cooked
				}
			}
			return []count{{Code: Loaded.Code, N: units}}
		case c.Kind == compartment.Went && !c.WasFlagged:
			counts := []count{{Code: PickedUp.Code, N: units}, {Code: "meal.dwell", N: units}, {Code: "meal.unsafe", Of: units}}
			if from := earlier(k.Cooked, since.At); !from.IsZero() && at.At.Sub(from) > keepsFor && !own.keeps(k) && !whole.keeps(k) {
				counts[2].N = units
			}
			if elder != "" {
				counts = append(counts, count{Code: "meal.elders", Member: elder})
			}
			return append(counts, served(d.Kind, units)...)
		case c.Kind == compartment.Flagged:
			return []count{{Code: Unclaimed.Code, N: units}}
		}
		return nil
	})
	return err
}

// earlier is the earlier of two times, of those that are known.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func foldPickup(b *batch, d placed, p devices.Payload, at clock.Moment) error {
	if p, ok := p.(pickup.Temperature); ok {
		s, _, err := thingOf[spell.State](b, thingChill, d.ID, p.Level())
		if err != nil {
			return err
		}
		var changes []spell.Change
		*s, changes = pickup.Chill(*s, p, at.At)
		return b.began(d, at, changes, count{Code: "pickup.excursions", N: 1})
	}
	_, err := b.compartment(d, pickup.Compartment(p), at, func(s compartment.State) (compartment.State, []compartment.Change) {
		return pickup.Step(s, p, at.At)
	}, func(c compartment.Change, _ *contents, _ clock.Moment) []count {
		taken, ok := p.(pickup.PickedUp)
		if c.Kind != compartment.Went || ok && taken.By == locker.ByStaff {
			return nil
		}
		return append(served(d.Kind, 1), count{Code: "pickup.night", N: 1, Of: 1})
	})
	return err
}

// began counts each beginning of a spell.
func (b *batch) began(d placed, at clock.Moment, changes []spell.Change, counts ...count) error {
	for _, c := range changes {
		if c.Kind != spell.Began && c.Kind != spell.Found {
			continue
		}
		if err := b.emit(d.place, at, clock.Moment{}, counts...); err != nil {
			return err
		}
	}
	return nil
}

func foldExpress(b *batch, d placed, p devices.Payload, at clock.Moment) error {
	s, _, err := thingOf[express.State](b, thingPoint, d.ID)
	if err != nil {
		return err
	}
	var changes []compartment.Change
	*s, changes = express.Step(*s, p, at.At)
	for _, c := range changes {
		counts := []count{{Code: "express.active", N: 1}}
		switch c.Kind {
		case compartment.Came:
			counts = append(counts, count{Code: "express.deposits", N: int64(c.Units)})
		case compartment.Went:
			counts = append(counts, count{Code: "express.pickups", N: int64(c.Units)})
			counts = append(counts, served(d.Kind, int64(c.Units))...)
		default:
			continue
		}
		if err := b.emit(d.place, at, clock.Moment{}, counts...); err != nil {
			return err
		}
	}
	return nil
}

func foldTerminal(b *batch, d placed, p devices.Payload, at clock.Moment) error {
	if p, ok := p.(terminal.Available); ok {
		return b.meter(d, func(m *meter) { m.Down = !p.Available })
	}
	s, _, err := thingOf[terminal.State](b, thingSession, d.ID)
	if err != nil {
		return err
	}
	var changes []terminal.Change
	*s, changes = terminal.Step(*s, p, at.At)
	for _, c := range changes {
		if c.Kind != spell.Ended && c.Kind != spell.Lost {
			continue
		}
		completed := c.Result == terminal.Completed
		counts := []count{{Code: "terminal.completed", N: int64(toInt(completed)), Of: 1}, {Code: "terminal.elder_mode", N: int64(toInt(c.ElderMode)), Of: 1}}
		if completed {
			counts = append(counts, served(d.Kind, 1)...)
		}
		if err := b.emit(d.place, at, clock.Moment{}, counts...); err != nil {
			return err
		}
	}
	return nil
}

func foldBooking(b *batch, d placed, p devices.Payload, at clock.Moment) error {
	if p, ok := p.(booking.Delivered); ok {
		return b.emit(d.place, at, clock.Moment{}, append(served("delivery", 1), count{Code: "delivery.contactless", N: int64(toInt(p.Contactless)), Of: 1})...)
	}
	ref := booking.Booking(p)
	if ref == "" {
		return nil
	}
	s, _, err := thingOf[booking.State](b, thingBooking, d.ID, string(ref))
	if err != nil {
		return err
	}
	var changes []booking.Change
	*s, changes = booking.Step(*s, p, at.At)
	for _, c := range changes {
		var counts []count
		switch c.Type {
		case booking.TypeCreated:
			counts = []count{{Code: "booking.fulfilled", Of: 1}, {Code: "booking.no_show", Of: 1}, {Code: "booking.cancelled", Of: 1}}
		case booking.TypeFulfilled:
			counts = append(served(d.Kind, 1), count{Code: "booking.fulfilled", N: 1})
		case booking.TypeNoShow:
			counts = []count{{Code: "booking.no_show", N: 1}}
		case booking.TypeCancelled:
			counts = []count{{Code: "booking.cancelled", N: 1}}
		}
		if err := b.emit(d.place, at, clock.Moment{}, counts...); err != nil {
			return err
		}
	}
	return nil
}

func foldRating(b *batch, d placed, p devices.Payload, at clock.Moment) error {
	ref := rating.Service(p)
	if ref == "" {
		return nil
	}
	s, t, err := thingOf[rating.State](b, thingRating, d.ID, string(ref))
	if err != nil {
		return err
	}
	var changes []rating.Change
	*s, changes = rating.Step(*s, p, at.At)
	for _, c := range changes {
		if c.Closed {
			err = b.emit(d.place, at, t.Since, count{Code: "rating.closed", N: 1})
		} else {
			t.Since = at
			err = b.emit(d.place, at, clock.Moment{},
				count{Code: "rating.good", N: int64(toInt(c.Level >= rating.Good)), Of: 1}, count{Code: "rating.given", N: 1},
				count{Code: "rating.levels", N: 1, Bucket: c.Level}, count{Code: "rating.closed", Of: int64(toInt(rating.IsBad(c.Level)))})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func foldDesk(b *batch, d placed, p devices.Payload, at clock.Moment) error {
	given, ok := p.(desk.Served)
	if !ok {
		return nil
	}
	facility := d.place
	if _, known := b.people.Facilities[given.Facility]; known {
		facility = given.Facility
	}
	all, traditional := given.Services()
	counts := served(desk.Kind, int64(all))
	counts[0].N = int64(traditional)
	return b.emit(facility, at, clock.Moment{}, counts...)
}

func foldAttendance(b *batch, d placed, p devices.Payload, at clock.Moment) error {
	if p, ok := p.(condition.Opening); ok {
		if err := b.meter(d, func(m *meter) { m.Open = p.Open }); err != nil || !p.Open {
			return err
		}
		return b.emit(d.place, at, clock.Moment{}, count{Code: "attendance.open", N: 1})
	}
	s, _, err := thingOf[attendance.State](b, thingCounter, d.ID)
	if err != nil {
		return err
	}
	after, entries, _ := attendance.Step(*s, p)
	if *s = after; entries == 0 {
		return nil
	}
	return b.emit(d.place, at, clock.Moment{}, count{Code: "attendance.entries", N: entries}, count{Code: "attendance.open", N: 1},
		count{Code: "site.services", Member: string(d.Kind)})
}

func foldFitness(b *batch, d placed, p devices.Payload, at clock.Moment) error {
	if _, ok := p.(fitness.Tested); !ok {
		return nil
	}
	return b.emit(d.place, at, clock.Moment{}, append(served(d.Kind, 1), count{Code: "fitness.tests", N: 1})...)
}

func foldRental(b *batch, d placed, p devices.Payload, at clock.Moment) error {
	asset := rental.Asset(p)
	if asset == "" {
		return nil
	}
	s, t, err := thingOf[rental.State](b, thingAsset, d.ID, asset)
	if err != nil {
		return err
	}
	before, known := *s, t.known
	var changes []spell.Change
	*s, changes = rental.Step(*s, p, at.At)
	t.known = true
	err = b.meter(d, func(m *meter) {
		m.Assets += toInt(!known)
		m.Rented += toInt(s.Rented.On) - toInt(before.Rented.On)
		m.Withdrawn += toInt(s.Withdrawn.On) - toInt(before.Withdrawn.On)
	})
	if _, out := p.(rental.Out); err != nil || !out {
		return err
	}
	return b.began(d, at, changes, served(d.Kind, 1)...)
}

// foldVisit counts a caregiver's tap, see also batch.visits.
func foldVisit(b *batch, d placed, p devices.Payload, at clock.Moment) error {
	tap, ok := p.(visit.Visited)
	if !ok {
		return nil
	}
	elder := tap.Elder
	if elder == "" {
		elder = d.Elder
	}
	counts := append(served(d.Kind, 1), count{Code: "visit.made", N: 1})
	if elder == "" { // nobody knows whom; a visit all the same
		return b.emit(d.place, at, clock.Moment{}, counts...)
	}
	s, _, err := thingOf[visited](b, thingVisit, elder)
	if err != nil {
		return err
	}
	var own bool
	if s.State, own = visit.Step(s.State, at.At); !own {
		return nil
	}
	if s.Due {
		s.Due = false
		counts = append(counts, count{Code: "visit.due", N: 1})
	}
	return b.emit(d.place, at, clock.Moment{}, counts...)
}

// visited is what is remembered of the visits to one elder.
type visited struct {
	visit.State
	// Due is set when a visit became due, until it is made.
	Due bool `json:"due,omitempty"`
	// Known is since when the elder is registered, as far as was noticed.
	Known time.Time `json:"known,omitzero"`
}

// A visit is due after everyDays where nothing else is agreed on, and overdue
// after overdueDays.
const (
	everyDays   = 7
	overdueDays = 30
)

// lowBattery is when a battery is low, in percent, and goodBattery when it is
// not any more.
const (
	lowBattery  = 20
	goodBattery = 25
)

func foldWearable(b *batch, d placed, p devices.Payload, at clock.Moment) error {
	var code string
	err := b.meter(d, func(m *meter) {
		switch p := p.(type) {
		case wearable.Battery:
			low := p.Low || p.Percent != nil && (*p.Percent <= lowBattery || m.Low && *p.Percent < goodBattery)
			if low && !m.Low {
				code = "wearable.battery_low"
			}
			m.Low = low
		case wearable.Worn:
			if !p.Worn && !m.Off {
				code = "wearable.not_worn"
			}
			m.Off = !p.Worn
		}
	})
	if err != nil || code == "" {
		return err
	}
	return b.emit(d.place, at, clock.Moment{}, count{Code: code, N: 1})
}
