package alert

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
)

// The defaults of what is agreed on for an elder.
const (
	defaultActive   = registry.Hours("07:00-21:00")
	defaultNight    = registry.Hours("22:00-06:00")
	defaultInactive = 12 * time.Hour
	defaultBedExit  = 30 * time.Minute
	fallRiskBedExit = 15 * time.Minute
	defaultInARow   = 3
	defaultMargin   = 20 // of the band's width, the part
	outsideFor      = 2 * time.Minute
	outsideFixes    = 2
	mealGrace       = 30 * time.Minute
	// weakSilence is how long without a sign of life is a weak signal of its
	// own, freshLife how old one may be to make others weaker.
	weakSilence = 4 * time.Hour
	freshLife   = 2 * time.Hour
	// answerFor is how long an elder who was asked has for an answer.
	answerFor = 15 * time.Minute
)

// agreed is what is agreed on in minutes, if anything is.
func agreed(minutes int, otherwise time.Duration) time.Duration {
	return cmp.Or(time.Duration(minutes)*time.Minute, otherwise)
}

// night tells whether it is night for an elder; while nobody knows the time it
// is.
func (sc scene) night(c registry.Care) bool {
	return sc.local.IsZero() || cmp.Or(c.Night, defaultNight).Covers(sc.local)
}

// away tells whether an elder is.
func (sc scene) away(c registry.Care) bool {
	return c.AwayUntil != "" && !sc.local.IsZero() && sc.local.Format(time.DateOnly) < c.AwayUntil
}

// elderly takes in what a device says of an elder.
func (b *watchboard) elderly(e devices.Event, elder string, sc scene) {
	key := "elder/" + elder
	care := sc.people.Cares[elder]
	if (alive(e) || b.walks(key, e)) && !slices.Contains(care.Bedroom, e.Device) {
		s := b.of(key)
		s.Life, s.Asked, s.changed = stampOf(e), nil, true
	}
	switch e.Type {
	case bed.TypeOccupancy:
		if sc.people.Devices[e.Device].Kind != bed.Kind {
			return
		}
		p, err := decode[bed.Occupancy](e)
		if err != nil {
			return
		}
		s := b.of(key)
		if s.Bed == nil || s.Bed.Occupied != p.Occupied || s.Bed.Device != e.Device {
			left := s.Bed != nil && s.Bed.Occupied && !p.Occupied
			s.Bed = &bedside{Occupied: p.Occupied, Since: e.Received, Device: e.Device, Night: left && sc.night(care)}
			s.changed = true
		}
	case wearable.TypePosition:
		if p, err := decode[wearable.Position](e); err == nil && care.Fence != nil {
			b.of(key).position(e, p, *care.Fence)
		}
	case wearable.TypeVitals:
		if p, err := decode[wearable.Vitals](e); err == nil && len(care.Bands) > 0 {
			b.of(key).vitals(key, e, p, elder, care.Bands)
		}
	}
}

// alive tells whether an event is a sign of life.
func alive(e devices.Event) bool {
	switch e.Type {
	case bed.TypeOccupancy: // that of a room as well; a room that has become empty had somebody in it
		return true
	case room.TypeDoor, room.TypeVibration, room.TypeWaterUsed, wearable.TypeVitals:
		return true
	case wearable.TypeWorn:
		p, err := decode[wearable.Worn](e)
		return err == nil && p.Worn
	}
	return false
}

// walks tells whether a device has counted steps: a counter that begins anew
// at midnight, or is heard again, says nothing of that.
func (b *watchboard) walks(key string, e devices.Event) bool {
	if e.Type != wearable.TypeSteps {
		return false
	}
	p, err := decode[wearable.Steps](e)
	if err != nil {
		return false
	}
	s := b.of(key)
	before, known := s.Steps[e.Device]
	if s.Steps == nil {
		s.Steps = map[string]int{}
	}
	s.Steps[e.Device], s.changed = p.Steps, true
	return known && p.Steps > before
}

func (s *subject) position(e devices.Event, p wearable.Position, f registry.Fence) {
	metres := distance(p.Latitude, p.Longitude, f.Latitude, f.Longitude) - f.Metres
	if metres <= p.Accuracy { // it may be inside
		if s.Fix != nil {
			s.Fix, s.changed = nil, true
		}
		return
	}
	fix := outside{Since: e.Received, Last: e.Received, Metres: math.Round(metres), Fixes: 1, Device: e.Device}
	if s.Fix != nil {
		fix.Since, fix.Fixes = s.Fix.Since, s.Fix.Fixes+1
	}
	s.Fix, s.changed = &fix, true
}

