package discovery

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// abbreviations are the short forms of the keys that are read. A device's own
// keys have others.
var abbreviations = map[string]string{
	"atype": "automation_type", "avty": "availability", "avty_t": "availability_topic", "avty_tpl": "availability_template",
	"cmps": "components", "dev": "device", "dev_cla": "device_class", "ent_cat": "entity_category", "evt_typ": "event_types",
	"off_dly": "off_delay", "ops": "options", "p": "platform", "pl": "payload", "pl_avail": "payload_available",
	"pl_not_avail": "payload_not_available", "pl_off": "payload_off", "pl_on": "payload_on", "stat_t": "state_topic",
	"stype": "subtype", "t": "topic", "uniq_id": "unique_id", "unit_of_meas": "unit_of_measurement", "val_tpl": "value_template",
}

var deviceAbbreviations = map[string]string{"ids": "identifiers", "cns": "connections", "mf": "manufacturer", "mdl": "model"}

// shared are the keys that the components of a device take from it.
var shared = []string{"~", "device", "availability", "availability_topic", "availability_template", "payload_available", "payload_not_available", "state_topic"}

// components are those whose names may stand in a topic.
var components = []string{
	"alarm_control_panel", "binary_sensor", "button", "camera", "climate", "cover", "device", "device_automation", "device_tracker", "event", "fan",
	"humidifier", "image", "lawn_mower", "light", "lock", "notify", "number", "scene", "select", "sensor", "siren", "switch", "tag", "text", "update",
	"vacuum", "valve", "water_heater",
}

// readHome reads <prefix>/<component>/[<node>/]<object>/config of Home
// Assistant's discovery: one component, or all of a device. An empty payload
// takes back what was said. Of the errors, wrong are those of one component,
// err is one of the whole.
func readHome(topic string, payload []byte, found func(Description) error) (wrong mistakes, err error) {
	levels := strings.Split(topic, "/")
	n := len(levels)
	if n < 4 || levels[n-1] != "config" || len(payload) == 0 {
		return wrong, nil
	}
	component, object := levels[n-3], levels[n-2]
	if n > 4 && slices.Contains(components, levels[n-4]) {
		component, object = levels[n-4], levels[n-3]+"_"+levels[n-2]
	}
	h := home{topic: topic, document: payload, object: object}
	root, err := h.read(payload, 0, nil)
	if err != nil {
		return wrong, err
	}
	if component != "device" {
		h.component(component, levels[n-2], root)
	} else {
		h.device(root)
	}
	if len(h.found.Signals) > 0 {
		if err := found(h.found); err != nil {
			h.wrong.add(at(payload, 0, err.Error()))
		}
	}
	return h.wrong, nil
}

// home is a document that is being read.
type home struct {
	topic    string
	document []byte
	object   string // of the topic
	found    Description
	wrong    mistakes
	known    bool // who the device is has been read
}

// config is an object with its keys in full.
type config map[string]field

// read takes an object apart, over what it has from its parent.
func (h *home) read(object json.RawMessage, begin int64, parent config) (config, error) {
	all, err := fields(h.document, object, begin)
	if err != nil {
		return nil, err
	}
	c := config{}
	for _, key := range shared {
		if f, ok := parent[key]; ok {
			c[key] = f
		}
	}
	for _, f := range all {
		if full, ok := abbreviations[f.name]; ok {
			f.name = full
		}
		c[f.name] = f
	}
	return c, nil
}

// text is a value as text: numbers and truth as they are written.
func (c config) text(key, otherwise string) string {
	var v any
	if f, ok := c[key]; !ok || json.Unmarshal(f.value, &v) != nil || v == nil {
		return otherwise
	}
	return render(v)
}

func (c config) list(key string) []string {
	var all []any
	if f, ok := c[key]; !ok || json.Unmarshal(f.value, &all) != nil {
		return nil
	}
	return rendered(all)
}

// path is a topic of the document, its ~ replaced once.
func (c config) path(key string) string {
	topic, base := c.text(key, ""), c.text("~", "")
	if rest, ok := strings.CutPrefix(topic, "~"); ok {
		return base + rest
	}
	if rest, ok := strings.CutSuffix(topic, "~"); ok {
		return rest + base
	}
	return topic
}

