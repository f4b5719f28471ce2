package profile

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/types"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/lenient"
	"github.com/linli-edge/gateway/devices/texts"
)

// order is an outgoing rule as it is written.
type order struct {
	Name       written   `yaml:"name"`
	Kinds      []written `yaml:"kinds"`
	Action     written   `yaml:"action"`
	When       written   `yaml:"when"`
	Topic      written   `yaml:"topic"`
	Payload    written   `yaml:"payload"`
	Silent     bool      `yaml:"silent"`
	Repeatable bool      `yaml:"repeatable"`
}

// phrase is an outgoing rule that is ready to run.
type phrase struct {
	name               string
	kinds              []devices.Kind
	action             command.Action
	when               *program // nil for always
	topic              string
	payload            *program
	silent, repeatable bool
}

// Outgoing is an order in a bridge's own words.
type Outgoing struct {
	// Rule is the one that made it.
	Rule    string
	Topic   string
	Payload []byte
	// Silent says that nothing will tell whether it was carried out,
	// Repeatable that the device knows the order again by its ID.
	Silent, Repeatable bool
}

// ErrNoWords is the error of Say for what the profile has no rule for.
var ErrNoWords = errors.New("profile: no outgoing rule")

// maxOutgoing is the longest payload in bytes that is sent.
const maxOutgoing = 4 << 10

// Say puts a command to device d into the bridge's words, by the first outgoing
// rule for its kind and action whose condition holds. The error is ErrNoWords if there is none, a *texts.Error
// where the device's registration must be mended.
func (p *Profile) Say(d devices.Device, c command.Command) (Outgoing, error) {
	var on *machine
	for i := range p.outgoing {
		r := &p.outgoing[i]
		if r.action != c.Action || !slices.Contains(r.kinds, d.Kind) {
			continue
		}
		if on == nil {
			on = newMachine(p.orderEnvironment(d, c))
		}
		fits, err := r.fits(on)
		if err != nil {
			return Outgoing{}, fmt.Errorf("profile %s, outgoing rule %s: %w", p.name, r.name, err)
		}
		if fits {
			return r.say(on, p, d, c.Order)
		}
	}
	return Outgoing{}, ErrNoWords
}

// Orders are the names of the profile's outgoing rules, in the order of the
// file.
func (p *Profile) Orders() []string {
	var names []string
	for _, r := range p.outgoing {
		names = append(names, r.name)
	}
	return names
}

func (r *phrase) fits(on *machine) (bool, error) {
	if r.when == nil {
		return true, nil
	}
	v, err := on.run(r.when)
	if err != nil {
		return false, fmt.Errorf("when: %w", err)
	}
	return truth(v)
}

func (r *phrase) say(on *machine, p *Profile, d devices.Device, o command.Order) (Outgoing, error) {
	topic, ok := fill(r.topic, d, o)
	if !ok || !isTopic(topic) || !slices.ContainsFunc(p.commands, func(filter string) bool { return takesTopic(filter, topic) }) {
		return Outgoing{}, texts.Errorf(texts.Order.Address, d.Address)
	}
	v, err := on.run(r.payload)
	if err != nil {
		return Outgoing{}, fmt.Errorf("profile %s, outgoing rule %s: payload: %w", p.name, r.name, err)
	}
	payload, err := write(v)
	if err == nil && len(payload) > maxOutgoing {
		err = fmt.Errorf("must be at most %d bytes (got %d)", maxOutgoing, len(payload))
	}
	if err != nil {
		return Outgoing{}, fmt.Errorf("profile %s, outgoing rule %s: payload: %w", p.name, r.name, err)
	}
	return Outgoing{Rule: r.name, Topic: topic, Payload: payload, Silent: r.silent, Repeatable: r.repeatable}, nil
}

// frame is what the function bytes makes: a payload that is no text.
type frame []byte

