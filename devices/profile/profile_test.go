package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/wearable"
)

var vocabulary = devices.NewVocabulary(locker.Specs(), cabinet.Specs(), wearable.Specs())

func load(t *testing.T, source string) *Profile {
	t.Helper()
	set, err := Load(fstest.MapFS{"p.yaml": {Data: []byte(source)}}, vocabulary)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := set.Profile("p")
	if !ok {
		t.Fatal("the profile is not in the set")
	}
	return p
}

const head = `name: p
title: {zh: 某某, en: some}
topics: [p/#]
commands: [p/+/set]
`

// several has what the shipped profiles do not use yet.
const several = head + `messages:
  - topic: p/events
    address: payload.src
    rules:
      - name: press
        kinds: [wearable]
        each: payload.events
        when: item.event == "press"
        type: sos
        id: payload.id
        observed: item.ts
      - name: fails
        kinds: [wearable]
        when: payload.broken.field == 1
        type: fall
  - topic: p/{id}/state
    address: upper(topic.id)
    rules:
      - name: doors
        kinds: [locker]
        retained: true
        each: list
        when: flag(item.open) != nil
        type: door
        data: {compartment: num(item.n), open: flag(item.open)}
`

var wearer = devices.Device{ID: "w", Kind: wearable.Kind}

