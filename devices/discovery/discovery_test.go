package discovery_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/discovery"
	"github.com/linli-edge/gateway/devices/kinds"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newBook(file string) *discovery.Book {
	return discovery.New(discovery.Config{File: file, Vocabulary: kinds.Vocabulary(), Logger: slog.New(slog.DiscardHandler)})
}

// learn lets a bridge that may speak anywhere describe its devices.
func learn(b *discovery.Book, form discovery.Form, topic, document string) (fresh []discovery.Description, wrong []error) {
	return b.Learn("bridge", form, devices.Message{Client: "bridge", Topic: topic, Payload: []byte(document)},
		func(string) bool { return true }, func(string) string { return "" })
}

// say is what a message says of the device of an address, if it is of a kind:
// "sos {}", "held sos {} of help", "over sos {} of help".
func say(b *discovery.Book, kind devices.Kind, address, topic, payload string, retained bool) string {
	d := devices.Device{ID: "d", Kind: kind, Bridge: "bridge", Address: address, Compartment: 3}
	var said []string
	for _, r := range b.Reports(d, devices.Message{Topic: topic, Payload: []byte(payload), Retained: retained}) {
		line := fmt.Sprintf("%s %s", r.Type, r.Data)
		if r.Held != nil {
			line = map[bool]string{true: "held ", false: "over "}[*r.Held] + line + " of " + r.Instance
		}
		said = append(said, line)
	}
	return strings.Join(said, ", ")
}

// zigbeeList is what a bridge says of its devices, and zigbeeSaid what they
// say then: a case each, and seeds of FuzzDescriptions.
const zigbeeList = `[
	 {"friendly_name":"Coordinator","type":"Coordinator","definition":null},
	 {"friendly_name":"卫生间/按钮","type":"EndDevice","definition":{"model":"TS0215A_sos","vendor":"Tuya","exposes":[
	  {"type":"enum","name":"action","property":"action","access":1,"values":["emergency"]},
	  {"type":"numeric","name":"battery","property":"battery","access":1,"unit":"%"}]}},
	 {"friendly_name":"床头","definition":{"model":"SEB01ZB","vendor":"Sercomm","exposes":[
	  {"type":"binary","name":"sos","property":"sos","access":1,"value_on":true,"value_off":false},
	  {"type":"binary","name":"tamper","property":"tamper","access":1,"value_on":true,"value_off":false},
	  {"type":"binary","name":"battery_low","property":"battery_low","access":1,"value_on":true,"value_off":false}]}},
	 {"friendly_name":"radar","definition":{"model":"FDS315","vendor":"Arteco","exposes":[
	  {"type":"enum","name":"status","property":"status","access":1,"values":["unoccupied","occupied","sitting","low_posture","falling"]},
	  {"type":"enum","name":"fall_sensitivity","property":"fall_sensitivity","access":7,"values":["falling","normal"]}]}},
	 {"friendly_name":"door","definition":{"model":"MCCGQ11LM","vendor":"Aqara","exposes":[
	  {"type":"binary","name":"contact","property":"contact","access":1,"value_on":false,"value_off":true}]}},
	 {"friendly_name":"gate","definition":{"model":"SDC","exposes":[
	  {"type":"binary","name":"dry_contact","property":"dry_contact","access":5,"value_on":"contact_closed","value_off":"contact_open"}]}},
	 {"friendly_name":"kitchen","definition":{"model":"mixed","exposes":[
	  {"type":"binary","name":"smoke","property":"smoke","access":1,"value_on":true,"value_off":false},
	  {"type":"binary","name":"water_leak","property":"water_leak_1","access":1,"value_on":true,"value_off":false},
	  {"type":"binary","name":"water_leak","property":"water_leak_2","access":1,"value_on":true,"value_off":false},
	  {"type":"composite","name":"detector","property":"detector","access":1,"features":[
	   {"type":"enum","name":"gas_sensor_state","property":"gas_sensor_state","access":1,"values":["normal","alarm"]}]},
	  {"type":"switch","features":[{"type":"binary","name":"state","property":"state","access":7,"value_on":"ON","value_off":"OFF"}]},
	  {"type":"numeric","name":"co2","property":"co2_alarm","access":1},
	  {"type":"binary","name":"smoke","property":"smoke_test","access":1,"value_on":true,"value_off":false}]}},
	 {"friendly_name":"barometer","definition":{"model":"EZ","exposes":[
	  {"type":"enum","name":"pressure_tend","property":"pressure_tend","access":1,"values":["normal","rise","fall"]}]}},
	 {"friendly_name":"off","disabled":true,"definition":{"model":"x","exposes":[{"type":"binary","name":"sos","property":"sos","access":1}]}}
	]`

