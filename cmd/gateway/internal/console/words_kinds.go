package console

import (
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
	"github.com/linli-edge/gateway/devices/rental"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/terminal"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
)

// device says what a device of that kind reports.
func (s *sentence) device(e devices.Event, kind devices.Kind) {
	switch kind {
	case locker.Kind:
		s.locker(e)
	case cabinet.Kind:
		s.cabinet(e)
	case wearable.Kind:
		s.wearable(e)
	case bed.Kind:
		s.bed(e)
	case alarm.Kind:
		s.alarm(e)
	case room.Kind:
		s.room(e)
	case visit.Kind:
		s.visit(e)
	case terminal.Kind:
		s.terminal(e)
	case rating.Kind:
		s.rating(e)
	case booking.Kind:
		s.booking(e)
	case desk.Kind:
		s.desk(e)
	case attendance.Kind:
		s.attendance(e)
	case fitness.Kind:
		s.fitness(e)
	case rental.Kind:
		s.rental(e)
	case pickup.Kind:
		s.pickup(e)
	case express.Kind:
		s.express(e)
	}
}

// condition says what devices of many kinds report of themselves.
func (s *sentence) condition(e devices.Event) {
	t := texts.ConsoleKinds
	switch e.Type {
	case condition.TypeStatus:
		read(e, func(p condition.Status) {
			s.either(p.Online, texts.ConsoleEvents.Online, texts.ConsoleEvents.Offline)
			s.warn(!p.Online)
		})
	case condition.TypeFault:
		read(e, func(p condition.Fault) { s.fault(0, p.Code, p.Cleared) })
	case condition.TypeOpening:
		read(e, func(p condition.Opening) { s.either(p.Open, t.Open, t.Closed) })
	}
}

// unworn says what is reported as of a wearable, where that is not worn: the
// calls for help and the battery.
func (s *sentence) unworn(e devices.Event) {
	switch e.Type {
	case wearable.TypeSOS, wearable.TypeFall, wearable.TypeBattery:
		s.wearable(e)
	default:
		s.condition(e)
	}
}

func (s *sentence) bed(e devices.Event) {
	switch e.Type {
	case bed.TypeOccupancy:
		read(e, func(p bed.Occupancy) { s.either(p.Occupied, texts.ConsoleKinds.InBed, texts.ConsoleKinds.OutOfBed) })
	default:
		s.unworn(e)
	}
}

func (s *sentence) room(e devices.Event) {
	t := texts.ConsoleKinds
	switch e.Type {
	case room.TypeOccupancy:
		read(e, func(p room.Occupancy) { s.either(p.Occupied, t.Occupied, t.Empty) })
	case room.TypeDoor:
		read(e, func(p room.Door) { s.either(p.Open, t.DoorOpened, t.DoorShut) })
	case room.TypeVibration:
		s.say(t.Vibration)
	case room.TypeWaterUsed:
		read(e, func(p room.WaterUsed) { s.say(t.WaterUsed, p.Litres) })
	default:
		s.unworn(e)
	}
}

func (s *sentence) alarm(e devices.Event) {
	what, ok := alarmText(e.Type)
	switch {
	case !ok:
		s.unworn(e)
	case alarm.On(e):
		s.say(what)
		s.tone = "alarm"
	default:
		s.say(texts.ConsoleKinds.AlarmGone, what)
	}
}

// alarmText names what a room's alarm has found.
func alarmText(t devices.Type) (what texts.Text, ok bool) {
	switch t {
	case alarm.TypeSmoke:
		return texts.ConsoleKinds.Smoke, true
	case alarm.TypeGas:
		return texts.ConsoleKinds.Gas, true
	case alarm.TypeCarbonMonoxide:
		return texts.ConsoleKinds.CarbonMonoxide, true
	case alarm.TypeWater:
		return texts.ConsoleKinds.Water, true
	}
	return what, false
}

// isAlarm says whether a room's alarm alarms.
func isAlarm(e devices.Event, kind devices.Kind) bool {
	_, ok := alarmText(e.Type)
	return ok && kind == alarm.Kind && alarm.On(e)
}

func (s *sentence) visit(e devices.Event) {
	t := texts.ConsoleKinds
	switch e.Type {
	case visit.TypeVisited:
		read(e, func(p visit.Visited) {
			elder := p.Elder
			if known, ok := s.people.Elders[p.Elder]; ok {
				elder = known.Name
			}
			switch by := s.name(p.Caregiver); {
			case by == "" && elder == "":
				s.say(t.Visit)
			case by == "":
				s.say(t.VisitTo, elder)
			case elder == "":
				s.say(t.VisitBy, by)
			default:
				s.say(t.VisitByTo, by, elder)
			}
		})
	default:
		s.condition(e)
	}
}

