// Package kinds is the one list of the kinds of device: whoever adds a kind
// adds its line here, and it can be registered, is understood, and has a name.
package kinds

import (
	"slices"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/attendance"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/booking"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/desk"
	"github.com/linli-edge/gateway/devices/express"
	"github.com/linli-edge/gateway/devices/fitness"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
	"github.com/linli-edge/gateway/devices/rating"
	"github.com/linli-edge/gateway/devices/rental"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/terminal"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Kind is one kind of device.
type Kind struct {
	Name devices.Kind
	// Text is what people call it, Glyph one character for it.
	Text, Glyph texts.Text
	// Specs are the types that it reports.
	Specs func() []devices.Spec
}

// all is looked up for every event, and never changes.
var all = list()

// All lists the kinds that can be registered, besides bridges.
func All() []Kind { return slices.Clone(all) }

func list() []Kind {
	t, g := texts.Kinds, texts.KindGlyphs
	all := []Kind{
		{locker.Kind, t.Locker, g.Locker, locker.Specs},
		{cabinet.Kind, t.Cabinet, g.Cabinet, cabinet.Specs},
		{wearable.Kind, t.Wearable, g.Wearable, wearable.Specs},
		{bed.Kind, t.Bed, g.Bed, bed.Specs},
		{alarm.Kind, t.Alarm, g.Alarm, alarm.Specs},
		{room.Kind, t.Room, g.Room, room.Specs},
		{visit.Kind, t.Visit, g.Visit, visit.Specs},
		{terminal.Kind, t.Terminal, g.Terminal, terminal.Specs},
		{rating.Kind, t.Rating, g.Rating, rating.Specs},
		{booking.Kind, t.Booking, g.Booking, booking.Specs},
		{desk.Kind, t.Desk, g.Desk, desk.Specs},
		{attendance.Kind, t.Attendance, g.Attendance, attendance.Specs},
		{fitness.Kind, t.Fitness, g.Fitness, fitness.Specs},
		{rental.Kind, t.Rental, g.Rental, rental.Specs},
		{pickup.Kind, t.Pickup, g.Pickup, pickup.Specs},
		{express.Kind, t.Express, g.Express, express.Specs},
	}
	for i, k := range all { // each may be asked for something, and answers
		all[i].Specs = func() []devices.Spec { return append(k.Specs(), command.Specs(k.Name)...) }
	}
	return all
}

// Of finds a kind by its name.
func Of(name devices.Kind) (Kind, bool) {
	i := slices.IndexFunc(all, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return all[i], true
}

// Names are the names of All.
func Names() []devices.Kind {
	var names []devices.Kind
	for _, k := range all {
		names = append(names, k.Name)
	}
	return names
}

// Vocabulary is what devices of All may report.
func Vocabulary() devices.Vocabulary {
	var specs [][]devices.Spec
	for _, k := range all {
		specs = append(specs, k.Specs())
	}
	return devices.NewVocabulary(specs...)
}