var zigbeeSaid = []struct {
	kind             devices.Kind
	address, payload string
	retained         bool
	want             string
}{
	{"wearable", "卫生间/按钮", `{"action":"emergency","battery":100}`, false, `sos {}, battery {"percent":100}`},
	{"wearable", "卫生间/按钮", `{"action":"","battery":100}`, false, `battery {"percent":100}`},
	{"wearable", "卫生间/按钮", `{"action":null,"battery":255}`, false, ``},
	{"wearable", "卫生间/按钮", `{"action":"emergency","battery":"99"}`, true, `battery {"percent":99}`},
	{"alarm", "卫生间/按钮", `{"action":"emergency"}`, false, `sos {}`},
	{"locker", "卫生间/按钮", `{"battery":7}`, false, `fault {"compartment":3,"code":"battery_low"}`},
	{"wearable", "床头", `{"sos":true,"tamper":true,"battery_low":false}`, false, `held sos {} of sos, fault {"compartment":3,"code":"tamper"}, battery {}`},
	{"wearable", "床头", `{"sos":false}`, false, `over sos {} of sos`},
	{"wearable", "床头", `{"sos":true}`, true, ``},
	{"bed", "床头", `{"tamper":true,"battery_low":true}`, false, `fault {"compartment":3,"code":"tamper"}, battery {"low":true}`},
	{"wearable", "radar", `{"status":"falling"}`, false, `held fall {} of status`},
	{"wearable", "radar", `{"status":"low_posture"}`, false, `over fall {} of status`},
	{"wearable", "radar", `{"status":"something new"}`, false, ``},
	{"room", "radar", `{"status":"sitting"}`, false, `occupancy {"compartment":3,"occupied":true}, over fall {} of status`},
	{"locker", "door", `{"contact":true}`, true, `door {"compartment":3,"open":false}`},
	{"room", "door", `{"contact":false}`, false, `door {"compartment":3,"open":true}`},
	{"room", "door", `{"contact":"maybe"}`, false, ``},
	{"locker", "gate", `{"dry_contact":"contact_open"}`, false, `door {"compartment":3,"open":true}`},
	{"alarm", "kitchen", `{"smoke":true,"water_leak_1":false,"water_leak_2":true,"detector":{"gas_sensor_state":"alarm"},"smoke_test":true}`, false, `smoke {}, water {}, gas {}`},
	{"alarm", "kitchen", `{"smoke":false,"water_leak_1":false,"water_leak_2":false,"detector":{"gas_sensor_state":"normal"}}`, true, `smoke {"cleared":true}, water {"cleared":true}, gas {"cleared":true}`},
	{"locker", "kitchen", `{"water_leak_1":true}`, false, `fault {"compartment":3,"code":"water"}`},
	{"wearable", "barometer", `{"pressure_tend":"fall"}`, false, ``},
	{"wearable", "off", `{"sos":true}`, false, ``},
	{"wearable", "radar/availability", `{"state":"offline"}`, true, `status {"online":false}`},
	{"wearable", "radar/availability", `online`, true, `status {"online":true}`},
}

// Zigbee2MQTT's own list: what each expose is taken for.
func TestZigbee2MQTT(t *testing.T) {
	b := newBook("")
	fresh, wrong := learn(b, discovery.Zigbee2MQTT, "z/bridge/devices", zigbeeList)
	if len(wrong) > 0 || len(fresh) != 6 {
		t.Fatalf("%d devices, %v", len(fresh), wrong)
	}
	for _, c := range zigbeeSaid {
		address := strings.TrimSuffix(c.address, "/availability")
		if got := say(b, c.kind, address, "z/"+c.address, c.payload, c.retained); got != c.want {
			t.Errorf("%s as a %s: %s\n got %s\nwant %s", c.address, c.kind, c.payload, got, c.want)
		}
	}
	for address, want := range map[string]devices.Kind{"卫生间/按钮": "wearable", "床头": "wearable", "radar": "room", "door": "room", "kitchen": "alarm"} {
		if d, ok := b.Device("bridge", address); !ok || d.Kind() != want {
			t.Errorf("%s looks like a %q, want %s", address, d.Kind(), want)
		}
	}
}

