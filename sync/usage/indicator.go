package usage

import (
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/compartment"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/texts"
)

// Indicator is one statistic.
type Indicator struct {
	// Code is its name on the wire.
	Code string
	Name texts.Text
	// Kind of the devices that it is counted at.
	Kind devices.Kind
	// Bounds are the upper limits of the buckets of a histogram, each less
	// than or equal to; the last bucket, without a limit, is not listed. The
	// numerator is then the number of durations. nil for a plain count.
	Bounds []time.Duration
}

// The indicators.
var (
	// Deposits are parcels put in.
	Deposits = Indicator{Code: "parcel.deposits", Name: texts.Usage.Deposits, Kind: locker.Kind}
	// Pickups are parcels taken out, by whomever.
	Pickups = Indicator{Code: "parcel.pickups", Name: texts.Usage.Pickups, Kind: locker.Kind}
	// Overdue is parcels that became overdue on the day; the denominator is
	// the day's deposits.
	Overdue = Indicator{Code: "parcel.overdue", Name: texts.Usage.Overdue, Kind: locker.Kind}
	// ParcelDwell is the time from deposit to pickup, where both are known.
	ParcelDwell = Indicator{Code: "parcel.dwell", Name: texts.Usage.ParcelDwell, Kind: locker.Kind, Bounds: []time.Duration{
		time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 72 * time.Hour,
	}}
	// Loaded are portions put in.
	Loaded = Indicator{Code: "meal.loaded", Name: texts.Usage.Loaded, Kind: cabinet.Kind}
	// PickedUp are portions taken out before they were called unclaimed.
	PickedUp = Indicator{Code: "meal.picked_up", Name: texts.Usage.PickedUp, Kind: cabinet.Kind}
	// Unclaimed are portions that nobody came for.
	Unclaimed = Indicator{Code: "meal.unclaimed", Name: texts.Usage.Unclaimed, Kind: cabinet.Kind}
	// MealDwell is the time from loading to pickup of each portion, where both
	// are known.
	MealDwell = Indicator{Code: "meal.dwell", Name: texts.Usage.MealDwell, Kind: cabinet.Kind, Bounds: []time.Duration{
		5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute, 45 * time.Minute, time.Hour, 2 * time.Hour,
	}}
)

// Indicators lists them all.
func Indicators() []Indicator {
	return []Indicator{Deposits, Pickups, Overdue, ParcelDwell, Loaded, PickedUp, Unclaimed, MealDwell}
}

// zone of the days, see the package comment.
var zone = time.FixedZone("UTC+8", 8*60*60)

// Day is the day of a moment, as in "2026-11-23".
func Day(at time.Time) string { return at.In(zone).Format(time.DateOnly) }

// kinds are the devices that are counted, and their state machines.
var kinds = map[devices.Kind]struct {
	compartment func(devices.Payload) int
	step        func(compartment.State, devices.Payload, time.Time) (compartment.State, []compartment.Change)
	count       func(compartment.Change) []amount
}{
	locker.Kind:  {locker.Compartment, locker.Step, countParcel},
	cabinet.Kind: {cabinet.Compartment, cabinet.Step, countMeal},
}

var vocabulary = devices.NewVocabulary(locker.Specs(), cabinet.Specs())

// amount is what a change adds to an indicator on its day.
type amount struct {
	of          Indicator
	numerator   int64
	denominator int64
	dwell       time.Duration // of a histogram
}

func countParcel(c compartment.Change) []amount {
	switch c.Kind {
	case compartment.Came:
		return []amount{{of: Deposits, numerator: 1}, {of: Overdue, denominator: 1}}
	case compartment.Went:
		return append([]amount{{of: Pickups, numerator: 1}}, dwell(ParcelDwell, c)...)
	case compartment.Flagged:
		return []amount{{of: Overdue, numerator: 1}}
	}
	return nil
}

func countMeal(c compartment.Change) []amount {
	portions := int64(c.Units)
	switch {
	case c.Kind == compartment.Came:
		return []amount{{of: Loaded, numerator: portions}}
	case c.Kind == compartment.Went && !c.WasFlagged:
		return append([]amount{{of: PickedUp, numerator: portions}}, dwell(MealDwell, c)...)
	case c.Kind == compartment.Flagged:
		return []amount{{of: Unclaimed, numerator: portions}}
	}
	return nil
}

func dwell(of Indicator, c compartment.Change) []amount {
	d, ok := c.Dwell()
	if !ok {
		return nil
	}
	return []amount{{of: of, numerator: int64(c.Units), dwell: d}}
}

// bucket is the index of the bucket that a duration falls in.
func (i Indicator) bucket(d time.Duration) int {
	n, _ := slices.BinarySearch(i.Bounds, d)
	return n
}
