package registry

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// problem is a broken rule between two records: holder is the record with the
// wrong reference, target what the reference names.
type problem struct {
	rule         rule
	table        Table
	holder       string
	target       string
	targetTable  Table
	field, other string // the referring field; the record already in place
}

type rule uint8

const (
	dangling rule = iota // the target does not exist
	notABridge
	sameAddress
	sameCompartment
	blocked // target is the verdict
)

// problems finds all that is wrong between the records. Damage may have left
// some: a write is refused only for those that it adds.
func (s *Snapshot) problems() map[problem]bool {
	found := map[problem]bool{}
	refer := func(t Table, holder, field string, to Table, target string) bool {
		if target == "" || s.has(to, target) {
			return target != ""
		}
		found[problem{rule: dangling, table: t, holder: holder, field: field, targetTable: to, target: target}] = true
		return false
	}
	for id, e := range s.Elders {
		for _, c := range e.Caregivers {
			refer(Elders, id, "caregivers", Caregivers, c)
		}
	}
	s.care(refer)
	type spot struct {
		facility string
		kind     devices.Kind
		number   int
	}
	addresses, spots := map[behind]string{}, map[spot]string{}
	for _, d := range Sorted(s.Devices) {
		if d.Retired {
			continue
		}
		if v := s.Verdicts[d.Sender()]; v.Blocked {
			found[problem{rule: blocked, table: Devices, holder: d.ID, target: v.ID}] = true
		}
		refer(Devices, d.ID, "facility", Facilities, d.Facility)
		refer(Devices, d.ID, "elder", Elders, d.Elder)
		if refer(Devices, d.ID, "bridge", Devices, d.Bridge) {
			if s.Devices[d.Bridge].Kind != devices.KindBridge {
				found[problem{rule: notABridge, table: Devices, holder: d.ID, target: d.Bridge}] = true
			}
			at := behind{d.Bridge, d.Address}
			if other, taken := addresses[at]; taken {
				found[problem{rule: sameAddress, table: Devices, holder: d.ID, target: d.Address, other: other}] = true
			}
			addresses[at] = cmp.Or(addresses[at], d.ID)
		}
		if d.Compartment != 0 {
			at := spot{d.Facility, d.Kind, d.Compartment}
			if other, taken := spots[at]; taken {
				found[problem{rule: sameCompartment, table: Devices, holder: d.ID, target: d.Facility, other: other}] = true
			}
			spots[at] = cmp.Or(spots[at], d.ID)
		}
	}
	return found
}

// refusal is the first problem that next has and s had not.
func (s *Snapshot) refusal(next *Snapshot) error {
	added := maps.Clone(next.broken)
	maps.DeleteFunc(added, func(p problem, _ bool) bool { return s.broken[p] })
	if len(added) == 0 {
		return nil
	}
	p := slices.MinFunc(slices.Collect(maps.Keys(added)), func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(a.holder, b.holder), cmp.Compare(a.rule, b.rule),
			cmp.Compare(a.field, b.field), cmp.Compare(a.target, b.target))
	})
	d := next.Devices[p.holder]
	switch p.rule {
	case notABridge:
		return refuse(Devices, p.holder, texts.Errorf(texts.Registry.NotABridge, p.target))
	case sameAddress:
		return refuse(Devices, p.holder, texts.Errorf(texts.Registry.SameAddress, d.Bridge, d.Address, p.other))
	case blocked:
		return refuse(Devices, p.holder, texts.Errorf(texts.Adopt.IsBlocked, p.target))
	case sameCompartment:
		return refuse(Devices, p.holder, texts.Errorf(texts.Registry.SameCompartment, d.Facility, d.Compartment, p.other))
	}
	if s.has(p.targetTable, p.target) { // removed just now
		return refuse(p.targetTable, p.target, texts.Errorf(texts.Registry.StillUsed, name(p.table), p.holder))
	}
	return refuse(p.table, p.holder, texts.Errorf(texts.Registry.Unknown, p.field, name(p.targetTable), p.target))
}

// Refusal says what is wrong with a record.
type Refusal struct {
	Table Table
	ID    string
	// Field is the one to mend, as it is spelled in the document; "" if none.
	Field string
	text  *texts.Error
}

// Error is the message in English, which names the record.
func (r *Refusal) Error() string { return r.text.Error() }

// Unwrap gives the message in both languages.
func (r *Refusal) Unwrap() error { return r.text }

// Reason is the message without the record that it is about.
func (r *Refusal) Reason() error {
	for _, err := range r.text.Unwrap() {
		return err
	}
	return r.text
}

// refuse makes a Refusal. What the catalogue says of a field begins with its
// name.
func refuse(t Table, id string, err error) error {
	field, _, named := strings.Cut(texts.Of(err, texts.English), ":")
	if !named || strings.Contains(field, " ") {
		field = ""
	}
	return &Refusal{Table: t, ID: id, Field: field, text: texts.Errorf(texts.Registry.Record, name(t), id, err)}
}

// NameOf is what a record of the table is called.
func NameOf(t Table) texts.Text { return name(t) }

func name(t Table) texts.Text {
	s, _ := shelfFor(t)
	return s.name
}
