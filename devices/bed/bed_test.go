package bed_test

import (
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/spell"
)

// A night: in bed at ten, up for twelve minutes at two, and a sensor that is
// offline in between. Offline is not out of bed.
func TestNight(t *testing.T) {
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 23, hour, minute, 0, 0, time.UTC) }
	var l spell.Levels
	var got []spell.Change
	for _, r := range []struct {
		at time.Time
		p  devices.Payload
	}{
		{at(20, 0), condition.Status{Online: true}},
		{at(20, 0), bed.Occupancy{}},
		{at(22, 0), bed.Occupancy{Occupied: true}},
		{at(23, 0), condition.Status{}},
		{at(23, 30), condition.Status{Online: true}},
		{at(26, 0), bed.Occupancy{}},
		{at(26, 12), bed.Occupancy{Occupied: true}},
	} {
		var changes []spell.Change
		l, changes = l.Step(r.p, r.at)
		for _, c := range changes {
			if c.Level == "occupancy" {
				got = append(got, c)
			}
		}
	}
	if len(got) != 3 || got[1].Kind != spell.Ended || got[2].Kind != spell.Began {
		t.Fatalf("the night amounts to %+v", got)
	}
	if asleep, ok := got[1].Took(); !ok || asleep != 4*time.Hour {
		t.Errorf("was in bed for %s, %t", asleep, ok)
	}
	if away := got[2].At.Sub(got[1].At); away != 12*time.Minute {
		t.Errorf("was up for %s", away)
	}
}

// A call for help from a bed is one like any other: urgent, and of the type
// that calls people.
func TestCallForHelpIsUrgent(t *testing.T) {
	_, urgency, err := devices.NewVocabulary(bed.Specs()).Parse(bed.Kind, "sos", nil)
	if err != nil || urgency != devices.Urgent {
		t.Errorf("%s, %v", urgency, err)
	}
}
