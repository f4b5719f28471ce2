package alert

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
)

// Steps is how long the box waits for humans. A field that is 0 stands for its
// default.
type Steps struct {
	// High is how long a step of a call for help waits, Medium that of what is
	// less urgent.
	High, Medium time.Duration
	// Arrive is how long after the acknowledgement of a call for help somebody
	// has to be there, before it calls again; four times that, if it is less
	// urgent.
	Arrive time.Duration
}

// The defaults of Steps.
const (
	DefaultStep   = 60 * time.Second
	DefaultMedium = 5 * time.Minute
	DefaultArrive = 15 * time.Minute
)

func (s Steps) orDefault() Steps {
	return Steps{cmp.Or(s.High, DefaultStep), cmp.Or(s.Medium, DefaultMedium), cmp.Or(s.Arrive, DefaultArrive)}
}

const (
	hourly = time.Hour
	daily  = 24 * time.Hour
	// rounds of medium steps, before the duty desk is called hourly.
	rounds = 3
	// visitAfter is how many days something is not mended until somebody should
	// visit.
	visitAfter = 3
)

// manner is how an incident escalates: an elder without protection is looked
// after as anything else that concerns people.
func (r *record) manner() Priority {
	if r.Kind == Unprotected {
		return Medium
	}
	return r.Priority
}

// raise begins a round.
func (r *record) raise(people roll, now devices.Stamp) {
	r.Phase, r.Acknowledged, r.OnScene, r.Absent = PhaseRaised, nil, nil, false
	r.Round++
	r.First = r.Step + 1
	r.RoundAt, r.StepAt = now, now
	r.Told, r.Others, r.Hold = "", nil, 0
	r.keeping.revision++
	if !r.shares() {
		r.next(people, now)
	}
}

// shares tells whether the first page of a round waits for others, to be one
// digest with them.
func (r *record) shares() bool { return r.Priority.rank() > Medium.rank() && !rules[r.Kind].atOnce }

// escalate begins the next step of what nobody has answered. Where those of the
// present one cannot be reached, what does not climb in any case goes to
// everybody: it would come to the same people again, and again at once.
func (r *record) escalate(people roll, now devices.Stamp, s Steps) {
	if r.lost(now, s) && r.manner() != High {
		r.Step++
		r.begin(people.fallback(r.Rungs), now)
		return
	}
	r.next(people, now)
}

// next begins the next step.
func (r *record) next(people roll, now devices.Stamp) {
	r.Step++
	r.begin(people.call(r, now), now)
}

// begin begins the step that r has come to.
func (r *record) begin(c calling, now devices.Stamp) {
	r.StepAt = now
	r.Told, r.Others = "", nil
	for i := range c.pages {
		c.pages[i].Step = r.Step
	}
	if r.Step > r.First && !r.shares() {
		c.pages = append(c.pages, r.missed(c.pages)...)
	}
	kept := r.Deliveries[:0:0]
	for _, d := range r.Deliveries {
		if d.Step >= r.Step-1 {
			kept = append(kept, d)
		} else if !d.done() {
			r.decide(decision{Step: d.Step, At: now, Paged: &d})
		}
	}
	r.Deliveries = append(kept, c.pages...)
	r.Everyone, r.Rungs = c.everyone, c.rungs
	r.decide(decision{Raised: r.Step == r.First, Round: r.Round, Step: r.Step, Pages: len(c.pages), At: now})
	r.keeping.revision++
}

// missed is whom the step before should have called, and nobody has tried to:
// the box was off, or the channel busy. They are called with the next, if that
// does not call them in any case.
func (r *record) missed(next []Delivery) (pages []Delivery) {
	for _, d := range r.Deliveries {
		m := Delivery{Step: r.Step, Recipient: d.Recipient, Channel: d.Channel, Way: d.Way, Why: d.Why, Group: d.Group}
		if d.Step == r.Step-1 && d.Attempts == 0 && !d.done() && !d.sending.busy && !slices.ContainsFunc(next, m.same) {
			pages = append(pages, m)
		}
	}
	return pages
}

func (r *record) decide(d decision) {
	r.Unrecorded = append(r.Unrecorded, d)
	if len(r.Unrecorded) > maxUnrecorded {
		r.Unrecorded = slices.Clone(r.Unrecorded[1:])
	}
}

