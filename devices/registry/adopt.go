package registry

import (
	"fmt"
	"strconv"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// Adopted is a device that was registered, or got new hardware.
type Adopted struct {
	Device Device
	// Secret is the new login of one that speaks for itself, shown this once;
	// "" if it has another already, or needs none.
	Secret string
}

// Adopt registers a sender of the inbox, named by its ID or address, as d. What
// d leaves open is filled in: the kind that the sender looks like, an ID, and
// how it is reached. What is registered beside it is where it stands, or who
// wears it, if that is new too.
func (r *Registry) Adopt(by Author, who string, d Device, beside ...Record) (a Adopted, err error) {
	u, ok := r.inbox.Find(who)
	if !ok {
		return a, texts.Errorf(texts.Adopt.NotInInbox, who)
	}
	switch {
	case u.Profile != "":
		d.Kind, d.Profile = devices.KindBridge, u.Profile
	case d.Kind == "" && len(u.Kinds) == 0:
		return a, texts.Errorf(texts.Adopt.KindMissing, u.Address)
	case d.Kind == "":
		d.Kind = u.Kinds[0]
	}
	native := u.Bridge == "" && u.Profile == ""
	if native && d.ID != "" && d.ID != u.Address {
		return a, texts.Errorf(texts.Adopt.OwnID, u.Address, d.ID)
	}
	if native {
		d.ID = u.Address
	} else if u.Profile == "" {
		d.Bridge, d.Address = u.Bridge, u.Address
	}
	err = r.UpdateAs(by, func(tx *Tx) error {
		if d.ID == "" {
			d.ID = tx.next.freeID(d.Kind)
		} else if tx.next.has(Devices, d.ID) {
			return refuse(Devices, d.ID, texts.Errorf(texts.Adopt.Taken))
		}
		a.Device = d
		if err := tx.Put(append(beside, d)...); err != nil || !native {
			return err
		}
		if hash, ok := r.guest(d.ID); ok {
			tx.admit(Secrets, d.ID, hash)
			return nil
		}
		var err error
		a.Secret, err = tx.Issue(d.ID)
		return err
	})
	return a, err
}

// freeID is the first of kind-1, kind-2, … that nobody has.
func (s *Snapshot) freeID(k devices.Kind) string {
	for n := 1; ; n++ {
		if id := string(k) + "-" + strconv.Itoa(n); !s.has(Devices, id) {
			return id
		}
	}
}

// Decide ignores or blocks a sender of the inbox, named by its ID or address;
// one that has logged in itself is out at once.
// Remove of the Verdict takes it back.
func (r *Registry) Decide(by Author, who string, block bool) error {
	u, ok := r.inbox.Find(who)
	if !ok {
		return texts.Errorf(texts.Adopt.NotInInbox, who)
	}
	err := r.UpdateAs(by, func(tx *Tx) error {
		if len(tx.next.Verdicts) >= maxVerdicts {
			return texts.Errorf(texts.Adopt.TooMany, maxVerdicts)
		}
		return tx.Put(Verdict{ID: u.ID, Bridge: u.Bridge, Address: u.Address, Blocked: block})
	})
	if err == nil && u.Bridge == "" {
		r.gone(u.Address)
	}
	return err
}

// Replace lets new hardware take over the ID of a device, and with it its
// history and where it belongs: a sender of the inbox behind a bridge, or with
// who "" hardware that is given the ID and a new secret. What the old hardware
// says does not count any more.
func (r *Registry) Replace(by Author, id, who string) (a Adopted, err error) {
	var u Unknown
	if who != "" {
		var ok bool
		if u, ok = r.inbox.Find(who); !ok {
			return a, texts.Errorf(texts.Adopt.NotInInbox, who)
		}
		if u.Bridge == "" {
			return a, texts.Errorf(texts.Adopt.ReplaceNative, u.Address, id)
		}
	}
	err = r.UpdateAs(by, func(tx *Tx) error {
		d, ok := tx.next.Devices[id]
		if !ok {
			return refuse(Devices, id, texts.Errorf(texts.Registry.NotFound))
		}
		if who == "" && d.Bridge != "" {
			return refuse(Devices, id, texts.Errorf(texts.Adopt.ReplaceBehind, d.Bridge))
		}
		d.Bridge, d.Address, d.Retired = u.Bridge, u.Address, false
		d.Unit++
		a.Device = d
		if err := tx.Put(d); err != nil {
			return err
		}
		if who != "" {
			return nil
		}
		var err error
		a.Secret, err = tx.Issue(id)
		return err
	})
	return a, err
}

// Change changes the fields of a device that the JSON document names, and no
// others. beside is as for Adopt.
func (r *Registry) Change(by Author, id string, document []byte, beside ...Record) (d Device, err error) {
	err = r.UpdateAs(by, func(tx *Tx) error {
		was, ok := tx.next.Devices[id]
		if !ok {
			return refuse(Devices, id, texts.Errorf(texts.Registry.NotFound))
		}
		changed, err := Merge(was, document)
		if err != nil {
			return refuse(Devices, id, err)
		}
		d = changed.(Device)
		if d.ID != id {
			return refuse(Devices, id, texts.Errorf(texts.Adopt.KeepID))
		}
		return tx.Put(append(beside, d)...)
	})
	return d, err
}

// Blank is an empty record of a table.
func Blank(t Table, id string) (Record, bool) {
	s, ok := shelfFor(t)
	if !ok {
		return nil, false
	}
	r, err := s.read(id, fmt.Appendf(nil, `{"id":%q}`, id))
	return r, err == nil
}

// Record returns a record by table and ID.
func (s *Snapshot) Record(t Table, id string) (Record, bool) { return s.record(place{t, id}) }

// Merge is r with the fields that a JSON document names. A field that there is
// not is an error.
func Merge(r Record, document []byte) (Record, error) {
	s, ok := shelfFor(r.table())
	if !ok {
		return nil, fmt.Errorf("no table %q", r.table())
	}
	return s.merge(r.clone(), document)
}

// Preview is Update without doing it: change may look at what it would change.
func (r *Registry) Preview(change func(tx *Tx) error) error {
	before := r.Snapshot()
	tx := r.begin(before)
	if err := change(tx); err != nil {
		return err
	}
	tx.next.index()
	return before.refusal(tx.next)
}

// Changes is what a batch changes so far, and what it makes of Before.
func (tx *Tx) Changes() (after *Snapshot, what []Changed, err error) {
	what, err = difference(tx.Before, tx.next, tx.writes, Author{})
	return tx.next, what, err
}