func (h *home) complain(c config, key, what string) {
	f, ok := c[key]
	if !ok {
		f.begin = 0
	}
	h.wrong.add(at(h.document, f.begin, key+": "+what))
}

// device reads all components of a device.
func (h *home) device(root config) {
	f, ok := root["components"]
	if !ok {
		h.complain(root, "components", "missing: say what the device has, by a name each")
		return
	}
	all, err := fields(h.document, f.value, f.begin)
	if err != nil {
		h.wrong.add(err)
		return
	}
	if n := len(all); n > maxComponents {
		h.complain(root, "components", fmt.Sprintf("of %d the first %d are read: have the device describe fewer", n, maxComponents))
		all = all[:maxComponents]
	}
	for _, f := range all {
		c, err := h.read(f.value, f.begin, root)
		if err != nil {
			h.wrong.add(err)
			continue
		}
		h.component(c.text("platform", ""), f.name, c)
	}
}

// classes are the meanings of a binary sensor's device_class. Others say
// nothing, and then its name counts.
var classes = map[string]Meaning{
	"smoke": Smoke, "gas": Gas, "carbon_monoxide": CarbonMonoxide, "moisture": Water, "vibration": Vibration, "tamper": Tamper, "battery": BatteryLow,
	"door": Contact, "window": Contact, "garage_door": Contact, "opening": Contact, "occupancy": Occupancy, "motion": Occupancy, "presence": Occupancy,
	"connectivity": Online,
}

// nothing are classes of what is none of it, whatever its name.
var nothing = []string{"battery_charging", "cold", "heat", "light", "lock", "plug", "power", "running", "update"}

// component reads one component, called object.
func (h *home) component(platform, object string, c config) {
	if c.text("entity_category", "") == "config" {
		return
	}
	h.identify(c)
	before := len(h.found.Signals)
	name := c.text("name", "")
	if name == "" {
		name = h.found.Name
	}
	s := Signal{Name: c.text("unique_id", object), Topic: c.path("state_topic"), Template: c.text("value_template", "")}
	class := c.text("device_class", "")
	switch platform {
	case "binary_sensor":
		s.On, s.Off = []string{c.text("payload_on", "ON")}, []string{c.text("payload_off", "OFF")}
		if s.Meaning = classes[class]; s.Meaning == "" || s.Meaning == Occupancy {
			// A radar that sees falls may call itself occupancy.
			if m := called(name, object); !slices.Contains(nothing, class) && (s.Meaning == "" || m == SOS || m == Fall) && m != "" {
				s.Meaning = m
			}
		}
		_, s.Once = c["off_delay"]
		s.Once = s.Once && !s.Meaning.isState()
		h.add(c, "state_topic", s)
	case "sensor":
		unit := c.text("unit_of_measurement", "")
		switch {
		case class == "battery" && unit == "%":
			s.Meaning = Battery
			h.add(c, "state_topic", s)
		case class == "temperature" && c.text("entity_category", "") == "" && (unit == "°C" || unit == "°F"):
			s.Meaning, s.Fahrenheit = Temperature, unit == "°F"
			h.add(c, "state_topic", s)
		case class == "enum":
			for _, s := range conditions(s, called(name, object), c.list("options")) {
				h.add(c, "state_topic", s)
			}
		}
	case "event":
		if s.Template == "" {
			s.Template = "{{ value_json.event_type }}"
		}
		h.presses(c, s, c.list("event_types"), class == "button" || class == "doorbell")
	case "device_automation":
		s.Topic = c.path("topic")
		words := []string{c.text("payload", ""), c.text("type", ""), c.text("subtype", "")}
		if contains(split(strings.Join(words, " ")), "release") || c.text("automation_type", "trigger") != "trigger" {
			return
		}
		for _, word := range words {
			if m := pressOf(word); m == SOS || s.Meaning == "" {
				s.Meaning = m
			}
		}
		s.Once = true
		if s.On = []string{words[0]}; words[0] == "" {
			s.Template, s.On = "{{ true }}", []string{"true"} // whatever it says
		}
		h.add(c, "topic", s)
	}
	if len(h.found.Signals) > before {
		h.availability(c)
	}
}

