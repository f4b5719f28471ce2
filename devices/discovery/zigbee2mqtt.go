package discovery

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// zigbeeDevice is an element of <base>/bridge/devices, the part that is read.
type zigbeeDevice struct {
	FriendlyName string `json:"friendly_name"`
	Type         string `json:"type"`
	Disabled     bool   `json:"disabled"`
	Definition   *struct {
		Model       string   `json:"model"`
		Vendor      string   `json:"vendor"`
		Description string   `json:"description"`
		Exposes     []expose `json:"exposes"`
	} `json:"definition"`
}

// expose is one thing that a Zigbee device has, or several that belong
// together (a light, a lock, a composite).
type expose struct {
	Type        string   `json:"type"`
	Name        string   `json:"name"`
	Property    string   `json:"property"`
	Description string   `json:"description"`
	Access      int      `json:"access"`
	Unit        string   `json:"unit"`
	ValueOn     any      `json:"value_on"`
	ValueOff    any      `json:"value_off"`
	Values      []any    `json:"values"`
	Features    []expose `json:"features"`
}

// Bits of an expose's access.
const (
	accessState = 1 // it is in what the device publishes
	accessSet   = 2 // somebody may set it: a setting, not an observation
)

// readZigbee reads <base>/bridge/devices, one device after the other: it is as
// long as there are devices. Of the errors, wrong are those of one device, err
// is one of the whole.
func readZigbee(topic string, payload []byte, found func(Description) error) (wrong mistakes, err error) {
	base, ok := strings.CutSuffix(topic, "/bridge/devices")
	if !ok || len(bytes.TrimSpace(payload)) == 0 {
		return wrong, nil // other talk of the bridge, or taken back
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return wrong, at(payload, d.InputOffset(), "must be a list of devices, as Zigbee2MQTT publishes it")
	}
	for d.More() {
		begin := d.InputOffset()
		for begin < int64(len(payload)) && strings.IndexByte(", \t\r\n", payload[begin]) >= 0 {
			begin++
		}
		var z zigbeeDevice
		if err := d.Decode(&z); err != nil {
			var field *json.UnmarshalTypeError
			if !errors.As(err, &field) {
				return wrong, broken(payload, d.InputOffset(), err)
			}
			wrong.add(at(payload, begin, fmt.Sprintf("%s: must be a %s (got a %s): update Zigbee2MQTT, or the gateway", field.Field, field.Type, field.Value)))
			continue
		}
		if z.Disabled || z.Type == "Coordinator" || z.Definition == nil || z.FriendlyName == "" {
			continue
		}
		state := base + "/" + z.FriendlyName
		if state == topic {
			wrong.add(at(payload, begin, fmt.Sprintf("friendly_name %q: its messages would be this description itself: rename the device", z.FriendlyName)))
			continue
		}
		description := Description{Address: z.FriendlyName, Name: z.FriendlyName, Vendor: z.Definition.Vendor, Model: z.Definition.Model}
		for _, e := range z.Definition.Exposes {
			description.Signals = e.signals(state, "", description.Signals, 0)
		}
		if len(description.Signals) > 0 {
			description.Signals = append(description.Signals, Signal{
				Meaning: Online, Name: "availability", Topic: state + "/availability",
				Template: `{{ value_json.state | default(value) }}`, On: []string{"online"}, Off: []string{"offline"},
			})
		}
		if err := found(description); err != nil {
			wrong.add(at(payload, begin, err.Error()))
		}
	}
	if _, err := d.Token(); err != nil {
		return wrong, broken(payload, d.InputOffset(), err)
	}
	return wrong, nil
}

// signals appends what is understood of an expose and of what is in it.
func (e expose) signals(topic, path string, to []Signal, depth int) []Signal {
	if depth > 8 {
		return to
	}
	inner := path
	if e.Property != "" {
		inner = path + key(e.Property)
	}
	for _, f := range e.Features {
		// The parts of a light stand beside it, those of a composite inside.
		p := path
		if e.Type == "composite" {
			p = inner
		}
		to = f.signals(topic, p, to, depth+1)
	}
	if len(e.Features) > 0 || e.Property == "" || e.Access&accessState == 0 || e.Access&accessSet != 0 {
		return to
	}
	s := Signal{Name: e.Property, Topic: topic, Template: "{{ value_json" + inner + " }}"}
	switch e.Type {
	case "binary":
		return e.binary(s, to)
	case "enum":
		return e.enum(s, to)
	case "numeric":
		switch {
		case e.Property == "battery" && e.Unit == "%":
			s.Meaning = Battery
		case e.Name == "temperature" && (e.Unit == "°C" || e.Unit == "°F"):
			s.Meaning, s.Fahrenheit = Temperature, e.Unit == "°F"
		default:
			return to
		}
		return append(to, s)
	}
	return to
}