// due is how long the next step may wait, if nobody acknowledges. After a
// reboot nobody knows how long it has waited already, and it is due at once;
// so is calling everybody when those of the step cannot be reached.
func (r *record) due(now devices.Stamp, s Steps) time.Duration {
	waited, same := now.Since(r.StepAt)
	switch {
	case !same || waited < 0:
		return 0
	case r.Step < r.First:
		return max(0, r.Hold-waited)
	case r.lost(now, s):
		return 0
	}
	return max(0, r.patience(s)-waited)
}

// prompt is within what time a call for help has to be on its way to somebody.
const prompt = 5 * time.Second

// lost tells whether the present step reaches nobody, though there are others:
// each of its pages is refused for good, or put off by its channel for longer
// than can be waited.
func (r *record) lost(now devices.Stamp, s Steps) bool {
	if r.Step < r.First || r.Told != "" || r.Everyone {
		return false
	}
	patience := r.patience(s)
	if r.manner() == High {
		patience = prompt
	}
	return hopeless(slices.DeleteFunc(slices.Clone(r.current()), func(d Delivery) bool {
		return d.Result != Accepted && !d.sending.busy && d.sending.until-now.Mono > patience
	}))
}

// patience is how long the present step waits for a human.
func (r *record) patience(s Steps) time.Duration {
	switch r.manner() {
	case High:
		return s.High
	case Medium:
		if r.Step-r.First < rounds*max(r.Rungs, 1) {
			return s.Medium
		}
		return hourly
	}
	return daily
}

// back is how long it takes until an incident that somebody has taken calls
// again: because nobody has come, or because it is not mended. ok is false if
// it does not.
func (r *record) back(now devices.Stamp, s Steps) (left time.Duration, ok bool) {
	act := r.Acknowledged
	switch {
	case r.Phase == PhaseOnScene && rules[r.Kind].level:
		act, left = r.OnScene, daily
	case r.Phase != PhaseAcknowledged || act == nil:
		return 0, false
	case rules[r.Kind].level:
		left = daily
	case r.Priority == High:
		left = s.Arrive
	case r.Priority == Medium:
		left = 4 * s.Arrive
	default:
		return 0, false
	}
	return max(0, left-r.Taken.passed(act.At, now, left/parts)), true
}

// parts is in how many parts the time is counted until an incident calls again.
const parts = 15

// taken is how long ago somebody has taken an incident.
type taken struct {
	Act    devices.Stamp `json:"act"`    // when it was
	Passed time.Duration `json:"passed"` // until At
	At     devices.Stamp `json:"at"`
}

// passed is how long ago the act was. No clock goes on across a reboot, so
// what has passed is kept part by part. What of the boot before was not kept
// yet, and how long the box was off, nobody knows: it counts as one part, so
// that no box dies too often to call again.
func (t *taken) passed(act, now devices.Stamp, part time.Duration) time.Duration {
	if t.Act != act {
		*t = taken{Act: act, At: act}
	}
	if _, same := now.Since(t.At); !same {
		t.Passed += part
		t.At = devices.Stamp{Boot: now.Boot}
	}
	since, _ := now.Since(t.At)
	if since >= part {
		t.Passed, t.At, since = t.Passed+since, now, 0
	}
	return t.Passed + since
}

// remind calls again for what is back.
func (r *record) remind(people roll, now devices.Stamp) {
	level := rules[r.Kind].level
	if level {
		r.Days++
	}
	r.raise(people, now)
	r.Absent = !level
}

// Unmended is for how many days the box has waited for what it closes itself
// when that is mended: it has reminded of it so often, or nobody has answered.
// Visit is set when somebody should go there.
func (i Incident) Unmended(now devices.Stamp, care registry.Care) (days int, visit bool) {
	if !rules[i.Kind].level {
		return 0, false
	}
	days = max(i.Days, int(elapsed(now, i.Raised)/daily))
	return days, days >= cmp.Or(care.VisitDays, visitAfter)
}

// How digests are made: what is new waits for company, and the audience of one
// has some peace before the next.
const (
	operatorCompany  = 5 * time.Minute
	operatorPeace    = time.Hour
	technicalCompany = 10 * time.Second
	technicalPeace   = 5 * time.Minute
	// bootGrace is how long after a start technical incidents wait: most of
	// them are over when everything has come up.
	bootGrace = 2 * time.Minute
	maxOthers = 20 // that a page names
)

