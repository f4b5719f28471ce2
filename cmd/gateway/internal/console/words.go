package console

import (
	"cmp"
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/supervision"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/usage"
)

// view says in words what an event reports.
func view(e devices.Event, people *registry.Snapshot, lang texts.Lang) eventView {
	d, known := people.Device(e.Device)
	s := sentence{lang: lang, people: people}
	v := eventView{At: civil(e.Received.Wall).Format("15:04:05"), Glyph: glyph(e, d.Kind, lang), Who: who(e, d, known, people, lang)}
	switch {
	case isCommand(e):
		s.command(e)
	case e.Device == devices.GatewayDevice:
		s.gateway(e)
	case e.Type == (devices.Rejected{}).EventType():
		s.rejected(e)
	case e.Type == devices.TypeStrangerCalled:
		s.say(texts.AlertStranger.Name)
		s.tone = "alarm"
	case s.finding(e):
	default:
		s.device(e, d.Kind)
	}
	if len(s.parts) == 0 {
		s.say(texts.ConsoleEvents.Other, string(e.Type))
	}
	v.What, v.Tone = strings.Join(s.parts, texts.ConsoleEvents.Comma.In(lang)), s.tone
	return v
}

// who names the device and where it is.
func who(e devices.Event, d devices.Device, known bool, people *registry.Snapshot, lang texts.Lang) string {
	t := texts.ConsoleEvents
	if e.Device == devices.GatewayDevice {
		return t.Box.In(lang)
	}
	if !known {
		return t.UnknownDevice.In(lang, e.Device)
	}
	if elder, ok := people.ElderOf(d.ID); ok {
		return t.Device.In(lang, elder.Name, strings.TrimSpace(elder.Building+" "+elder.Room))
	}
	name := d.Name
	if name == "" {
		name = d.ID
	}
	if f, ok := people.Facilities[d.Facility]; ok && f.Name != name {
		return t.Device.In(lang, name, f.Name)
	}
	return name
}

// scope names what a silence is of, see alert.Silenced.
func scope(key string, people *registry.Snapshot, lang texts.Lang) string {
	what, id, _ := strings.Cut(key, "/")
	switch what {
	case "all":
		return texts.ConsoleIncidents.Everything.In(lang)
	case "kind":
		return alert.Kind(id).Text().In(lang)
	case "elder":
		return cmp.Or(people.Elders[id].Name, id)
	}
	d, known := people.Device(id)
	return who(devices.Event{Device: id}, d, known, people, lang)
}

// glyph stands for the kind of device, or of what happened.
func glyph(e devices.Event, kind devices.Kind, lang texts.Lang) string {
	g := texts.ConsoleGlyphs
	switch {
	case e.Type == wearable.TypeSOS, e.Type == wearable.TypeFall, e.Type == devices.TypeStrangerCalled, isAlarm(e, kind):
		return g.Alarm.In(lang)
	case e.Type == (devices.Rejected{}).EventType():
		return g.Rejected.In(lang)
	case e.Device == devices.GatewayDevice:
		return g.Box.In(lang)
	}
	if k, ok := kinds.Of(kind); ok {
		return k.Glyph.In(lang)
	}
	return g.Other.In(lang)
}

// sentence collects the parts of what is said.
type sentence struct {
	lang   texts.Lang
	people *registry.Snapshot
	parts  []string
	tone   string
}

func (s *sentence) say(t texts.Text, args ...any) { s.parts = append(s.parts, t.In(s.lang, args...)) }

func (s *sentence) compartment(n int) {
	if n > 0 {
		s.say(texts.ConsoleEvents.Compartment, n)
	}
}

// read decodes an event, or leaves it to be called by its type.
func read[P devices.Payload](e devices.Event, say func(P)) {
	if p, err := devices.Decode[P](e); err == nil {
		say(p)
	}
}

func (s *sentence) either(yes bool, t, otherwise texts.Text, args ...any) {
	if !yes {
		t = otherwise
	}
	s.say(t, args...)
}

func (s *sentence) warn(yes bool) {
	if yes {
		s.tone = "warn"
	}
}

