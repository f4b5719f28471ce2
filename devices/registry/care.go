package registry

import (
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// The tables of the care: what is agreed on for an elder, and who stands by.
const (
	Cares    Table = "care"
	Groups   Table = "groups"
	Shifts   Table = "shifts"
	Holidays Table = "holidays"
)

// Care is what is agreed on for one elder, besides the calls for help that
// everybody has. A field that is zero stands for the default of its rule.
type Care struct {
	// ID is the elder's.
	ID string `json:"id"`
	// Groups are called beside the elder's own caregivers, whoever of them is
	// on duty.
	Groups []string `json:"groups,omitempty"`

	HighFallRisk bool `json:"high_fall_risk,omitempty" personal:"true"`
	Dementia     bool `json:"dementia,omitempty" personal:"true"`
	// AwayUntil is the day on which the elder is back, "2026-12-01"; "" is at
	// home. Until then nobody misses signs of life, meals or sleep.
	AwayUntil string `json:"away_until,omitempty" personal:"true"`

	// Active are the hours in which signs of life are expected, Night those in
	// which the bed is.
	Active          Hours `json:"active,omitempty" personal:"true"`
	Night           Hours `json:"night,omitempty" personal:"true"`
	InactiveMinutes int   `json:"inactive_minutes,omitempty" personal:"true"`
	BedExitMinutes  int   `json:"bed_exit_minutes,omitempty" personal:"true"`
	// AnswerMinutes is how long the elder has to answer whether all is well,
	// CancelSeconds to say that a fall was none.
	AnswerMinutes int `json:"answer_minutes,omitempty" personal:"true"`
	CancelSeconds int `json:"cancel_seconds,omitempty" personal:"true"`
	// StepSeconds is how long each step of a call for help waits for a human,
	// MediumMinutes that of what is less urgent.
	StepSeconds   int `json:"step_seconds,omitempty" personal:"true"`
	MediumMinutes int `json:"medium_minutes,omitempty" personal:"true"`
	// VisitDays is for how many days an elder may be unprotected until somebody
	// should visit.
	VisitDays int `json:"visit_days,omitempty" personal:"true"`
	// Fence is where a wearable should be, nil for anywhere. Outside of it for
	// OutsideMinutes, or for OutsideFixes, is wandering.
	Fence          *Fence `json:"fence,omitempty" personal:"true"`
	OutsideMinutes int    `json:"outside_minutes,omitempty" personal:"true"`
	OutsideFixes   int    `json:"outside_fixes,omitempty" personal:"true"`
	// Bedroom are sensors that a sleeper moves: they are no sign of life.
	Bedroom []string `json:"bedroom,omitempty"`
	// Meal are the hours in which a meal is picked up, "" for no meals;
	// MealMinutes is how long after them it is missed.
	Meal        Hours `json:"meal,omitempty" personal:"true"`
	MealMinutes int   `json:"meal_minutes,omitempty" personal:"true"`
	// Bands are the vital signs that are watched.
	Bands []Band `json:"bands,omitempty" personal:"true"`
	// RoundHours is how long after a visit the next is due, 0 for no rounds.
	RoundHours int `json:"round_hours,omitempty" personal:"true"`
	// Door makes the label at the elder's door different from those before it,
	// "" while there is none: see Console.Door.
	Door string `json:"door,omitempty"`
}

// Fence is a circle: its centre in degrees of WGS 84, its radius in metres.
type Fence struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Metres    float64 `json:"metres"`
}

