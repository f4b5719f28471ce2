package alert

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/journal"
)

// record is an incident with what has to be remembered to go on with it. Its
// JSON is the value in the state file.
type record struct {
	Incident
	// Subject is what presses are merged by.
	Subject string `json:"subject"`
	// First is the first step of the present round.
	First int `json:"first"`
	// Everyone is set while the present step calls everybody.
	Everyone bool `json:"everyone,omitempty"`
	// Paged is set once a person's channel has accepted a page.
	Paged bool `json:"paged,omitempty"`
	// Alarming is set while the detector of an alarm has not cleared.
	Alarming bool `json:"alarming,omitempty"`
	// Heard are the identities of the latest events that were applied, besides
	// the one that the ID was made of. The journal hands an event back after a
	// crash, and a device repeats it; neither may count twice.
	Heard []string `json:"heard,omitempty"`
	// Again is set if the incident was made again of the journal, after the
	// state file was lost: its steps are counted anew, and their pages must not
	// have the keys of those that were sent before.
	Again string `json:"again,omitempty"`
	// Unrecorded are the decisions that the journal does not have yet.
	Unrecorded []decision `json:"unrecorded,omitempty"`

	keeping keeping
}

// keeping is what of a record is on disk, and what may be sent.
type keeping struct {
	revision uint64 // counts the changes
	kept     uint64 // the latest revision on disk
	keptStep int    // the latest step on disk
	released int    // the latest step whose pages may be sent
	hasty    bool   // pages have left before they were on disk
}

// decision is one thing that the engine decided by itself.
type decision struct {
	Raised bool          `json:"raised"` // else escalated
	Round  int           `json:"round"`
	Step   int           `json:"step"`
	Pages  int           `json:"pages"`
	At     devices.Stamp `json:"at"`
}

const (
	maxHeard      = 64  // identities kept of one incident
	maxUnrecorded = 100 // decisions of one incident waiting for the journal
	maxResolved   = 100 // incidents kept after they were resolved
)

// board is all incidents that are open, and the latest resolved ones. Its
// methods are the rules: they read no clock, do no I/O, and doing the same
// event twice is doing it once.
type board struct {
	records map[string]*record
	heard   map[string]*record // by the identity of an applied event
	number  uint64
	dropped map[string]bool // forgotten, but maybe still on disk
	again   string          // of new incidents, while the journal is read again
}

func newBoard() *board {
	return &board{records: map[string]*record{}, heard: map[string]*record{}, dropped: map[string]bool{}}
}

// load takes in a record from disk.
func (b *board) load(r *record) {
	r.keeping = keeping{keptStep: r.Step, released: r.Step}
	b.records[r.ID] = r
	b.number = max(b.number, r.Number)
	b.heard[r.ID] = r
	for _, id := range r.Heard {
		b.heard[id] = r
	}
}

// concerns tells whether the board has a rule for events of type t.
func concerns(t devices.Type) bool {
	switch t {
	case wearable.TypeSOS, wearable.TypeFall, journal.TypeGap, journal.TypeDamage, TypeAcknowledged, TypeResolved:
		return true
	}
	_, alarming := alarms[t]
	return alarming
}

// alarms are the detectors' events and what they are about.
var alarms = map[devices.Type]Kind{
	alarm.TypeSmoke: Smoke, alarm.TypeGas: Gas, alarm.TypeCarbonMonoxide: CarbonMonoxide, alarm.TypeWater: Water,
}

