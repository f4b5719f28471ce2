package registry

import (
	"cmp"
	"maps"
	"slices"

	"github.com/linli-edge/gateway/devices"
)

// Snapshot is everything registered at one moment. It never changes; its maps
// and the slices in them must not be changed by the reader either.
type Snapshot struct {
	Facilities map[string]Facility
	Devices    map[string]Device
	Elders     map[string]Elder
	Caregivers map[string]Caregiver
	Cares      map[string]Care
	Groups     map[string]Group
	Shifts     map[string]Shift
	Holidays   map[string]Holiday
	// Damaged are the records on disk that could not be read.
	Damaged []Damage

	secrets map[string]secretHash
	strange bool // there are tables of names that nobody has given

	// Made by index.
	behind     map[behind]string
	atFacility map[string][]Device
	wornBy     map[string][]Device
	bridges    []devices.Device
	broken     map[problem]bool
	changed    chan struct{}
}

// Damage is a record that could not be read.
type Damage struct {
	Table  Table
	ID     string
	Reason string
}

// behind is an address behind a bridge.
type behind struct{ bridge, address string }

var _ devices.Directory = (*Snapshot)(nil)

// Device returns the device of that ID.
func (s *Snapshot) Device(id string) (devices.Device, bool) {
	d, ok := s.Devices[id]
	return d.Device, ok
}

// Behind returns the device that a bridge calls address. Of several, one in
// use goes before retired ones.
func (s *Snapshot) Behind(bridge, address string) (devices.Device, bool) {
	id, ok := s.behind[behind{bridge, address}]
	if !ok {
		return devices.Device{}, false
	}
	return s.Device(id)
}

// Bridges returns the devices of devices.KindBridge, retired ones included, by
// ID.
func (s *Snapshot) Bridges() []devices.Device { return s.bridges }

// ElderOf returns the elder who wears a device.
func (s *Snapshot) ElderOf(device string) (Elder, bool) {
	e, ok := s.Elders[s.Devices[device].Elder]
	return e, ok
}

// DevicesAt returns the devices of a facility, retired ones included, by ID.
func (s *Snapshot) DevicesAt(facility string) []Device { return s.atFacility[facility] }

// DevicesOf returns what an elder wears, retired devices included, by ID.
func (s *Snapshot) DevicesOf(elder string) []Device { return s.wornBy[elder] }

// CaregiversOf returns whom to page for an elder, in order. It leaves out
// those whose record is damaged.
func (s *Snapshot) CaregiversOf(elder string) []Caregiver {
	var found []Caregiver
	for _, id := range s.Elders[elder].Caregivers {
		if c, ok := s.Caregivers[id]; ok {
			found = append(found, c)
		}
	}
	return found
}

// HasSecret tells whether a device may log in.
func (s *Snapshot) HasSecret(device string) bool {
	_, ok := s.secrets[device]
	return ok
}

// Changed is closed when a newer snapshot is there.
func (s *Snapshot) Changed() <-chan struct{} { return s.changed }

// Sorted lists one of the snapshot's maps by ID.
func Sorted[R any](records map[string]R) []R {
	list := make([]R, 0, len(records))
	for _, id := range slices.Sorted(maps.Keys(records)) {
		list = append(list, records[id])
	}
	return list
}

func emptySnapshot() *Snapshot {
	return &Snapshot{
		Facilities: map[string]Facility{},
		Devices:    map[string]Device{},
		Elders:     map[string]Elder{},
		Caregivers: map[string]Caregiver{},
		Cares:      map[string]Care{},
		Groups:     map[string]Group{},
		Shifts:     map[string]Shift{},
		Holidays:   map[string]Holiday{},
		secrets:    map[string]secretHash{},
	}
}

// clone copies the records into a snapshot that may still be changed.
func (s *Snapshot) clone() *Snapshot {
	return &Snapshot{
		Facilities: maps.Clone(s.Facilities),
		Devices:    maps.Clone(s.Devices),
		Elders:     maps.Clone(s.Elders),
		Caregivers: maps.Clone(s.Caregivers),
		Cares:      maps.Clone(s.Cares),
		Groups:     maps.Clone(s.Groups),
		Shifts:     maps.Clone(s.Shifts),
		Holidays:   maps.Clone(s.Holidays),
		secrets:    maps.Clone(s.secrets),
		Damaged:    slices.Clone(s.Damaged),
	}
}

// put and remove change a snapshot that nobody else has seen yet.
func (s *Snapshot) put(r Record) {
	switch r := r.(type) {
	case Facility:
		s.Facilities[r.ID] = r
	case Device:
		s.Devices[r.ID] = r
	case Elder:
		s.Elders[r.ID] = r
	case Caregiver:
		s.Caregivers[r.ID] = r
	case Care:
		s.Cares[r.ID] = r
	case Group:
		s.Groups[r.ID] = r
	case Shift:
		s.Shifts[r.ID] = r
	case Holiday:
		s.Holidays[r.ID] = r
	}
	s.mended(r.table(), r.id())
}

func (s *Snapshot) remove(t Table, id string) {
	switch t {
	case Facilities:
		delete(s.Facilities, id)
	case Devices:
		delete(s.Devices, id)
	case Elders:
		delete(s.Elders, id)
	case Caregivers:
		delete(s.Caregivers, id)
	case Cares:
		delete(s.Cares, id)
	case Groups:
		delete(s.Groups, id)
	case Shifts:
		delete(s.Shifts, id)
	case Holidays:
		delete(s.Holidays, id)
	}
	s.mended(t, id)
}

func (s *Snapshot) mended(t Table, id string) {
	s.Damaged = slices.DeleteFunc(s.Damaged, func(d Damage) bool { return d.Table == t && d.ID == id })
}

func (s *Snapshot) has(t Table, id string) bool {
	var ok bool
	switch t {
	case Facilities:
		_, ok = s.Facilities[id]
	case Devices:
		_, ok = s.Devices[id]
	case Elders:
		_, ok = s.Elders[id]
	case Caregivers:
		_, ok = s.Caregivers[id]
	case Cares:
		_, ok = s.Cares[id]
	case Groups:
		_, ok = s.Groups[id]
	case Shifts:
		_, ok = s.Shifts[id]
	case Holidays:
		_, ok = s.Holidays[id]
	}
	return ok
}

// index finishes the snapshot.
func (s *Snapshot) index() {
	s.behind = map[behind]string{}
	s.atFacility = map[string][]Device{}
	s.wornBy = map[string][]Device{}
	for _, d := range Sorted(s.Devices) {
		if d.Kind == devices.KindBridge {
			s.bridges = append(s.bridges, d.Device)
		}
		if d.Facility != "" {
			s.atFacility[d.Facility] = append(s.atFacility[d.Facility], d)
		}
		if d.Elder != "" {
			s.wornBy[d.Elder] = append(s.wornBy[d.Elder], d)
		}
		if d.Bridge != "" {
			at := behind{d.Bridge, d.Address}
			if earlier, taken := s.behind[at]; !taken || s.Devices[earlier].Retired {
				s.behind[at] = d.ID
			}
		}
	}
	s.broken = s.problems()
	s.changed = make(chan struct{})
	slices.SortFunc(s.Damaged, func(a, b Damage) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.ID, b.ID))
	})
}