// distance is that of two points on the earth in metres.
func distance(lat1, lon1, lat2, lon2 float64) float64 {
	const radius, degree = 6371000, math.Pi / 180
	a := math.Pow(math.Sin((lat2-lat1)*degree/2), 2) + math.Cos(lat1*degree)*math.Cos(lat2*degree)*math.Pow(math.Sin((lon2-lon1)*degree/2), 2)
	return 2 * radius * math.Asin(math.Min(1, math.Sqrt(a)))
}

func (s *subject) vitals(key string, e devices.Event, p wearable.Vitals, elder string, bands []registry.Band) {
	readings := map[string]float64{}
	for name, v := range map[string]*int{"heart_rate": p.HeartRate, "spo2": p.SpO2, "systolic": p.Systolic, "diastolic": p.Diastolic} {
		if v != nil {
			readings[name] = float64(*v)
		}
	}
	if p.Celsius != nil {
		readings["celsius"] = *p.Celsius
	}
	for _, band := range bands {
		v, measured := readings[band.Vital]
		if !measured {
			continue
		}
		f := Found{Kind: VitalSign, Elder: elder, Device: e.Device, Part: band.Vital, Because: []Sign{{Sign: SignReading, Of: band.Vital, Value: v}}}
		margin := cmp.Or(band.Margin, (band.High-band.Low)/defaultMargin)
		switch {
		case v < band.Low || v > band.High:
			if s.Out == nil {
				s.Out = map[string]int{}
			}
			if s.Below == nil {
				s.Below = map[string]bool{}
			}
			s.Out[band.Vital]++
			s.Below[band.Vital], s.changed = v < band.Low, true
			if s.Out[band.Vital] >= cmp.Or(band.InARow, defaultInARow) {
				s.set(key, f, true)
			}
		default:
			if s.Out[band.Vital] > 0 {
				delete(s.Out, band.Vital)
				s.changed = true
			}
			// Only from the end at which it was: of oxygen the best is the upper one.
			if below := s.Below[band.Vital]; below && v >= band.Low+margin || !below && v <= band.High-margin {
				s.set(key, f, false)
			}
		}
	}
}

// fetched takes in that an elder has fetched a meal.
func (b *watchboard) fetched(e devices.Event, sc scene) {
	p, err := decode[cabinet.PickedUp](e)
	if err != nil || p.Elder == "" {
		return
	}
	key := "elder/" + p.Elder
	s := b.of(key)
	s.Life, s.Asked, s.changed = stampOf(e), nil, true
	if sc.local.IsZero() {
		return
	}
	if s.Meal == nil {
		s.Meal = &mealtime{}
	}
	s.Meal.Fetched, s.Meal.Missed = sc.local.Format(time.DateOnly), 0
	s.set(key, Found{Kind: MissedMeal, Elder: p.Elder}, false)
}

// visited takes in that somebody was with an elder: the round is done, and who
// answers a call is there.
func (b *watchboard) visited(e devices.Event, sc scene) {
	p, err := decode[visit.Visited](e)
	if err != nil {
		return
	}
	elder := p.Elder
	if elder == "" {
		elder = sc.people.Devices[e.Device].Elder
	}
	if elder == "" {
		return
	}
	key := "elder/" + elder
	s := b.of(key)
	s.Visit, s.changed = stampOf(e), true
	s.set(key, Found{Kind: RoundDue, Elder: elder}, false)
	s.N++
	// Who comes later has seen all that called before an earlier one.
	s.Pending = slices.DeleteFunc(s.Pending, func(p pending) bool { return p.Elder != "" })
	s.await(pending{ID: identity(e), Elder: elder, Visitor: cmp.Or(p.Caregiver, e.Device), How: p.By, At: e.Received})
}

// check asks the rules about an elder, as things are now.
func (b *watchboard) check(elder registry.Elder, sc scene) {
	key := "elder/" + elder.ID
	care := sc.people.Cares[elder.ID]
	if b.subjects[key] == nil && care.RoundHours == 0 && care.Meal == "" {
		return
	}
	s := b.of(key)
	b.wandering(s, key, elder.ID, care, sc)
	b.bedExit(s, key, elder.ID, care, sc)
	b.inactivity(s, key, elder.ID, care, sc)
	b.meal(s, key, elder.ID, care, sc)
	b.round(s, key, elder.ID, care, sc)
}

