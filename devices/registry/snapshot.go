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
	Verdicts   map[string]Verdict
	// Damaged are the records on disk that could not be read.
	Damaged []Damage

	secrets, certificates map[string]secretHash // by device
	locked                map[place][]byte      // encrypted fields whose key is missing
	strange               bool                  // there are tables of names that nobody has given

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

// HasSecret tells whether a device may log in, by a secret or a certificate.
func (s *Snapshot) HasSecret(device string) bool {
	_, secret := s.secrets[device]
	_, certificate := s.certificates[device]
	return secret || certificate
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
	s := &Snapshot{secrets: map[string]secretHash{}, certificates: map[string]secretHash{}, locked: map[place][]byte{}}
	for _, shelf := range shelves {
		shelf.make(s)
	}
	return s
}

// clone copies the records into a snapshot that may still be changed.
func (s *Snapshot) clone() *Snapshot {
	next := &Snapshot{secrets: maps.Clone(s.secrets), certificates: maps.Clone(s.certificates), locked: maps.Clone(s.locked), Damaged: slices.Clone(s.Damaged)}
	for _, shelf := range shelves {
		shelf.clone(next, s)
	}
	return next
}

// put and remove change a snapshot that nobody else has seen yet.
func (s *Snapshot) put(r Record) {
	if shelf, ok := shelfFor(r.table()); ok {
		shelf.put(s, r)
	}
	s.mended(r.table(), r.id())
}

func (s *Snapshot) remove(t Table, id string) {
	if shelf, ok := shelfFor(t); ok {
		shelf.remove(s, id)
	}
	delete(s.locked, place{t, id})
	s.mended(t, id)
}

func (s *Snapshot) mended(t Table, id string) {
	s.Damaged = slices.DeleteFunc(s.Damaged, func(d Damage) bool { return d.Table == t && d.ID == id })
}

func (s *Snapshot) has(t Table, id string) bool {
	_, ok := s.record(place{t, id})
	return ok
}

func (s *Snapshot) record(at place) (Record, bool) {
	shelf, ok := shelfFor(at.table)
	if !ok {
		return nil, false
	}
	if r, ok := shelf.get(s, at.id); ok {
		return r, true
	}
	return nil, false
}

// Locked is how many records have personal fields that cannot be read, because
// the key that they were encrypted with is missing.
func (s *Snapshot) Locked() int { return len(s.locked) }

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
