package intake

import (
	"slices"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/discovery"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/room"
)

// learn reads what devices behind a bridge say of themselves. Those that are
// new and not registered are in the inbox before they have sent anything else.
func (in *Intake) learn(bridge devices.Device, p *profile.Profile, form discovery.Form, m devices.Message, t *tally) {
	found, wrong := in.Descriptions.Learn(bridge.ID, form, m, p.Speaks, func(topic string) string {
		address, _ := p.Address(devices.Message{Topic: topic})
		return address
	})
	for _, d := range found {
		if _, ok := in.Directory.Behind(bridge.ID, d.Address); ok {
			continue
		}
		c := devices.Contact{Bridge: bridge.ID, Address: d.Address, Topic: d.Signals[0].Topic, Received: in.Clock()}
		in.Inbox.Heard(c, func() devices.Looks { return described(devices.Looks{}, d) })
	}
	for _, err := range wrong {
		in.reject(bridge.ID, m, &rejection{devices.RejectDescription, err.Error()}, t)
	}
	in.spoke(bridge, m, nil)
}

// described is the address of the registered device, or else of any, that has
// described itself as speaking on a topic, "" for none.
func (in *Intake) described(bridge devices.Device, topic string) string {
	all := in.Descriptions.Addresses(bridge.ID, topic)
	for _, address := range all {
		if d, ok := in.Directory.Behind(bridge.ID, address); ok && !d.Retired {
			return address
		}
	}
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

// beside adds to what the profile has read of a message what the device's own
// description says, where that is more. Of an alarm, of whether somebody is there,
// and of a room, the description counts, which knows all the sensors that one device
// has: that the first is clear must not hide the second.
func (in *Intake) beside(d devices.Device, read, own []devices.Report) []devices.Report {
	whole := map[string]bool{}
	for _, r := range own {
		p, urgency, err := in.Vocabulary.Parse(d.Kind, r.Type, r.Data)
		if _, level := p.(devices.Leveled); level && err == nil && (urgency == devices.Urgent || r.Type == room.TypeOccupancy || d.Kind == room.Kind) {
			whole[in.subject(d.Kind, r)] = true
		}
	}
	if len(whole) > 0 {
		read = slices.DeleteFunc(read, func(r devices.Report) bool { return whole[in.subject(d.Kind, r)] })
	}
	if len(read) == 0 {
		return own
	}
	begins := func(r devices.Report) bool { return r.Held == nil || *r.Held }
	said := map[string]bool{}
	for _, r := range read {
		if begins(r) {
			said[in.subject(d.Kind, r)] = true
		}
	}
	return append(read, slices.DeleteFunc(own, func(r devices.Report) bool { return begins(r) && said[in.subject(d.Kind, r)] })...)
}

// subject is what a report is about: its type, and the state's name.
func (in *Intake) subject(kind devices.Kind, r devices.Report) string {
	s := string(r.Type)
	if p, _, err := in.Vocabulary.Parse(kind, r.Type, r.Data); err == nil {
		if l, ok := p.(devices.Leveled); ok {
			s += "/" + l.Level()
		}
	}
	return s
}
