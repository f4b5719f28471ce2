package alert

import (
	"cmp"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
)

// zone is where the boxes stand: rota, nights and meals are of its civil time.
var zone = time.FixedZone("UTC+8", 8*60*60)

// civil is the civil time of a stamp, the zero time while the clock cannot be
// right: nobody made this before 2026.
func civil(s devices.Stamp) time.Time {
	if s.Wall.Year() < 2026 || s.Wall.Year() > 2100 {
		return time.Time{}
	}
	return s.Wall.In(zone)
}

// onDuty are those of a group who are on duty, in the order of the shifts. The
// whole group is, where the rota has no shifts for it, has a hole, or nobody
// knows what time it is.
func (r roll) onDuty(g registry.Group, now devices.Stamp) []registry.Caregiver {
	ids, ok := []string(nil), false
	if local := civil(now); !local.IsZero() {
		shifts := r.shifts(g.ID)
		ids, ok = r.duty(shifts, observed(shifts), local)
	}
	if !ok || len(ids) == 0 {
		ids = g.Members
	}
	var people []registry.Caregiver
	for _, id := range ids {
		if c, ok := r.Caregivers[id]; ok {
			people = append(people, c)
		}
	}
	return people
}

// duty is what the shifts of a group say of a time; ok is false if there are
// none. holidays says whether they have any for holidays.
//
// An exception of the date goes before the week; a swap replaces one person
// where that person would be on duty.
func (r roll) duty(shifts []registry.Shift, holidays bool, local time.Time) (ids []string, ok bool) {
	var weekly, exceptions []string
	var excepted bool
	var swaps []registry.Shift
	for _, s := range shifts {
		ok = ok || s.First == ""
		if !r.covers(s, holidays, local) {
			continue
		}
		switch {
		case s.First == "":
			weekly = append(weekly, s.People...)
		case s.Instead != "":
			swaps = append(swaps, s)
		default:
			excepted, ok = true, true
			exceptions = append(exceptions, s.People...)
		}
	}
	if ids = weekly; excepted {
		ids = exceptions
	}
	for _, s := range swaps {
		if i := slices.Index(ids, s.Instead); i >= 0 {
			ids = slices.Replace(slices.Clone(ids), i, i+1, s.People...)
		}
	}
	return ids, ok
}

func (r roll) shifts(group string) []registry.Shift {
	var found []registry.Shift
	for _, s := range r.Shifts {
		if s.Group == group {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b registry.Shift) int { return cmp.Compare(a.ID, b.ID) })
	return found
}

// covers tells whether a shift is on at a time. Hours over midnight belong to
// the day on which they begin.
func (r roll) covers(s registry.Shift, holidays bool, local time.Time) bool {
	from, to, limited := s.Hours.Minutes()
	if !limited {
		return r.falls(s, holidays, local)
	}
	at := local.Hour()*60 + local.Minute()
	switch {
	case from < to:
		return from <= at && at < to && r.falls(s, holidays, local)
	case at >= from:
		return r.falls(s, holidays, local)
	}
	return at < to && r.falls(s, holidays, local.AddDate(0, 0, -1))
}

// falls tells whether a shift is of a day.
func (r roll) falls(s registry.Shift, holidays bool, day time.Time) bool {
	date := day.Format(time.DateOnly)
	if s.First != "" {
		return s.First <= date && date <= cmp.Or(s.Last, s.First)
	}
	want := registry.Days()[day.Weekday()]
	if _, holiday := r.Holidays[date]; holiday && holidays {
		want = registry.DayHoliday
	}
	return slices.Contains(s.Days, want)
}

// observed tells whether shifts say anything of holidays; if not these are days
// like others.
func observed(shifts []registry.Shift) bool {
	return slices.ContainsFunc(shifts, func(s registry.Shift) bool { return slices.Contains(s.Days, registry.DayHoliday) })
}

// Flaw is what is wrong with the rota of the coming days.
type Flaw struct {
	Group string `json:"group"`
	// From and To bound the hole, or the first duty of the person.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Person is on duty and has no channel that works; "" if nobody is on duty.
	Person string `json:"person,omitempty"`
}

// ahead is how far the rota is looked through.
const ahead = 14 * 24 * time.Hour

// flaws looks through the rota of the coming days, in quarters of an hour.
func (r roll) flaws(now devices.Stamp) []Flaw {
	local := civil(now)
	if local.IsZero() {
		return nil
	}
	const quarter = 15 * time.Minute
	begin := local.Truncate(quarter)
	var found []Flaw
	for _, g := range registry.Sorted(r.Groups) {
		shifts := r.shifts(g.ID)
		if len(shifts) == 0 {
			continue
		}
		holidays := observed(shifts)
		mute := map[string]int{} // where in found
		hole := -1
		for at := begin; at.Before(begin.Add(ahead)); at = at.Add(quarter) {
			ids, ok := r.duty(shifts, holidays, at)
			if ok && len(ids) == 0 {
				if hole < 0 {
					hole = len(found)
					found = append(found, Flaw{Group: g.ID, From: at})
				}
				found[hole].To = at.Add(quarter)
			} else {
				hole = -1
			}
			for _, id := range ids {
				if !hopeless(r.pages(rung{people: []registry.Caregiver{r.Caregivers[id]}})) {
					continue
				}
				i, known := mute[id]
				if !known {
					i = len(found)
					mute[id] = i
					found = append(found, Flaw{Group: g.ID, From: at, Person: id})
				}
				if !known || found[i].To.Equal(at) {
					found[i].To = at.Add(quarter)
				}
			}
		}
	}
	return found
}

// Standing is who is on duty in a group.
type Standing struct {
	Group  string        `json:"group"`
	Role   registry.Role `json:"role,omitempty"`
	People []string      `json:"people"`
}

// Duty lists who is on duty now, and what is wrong with the rota of the coming
// 14 days.
func (e *Engine) Duty() ([]Standing, []Flaw) {
	people, now := e.people(), e.options.Clock()
	var list []Standing
	for _, g := range registry.Sorted(people.Groups) {
		s := Standing{Group: g.ID, Role: g.Role}
		for _, c := range people.onDuty(g, now) {
			s.People = append(s.People, c.ID)
		}
		list = append(list, s)
	}
	e.flaws.Lock()
	defer e.flaws.Unlock()
	if quarter := now.Wall.Truncate(15 * time.Minute); e.flaws.people != people.Snapshot || !e.flaws.at.Equal(quarter) {
		e.flaws.people, e.flaws.at, e.flaws.found = people.Snapshot, quarter, people.flaws(now)
	}
	return list, slices.Clone(e.flaws.found)
}
