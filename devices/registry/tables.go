package registry

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/linli-edge/gateway/devices/document"
	"github.com/linli-edge/gateway/devices/texts"
)

// shelf is how the records of one table are kept in a Snapshot.
type shelf struct {
	table Table
	name  texts.Text // of one record
	// personal are the JSON names of the fields that are encrypted on disk:
	// those with the tag personal:"true".
	personal []string

	make   func(*Snapshot)
	clone  func(to, from *Snapshot)
	put    func(*Snapshot, Record)
	remove func(*Snapshot, string)
	get    func(*Snapshot, string) (Record, bool)
	read   func(id string, document []byte) (Record, error)
	merge  func(Record, []byte) (Record, error)
}

// shelves are all tables of records, in the order in which they are listed. A
// new kind of record is one line here, and a map in Snapshot.
var shelves = []shelf{
	shelfOf(Facilities, texts.Registry.Facility, func(s *Snapshot) *map[string]Facility { return &s.Facilities }),
	shelfOf(Devices, texts.Registry.Device, func(s *Snapshot) *map[string]Device { return &s.Devices }),
	shelfOf(Elders, texts.Registry.Elder, func(s *Snapshot) *map[string]Elder { return &s.Elders }),
	shelfOf(Caregivers, texts.Registry.Caregiver, func(s *Snapshot) *map[string]Caregiver { return &s.Caregivers }),
	shelfOf(Cares, texts.RegistryCare.Care, func(s *Snapshot) *map[string]Care { return &s.Cares }),
	shelfOf(Groups, texts.RegistryCare.Group, func(s *Snapshot) *map[string]Group { return &s.Groups }),
	shelfOf(Shifts, texts.RegistryCare.Shift, func(s *Snapshot) *map[string]Shift { return &s.Shifts }),
	shelfOf(Holidays, texts.RegistryCare.Holiday, func(s *Snapshot) *map[string]Holiday { return &s.Holidays }),
	shelfOf(Verdicts, texts.Adopt.Verdict, func(s *Snapshot) *map[string]Verdict { return &s.Verdicts }),
}

func shelfOf[R Record](t Table, name texts.Text, records func(*Snapshot) *map[string]R) shelf {
	return shelf{
		table: t, name: name, personal: personalFields(reflect.TypeFor[R]()),
		make:   func(s *Snapshot) { *records(s) = map[string]R{} },
		clone:  func(to, from *Snapshot) { *records(to) = maps.Clone(*records(from)) },
		put:    func(s *Snapshot, r Record) { (*records(s))[r.id()] = r.(R) },
		remove: func(s *Snapshot, id string) { delete(*records(s), id) },
		get: func(s *Snapshot, id string) (Record, bool) {
			r, ok := (*records(s))[id]
			return r, ok
		},
		read: read[R],
		merge: func(r Record, content []byte) (Record, error) {
			changed := r.(R)
			err := document.Read(content, &changed)
			return changed, err
		},
	}
}

func shelfFor(t Table) (shelf, bool) {
	i := slices.IndexFunc(shelves, func(s shelf) bool { return s.table == t })
	if i < 0 {
		return shelf{}, false
	}
	return shelves[i], true
}

// Tables lists those of records, in the order of what refers to what.
func Tables() []Table {
	var list []Table
	for _, s := range shelves {
		list = append(list, s.table)
	}
	return list
}

// documents are the tables whose values are JSON.
func documents() []Table { return append(Tables(), changesTable, inboxTable) }

func personalFields(t reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		if f.Tag.Get("personal") == "true" {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	return names
}
