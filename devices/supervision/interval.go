package supervision

import (
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/attendance"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/booking"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/desk"
	"github.com/linli-edge/gateway/devices/express"
	"github.com/linli-edge/gateway/devices/fitness"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
	"github.com/linli-edge/gateway/devices/rating"
	"github.com/linli-edge/gateway/devices/rental"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/terminal"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
)

const (
	// mains is for what is always on: its connection alone says that it lives.
	mains = 2 * time.Hour
	// battery is for what sleeps, and checks in once a day at least.
	battery = 25 * time.Hour
	// books is for what speaks when people use it, which may be after a long
	// holiday only.
	books = 9 * 24 * time.Hour
)

// intervals are the reporting intervals of each kind.
var intervals = map[devices.Kind]time.Duration{
	devices.KindBridge: mains,
	locker.Kind:        mains,
	cabinet.Kind:       mains,
	pickup.Kind:        mains,
	terminal.Kind:      mains,
	wearable.Kind:      battery,
	alarm.Kind:         battery,
	bed.Kind:           6 * time.Hour,
	attendance.Kind:    battery,
	express.Kind:       battery,
	rating.Kind:        battery,
	room.Kind:          battery,
	visit.Kind:         books,
	booking.Kind:       books,
	desk.Kind:          books,
	fitness.Kind:       books,
	rental.Kind:        books,
}

// Interval is within which time a device of a kind that works has said
// something, unless its registration says otherwise. A kind that is not listed
// is taken for one that sleeps.
func Interval(kind devices.Kind) time.Duration {
	if d, ok := intervals[kind]; ok {
		return d
	}
	return battery
}