func (b *watchboard) wandering(s *subject, key, elder string, care registry.Care, sc scene) {
	f := Found{Kind: Wandering, Elder: elder}
	if s.Fix == nil || care.Fence == nil {
		s.set(key, f, false)
		return
	}
	if elapsed(sc.now, s.Fix.Since) < agreed(care.OutsideMinutes, outsideFor) && s.Fix.Fixes < cmp.Or(care.OutsideFixes, outsideFixes) {
		return
	}
	f.Device = s.Fix.Device
	f.Because = []Sign{{Sign: SignOutside, Value: s.Fix.Metres, Minutes: minutes(elapsed(sc.now, s.Fix.Last))}}
	if sc.night(care) {
		f.Priority = High
		f.Because = append(f.Because, Sign{Sign: SignNight})
	}
	if care.Dementia {
		f.Priority = High
		f.Because = append(f.Because, Sign{Sign: SignDementia})
	}
	s.set(key, f, true)
}

func (b *watchboard) bedExit(s *subject, key, elder string, care registry.Care, sc scene) {
	f := Found{Kind: NightExit, Elder: elder}
	if s.Bed == nil || s.Bed.Occupied || !s.Bed.Night || sc.away(care) {
		s.set(key, f, false)
		return
	}
	after := defaultBedExit
	if care.HighFallRisk {
		after = fallRiskBedExit
	}
	gone := elapsed(sc.now, s.Bed.Since)
	if gone < agreed(care.BedExitMinutes, after) || !sc.night(care) { // who gets up in the morning is not missed
		return
	}
	f.Device = s.Bed.Device
	f.Because = []Sign{{Sign: SignOutOfBed, Minutes: minutes(gone)}}
	if care.HighFallRisk {
		f.Because = append(f.Because, Sign{Sign: SignFallRisk})
	}
	s.set(key, f, true)
}

// idle is for how much of the active hours there was no sign of life.
func (s *subject) idle(care registry.Care, sc scene) (idle time.Duration, known bool) {
	if s.Life == nil {
		return 0, false
	}
	gone := elapsed(sc.now, *s.Life)
	if sc.local.IsZero() {
		return gone, true
	}
	return within(cmp.Or(care.Active, defaultActive), sc.local.Add(-gone), sc.local), true
}

// within is how much of the time between two moments is in the hours.
func within(h registry.Hours, from, to time.Time) time.Duration {
	begin, end, ok := h.Minutes()
	if !ok || to.Before(from) {
		return 0
	}
	length := time.Duration((end-begin+24*60)%(24*60)) * time.Minute
	if length == 0 {
		length = 24 * time.Hour
	}
	if to.Sub(from) > 60*24*time.Hour {
		from = to.Add(-60 * 24 * time.Hour) // long enough for every rule
	}
	var sum time.Duration
	y, m, d := from.Date()
	for day := time.Date(y, m, d-1, 0, begin, 0, 0, from.Location()); day.Before(to); day = day.AddDate(0, 0, 1) {
		a, z := day, day.Add(length)
		if a.Before(from) {
			a = from
		}
		if z.After(to) {
			z = to
		}
		sum += max(0, z.Sub(a))
	}
	return sum
}

func (b *watchboard) inactivity(s *subject, key, elder string, care registry.Care, sc scene) {
	f := Found{Kind: Inactivity, Elder: elder}
	idle, known := s.idle(care, sc)
	if !known || sc.away(care) || idle < agreed(care.InactiveMinutes, defaultInactive) {
		s.set(key, f, false)
		return
	}
	if s.on(Inactivity) {
		b.worse(s, key, f, idle)
		return
	}
	if s.Asked == nil { // the elder first, where a device can
		now := sc.now
		s.Asked, s.Deaf, s.changed = &now, false, true
		s.N++
		s.await(pending{ID: fmt.Sprintf("ask/%d", s.N), Ask: elder})
		return
	}
	f.Because = []Sign{{Sign: SignNoLife, Minutes: minutes(idle)}}
	if !s.Deaf {
		if elapsed(sc.now, *s.Asked) < agreed(care.AnswerMinutes, answerFor) {
			return
		}
		f.Because = append(f.Because, Sign{Sign: SignAsked})
	}
	s.set(key, f, true)
	b.worse(s, key, f, idle)
}

