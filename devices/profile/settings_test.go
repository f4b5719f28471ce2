package profile

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/texts"
)

const adjustable = `name: p
title: {zh: 某某, en: some}
topics: ['{base}/#']
commands: ['{base}/+/set']
settings: {base: p, closed: "11"}
messages:
  - topic: '{base}/bridge'
  - topic: '{base}/{name}'
    address: setting.base + ":" + topic.name
    rules:
      - name: door
        kinds: [locker]
        retained: true
        when: text in ["00", "11"]
        type: door
        data: {compartment: 1, open: text != setting.closed}
`

func set(t *testing.T) *Set {
	t.Helper()
	s, err := Load(fstest.MapFS{"p.yaml": {Data: []byte(adjustable)}}, vocabulary)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSettingsOfABridgesOwn(t *testing.T) {
	s := set(t)
	for _, test := range []struct{ reference, topic, want string }{
		{"p", "p/12", "[p/#] [p/+/set] p:12 open:false"},
		{"p?closed=00", "p/12", "[p/#] [p/+/set] p:12 open:true"},
		{"p?base=一号楼/东", "一号楼/东/12", "[一号楼/东/#] [一号楼/东/+/set] 一号楼/东:12 open:false"},
		{"p?base=a%20b&closed=00", "a b/12", "[a b/#] [a b/+/set] a b:12 open:true"},
	} {
		for range 2 { // the second is remembered
			p, ok := s.Profile(test.reference)
			if !ok {
				t.Fatal(test.reference)
			}
			m := devices.Message{Topic: test.topic, Payload: []byte("11")}
			address, _ := p.Address(m)
			reports, err := p.Reports(devices.Device{Kind: locker.Kind}, m)
			if err != nil || len(reports) != 1 {
				t.Fatalf("%s: %v %v", test.reference, reports, err)
			}
			_, data, _ := strings.Cut(string(reports[0].Data), `"open"`)
			if got := fmt.Sprint(p.Topics(), " ", p.Commands(), " ", address, " open", strings.TrimSuffix(data, "}")); got != test.want {
				t.Errorf("%s: %s, want %s", test.reference, got, test.want)
			}
			if _, ok := p.Address(devices.Message{Topic: "q/12"}); ok {
				t.Errorf("%s takes another's topic", test.reference)
			}
			if p.Name() != "p" {
				t.Errorf("%s is called %s", test.reference, p.Name())
			}
		}
	}
	p, _ := s.Profile("p?closed=00")
	if got := fmt.Sprint(p.Settings()); got != "map[base:p closed:00]" {
		t.Error(got)
	}
}

func TestReferencesThatCannotBe(t *testing.T) {
	s := set(t)
	for reference, want := range map[string]string{
		"q":               "profile: there is none called \"q\" (there are: p)",
		"":                "profile: there is none called",
		"p?other=1":       "profile: there is no setting \"other\" (there are: base, closed)",
		"p?base=":         "base: must be 1 to 128 bytes",
		"p?base=a//b":     "base: must be 1 to 128 bytes",
		"p?base=%23":      "base: must be 1 to 128 bytes",
		"p?base={name}":   "base: must be 1 to 128 bytes",
		"p?base=a%00":     "base: must be 1 to 128 bytes",
		"p?base=%FF":      "base: must be 1 to 128 bytes",
		"p?base=a&base=b": "must be written name or name?setting=value",
		"p?base=%":        "must be written name or name?setting=value",
	} {
		if _, ok := s.Profile(reference); ok {
			t.Errorf("%q is a profile", reference)
		}
		_, err := s.Open(reference)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q says %v, want %s", reference, err, want)
			continue
		}
		var person *texts.Error
		if !errors.As(err, &person) || person.In(texts.Chinese) == person.In(texts.English) {
			t.Errorf("%q has no Chinese message: %v", reference, err)
		}
	}
	if _, err := s.Open("p?base=" + strings.Repeat("x", 129)); err == nil {
		t.Error("a setting of 129 bytes")
	}
	for _, source := range []string{"settings: {Base: p}", "settings: {base: 'a/+'}", "settings: {base: ''}", "settings: {base: [a]}"} {
		source = strings.Replace(adjustable, `settings: {base: p, closed: "11"}`, source, 1)
		if _, err := Load(fstest.MapFS{"p.yaml": {Data: []byte(source)}}, vocabulary); err == nil || !strings.HasPrefix(err.Error(), "p.yaml:5:") {
			t.Errorf("error %v of\n%s", err, source)
		}
	}
}