func TestOneMessageSeveralReports(t *testing.T) {
	p := load(t, several)
	m := devices.Message{Topic: "p/events", Payload: []byte(`{"src":"shelly-1","id":7,"broken":{},"events":[
		{"event":"press","ts":1646945882.5},{"event":"release"},{"event":"press","ts":"2026-11-23T08:15:30+08:00"},{"event":"press","ts":-5},7]}`)}
	if a, ok := p.Address(m); a != "shelly-1" || !ok {
		t.Errorf("address %q %v", a, ok)
	}
	reports, err := p.Reports(wearer, m)
	if err == nil || !strings.Contains(err.Error(), "rule press: when: ") {
		t.Errorf("the element that is no object went unnoticed: %v", err)
	}
	var got []string
	for _, r := range reports {
		stamp := ""
		if !r.Observed.IsZero() {
			stamp = r.Observed.UTC().Format("2006-01-02T15:04:05.0")
		}
		got = append(got, fmt.Sprint(r.Type, " ", r.ID, " ", stamp, " ", string(r.Data)))
	}
	want := []string{"sos 7/sos/0 2022-03-10T20:58:02.5 {}", "sos 7/sos/2 2026-11-23T00:15:30.0 {}", "sos 7/sos/3  {}"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// A rule is tried for each element of whatever is a list: one of the payload, a
// range, one that is written, one that a text is taken apart into.
func TestEachOfAList(t *testing.T) {
	for each, want := range map[string]string{"list": "12", "1..2": "12", "[1, num(list[1])]": "12", `split("1;2", ";")`: "12", "text": "each: must be a list (got a string)"} {
		p := load(t, head+"messages:\n  - topic: p/{name}\n    address: topic.name\n    rules:\n      - name: r\n        kinds: [locker]\n"+
			"        each: '"+each+"'\n        when: num(item) > 0\n        type: door\n        data: {compartment: num(item), open: true}\n")
		reports, err := p.Reports(devices.Device{Kind: locker.Kind}, devices.Message{Topic: "p/x", Payload: []byte("[1,2]")})
		got := ""
		for _, r := range reports {
			var door locker.Door
			if err := json.Unmarshal(r.Data, &door); err != nil {
				t.Error(err)
			}
			got += fmt.Sprint(door.Compartment)
		}
		if err != nil {
			got += err.Error()
		}
		if !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s, want %s", each, got, want)
		}
	}
}

func TestARuleThatFailsCostsNoOther(t *testing.T) {
	p := load(t, several)
	m := devices.Message{Topic: "p/events", Payload: []byte(`{"events":[{"event":"press"}],"broken":"not an object"}`)}
	reports, err := p.Reports(wearer, m)
	if len(reports) != 1 || reports[0].Type != wearable.TypeSOS || reports[0].ID != "" {
		t.Errorf("reports: %+v", reports)
	}
	if err == nil || !strings.Contains(err.Error(), "profile p, line 16, rule fails: when: ") {
		t.Errorf("error: %v", err)
	}
}

func TestTopicsAndKinds(t *testing.T) {
	p := load(t, several)
	state := devices.Message{Topic: "p/ab/state", Payload: []byte(`[{"n":2,"open":"ON"},{"n":"3","open":0},{"n":4}]`), Retained: true}
	if a, _ := p.Address(state); a != "AB" {
		t.Errorf("address %q", a)
	}
	reports, err := p.Reports(devices.Device{Kind: locker.Kind}, state)
	if err != nil || len(reports) != 2 || string(reports[1].Data) != `{"compartment":3,"open":false}` {
		t.Errorf("%+v %v", reports, err)
	}
	if reports, err := p.Reports(wearer, state); len(reports) != 0 || err != nil {
		t.Errorf("a rule for another kind fired: %v %v", reports, err)
	}
	press := devices.Message{Topic: "p/events", Payload: []byte(`{"events":[{"event":"press"}]}`), Retained: true}
	if reports, err := p.Reports(wearer, press); len(reports) != 0 || err != nil {
		t.Errorf("a retained message was a press: %v %v", reports, err)
	}
	if _, ok := p.Address(devices.Message{Topic: "q/ab/state"}); ok {
		t.Error("a topic of somebody else was taken")
	}
	if a, ok := p.Address(devices.Message{Topic: "p/events", Payload: []byte("{}")}); a != "" || !ok {
		t.Errorf("without an address: %q %v", a, ok)
	}
	if fmt.Sprint(p.Topics(), p.Commands(), " ", p.Title().In(texts.Chinese)) != "[p/#] [p/+/set] 某某" {
		t.Error(p.Topics(), p.Commands(), p.Title())
	}
}

func TestLimits(t *testing.T) {
	p := load(t, several)
	press := devices.Message{Topic: "p/events", Payload: []byte(`{"events":[{"event":"press"}` + strings.Repeat(`,{}`, maxEach-2) + `,{"event":"press"},{"event":"press"}]}`)}
	if reports, err := p.Reports(wearer, press); len(reports) != 2 || err == nil || !strings.Contains(err.Error(), "each: must be at most 256 elements (got 257)") {
		t.Errorf("of too many items: %d reports, %v", len(reports), err)
	}
	for name, payload := range map[string]string{
		"10 MB":            `{"src":"` + strings.Repeat("x", 10<<20) + `"}`,
		"too many items":   `{"events":[` + strings.Repeat("1,", 300) + `1]}`,
		"each is no list":  `{"events":{"a":1}}`,
		"a long id":        `{"id":"` + strings.Repeat("长", 300) + `","events":[{"event":"press"}]}`,
		"nested very deep": strings.Repeat(`{"events":`, 9000) + "1" + strings.Repeat("}", 9000),
	} {
		reports, err := p.Reports(wearer, devices.Message{Topic: "p/events", Payload: []byte(payload)})
		if name == "a long id" {
			if len(reports) != 1 || len(reports[0].ID) != 64 {
				t.Errorf("%s: %+v %v", name, reports, err)
			}
			continue
		}
		if err == nil || len(err.Error()) > 1000 {
			t.Errorf("%s: error %.2000v", name, err)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, test := range []struct{ pattern, topic, want string }{
		{"a/{x}/b", "a/1/b", "map[x:1]"},
		{"a/{x}/b", "a//b", "map[]"},
		{"a/{x}/b", "a/1/2/b", "map[]"},
		{"a/{x...}", "a/1/2/三", "map[x:1/2/三]"},
		{"a/{x...}", "a/", "map[]"},
		{"a/{x...}", "a", "map[]"},
		{"a/{x...}/b/{y}", "a/1/b/b/2", "map[x:1/b y:2]"},
		{"{x}/{y...}/c", "1/2/3/c", "map[x:1 y:2/3]"},
		{"a", "a", "map[]"},
	} {
		p, ok := parsePattern(test.pattern)
		if !ok {
			t.Fatal(test.pattern)
		}
		if got := fmt.Sprint(p.match(test.topic)); got != test.want {
			t.Errorf("%s of %s: %s, want %s", test.pattern, test.topic, got, test.want)
		}
	}
	fixed, _ := parsePattern("a")
	if fixed.match("a") == nil || fixed.match("b") != nil {
		t.Error("a pattern without names")
	}
	for _, bad := range []string{"", "a//b", "a/#", "+/a", "a/{x}/{x}", "a/{x...}/{y...}", "a/{}", "a/x{y}", "a/{X}", "a/{1}", "/a"} {
		if _, ok := parsePattern(bad); ok {
			t.Errorf("%q was taken for a pattern", bad)
		}
	}
	for _, test := range []struct {
		filter, pattern string
		want            bool
	}{
		{"#", "a/{x...}", true}, {"a/#", "a", true}, {"a/#", "a/{x...}/b", true}, {"a/+", "a/{x}", true}, {"a/+/b", "a/{x}/b", true},
		{"a/b", "a/{x}", false}, {"a/+", "a/{x...}", false}, {"a/+", "a", false}, {"a", "a/b", false}, {"b/#", "a/{x}", false}, {"a/b/#", "a/{x}", false},
	} {
		p, _ := parsePattern(test.pattern)
		if got := covers(test.filter, p); got != test.want {
			t.Errorf("%s covers %s: %v", test.filter, test.pattern, got)
		}
	}
}

func TestHelpers(t *testing.T) {
	env := map[string]any{"payload": map[string]any{
		"n": 63.5, "s": " 63.5 ", "t": "On", "f": "0", "z": 0.0, "e": "", "nil": nil, "m": map[string]any{}, "inf": "Infinity", "hex": "0x10", "big": "1e999", "o": map[string]any{"a": 1.0}, "l": []any{1.0},
	}}
	topic, _ := parsePattern("p")
	for source, want := range map[string]string{
		"num(payload.n)": "63.5", "num(payload.s)": "63.5", "num(payload.e)": "<nil>", "num(payload.m)": "<nil>", "num(payload.t)": "<nil>",
		"num(payload.inf)": "<nil>", "num(payload.hex)": "<nil>", "num(payload.big)": "<nil>", "num(payload.absent)": "<nil>", "num(7)": "7",
		"flag(payload.t)": "true", "flag(payload.f)": "false", "flag(payload.z)": "false", "flag(payload.n)": "<nil>", "flag(payload.nil)": "<nil>", "flag(1)": "true",
		"str(payload.s)": "63.5", "str(payload.n)": "", "str(payload.nil)": "",
		"has(payload.e)": "false", "has(payload.nil)": "false", "has(payload.z)": "true", "has(payload.s)": "true",
		"between(payload.s, 63, 64)": "true", "between(payload.n, 63.6, 64.0)": "false", "between(payload.nil, 0, 1)": "false",
		"round(num(payload.s))": "64", "payload.absent == nil": "true",
		"object(payload.o).a": "1", "object(payload.s).a": "<nil>", "object(payload.absent)": "map[]", "object(object(payload.o).b).c": "<nil>",
		"array(payload.l)": "[1]", "array(payload.o)": "[]", "len(array(payload.absent))": "0",
	} {
		p, err := compile(source, scope(topic, nil, false))
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := newMachine(env).run(p); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v %v, want %s", source, got, err, want)
		}
	}
}

// A profile whose expression never ends is refused with its place and the mend:
// a letter that doubles a hundred times, a pattern that takes minutes. What of a
// message takes long all the same, because there are many rules, is given up
// and told, and what comes before it counts.
func TestAProfileWhoseExpressionNeverEnds(t *testing.T) {
	rule := func(when string) string {
		return head + "messages:\n  - topic: p/{name}\n    address: topic.name\n    rules:\n" +
			"      - name: press\n        kinds: [wearable]\n        when: payload.a == 1\n        type: sos\n" +
			"      - name: endless\n        kinds: [wearable]\n        each: 1..3\n        when: " + when + "\n        type: fall\n" +
			"      - name: after\n        kinds: [wearable]\n        when: payload.a == 1\n        type: fall\n"
	}
	for when, want := range map[string]string{
		`payload.b matches payload.pattern`:             "rule endless: when: matches: write the regular expression itself",
		`str(payload.b) matches "((a?){100}){10}b"`:     "rule endless: when: matches: the regular expressions must have at most 1000 steps together",
		`all(1..9, {all(1..9, {all(1..9, {true})})})`:   "rule endless: when: loops, let and ';' are not allowed",
		`let a = text + text; let b = a + a; b == text`: "rule endless: when: loops, let and ';' are not allowed",
	} {
		_, err := Load(fstest.MapFS{"p.yaml": {Data: []byte(rule("'" + when + "'"))}}, vocabulary)
		if err == nil || !strings.HasPrefix(err.Error(), "p.yaml:16:15: "+want) {
			t.Errorf("%s: %v", when, err)
		}
	}
	doubled := strings.Repeat("string(split(", 60) + "text" + strings.Repeat(`,""))`, 60)
	topic, _ := parsePattern("p")
	double, err := compile(doubled, scope(topic, nil, false))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := newMachine(map[string]any{"text": strings.Repeat("x", 1024)}).run(double); err != nil || got != "" {
		t.Errorf("a text of a list: %.80v, %v", got, err)
	}

	synctest.Test(t, func(t *testing.T) {
		p := load(t, rule("len(raw()) > 3"))
		rules := p.messages[0].rules
		on := newMachine(map[string]any{"payload": map[string]any{"a": 1.0}, "raw": func() []any {
			time.Sleep(maxTime / 2)
			return make([]any, 4)
		}})
		var said []Reading
		for i := range rules {
			said = rules[i].read(on, said)
		}
		var got []string
		for _, r := range said {
			got = append(got, fmt.Sprintf("%d %s %.9v", r.Line, r.Rule, r.Err))
		}
		if want := []string{"9 press <nil>", "13 endless <nil>", "13 endless <nil>", "13 endless <nil>", "18 after when: not"}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("read %q\nwant %q", got, want)
		}
	})
}

// An expression cannot do more work than its length times its payload's.
func TestCostIsBounded(t *testing.T) {
	topic, _ := parsePattern("p/{name}")
	for _, source := range []string{
		`let a = text + text; let b = a + a; b + b`,
		`text; text`,
		`all(list, true)`,
		`map(1..1000000, text)`,
		`repeat(text, 1000000000)`,
		`replace(text, "", text)`,
		`reduce(list, #acc + 1, 0)`,
		`toJSON(payload)`,
		`now()`,
		`text matches text`,
		`text matches "(.?){500}(.?){500}"`,
		strings.Repeat(`text matches "(.?){100}" or `, 50) + "true",
		strings.Repeat("1 + ", 400) + "1",
		strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000),
	} {
		if _, err := compile(source, scope(topic, nil, false)); err == nil {
			t.Errorf("compiled: %.80s", source)
		}
	}
	p, err := compile(`len(1..(len(list) * 100000000))`, scope(topic, nil, false))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := newMachine(map[string]any{"list": make([]any, 10)}).run(p); err == nil {
		t.Errorf("made a thousand million elements: %v", v)
	}
}

