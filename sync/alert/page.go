package alert

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// Page is one attempt to call one person over one channel, as the channel
// gets it. It says where and what, and names nobody unless the operator wants
// that. The JSON form is what the webhook posts.
type Page struct {
	// Key is the identity of the page: it stays the same when an attempt is
	// repeated, and differs between steps, recipients and channels.
	Key      string   `json:"key"`
	Incident string   `json:"incident"`
	Kind     Kind     `json:"kind"`
	Priority Priority `json:"priority"`
	// Building and Room are where the elder lives, Place is the name of the
	// facility for a button that hangs in one.
	Building string `json:"building,omitempty"`
	Room     string `json:"room,omitempty"`
	Place    string `json:"place,omitempty"`
	// Name is the elder's, "" unless Options.Names.
	Name string `json:"name,omitempty"`
	// Device is the ID of the device, given only where nothing else says where
	// to go.
	Device     string       `json:"device,omitempty"`
	DeviceKind devices.Kind `json:"device_kind,omitempty"`
	// Model and Reports are given of a device that is not registered: what it
	// says that it is, and what its call would be of a registered one.
	Model   string       `json:"model,omitempty"`
	Reports devices.Type `json:"reports,omitempty"`
	// Raised is when the alarm was heard, by the box's clock, in UTC. It may
	// be far off on a box whose clock is not synchronised; Synced says so.
	Raised time.Time `json:"raised"`
	Synced bool      `json:"clock_synchronised"`
	// Waiting is for how many seconds nobody has answered, by a clock that
	// cannot be off; 0 if the box was restarted in between.
	Waiting int `json:"waiting_seconds"`
	Presses int `json:"presses"`
	// Round is above 1 when somebody pressed again after an acknowledgement.
	Round int `json:"round"`
	// Step is the step of the escalation, counted from 1 over all rounds.
	Step int `json:"step"`
	// Attempt counts from 1 within the page.
	Attempt int `json:"attempt"`
	// Absent is set when somebody has acknowledged, and nobody has come.
	Absent bool `json:"absent,omitempty"`
	// Days is for how many days something is not mended.
	Days int `json:"days,omitempty"`
	// Visit is set when somebody should go there and mend it.
	Visit bool `json:"visit,omitempty"`
	// PositionMinutes is how old the latest position is, of somebody who may
	// be lost.
	PositionMinutes int `json:"position_minutes,omitempty"`
	// Others are what the page tells of besides, and More how many it does
	// not name.
	Others []Other `json:"others,omitempty"`
	More   int     `json:"more,omitempty"`
	// FromMemory is set when the box could not write in time and called all
	// the same.
	FromMemory bool `json:"from_memory"`
	// Test marks a trial of a channel, or of a device in test mode.
	Test bool `json:"test"`
	// Link leads to where the incident can be acknowledged, "" if nowhere.
	Link string `json:"link,omitempty"`
}

// Other is something that a page tells of besides.
type Other struct {
	Kind     Kind   `json:"kind"`
	Building string `json:"building,omitempty"`
	Room     string `json:"room,omitempty"`
	Place    string `json:"place,omitempty"`
	Device   string `json:"device,omitempty"`
}

// Sender carries pages over one kind of channel.
type Sender interface {
	// Send tries once to bring p to address, and returns soon after ctx ends.
	// It is called from several goroutines at once.
	Send(ctx context.Context, address string, p Page) Result
}

// Class is how an attempt ended.
type Class string

// The classes.
const (
	// Accepted: the channel has taken the page. That is no answer: only a
	// human's acknowledgement is.
	Accepted Class = "accepted"
	// Temporary: certainly not taken, and worth trying again.
	Temporary Class = "temporary"
	// Permanent: not taken, and trying again cannot help.
	Permanent Class = "permanent"
	// Unknown: it may have been taken. It is tried again, for a page too many
	// does no harm.
	Unknown Class = "unknown"
)

// Result is how an attempt ended.
type Result struct {
	Class Class
	// RetryAfter is how long the channel wants to be left alone, 0 if it did
	// not say.
	RetryAfter time.Duration
	// Detail says more, for the page and the log. It holds neither address nor
	// name.
	Detail string
}

// Title is one line: what and where.
func (p Page) Title(lang texts.Lang) string {
	var drill string
	if p.Test {
		drill = texts.Alert.Drill.In(lang)
	}
	return drill + texts.Alert.Title.In(lang, p.Kind.Text(), p.Where(lang))
}

// Text is the title and what there is to say and do, in a few lines.
func (p Page) Text(lang texts.Lang) string {
	t := texts.Alert
	lines := []string{p.Title(lang)}
	say := func(text texts.Text, args ...any) { lines = append(lines, text.In(lang, args...)) }
	switch rule, ok := rules[p.Kind]; {
	case p.Device == devices.ManyStrangers:
		say(texts.AlertStranger.SayMany)
	case p.Kind == Stranger:
		say(texts.AlertStranger.What, calledFor(p.Reports).Text())
		say(rule.say)
	case ok:
		say(rule.say)
	default:
		say(t.Asked)
	}
	if p.PositionMinutes > 0 {
		say(texts.AlertRules.Position, p.PositionMinutes)
	}
	if p.Visit {
		say(texts.AlertRules.VisitNeeded, p.Days)
	}
	if minutes := p.Waiting / 60; minutes > 0 {
		say(t.Waiting, minutes)
	}
	switch {
	case p.Absent:
		say(texts.AlertRules.NobodyCame)
	case p.Round > 1 && p.Priority == High:
		say(t.Again)
	}
	if p.Presses > 1 && p.Priority == High {
		say(t.Presses, p.Presses)
	}
	if len(p.Others) > 0 {
		say(texts.AlertRules.Others)
		for _, o := range p.Others {
			say(texts.AlertRules.Other, o.Kind.Text(), Page{Kind: o.Kind, Building: o.Building, Room: o.Room, Place: o.Place, Device: o.Device}.Where(lang))
		}
	}
	if p.More > 0 {
		say(texts.AlertRules.More, p.More)
	}
	if p.FromMemory {
		say(t.FromMemory)
	}
	if p.Link != "" {
		say(t.Link, p.Link)
	}
	return strings.Join(lines, "\n")
}

// Where says in a few words where to go, and names nobody.
func (i Incident) Where(lang texts.Lang) string {
	p := Page{Kind: i.Kind, Building: i.Building, Room: i.Room, Place: i.Place, Device: i.Device}
	if i.Kind == Stranger {
		p.Device, p.Model = cmp.Or(i.Stranger.Address, i.Device), i.Stranger.Model
	}
	return p.Where(lang)
}

// Where says in a few words where to go.
func (p Page) Where(lang texts.Lang) string {
	switch {
	case p.Kind.box():
		return texts.Alert.TheBox.In(lang)
	case p.Kind == Stranger:
		return strings.TrimSpace(p.Place + " " + p.strange(lang))
	case p.Building != "" || p.Room != "":
		return strings.Join(strings.Fields(p.Building+" "+p.Room+" "+p.Name), " ")
	case p.Place != "":
		return p.Place
	default:
		return texts.Alert.WhereUnknown.In(lang, p.Device)
	}
}
