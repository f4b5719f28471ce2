package alert

import (
	"github.com/linli-edge/gateway/devices/registry"
)

// LogChannel is the kind of channel that gets every step besides the people:
// if a sender of this kind is there, no call goes without a trace.
const LogChannel = "log"

// roll is who can be called at one moment, and how.
type roll struct {
	*registry.Snapshot
	senders map[string]Sender
}

// subject is whom an event is about: the elder who wears the device, else the
// device itself.
func (r roll) subject(device string) string {
	if elder, ok := r.ElderOf(device); ok {
		return "elder/" + elder.ID
	}
	return "device/" + device
}

// locate fills in where the device of i is and who wears it.
func (r roll) locate(i *Incident) {
	d := r.Devices[i.Device]
	i.DeviceKind = d.Kind
	i.Place = r.Facilities[d.Facility].Name
	if elder, ok := r.ElderOf(i.Device); ok {
		i.Elder, i.Building, i.Room = elder.ID, elder.Building, elder.Room
	}
}

// call lists the pages of one step. Asked for the elder's own caregivers it
// falls back on everybody where none of them has a channel that works, and
// says so.
func (r roll) call(elder string, everyone bool) (pages []Delivery, all bool) {
	if !everyone {
		if pages = r.pages(r.CaregiversOf(elder)); !hopeless(pages) {
			return r.logged(pages), false
		}
	}
	return r.logged(r.pages(registry.Sorted(r.Caregivers))), true
}

func (r roll) pages(people []registry.Caregiver) []Delivery {
	var pages []Delivery
	for _, person := range people {
		for way, channel := range person.Channels {
			d := Delivery{Recipient: person.ID, Channel: channel.Kind, Way: way}
			if r.senders[channel.Kind] == nil {
				d.Result, d.Detail = Permanent, noSender
			}
			pages = append(pages, d)
		}
	}
	return pages
}

// Details of pages that never reach a sender.
const (
	noSender  = "no such channel on this box"
	noAddress = "no longer registered"
)

func (r roll) logged(pages []Delivery) []Delivery {
	if r.senders[LogChannel] != nil {
		pages = append(pages, Delivery{Channel: LogChannel})
	}
	return pages
}

// hopeless tells whether none of the pages can reach a person any more.
func hopeless(pages []Delivery) bool {
	for _, d := range pages {
		if d.Recipient != "" && d.Channel != LogChannel && d.Result != Permanent {
			return false
		}
	}
	return true
}

// address is where a page goes now: an address that was mended in the
// registry counts at once.
func (r roll) address(d *Delivery) (string, bool) {
	if d.Recipient == "" {
		return "", true
	}
	channels := r.Caregivers[d.Recipient].Channels
	if d.Way >= len(channels) || channels[d.Way].Kind != d.Channel {
		return "", false
	}
	return channels[d.Way].Address, true
}

// Reach is whether people can be called at all.
type Reach struct {
	// Nobody is set when not one caregiver has a channel that works. It is an
	// emergency in itself.
	Nobody bool `json:"nobody"`
	// Without are the IDs of the caregivers who have no channel that works.
	Without []string `json:"without,omitempty"`
}

func (r roll) reach() Reach {
	reach := Reach{Nobody: true}
	for _, person := range registry.Sorted(r.Caregivers) {
		if hopeless(r.pages([]registry.Caregiver{person})) {
			reach.Without = append(reach.Without, person.ID)
		} else {
			reach.Nobody = false
		}
	}
	return reach
}
