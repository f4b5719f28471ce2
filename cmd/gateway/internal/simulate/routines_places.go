package simulate

import (
	"fmt"
	"math"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/attendance"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/booking"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/desk"
	"github.com/linli-edge/gateway/devices/express"
	"github.com/linli-edge/gateway/devices/fitness"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
	"github.com/linli-edge/gateway/devices/rating"
	"github.com/linli-edge/gateway/devices/rental"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/terminal"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
)

// What happens at a place in an hour of its opening times.
var (
	bedsides = [24]float64{0: 0.1, 1: 0.1, 2: 0.1, 3: 0.15, 4: 0.1, 5: 0.1, 14: 0.2}
	daytime  = [24]float64{8: 3, 9: 5, 10: 5, 11: 3, 12: 1, 13: 2, 14: 5, 15: 5, 16: 3, 17: 1}
	rarely   = [24]float64{9: 0.1, 10: 0.1, 14: 0.1, 15: 0.1}
	nights   = [24]float64{0: 0.6, 1: 0.4, 5: 0.2, 9: 1, 12: 1, 18: 2, 19: 2, 20: 2, 21: 2, 22: 2, 23: 1}
)

// faults: now and then something breaks, and is mended some hours later.
func (a *agenda) faults(code string) {
	a.every(2*24*time.Hour, func() {
		a.say(condition.Fault{Code: code})
		a.after(a.between(time.Hour, 5*time.Hour), func() { a.say(condition.Fault{Code: code, Cleared: true}) })
	})
}

// opens says that the place is open from 8 to 18.
func (a *agenda) opens() {
	a.after(0, func() { a.say(condition.Opening{Open: a.now.Hour() >= 8 && a.now.Hour() < 18}) })
	a.daily(8, 0, func() { a.say(condition.Opening{Open: true}) })
	a.daily(18, 0, func() { a.say(condition.Opening{Open: false}) })
}

// number is a new one of somebody's book.
func (a *agenda) number() devices.Reference {
	a.numbers++
	return devices.Refer(fmt.Sprintf("%s-%d-%d", a.device.ID, a.rand.Int64(), a.numbers))
}

// bedNight: in bed from 22 to 6 and for a nap, up once or twice a night.
func (a *agenda) bedNight() {
	lie := func(occupied bool) func() { return func() { a.say(bed.Occupancy{Occupied: occupied}) } }
	a.after(0, func() { a.say(bed.Occupancy{Occupied: a.now.Hour() >= 22 || a.now.Hour() < 6}) })
	a.daily(22, a.rand.IntN(45), lie(true))
	a.daily(6, a.rand.IntN(45), lie(false))
	a.poisson(&bedsides, func() {
		lie(a.now.Hour() == 14)()
		a.after(a.between(5*time.Minute, 25*time.Minute), lie(a.now.Hour() != 14))
	})
	a.every(24*time.Hour, func() { a.say(wearable.Battery{Low: a.chance(0.05)}) })
	a.poisson(&troubles, a.sos)
	a.faults("mat")
}

// alarmLife: weeks of silence, and once in a while what it hangs there for.
func (a *agenda) alarmLife() {
	a.every(24*time.Hour, func() { a.say(wearable.Battery{Percent: new(a.around(85, 3))}) })
	a.every(3*24*time.Hour, func() {
		for _, what := range []struct{ on, off devices.Payload }{
			{alarm.Smoke{}, alarm.Smoke{Cleared: true}}, {alarm.Gas{}, alarm.Gas{Cleared: true}},
			{alarm.CarbonMonoxide{}, alarm.CarbonMonoxide{Cleared: true}}, {alarm.Water{}, alarm.Water{Cleared: true}},
		} {
			if a.chance(0.4) {
				a.say(what.on)
				a.after(a.between(5*time.Minute, time.Hour), func() { a.say(what.off) })
			}
		}
	})
	a.poisson(&troubles, a.sos)
	a.faults("tamper")
}

