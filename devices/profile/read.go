package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/discovery"
	"github.com/linli-edge/gateway/devices/lenient"
)

// Limits of one message.
const (
	maxPayload = 256 << 10 // bytes that are looked at
	maxEach    = 256       // elements that a rule with each is run for
	maxData    = 16 << 10  // bytes of one report's data
	maxAddress = 1024      // bytes of an address
	maxID      = 128       // bytes of an identity; a longer one is hashed
)

// Address is what the bridge calls the device that m is about. ok is false if
// the profile knows no such topic; an empty address with ok set means that m
// is the bridge's own affair, and is to be ignored.
func (p *Profile) Address(m devices.Message) (address string, ok bool) {
	f, captures := p.find(m.Topic)
	if f == nil {
		return "", false
	}
	var v any
	switch {
	case f.capture != "":
		v = captures[f.capture]
	case f.address != nil && len(m.Payload) <= maxPayload:
		var err error
		if v, err = newMachine(p.environment(m, captures)).run(f.address); err != nil {
			return "", true
		}
	}
	if address = label(v); len(address) > maxAddress {
		return "", true
	}
	return address, true
}

// Describes is the form of the descriptions that the bridge publishes on a
// topic, "" if there are none: see package discovery.
func (p *Profile) Describes(topic string) discovery.Form {
	if f, _ := p.find(topic); f != nil {
		return f.form
	}
	return ""
}

// HasRules tells whether a message on a topic is about a device, and not the
// bridge's own affair.
func (p *Profile) HasRules(topic string) bool {
	f, _ := p.find(topic)
	return f != nil && len(f.rules) > 0
}

// Speaks tells whether the bridge may publish on a topic.
func (p *Profile) Speaks(topic string) bool {
	return slices.ContainsFunc(p.topics, func(filter string) bool { return takes(filter, topic) })
}

// Reports is what m says of device d, in the order of the rules. What could
// be read is returned even with an error: one rule's mistake must not cost
// another's call for help. A message of a topic or kind of device that no
// rule is for gives nothing.
func (p *Profile) Reports(d devices.Device, m devices.Message) ([]devices.Report, error) {
	var reports []devices.Report
	var wrong []error
	for _, r := range p.Read(d, m) {
		if r.Err != nil {
			wrong = append(wrong, fmt.Errorf("profile %s, line %d, rule %s: %w", p.name, r.Line, r.Rule, r.Err))
			continue
		}
		reports = append(reports, r.Report)
	}
	return reports, errors.Join(wrong...)
}

// Reading is what one rule made of a message: a Report or an error.
type Reading struct {
	Rule   string
	Line   int // of the rule in its file
	Report devices.Report
	Err    error
}

// Read is Reports with the rule that each report comes from.
func (p *Profile) Read(d devices.Device, m devices.Message) []Reading {
	f, captures := p.find(m.Topic)
	if f == nil || len(f.rules) == 0 {
		return nil
	}
	if len(m.Payload) > maxPayload {
		return []Reading{{Rule: f.rules[0].name, Line: f.rules[0].line, Err: fmt.Errorf("payload: must be at most %d bytes (got %d)", maxPayload, len(m.Payload))}}
	}
	var readings []Reading
	var on *machine
	for i := range f.rules {
		r := &f.rules[i]
		if !slices.Contains(r.kinds, d.Kind) || m.Retained && !r.retained {
			continue
		}
		if on == nil {
			env := p.environment(m, captures)
			env["device"] = map[string]any{"id": d.ID, "kind": string(d.Kind), "compartment": d.Compartment}
			on = newMachine(env)
		}
		readings = r.read(on, readings)
	}
	return readings
}

func (p *Profile) find(topic string) (*form, map[string]any) {
	for i := range p.messages {
		if captures := p.messages[i].topic.match(topic); captures != nil {
			return &p.messages[i], captures
		}
	}
	return nil, nil
}

