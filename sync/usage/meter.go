package usage

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/rental"
	"github.com/linli-edge/gateway/devices/terminal"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
)

// meter is the present levels of one device, whose seconds are added up: at
// each change, and with each Alive. It counts for no longer than maxCovered at
// a time: what comes after more than that is a gap, in which nobody knows what
// the levels were.
type meter struct {
	// Boot and Mono are when it was last read.
	Boot devices.BootID `json:"boot"`
	Mono time.Duration  `json:"mono"`

	Online bool `json:"online,omitempty"` // heard, and not offline
	Down   bool `json:"down,omitempty"`   // says that people cannot use it
	Open   bool `json:"open,omitempty"`
	Low    bool `json:"low,omitempty"` // its battery
	Off    bool `json:"off,omitempty"` // not worn
	// Compartments that are occupied, and that have a fault.
	Occupied int `json:"occupied,omitempty"`
	Faulty   int `json:"faulty,omitempty"`
	// Assets that are known, out, and not to be rented.
	Assets    int `json:"assets,omitempty"`
	Rented    int `json:"rented,omitempty"`
	Withdrawn int `json:"withdrawn,omitempty"`
}

// Covered is the indicator of the time for which the box can speak.
const Covered = "facility.covered"

// maxCovered is the longest time between two readings of a meter that was
// running.
const maxCovered = aliveEvery + 10*time.Minute

// meter reads the meter of a device and then changes its levels.
func (b *batch) meter(d placed, change func(*meter)) error {
	m, t, err := thingOf[meter](b, thingMeter, d.ID)
	if err != nil {
		return err
	}
	if err := b.read(d, m, t); err != nil {
		return err
	}
	change(m)
	return nil
}

// read adds the levels since the last reading.
func (b *batch) read(d placed, m *meter, t *thing) error {
	elapsed := d.stamp.Mono - m.Mono
	same := m.Boot == d.stamp.Boot
	if same && elapsed <= 0 {
		return nil
	}
	since := t.Since
	m.Boot, m.Mono, t.Since = d.stamp.Boot, d.stamp.Mono, d.received
	if !same || elapsed > maxCovered || since == (clock.Moment{}) {
		return nil
	}
	if since.Final() && d.received.Final() && since.At.Unix() == d.received.At.Unix() {
		return nil // whole seconds are counted, and none has passed
	}
	return b.emit(d.place, d.received, since, m.levels(d.Device)...)
}

// levels are what each second adds.
func (m *meter) levels(d registry.Device) []count {
	online := int64(toInt(m.Online))
	switch d.Kind {
	case wearable.Kind:
		return []count{{Code: "wearable.online", N: online, Of: 1}}
	case bed.Kind:
		return []count{{Code: "bed.online", N: online, Of: 1}}
	}
	counts := []count{{Code: "device.online", N: online, Of: 1}}
	switch d.Kind {
	case locker.Kind:
		if usable := int64(max(d.Compartments-m.Faulty, m.Occupied)); usable > 0 {
			counts = append(counts, count{Code: "parcel.occupied", N: int64(m.Occupied), Of: usable}, count{Code: "parcel.turnover", Of: usable})
		}
	case terminal.Kind:
		counts = append(counts, count{Code: "terminal.available", N: int64(toInt(m.Online && !m.Down)), Of: 1})
	case rental.Kind:
		if m.Assets > 0 {
			counts = append(counts, count{Code: "rental.rented", N: int64(m.Rented), Of: int64(max(m.Assets-m.Withdrawn, m.Rented))})
		}
	}
	return counts
}

// What says of a device whether it is online, besides its other words.
const (
	typeStatus = condition.TypeStatus
	typeSilent = devices.Type("device.silent")
)

// heard takes note that a device has spoken, or is said to be offline.
func (b *batch) heard(d placed, e devices.Event, at clock.Moment) error {
	online := true
	switch e.Type {
	case typeStatus:
		var s condition.Status
		if json.Unmarshal(e.Data, &s) != nil {
			b.tally.malformed++
			return nil
		}
		online = s.Online
	case typeSilent:
		var s struct {
			Cleared bool `json:"cleared"`
		}
		if json.Unmarshal(e.Data, &s) != nil {
			b.tally.malformed++
			return nil
		}
		online = s.Cleared
	}
	m, _, err := thingOf[meter](b, thingMeter, d.ID)
	if err != nil || m.Online == online && m.Boot != (devices.BootID{}) {
		return err
	}
	lost := m.Online && !online
	if err := b.meter(d, func(m *meter) { m.Online = online }); err != nil || !lost || d.Kind != wearable.Kind {
		return err
	}
	return b.emit(d.place, at, clock.Moment{}, count{Code: "wearable.offline", N: 1})
}

