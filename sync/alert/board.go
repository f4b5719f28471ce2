package alert

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
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
	// First is the first step of the present round; while Step is before it,
	// nobody has been called in this round yet.
	First int `json:"first"`
	// Hold is how long the first step waits, in which the elder may say that
	// all is well.
	Hold time.Duration `json:"hold,omitempty"`
	// Told is the incident whose pages of the present step speak for this one
	// too.
	Told string `json:"told,omitempty"`
	// Others are the incidents that the pages of the present step speak for
	// besides.
	Others []string `json:"others,omitempty"`
	// By is the device that pressed last, Pressed when a press was the latest that
	// was no retransmission.
	By      string        `json:"by,omitempty"`
	Pressed devices.Stamp `json:"pressed,omitzero"`
	// Rungs is how many steps a round has, where rounds are counted.
	Rungs int `json:"rungs,omitempty"`
	// Located is when an elder who may be lost was seen last.
	Located devices.Stamp `json:"located,omitzero"`
	// Taken is how long ago somebody has taken it.
	Taken taken `json:"taken,omitzero"`
	// Absent is set when somebody has acknowledged and nobody has come.
	Absent bool `json:"absent,omitempty"`
	// Everyone is set while the present step calls everybody.
	Everyone bool `json:"everyone,omitempty"`
	// Paged is set once a person's channel has accepted a page.
	Paged bool `json:"paged,omitempty"`
	// Alarming is set while the detector of an alarm has not cleared, or what a
	// rule has found is not mended.
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

// decision is one thing that the engine decided by itself, or learnt of a page.
type decision struct {
	Raised bool          `json:"raised,omitempty"` // else escalated
	Round  int           `json:"round,omitempty"`
	Step   int           `json:"step"`
	Pages  int           `json:"pages,omitempty"`
	At     devices.Stamp `json:"at"`
	// Paged is the page, if it is none of the two.
	Paged *Delivery `json:"paged,omitempty"`
}

const (
	maxHeard      = 64  // identities kept of one incident
	maxUnrecorded = 200 // decisions of one incident waiting for the journal
	maxResolved   = 100 // incidents kept after they were resolved
)

// board is all incidents that are open, and the latest resolved ones. Its
// methods are the rules: they read no clock, do no I/O, and doing the same
// event twice is doing it once.
type board struct {
	records  map[string]*record
	heard    map[string]*record // by the identity of an applied event
	silences map[string]*silence
	// silencedBy is the latest event of each silence, of this process.
	silencedBy map[string]string
	number     uint64
	dropped    map[string]bool          // forgotten, but maybe still on disk
	again      string                   // of new incidents, while the journal is read again
	digests    map[string]devices.Stamp // the latest of each audience
}