func TestMistakesAreNamedWithTheirPlace(t *testing.T) {
	rule := func(lines string) string {
		return head + "messages:\n  - topic: p/{name...}\n    address: topic.name\n    rules:\n      - name: r\n        " + strings.ReplaceAll(lines, "\n", "\n        ")
	}
	const good = "kinds: [wearable]\nwhen: 'true'\ntype: sos\n"
	for _, test := range []struct{ source, place, want string }{
		{"name: [", "p.yaml:", "not valid YAML"},
		{"name: p\nunknown: 1", "p.yaml:2:1", `unknown field "unknown"`},
		{"name: p\nname: q", "p.yaml:2:1", `"name"`},
		{"name: q", "p.yaml:1:7", `name: must be the file's name "p" (got "q")`},
		{"name: {a: b}", "p.yaml:1:7", "must be a single value"},
		{"name: p\ntopics: [a/#/b]\nmessages: [{topic: a}]\ntitle: {zh: 某, en: x}", "p.yaml:2:10", `topics: "a/#/b" is not a valid MQTT topic filter`},
		{strings.Replace(head, "topics: [p/#]", "topics: [q/#]", 1) + "messages:\n  - topic: p/{name}", "p.yaml:6:12", "is under none of the filters"},
		{head + "messages:\n  - topic: p/{name}/#", "p.yaml:6:12", "must be levels separated"},
		{head + "messages:\n  - topic: p/{name...}\n  - topic: p/{name}/x", "p.yaml:7:12", `never reached, as "p/{name...}" before it`},
		{head + "messages:\n  - topic: p/x\n    address: topic.x", "p.yaml:7:14", "a message without rules"},
		{rule("kinds: [wearable]\nwhen: payload.a ==\ntype: sos"), "p.yaml:11:15", "rule r: when: bad expression"},
		{rule("kinds: [wearable]\nwhen: paylod.a == 1\ntype: sos"), "p.yaml:11:15", "unknown name paylod"},
		{rule("kinds: [wearable]\nwhen: topic.adress == 'x'\ntype: sos"), "p.yaml:11:15", "adress"},
		{rule("kinds: [wearable]\nwhen: 1 + 1\ntype: sos"), "p.yaml:11:15", "expected bool"},
		{rule("kinds: [wearable]\nwhen: item == 1\ntype: sos"), "p.yaml:11:15", "unknown name item"},
		{rule("kinds: [wearable]\nwhen: let a = 1; a == 1\ntype: sos"), "p.yaml:11:15", "loops, let and ';' are not allowed"},
		{rule("kinds: [wearable]\nwhen: 'true'\ntype: door"), "p.yaml:12:15", `a wearable does not report "door"`},
		{rule("kinds: [werable]\nwhen: 'true'\ntype: sos"), "p.yaml:12:15", `a werable does not report "sos"`},
		{rule(good + "retained: true"), "p.yaml:12:15", "a retained message cannot be"},
		{rule(good + "data: {a: frobnicate(1)}"), "p.yaml:13:19", "rule r: data.a: bad expression: unknown name frobnicate"},
		{rule("when: 'true'\ntype: frobnicated"), "p.yaml:11:15", `no kind of device reports "frobnicated"`},
		{rule(good) + "\n      - name: r\n        kinds: [wearable]\n        when: 'true'\n        type: fall", "p.yaml:14:15", `another rule is called "r"`},
	} {
		_, err := Load(fstest.MapFS{"p.yaml": {Data: []byte(test.source)}}, vocabulary)
		if err == nil {
			t.Errorf("loaded:\n%s", test.source)
			continue
		}
		if got := err.Error(); !strings.HasPrefix(got, test.place) || !strings.Contains(got, test.want) {
			t.Errorf("%s\nsays %q\nwant %s … %s", test.source, got, test.place, test.want)
		}
		var person *texts.Error
		if !errors.As(err, &person) || !strings.Contains(person.In(texts.Chinese), "p.yaml:") {
			t.Errorf("no Chinese message: %v", err)
		}
	}
}