type homeMessage struct {
	kind           devices.Kind
	topic, payload string
	retained       bool
	want           string
}

// homeSaid is descriptions and what is said then: a case each, and seeds of
// FuzzDescriptions.
var homeSaid = []struct {
	name, topic, document string
	address               string
	messages              []homeMessage
}{
	{"a button that holds", "homeassistant/binary_sensor/node/sos/config",
		`{"name":"求助按钮","stat_t":"node/binary_sensor/sos/state","uniq_id":"u1","avty_t":"node/status","dev":{"ids":"a1b2","name":"厕所","mf":"espressif","mdl":"esp32"}}`, "a1b2",
		[]homeMessage{
			{"wearable", "node/binary_sensor/sos/state", "ON", false, "held sos {} of u1"},
			{"wearable", "node/binary_sensor/sos/state", "OFF", false, "over sos {} of u1"},
			{"wearable", "node/binary_sensor/sos/state", "ON", true, ""},
			{"wearable", "node/status", "offline", true, `status {"online":false}`},
		}},
	{"payloads of its own, from a base", "homeassistant/binary_sensor/x/config",
		`{"~":"site/door","state_topic":"~/state","device_class":"door","value_template":"{{ value_json.contact }}","payload_on":false,"payload_off":true,"device":{"identifiers":["d1","d2"]}}`, "d1",
		[]homeMessage{
			{"locker", "site/door/state", `{"contact":false}`, false, `door {"compartment":3,"open":true}`},
			{"locker", "site/door/state", `{"contact":true}`, true, `door {"compartment":3,"open":false}`},
			{"locker", "site/door/state", `{}`, false, ``},
		}},
	{"all of a device", "homeassistant/device/0AFFD2/config",
		`{"dev":{"ids":"ea334450945afc","name":"Kitchen","mdl":"xya"},"o":{"name":"bla2mqtt","sw":"2.1"},"avty":[{"t":"bridge/state"},{"t":"site/k/lwt","pl_avail":"1","pl_not_avail":"0"}],"stat_t":"site/k",
			 "cmps":{"a":{"p":"binary_sensor","dev_cla":"smoke","uniq_id":"a","val_tpl":"{{ value_json.smoke }}","pl_on":"alarm","pl_off":"ok"},
			  "b":{"p":"sensor","device_class":"temperature","unit_of_measurement":"°F","value_template":"{{ value_json.t }}","unique_id":"b"},
			  "c":{"p":"sensor","device_class":"battery","unit_of_measurement":"%","value_template":"{{ value_json.b|int }}","unique_id":"c"},
			  "d":{"p":"switch","command_topic":"x/set"},
			  "e":{"p":"sensor","device_class":"enum","options":["none","fall_warning","fall"],"name":"Fall status","state_topic":"site/k/fall","unique_id":"e"}}}`, "ea334450945afc",
		[]homeMessage{
			{"alarm", "site/k", `{"smoke":"alarm","t":50,"b":80.4}`, false, `smoke {}, battery {"percent":80}`},
			{"cabinet", "site/k", `{"smoke":"ok","t":50,"b":5}`, false, `fault {"compartment":3,"code":"smoke","cleared":true}, temperature {"compartment":3,"celsius":10}, fault {"compartment":3,"code":"battery_low"}`},
			{"wearable", "site/k/fall", `fall`, false, `held fall {} of e`},
			{"wearable", "site/k/fall", `fall_warning`, false, `over fall {} of e`},
			{"alarm", "site/k/lwt", `0`, true, `status {"online":false}`},
			{"alarm", "bridge/state", `offline`, true, ``},
		}},
	{"a trigger", "homeassistant/device_automation/remote/single/config",
		`{"atype":"trigger","t":"site/remote","pl":"single","type":"button_short_press","stype":"button_1","dev":{"cns":[["mac","aa:bb"]]}}`, "aa:bb",
		[]homeMessage{
			{"wearable", "site/remote", "single", false, "sos {}"},
			{"wearable", "site/remote", "release", false, ""},
			{"wearable", "site/remote", "single", true, ""},
			{"room", "site/remote", "single", false, ""},
			{"visit", "site/remote", "single", false, `visit.made {"by":"button"}`},
		}},
	{"a trigger of any payload", "homeassistant/device_automation/remote_help/config",
		`{"automation_type":"trigger","topic":"site/help","type":"button_long_press","subtype":"panic"}`, "remote_help",
		[]homeMessage{{"room", "site/help", "x", false, "sos {}"}}},
	{"letting go is no press", "homeassistant/device_automation/remote/r/config",
		`{"atype":"trigger","t":"site/remote","pl":"r","type":"button_short_release","stype":"button_1","dev":{"ids":"x"}}`, "", nil},
	{"an event", "homeassistant/event/bell/config",
		`{"state_topic":"site/bell","event_types":["press","long_release","sos"],"device_class":"button","value_template":"{ \"event_type\": \"{{ value_json.e }}\" }","device":{"ids":"bell"}}`, "bell",
		[]homeMessage{
			{"wearable", "site/bell", `{"e":"press"}`, false, "sos {}"},
			{"room", "site/bell", `{"e":"press"}`, false, ""},
			{"room", "site/bell", `{"e":"sos"}`, false, "sos {}"},
			{"wearable", "site/bell", `{"e":"long_release"}`, false, ""},
		}},
	{"a cord that only pulls", "homeassistant/binary_sensor/cord/config",
		`{"name":"拉绳","state_topic":"site/cord","off_delay":5,"device":{"ids":"cord"}}`, "cord",
		[]homeMessage{{"alarm", "site/cord", "ON", false, "sos {}"}, {"alarm", "site/cord", "ON", false, "sos {}"}}},
}