// itself is what is remembered of the box.
type itself struct {
	Boot devices.BootID `json:"boot"`
	Mono time.Duration  `json:"mono"`
	// Offline while the platform cannot be reached.
	Offline bool `json:"offline,omitempty"`
	// Visits is the last day on which it was looked who is due.
	Visits string `json:"visits,omitempty"`
}

// alive reads all meters: the box has run since the last Alive, unless this is
// the first of a process.
func (b *batch) alive(first bool, stamp devices.Stamp, at clock.Moment) error {
	s, t, err := thingOf[itself](b, thingBox)
	if err != nil {
		return err
	}
	if err := b.covered(s, t, first, stamp, at); err != nil {
		return err
	}
	for _, id := range sortedKeys(b.people.Devices) {
		device := b.people.Devices[id]
		where := Place(device.Device)
		if _, counts := folds[device.Kind]; !counts || device.Retired || where == "" {
			continue
		}
		d := placed{Device: device, place: where, received: at, stamp: stamp}
		m, t, err := thingOf[meter](b, thingMeter, id)
		if err != nil {
			return err
		}
		if first {
			m.Boot, m.Mono, t.Since = stamp.Boot, stamp.Mono, at
		} else if err := b.read(d, m, t); err != nil {
			return err
		}
		if m.Open && !first {
			if err := b.emit(where, at, clock.Moment{}, count{Code: "attendance.open", N: 1}); err != nil {
				return err
			}
		}
	}
	if !b.calendar.Known() {
		return nil
	}
	return b.visits(s, at)
}

// covered counts the time since the last Alive, whether the box was running or
// not, at each facility.
func (b *batch) covered(s *itself, t *thing, first bool, stamp devices.Stamp, at clock.Moment) error {
	elapsed := stamp.Mono - s.Mono
	if s.Boot == stamp.Boot && elapsed <= 0 {
		return nil
	}
	since := t.Since
	ran := !first && s.Boot == stamp.Boot && elapsed <= maxCovered
	s.Boot, s.Mono, t.Since = stamp.Boot, stamp.Mono, at
	if since == (clock.Moment{}) {
		return nil
	}
	own := []count{{Code: Covered, N: int64(toInt(ran)), Of: 1}}
	if ran {
		own = append(own, count{Code: "box.offline", N: int64(toInt(s.Offline)), Of: 1})
	}
	if err := b.emit(devices.GatewayDevice, at, since, own...); err != nil {
		return err
	}
	for _, id := range sortedKeys(b.people.Facilities) {
		if err := b.emit(id, at, since, own[0]); err != nil {
			return err
		}
	}
	return nil
}

// visits looks once a day whose visit falls due on it: as long after the last
// as the round that is agreed on for the elder, which is also what the alerts
// go by, or everyDays. Nobody visits who is away.
func (b *batch) visits(s *itself, at clock.Moment) error {
	today := Day(at.At)
	if s.Visits >= today {
		return nil
	}
	s.Visits = today
	morning, err := time.ParseInLocation(time.DateOnly, today, zone)
	if err != nil {
		return fmt.Errorf("today: %w", err)
	}
	var due, overdue, elders int64
	for _, id := range sortedKeys(b.people.Elders) {
		v, _, err := thingOf[visited](b, thingVisit, id)
		if err != nil {
			return err
		}
		if v.Known.IsZero() {
			v.Known = at.At
		}
		care := b.people.Cares[id]
		if care.AwayUntil > today {
			continue
		}
		elders++
		every := everyDays * 24 * time.Hour
		if care.RoundHours > 0 {
			every = time.Duration(care.RoundHours) * time.Hour
		}
		if !v.Due && visit.Due(v.State, v.Known, morning.AddDate(0, 0, 1), every) {
			v.Due = true
			due++
		}
		overdue += int64(toInt(visit.Due(v.State, v.Known, at.At, overdueDays*24*time.Hour)))
	}
	if elders == 0 {
		return nil
	}
	return b.emit(devices.GatewayDevice, at, clock.Moment{}, count{Code: "visit.due", Of: due}, count{Code: "visit.overdue", N: overdue, Of: elders})
}

// offline counts the time so far, and takes note of the other state.
func (b *batch) offline(offline bool, stamp devices.Stamp, at clock.Moment) error {
	s, t, err := thingOf[itself](b, thingBox)
	if err != nil {
		return err
	}
	if s.Boot != (devices.BootID{}) {
		if err := b.covered(s, t, false, stamp, at); err != nil {
			return fmt.Errorf("uplink: %w", err)
		}
	}
	s.Offline = offline
	return nil
}
