package alert

import (
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
)

// How each kind is handled by default: how urgent it is, what the siren plays,
// and who is called at once, within the three minutes in which whatever is
// technical has to be told, and in the three after those.
func TestKindsByDefault(t *testing.T) {
	for kind, want := range map[Kind]struct {
		priority          Priority
		plays             Sound
		first, soon, late string
	}{
		SOS:            {High, ForHelp, own, "", ""},
		Fall:           {High, ForHelp, own, "", ""},
		Smoke:          {High, Evacuate, own, "", ""},
		Gas:            {High, Evacuate, own, "", ""},
		CarbonMonoxide: {High, Evacuate, own, "", ""},
		Water:          {High, Evacuate, own, "", ""},

		Wandering:  {Medium, Quiet, own, "", "boss"},
		NightExit:  {Medium, Quiet, own, "", "boss"},
		Inactivity: {Medium, Quiet, own, "", "boss"},
		MissedMeal: {Medium, Quiet, own, "", "boss"},
		VitalSign:  {Medium, Quiet, own, "", "boss"},

		Food:      {Operator, Quiet, "tech", "", ""},
		Tamper:    {Operator, Quiet, "tech", "", ""},
		DoorAjar:  {Operator, Quiet, "", "", "tech"},
		Unclaimed: {Operator, Quiet, "", "", "tech"},
		Faulty:    {Operator, Quiet, "", "", "tech"},
		RoundDue:  {Operator, Quiet, "", "", own},

		Unprotected: {Technical, Quiet, "", own, ""}, // its next step is after five minutes
		Silent:      {Technical, Quiet, "", "tech", ""},
		BoxOff:      {Technical, Quiet, "", "tech", ""},
		ClockOff:    {Technical, Quiet, "", "tech", ""},
		PathDown:    {Technical, Quiet, "", "tech", ""},
		DiskFull:    {Technical, Quiet, "tech", "", ""},
	} {
		story(t, func(t *testing.T, b *box) {
			b.staff(t)
			must(t, b.registry.Put(registry.Device{Device: devices.Device{ID: "kitchen", Kind: alarm.Kind, Elder: "zhao"}}))
			switch kind {
			case SOS:
				b.send(t, "w-zhao", "1", wearable.SOS{})
			case Fall:
				b.send(t, "w-zhao", "1", wearable.Fall{})
			case Smoke:
				b.send(t, "kitchen", "1", alarm.Smoke{})
			case Gas:
				b.send(t, "kitchen", "1", alarm.Gas{})
			case CarbonMonoxide:
				b.send(t, "kitchen", "1", alarm.CarbonMonoxide{})
			case Water:
				b.send(t, "kitchen", "1", alarm.Water{})
			default:
				f := Found{Kind: kind}
				switch r := rules[kind]; {
				case r.care:
					f.Elder = "zhao"
				case !kind.box():
					f.Device = "locker-1"
				}
				b.report(t, "1", f)
			}
			if i := b.only(t); i.Kind != kind || i.Priority != want.priority {
				t.Errorf("%s is %s, %s", kind, i.Kind, i.Priority)
			}
			if got := b.siren.plays; got != want.plays {
				t.Errorf("%s: the siren plays %q", kind, got)
			}
			b.expect(t, string(kind)+" at once", want.first)
			if want.priority == High {
				return
			}
			pass(3 * time.Minute)
			b.expect(t, string(kind)+" within three minutes", want.soon)
			pass(3 * time.Minute)
			b.expect(t, string(kind)+" after that", want.late)
		})
	}
}