// Home Assistant's discovery: components by themselves and together, short and
// long keys, topics from a base, presses, and what is beyond a template.
func TestHomeAssistant(t *testing.T) {
	for _, c := range homeSaid {
		t.Run(c.name, func(t *testing.T) {
			b := newBook("")
			if _, wrong := learn(b, discovery.HomeAssistant, c.topic, c.document); len(wrong) > 0 {
				t.Fatal(wrong)
			}
			if _, ok := b.Device("bridge", c.address); ok != (c.messages != nil) {
				t.Fatalf("known: %v", b.Devices("bridge"))
			}
			for _, m := range c.messages {
				if got := say(b, m.kind, c.address, m.topic, m.payload, m.retained); got != m.want {
					t.Errorf("%s %s as a %s:\n got %s\nwant %s", m.topic, m.payload, m.kind, got, m.want)
				}
			}
			if _, wrong := learn(b, discovery.HomeAssistant, c.topic, ""); len(wrong) > 0 || len(b.Devices("bridge")) > 0 {
				t.Errorf("taken back: %v, %v", wrong, b.Devices("bridge"))
			}
		})
	}
}

// Two zones of one detector on topics of their own are one alarm: it is over
// when both are.
func TestSeveralSensorsOfOneMeaning(t *testing.T) {
	b := newBook("")
	for _, zone := range []string{"1", "2"} {
		if _, wrong := learn(b, discovery.HomeAssistant, "homeassistant/binary_sensor/zone"+zone+"/config",
			`{"state_topic":"site/zone`+zone+`","device_class":"moisture","unique_id":"zone`+zone+`","device":{"ids":"w"}}`); len(wrong) > 0 {
			t.Fatal(wrong)
		}
	}
	for _, step := range [][3]string{{"1", "ON", `water {}`}, {"2", "OFF", `water {}`}, {"2", "ON", `water {}`}, {"1", "OFF", `water {}`}, {"2", "OFF", `water {"cleared":true}`}} {
		if got := say(b, "alarm", "w", "site/zone"+step[0], step[1], false); got != step[2] {
			t.Errorf("zone %s %s: %s, want %s", step[0], step[1], got, step[2])
		}
	}
}

