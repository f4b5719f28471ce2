package alert

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/supervision"
	"github.com/linli-edge/gateway/devices/visit"
)

// What the rules of devices go by.
const (
	doorOpenFor = 5 * time.Minute
	hotAtLeast  = 60 // degrees
	coldAtMost  = 8
	unsafeAfter = 2 * time.Hour
	// maxCooked is how long before loading a meal may have been cooked, to be
	// believed.
	maxCooked = 12 * time.Hour
	tamper    = "tamper" // the code of a fault
)

// observe takes in one event of the ordinary chain.
func (b *watchboard) observe(e devices.Event, sc scene) {
	if elder := sc.people.Devices[e.Device].Elder; elder != "" {
		b.elderly(e, elder, sc)
	}
	switch e.Type {
	case visit.TypeVisited:
		b.visited(e, sc)
	case supervision.TypeSilent, supervision.TypeBatteryLow, supervision.TypeNotWorn, supervision.TypeTampered:
		b.supervised(e)
	}
	switch sc.people.Devices[e.Device].Kind {
	case cabinet.Kind:
		b.cabinet(e, sc)
	case locker.Kind, pickup.Kind:
		b.locker(e)
	}
	if e.Type == locker.TypeFault { // the same of every kind
		b.fault(e, sc)
	}
}

// supervised takes in what the gateway has found out about a device.
func (b *watchboard) supervised(e devices.Event) {
	key := "device/" + e.Device
	s := b.of(key)
	sign := SignSilent
	switch e.Type {
	case supervision.TypeTampered:
		s.set(key, Found{Kind: Tamper, Device: e.Device}, !cleared(e))
		return
	case supervision.TypeBatteryLow:
		sign = SignBattery
	case supervision.TypeNotWorn:
		sign = SignNotWorn
	}
	s.Broken = slices.DeleteFunc(s.Broken, func(known SignKind) bool { return known == sign })
	if !cleared(e) {
		s.Broken = append(s.Broken, sign)
	}
	s.changed = true
}

// ailing says what is wrong with a device that is nobody's protection; what is
// leaves its elder unprotected.
func (s *subject) ailing(key, device string, sc scene) {
	if len(s.Broken) == 0 && len(s.On) == 0 { // as nearly always
		return
	}
	d := sc.people.Devices[device]
	for _, sign := range []SignKind{SignSilent, SignBattery, SignNotWorn} {
		f := Found{Kind: Silent, Device: device, Because: []Sign{{Sign: sign}}}
		if sign != SignSilent {
			f.Kind, f.Part = Faulty, string(sign)
		}
		s.set(key, f, slices.Contains(s.Broken, sign) && !d.Retired && !protects(d))
	}
}

func (b *watchboard) fault(e devices.Event, sc scene) {
	p, err := decode[locker.Fault](e)
	if err != nil {
		return
	}
	key := "device/" + e.Device
	f := Found{Kind: Faulty, Device: e.Device, Part: p.Code, Because: []Sign{{Sign: SignFault, Of: p.Code}}}
	if p.Compartment > 0 {
		f.Part = strconv.Itoa(p.Compartment) + "/" + p.Code
	}
	if p.Code == tamper {
		f.Kind, f.Part = Tamper, ""
	}
	b.of(key).set(key, f, !p.Cleared)
}

// locker takes in what compartments that are not for meals report.
func (b *watchboard) locker(e devices.Event) {
	switch e.Type {
	case locker.TypeDoor:
		b.door(e)
		return
	case locker.TypeOverdue:
		p, err := decode[locker.Overdue](e)
		if err == nil {
			b.waiting(e, p.Compartment, true)
		}
		return
	}
	if len(b.of("device/"+e.Device).On) == 0 {
		return // nothing waits, as nearly always
	}
	var n int
	switch e.Type {
	case locker.TypePickedUp:
		p, err := decode[locker.PickedUp](e)
		if err != nil {
			return
		}
		n = p.Compartment
	case pickup.TypePickedUp:
		p, err := decode[pickup.PickedUp](e)
		if err != nil {
			return
		}
		n = p.Compartment
	case locker.TypeOccupancy:
		p, err := decode[locker.Occupancy](e)
		if err != nil || p.Occupied {
			return
		}
		n = p.Compartment
	default:
		return
	}
	b.waiting(e, n, false)
}