// Band is what a vital sign should stay within, as agreed with whoever treats
// the elder. Vital is the name of a field of wearable.Vitals, the figures are
// in its unit.
type Band struct {
	Vital string  `json:"vital"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	// Margin is how far inside the band a reading must be to be well again, at
	// the end at which it was outside; 0 is a twentieth of the band.
	Margin float64 `json:"margin,omitempty"`
	// InARow is how many readings in a row must be outside, 0 for the default.
	InARow int `json:"in_a_row,omitempty"`
}

// Vitals are the names that a Band may have.
func Vitals() []string {
	return []string{"heart_rate", "spo2", "systolic", "diastolic", "celsius"}
}

// Role is when the members of a Group are called.
type Role string

// The roles.
const (
	RoleNone       Role = ""           // only for the elders whose Care names the group
	RoleCare       Role = "care"       // first, for every elder
	RoleSupervisor Role = "supervisor" // when those have not answered
	RoleDesk       Role = "desk"       // the duty desk, when nobody else has
	RoleOperator   Role = "operator"   // for what concerns devices, not people
)

// Text says it in words.
func (r Role) Text() texts.Text {
	t := texts.Roles
	switch r {
	case RoleCare:
		return t.Care
	case RoleSupervisor:
		return t.Supervisor
	case RoleDesk:
		return t.Desk
	case RoleOperator:
		return t.Operator
	}
	return t.None
}

// Group is caregivers who stand by in turn, or together: if the rota has
// shifts for the group, those whose shift it is, else all of them.
type Group struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Role    Role     `json:"role,omitempty"`
	Members []string `json:"members"`
}

// Day is a day of the rota's week.
type Day string

// DayHoliday is any day of the table Holidays, whatever its weekday.
const DayHoliday Day = "holiday"

// Days lists what a Shift may have: the days of the week as in
// time.Weekday, and DayHoliday.
func Days() []Day { return []Day{"sun", "mon", "tue", "wed", "thu", "fri", "sat", DayHoliday} }

// Shift says who of a group is on duty when: each week on certain days, or,
// with First, as an exception on certain dates, which goes before the week. An
// exception with Instead is a swap: it only replaces that person.
type Shift struct {
	ID    string `json:"id"`
	Group string `json:"group"`
	Days  []Day  `json:"days,omitempty"`
	// First and Last are dates, "2026-10-01"; Last is First if it is "".
	First string `json:"first,omitempty"`
	Last  string `json:"last,omitempty"`
	// Hours belong to the day on which they begin; "" is the whole day.
	Hours   Hours    `json:"hours,omitempty"`
	People  []string `json:"people"`
	Instead string   `json:"instead,omitempty"`
}

// Holiday is a day on which the rota's DayHoliday counts instead of the
// weekday. ID is its date, "2026-10-01".
type Holiday struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Hours are a part of each day, "08:00-20:00", over midnight if the end is not
// after the beginning. "" is none given.
type Hours string

// Minutes are the beginning and the end in minutes of the day; ok is false for
// "" and for what are no hours.
func (h Hours) Minutes() (from, to int, ok bool) {
	a, b, cut := strings.Cut(string(h), "-")
	begin, err1 := time.Parse("15:04", a)
	end, err2 := time.Parse("15:04", b)
	if !cut || err1 != nil || err2 != nil || len(a) != 5 || len(b) != 5 {
		return 0, 0, false
	}
	return begin.Hour()*60 + begin.Minute(), end.Hour()*60 + end.Minute(), true
}

// Covers tells whether a time of day is within the hours. "" covers none.
func (h Hours) Covers(t time.Time) bool {
	from, to, ok := h.Minutes()
	at := t.Hour()*60 + t.Minute()
	switch {
	case !ok:
		return false
	case from < to:
		return from <= at && at < to
	}
	return at >= from || at < to
}

const (
	maxShifts = 31   // people of one shift
	maxBands  = 10   // vital signs watched of one elder
	maxHours  = 8760 // of anything: a year
	maxWait   = 240  // of what somebody is waited for
	maxStep   = 300  // seconds until the next is called
	maxMedium = 60   // minutes until then, of what is less urgent
)

// number is a field that may be 0 to most.
type number struct {
	field   string
	n, most int
}

func within(all []number) error {
	for _, f := range all {
		if f.n < 0 || f.n > f.most {
			return texts.Errorf(texts.RegistryCare.Number, f.field, f.most, f.n)
		}
	}
	return nil
}

func (c Care) table() Table { return Cares }
func (c Care) id() string   { return c.ID }
func (c Care) clone() Record {
	c.Groups, c.Bands, c.Bedroom = slices.Clone(c.Groups), slices.Clone(c.Bands), slices.Clone(c.Bedroom)
	if c.Fence != nil {
		fence := *c.Fence
		c.Fence = &fence
	}
	return c
}

func (c Care) validate() error {
	t := texts.RegistryCare
	for field, h := range map[string]Hours{"active": c.Active, "night": c.Night, "meal": c.Meal} {
		if err := checkHours(field, h); err != nil {
			return err
		}
	}
	if err := within([]number{
		{"inactive_minutes", c.InactiveMinutes, maxHours}, {"bed_exit_minutes", c.BedExitMinutes, maxHours}, {"round_hours", c.RoundHours, maxHours},
		{"answer_minutes", c.AnswerMinutes, maxWait}, {"cancel_seconds", c.CancelSeconds, maxStep}, {"step_seconds", c.StepSeconds, maxStep},
		{"visit_days", c.VisitDays, maxWait}, {"outside_minutes", c.OutsideMinutes, maxWait}, {"outside_fixes", c.OutsideFixes, maxWait},
		{"meal_minutes", c.MealMinutes, maxWait}, {"medium_minutes", c.MediumMinutes, maxMedium},
	}); err != nil {
		return err
	}
	if f := c.Fence; f != nil && (f.Latitude < -90 || f.Latitude > 90 || f.Longitude < -180 || f.Longitude > 180 || f.Metres < 10) {
		return texts.Errorf(t.Fence)
	}
	if len(c.Bands) > maxBands {
		return texts.Errorf(texts.Registry.TooMany, "bands", maxBands, len(c.Bands))
	}
	for _, b := range c.Bands {
		if !slices.Contains(Vitals(), b.Vital) || b.Low >= b.High || b.Margin < 0 || 2*b.Margin >= b.High-b.Low || b.InARow < 0 {
			return texts.Errorf(t.Band, strings.Join(Vitals(), ", "), b.Vital)
		}
	}
	if err := checkTwice("groups", c.Groups); err != nil {
		return err
	}
	if err := checkTwice("bedroom", c.Bedroom); err != nil {
		return err
	}
	return checkDate("away_until", c.AwayUntil)
}

func (g Group) table() Table { return Groups }
func (g Group) id() string   { return g.ID }
func (g Group) clone() Record {
	g.Members = slices.Clone(g.Members)
	return g
}

func (g Group) validate() error {
	if err := checkName("name", g.Name, true); err != nil {
		return err
	}
	switch g.Role {
	case RoleNone, RoleCare, RoleSupervisor, RoleDesk, RoleOperator:
	default:
		return texts.Errorf(texts.RegistryCare.Role, string(g.Role))
	}
	if len(g.Members) > maxPeople {
		return texts.Errorf(texts.Registry.TooMany, "members", maxPeople, len(g.Members))
	}
	return checkTwice("members", g.Members)
}

func (s Shift) table() Table { return Shifts }
func (s Shift) id() string   { return s.ID }
func (s Shift) clone() Record {
	s.Days, s.People = slices.Clone(s.Days), slices.Clone(s.People)
	return s
}

func (s Shift) validate() error {
	t := texts.RegistryCare
	switch {
	case (len(s.Days) == 0) == (s.First == ""):
		return texts.Errorf(t.DaysOrDates)
	case len(s.People) == 0:
		return texts.Errorf(texts.Registry.Missing, "people")
	case len(s.People) > maxShifts:
		return texts.Errorf(texts.Registry.TooMany, "people", maxShifts, len(s.People))
	case s.Instead != "" && s.First == "":
		return texts.Errorf(t.SwapDates)
	case s.Last != "" && s.Last < s.First:
		return texts.Errorf(t.LastFirst, s.First, s.Last)
	}
	for _, d := range s.Days {
		if !slices.Contains(Days(), d) {
			return texts.Errorf(t.Day, string(d))
		}
	}
	if err := checkTwice("people", s.People); err != nil {
		return err
	}
	if err := checkHours("hours", s.Hours); err != nil {
		return err
	}
	if err := checkDate("first", s.First); err != nil {
		return err
	}
	return checkDate("last", s.Last)
}

func (h Holiday) table() Table  { return Holidays }
func (h Holiday) id() string    { return h.ID }
func (h Holiday) clone() Record { return h }

func (h Holiday) validate() error {
	if err := checkDate("id", h.ID); err != nil {
		return err
	}
	return checkName("name", h.Name, false)
}

func checkHours(field string, h Hours) error {
	if _, _, ok := h.Minutes(); h != "" && !ok {
		return texts.Errorf(texts.RegistryCare.Hours, field, string(h))
	}
	return nil
}

func checkDate(field, date string) error {
	if _, err := time.Parse(time.DateOnly, date); date != "" && err != nil {
		return texts.Errorf(texts.RegistryCare.Date, field, date)
	}
	return nil
}

func checkTwice(field string, ids []string) error {
	for i, id := range ids {
		if devices.CheckCode(field, id) != nil {
			return texts.Errorf(texts.Registry.Code, field, id)
		}
		if slices.Contains(ids[:i], id) {
			return texts.Errorf(texts.Registry.Twice, field, id)
		}
	}
	return nil
}

// care are the references between the records of this file.
func (s *Snapshot) care(refer func(t Table, holder, field string, to Table, target string) bool) {
	each := func(t Table, holder, field string, to Table, targets []string) {
		for _, target := range targets {
			refer(t, holder, field, to, target)
		}
	}
	for id, c := range s.Cares {
		refer(Cares, id, "id", Elders, id)
		each(Cares, id, "groups", Groups, c.Groups)
	}
	for id, g := range s.Groups {
		each(Groups, id, "members", Caregivers, g.Members)
	}
	for id, sh := range s.Shifts {
		refer(Shifts, id, "group", Groups, sh.Group)
		refer(Shifts, id, "instead", Caregivers, sh.Instead)
		each(Shifts, id, "people", Caregivers, sh.People)
	}
}