// apply does what an event asks for. It returns the incident that the event
// belongs to, nil if the event is known already or names no known incident.
func (b *board) apply(e devices.Event, people roll, now devices.Stamp) (*record, error) {
	id := identity(e)
	if b.heard[id] != nil {
		return nil, nil
	}
	var r *record
	switch e.Type {
	case wearable.TypeSOS:
		r = b.press(e, SOS, people, now)
	case wearable.TypeFall:
		r = b.press(e, Fall, people, now)
	case alarm.TypeSmoke, alarm.TypeGas, alarm.TypeCarbonMonoxide, alarm.TypeWater:
		if r = b.alarm(e, alarms[e.Type], people, now); r == nil {
			return nil, nil
		}
	case journal.TypeGap, journal.TypeDamage:
		r = b.trouble(e, Loss, people, now)
	case TypeAcknowledged:
		p, err := devices.Decode[Acknowledged](e)
		if err != nil {
			return nil, err
		}
		if r = b.records[p.Incident]; r == nil {
			return nil, nil
		}
		if r.Phase == PhaseRaised {
			r.Phase = PhaseAcknowledged
			r.Acknowledged = &Act{By: p.By, How: p.How, At: e.Received}
		}
	case TypeResolved:
		p, err := devices.Decode[Resolved](e)
		if err != nil {
			return nil, err
		}
		if r = b.records[p.Incident]; r == nil {
			return nil, nil
		}
		if r.Phase != PhaseResolved {
			r.Phase = PhaseResolved
			r.Resolved = &Act{By: p.By, Cause: p.Cause, At: e.Received}
		}
	default:
		return nil, errors.New("no rule for this type of event")
	}
	// Even an act that came too late is remembered: after another press the
	// same act, handed back once more, would not be too late.
	r.keeping.revision++
	b.hear(r, id)
	b.prune()
	return r, nil
}

// press opens an incident or adds to the one that is open for the same
// subject.
func (b *board) press(e devices.Event, kind Kind, people roll, now devices.Stamp) *record {
	r := b.about(people.subject(e.Device), e, kind, High)
	if r.Presses == 1 {
		people.locate(&r.Incident)
	}
	if kind == SOS {
		r.Kind = SOS // a hand on the button says more than a detector
	}
	if r.Phase != PhaseRaised {
		r.raise(people, now)
	}
	return r
}

// alarm opens an incident when a detector begins to alarm. That it goes on,
// or says so again after a restart, calls nobody anew; that it has cleared
// stops nothing, since only a human does. nil if it clears what is not open.
func (b *board) alarm(e devices.Event, kind Kind, people roll, now devices.Stamp) *record {
	subject := people.subject(e.Device) + "/" + string(kind)
	if !alarm.On(e) {
		r := b.open(subject)
		if r != nil {
			r.Alarming = false
		}
		return r
	}
	r := b.about(subject, e, kind, High)
	if r.Presses == 1 {
		people.locate(&r.Incident)
	}
	if r.Phase != PhaseRaised && !r.Alarming {
		r.raise(people, now)
	}
	r.Alarming = true
	return r
}

// trouble opens a technical incident or adds to the one that is open. More of
// the same calls nobody again: one that was acknowledged is known.
func (b *board) trouble(e devices.Event, kind Kind, people roll, now devices.Stamp) *record {
	r := b.about("box/"+string(kind), e, kind, Technical)
	if r.Round == 0 {
		r.raise(people, now)
	}
	return r
}

// about returns the incident that is open for a subject, or a new one, with e
// added to it.
func (b *board) about(subject string, e devices.Event, kind Kind, p Priority) *record {
	r := b.open(subject)
	if r == nil {
		b.number++
		r = &record{Subject: subject, Again: b.again, Incident: Incident{
			ID: identity(e), Number: b.number, Kind: kind, Priority: p, Device: e.Device, Raised: e.Received,
		}}
		b.records[r.ID] = r
	}
	r.Presses++
	r.Last = e.Received
	return r
}

func (b *board) open(subject string) *record {
	for _, r := range b.records {
		if r.Subject == subject && r.Phase != PhaseResolved {
			return r
		}
	}
	return nil
}

// sorted lists the incidents, the oldest first.
func (b *board) sorted() []*record {
	return slices.SortedFunc(maps.Values(b.records), func(a, b *record) int { return cmp.Compare(a.Number, b.Number) })
}

