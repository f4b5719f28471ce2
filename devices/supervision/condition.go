package supervision

import (
	"encoding/json"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/wearable"
)

// rule is how long what a device says of itself has to last before it is a
// finding, and to be gone before that is cleared.
type rule struct{ after, until time.Duration }

// conditions are the findings that come of what a device says.
var conditions = map[devices.Type]rule{
	TypeBatteryLow: {10 * time.Minute, time.Hour},
	TypeNotWorn:    {30 * time.Minute, 5 * time.Minute}, // washing, charging
	TypeClockWrong: {time.Minute, 10 * time.Minute},
	TypeTampered:   {0, time.Minute},
}

// A battery is low at the first figure, and good again at the second, percent.
const (
	batteryLow  = 15
	batteryGood = 25
)

// tamperCode is the fault of a device that somebody has opened or moved.
const tamperCode = "tamper"

// says is what a report says about one of the conditions, ok false if nothing.
// low tells whether the battery counts as low so far. Every kind that has
// these types spells them alike: see package condition and wearable.
func says(t devices.Type, data json.RawMessage, low bool) (typ devices.Type, wrong, ok bool) {
	switch t {
	case wearable.TypeBattery, wearable.TypeWorn, condition.TypeFault:
	default:
		return "", false, false
	}
	var p struct {
		Percent *int   `json:"percent"`
		Low     bool   `json:"low"`
		Worn    bool   `json:"worn"`
		Code    string `json:"code"`
		Cleared bool   `json:"cleared"`
	}
	if json.Unmarshal(data, &p) != nil {
		return "", false, false // intake has refused it
	}
	switch t {
	case wearable.TypeBattery:
		limit := batteryLow
		if low {
			limit = batteryGood - 1
		}
		return TypeBatteryLow, p.Low || p.Percent != nil && *p.Percent <= limit, true
	case wearable.TypeWorn:
		return TypeNotWorn, !p.Worn, true
	case condition.TypeFault:
		return TypeTampered, !p.Cleared, p.Code == tamperCode
	}
	return "", false, false
}
