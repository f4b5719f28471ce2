package simulate

import (
	"container/heap"
	"hash/fnv"
	"iter"
	"math"
	"math/rand/v2"
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
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
	"github.com/linli-edge/gateway/devices/rating"
	"github.com/linli-edge/gateway/devices/rental"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/terminal"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Zone is where the community lives. Its hours are those of China wherever
// the program runs.
var Zone = time.FixedZone("CST", 8*60*60)

// Report is one thing that a device has to say.
type Report struct {
	// At is when, on the clock of the rhythm.
	At time.Time
	// Payload is sent on the device's event topic, or on its state topic if it
	// is a level.
	Payload devices.Payload
	// Copies is how often the device sends it, each time with the same id; 1 is
	// usual, more is a device that is not sure of having been heard.
	Copies int
}

// Routine is what device d reports from the given hour on: endless, in order
// of At, and the same for the same arguments. sos is an hour at which its
// wearer presses for help in any case, zero for none.
func Routine(d Device, seed uint64, from, sos time.Time) iter.Seq[Report] {
	return func(yield func(Report) bool) {
		a := &agenda{device: d, now: from.In(Zone), rand: source(seed, d.ID), yield: yield}
		switch d.Kind {
		case locker.Kind:
			a.lockerDay()
		case cabinet.Kind:
			a.cabinetDay()
		case wearable.Kind:
			a.wearableDay(sos)
		case bed.Kind:
			a.bedNight()
		case alarm.Kind:
			a.alarmLife()
		case room.Kind:
			a.roomLife()
		case visit.Kind:
			a.visits()
		case terminal.Kind:
			a.terminalDay()
		case rating.Kind:
			a.ratings()
		case booking.Kind:
			a.bookings()
		case desk.Kind:
			a.deskDay()
		case attendance.Kind:
			a.attendanceDay()
		case fitness.Kind:
			a.fitnessDay()
		case rental.Kind:
			a.rentals()
		case pickup.Kind:
			a.pickupDay()
		case express.Kind:
			a.expressDay()
		}
		a.run()
	}
}

func source(seed uint64, device string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(device))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// agenda is the simulated life of one device: what it will do, soonest first.
// What it does may put further things on the agenda.
type agenda struct {
	device  Device
	now     time.Time
	rand    *rand.Rand
	queue   queue
	entered int
	numbers int // of other people's books
	yield   func(Report) bool
	stopped bool
}

type entry struct {
	at  time.Time
	nth int // entries of the same time are done in the order of their entering
	do  func()
}

func (a *agenda) run() {
	for !a.stopped && len(a.queue) > 0 {
		next := heap.Pop(&a.queue).(entry)
		a.now = next.at
		next.do()
	}
}

// at puts something on the agenda, for now if t has passed.
func (a *agenda) at(t time.Time, do func()) {
	if t.Before(a.now) {
		t = a.now
	}
	a.entered++
	heap.Push(&a.queue, entry{t, a.entered, do})
}

func (a *agenda) after(d time.Duration, do func()) { a.at(a.now.Add(d), do) }

// say reports p now; three in a hundred times the device doubts that it was
// heard and repeats itself.
func (a *agenda) say(p devices.Payload) {
	copies := 1
	if a.chance(0.03) {
		copies = 2
	}
	a.repeat(p, copies)
}

func (a *agenda) repeat(p devices.Payload, copies int) {
	if !a.stopped {
		a.stopped = !a.yield(Report{At: a.now, Payload: p, Copies: copies})
	}
}

func (a *agenda) chance(p float64) bool { return a.rand.Float64() < p }

// between is a random duration of at least low and less than high.
func (a *agenda) between(low, high time.Duration) time.Duration {
	return low + time.Duration(a.rand.Int64N(int64(high-low)))
}

// skewed is a random duration with the given median and a long tail, as
// waiting people make them.
func (a *agenda) skewed(median time.Duration, sigma float64) time.Duration {
	return time.Duration(float64(median) * math.Exp(sigma*a.rand.NormFloat64()))
}

// poisson calls do at random moments, perHour[h] times in hour h of the day
// on average.
func (a *agenda) poisson(perHour *[24]float64, do func()) {
	most := 0.0
	for _, rate := range perHour {
		most = max(most, rate)
	}
	var next func()
	next = func() {
		a.after(time.Duration(a.rand.ExpFloat64()/most*float64(time.Hour)), func() {
			if a.chance(perHour[a.now.Hour()] / most) {
				do()
			}
			next()
		})
	}
	next()
}

// clock is the given time of the day that is daysAhead of today.
func (a *agenda) clock(daysAhead, hour, minute int) time.Time {
	y, m, d := a.now.Date()
	return time.Date(y, m, d+daysAhead, hour, minute, 0, 0, Zone)
}

// daily calls do each day at the given time, first today if it is not past.
func (a *agenda) daily(hour, minute int, do func()) {
	first := a.clock(0, hour, minute)
	if first.Before(a.now) {
		first = a.clock(1, hour, minute)
	}
	var again func()
	again = func() {
		do()
		a.at(a.clock(1, hour, minute), again)
	}
	a.at(first, again)
}

// every calls do after each interval, the first time after a random part of
// it, so that the community does not speak in chorus.
func (a *agenda) every(interval time.Duration, do func()) {
	var again func()
	again = func() {
		do()
		a.after(interval, again)
	}
	a.after(a.between(0, interval), again)
}

type queue []entry

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].nth < q[j].nth
	}
	return q[i].at.Before(q[j].at)
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(entry)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