// digest begins the next step of those that share their pages and are due, one
// digest for each audience, and returns how long there is nothing to do.
func (b *board) digest(sharing []*record, people roll, now, began devices.Stamp, s Steps) (told []*record, wait time.Duration) {
	wait = nap
	type audience struct {
		calling
		due   []*record
		ready bool
	}
	audiences := map[string]*audience{}
	for _, r := range sharing {
		company, peace := technicalCompany, technicalPeace
		if r.Priority == Operator {
			company, peace = operatorCompany, operatorPeace
		}
		if r.manner() == Medium { // an elder without protection waits for nobody's peace
			peace = 0
		}
		left := r.due(now, s)
		c := people.call(r, now)
		if leader := b.records[r.Told]; r.lost(now, s) || leader != nil && leader.lost(now, s) {
			left, c = 0, people.fallback(0)
		}
		key := string(r.Priority) + c.audience()
		a := audiences[key]
		if a == nil {
			a = &audience{calling: c}
			audiences[key] = a
		}
		if r.Step < r.First {
			if waited, same := now.Since(r.StepAt); same {
				left = max(left, company-waited)
			}
			a.due = append(a.due, r)
		} else if left == 0 {
			a.due = append(a.due, r)
		}
		if up, same := now.Since(began); same && r.Priority == Technical {
			left = max(left, bootGrace-up)
		}
		if latest, ok := b.digests[key]; ok {
			if since, same := now.Since(latest); same {
				left = max(left, peace-since)
			}
		}
		a.ready = a.ready || left <= 0
		wait = min(wait, max(left, 0))
	}
	for key, a := range audiences {
		if !a.ready {
			continue
		}
		b.digests[key] = now
		leader := a.due[0]
		leader.Step++
		leader.begin(a.calling, now)
		for _, r := range a.due[1:] {
			leader.Others = append(leader.Others, r.ID)
			r.Step++
			r.StepAt, r.Told = now, leader.ID
			r.decide(decision{Raised: r.Step == r.First, Round: r.Round, Step: r.Step, At: now})
			r.keeping.revision++
		}
		told = append(told, a.due...)
	}
	return told, wait
}

// page is what the recipient of d gets to read.
func (b *board) page(r *record, d Delivery, now devices.Stamp) Page {
	p := Page{
		Key: d.key(r.ID + r.Again), Incident: r.ID, Kind: r.Kind, Priority: r.Priority,
		Building: r.Building, Room: r.Room, Place: r.Place, DeviceKind: r.DeviceKind,
		Raised: r.Raised.Wall, Synced: r.Raised.Synced, Presses: r.Presses,
		Round: r.Round, Step: d.Step, Attempt: d.Attempts + 1, FromMemory: d.FromMemory,
		Absent: r.Absent,
	}
	if r.Building == "" && r.Room == "" && r.Place == "" {
		p.Device = r.Device
	}
	if r.Kind == Stranger {
		p.Device, p.Model, p.Reports = cmp.Or(r.Stranger.Address, r.Device), r.Stranger.Model, r.Stranger.Type
	}
	if waiting, same := now.Since(r.Raised); same {
		p.Waiting = int(waiting / time.Second)
	}
	for _, s := range r.Because {
		if s.Sign == SignOutside {
			p.PositionMinutes = max(s.Minutes, 1)
			if since, same := now.Since(r.Last); same {
				p.PositionMinutes += int(since / time.Minute)
			}
			if since, same := now.Since(r.Located); same && r.Located != (devices.Stamp{}) {
				p.PositionMinutes = max(int(since/time.Minute), 1)
			}
		}
	}
	_, p.Test = b.silenced(r, ModeTest, now)
	p.Test = p.Test || r.Kind == Drill
	if d.Step == r.Step {
		for i, id := range r.Others {
			if i == maxOthers {
				p.More = len(r.Others) - i
				break
			}
			if o := b.records[id]; o != nil {
				other := Other{Kind: o.Kind, Building: o.Building, Room: o.Room, Place: o.Place}
				if o.Building == "" && o.Room == "" && o.Place == "" {
					other.Device = o.Device
				}
				p.Others = append(p.Others, other)
			}
		}
	}
	return p
}

// byUrgency lists the incidents, those first that must not wait.
func (b *board) byUrgency() []*record {
	list := b.sorted()
	slices.SortStableFunc(list, func(a, b *record) int { return cmp.Compare(a.Priority.rank(), b.Priority.rank()) })
	return list
}

// audience names those who are called, and how.
func (c calling) audience() string {
	var key strings.Builder
	for _, d := range c.pages {
		key.WriteString("/" + d.Recipient)
	}
	return key.String()
}
