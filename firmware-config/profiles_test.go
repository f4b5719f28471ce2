package firmwareconfig_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/discovery"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/profile"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
)

var vocabulary = kinds.Vocabulary()

// testcase is a folder under profiles/testcases/<profile>: case.json, the
// payloads it names, and in events.json what all its messages say in order.
type testcase struct {
	Profile  string         `json:"profile"` // as a registration refers to it, "" for the bare name
	Device   devices.Device `json:"device"`
	Also     []devices.Kind `json:"also"` // other kinds of which the same comes
	Address  string         `json:"address"`
	Messages []struct {
		Topic    string `json:"topic"`
		Payload  string `json:"payload"` // a file of the folder
		Retained bool   `json:"retained"`
	} `json:"messages"`
}

type event struct {
	Type devices.Type `json:"type"`
	ID   string       `json:"id,omitempty"`
	Time *time.Time   `json:"time,omitempty"`
	Held *bool        `json:"held,omitempty"`
	// Instance and Number are as in devices.Report.
	Instance string          `json:"instance,omitempty"`
	Number   string          `json:"number,omitempty"`
	Data     json.RawMessage `json:"data"`
}

func load(t testing.TB) *profile.Set {
	t.Helper()
	set, err := profile.Load(firmwareconfig.Profiles(), vocabulary)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Every shipped profile says what its test cases say it does, in the
// vocabulary of the device's kind, and no rule is without a case.
func TestShippedProfiles(t *testing.T) {
	set := load(t)
	for _, p := range set.Profiles() {
		t.Run(p.Name(), func(t *testing.T) {
			cases, err := filepath.Glob(filepath.Join("profiles", "testcases", p.Name(), "*"))
			if err != nil {
				t.Fatal(err)
			}
			fired := map[string]bool{}
			for _, dir := range cases {
				t.Run(filepath.Base(dir), func(t *testing.T) { run(t, set, p, dir, fired) })
			}
			for _, rule := range p.Rules() {
				if !fired[rule] {
					t.Errorf("rule %s is hit by no test case", rule)
				}
			}
		})
	}
}

func run(t *testing.T, set *profile.Set, p *profile.Profile, dir string, fired map[string]bool) {
	var c testcase
	read(t, filepath.Join(dir, "case.json"), &c)
	if c.Profile != "" {
		var err error
		if p, err = set.Open(c.Profile); err != nil {
			t.Fatal(err)
		}
	}
	var want []event
	read(t, filepath.Join(dir, "events.json"), &want)
	for _, kind := range append(c.Also, c.Device.Kind) {
		c.Device.Kind = kind
		if g, w := indent(t, c.events(t, p, dir, fired)), indent(t, want); !bytes.Equal(g, w) {
			t.Errorf("of a %s: got %s\nwant %s", kind, g, w)
		}
	}
}

// events are what all messages of the case say.
func (c testcase) events(t *testing.T, p *profile.Profile, dir string, fired map[string]bool) []event {
	t.Helper()
	got := []event{}
	const bridge = "bridge"
	book := discovery.New(discovery.Config{Vocabulary: vocabulary, Logger: slog.New(slog.DiscardHandler)})
	for _, in := range c.Messages {
		payload, err := os.ReadFile(filepath.Join(dir, in.Payload))
		if err != nil {
			t.Fatal(err)
		}
		m := devices.Message{Client: bridge, Topic: in.Topic, Payload: payload, Retained: in.Retained}
		address, ok := p.Address(m)
		if form := p.Describes(m.Topic); form != "" {
			learn(t, book, p, form, m)
			continue
		}
		if described := book.Addresses(bridge, m.Topic); address == "" && len(described) > 0 {
			address = described[0]
		}
		if !ok {
			t.Errorf("%s is no topic of the profile", in.Topic)
		}
		if address != c.Address && address != "" {
			t.Errorf("%s is about %q, want %q", in.Topic, address, c.Address)
		}
		readings := p.Read(c.Device, m)
		if len(readings) == 0 && address != "" { // what no rule reads, the device itself may explain
			d := c.Device
			d.Bridge, d.Address = bridge, address
			for _, r := range book.Reports(d, m) {
				readings = append(readings, profile.Reading{Rule: "its description", Report: r})
			}
		}
		for _, r := range readings {
			if r.Err != nil {
				t.Errorf("%s: rule %s: %v", in.Payload, r.Rule, r.Err)
				continue
			}
			if address == "" {
				t.Errorf("%s: rule %s reports %s of no device", in.Payload, r.Rule, r.Report.Type)
			}
			fired[r.Rule] = true
			check(t, c.Device, m, r)
			e := event{Type: r.Report.Type, ID: r.Report.ID, Held: r.Report.Held, Instance: r.Report.Instance, Number: r.Report.Number, Data: r.Report.Data}
			if !r.Report.Observed.IsZero() {
				e.Time = &r.Report.Observed
			}
			got = append(got, e)
		}
	}
	return got
}

func learn(t *testing.T, book *discovery.Book, p *profile.Profile, form discovery.Form, m devices.Message) {
	t.Helper()
	_, wrong := book.Learn(m.Client, form, m, p.Speaks, func(topic string) string {
		address, _ := p.Address(devices.Message{Topic: topic})
		return address
	})
	for _, err := range wrong {
		t.Errorf("%s: %v", m.Topic, err)
	}
}

// The example on the page about profiles is one, and says what the page says.
func TestTheExampleInTheDocumentation(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "deploy", "docs", "profiles.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, part := range strings.Split(string(page), "<!-- ")[1:] {
		name, rest, _ := strings.Cut(part, " -->\n```")
		_, rest, _ = strings.Cut(rest, "\n")
		content, _, found := strings.Cut(rest, "```\n")
		if !found {
			t.Fatalf("%s is no block", name)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := profile.Load(os.DirFS(dir), vocabulary)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := set.Profile("acme")
	if !ok {
		t.Fatal("the page has no acme.yaml")
	}
	fired := map[string]bool{}
	run(t, set, p, dir, fired)
	for _, rule := range p.Rules() {
		if !fired[rule] {
			t.Errorf("rule %s is not shown at work", rule)
		}
	}
	for _, p := range load(t).Profiles() {
		row := "| `" + p.Name() + "` |"
		if !strings.Contains(string(page), row) {
			t.Errorf("the page does not list %s", p.Name())
			continue
		}
		_, row, _ = strings.Cut(string(page), row)
		row, _, _ = strings.Cut(row, "\n")
		for name, value := range p.Settings() {
			if !strings.Contains(row, "`"+name+"="+value+"`") {
				t.Errorf("the row of %s lacks `%s=%s`", p.Name(), name, value)
			}
		}
	}
}

func check(t *testing.T, d devices.Device, m devices.Message, r profile.Reading) {
	t.Helper()
	payload, _, err := vocabulary.Parse(d.Kind, r.Report.Type, r.Report.Data)
	if err != nil {
		t.Errorf("rule %s: %v", r.Rule, err)
		return
	}
	if _, level := payload.(devices.Leveled); m.Retained && !level {
		t.Errorf("rule %s took a retained message for a %s", r.Rule, r.Report.Type)
	}
}

func read(t testing.TB, file string, into any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// indent makes the order of fields the same for both sides.
func indent(t *testing.T, events []event) []byte {
	t.Helper()
	var plain any
	content, err := json.Marshal(events)
	if err == nil {
		err = json.Unmarshal(content, &plain)
	}
	if err == nil {
		content, err = json.MarshalIndent(plain, "", "  ")
	}
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// spoken is one message of a test case.
type spoken struct {
	profile *profile.Profile
	device  devices.Device
	devices.Message
}

// all lists the messages of every test case.
func all(t testing.TB, set *profile.Set) []spoken {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("profiles", "testcases", "*", "*", "case.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []spoken
	for _, file := range files {
		dir := filepath.Dir(file)
		var c testcase
		read(t, file, &c)
		p, err := set.Open(cmp.Or(c.Profile, filepath.Base(filepath.Dir(dir))))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range c.Messages {
			payload, err := os.ReadFile(filepath.Join(dir, m.Payload))
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, spoken{p, c.Device, devices.Message{Topic: m.Topic, Payload: payload, Retained: m.Retained}})
		}
	}
	return list
}

// places are the spans of all names and values of a JSON document but lists
// and objects; what is none has one place, the whole.
func places(document []byte) [][2]int {
	var list [][2]int
	d := json.NewDecoder(bytes.NewReader(document))
	for {
		before := int(d.InputOffset())
		token, err := d.Token()
		if err != nil {
			break
		}
		if _, bracket := token.(json.Delim); !bracket {
			end := int(d.InputOffset())
			list = append(list, [2]int{end - len(bytes.TrimLeft(document[before:end], " \t\r\n,:")), end})
		}
	}
	if len(list) == 0 || !json.Valid(document) {
		return [][2]int{{0, len(document)}}
	}
	return list
}

// replaced is a document with another value at a place.
func replaced(document []byte, at [2]int, value []byte) []byte {
	return slices.Concat(document[:at[0]], value, document[at[1]:])
}

// survives holds a message about devices of some kinds to what no message may
// do: make a rule fail, or make one report what its kind of device cannot.
func survives(t *testing.T, p *profile.Profile, m devices.Message, compartment int, of ...devices.Kind) {
	t.Helper()
	if _, ok := p.Address(m); !ok {
		return
	}
	for _, kind := range of {
		d := devices.Device{ID: "d", Kind: kind, Compartment: compartment}
		for _, r := range p.Read(d, m) {
			if r.Err == nil {
				check(t, d, m, r)
			} else if !strings.Contains(r.Err.Error(), "must be at most") {
				t.Errorf("rule %s of %.300q: %v", r.Rule, m.Payload, r.Err)
			}
		}
	}
}

// traps are the values that every profile must survive in every place.
var traps = [...]string{
	`null`, `""`, `"255"`, `255`, `"12"`, `-1`, `1e308`, `true`, `"on"`, `[]`, `[[null]]`, `{}`, `{"a":{}}`,
	`"1970-01-01T00:00:00Z"`, `"2080-12-31T23:59:59+08:00"`, `315532800`, `"卫生间"`, `"\u0000\ud800"`, `99999999999999999999`,
}

// Every captured message with every trap in every place, kept or not, does
// no harm; nor do none and ten million bytes.
func TestTraps(t *testing.T) {
	huge := bytes.Repeat([]byte("["), 10<<20)
	for _, m := range all(t, load(t)) {
		payload := m.Payload
		for _, at := range places(payload) {
			for _, trap := range traps {
				m.Payload = replaced(payload, at, []byte(trap))
				survives(t, m.profile, m.Message, m.device.Compartment, m.device.Kind)
			}
		}
		for _, m.Payload = range [][]byte{nil, huge, payload[:len(payload)/2], bytes.ToUpper(payload)} {
			survives(t, m.profile, m.Message, m.device.Compartment, m.device.Kind)
		}
	}
}

// No payload ends the process, makes a rule of a shipped profile fail, or
// makes one report what its kind of device cannot. The seeds are all captured
// messages; what is tried is the topic and payload as they are, and the value
// at one place of the captured message number n.
func FuzzShippedProfiles(f *testing.F) {
	known := all(f, load(f))
	profiles := map[*profile.Profile]bool{}
	for n, m := range known {
		profiles[m.profile] = true
		f.Add(n, n, []byte(traps[n%len(traps)]), m.Topic, m.Payload, m.Retained)
	}
	f.Fuzz(func(t *testing.T, n, place int, value []byte, topic string, payload []byte, retained bool) {
		m := known[uint(n)%uint(len(known))]
		at := places(m.Payload)
		captured := m.Message
		captured.Payload = replaced(m.Payload, at[uint(place)%uint(len(at))], value)
		survives(t, m.profile, captured, m.device.Compartment, kinds.Names()...)
		for p := range profiles {
			for _, topic := range [...]string{topic, m.Topic} {
				survives(t, p, devices.Message{Topic: topic, Payload: payload, Retained: retained}, m.device.Compartment, kinds.Names()...)
			}
		}
	})
}

func BenchmarkMapping(b *testing.B) {
	p, ok := load(b).Profile("zigbee2mqtt")
	if !ok {
		b.Fatal("no such profile")
	}
	d := devices.Device{ID: "door-12", Kind: locker.Kind, Compartment: 12}
	m := devices.Message{
		Topic:   "zigbee2mqtt/柜门/A-12",
		Payload: []byte(`{"battery":91,"battery_low":false,"contact":false,"linkquality":76,"tamper":false,"voltage":2985}`),
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := p.Address(m); !ok {
			b.Fatal("no address")
		}
		if reports, err := p.Reports(d, m); err != nil || len(reports) != 3 {
			b.Fatal(reports, err)
		}
	}
}

// Both pages name every setting of a shipped profile, with what it is if
// nothing is said.
func TestEachSettingIsDocumented(t *testing.T) {
	files, err := filepath.Glob("profiles/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	setting := regexp.MustCompile(`(?m)^  ([a-z]+): "?([^" #\n]+)`)
	for _, page := range []string{"../deploy/docs/profiles.md", "../deploy/docs/profiles.zh-CN.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".yaml")
			_, row, _ := strings.Cut(string(text), "\n| `"+name+"` |")
			row, _, _ = strings.Cut(row, "\n")
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, settings, _ := strings.Cut(string(source), "\nsettings:\n")
			settings, _, _ = strings.Cut(settings, "\n\n")
			for _, s := range setting.FindAllStringSubmatch(settings, -1) {
				if !strings.Contains(row, "`"+s[1]+"="+s[2]+"`") {
					t.Errorf("%s lacks %s=%s of %s", page, s[1], s[2], name)
				}
			}
		}
	}
}