// Registrations may come and go while messages are read.
func TestManyOwnSettingsAtOnce(t *testing.T) {
	s := set(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range maxOwn/4 + 20 {
				if p, ok := s.Profile(fmt.Sprintf("p?base=b%d", i*5)); !ok || len(p.Topics()) != 1 {
					t.Error("not opened")
				}
			}
		})
	}
	group.Wait()
	for i := range maxOwn + 5 {
		if _, ok := s.Profile(fmt.Sprintf("p?base=c%d", i)); !ok {
			t.Fatal(i)
		}
	}
	if len(s.own) != maxOwn {
		t.Errorf("remembers %d", len(s.own))
	}
}

func TestBytes(t *testing.T) {
	topic, _ := parsePattern("p")
	long := strings.Repeat("00", maxBytes+1)
	env := map[string]any{
		"payload": map[string]any{"n": 7.0, "long": long, "base64": "gAEBABE=", "floats": []any{1.0, 2.0}},
		"text":    " 80 01 01 11 91\n",
		"raw":     func() []any { return raw([]byte{0x80, 0xFF, 0}) },
	}
	for source, want := range map[string]string{
		`hex(text)`:            "[128 1 1 17 145]",
		`hex("0x80, 0x01")`:    "[128 1]",
		`hex("80:01-11")`:      "[128 1 17]",
		`hex("8")`:             "[]",
		`hex("开")`:             "[]",
		`hex(payload.n)`:       "[]",
		`hex(payload.absent)`:  "[]",
		`hex(payload.long)`:    "[]",
		`base64("gAEBABE=")`:   "[128 1 1 0 17]",
		`base64("gAEBABE")`:    "[]",
		`base64(payload.n)`:    "[]",
		`base64(payload.long)`: "[]",
		`raw()`:                "[128 255 0]",
		`xor(hex(text))`:       "0",
		`xor(hex(text)[:4])`:   "145",
		`xor(hex("zz"))`:       "<nil>",
		`xor(payload.floats)`:  "<nil>",
		`xor(payload.n)`:       "<nil>",
		`xor(list)`:            "<nil>",
		`len(hex(text)) == 5 && hex(text)[0] == 0x80 && bitand(hex(text)[3], 0x01) == 1`: "true",
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
	if got := raw(make([]byte, maxBytes+1)); got == nil || len(got) != 0 {
		t.Errorf("took a payload of %d bytes apart", len(got))
	}
}

// A payload that is no text reaches the rules byte by byte, and a rule may be
// tried for each number of a range.
func TestFramesAndRanges(t *testing.T) {
	p := load(t, head+`messages:
  - topic: p/{bus}
    address: topic.bus
    rules:
      - name: doors
        kinds: [locker]
        retained: true
        each: 'len(raw()) == 2 && raw()[0] == 0x80 ? 1..3 : []'
        when: 'true'
        type: door
        data: {compartment: item, open: 'bitand(raw()[1], bitshl(1, item - 1)) != 0'}
      - name: letters
        kinds: [locker]
        each: text
        when: 'true'
        type: door
`)
	d := devices.Device{Kind: locker.Kind}
	readings := p.Read(d, devices.Message{Topic: "p/1", Payload: []byte{0x80, 0b101}})
	got := ""
	for _, r := range readings[:3] {
		got += string(r.Report.Data)
	}
	if got != `{"compartment":1,"open":true}{"compartment":2,"open":false}{"compartment":3,"open":true}` {
		t.Error(got)
	}
	if len(readings) != 4 || readings[3].Err == nil || !strings.Contains(readings[3].Err.Error(), "each: must be a list (got a string)") {
		t.Errorf("%+v", readings[3:])
	}
	if readings := p.Read(d, devices.Message{Topic: "p/1", Payload: []byte{0x80}, Retained: true}); len(readings) != 0 {
		t.Errorf("half a frame: %+v", readings)
	}
}