func (b *watchboard) waiting(e devices.Event, compartment int, on bool) {
	key, part := "device/"+e.Device, strconv.Itoa(compartment)
	b.of(key).set(key, Found{Kind: Unclaimed, Device: e.Device, Part: part, Because: []Sign{{Sign: SignWaiting, Of: part}}}, on)
}

func (b *watchboard) door(e devices.Event) {
	p, err := decode[locker.Door](e)
	if err != nil {
		return
	}
	s := b.of("device/" + e.Device)
	_, was := s.Doors[p.Compartment]
	switch {
	case p.Open && !was:
		if s.Doors == nil {
			s.Doors = map[int]devices.Stamp{}
		}
		s.Doors[p.Compartment] = e.Received
		s.changed = true
	case !p.Open && was:
		delete(s.Doors, p.Compartment)
		s.changed = true
		part := strconv.Itoa(p.Compartment)
		s.set("device/"+e.Device, Found{Kind: DoorAjar, Device: e.Device, Part: part}, false)
	}
}

// cabinet takes in what a meal cabinet reports.
func (b *watchboard) cabinet(e devices.Event, sc scene) {
	s := b.of("device/" + e.Device)
	switch e.Type {
	case cabinet.TypeDoor:
		b.door(e)
	case cabinet.TypeLoaded:
		p, err := decode[cabinet.Loaded](e)
		if err != nil {
			return
		}
		load := portion{Hot: p.Hot, Loaded: e.Received}
		if p.Cooked != nil {
			if before := e.Received.Wall.Sub(*p.Cooked); before > 0 && before < maxCooked {
				load.Before = before
			}
		}
		if s.Portion == nil {
			s.Portion = map[int]portion{}
		}
		s.Portion[p.Compartment], s.changed = load, true
		b.warmth(s, p.Compartment, sc.now, sc.facility(e.Device))
	case cabinet.TypeTemperature:
		p, err := decode[cabinet.Temperature](e)
		if err != nil {
			return
		}
		if s.Celsius == nil {
			s.Celsius = map[int]float64{}
		}
		s.Celsius[p.Compartment], s.changed = p.Celsius, true
		for n := range s.Portion {
			if p.Compartment == 0 || p.Compartment == n {
				b.warmth(s, n, e.Received, sc.facility(e.Device))
			}
		}
	case cabinet.TypeUnclaimed:
		if p, err := decode[cabinet.Unclaimed](e); err == nil {
			b.waiting(e, p.Compartment, true)
		}
	case cabinet.TypePickedUp:
		if p, err := decode[cabinet.PickedUp](e); err == nil {
			b.emptied(s, e, p.Compartment)
			b.fetched(e, sc)
		}
	case cabinet.TypeOccupancy:
		if p, err := decode[cabinet.Occupancy](e); err == nil && !p.Occupied {
			b.emptied(s, e, p.Compartment)
		}
	}
}

func (b *watchboard) emptied(s *subject, e devices.Event, compartment int) {
	if _, ok := s.Portion[compartment]; ok {
		delete(s.Portion, compartment)
		s.changed = true
	}
	s.set("device/"+e.Device, Found{Kind: Food, Device: e.Device, Part: strconv.Itoa(compartment)}, false)
	b.waiting(e, compartment, false)
}

// warmth notes since when a portion is out of its temperatures. Who has never
// seen it well must think that it has not been since it was cooked.
func (b *watchboard) warmth(s *subject, n int, now devices.Stamp, f registry.Facility) {
	celsius, ok := s.Celsius[n]
	if !ok {
		if celsius, ok = s.Celsius[0]; !ok {
			return
		}
	}
	p := s.Portion[n]
	limit := foodLimit(p, f)
	switch bad := p.Hot && celsius < limit || !p.Hot && celsius > limit; {
	case !bad:
		p.Bad, p.Well = nil, true
	case p.Bad == nil && !p.Well:
		loaded := p.Loaded
		p.Bad = &loaded
	case p.Bad == nil:
		p.Bad, p.Before = &now, 0
	}
	s.Portion[n], s.changed = p, true
}

// foodLimit is the temperature that a portion at f must not pass.
func foodLimit(p portion, f registry.Facility) float64 {
	if p.Hot {
		return float64(cmp.Or(f.HotCelsius, hotAtLeast))
	}
	return float64(cmp.Or(f.ColdCelsius, coldAtMost))
}

