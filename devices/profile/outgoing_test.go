package profile

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/texts"
)

const outgoing = head + `messages:
  - topic: p/{rest...}
outgoing:
  - name: far
    kinds: [locker]
    action: open
    when: data.compartment > 10
    topic: p/{address}/set
    payload: bytes([0x8A, data.compartment])
    repeatable: true
  - name: near
    kinds: [locker]
    action: open
    topic: p/{address}/set
    payload: '{"cell": data.compartment, "until": command.expires, "at": command.time, "order": command.id}'
  - name: odd
    kinds: [locker]
    action: set
    silent: true
    topic: p/{address}/set
    payload: 'data.name == "x" ? bytes([256]) : data.name == "y" ? hexText(["a"]) : {(data.name): data.value}'
`

func say(t *testing.T, o command.Order) (Outgoing, error) {
	t.Helper()
	asked := devices.Stamp{Wall: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	return load(t, outgoing).Say(devices.Device{ID: "l1", Kind: locker.Kind, Address: "a"}, command.New(o, asked, time.Minute))
}

func TestTheFirstRuleThatFits(t *testing.T) {
	for _, c := range []struct {
		order   command.Order
		rule    string
		payload string
	}{
		{command.Order{Action: command.Open, Data: command.Data{Compartment: 11}}, "far", "\x8a\x0b"},
		{command.Order{ID: "7", Action: command.Open, Data: command.Data{Compartment: 9}}, "near", `{"at":"2026-11-23T08:00:00Z","cell":9,"order":"7","until":"2026-11-23T08:01:00Z"}`},
		{command.Order{Action: command.Set, Data: command.Data{Name: "led", Value: json.RawMessage(`"关"`)}}, "odd", `{"led":"关"}`},
	} {
		got, err := say(t, c.order)
		if err != nil || got.Rule != c.rule || string(got.Payload) != c.payload || got.Topic != "p/a/set" ||
			got.Repeatable != (c.rule == "far") || got.Silent != (c.rule == "odd") {
			t.Errorf("%+v: %+v %q, %v", c.order, got, got.Payload, err)
		}
	}
	if _, err := say(t, command.Order{Action: command.Ring}); !errors.Is(err, ErrNoWords) {
		t.Errorf("a locker that rings: %v", err)
	}
	for _, name := range []string{"x", "y"} {
		if got, err := say(t, command.Order{Action: command.Set, Data: command.Data{Name: name}}); err == nil || !strings.Contains(err.Error(), "odd: payload: says nothing") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if says := load(t, outgoing).Says(locker.Kind); !slices.Equal(says, []command.Action{command.Open, command.Set}) {
		t.Errorf("says %v", says)
	}
}

// A mistake is found when the profile is loaded, with its line.
func TestOutgoingMistakes(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"action: open\n    when", "action: fly\n    when", `a locker cannot be asked to "fly"`},
		{"kinds: [locker]\n    action: set", "kinds: [bridge]\n    action: set", `a bridge cannot be asked to "set"`},
		{"name: near", "name: far", `called "far" already`},
		{"name: near", "name: Far!", "name: must be 1 to 64"},
		{"topic: p/{address}/set\n    payload: bytes", "topic: q/{address}/set\n    payload: bytes", "under none of the filters in commands"},
		{"topic: p/{address}/set\n    payload: bytes", "topic: p/{address...}/set\n    payload: bytes", "under none of the filters in commands"},
		{"topic: p/{address}/set\n    payload: bytes", "topic: p/{who}/set\n    payload: bytes", "must be levels separated by '/'"},
		{"topic: p/{address}/set\n    payload: bytes", "topic: p/+/set\n    payload: bytes", "must be levels separated by '/'"},
		{"    payload: bytes([0x8A, data.compartment])\n", "", "payload: must not be empty"},
		{"when: data.compartment > 10", "when: data.colour > 10", "rule far: when: bad expression"},
		{"when: data.compartment > 10", "when: payload.x > 10", "rule far: when: bad expression"},
		{"bytes([0x8A, data.compartment])", "map(1..9, #)", "rule far: payload: "},
		{"repeatable: true", "repeated: true", "repeated"},
	} {
		source := strings.Replace(outgoing, c.old, c.new, 1)
		_, err := Load(fstest.MapFS{"p.yaml": {Data: []byte(source)}}, vocabulary)
		if err == nil || source == outgoing || !strings.Contains(texts.Of(err, texts.English), c.want) || !strings.Contains(err.Error(), "p.yaml:") {
			t.Errorf("%q: %v; want %q", c.new, err, c.want)
		}
	}
}