// write is what an expression says, as a payload: a text as it is, the bytes
// of a frame, and everything else in JSON.
func write(v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return nil, errors.New("says nothing")
	case string:
		return []byte(v), nil
	case frame:
		return v, nil
	}
	return json.Marshal(v)
}

// orderEnvironment gives the values of orderScope.
func (p *Profile) orderEnvironment(d devices.Device, c command.Command) map[string]any {
	var value any
	if json.Unmarshal(c.Data.Value, &value) != nil {
		value = nil // of an order that sets nothing
	}
	return map[string]any{
		"address": d.Address, "setting": p.settings,
		"device": map[string]any{"id": d.ID, "kind": string(d.Kind), "compartment": d.Compartment},
		"command": map[string]any{
			"id": c.ID, "action": string(c.Action),
			"time": c.Asked.Wall.UTC().Format(time.RFC3339), "expires": c.Expires().UTC().Format(time.RFC3339),
		},
		"data": map[string]any{
			"compartment": c.Data.Compartment, "message": c.Data.Message, "name": c.Data.Name, "value": value,
		},
	}
}

func orderScope(settings map[string]any) types.Map {
	set := types.Map{}
	for name := range settings {
		set[name] = types.String
	}
	return types.Map{
		"address": types.String, "setting": set,
		"device":  types.Map{"id": types.String, "kind": types.String, "compartment": types.Int},
		"command": types.Map{"id": types.String, "action": types.String, "time": types.String, "expires": types.String},
		"data":    types.Map{"compartment": types.Int, "message": types.String, "name": types.String, "value": types.Any},
	}
}

// slots are what a topic may name besides settings. The three dots stand for
// one or more levels.
var slots = []string{"address", "address...", "compartment", "name"}