func TestEveryBadFileIsNamed(t *testing.T) {
	_, err := Load(fstest.MapFS{"a.yaml": {Data: []byte("x: 1")}, "b.yaml": {Data: []byte("y: 1")}, "readme.txt": {Data: []byte("no profile")}}, vocabulary)
	if err == nil || !strings.Contains(err.Error(), "a.yaml:1:1") || !strings.Contains(err.Error(), "b.yaml:1:1") {
		t.Errorf("%v", err)
	}
	set, err := Load(fstest.MapFS{}, vocabulary)
	if err != nil || len(set.Profiles()) != 0 {
		t.Errorf("an empty folder: %v %v", set, err)
	}
}

// The example of the package comment is a profile.
func TestTheExampleInTheDocumentation(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(doc), "//\tname: acme")
	example, _, _ = strings.Cut("//\tname: acme"+example, "//\n")
	example = strings.ReplaceAll(example, "//\t", "")
	set, err := Load(fstest.MapFS{"acme.yaml": {Data: []byte(example)}}, vocabulary)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := set.Profile("acme")
	for topic, payload := range map[string]string{"acme/三楼/按钮": `{"button":"pressed","sequence":"9"}`, "acme/三楼/按钮/availability": "online"} {
		m := devices.Message{Topic: topic, Payload: []byte(payload)}
		if a, _ := p.Address(m); a != "三楼/按钮" {
			t.Errorf("%s: address %q", topic, a)
		}
		if reports, err := p.Reports(wearer, m); err != nil || len(reports) != 1 {
			t.Errorf("%s: %v %v", topic, reports, err)
		}
	}
}

// No file ends the process, be it refused or loaded.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(several))
	f.Add([]byte(head))
	f.Add([]byte("name: p\nmessages: &a [*a]"))
	f.Add([]byte(head + "messages:\n  - topic: p/{x}/state\n    address: topic.x\n    rules:\n      - name: r\n        kinds: [wearable]\n        type: sos\n        when: '" +
		strings.Repeat("string(split(", 60) + "text" + strings.Repeat(`,""))`, 60) + ` == "x"'` + "\n"))
	f.Fuzz(func(t *testing.T, source []byte) {
		set, err := Load(fstest.MapFS{"p.yaml": {Data: source}}, vocabulary)
		if err != nil {
			return
		}
		p, _ := set.Profile("p")
		for _, topic := range []string{"p/events", "p/x/state", string(source)} {
			m := devices.Message{Topic: topic, Payload: source}
			p.Address(m)
			if reports, err := p.Reports(wearer, m); err != nil && len(reports) > maxEach*len(p.Rules()) {
				t.Errorf("%d reports", len(reports))
			}
		}
	})
}