// What cannot be read is told with its place and its mend, and the rest counts.
func TestWhatIsWrong(t *testing.T) {
	many := func(n int, of func(i int) string) string {
		var parts []string
		for i := range n {
			parts = append(parts, of(i))
		}
		return strings.Join(parts, ",")
	}
	component := func(i int) string {
		return fmt.Sprintf(`"c%d":{"p":"binary_sensor","device_class":"smoke","state_topic":"s/%d","unique_id":"u%d"}`, i, i, i)
	}
	const home, device, zigbee = "homeassistant/binary_sensor/x/config", "homeassistant/device/x/config", "z/bridge/devices"
	for _, c := range []struct {
		name, topic, document string
		want                  string // of the first complaint
		devices               int
	}{
		{"no JSON", home, "{\n \"state_topic\": site }", "line 2, column", 0},
		{"cut off", home, `{"state_topic":"a"`, "line 1, column 19: no JSON", 0},
		{"a list", home, `[]`, "line 1, column 1: must be a JSON object", 0},
		{"no topic", home, "{\n\"device_class\":\"smoke\"}", "state_topic: missing", 0},
		{"itself", home, `{"device_class":"smoke","state_topic":"` + home + `"}`, "is this description itself", 0},
		{"a base in itself", home, `{"~":"~/~","device_class":"smoke","state_topic":"~/state"}`, "with its ~ at one end", 0},
		{"a template without end", home, `{"device_class":"smoke","state_topic":"s","value_template":"{{ value_json.a"}`, "value_template: not understood: braces that are never closed", 0},
		{"a loop", home, `{"device_class":"smoke","state_topic":"s","value_template":"{% for x in value_json %}{{ x }}{% endfor %}"}`, `the statement "for"`, 0},
		{"a deep template", home, `{"device_class":"smoke","state_topic":"s","value_template":"{{ ` + strings.Repeat("(", 900) + `}}"}`, "more than 32 parentheses", 0},
		{"deep JSON", home, strings.Repeat(`{"a":`, 200_000), "no JSON", 0},
		{"no components", device, `{"dev":{"ids":"x"}}`, "components: missing", 0},
		{"one bad component among good ones", device, `{"dev":{"ids":"x"},"cmps":{` + component(1) + `,"bad":{"p":"binary_sensor","device_class":"gas"},"worse":[]}}`, "state_topic: missing", 1},
		{"10,000 components", device, `{"dev":{"ids":"x"},"cmps":{` + many(10_000, component) + `}}`, "components: of 10000 the first 256 are read", 1},
		// Of these, each takes as long as the rest of the document if it has to
		// be found in it, or to take something from it: hours.
		{"a million numbers", zigbee, `[` + strings.Repeat("7,", 1_000_000) + `7]`, "(got a number)", 0},
		{"a million components", device, `{"dev":{"ids":"x"},"cmps":{` + strings.Repeat(`"a":7,`, 1_000_000) + component(1) + `}}`, "components: of 1000001 the first 256 are read", 0},
		{"a component that is named by a megabyte", "homeassistant/device//config", `{"dev":{"name":"` + strings.Repeat("n", 1<<20) + `"},"cmps":{` + many(20_000, component) + `}}`, "components: of 20000 the first 256 are read", 0},
		{"a megabyte", device, `{"dev":{"ids":"x","name":"` + strings.Repeat("n", 1<<20) + `"},"cmps":{` + component(1) + `}}`, "", 1},
		{"over the limit", device, strings.Repeat(" ", discovery.MaxDocument+1), "must be at most 8388608 bytes (got 8388609): have the bridge describe fewer devices", 0},
		{"no list", zigbee, `{}`, "must be a list of devices", 0},
		{"a list that is cut off", zigbee, `[{"friendly_name":"a"},{"friendly`, "line 1, column", 0},
		{"a wrong field", zigbee, "[{\"friendly_name\":7},\n{\"friendly_name\":\"a\",\"definition\":{\"exposes\":[{\"type\":\"binary\",\"property\":\"sos\",\"access\":1,\"value_on\":true,\"value_off\":false}]}}]", "line 1, column 2: friendly_name: must be a string (got a number)", 1},
		{"a device that is the bridge", zigbee, `[{"friendly_name":"bridge/devices","definition":{"exposes":[{"type":"binary","property":"sos","access":1}]}}]`, "rename the device", 0},
		{"more devices than are kept", zigbee, `[` + many(2049, func(i int) string {
			return fmt.Sprintf(`{"friendly_name":"d%d","definition":{"exposes":[{"type":"binary","property":"sos","access":1,"value_on":true,"value_off":false}]}}`, i)
		}) + `]`, "more than 2048 devices behind one bridge", 2048},
		{"exposes in exposes", zigbee, `[{"friendly_name":"a","definition":{"exposes":[` + strings.Repeat(`{"type":"composite","property":"p","features":[`, 3000) + `{"type":"binary","property":"sos","access":1}` + strings.Repeat(`]}`, 3000) + `]}}]`, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBook("")
			form := discovery.HomeAssistant
			if c.topic == zigbee {
				form = discovery.Zigbee2MQTT
			}
			_, wrong := learn(b, form, c.topic, c.document)
			if (len(wrong) > 0) != (c.want != "") || len(wrong) > 0 && !strings.Contains(wrong[0].Error(), c.want) {
				t.Errorf("said %.300v, want %q", wrong, c.want)
			}
			if len(wrong) > 9 {
				t.Errorf("%d complaints", len(wrong))
			}
			if got := len(b.Devices("bridge")); got != c.devices {
				t.Errorf("%d devices are known, want %d", got, c.devices)
			}
		})
	}
}