func (s *sentence) locker(e devices.Event) {
	t := texts.ConsoleEvents
	switch e.Type {
	case locker.TypeDeposited:
		read(e, func(p locker.Deposited) { s.compartment(p.Compartment); s.say(t.Deposited) })
	case locker.TypePickedUp:
		read(e, func(p locker.PickedUp) {
			s.compartment(p.Compartment)
			switch p.By {
			case locker.ByCourier:
				s.say(t.Returned)
			case locker.ByStaff:
				s.say(t.Cleared)
			default:
				s.say(t.PickedUp)
			}
		})
	case locker.TypeOverdue:
		read(e, func(p locker.Overdue) { s.compartment(p.Compartment); s.say(t.Overdue); s.warn(true) })
	case locker.TypeDoor:
		read(e, func(p locker.Door) { s.compartment(p.Compartment); s.either(p.Open, t.DoorOpen, t.DoorShut) })
	case locker.TypeOccupancy:
		read(e, func(p locker.Occupancy) { s.compartment(p.Compartment); s.either(p.Occupied, t.Occupied, t.Empty) })
	case locker.TypeFault:
		read(e, func(p locker.Fault) { s.fault(p.Compartment, p.Code, p.Cleared) })
	case locker.TypeStatus:
		read(e, func(p locker.Status) { s.either(p.Online, t.Online, t.Offline); s.warn(!p.Online) })
	}
}

func (s *sentence) fault(compartment int, code string, cleared bool) {
	s.compartment(compartment)
	s.either(cleared, texts.ConsoleEvents.FaultGone, texts.ConsoleEvents.Fault, code)
	s.warn(!cleared)
}

func (s *sentence) cabinet(e devices.Event) {
	t := texts.ConsoleEvents
	switch e.Type {
	case cabinet.TypeLoaded:
		read(e, func(p cabinet.Loaded) { s.compartment(p.Compartment); s.say(t.Loaded) })
	case cabinet.TypePickedUp:
		read(e, func(p cabinet.PickedUp) { s.compartment(p.Compartment); s.say(t.Collected) })
	case cabinet.TypeUnclaimed:
		read(e, func(p cabinet.Unclaimed) { s.compartment(p.Compartment); s.say(t.Unclaimed); s.warn(true) })
	case condition.TypeHumidity:
		s.humidity(e)
	case cabinet.TypeTemperature:
		read(e, func(p cabinet.Temperature) { s.compartment(p.Compartment); s.say(t.Temperature, p.Celsius) })
	case cabinet.TypeDoor:
		read(e, func(p cabinet.Door) { s.compartment(p.Compartment); s.either(p.Open, t.DoorOpen, t.DoorShut) })
	case cabinet.TypeOccupancy:
		read(e, func(p cabinet.Occupancy) { s.compartment(p.Compartment); s.either(p.Occupied, t.Occupied, t.Empty) })
	case cabinet.TypeFault:
		read(e, func(p cabinet.Fault) { s.fault(p.Compartment, p.Code, p.Cleared) })
	case cabinet.TypeStatus:
		read(e, func(p cabinet.Status) { s.either(p.Online, t.Online, t.Offline); s.warn(!p.Online) })
	}
}

func (s *sentence) wearable(e devices.Event) {
	t := texts.ConsoleEvents
	switch e.Type {
	case wearable.TypeSOS:
		s.say(t.SOS)
		s.tone = "alarm"
	case wearable.TypeFallCancelled:
		s.say(t.FallCancelled)
	case wearable.TypeFall:
		read(e, func(p wearable.Fall) { s.either(p.Lying, t.FallLying, t.Fall) })
		s.tone = "alarm"
	case wearable.TypeVitals:
		read(e, s.vitals)
	case wearable.TypeBattery:
		read(e, func(p wearable.Battery) {
			if p.Percent != nil {
				s.say(t.Battery, *p.Percent)
			}
			if p.Low || p.Percent != nil && *p.Percent < 15 {
				s.say(t.BatteryLow)
				s.warn(true)
			}
		})
	case wearable.TypeWorn:
		read(e, func(p wearable.Worn) { s.either(p.Worn, t.Worn, t.NotWorn) })
	case wearable.TypePosition:
		s.say(t.Position)
	case wearable.TypeSteps:
		read(e, func(p wearable.Steps) { s.say(t.Steps, p.Steps) })
	case condition.TypeFault:
		read(e, func(p condition.Fault) { s.fault(0, p.Code, p.Cleared) })
	case wearable.TypeStatus:
		read(e, func(p wearable.Status) { s.either(p.Online, t.Online, t.Offline); s.warn(!p.Online) })
	}
}

func (s *sentence) vitals(p wearable.Vitals) {
	t := texts.ConsoleEvents
	if p.HeartRate != nil {
		s.say(t.HeartRate, *p.HeartRate)
	}
	if p.SpO2 != nil {
		s.say(t.SpO2, *p.SpO2)
	}
	if p.Systolic != nil && p.Diastolic != nil {
		s.say(t.BloodPressure, *p.Systolic, *p.Diastolic)
	}
	if p.Celsius != nil {
		s.say(t.BodyTemperature, *p.Celsius)
	}
	if len(s.parts) == 0 {
		s.say(t.Vitals)
	}
}