// fill puts address, compartment and parameter's name in place. ok is false
// where one that is to be a single level has several.
func fill(topic string, d devices.Device, o command.Order) (filled string, ok bool) {
	values := map[string]string{
		"address": d.Address, "address...": d.Address, "compartment": strconv.Itoa(o.Data.Compartment), "name": o.Data.Name,
	}
	ok = true
	for _, slot := range slots {
		mark := "{" + slot + "}"
		if !strings.Contains(topic, mark) {
			continue
		}
		ok = ok && values[slot] != "" && (slot == "address..." || !strings.Contains(values[slot], "/"))
	}
	var pairs []string
	for slot, value := range values {
		pairs = append(pairs, "{"+slot+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(topic), ok
}

// isTopic wants what can be published on: whole levels without wildcards.
func isTopic(topic string) bool {
	if topic == "" || len(topic) > maxAddress || !utf8.ValidString(topic) || topic[0] == '$' || strings.ContainsAny(topic, "+#{}\x00") {
		return false
	}
	for level := range strings.SplitSeq(topic, "/") {
		if level == "" {
			return false
		}
	}
	return true
}

// takesTopic tells whether an MQTT filter takes a topic.
func takesTopic(filter, topic string) bool {
	p := pattern{many: -1}
	for l := range strings.SplitSeq(topic, "/") {
		p.levels = append(p.levels, level{fixed: l})
	}
	return covers(filter, p)
}

func (p *Profile) compileOutgoing(rules []order, names map[string]bool) error {
	s := orderScope(p.settings)
	for _, o := range rules {
		r := phrase{name: o.Name.text, action: command.Action(o.Action.text), silent: o.Silent, repeatable: o.Repeatable}
		at := o.Name
		if at.at == nil {
			at = o.Action
		}
		for _, k := range []struct {
			key   string
			given bool
		}{{"name", r.name != ""}, {"kinds", len(o.Kinds) > 0}, {"action", r.action != ""}, {"topic", o.Topic.text != ""}, {"payload", o.Payload.text != ""}} {
			if !k.given {
				return &mistake{at.at, texts.Errorf(texts.Profile.Rule, r.name, k.key, texts.Errorf(texts.Profile.Missing, k.key))}
			}
		}
		switch {
		case devices.CheckCode("name", r.name) != nil:
			return wrong(o.Name, texts.Profile.Name, r.name)
		case names[r.name]:
			return wrong(o.Name, texts.Profile.Twice, r.name)
		}
		names[r.name] = true
		for _, k := range o.Kinds {
			if !command.Can(devices.Kind(k.text), r.action) {
				return wrong(o.Action, texts.Outgoing.Cannot, k.text, o.Action.text)
			}
			r.kinds = append(r.kinds, devices.Kind(k.text))
		}
		r.topic = p.set(o.Topic.text)
		form, ok := topicForm(r.topic)
		if !ok {
			return wrong(o.Topic, texts.Outgoing.Topic, o.Topic.text)
		}
		if !slices.ContainsFunc(p.commands, func(filter string) bool { return covers(filter, form) }) {
			return wrong(o.Topic, texts.Outgoing.NotCovered, o.Topic.text)
		}
		var err error
		if o.When.text != "" {
			if r.when, err = compileOrder(o.When.text, s, expr.AsBool()); err != nil {
				return &mistake{o.When.at, texts.Errorf(texts.Profile.Rule, r.name, "when", err)}
			}
		}
		if r.payload, err = compileOrder(o.Payload.text, s); err != nil {
			return &mistake{o.Payload.at, texts.Errorf(texts.Profile.Rule, r.name, "payload", err)}
		}
		p.outgoing = append(p.outgoing, r)
	}
	return nil
}

// topicForm is the topic as a pattern, with a named level wherever a slot is
// in it. ok is false if it names what is no slot.
func topicForm(topic string) (pattern, bool) {
	p := pattern{text: topic, many: -1}
	for text := range strings.SplitSeq(topic, "/") {
		plain := text
		for _, slot := range slots {
			plain = strings.ReplaceAll(plain, "{"+slot+"}", "")
		}
		switch {
		case text == "" || strings.ContainsAny(plain, "{}+#\x00"):
			return pattern{}, false
		case text == "{address...}" && p.many < 0:
			p.many = len(p.levels)
			p.levels = append(p.levels, level{capture: "address"})
		case strings.Contains(text, "{address...}"):
			return pattern{}, false
		case plain != text:
			p.levels = append(p.levels, level{capture: "slot"})
		default:
			p.levels = append(p.levels, level{fixed: text})
		}
	}
	return p, true
}

// compileOrder adds what only outgoing rules need: writing bytes.
func compileOrder(source string, s types.Map, options ...expr.Option) (*program, error) {
	return compile(source, s, append(options,
		expr.Function("bytes", one(func(x any) any {
			if b := bytesOf(x); b != nil {
				return frame(b)
			}
			return nil
		}), new(func([]any) any)),
		expr.Function("hexText", one(func(x any) any {
			if b := bytesOf(x); b != nil {
				return strings.ToUpper(hex.EncodeToString(b))
			}
			return nil
		}), new(func([]any) any)),
	)...)
}

// bytesOf is a list of numbers from 0 to 255 as bytes, nil if x is none.
func bytesOf(x any) []byte {
	list, ok := x.([]any)
	if !ok || len(list) == 0 || len(list) > maxBytes {
		return nil
	}
	b := make([]byte, len(list))
	for i, v := range list {
		n, ok := lenient.Number(v).(float64)
		if !ok || n < 0 || n > 0xFF || n != float64(byte(n)) {
			return nil
		}
		b[i] = byte(n)
	}
	return b
}

// Says lists what devices of a kind behind such a bridge can be asked for.
func (p *Profile) Says(kind devices.Kind) []command.Action {
	said := map[command.Action]bool{}
	for _, r := range p.outgoing {
		if slices.Contains(r.kinds, kind) {
			said[r.action] = true
		}
	}
	return slices.Sorted(maps.Keys(said))
}