// A document that cannot be read does not take back what was said before, and
// a bridge describes nobody who speaks where it may not.
func TestWhatIsKept(t *testing.T) {
	b := newBook("")
	const topic, good = "homeassistant/binary_sensor/x/config", `{"device_class":"smoke","state_topic":"site/s","device":{"ids":"x"}}`
	learn(b, discovery.HomeAssistant, topic, good)
	if _, wrong := learn(b, discovery.HomeAssistant, topic, `{"device_`); len(wrong) != 1 || say(b, "alarm", "x", "site/s", "ON", false) != "smoke {}" {
		t.Errorf("%v, %v", wrong, b.Devices("bridge"))
	}
	if fresh, _ := learn(b, discovery.HomeAssistant, topic, good); len(fresh) != 0 {
		t.Errorf("news: %v", fresh)
	}
	elsewhere := func(string) bool { return false }
	_, wrong := b.Learn("other", discovery.HomeAssistant, devices.Message{Client: "other", Topic: topic, Payload: []byte(good)}, elsewhere, func(string) string { return "" })
	if len(wrong) != 1 || len(b.Devices("other")) != 0 {
		t.Errorf("%v, %v", wrong, b.Devices("other"))
	}
}

// A bridge that calls itself something else with each message, and one that
// describes as much as it can, take nothing from others: not from who is
// registered or waits, and not from who comes later.
func TestANewIdentityWithEachMessage(t *testing.T) {
	known := map[string]bool{"other/faithful": true, "bridge/x-7": true}
	b := discovery.New(discovery.Config{Known: func(bridge, address string) bool { return known[bridge+"/"+address] }, Vocabulary: kinds.Vocabulary(), Logger: slog.New(slog.DiscardHandler)})
	describe := func(bridge, name string, signals int) {
		t.Helper()
		components := fmt.Sprintf(`"s":{"p":"binary_sensor","device_class":"smoke","state_topic":"%s/smoke","unique_id":"s"}`, name)
		for i := range signals - 1 {
			components += fmt.Sprintf(`,"s%d":{"p":"binary_sensor","device_class":"smoke","state_topic":"%s/%d","unique_id":"s%d"}`, i, name, i, i)
		}
		_, wrong := b.Learn(bridge, discovery.HomeAssistant, devices.Message{Client: bridge, Topic: "homeassistant/device/" + name + "/config",
			Payload: []byte(`{"dev":{"ids":"` + name + `"},"cmps":{` + components + `}}`)}, func(string) bool { return true }, func(string) string { return "" })
		if len(wrong) > 0 {
			t.Errorf("%s/%s: %v", bridge, name, wrong)
		}
	}
	describe("other", "faithful", 1)
	for i := range 10_000 {
		describe("bridge", fmt.Sprintf("x-%d", i), 1)
	}
	if n := len(b.Devices("bridge")); n != 2048 {
		t.Errorf("%d devices are remembered", n)
	}
	for i := range 512 {
		describe("bridge", fmt.Sprintf("y-%d", i), 40)
	}
	signals := 0
	for _, d := range b.Devices("bridge") {
		signals += len(d.Signals)
	}
	if signals < 16_000 || signals > 16_384 {
		t.Errorf("%d signals are remembered", signals)
	}
	describe("other", "new", 40)
	describe("bridge", "new", 40)
	for _, at := range []string{"other/faithful", "other/new", "bridge/new", "bridge/x-7"} {
		bridge, name, _ := strings.Cut(at, "/")
		d := devices.Device{ID: "d", Kind: "alarm", Bridge: bridge, Address: name}
		if r := b.Reports(d, devices.Message{Topic: name + "/smoke", Payload: []byte("ON")}); len(r) != 1 || r[0].Type != "smoke" {
			t.Errorf("%s says %+v", at, r)
		}
	}
}