// read appends what the rule makes of a message.
func (r *compiled) read(on *machine, to []Reading) []Reading {
	if r.each != nil {
		return r.readEach(on, to)
	}
	report, fired, err := r.report(on, "")
	if fired || err != nil {
		to = append(to, r.reading(report, err))
	}
	return to
}

func (r *compiled) reading(report devices.Report, err error) Reading {
	return Reading{Rule: r.name, Line: r.line, Report: report, Err: err}
}

// readEach runs the rule for each element of a list. It is apart from read,
// for a message has gone deep into the stack by then, and each connection has
// one.
func (r *compiled) readEach(on *machine, to []Reading) []Reading {
	v, err := on.run(r.each)
	if err != nil {
		return append(to, r.reading(devices.Report{}, fmt.Errorf("each: %w", err)))
	}
	items, ok := elements(v)
	switch {
	case v == nil:
		return to
	case !ok:
		return append(to, r.reading(devices.Report{}, fmt.Errorf("each: must be a list (got a %T)", v)))
	case len(items) > maxEach: // those that are looked at may hold a call for help
		to = append(to, r.reading(devices.Report{}, fmt.Errorf("each: must be at most %d elements (got %d)", maxEach, len(items))))
	}
	failed := false // one error is as good as 256
	for i, item := range items[:min(len(items), maxEach)] {
		on.env["item"] = item
		report, fired, err := r.report(on, "/"+strconv.Itoa(i))
		if fired || err != nil && !failed {
			to = append(to, r.reading(report, err))
		}
		failed = failed || err != nil
	}
	delete(on.env, "item")
	return to
}

// elements are those of a list, of a range like 1..24, or of what split makes.
func elements(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case []int:
		return anys(v), true
	case []string:
		return anys(v), true
	}
	return nil, false
}

func anys[T any](of []T) []any {
	list := make([]any, len(of))
	for i, v := range of {
		list[i] = v
	}
	return list
}

// report runs the rule once. suffix tells the elements of one message apart.
func (r *compiled) report(on *machine, suffix string) (report devices.Report, fired bool, err error) {
	if r.when != nil {
		v, err := on.run(r.when)
		if err == nil {
			fired, err = truth(v)
		}
		if err != nil {
			return report, false, fmt.Errorf("when: %w", err)
		}
		if !fired {
			return report, false, nil
		}
	}
	if r.held != nil {
		v, err := on.run(r.held)
		if err != nil {
			return report, false, fmt.Errorf("held: %w", err)
		}
		if v == nil {
			return report, false, nil // the message does not say
		}
		holds, err := truth(v)
		if err != nil {
			return report, false, fmt.Errorf("held: %w", err)
		}
		report.Held = &holds
	}
	report.Type = r.typ
	report.Instance, report.Number = on.label(r.instance), on.label(r.number)
	if r.id != nil {
		v, err := on.run(r.id)
		if err != nil {
			return report, false, fmt.Errorf("id: %w", err)
		}
		if id := label(v); id != "" {
			report.ID = identity(id + "/" + string(r.typ) + suffix)
		}
	}
	if r.observed != nil {
		if v, err := on.run(r.observed); err == nil { // a bad clock is no clock
			report.Observed = lenient.Moment(v)
		}
	}
	data := map[string]any{}
	for _, f := range r.data {
		v, err := on.run(f.value)
		if err != nil {
			return report, false, fmt.Errorf("data.%s: %w", f.name, err)
		}
		if v != nil {
			data[f.name] = v
		}
	}
	if report.Data, err = json.Marshal(data); err != nil {
		return report, false, fmt.Errorf("data: %w", err)
	}
	if len(report.Data) > maxData {
		return report, false, fmt.Errorf("data: must be at most %d bytes (got %d)", maxData, len(report.Data))
	}
	return report, true, nil
}

// label runs a program for a short text or number, "" if it says none: that
// is no reason to lose a report.
func (m *machine) label(p *program) string {
	if p == nil {
		return ""
	}
	v, err := m.run(p)
	if err != nil {
		return ""
	}
	return identity(label(v))
}

func identity(id string) string {
	if len(id) <= maxID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}