func (b *board) hear(r *record, id string) {
	b.heard[id] = r
	if id == r.ID {
		return
	}
	r.Heard = append(r.Heard, id)
	if len(r.Heard) > maxHeard {
		delete(b.heard, r.Heard[0])
		r.Heard = slices.Clone(r.Heard[1:])
	}
}

// prune forgets the oldest resolved incidents.
func (b *board) prune() {
	var resolved []*record
	for _, r := range b.sorted() {
		if r.Phase == PhaseResolved && len(r.Unrecorded) == 0 {
			resolved = append(resolved, r)
		}
	}
	if len(resolved) <= maxResolved {
		return
	}
	for _, r := range resolved[:len(resolved)-maxResolved] {
		delete(b.records, r.ID)
		delete(b.heard, r.ID)
		for _, id := range r.Heard {
			delete(b.heard, id)
		}
		b.dropped[r.ID] = true
	}
}

// raise begins a round.
func (r *record) raise(people roll, now devices.Stamp) {
	r.Phase, r.Acknowledged = PhaseRaised, nil
	r.Round++
	r.First = r.Step + 1
	r.next(people, now)
}

// next begins the next step: the elder's own caregivers first, then everybody
// again and again.
func (r *record) next(people roll, now devices.Stamp) {
	r.Step++
	r.StepAt = now
	pages, everyone := people.call(r.Elder, r.Step > r.First)
	for i := range pages {
		pages[i].Step = r.Step
	}
	before := slices.DeleteFunc(r.Deliveries, func(d Delivery) bool { return d.Step < r.Step-1 })
	r.Deliveries = append(before, pages...)
	r.Everyone = everyone
	r.Unrecorded = append(r.Unrecorded, decision{Raised: r.Step == r.First, Round: r.Round, Step: r.Step, Pages: len(pages), At: now})
	if len(r.Unrecorded) > maxUnrecorded {
		r.Unrecorded = slices.Clone(r.Unrecorded[1:])
	}
	r.keeping.revision++
}

// due is how long the next step may wait, if nobody acknowledges. After a
// reboot nobody knows how long it has waited already, and it is due at once;
// so is calling everybody when the elder's own caregivers cannot be reached.
func (r *record) due(now devices.Stamp, step time.Duration) time.Duration {
	waited, same := now.Since(r.StepAt)
	if !same || waited < 0 || !r.Everyone && hopeless(r.current()) {
		return 0
	}
	return max(0, r.Priority.step(step)-waited)
}

// current are the pages of the present step.
func (r *record) current() []Delivery {
	for i := range r.Deliveries {
		if r.Deliveries[i].Step == r.Step {
			return r.Deliveries[i:]
		}
	}
	return nil
}

// find returns the page that is the same as d, nil if it is forgotten.
func (r *record) find(d Delivery) *Delivery {
	for i := range r.Deliveries {
		if r.Deliveries[i].same(d) {
			return &r.Deliveries[i]
		}
	}
	return nil
}

// page is what the recipient of d gets to read.
func (r *record) page(d Delivery, now devices.Stamp) Page {
	p := Page{
		Key: d.key(r.ID + r.Again), Incident: r.ID, Kind: r.Kind, Priority: r.Priority,
		Building: r.Building, Room: r.Room, Place: r.Place, DeviceKind: r.DeviceKind,
		Raised: r.Raised.Wall, Synced: r.Raised.Synced, Presses: r.Presses,
		Round: r.Round, Step: d.Step, Attempt: d.Attempts + 1, FromMemory: d.FromMemory,
	}
	if r.Building == "" && r.Room == "" && r.Place == "" {
		p.Device = r.Device
	}
	if waiting, same := now.Since(r.Raised); same {
		p.Waiting = int(waiting / time.Second)
	}
	return p
}

// decided forgets the decisions that the journal does not have yet.
func (b *board) decided() {
	for _, r := range b.records {
		r.Unrecorded = nil
		r.keeping.revision++
	}
}
