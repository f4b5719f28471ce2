package simulate

import (
	"math"
	"time"

	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/wearable"
)

const (
	overdueAfter = 18 * time.Hour // a parcel's free time in a locker
	returnAfter  = 48 * time.Hour // then its courier takes it back
)

// Parcels that couriers bring to one locker, by the hour of the day.
var parcels = [24]float64{7: 0.5, 8: 2, 9: 4, 10: 5, 11: 4, 12: 2, 13: 2, 14: 4, 15: 5, 16: 4, 17: 3, 18: 2, 19: 1.5, 20: 1, 21: 0.5}

// lockerDay: parcels come by day and are picked up after a few hours, some
// much later, a few not at all.
func (a *agenda) lockerDay() {
	full := make([]bool, a.device.Compartments+1)
	a.poisson(&parcels, func() {
		c, ok := a.free(full)
		if !ok {
			return // the courier walks on to the next bank
		}
		full[c] = true
		a.lockerDoor(c, func() { a.say(locker.Deposited{Compartment: c}) })
		a.parcel(c, full)
	})
	a.every(4*24*time.Hour, func() {
		c, ok := a.free(full)
		if !ok {
			return
		}
		full[c] = true // nobody can use it
		a.say(locker.Fault{Compartment: c, Code: "door_jammed"})
		a.after(a.between(time.Hour, 3*time.Hour), func() {
			full[c] = false
			a.say(locker.Fault{Compartment: c, Code: "door_jammed", Cleared: true})
		})
	})
}

// parcel sees the parcel that was just left in compartment c to its end.
func (a *agenda) parcel(c int, full []bool) {
	pickup, by := a.now.Add(max(10*time.Minute, a.skewed(5*time.Hour, 1.1))), locker.ByRecipient
	if late := a.now.Add(returnAfter); pickup.After(late) {
		pickup, by = late, locker.ByCourier
	}
	pickup = awake(pickup)
	if overdue := a.now.Add(overdueAfter); overdue.Before(pickup) {
		a.at(overdue, func() { a.say(locker.Overdue{Compartment: c}) })
	}
	a.at(pickup, func() {
		a.lockerDoor(c, func() { a.say(locker.PickedUp{Compartment: c, By: by}) })
		a.after(time.Minute, func() { full[c] = false })
	})
}

func (a *agenda) lockerDoor(c int, inside func()) {
	a.say(locker.Door{Compartment: c, Open: true})
	a.after(15*time.Second, inside)
	a.after(20*time.Second, func() { a.say(locker.Door{Compartment: c, Open: false}) })
}

// awake moves a pickup in the small hours to the next morning.
func awake(t time.Time) time.Time {
	if h := t.Hour(); h < 7 {
		return t.Add(time.Duration(7-h) * time.Hour)
	}
	return t
}

// free picks a compartment that is neither full nor broken.
func (a *agenda) free(full []bool) (int, bool) {
	var choice []int
	for c := 1; c < len(full); c++ {
		if !full[c] {
			choice = append(choice, c)
		}
	}
	if len(choice) == 0 {
		return 0, false
	}
	return choice[a.rand.IntN(len(choice))], true
}

// cabinetDay: lunch is loaded from 10:45 to 11:15 into one compartment an
// elder, picked up until 12:30, and what is left then is unclaimed.
func (a *agenda) cabinetDay() {
	a.daily(10, 45, func() {
		window := a.clock(0, 12, 30)
		for i, elder := range a.device.Diners {
			c := i + 1
			if a.chance(0.1) {
				continue // eats elsewhere today
			}
			a.after(a.between(0, 30*time.Minute), func() { a.meal(c, elder, window) })
		}
	})
	a.every(15*time.Minute, func() {
		a.say(cabinet.Temperature{Celsius: a.warmth()})
	})
}

// meal loads compartment c now and sees the meal to its end.
func (a *agenda) meal(c int, elder string, window time.Time) {
	a.say(cabinet.Loaded{Compartment: c, Portions: 1, Hot: true})
	pickup := a.now.Add(max(3*time.Minute, a.skewed(35*time.Minute, 0.5)))
	if pickup.After(window) || a.chance(0.03) {
		a.at(window, func() { a.say(cabinet.Unclaimed{Compartment: c}) })
		return
	}
	a.at(pickup, func() { a.say(cabinet.PickedUp{Compartment: c, Elder: elder}) })
}

// warmth of the cabinet in degrees: heated about lunch, else the room's.
func (a *agenda) warmth() float64 {
	celsius := 22.0
	if now := a.now; now.After(a.clock(0, 10, 15)) && now.Before(a.clock(0, 12, 45)) {
		celsius = 66
	}
	return math.Round(2*(celsius+a.rand.NormFloat64())) / 2
}

// wearableDay: worn by day, charged by night, a heartbeat an hour, blood
// pressure in the morning; and now and then somebody needs help.
func (a *agenda) wearableDay(sos time.Time) {
	rise, sleep := 5*60+a.rand.IntN(180), 21*60+a.rand.IntN(120) // minutes of the day
	minute := a.now.Hour()*60 + a.now.Minute()
	worn := minute >= rise && minute < sleep
	battery := a.rand.IntN(40) + 55
	a.after(0, func() { a.say(wearable.Worn{Worn: worn}) })
	a.daily(0, rise, func() {
		worn = true
		a.say(wearable.Worn{Worn: true})
		a.after(a.between(20*time.Minute, time.Hour), func() {
			systolic, diastolic := a.around(128, 10), a.around(78, 6)
			a.say(wearable.Vitals{Systolic: &systolic, Diastolic: &diastolic})
		})
	})
	a.daily(0, sleep, func() {
		worn = false
		a.say(wearable.Worn{Worn: false})
		if a.chance(0.9) { // else the charger was forgotten
			battery = 100
		}
	})
	a.every(time.Hour, func() {
		if worn {
			rate, oxygen := a.around(72, 7), min(100, a.around(97, 1))
			a.say(wearable.Vitals{HeartRate: &rate, SpO2: &oxygen})
		}
	})
	a.every(4*time.Hour, func() {
		battery = max(5, battery-a.rand.IntN(6)-3)
		level := battery
		a.say(wearable.Battery{Percent: &level})
	})
	if !sos.IsZero() {
		a.at(sos, a.sos)
	}
	a.poisson(&troubles, func() {
		if a.chance(0.3) {
			a.repeat(wearable.Fall{Lying: a.chance(0.5)}, 2)
		} else {
			a.sos()
		}
	})
}

// Calls for help of one elder, by the hour: one in twelve days or so, so that
// the demo has something to show; real communities are quieter.
var troubles = [24]float64{5: 0.005, 6: 0.007, 7: 0.007, 8: 0.005, 9: 0.005, 10: 0.005, 11: 0.005, 12: 0.005, 13: 0.005, 14: 0.005, 15: 0.005, 16: 0.005, 17: 0.005, 18: 0.005, 19: 0.005, 20: 0.005, 21: 0.005}

// sos is sent three times over: the button cannot know how good the radio is.
func (a *agenda) sos() { a.repeat(wearable.SOS{}, 3) }

// around is a whole number near middle.
func (a *agenda) around(middle, spread float64) int {
	return int(math.Round(middle + spread*a.rand.NormFloat64()))
}