// called is what a component means by its name, or else by that of its topic.
func called(name, object string) Meaning {
	for _, n := range []string{name, object} {
		if m := meaningOf(n); m != "" {
			return m
		}
		if words := split(n); containsAny(words, "button key 按钮 按键") && !containsAny(words, settings) {
			return Press
		}
	}
	return ""
}

// presses adds the signals of an event with a list of types.
func (h *home) presses(c config, s Signal, types []string, button bool) {
	on := map[Meaning][]string{}
	for _, typ := range types {
		m := pressOf(typ)
		if m == "" && button && !containsAny(split(typ), "release released") {
			m = Press
		}
		on[m] = append(on[m], typ)
	}
	for _, m := range []Meaning{SOS, Press, Vibration} {
		if len(on[m]) > 0 {
			s.Meaning, s.Once, s.On = m, true, on[m]
			h.add(c, "state_topic", s)
		}
	}
}

// add keeps a signal whose topic, under key, and template can be used.
func (h *home) add(c config, key string, s Signal) {
	switch {
	case s.Meaning == "":
		return
	case s.Topic == "":
		h.complain(c, key, "missing: say where the state is published")
		return
	case s.Topic == h.topic:
		h.complain(c, key, "is this description itself: say where the state is published")
		return
	case strings.ContainsAny(s.Topic, "+#~") || len(s.Topic) > maxTopic:
		h.complain(c, key, fmt.Sprintf("must be a topic of at most %d bytes, without + and # and with its ~ at one end (got %.80q)", maxTopic, s.Topic))
		return
	}
	if s.Template != "" {
		if _, err := parseTemplate(s.Template); err != nil {
			h.complain(c, "value_template", fmt.Sprintf("not understood: %v: write a path such as {{ value_json.contact }}, or a profile for it", err))
			return
		}
	}
	h.found.Signals = append(h.found.Signals, s)
}

// availability adds where the device says whether it is online: the last of
// several, as those before are of the bridge.
func (h *home) availability(c config) {
	own := config{}
	maps.Copy(own, c)
	key := "availability_topic"
	if f, ok := c["availability"]; ok {
		var all []json.RawMessage
		if json.Unmarshal(f.value, &all) != nil || len(all) == 0 {
			all = []json.RawMessage{f.value}
		}
		last, err := h.read(all[len(all)-1], f.begin, c)
		if err != nil {
			h.wrong.add(err)
			return
		}
		own, key = last, "topic"
		if t := last.text("value_template", ""); t != "" {
			own["availability_template"] = last["value_template"]
		}
	}
	s := Signal{
		Meaning: Online, Name: "availability", Topic: own.path(key), Template: own.text("availability_template", ""),
		On: []string{own.text("payload_available", "online")}, Off: []string{own.text("payload_not_available", "offline")},
	}
	if s.Topic == "" || slices.ContainsFunc(h.found.Signals, func(o Signal) bool { return o.Meaning == Online }) {
		return
	}
	h.add(own, key, s)
}

// identify reads who the device is.
func (h *home) identify(c config) {
	if h.known {
		return
	}
	h.known, h.found.Address = true, h.object
	f, ok := c["device"]
	if !ok {
		return
	}
	all, err := fields(h.document, f.value, f.begin)
	if err != nil {
		h.wrong.add(err)
		return
	}
	d := config{}
	for _, f := range all {
		if full, ok := deviceAbbreviations[f.name]; ok {
			f.name = full
		}
		d[f.name] = f
	}
	h.found.Name, h.found.Vendor, h.found.Model = d.text("name", ""), d.text("manufacturer", ""), d.text("model", "")
	var connections [][]string
	if f, ok := d["connections"]; ok && json.Unmarshal(f.value, &connections) == nil && len(connections) > 0 && len(connections[0]) == 2 {
		h.found.Address = connections[0][1]
	}
	if id := d.text("identifiers", ""); id != "" {
		h.found.Address = id
	} else if ids := d.list("identifiers"); len(ids) > 0 && ids[0] != "" {
		h.found.Address = ids[0]
	}
}