func newBoard() *board {
	return &board{
		records: map[string]*record{}, heard: map[string]*record{}, silences: map[string]*silence{}, silencedBy: map[string]string{},
		dropped: map[string]bool{}, digests: map[string]devices.Stamp{},
	}
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
	case wearable.TypeSOS, wearable.TypeFall, wearable.TypeFallCancelled, devices.TypeStrangerCalled, journal.TypeGap, journal.TypeDamage,
		TypeAcknowledged, TypeOnScene, TypeNoted, TypeHandedOver, TypeResolved, TypeFound, TypeSilenced:
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
func (b *board) apply(e devices.Event, people roll, now devices.Stamp) (r *record, err error) {
	id := identity(e)
	if b.heard[id] != nil {
		return nil, nil
	}
	b.recognise(people)
	switch e.Type {
	case wearable.TypeSOS:
		r = b.press(e, SOS, people, now)
	case wearable.TypeFall:
		r, err = b.fall(e, people, now)
	case wearable.TypeFallCancelled:
		r = b.cancel(e, people, now)
	case alarm.TypeSmoke, alarm.TypeGas, alarm.TypeCarbonMonoxide, alarm.TypeWater:
		r = b.alarm(e, alarms[e.Type], people, now)
	case devices.TypeStrangerCalled:
		r, err = b.stranger(e, people, now)
	case journal.TypeGap, journal.TypeDamage:
		r = b.trouble(e, people, now)
	case TypeFound:
		r, err = b.found(e, people, now)
	case TypeSilenced:
		return nil, b.silence(e)
	default:
		r, err = b.human(e)
	}
	if r == nil || err != nil {
		return nil, err
	}
	if r.Phase != PhaseRaised {
		b.untell(r)
	}
	// Even an act that came too late is remembered: after another press the
	// same act, handed back once more, would not be too late.
	r.keeping.revision++
	b.hear(r, id)
	b.prune()
	return r, nil
}

// repeats is how long after a press others of the same device, which say no
// more of themselves, are taken for retransmissions: however many there are, the
// next one after that is a press.
const repeats = time.Minute

// nameless begins the identity of a report that has none of its own: intake
// has made one up.
const nameless = "r/"

// press opens an incident or adds to the one that is open for the same
// subject. A press after the acknowledgement calls again.
func (b *board) press(e devices.Event, kind Kind, people roll, now devices.Stamp) *record {
	before := b.open(people.subject(e.Device))
	r := b.about(people.subject(e.Device), e, kind, people)
	repeated := false
	if before != nil && before.By == e.Device && strings.HasPrefix(e.ID, nameless) {
		since, same := e.Received.Since(r.Pressed)
		repeated = same && since < repeats
	}
	if !repeated {
		r.Pressed = e.Received
	}
	r.By, r.Last = e.Device, e.Received
	if kind == SOS {
		if r.Hold > 0 && r.Step < r.First { // a hand on the button says more than a detector
			r.Hold = 0
			r.next(people, now)
		}
		r.Kind = SOS
	}
	if r.Phase != PhaseRaised && !repeated {
		r.raise(people, now)
	}
	return r
}

// cancelling is how long an elder may say that a fall was none, where the
// device sees that nobody has got up and asks.
const cancelling = time.Minute

func (b *board) fall(e devices.Event, people roll, now devices.Stamp) (*record, error) {
	var p wearable.Fall
	asks := people.Devices[e.Device].Kind == wearable.Kind // a sensor on the wall has no button
	if json.Unmarshal(e.Data, &p) != nil || !p.Lying || !asks || b.open(people.subject(e.Device)) != nil {
		return b.press(e, Fall, people, now), nil
	}
	r := b.about(people.subject(e.Device), e, Fall, people)
	r.By, r.Last = e.Device, e.Received
	r.Phase, r.Round, r.First, r.RoundAt, r.StepAt, r.Hold = PhaseRaised, 1, 1, now, now, cmp.Or(time.Duration(people.Cares[r.Elder].CancelSeconds)*time.Second, cancelling)
	return r, nil
}

// cancel closes a fall of which nobody has been told yet. Later it closes
// nothing: somebody is on the way.
func (b *board) cancel(e devices.Event, people roll, now devices.Stamp) *record {
	r := b.open(people.subject(e.Device))
	if r == nil || r.Kind != Fall {
		return nil
	}
	r.Last = e.Received
	if r.Phase == PhaseRaised && r.Step < r.First {
		r.Phase = PhaseResolved
		r.Resolved = &Act{By: byElder, Cause: CauseAccidental, At: e.Received}
	}
	return r
}

// Who acts, if it is no caregiver.
const (
	byElder = "elder"
	byBox   = "gateway" // closes what is mended
)

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
	r := b.about(subject, e, kind, people)
	r.Last = e.Received
	if r.Phase != PhaseRaised && !r.Alarming {
		r.raise(people, now)
	}
	r.Alarming = true
	return r
}

// trouble opens a technical incident or adds to the one that is open. More of
// the same calls nobody again: one that was acknowledged is known.
func (b *board) trouble(e devices.Event, people roll, now devices.Stamp) *record {
	r := b.about("box/"+string(Loss), e, Loss, people)
	r.Last = e.Received
	if r.Round == 0 {
		r.raise(people, now)
	}
	return r
}