// Who says again what it is makes no room for others, and those who are
// registered are not asked after for each that comes.
func TestWhoMakesRoom(t *testing.T) {
	asked := 0
	b := discovery.New(discovery.Config{Vocabulary: kinds.Vocabulary(), Logger: slog.New(slog.DiscardHandler), Known: func(_, address string) bool {
		asked++
		return strings.HasPrefix(address, "known-")
	}})
	describe := func(name string, i int) {
		name = fmt.Sprintf("%s-%d", name, i)
		if _, wrong := learn(b, discovery.HomeAssistant, "homeassistant/binary_sensor/"+name+"/config", `{"device_class":"smoke","state_topic":"`+name+`","device":{"ids":"`+name+`"}}`); len(wrong) > 0 {
			t.Error(name, wrong)
		}
	}
	for i := range 500 {
		describe("known", i)
	}
	for i := range 2048 - 500 {
		describe("x", i)
	}
	describe("x", 0)
	for i := range 1000 {
		describe("y", i)
	}
	for name, want := range map[string]bool{"known-0": true, "known-499": true, "x-0": true, "x-1": false, "x-1000": false, "x-1001": true, "y-999": true} {
		if _, ok := b.Device("bridge", name); ok != want {
			t.Errorf("%s is remembered: %v", name, ok)
		}
	}
	if asked > 1000+500 {
		t.Errorf("asked %d times who is known", asked)
	}
}

// running keeps a book's file; stop ends that, with a last write.
func running(t *testing.T, b *discovery.Book) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// Descriptions that never end are written more and more seldom, and at the end.
func TestWhatNeverEndsIsWrittenSeldom(t *testing.T) {
	file := filepath.Join(t.TempDir(), "descriptions.json")
	synctest.Test(t, func(t *testing.T) {
		b := newBook(file)
		stop := running(t, b)
		describe := func(i int) {
			learn(b, discovery.HomeAssistant, "homeassistant/binary_sensor/x/config", fmt.Sprintf(`{"device_class":"smoke","state_topic":"site/%d","device":{"ids":"x"}}`, i))
		}
		writes, last := 0, ""
		for i := range 24 * 3600 {
			describe(i)
			time.Sleep(time.Second)
			if content, err := os.ReadFile(file); err == nil && string(content) != last {
				writes, last = writes+1, string(content)
			}
		}
		if writes < 24 || writes > 36 {
			t.Errorf("%d writes within a day", writes)
		}
		stop()
		if content, err := os.ReadFile(file); err != nil || !strings.Contains(string(content), "site/86399") {
			t.Errorf("the last is not written: %s, %v", content, err)
		}
	})
}