// inspect asks the rules about a device, as things are now.
func (b *watchboard) inspect(device string, sc scene) {
	key := "device/" + device
	s := b.of(key)
	s.ailing(key, device, sc)
	f := sc.facility(device)
	for n, since := range s.Doors {
		if open := elapsed(sc.now, since); open >= agreed(f.DoorMinutes, doorOpenFor) {
			part := strconv.Itoa(n)
			s.set(key, Found{Kind: DoorAjar, Device: device, Part: part, Because: []Sign{{Sign: SignOpen, Of: part, Minutes: minutes(open)}}}, true)
		}
	}
	for n, p := range s.Portion {
		if p.Bad == nil {
			continue
		}
		if bad := elapsed(sc.now, *p.Bad) + p.Before; bad > agreed(f.FoodMinutes, unsafeAfter) {
			part := strconv.Itoa(n)
			sign := Sign{Sign: SignCold, Of: part, Minutes: minutes(bad), Limit: foodLimit(p, f)}
			if p.Hot {
				sign.Sign = SignHot
			}
			sign.Value = s.Celsius[n]
			if _, own := s.Celsius[n]; !own {
				sign.Value = s.Celsius[0]
			}
			// What was unsafe once stays so, until it is taken away.
			s.set(key, Found{Kind: Food, Device: device, Part: part, Because: []Sign{sign}}, true)
		}
	}
}

// The rules of the box itself.
const (
	offFor       = 3 * time.Minute
	aliveEvery   = 10 * time.Minute
	unsyncedFor  = 2 * time.Minute
	diskLow      = 10 // percent left
	diskWell     = 15
	offJudgement = 150 * time.Second // how long the clock has, to say how long the box was off
)

const boxKey = "box"

// began notes that the box has begun to run, and what it knows of its latest
// moment before.
func (b *watchboard) began(now devices.Stamp) {
	s := b.of(boxKey)
	if s.Alive == nil {
		s.Alive, s.changed = &now, true
	}
}

// ends notes that the box is about to stop: it is off from now on.
func (b *watchboard) ends(now devices.Stamp) {
	if s := b.of(boxKey); s.Alive != nil && s.Alive.Boot == now.Boot {
		s.Alive, s.changed = &now, true
	}
}

// box asks the rules about the box; left is how much of the disk is free in
// percent, negative if nobody knows.
func (b *watchboard) box(now devices.Stamp, left int) {
	s := b.of(boxKey)
	if s.Alive != nil {
		switch off, same := now.Since(*s.Alive); {
		case same && off >= offFor+aliveEvery:
			s.wasOff(minutes(off))
			s.Alive = nil
		case same:
		case now.Synced && s.Alive.Synced:
			s.wasOff(minutes(max(time.Minute, now.Wall.Sub(s.Alive.Wall))))
			s.Alive = nil
		case now.Mono >= offJudgement || !s.Alive.Synced:
			s.wasOff(-1)
			s.Alive = nil
		}
	}
	if s.Alive == nil || elapsed(now, *s.Alive) >= aliveEvery && s.Alive.Boot == now.Boot {
		s.Alive, s.changed = &now, true
	}
	f := Found{Kind: ClockOff, Because: []Sign{{Sign: SignUnsynced}}}
	switch {
	case now.Synced:
		if s.Unsynced != nil {
			s.Unsynced, s.changed = nil, true
		}
		s.set(boxKey, f, false)
	case s.Unsynced == nil || s.Unsynced.Boot != now.Boot:
		s.Unsynced, s.changed = &now, true
	case elapsed(now, *s.Unsynced) >= unsyncedFor:
		s.set(boxKey, f, true)
	}
	f = Found{Kind: DiskFull, Because: []Sign{{Sign: SignDisk, Value: float64(left)}}}
	switch {
	case left >= 0 && left < diskLow:
		s.set(boxKey, f, true)
	case left >= diskWell:
		s.set(boxKey, f, false)
	}
}

// wasOff says for how long the box was off, -1 if nobody knows. It is news each
// time.
func (s *subject) wasOff(minutes int) {
	delete(s.On, string(BoxOff)+"/")
	s.set(boxKey, Found{Kind: BoxOff, Because: []Sign{{Sign: SignOff, Minutes: minutes}}}, true)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
