package alert

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
)

// subject is what the rules remember of one elder, one device, or the box. Its
// JSON is the value in the state file.
type subject struct {
	// Of an elder.
	Life  *devices.Stamp  `json:"life,omitempty"`  // the latest sign of it
	Bed   *bedside        `json:"bed,omitempty"`   //
	Fix   *outside        `json:"fix,omitempty"`   // since when outside the fence
	Meal  *mealtime       `json:"meal,omitempty"`  //
	Out   map[string]int  `json:"out,omitempty"`   // readings in a row outside the band
	Below map[string]bool `json:"below,omitempty"` // at which end of the band the latest of those was
	Visit *devices.Stamp  `json:"visit,omitempty"` // the latest, or since when they are due
	Asked *devices.Stamp  `json:"asked,omitempty"` // whether all is well, since the latest sign of life
	Deaf  bool            `json:"deaf,omitempty"`  // no device could
	Steps map[string]int  `json:"steps,omitempty"` // walked, by the device that counts them
	// Of a device.
	Broken  []SignKind            `json:"broken,omitempty"` // what is wrong with it, as supervised
	Doors   map[int]devices.Stamp `json:"doors,omitempty"`  // open since, by compartment
	Portion map[int]portion       `json:"portion,omitempty"`
	Celsius map[int]float64       `json:"celsius,omitempty"`
	// Of the box.
	Alive *devices.Stamp `json:"alive,omitempty"`
	// Generation tells the identities of findings from those of a state that
	// was lost.
	Generation string         `json:"generation,omitempty"`
	Unsynced   *devices.Stamp `json:"unsynced,omitempty"`

	// On are the findings that hold, by kind and part, and their priorities.
	On map[string]Priority `json:"on,omitempty"`
	// N counts the findings, for their identities.
	N int `json:"n,omitempty"`
	// Pending are those that the journal does not have yet.
	Pending []pending `json:"pending,omitempty"`

	generation string // of all
	changed    bool   // since it was last written
}

// pending is a finding on its way to the journal, a visit on its way to the
// incidents, or a question on its way to an elder.
type pending struct {
	ID      string        `json:"id"`
	Found   *Found        `json:"found,omitempty"`
	Elder   string        `json:"elder,omitempty"`
	Visitor string        `json:"visitor,omitempty"`
	How     string        `json:"how,omitempty"`
	At      devices.Stamp `json:"at,omitzero"`   // of the visit
	Ask     string        `json:"ask,omitempty"` // the elder to ask
}

type bedside struct {
	Occupied bool          `json:"occupied"`
	Since    devices.Stamp `json:"since"`
	Device   string        `json:"device"`
	Night    bool          `json:"night,omitempty"` // it was left at night
}

type outside struct {
	Since  devices.Stamp `json:"since"`
	Last   devices.Stamp `json:"last"`
	Metres float64       `json:"metres"`
	Fixes  int           `json:"fixes"`
	Device string        `json:"device"`
}

type mealtime struct {
	Day string `json:"day"` // the latest whose hours have begun, "2026-11-25"
	// Open is when they have: a box that was off has not seen whether somebody
	// came.
	Open    devices.Stamp `json:"open"`
	Fetched string        `json:"fetched,omitempty"` // the latest day of a pickup
	Missed  int           `json:"missed,omitempty"`  // in a row
	Judged  string        `json:"judged,omitempty"`  // the latest day that was
}

type portion struct {
	Hot bool `json:"hot"`
	// Bad is since when it is out of its temperatures, Before how long it may
	// have been at that time.
	Loaded devices.Stamp  `json:"loaded"`
	Before time.Duration  `json:"before,omitempty"`
	Bad    *devices.Stamp `json:"bad,omitempty"`
	Well   bool           `json:"well,omitempty"` // it was seen well once
}

// watchboard is what the rules remember of everybody. Its methods are the
// rules: they read no clock and do no I/O.
type watchboard struct {
	subjects map[string]*subject
}

// scene is the moment at which rules are asked.
type scene struct {
	people *registry.Snapshot
	now    devices.Stamp
	local  time.Time // civil time, zero if nobody knows it
}

func newScene(people *registry.Snapshot, now devices.Stamp) scene {
	return scene{people, now, civil(now)}
}

// facility is where a device stands, and what is agreed on for that place.
func (sc scene) facility(device string) registry.Facility {
	return sc.people.Facilities[sc.people.Devices[device].Facility]
}

// ask asks all rules, as things are now; left is as of box.
func (b *watchboard) ask(sc scene, left int) {
	for _, elder := range sc.people.Elders {
		b.check(elder, sc)
	}
	for key := range b.subjects {
		if device, ok := strings.CutPrefix(key, "device/"); ok {
			b.inspect(device, sc)
		}
	}
	b.unprotected(sc)
	b.box(sc.now, left)
}

func (b *watchboard) of(key string) *subject {
	s := b.subjects[key]
	if s == nil {
		s = &subject{}
		b.subjects[key] = s
	}
	if box := b.subjects[boxKey]; box != nil {
		s.generation = box.Generation
	}
	return s
}

// set says that a finding holds, or does not. A finding that holds is news if
// it did not, or if it has become worse.
func (s *subject) set(key string, f Found, on bool) {
	name := string(f.Kind) + "/" + f.Part
	priority := cmp.Or(f.Priority, f.Kind.Priority())
	before, was := s.On[name]
	switch {
	case on && was && priority.rank() >= before.rank(), !on && !was:
		return
	case on:
		if s.On == nil {
			s.On = map[string]Priority{}
		}
		s.On[name] = priority
	default:
		delete(s.On, name)
		f.Mended, f.Because, f.Priority = true, nil, ""
	}
	s.N++
	s.changed = true
	found := f
	s.await(pending{ID: fmt.Sprintf("found/%s/%s/%d", s.generation, key, s.N), Found: &found})
}

// await has the newest maxPending wait.
func (s *subject) await(p pending) {
	s.Pending = append(s.Pending, p)
	if len(s.Pending) > maxPending {
		s.Pending = slices.Clone(s.Pending[1:])
	}
}

func (s *subject) on(k Kind) bool { _, ok := s.On[string(k)+"/"]; return ok }

const maxPending = 50

// elapsed is how long ago a stamp was. Across a boot it is what the wall clock
// says, if that can be right, and at least since the box has started.
func elapsed(now, then devices.Stamp) time.Duration {
	if d, same := now.Since(then); same {
		return max(0, d)
	}
	d := now.Mono
	if now.Synced && then.Synced {
		d = max(d, now.Wall.Sub(then.Wall))
	}
	return d
}

// stampOf is an event's time as a stamp: the box's own reading.
func stampOf(e devices.Event) *devices.Stamp {
	s := e.Received
	return &s
}

func minutes(d time.Duration) int { return int(d / time.Minute) }

// forgetPending drops what was found again of an old history.
func (b *watchboard) forgetPending() {
	for key, s := range b.subjects {
		if key != boxKey {
			s.Pending = nil
		}
	}
}

// unasked notes that no device could ask an elder.
func (b *watchboard) unasked(elder string) {
	s := b.of("elder/" + elder)
	s.Deaf, s.changed = true, true
}

// settled drops what the journal has.
func (b *watchboard) settled(key, id string) {
	s := b.subjects[key]
	if s == nil {
		return
	}
	s.Pending = slices.DeleteFunc(s.Pending, func(p pending) bool { return p.ID == id })
	s.changed = true
}