func (s *sentence) terminal(e devices.Event) {
	t := texts.ConsoleKinds
	switch e.Type {
	case terminal.TypeStarted:
		read(e, func(p terminal.Started) { s.say(t.SessionBegan); s.also(p.ElderMode, t.ElderMode) })
	case terminal.TypeEnded:
		read(e, func(p terminal.Ended) {
			switch p.Result {
			case terminal.Completed:
				s.say(t.Completed)
			case terminal.Abandoned:
				s.say(t.Abandoned)
			default:
				s.say(t.Failed)
				s.warn(true)
			}
			s.also(p.ElderMode, t.ElderMode)
		})
	case terminal.TypeAvailable:
		read(e, func(p terminal.Available) { s.either(p.Available, t.Available, t.Unavailable); s.warn(!p.Available) })
	default:
		s.condition(e)
	}
}

func (s *sentence) rating(e devices.Event) {
	t := texts.ConsoleKinds
	switch e.Type {
	case rating.TypeRated:
		read(e, func(p rating.Rated) {
			if p.Validate() == nil {
				s.say(t.Rating, []texts.Text{t.VeryBad, t.Bad, t.Fair, t.Good, t.VeryGood}[p.Level-1])
				s.warn(rating.IsBad(p.Level))
			}
		})
	case rating.TypeClosed:
		s.say(t.RatingClosed)
	default:
		s.condition(e)
	}
}

func (s *sentence) booking(e devices.Event) {
	t := texts.ConsoleKinds
	switch e.Type {
	case booking.TypeCreated:
		s.say(t.Booked)
	case booking.TypeFulfilled:
		s.say(t.Fulfilled)
	case booking.TypeNoShow:
		s.say(t.NoShow)
	case booking.TypeCancelled:
		s.say(t.Cancelled)
	case booking.TypeDelivered:
		read(e, func(p booking.Delivered) { s.say(t.Delivered); s.also(p.Contactless, t.Contactless) })
	default:
		s.condition(e)
	}
}

func (s *sentence) desk(e devices.Event) {
	t := texts.ConsoleKinds
	switch e.Type {
	case desk.TypeServed:
		read(e, func(p desk.Served) {
			all, _ := p.Services()
			s.say(t.Served, all)
			s.say(desk.WayText(p.Way))
			if p.By != "" {
				s.parts = append(s.parts, s.name(p.By))
			}
		})
	default:
		s.condition(e)
	}
}

func (s *sentence) attendance(e devices.Event) {
	t := texts.ConsoleKinds
	switch e.Type {
	case attendance.TypeCounted:
		read(e, func(p attendance.Counted) { s.say(t.Counted, p.Entries, p.Exits) })
	case attendance.TypeTotal:
		read(e, func(p attendance.Total) { s.say(t.Total, p.Entries, p.Exits) })
	default:
		s.condition(e)
	}
}

func (s *sentence) fitness(e devices.Event) {
	switch e.Type {
	case fitness.TypeTested:
		s.say(texts.ConsoleKinds.Tested)
	default:
		s.condition(e)
	}
}

func (s *sentence) rental(e devices.Event) {
	t := texts.ConsoleKinds
	switch e.Type {
	case rental.TypeOut:
		read(e, func(p rental.Out) { s.say(t.AssetOut, p.Asset) })
	case rental.TypeIn:
		read(e, func(p rental.In) { s.say(t.AssetIn, p.Asset) })
	case rental.TypeAvailable:
		read(e, func(p rental.Available) { s.either(p.Available, t.AssetAvailable, t.AssetWithheld, p.Asset) })
	default:
		s.condition(e)
	}
}

func (s *sentence) pickup(e devices.Event) {
	t := texts.ConsoleKinds
	switch e.Type {
	case pickup.TypeStocked:
		read(e, func(p pickup.Stocked) { s.compartment(p.Compartment); s.say(t.Stocked) })
	case pickup.TypePickedUp:
		read(e, func(p pickup.PickedUp) {
			s.compartment(p.Compartment)
			s.either(p.By == locker.ByStaff, t.TakenBack, t.Fetched)
		})
	case condition.TypeHumidity:
		s.humidity(e)
	case pickup.TypeTemperature:
		read(e, func(p pickup.Temperature) {
			s.compartment(p.Compartment)
			s.say(texts.ConsoleEvents.Temperature, p.Celsius)
			out := p.Cold && (p.Celsius < pickup.ColdMin || p.Celsius > pickup.ColdMax)
			s.also(out, t.ColdChain)
			s.warn(out)
		})
	default:
		s.locker(e) // door, occupancy, fault, online
	}
}

func (s *sentence) express(e devices.Event) {
	t := texts.ConsoleKinds
	switch e.Type {
	case express.TypeDeposited:
		read(e, func(p express.Deposited) { s.say(t.ParcelsIn, max(1, p.Parcels)) })
	case express.TypePickedUp:
		read(e, func(p express.PickedUp) {
			what := t.ParcelsOut
			switch p.By {
			case locker.ByCourier:
				what = t.ParcelsOn
			case locker.ByStaff:
				what = t.ParcelsCleared
			}
			s.say(what, max(1, p.Parcels))
		})
	default:
		s.condition(e)
	}
}

func (s *sentence) also(yes bool, t texts.Text) {
	if yes {
		s.say(t)
	}
}

// humidity is of a cabinet of either kind.
func (s *sentence) humidity(e devices.Event) {
	read(e, func(p condition.Humidity) {
		s.compartment(p.Compartment)
		s.say(texts.ConsoleEvents.Humidity, p.Percent)
	})
}
