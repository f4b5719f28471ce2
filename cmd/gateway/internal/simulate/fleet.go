package simulate

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Names under which a fleet is registered, so that the same devices are met
// again, and nobody takes them for real ones.
const (
	FleetFacility = "sim"
	FleetElder    = "sim"
	fleetPrefix   = "sim-"
)

// Member is one device of a fleet, or the bridge that speaks for some.
type Member struct {
	registry.Device
	// Secret is "" for a device behind a bridge.
	Secret string `json:"secret,omitempty"`
	// Make is the profile of the bridge that the device is behind.
	Make string `json:"make,omitempty"`
}

// Part is a share of a fleet: a kind of device, or the devices behind a
// bridge of some make.
type Part struct {
	Name   string
	Weight int
}

// AllParts are one of each kind and of each make.
func AllParts() []Part {
	var parts []Part
	for _, k := range kinds.All() {
		parts = append(parts, Part{string(k.Name), 1})
	}
	for _, v := range vendors() {
		parts = append(parts, Part{v.profile, 1})
	}
	return parts
}

// ParseMix reads "locker=5,wearable=3,zigbee2mqtt"; "" and "all" are AllParts.
func ParseMix(mix string) ([]Part, error) {
	if mix == "" || mix == "all" {
		return AllParts(), nil
	}
	var parts []Part
	for item := range strings.SplitSeq(mix, ",") {
		name, weight, given := strings.Cut(strings.TrimSpace(item), "=")
		p := Part{Name: name, Weight: 1}
		var err error
		if given {
			p.Weight, err = strconv.Atoi(weight)
		}
		_, native := kinds.Of(devices.Kind(name))
		_, made := vendorOf(name)
		switch {
		case err != nil || p.Weight < 1 || p.Weight > 1000:
			return nil, texts.Errorf(texts.Simulate.Weight, item)
		case !native && !made:
			var names []string
			for _, p := range AllParts() {
				names = append(names, p.Name)
			}
			return nil, texts.Errorf(texts.Simulate.Part, name, strings.Join(names, ", "))
		case slices.ContainsFunc(parts, func(q Part) bool { return q.Name == name }):
			return nil, texts.Errorf(texts.Simulate.Twice, name)
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// NewFleet shares n devices out among the parts, by their weights, and adds the
// bridges that speak for some. Of the same arguments it is the same fleet.
func NewFleet(n int, parts []Part) ([]Member, error) {
	if n < 1 || len(parts) == 0 {
		return nil, errors.New("fleet: no devices")
	}
	var members []Member
	total := 0
	for _, p := range parts {
		total += p.Weight
	}
	weight, made := 0, 0
	for _, p := range parts {
		weight += p.Weight
		count := n*weight/total - made
		made += count
		if v, ok := vendorOf(p.Name); ok && count > 0 {
			members = append(members, behind(v, count)...)
			continue
		}
		for i := range count {
			members = append(members, native(devices.Kind(p.Name), i+1))
		}
	}
	return members, nil
}

// native is the ith device of a kind that speaks for itself.
func native(kind devices.Kind, i int) Member {
	m := Member{Device: registry.Device{Device: devices.Device{ID: fmt.Sprintf("%s%s-%04d", fleetPrefix, kind, i), Kind: kind, Name: "模拟"}}}
	switch kind {
	case wearable.Kind, bed.Kind, alarm.Kind, room.Kind, visit.Kind:
		m.Elder = FleetElder
	default:
		m.Facility = FleetFacility
	}
	switch kind {
	case locker.Kind, cabinet.Kind, pickup.Kind:
		m.Compartments = 24
	}
	return m
}

// behind is a bridge of a make with the devices that it speaks for.
func behind(v vendor, count int) []Member {
	bridge := fleetPrefix + v.profile
	members := []Member{{Device: registry.Device{Device: devices.Device{ID: bridge, Kind: devices.KindBridge, Profile: v.profile, Name: "模拟"}}}}
	for i := range count {
		m := Member{Make: v.profile, Device: registry.Device{Device: devices.Device{
			ID: fmt.Sprintf("%s-%04d", bridge, i+1), Kind: locker.Kind, Name: "模拟", Facility: FleetFacility, Bridge: bridge, Address: v.address(i + 1),
		}}}
		if v.bound { // no two sensors watch the same compartment
			m.Compartment = 1000*(1+slices.IndexFunc(vendors(), func(w vendor) bool { return w.profile == v.profile })) + i + 1
		}
		members = append(members, m)
	}
	return members
}
