package alert

import (
	"maps"
	"slices"

	"github.com/linli-edge/gateway/devices/texts"
)

// Kind is what an incident is about.
type Kind string

// The kinds.
const (
	// Calls for help.
	SOS  Kind = "sos"
	Fall Kind = "fall"
	// Stranger: a device that is not registered calls, and nobody knows whose
	// it is.
	Stranger Kind = "stranger"
	// The alarms of a room.
	Smoke          Kind = "smoke"
	Gas            Kind = "gas"
	CarbonMonoxide Kind = "carbon_monoxide"
	Water          Kind = "water"
	// What the rules find of an elder.
	Wandering  Kind = "wandering"
	NightExit  Kind = "night_exit"
	Inactivity Kind = "inactivity"
	MissedMeal Kind = "missed_meal"
	VitalSign  Kind = "vital_sign"
	// RoundDue: a visit of the care round is overdue.
	RoundDue Kind = "round_due"
	// Unprotected: what an elder could call for help with does not work.
	Unprotected Kind = "unprotected"
	// What the rules find of a device in use.
	Food      Kind = "food"
	DoorAjar  Kind = "door_ajar"
	Unclaimed Kind = "unclaimed"
	Faulty    Kind = "faulty"
	Tamper    Kind = "tamper"
	Silent    Kind = "silent"
	// What is wrong with the box itself.
	Loss     Kind = "loss"      // it has lost events, or could not read what it had kept
	BoxOff   Kind = "box_off"   // it was off
	ClockOff Kind = "clock_off" // its clock is not synchronised
	DiskFull Kind = "disk_full" // little space is left
	PathDown Kind = "path_down" // it cannot reach the world, or the world it
	// Drill is the daily trial of the whole path. No person is ever called for
	// one.
	Drill Kind = "drill"
)

// rule is how incidents of a kind are handled.
type rule struct {
	name     texts.Text
	say      texts.Text // what a page says to do
	priority Priority
	// care: the elder's people are called, else the operators.
	care bool
	// atOnce: told without waiting for company.
	atOnce bool
	// level: it is over when the rule says so. A human is not needed to close
	// it, unless somebody may be in danger.
	level bool
}

var rules = map[Kind]rule{
	SOS:            {texts.Alert.SOS, texts.Alert.Asked, High, true, true, false},
	Fall:           {texts.Alert.Fall, texts.Alert.Fell, High, true, true, false},
	Stranger:       {texts.AlertStranger.Name, texts.AlertStranger.Say, High, true, true, false},
	Smoke:          {texts.Alert.Smoke, texts.Alert.Alarms, High, true, true, false},
	Gas:            {texts.Alert.Gas, texts.Alert.Alarms, High, true, true, false},
	CarbonMonoxide: {texts.Alert.CarbonMonoxide, texts.Alert.Alarms, High, true, true, false},
	Water:          {texts.Alert.Water, texts.Alert.Alarms, High, true, true, false},

	Wandering:   {texts.AlertRules.Wandering, texts.AlertRules.SayWandering, Medium, true, true, false},
	NightExit:   {texts.AlertRules.NightExit, texts.AlertRules.SayNightExit, Medium, true, true, false},
	Inactivity:  {texts.AlertRules.Inactivity, texts.AlertRules.SayCheck, Medium, true, true, false},
	MissedMeal:  {texts.AlertRules.MissedMeal, texts.AlertRules.SayCheck, Medium, true, true, false},
	VitalSign:   {texts.AlertRules.VitalSign, texts.AlertRules.SayVitalSign, Medium, true, true, false},
	RoundDue:    {texts.AlertRules.RoundDue, texts.AlertRules.SayRound, Operator, true, false, true},
	Unprotected: {texts.AlertRules.Unprotected, texts.AlertRules.SayUnprotected, Technical, true, false, true},

	Food:      {texts.AlertRules.Food, texts.AlertRules.SayFood, Operator, false, true, true},
	DoorAjar:  {texts.AlertRules.DoorAjar, texts.AlertRules.SayDoor, Operator, false, false, true},
	Unclaimed: {texts.AlertRules.Unclaimed, texts.AlertRules.SayUnclaimed, Operator, false, false, true},
	Faulty:    {texts.AlertRules.Faulty, texts.AlertRules.SayFaulty, Operator, false, false, true},
	Tamper:    {texts.AlertRules.Tamper, texts.AlertRules.SayTamper, Operator, false, true, true},
	Silent:    {texts.AlertRules.Silent, texts.AlertRules.SaySilent, Technical, false, false, true},

	Loss:     {texts.Alert.Loss, texts.Alert.Lost, Technical, false, true, false},
	BoxOff:   {texts.AlertRules.BoxOff, texts.AlertRules.SayBoxOff, Technical, false, false, false},
	ClockOff: {texts.AlertRules.ClockOff, texts.AlertRules.SayClock, Technical, false, false, true},
	DiskFull: {texts.AlertRules.DiskFull, texts.AlertRules.SayDisk, Technical, false, true, true},
	Drill:    {texts.AlertDrill.Name, texts.AlertDrill.Say, Medium, false, true, true},
	PathDown: {texts.AlertRules.PathDown, texts.AlertRules.SayPath, Technical, false, false, true},
}

// Kinds lists them all, by name.
func Kinds() []Kind { return slices.Sorted(maps.Keys(rules)) }

// Text names the kind.
func (k Kind) Text() texts.Text {
	if r, ok := rules[k]; ok {
		return r.name
	}
	return texts.Alert.SOS
}

// Priority is the kind's own; a rule may have raised that of an incident.
func (k Kind) Priority() Priority { return rules[k].priority }

// box tells whether it is about the box itself, and not about a place.
func (k Kind) box() bool {
	switch k {
	case Loss, BoxOff, ClockOff, DiskFull, PathDown, Drill:
		return true
	}
	return false
}

// Sound is what the siren plays.
type Sound string

// The sounds.
const (
	Quiet Sound = ""
	// ForHelp: a person calls.
	ForHelp Sound = "help"
	// Evacuate: smoke, gas, carbon monoxide or water. It goes before ForHelp.
	Evacuate Sound = "evacuate"
)

// sound is that of an unanswered incident.
func (i *Incident) sound() Sound {
	switch {
	case i.Priority != High, i.Kind == Stranger:
		return Quiet
	case i.Kind == Smoke || i.Kind == Gas || i.Kind == CarbonMonoxide || i.Kind == Water:
		return Evacuate
	}
	return ForHelp
}