func (s *sentence) rejected(e devices.Event) {
	read(e, func(p devices.Rejected) {
		s.say(texts.ConsoleEvents.Rejected, texts.Part(s.lang, p.Reason))
		s.warn(true)
	})
}

// finding says what the gateway has found out about a device, if e is that.
func (s *sentence) finding(e devices.Event) bool {
	f, ok, err := supervision.Read(e)
	if !ok || err != nil {
		return false
	}
	words := texts.Findings[string(f.Type)]
	if f.Cleared {
		s.say(words.Cleared)
		s.tone = "good"
		return true
	}
	s.say(words.Begun)
	s.warn(true)
	return true
}

// gateway says what the box itself has done, or a person with it.
func (s *sentence) gateway(e devices.Event) {
	t := texts.ConsoleEvents
	switch e.Type {
	case alert.TypeRaised:
		s.say(t.Raised)
	case alert.TypeEscalated:
		s.say(t.Escalated)
		s.warn(true)
	case alert.TypeAcknowledged:
		read(e, func(p alert.Acknowledged) { s.say(t.Acknowledged, s.name(p.By)); s.tone = "good" })
	case alert.TypeResolved:
		read(e, func(p alert.Resolved) { s.say(t.Resolved, s.name(p.By), p.Cause.Text()); s.tone = "good" })
	case alert.TypeOnScene:
		read(e, func(p alert.OnScene) { s.say(texts.ConsoleIncidents.Arrived, s.name(p.By)); s.tone = "good" })
	case alert.TypeNoted:
		read(e, func(p alert.Noted) { s.say(texts.ConsoleIncidents.Noted, s.name(p.By)) })
	case alert.TypeHandedOver:
		read(e, func(p alert.HandedOver) { s.say(texts.ConsoleIncidents.GivenTo, s.name(p.By), s.name(p.To)) })
	case alert.TypeFound:
		read(e, func(p alert.Found) {
			s.either(p.Mended, texts.ConsoleIncidents.Mended, texts.ConsoleIncidents.Found, p.Kind.Text())
			s.warn(!p.Mended)
		})
	case alert.TypePaged:
		read(e, func(p alert.Paged) {
			to := texts.Part(s.lang, p.Channel)
			if p.Recipient != "" {
				to = t.Device.In(s.lang, s.name(p.Recipient), to)
			}
			s.say(texts.ConsoleIncidents.Paged, to, p.Result.Text())
			s.warn(p.Result != alert.Accepted)
		})
	case alert.TypeSilenced:
		read(e, func(p alert.Silenced) {
			if p.Minutes == 0 {
				s.say(texts.ConsoleIncidents.Unsilenced, s.name(p.By), p.Mode.Text(), scope(p.Scope, s.people, s.lang))
			} else {
				s.say(texts.ConsoleIncidents.Silenced, s.name(p.By), p.Mode.Text(), p.Minutes, scope(p.Scope, s.people, s.lang))
			}
		})
	case visit.TypeVisited:
		s.visit(e)
	case registry.TypeChanged:
		read(e, s.changed)
	case usage.TypeAlive:
		read(e, func(p usage.Alive) { s.either(p.First, t.Started, t.Running) })
	case usage.TypeUplink:
		read(e, func(p usage.Uplink) { s.either(p.Online, t.UplinkUp, t.UplinkDown); s.warn(!p.Online) })
	case usage.TypeSynced:
		read(e, func(p usage.Synced) {
			s.say(t.Synced, texts.Part(s.lang, p.Destination), p.Accepted, p.Refused, p.Waiting)
			s.warn(p.Refused > 0)
		})
	case clock.TypeStep:
		read(e, func(p clock.Step) {
			s.either(p.Synchronised, t.ClockSynced, t.ClockUnsynced, civil(p.To).Format("2006-01-02 15:04"))
			s.warn(!p.Synchronised)
		})
	case journal.TypeDamage:
		read(e, func(p journal.Damage) { s.say(t.Damage, p.File, p.Salvaged); s.warn(true) })
	case journal.TypeGap:
		s.say(t.Gap)
		s.warn(true)
	case (devices.Rejected{}).EventType():
		s.rejected(e)
	default:
		s.desk(e) // what staff have counted
	}
}

func (s *sentence) name(by string) string {
	if c, ok := s.people.Caregivers[by]; ok && c.Name != "" {
		return c.Name
	}
	return by
}
