package room_test

import (
	"testing"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/room"
)

// A radar on the ceiling that sees somebody fall calls at once; that somebody
// is in the room does not, and is a state.
func TestWhatCallsAndWhatDoesNot(t *testing.T) {
	v := devices.NewVocabulary(room.Specs())
	for _, c := range []struct {
		typ     devices.Type
		data    string
		urgency devices.Urgency
		level   bool
	}{
		{"fall", `{}`, devices.Urgent, false},
		{"sos", `{}`, devices.Urgent, false},
		{"occupancy", `{"occupied":true}`, devices.Ordinary, true},
		{"door", `{"open":false}`, devices.Ordinary, true},
		{"vibration", `{}`, devices.Ordinary, false},
		{"water.used", `{"litres":3.5}`, devices.Ordinary, false},
	} {
		p, urgency, err := v.Parse(room.Kind, c.typ, []byte(c.data))
		if err != nil || urgency != c.urgency {
			t.Errorf("%s: %s, %v", c.typ, urgency, err)
		}
		if _, level := p.(devices.Leveled); level != c.level {
			t.Errorf("%s is a level: %t", c.typ, level)
		}
	}
	for _, litres := range []string{"0", "-1", "1e9"} {
		if _, _, err := v.Parse(room.Kind, "water.used", []byte(`{"litres":`+litres+`}`)); err == nil {
			t.Errorf("%s litres", litres)
		}
	}
	for _, typ := range []devices.Type{"occupancy", "door", "water.used"} {
		if _, _, err := v.Parse(room.Kind, typ, []byte(`{}`)); err == nil {
			t.Errorf("%s that does not say what", typ)
		}
	}
}
