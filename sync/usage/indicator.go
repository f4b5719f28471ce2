package usage

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/attendance"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/booking"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/desk"
	"github.com/linli-edge/gateway/devices/express"
	"github.com/linli-edge/gateway/devices/fitness"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
	"github.com/linli-edge/gateway/devices/rating"
	"github.com/linli-edge/gateway/devices/rental"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/terminal"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Fold is how events become a figure.
type Fold string

// The folds. The figures of all but Distinct and Members add up: over days,
// facilities and boxes.
const (
	// Count adds up what happened on the day.
	Count Fold = "count"
	// Share adds up two things that happened on the day.
	Share Fold = "share"
	// Hours adds up seconds of a level, as far as the box was running.
	Hours Fold = "hours"
	// Histogram counts durations in buckets, on the day of their end; or
	// ratings by their level.
	Histogram Fold = "histogram"
	// Flag is 1 on a day on which it happened at all.
	Flag Fold = "flag"
	// Distinct counts different people within a month, by a keyed hash.
	Distinct Fold = "distinct"
	// Members counts different codes within a month.
	Members Fold = "members"
)

// Indicator is one statistic.
type Indicator struct {
	// Code is its name on the wire.
	Code string
	texts.Indicator
	// Unit of the numerator; that of the denominator is the same, or seconds
	// where its words say so.
	Unit string
	Fold Fold
	// Kinds of the devices that it is counted at. nil for a figure of the box
	// or of a whole facility.
	Kinds []devices.Kind
	// Bounds are the upper limits of the buckets of a histogram, each less
	// than or equal to; the last bucket, without a limit, is not listed. The
	// numerator is then the number of durations. nil for any other.
	Bounds []time.Duration

	levels int                                 // buckets of a histogram that is not of durations
	when   func(since, at time.Time) (ok bool) // what the numerator counts only then
}

// Monthly tells whether the figure has rows of months only.
func (i Indicator) Monthly() bool { return i.Fold == Distinct || i.Fold == Members }

// shared tells whether rows have a denominator.
func (i Indicator) shared() bool { return i.Denominator.EN != "" }

// The indicators that the rest of the gateway speaks of.
var (
	Deposits    = catalogue["parcel.deposits"]
	Pickups     = catalogue["parcel.pickups"]
	Overdue     = catalogue["parcel.overdue"]
	Loaded      = catalogue["meal.loaded"]
	PickedUp    = catalogue["meal.picked_up"]
	Unclaimed   = catalogue["meal.unclaimed"]
	Traditional = catalogue["service.traditional"]
)

// Indicators lists them all, by code.
func Indicators() []Indicator {
	list := make([]Indicator, 0, len(catalogue))
	for _, i := range catalogue {
		list = append(list, i)
	}
	slices.SortFunc(list, func(a, b Indicator) int { return strings.Compare(a.Code, b.Code) })
	return list
}