// worse raises the priority where weak signals come together: no meal, no
// sign of life, and the bed is occupied.
func (b *watchboard) worse(s *subject, key string, f Found, idle time.Duration) {
	if s.Meal == nil || s.Meal.Missed == 0 || idle < weakSilence || s.Bed == nil || !s.Bed.Occupied {
		return
	}
	f.Priority = High
	f.Because = []Sign{{Sign: SignNoMeal}, {Sign: SignNoLife, Minutes: minutes(idle)}, {Sign: SignInBed}}
	s.set(key, f, true)
}

func (b *watchboard) meal(s *subject, key, elder string, care registry.Care, sc scene) {
	from, to, ok := care.Meal.Minutes()
	if sc.away(care) { // what was missed before is not in a row with what comes after
		if s.Meal != nil {
			s.Meal, s.changed = nil, true
		}
		return
	}
	if !ok || sc.local.IsZero() {
		return
	}
	today := sc.local.Format(time.DateOnly)
	if s.Meal == nil {
		s.Meal = &mealtime{}
	}
	m := s.Meal
	minute := sc.local.Hour()*60 + sc.local.Minute()
	if m.Day != today && minute >= from && minute < to {
		m.Day, m.Open, s.changed = today, sc.now, true
	}
	idle, known := s.idle(care, sc)
	if s.on(MissedMeal) && known {
		b.worse(s, key, Found{Kind: MissedMeal, Elder: elder}, idle)
	}
	// A box that has not seen the hours, all of them by its monotonic clock, has
	// nothing to say.
	open, same := sc.now.Since(m.Open)
	grace := agreed(care.MealMinutes, mealGrace)
	if m.Day != today || m.Judged == today || minute < to+minutes(grace) || !same || open < grace {
		return
	}
	m.Judged, s.changed = today, true
	if m.Fetched == today {
		return
	}
	m.Missed++
	f := Found{Kind: MissedMeal, Elder: elder, Because: []Sign{{Sign: SignNoMeal}}}
	life := time.Duration(math.MaxInt64)
	if s.Life != nil {
		life = elapsed(sc.now, *s.Life)
	}
	second, lively := m.Missed >= 2, life < freshLife
	switch {
	case second && !lively:
		f.Priority = High
	case second:
		f.Priority = Medium
	case lively:
		f.Priority = Operator
	}
	if second {
		f.Because = append(f.Because, Sign{Sign: SignSecond})
	}
	if lively {
		f.Because = append(f.Because, Sign{Sign: SignLife, Minutes: minutes(life)})
	}
	delete(s.On, string(MissedMeal)+"/") // each meal is news
	s.set(key, f, true)
	if known {
		b.worse(s, key, f, idle)
	}
}

func (b *watchboard) round(s *subject, key, elder string, care registry.Care, sc scene) {
	f := Found{Kind: RoundDue, Elder: elder}
	if care.RoundHours == 0 || sc.away(care) {
		s.set(key, f, false)
		return
	}
	if s.Visit == nil { // the round begins
		now := sc.now
		s.Visit, s.changed = &now, true
	}
	gone := elapsed(sc.now, *s.Visit)
	if gone < time.Duration(care.RoundHours)*time.Hour {
		return
	}
	f.Because = []Sign{{Sign: SignNotVisited, Minutes: minutes(gone)}}
	s.set(key, f, true)
}

// unprotected asks of all elders whether something is wrong with what they wear
// now, whoever wore it when that began.
func (b *watchboard) unprotected(sc scene) {
	found := map[string]Found{}
	for _, key := range sortedKeys(b.subjects) {
		id, _ := strings.CutPrefix(key, "device/")
		d := sc.people.Devices[id]
		for _, sign := range b.subjects[key].Broken {
			if protects(d) {
				f := found[d.Elder]
				f.Device = cmp.Or(f.Device, id)
				f.Because = append(f.Because, Sign{Sign: sign})
				found[d.Elder] = f
			}
		}
	}
	for elder := range sc.people.Elders {
		f, on := found[elder]
		if key := "elder/" + elder; on || b.subjects[key] != nil {
			f.Kind, f.Elder = Unprotected, elder
			b.of(key).set(key, f, on)
		}
	}
}

// protects tells whether an elder calls for help with a device.
func protects(d registry.Device) bool { return d.Kind == wearable.Kind && d.Elder != "" && !d.Retired }

// cleared reads a level that is on unless it says that it has cleared.
func cleared(e devices.Event) bool {
	var p struct {
		Cleared bool `json:"cleared"`
	}
	return json.Unmarshal(e.Data, &p) == nil && p.Cleared
}
