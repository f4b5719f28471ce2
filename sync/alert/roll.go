package alert

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
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
		r.locateElder(i, elder.ID)
	}
	// Where in the home, or which bed of one.
	i.Room = strings.Join(slices.DeleteFunc([]string{i.Room, d.Room, d.Bed}, func(s string) bool { return s == "" }), " ")
}

// locateElder fills in where an elder lives.
func (r roll) locateElder(i *Incident, elder string) {
	e := r.Elders[elder]
	i.Elder, i.Building, i.Room = elder, e.Building, e.Room
}

// steps is how long the box waits for those who look after an elder.
func (r roll) steps(elder string, s Steps) Steps {
	s.High = cmp.Or(time.Duration(r.Cares[elder].StepSeconds)*time.Second, s.High)
	s.Medium = agreed(r.Cares[elder].MediumMinutes, s.Medium)
	return s
}

// Reason is as what somebody is called.
type Reason string

// The reasons.
const (
	WhyOwn        Reason = "own"        // the elder's own caregiver
	WhyDuty       Reason = "duty"       // on duty in a group that cares for the elder
	WhySupervisor Reason = "supervisor" // of the group that comes next
	WhyDesk       Reason = "desk"
	WhyOperator   Reason = "operator"
	WhyEveryone   Reason = "everyone" // nobody before has answered
	WhyFallback   Reason = "fallback" // nobody else can be reached
)

// calling is whom a step calls.
type calling struct {
	pages []Delivery
	// everyone is set if that is everybody there is.
	everyone bool
	// rungs is how many steps a round has, where rounds are counted.
	rungs int
}

// rung is one level of the ladder: people, and as what they are called.
type rung struct {
	people []registry.Caregiver
	why    Reason
	group  string
}

// call lists the pages of the step that r has come to.
//
// High climbs: each step calls those before it as well, and everybody at last,
// again and again. Medium goes round and leaves the rest to the duty desk.
// Where those to be called cannot be reached, everybody is called instead.
func (r roll) call(of *record, now devices.Stamp) calling {
	if of.Kind == Drill {
		return calling{pages: r.trial(), everyone: true, rungs: 1}
	}
	n := max(of.Step-of.First, 0)
	care := r.standing(now, r.carers(of.Elder)...)
	if of.Elder != "" {
		care = append([]rung{{r.CaregiversOf(of.Elder), WhyOwn, ""}}, care...)
	}
	supervisors, desk := r.standing(now, r.role(registry.RoleSupervisor)...), r.standing(now, r.role(registry.RoleDesk)...)
	ladder := slices.DeleteFunc([][]rung{care, supervisors, desk}, func(rungs []rung) bool { return hopeless(r.pages(rungs...)) })
	switch {
	case of.manner() == High && n < len(ladder) && !hopeless(r.pages(care...)):
		return calling{pages: r.logged(r.pages(slices.Concat(ladder[:n+1]...)...))}
	case of.manner() == High && n > 0:
		return calling{pages: r.everybody(WhyEveryone), everyone: true}
	case of.manner() == Medium:
		round := r.wakeful(now, care, supervisors)
		if len(round) > 0 && n < rounds*len(round) {
			return calling{pages: r.logged(r.pages(round[n%len(round)]...)), rungs: len(round)}
		}
		if len(round) > 0 && !hopeless(r.pages(desk...)) {
			return calling{pages: r.logged(r.pages(desk...)), rungs: len(round)}
		}
		if len(round) > 0 {
			return calling{pages: r.everybody(WhyEveryone), everyone: true, rungs: len(round)}
		}
	case of.manner() != High:
		audience := r.standing(now, r.role(registry.RoleOperator)...)
		if rules[of.Kind].care {
			audience = care
		}
		if awake := r.wakeful(now, audience, desk); len(awake) > 0 {
			return calling{pages: r.logged(r.pages(awake[0]...))}
		}
	}
	return r.fallback(0)
}

// fallback calls everybody, because nobody else can be reached.
func (r roll) fallback(rungs int) calling {
	return calling{pages: r.everybody(WhyFallback), everyone: true, rungs: rungs}
}

// carers are the groups that care for an elder.
func (r roll) carers(elder string) []registry.Group {
	groups := r.role(registry.RoleCare)
	for _, id := range r.Cares[elder].Groups {
		if g, ok := r.Groups[id]; ok && g.Role != registry.RoleCare {
			groups = append(groups, g)
		}
	}
	return groups
}

func (r roll) role(role registry.Role) []registry.Group {
	var found []registry.Group
	for _, g := range registry.Sorted(r.Groups) {
		if g.Role == role {
			found = append(found, g)
		}
	}
	return found
}

// standing are those of groups who are on duty.
func (r roll) standing(now devices.Stamp, groups ...registry.Group) []rung {
	var rungs []rung
	for _, g := range groups {
		why := WhyDuty
		switch g.Role {
		case registry.RoleSupervisor:
			why = WhySupervisor
		case registry.RoleDesk:
			why = WhyDesk
		case registry.RoleOperator:
			why = WhyOperator
		}
		rungs = append(rungs, rung{r.onDuty(g, now), why, g.ID})
	}
	return rungs
}

// wakeful leaves out who has quiet hours, unless nobody else is left, and
// those steps in which nobody can be reached.
func (r roll) wakeful(now devices.Stamp, steps ...[]rung) [][]rung {
	local := civil(now)
	var kept [][]rung
	for _, rungs := range steps {
		var awake []rung
		for _, g := range rungs {
			g.people = slices.DeleteFunc(slices.Clone(g.people), func(c registry.Caregiver) bool { return !local.IsZero() && c.Quiet.Covers(local) })
			awake = append(awake, g)
		}
		if hopeless(r.pages(awake...)) {
			awake = rungs
		}
		if !hopeless(r.pages(awake...)) {
			kept = append(kept, awake)
		}
	}
	return kept
}

func (r roll) everybody(why Reason) []Delivery {
	return r.logged(r.pages(rung{people: registry.Sorted(r.Caregivers), why: why}))
}

// pages lists one page for each way to each person, however often somebody is
// among them.
func (r roll) pages(rungs ...rung) []Delivery {
	var pages []Delivery
	seen := map[string]bool{}
	for _, g := range rungs {
		for _, person := range g.people {
			if seen[person.ID] {
				continue
			}
			seen[person.ID] = true
			for way, channel := range person.Channels {
				d := Delivery{Recipient: person.ID, Channel: channel.Kind, Way: way, Why: g.why, Group: g.group}
				if r.senders[channel.Kind] == nil {
					d.Result, d.Detail = Permanent, noSender
				}
				pages = append(pages, d)
			}
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
		if hopeless(r.pages(rung{people: []registry.Caregiver{person}})) {
			reach.Without = append(reach.Without, person.ID)
		} else {
			reach.Nobody = false
		}
	}
	return reach
}