var catalogue = func() map[string]Indicator {
	all := map[string]Indicator{}
	add := func(unit string, fold Fold, kinds []devices.Kind, codes ...string) {
		for _, code := range codes {
			all[code] = Indicator{Code: code, Indicator: texts.Usage[code], Unit: unit, Fold: fold, Kinds: kinds}
		}
	}
	histogram := func(unit string, kinds []devices.Kind, code string, bounds ...time.Duration) {
		all[code] = Indicator{Code: code, Indicator: texts.Usage[code], Unit: unit, Fold: Histogram, Kinds: kinds, Bounds: bounds}
	}
	only := func(code string, condition func(since, at time.Time) bool) {
		i := all[code]
		i.when = condition
		all[code] = i
	}
	of := func(k ...devices.Kind) []devices.Kind { return k }
	const minute, hour = time.Minute, time.Hour

	meals := of(cabinet.Kind)
	add("portion", Count, meals, "meal.loaded", "meal.picked_up", "meal.unclaimed")
	add("portion", Share, meals, "meal.unsafe")
	add("person", Distinct, meals, "meal.elders")
	histogram("portion", meals, "meal.dwell", 5*minute, 10*minute, 15*minute, 20*minute, 30*minute, 45*minute, hour, 2*hour)

	parcels := of(locker.Kind)
	add("parcel", Count, parcels, "parcel.deposits", "parcel.pickups", "parcel.returns")
	add("parcel", Share, parcels, "parcel.overdue")
	add("parcel", Hours, parcels, "parcel.turnover")
	add("s", Hours, parcels, "parcel.occupied")
	add("fault", Count, parcels, "parcel.faults")
	histogram("parcel", parcels, "parcel.dwell", hour, 3*hour, 6*hour, 12*hour, 24*hour, 48*hour, 72*hour)

	terminals := of(terminal.Kind)
	add("session", Share, terminals, "terminal.completed", "terminal.elder_mode")
	add("s", Hours, terminals, "terminal.available")

	bookings := of(booking.Kind)
	add("booking", Share, bookings, "booking.fulfilled", "booking.no_show", "booking.cancelled")
	add("delivery", Share, bookings, "delivery.contactless")

	calls := of(wearable.Kind, bed.Kind, alarm.Kind, room.Kind)
	add("alert", Count, calls, "alert.sos", "alert.fall", "alert.smoke", "alert.gas", "alert.carbon_monoxide", "alert.water",
		"alert.wandering", "alert.night_exit", "alert.inactivity", "alert.missed_meal", "alert.vital_sign", "alert.unprotected")
	histogram("alert", calls, "alert.acknowledged", 15*time.Second, 30*time.Second, minute, 3*minute, 10*minute, hour)
	add("alert", Share, calls, "alert.false", "alert.offline")
	wearables := of(wearable.Kind)
	add("time", Count, wearables, "wearable.offline", "wearable.battery_low", "wearable.not_worn")
	add("s", Hours, wearables, "wearable.online")
	add("s", Hours, of(bed.Kind), "bed.online")

	visits := of(visit.Kind)
	add("visit", Count, visits, "visit.made")
	add("elder", Share, visits, "visit.due", "visit.overdue")

	ratings := of(rating.Kind)
	add("rating", Share, ratings, "rating.good", "rating.given", "rating.closed")
	add("rating", Histogram, ratings, "rating.levels")
	levels := all["rating.levels"]
	levels.levels = rating.VeryGood
	all["rating.levels"] = levels
	only("rating.closed", func(since, at time.Time) bool { return since.IsZero() || at.Sub(since) <= closeWithin })

	add("s", Hours, of(rental.Kind), "rental.rented")
	add("pickup", Share, of(pickup.Kind), "pickup.night")
	only("pickup.night", func(_, at time.Time) bool { h := at.In(zone).Hour(); return h >= 22 || h < 6 })
	add("excursion", Count, of(pickup.Kind), "pickup.excursions")
	add("entry", Count, of(attendance.Kind), "attendance.entries")
	add("day", Flag, of(attendance.Kind), "attendance.open")
	add("test", Count, of(fitness.Kind), "fitness.tests")
	add("parcel", Count, of(express.Kind), "express.deposits", "express.pickups")
	add("day", Flag, of(express.Kind), "express.active")

	add("service", Share, of(desk.Kind), "service.traditional")
	add("type", Members, nil, "site.services")
	add("s", Hours, nil, "device.online", "facility.covered", "box.offline")
	add("event", Count, nil, "box.lost")
	add("row", Share, nil, "sync.rows")
	add("row", Count, nil, "sync.revisions")
	histogram("row", nil, "sync.delay", minute, 10*minute, hour, 2*hour, 6*hour, 24*hour, 72*hour)
	return all
}()

// closeWithin is how long a bad rating may stay open.
const closeWithin = 15 * 24 * time.Hour

// zone of the days, see the package comment.
var zone = time.FixedZone("UTC+8", zoneSeconds)

const (
	zoneSeconds = 8 * 60 * 60
	daySeconds  = 24 * 60 * 60
)

// Day is the day of a moment, as in "2026-11-23".
func Day(at time.Time) string {
	begins := at.Unix() + zoneSeconds
	begins -= (begins%daySeconds + daySeconds) % daySeconds
	if d := latestDay.Load(); d != nil && d.begins == begins {
		return d.name
	}
	d := &namedDay{begins, at.In(zone).Format(time.DateOnly)}
	latestDay.Store(d)
	return d.name
}

// latestDay is the day that was asked for last: it is asked for with each
// event, several times.
var latestDay atomic.Pointer[namedDay]

type namedDay struct {
	begins int64 // in seconds since 1970 by the clocks of the zone
	name   string
}

// vocabulary is what the devices report.
var vocabulary = kinds.Vocabulary()

// bucket is the index of the bucket that a duration falls in.
func (i Indicator) bucket(d time.Duration) int {
	n, _ := slices.BinarySearch(i.Bounds, d)
	return n
}

func (i Indicator) buckets() int { return max(i.levels, len(i.Bounds)+1) }