// found opens an incident for what a rule has found, adds to the one that is
// open, or closes it where what was found is mended and nobody is in danger.
func (b *board) found(e devices.Event, people roll, now devices.Stamp) (*record, error) {
	p, err := decode[Found](e)
	if err != nil {
		return nil, err
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	subject := p.Subject()
	r := b.open(subject)
	if p.Mended {
		if r == nil {
			return nil, nil
		}
		r.Last, r.Alarming, r.Mended = e.Received, false, true
		if rules[p.Kind].level {
			r.Phase = PhaseResolved
			r.Resolved = &Act{By: byBox, Cause: CauseDevice, At: e.Received}
			if p.Kind == Drill {
				r.Resolved.Cause = CauseTest
			}
		}
		return r, nil
	}
	again := r == nil && p.Kind != Drill && b.flaps(subject, e.Received)
	if r == nil {
		e.Device = p.Device
		r = b.about(subject, e, p.Kind, people)
		if r.Elder == "" && p.Elder != "" {
			people.locateElder(&r.Incident, p.Elder)
		}
		r.Presses = 0
	}
	r.Presses++
	r.Last, r.Alarming, r.Mended, r.Because = e.Received, true, false, p.Because
	worse := p.Priority != "" && p.Priority.rank() < r.Priority.rank()
	if worse {
		r.Priority = p.Priority
	}
	switch {
	case again: // told within the hour: shown, and told again daily
		r.Phase, r.Round, r.First, r.Step, r.RoundAt, r.StepAt, r.Told = PhaseRaised, 1, 1, 1, now, now, r.ID
	case r.Round == 0:
		r.raise(people, now)
	case worse || r.Phase != PhaseRaised && rules[p.Kind].care && !rules[p.Kind].level:
		r.raise(people, now)
	}
	return r, nil
}

// Subject is what findings are merged by, see [Incident].
func (p Found) Subject() string {
	subject := "box"
	switch {
	case p.Elder != "":
		subject = "elder/" + p.Elder
	case p.Device != "":
		subject = "device/" + p.Device
	}
	subject += "/" + string(p.Kind)
	if p.Part != "" {
		subject += "/" + p.Part
	}
	return subject
}

// flapping is how long after it was mended the same trouble is no news.
const flapping = time.Hour

// flaps tells whether the same was mended a short while ago.
func (b *board) flaps(subject string, now devices.Stamp) bool {
	for _, r := range b.records {
		if r.Subject == subject && r.Resolved != nil && r.Resolved.By == byBox && r.Step >= r.First {
			if since, same := now.Since(r.Resolved.At); same && since < flapping {
				return true
			}
		}
	}
	return false
}

// untell lets those speak for themselves whose page r was to carry, and has not
// before somebody took it or it was over.
func (b *board) untell(r *record) {
	for _, d := range r.current() {
		if d.Result == Accepted && d.Channel != LogChannel {
			return
		}
	}
	for _, other := range b.records {
		if other.Told == r.ID && other != r && other.Phase == PhaseRaised {
			other.Told, other.First = "", other.Step+1
			other.keeping.revision++
		}
	}
}

// human does what a human did.
func (b *board) human(e devices.Event) (*record, error) {
	switch e.Type {
	case TypeAcknowledged:
		p, err := decode[Acknowledged](e)
		r := b.records[p.Incident]
		if r != nil && r.Phase == PhaseRaised {
			r.Phase = PhaseAcknowledged
			r.Acknowledged = &Act{By: p.By, How: p.How, At: e.Received}
		}
		return r, err
	case TypeOnScene:
		p, err := decode[OnScene](e)
		r := b.records[p.Incident]
		if r != nil && r.Phase != PhaseResolved && r.Phase != PhaseOnScene {
			if r.Phase == PhaseRaised {
				r.Acknowledged = &Act{By: p.By, How: p.How, At: e.Received}
			}
			r.Phase = PhaseOnScene
			r.OnScene = &Act{By: p.By, How: p.How, At: e.Received}
		}
		return r, err
	case TypeNoted:
		p, err := decode[Noted](e)
		r := b.records[p.Incident]
		if r != nil {
			r.note(Note{By: p.By, Text: p.Text, At: e.Received})
		}
		return r, err
	case TypeHandedOver:
		p, err := decode[HandedOver](e)
		r := b.records[p.Incident]
		if r != nil && r.Phase != PhaseResolved {
			r.note(Note{By: p.By, To: p.To, At: e.Received})
			// Who takes it over has to arrive anew.
			r.Phase, r.OnScene = PhaseAcknowledged, nil
			r.Acknowledged = &Act{By: p.To, How: "handover", At: e.Received}
		}
		return r, err
	case TypeResolved:
		p, err := decode[Resolved](e)
		r := b.records[p.Incident]
		if r != nil && r.Phase != PhaseResolved {
			r.Phase = PhaseResolved
			r.Resolved = &Act{By: p.By, Cause: p.Cause, At: e.Received}
		}
		return r, err
	}
	return nil, errors.New("no rule for this type of event")
}

// decode is devices.Decode, with nothing of a payload that is damaged.
func decode[P devices.Payload](e devices.Event) (P, error) {
	p, err := devices.Decode[P](e)
	if err != nil {
		var none P
		return none, err
	}
	return p, nil
}

func (r *record) note(n Note) {
	r.Notes = append(r.Notes, n)
	if len(r.Notes) > maxNotes {
		r.Notes = slices.Clone(r.Notes[1:])
	}
}

// about returns the incident that is open for a subject, or a new one, with e
// added to it.
func (b *board) about(subject string, e devices.Event, kind Kind, people roll) *record {
	r := b.open(subject)
	if r == nil {
		b.number++
		r = &record{Again: b.again, Incident: Incident{
			ID: identity(e), Number: b.number, Subject: subject, Kind: kind, Priority: kind.Priority(), Device: e.Device,
			Raised: e.Received, Last: e.Received,
		}}
		if !kind.box() {
			people.locate(&r.Incident)
		}
		b.records[r.ID] = r
	}
	r.Presses++
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

// decided forgets the decisions that the journal does not have yet.
func (b *board) decided() {
	for _, r := range b.records {
		r.Unrecorded = nil
		r.keeping.revision++
	}
}