// What was described outlives a restart, unless the bridge is gone or the file
// cannot be read, which is no reason not to start.
func TestAcrossARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "descriptions.json")
	synctest.Test(t, func(t *testing.T) {
		b := newBook(file)
		stop := running(t, b)
		learn(b, discovery.HomeAssistant, "homeassistant/binary_sensor/x/config", `{"device_class":"smoke","state_topic":"site/s","device":{"ids":"x"}}`)
		time.Sleep(time.Minute)
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
		learn(b, discovery.HomeAssistant, "homeassistant/binary_sensor/y/config", `{"device_class":"gas","state_topic":"site/g","device":{"ids":"y"}}`)
		stop()
	})
	b := newBook(file)
	if got := say(b, "alarm", "x", "site/s", "ON", false) + say(b, "alarm", "y", "site/g", "ON", false); got != "smoke {}gas {}" {
		t.Errorf("after the restart: %s", got)
	}
	b.Forget(func(string) bool { return false })
	if all := b.Devices("bridge"); len(all) != 0 {
		t.Errorf("of a bridge that is gone: %v", all)
	}
	if err := os.WriteFile(file, []byte(`{"version":1,"bridges":{`), 0o600); err != nil {
		t.Fatal(err)
	}
	if all := newBook(file).Devices("bridge"); len(all) != 0 {
		t.Errorf("of half a file: %v", all)
	}
}

// No description and no message ends the process, grows without bound, or
// makes one report what its kind of device cannot.
func FuzzDescriptions(f *testing.F) {
	f.Add(true, "homeassistant/binary_sensor/n/o/config", []byte(`{"~":"s","stat_t":"~/x","dev_cla":"smoke","val_tpl":"{{ value_json.a }}","dev":{"ids":["x"]}}`), []byte(`{"a":"ON"}`))
	f.Add(true, "homeassistant/device/o/config", []byte(`{"dev":{"ids":"x"},"cmps":{"a":{"p":"event","event_types":["press"],"state_topic":"s/x"},"b":{"p":"sensor","device_class":"enum","options":["none","fall"],"name":"fall","state_topic":"s/x"}}}`), []byte(`{"event_type":"press"}`))
	f.Add(true, "homeassistant/device_automation/o/config", []byte(`{"atype":"trigger","t":"s/x","type":"button_short_press","avty":{"t":"s/x"}}`), []byte(`x`))
	f.Add(false, "z/bridge/devices", []byte(`[{"friendly_name":"x","definition":{"exposes":[{"type":"enum","property":"action","name":"action","access":1,"values":["emergency"]},{"type":"light","features":[{"type":"numeric","property":"battery","unit":"%","access":1}]}]}}]`), []byte(`{"action":"emergency","battery":1e400}`))
	for _, c := range zigbeeSaid {
		f.Add(false, "z/bridge/devices", []byte(zigbeeList), []byte(c.payload))
	}
	for _, c := range homeSaid {
		for _, m := range c.messages {
			f.Add(true, c.topic, []byte(c.document), []byte(m.payload))
		}
	}
	vocabulary := kinds.Vocabulary()
	f.Fuzz(func(t *testing.T, home bool, topic string, document, payload []byte) {
		b := newBook("")
		form := discovery.Zigbee2MQTT
		if home {
			form = discovery.HomeAssistant
		}
		_, wrong := learn(b, form, topic, string(document))
		for _, err := range wrong {
			if len(err.Error()) > 4096 {
				t.Errorf("a complaint of %d bytes", len(err.Error()))
			}
		}
		for _, d := range b.Devices("bridge") {
			if len(d.Signals) == 0 || d.Address == "" {
				t.Errorf("a device of nothing: %+v", d)
			}
			for _, s := range d.Signals {
				for _, kind := range kinds.Names() {
					for _, retained := range []bool{false, true} {
						m := devices.Message{Topic: s.Topic, Payload: payload, Retained: retained}
						for _, r := range b.Reports(devices.Device{Kind: kind, Bridge: "bridge", Address: d.Address, Compartment: 1}, m) {
							p, urgency, err := vocabulary.Parse(kind, r.Type, r.Data)
							if err != nil {
								t.Errorf("%+v: %v", r, err)
							}
							if _, level := p.(devices.Leveled); retained && !level && urgency == devices.Urgent {
								t.Errorf("a kept message became %+v", r)
							}
						}
					}
				}
			}
		}
	})
}