// key is a step of a path in a template.
func key(name string) string {
	return `["` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"]`
}

// meaning is that of the name, or where that says nothing (alarm, status), of
// the description of it.
func (e expose) meaning() Meaning {
	if m := meaningOf(e.Property); m != "" {
		return m
	}
	for _, word := range split(e.Property) {
		if word = strings.TrimRight(word, "0123456789"); word != "" && !slices.Contains(vague, word) {
			return ""
		}
	}
	return meaningOf(e.Description)
}

var vague = []string{"alarm", "status", "state", "alert", "detected", "sensor"}

func (e expose) binary(s Signal, to []Signal) []Signal {
	s.Meaning = e.meaning()
	on, off := render(e.ValueOn), render(e.ValueOff)
	switch s.Meaning {
	case "":
		return to
	case Contact:
		// What it is called counts, not which of its values comes first: a
		// contact that is made is a door that is closed.
		s.On, s.Off = []string{"false", "off", "0"}, []string{"true", "on", "1"}
		if a, b := verdictOf(Contact, on), verdictOf(Contact, off); isText(e.ValueOn) && a*b < 0 && !isFlag(on) {
			if s.On, s.Off = []string{on}, []string{off}; a < 0 {
				s.On, s.Off = s.Off, s.On
			}
		} else if contains(split(e.Property), "door") && !contains(split(e.Property), "contact") {
			s.On, s.Off = s.Off, s.On // a door that is true is open
		}
	default:
		s.On, s.Off = []string{on}, []string{off}
	}
	return append(to, s)
}

func isText(v any) bool { _, ok := v.(string); return ok }

func isFlag(s string) bool {
	switch canonical(s) {
	case "true", "false", "on", "off", "0", "1":
		return true
	}
	return false
}

// enum is one condition by its name, or several by its values.
func (e expose) enum(s Signal, to []Signal) []Signal {
	if e.Name == "action" || strings.HasPrefix(e.Property, "action") && len(split(e.Property)) == 1 {
		for _, m := range []Meaning{SOS, Press, Vibration} {
			for _, v := range e.Values {
				if pressOf(render(v)) == m {
					a := s
					a.Meaning, a.Once = m, true
					to = append(to, a)
					break
				}
			}
		}
		return to
	}
	return append(to, conditions(s, e.meaning(), rendered(e.Values))...)
}

func rendered(values []any) []string {
	var all []string
	for _, v := range values {
		all = append(all, render(v))
	}
	return all
}

// conditions makes the signals of a value that is one of a list: one by the
// name's meaning, or else one for each meaning among the values.
func conditions(s Signal, named Meaning, values []string) []Signal {
	meanings := []Meaning{named}
	verdict := verdictOf
	if named == "" {
		if containsAny(split(s.Name), "fault error event mode link") {
			return nil
		}
		meanings, verdict = nil, verdictAmong
		rises := containsAny(split(strings.Join(values, " ")), "rise rising up")
		seen := map[Meaning]bool{}
		for _, v := range values {
			m := meaningOf(v)
			if m == "" || seen[m] || verdict(m, v) <= 0 || m == Contact || m == Fall && rises {
				continue
			}
			seen[m] = true
			meanings = append(meanings, m)
		}
	}
	var all []Signal
	for _, m := range meanings {
		if m == Battery || m == BatteryLow && named != "" {
			continue
		}
		c := s
		c.Meaning = m
		for _, v := range values {
			switch verdict(m, v) {
			case 1:
				c.On = append(c.On, v)
			case -1:
				c.Off = append(c.Off, v)
			}
		}
		if len(c.On) > 0 && len(c.Off) > 0 {
			all = append(all, c)
		}
	}
	return all
}
