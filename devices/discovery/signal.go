package discovery

import (
	"encoding/json"
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/lenient"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Description is what a device says of itself.
type Description struct {
	// Address is what its bridge calls it, as in its registration.
	Address string `json:"address"`
	Name    string `json:"name,omitempty"`
	Vendor  string `json:"vendor,omitempty"`
	Model   string `json:"model,omitempty"`
	// Signals are what of it is understood, never none.
	Signals []Signal `json:"signals"`
}

// Signal is one thing that a device tells, and where it stands.
type Signal struct {
	Meaning Meaning `json:"meaning"`
	// Name is the maker's name of it, unique within the device.
	Name  string `json:"name"`
	Topic string `json:"topic"`
	// Template gives the value; "" for the whole payload.
	Template string `json:"template,omitempty"`
	// On and Off are the values that say that it holds and that it does not;
	// both empty where any true or false does. A press has the values that are
	// one in On; none for whatever is a press by its name.
	On  []string `json:"on,omitempty"`
	Off []string `json:"off,omitempty"`
	// Once is set for an occurrence that the device never takes back.
	Once bool `json:"once,omitempty"`
	// Fahrenheit is the unit of a temperature.
	Fahrenheit bool `json:"fahrenheit,omitempty"`
}

// Meanings lists what the device tells, each once.
func (d Description) Meanings() []Meaning {
	var all []Meaning
	seen := map[Meaning]bool{}
	for _, s := range d.Signals {
		if !seen[s.Meaning] {
			seen[s.Meaning] = true
			all = append(all, s.Meaning)
		}
	}
	return all
}

// Kind is the kind of device that this is most likely meant to be, "" if that
// cannot be told. Somebody who knows where it hangs decides.
func (d Description) Kind() devices.Kind {
	tells := map[Meaning]bool{}
	for _, m := range d.Meanings() {
		tells[m] = true
	}
	switch {
	case tells[Smoke], tells[Gas], tells[CarbonMonoxide], tells[Water]:
		return alarm.Kind
	case tells[Fall] && tells[Occupancy]:
		return room.Kind
	case tells[SOS], tells[Fall]:
		return wearable.Kind
	case tells[Contact], tells[Occupancy], tells[Vibration]:
		return room.Kind
	case tells[Press]:
		return wearable.Kind
	case tells[Temperature]:
		return cabinet.Kind
	}
	return ""
}

// isState tells whether a value of that meaning says how things are, so that
// several of one device amount to one: any smoke is smoke.
func (m Meaning) isState() bool {
	switch m {
	case Smoke, Gas, CarbonMonoxide, Water, Contact, Occupancy, Tamper, BatteryLow:
		return true
	}
	return false
}

// says is what a signal makes of its value: a truth for a condition, a number
// for a measurement, nil for nothing.
func (s *Signal) says(v any) any {
	switch s.Meaning {
	case Battery, Temperature:
		n, ok := lenient.Number(v).(float64)
		switch {
		case !ok:
			return nil
		case s.Meaning == Battery && (n < 0 || n > 100): // 255 is unknown
			return nil
		case s.Fahrenheit:
			n = (n - 32) / 1.8
		}
		if s.Meaning == Temperature && (n < -60 || n > 200) {
			return nil
		}
		return n
	case SOS, Press, Vibration:
		if s.Once && len(s.On) == 0 {
			if text, ok := v.(string); ok && pressOf(text) == s.Meaning {
				return true
			}
			return nil
		}
	}
	if len(s.On) == 0 && len(s.Off) == 0 {
		return lenient.Flag(v)
	}
	text := canonical(render(v))
	for _, on := range s.On {
		if canonical(on) == text {
			return true
		}
	}
	for _, off := range s.Off {
		if canonical(off) == text {
			return false
		}
	}
	return nil
}

func canonical(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// data is the JSON of every report that is made here.
type data struct {
	Compartment int      `json:"compartment,omitempty"`
	Open        *bool    `json:"open,omitempty"`
	Occupied    *bool    `json:"occupied,omitempty"`
	Online      *bool    `json:"online,omitempty"`
	Code        string   `json:"code,omitempty"`
	Cleared     bool     `json:"cleared,omitempty"`
	Percent     *int     `json:"percent,omitempty"`
	Low         bool     `json:"low,omitempty"`
	Celsius     *float64 `json:"celsius,omitempty"`
	By          string   `json:"by,omitempty"`
}

// report makes a report of what a device of that kind tells, ok false where
// the kind has no word for it. v is what Signal.says said.
func report(v devices.Vocabulary, d devices.Device, m Meaning, said any) (r devices.Report, fields data, ok bool) {
	on, _ := said.(bool)
	number, _ := said.(float64)
	fault := func(code string) {
		r.Type, fields = locker.TypeFault, data{Compartment: d.Compartment, Code: code, Cleared: !on}
	}
	known := func(t devices.Type) bool { return v.Reports(d.Kind, t) }
	many := d.Kind == locker.Kind || d.Kind == cabinet.Kind || d.Kind == pickup.Kind // has compartments
	switch m {
	case SOS:
		r.Type = wearable.TypeSOS
	case Press:
		switch {
		case d.Kind == visit.Kind:
			r.Type, fields = visit.TypeVisited, data{By: visit.ByButton}
		case d.Kind != room.Kind: // there it may be the switch of a lamp
			r.Type = wearable.TypeSOS
		}
	case Fall:
		r.Type = wearable.TypeFall
	case Smoke, Gas, CarbonMonoxide, Water:
		if r.Type, fields = devices.Type(m), (data{Cleared: !on}); !known(r.Type) {
			fault(string(m))
		}
	case Vibration:
		if r.Type = room.TypeVibration; !known(r.Type) {
			fault(string(m))
		}
	case Tamper:
		fault(string(m))
	case Contact:
		r.Type, fields = locker.TypeDoor, data{Compartment: d.Compartment, Open: &on}
		if many && d.Compartment == 0 {
			return r, fields, false
		}
	case Occupancy:
		r.Type, fields = locker.TypeOccupancy, data{Compartment: d.Compartment, Occupied: &on}
		if many && d.Compartment == 0 {
			return r, fields, false
		}
	case BatteryLow:
		if r.Type, fields = wearable.TypeBattery, (data{Low: on}); !known(r.Type) {
			fault(string(m))
		}
	case Battery:
		percent := int(number + 0.5)
		if r.Type, fields = wearable.TypeBattery, (data{Percent: &percent}); !known(r.Type) {
			on = number <= lowBattery
			fault(string(BatteryLow))
		}
	case Temperature:
		r.Type, fields = cabinet.TypeTemperature, data{Compartment: d.Compartment, Celsius: &number}
	case Online:
		r.Type, fields = locker.TypeStatus, data{Online: &on}
	}
	return r, fields, known(r.Type)
}

// occurs tells whether a report of that type is of what happened and not of how
// things are.
func occurs(t devices.Type) bool {
	switch t {
	case wearable.TypeSOS, wearable.TypeFall, room.TypeVibration, visit.TypeVisited:
		return true
	}
	return false
}

// lowBattery is at which percentage a battery is reported as low of a device
// that reports no percentages.
const lowBattery = 10

func (f data) json() json.RawMessage {
	b, err := json.Marshal(f)
	if err != nil {
		return nil // cannot happen: numbers are finite
	}
	return b
}