// visits: a caregiver comes by day and taps the tag, going too.
func (a *agenda) visits() {
	a.poisson(&daytime, func() {
		tap := visit.Visited{By: visit.ByNFC, Caregiver: "zhou"}
		a.say(tap)
		a.after(a.between(20*time.Minute, time.Hour), func() { a.say(tap) })
	})
	a.faults("tamper")
}

// terminalDay: people use it by day; some want large letters, some give up.
func (a *agenda) terminalDay() {
	a.after(0, func() { a.say(terminal.Available{Available: true}) })
	a.poisson(&daytime, func() {
		session, elder := a.number(), a.chance(0.4)
		a.say(terminal.Started{Session: session, ElderMode: elder})
		a.after(a.between(time.Minute, 6*time.Minute), func() {
			result := terminal.Completed
			switch {
			case a.chance(0.1):
				result = terminal.Abandoned
			case a.chance(0.05):
				result = terminal.Failed
			}
			a.say(terminal.Ended{Session: session, Result: result, Service: "social_insurance", ElderMode: elder})
		})
	})
	a.every(2*24*time.Hour, func() {
		a.say(condition.Fault{Code: "paper_out"})
		a.say(terminal.Available{Available: false})
		a.after(time.Hour, func() {
			a.say(condition.Fault{Code: "paper_out", Cleared: true})
			a.say(terminal.Available{Available: true})
		})
	})
}

// ratings: most people are content, and somebody looks into why others are not.
func (a *agenda) ratings() {
	a.poisson(&daytime, func() {
		service, level := a.number(), min(rating.VeryGood, max(rating.VeryBad, a.around(4.3, 1)))
		a.say(rating.Rated{Service: service, Level: level})
		if rating.IsBad(level) {
			a.after(a.between(time.Hour, 40*time.Hour), func() { a.say(rating.Closed{Service: service}) })
		}
	})
	a.faults("key")
}

// bookings are made for later, and mostly kept; parcels are put down at doors.
func (a *agenda) bookings() {
	a.poisson(&daytime, func() {
		number := a.number()
		a.say(booking.Created{Booking: number, Service: "bath"})
		a.after(a.between(2*time.Hour, 20*time.Hour), func() {
			switch {
			case a.chance(0.1):
				a.say(booking.Cancelled{Booking: number})
			case a.chance(0.1):
				a.say(booking.NoShow{Booking: number})
			default:
				a.say(booking.Fulfilled{Booking: number})
			}
		})
	})
	a.poisson(&daytime, func() { a.say(booking.Delivered{Contactless: a.chance(0.7)}) })
	a.faults("link")
}

// deskDay: staff count whom they have served, and how.
func (a *agenda) deskDay() {
	a.opens()
	ways := []string{desk.WayCounter, desk.WayCounter, desk.WayPhone, desk.WayCard, desk.WayKey, desk.WayCode}
	a.poisson(&daytime, func() {
		a.say(desk.Served{Way: ways[a.rand.IntN(len(ways))], Count: 1 + a.rand.IntN(3), Service: "meal_order"})
	})
	a.faults("clock")
}

// attendanceDay: people come, stay and go; half of the counters know only
// their totals.
func (a *agenda) attendanceDay() {
	a.opens()
	totals := a.chance(0.5)
	var shown attendance.Total
	shown.Epoch = 1
	a.poisson(&daytime, func() {
		in := int64(1 + a.rand.IntN(4))
		out := min(shown.Entries+in-shown.Exits, int64(a.rand.IntN(4)))
		shown.Entries, shown.Exits = shown.Entries+in, shown.Exits+out
		if totals {
			a.say(shown)
		} else {
			a.say(attendance.Counted{Entries: in, Exits: out})
		}
	})
	a.faults("lens")
}

func (a *agenda) fitnessDay() {
	tests := []string{"blood_pressure", "grip_strength", "balance", "lung_capacity", "pulse"}
	a.poisson(&daytime, func() { a.say(fitness.Tested{Test: tests[a.rand.IntN(len(tests))]}) })
	a.faults("scale")
}

