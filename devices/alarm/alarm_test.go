package alarm_test

import (
	"slices"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/spell"
)

// A report of which nothing can be read but its type is an alarm, and urgent.
func TestNothingSaidIsAnAlarm(t *testing.T) {
	v := devices.NewVocabulary(alarm.Specs())
	for _, typ := range []devices.Type{alarm.TypeSmoke, alarm.TypeGas, alarm.TypeCarbonMonoxide, alarm.TypeWater} {
		for data, on := range map[string]bool{``: true, `{}`: true, `{"cleared":null}`: true, `{"cleared":false}`: true, `{"cleared":true}`: false} {
			p, urgency, err := v.Parse(alarm.Kind, typ, []byte(data))
			if err != nil || urgency != devices.Urgent {
				t.Fatalf("%s %s: %s, %v", typ, data, urgency, err)
			}
			if level, ok := p.(spell.Level); !ok || level.On() != on {
				t.Errorf("%s %s: %+v", typ, data, p)
			}
		}
	}
}

// A detector that repeats itself alarms once, and again after it has cleared;
// smoke and gas are two alarms.
func TestAlarmsAgainAfterItHasCleared(t *testing.T) {
	var l spell.Levels
	var got []string
	for i, p := range []devices.Payload{
		alarm.Smoke{}, alarm.Smoke{}, alarm.Gas{}, alarm.Smoke{Cleared: true}, alarm.Smoke{Cleared: true}, alarm.Smoke{},
	} {
		var changes []spell.Change
		l, changes = l.Step(p, time.Unix(int64(i), 0))
		for _, c := range changes {
			got = append(got, c.Level+" "+string(c.Kind))
		}
	}
	if want := []string{"smoke found", "gas found", "smoke ended", "smoke began"}; !slices.Equal(got, want) {
		t.Errorf("amounts to %q, want %q", got, want)
	}
}
