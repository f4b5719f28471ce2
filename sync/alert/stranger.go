package alert

import (
	"cmp"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/wearable"
)

// stranger opens an incident for a device that is not registered and calls for
// help, or adds to the one that is open. It climbs like any other call: to who
// is on duty, and on without end. It sounds no siren, because nobody who hears
// it knows where to go, and anything with a transmitter could sound it.
func (b *board) stranger(e devices.Event, people roll, now devices.Stamp) (*record, error) {
	call, err := decode[devices.StrangerCalled](e)
	if err != nil {
		return nil, err
	}
	r := b.about("device/"+e.Device, e, Stranger, people)
	r.By, r.Last, r.Stranger = e.Device, e.Received, &call
	if call.Bridge != "" && r.Place == "" {
		r.Place = people.Facilities[people.Devices[call.Bridge].Facility].Name
	}
	if r.Phase != PhaseRaised {
		r.raise(people, now)
	}
	return r, nil
}

// recognise makes the calls of strangers those of the devices as which somebody
// has registered them since: from then on the people of their elders are
// called, and what they say is of the same incident.
func (b *board) recognise(people roll) {
	for _, r := range b.records {
		if r.Kind != Stranger || r.Phase == PhaseResolved {
			continue
		}
		for id, d := range people.Devices {
			if !d.Retired && d.Sender() == r.Device {
				b.adopt(r, id, people)
				break
			}
		}
	}
}

// adopt makes a stranger's call that of a registered device.
func (b *board) adopt(r *record, device string, people roll) {
	kind, subject := calledFor(r.Stranger.Type), people.subject(device)
	if _, detector := alarms[r.Stranger.Type]; detector {
		subject += "/" + string(kind)
	}
	if b.open(subject) != nil {
		return // its elder has called besides, and is looked after there
	}
	r.Device, r.By, r.Kind, r.Subject, r.Place = device, device, kind, subject, ""
	people.locate(&r.Incident)
	r.keeping.revision++
}

// calledFor is what the call of a registered device would be.
func calledFor(t devices.Type) Kind {
	switch t {
	case alarm.TypeSmoke, alarm.TypeGas, alarm.TypeCarbonMonoxide, alarm.TypeWater:
		return alarms[t]
	case wearable.TypeFall:
		return Fall
	}
	return SOS
}

// What is what a call would be if its device was registered.
func (i Incident) What() texts.Text {
	if i.Stranger == nil {
		return i.Kind.Text()
	}
	return calledFor(i.Stranger.Type).Text()
}

// strange says which device it is, as far as anybody knows.
func (p Page) strange(lang texts.Lang) string {
	t := texts.AlertStranger
	switch {
	case p.Device == devices.ManyStrangers:
		return t.Many.In(lang)
	case p.Model != "":
		return t.WhereModel.In(lang, cmp.Or(p.Name, p.Device), p.Model)
	}
	return t.Where.In(lang, cmp.Or(p.Name, p.Device))
}