// rentals: wheelchairs go out for days, and now and then one is repaired.
func (a *agenda) rentals() {
	out := make([]bool, 8)
	name := func(i int) string { return fmt.Sprintf("wheelchair-%02d", i+1) }
	a.after(0, func() {
		for i := range out {
			a.say(rental.Available{Asset: name(i), Available: true})
		}
	})
	a.poisson(&daytime, func() {
		i := a.rand.IntN(len(out))
		if out[i] {
			return
		}
		out[i] = true
		a.say(rental.Out{Asset: name(i)})
		a.after(a.between(4*time.Hour, 60*time.Hour), func() {
			a.say(rental.In{Asset: name(i)})
			out[i] = false
		})
	})
	a.poisson(&rarely, func() {
		i := a.rand.IntN(len(out))
		if out[i] {
			return
		}
		out[i] = true
		a.say(rental.Available{Asset: name(i)})
		a.after(a.between(time.Hour, 8*time.Hour), func() {
			a.say(rental.Available{Asset: name(i), Available: true})
			out[i] = false
		})
	})
	a.faults("gate")
}

// pickupDay: stocked by day, fetched at any hour; medicine is kept cold.
func (a *agenda) pickupDay() {
	full := make([]bool, max(1, a.device.Compartments)+1)
	a.poisson(&nights, func() {
		c, ok := a.free(full)
		if !ok {
			return
		}
		full[c] = true
		a.lockerDoor(c, func() {
			a.say(pickup.Stocked{Compartment: c})
			a.say(locker.Occupancy{Compartment: c, Occupied: true})
		})
		a.after(max(10*time.Minute, a.skewed(3*time.Hour, 1)), func() {
			by := ""
			if a.chance(0.05) {
				by = locker.ByStaff
			}
			a.lockerDoor(c, func() {
				a.say(pickup.PickedUp{Compartment: c, By: by})
				a.say(locker.Occupancy{Compartment: c})
			})
			a.after(time.Minute, func() { full[c] = false })
		})
	})
	a.every(15*time.Minute, func() {
		a.say(pickup.Temperature{Celsius: math.Round(2*(5+0.7*a.rand.NormFloat64())) / 2, Cold: true})
	})
	a.every(time.Hour, func() { a.say(condition.Humidity{Percent: float64(a.around(48, 4))}) })
	a.every(3*24*time.Hour, func() {
		a.say(locker.Fault{Code: "cooler"})
		a.after(time.Hour, func() { a.say(locker.Fault{Code: "cooler", Cleared: true}) })
	})
}

// expressDay: a van in the morning, villagers until the evening.
func (a *agenda) expressDay() {
	a.opens()
	shelved := 0
	a.daily(8, 30, func() {
		n := 5 + a.rand.IntN(25)
		shelved += n
		a.say(express.Deposited{Parcels: n})
	})
	a.poisson(&daytime, func() {
		n := min(shelved, 1+a.rand.IntN(3))
		if n == 0 {
			return
		}
		shelved -= n
		by := ""
		if a.chance(0.05) {
			by = locker.ByCourier
		}
		a.say(express.PickedUp{Parcels: n, By: by})
	})
	a.faults("scanner")
}

// roomLife: somebody is up and about by day, goes out, runs the tap; and once
// in a long while falls, or presses the sensor's button.
func (a *agenda) roomLife() {
	a.poisson(&daytime, func() {
		a.say(room.Occupancy{Occupied: true})
		switch {
		case a.chance(0.3):
			a.say(room.Door{Open: true})
			a.after(a.between(10*time.Second, time.Minute), func() { a.say(room.Door{}) })
		case a.chance(0.4):
			a.say(room.WaterUsed{Litres: float64(1+a.rand.IntN(40)) / 2})
		case a.chance(0.2):
			a.say(room.Vibration{})
		}
		a.after(a.between(time.Minute, 15*time.Minute), func() { a.say(room.Occupancy{}) })
	})
	a.every(24*time.Hour, func() { a.say(wearable.Battery{Percent: new(a.around(70, 3))}) })
	a.poisson(&troubles, func() {
		if a.chance(0.3) {
			a.say(wearable.Fall{})
		} else {
			a.sos()
		}
	})
	a.faults("tamper")
}
