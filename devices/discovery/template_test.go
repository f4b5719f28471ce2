package discovery

import (
	"strings"
	"testing"
)

// templates are those that devices of the community send, with what is made of
// templated by them.
var templates = map[string]any{
	`{{ value_json.contact }}`:                                            false,
	`{{ value_json["a"]["b"][1] }}`:                                       "x",
	`{{value_json['a'].b[-1]}}`:                                           "x",
	`{{ value_json.a.b.0 }}`:                                              1.0,
	`{{ value_json.n | float | round(0) }}`:                               64.0,
	`{{ float(value_json.n) * 2 }}`:                                       127.0,
	`{{ (value_json.t / 10) | round(1) }}`:                                65.3,
	`{{ value_json.t|int // 100 + 1 }}`:                                   7.0,
	`{{ -value_json.t + 3 }}`:                                             -650.0,
	`{{ value_json.s | trim | lower }}`:                                   "on",
	`{{ value_json.missing | default("x") }}`:                             "x",
	`{{ value_json.null | default("x", true) }}`:                          "x",
	`{{ value_json.missing }}`:                                            nil,
	`{{ value_json.missing | is_defined }}`:                               nil,
	`{{ value_json.null }}`:                                               nil,
	`{{ 'ON' if value_json.t > 600 and value_json.t <= 700 else 'OFF' }}`: "ON",
	`{{ 'ON' if not value_json.contact else 'OFF' }}`:                     "ON",
	`{{ "p" in value_json.list }}`:                                        true,
	`{{ "z" not in value_json.list }}`:                                    true,
	`{{ value_json.event in ["press", "hold"] }}`:                         true,
	`{{ value_json.t is defined and value_json.x is not defined }}`:       true,
	`{% if value_json.t > 700 %}hot{% elif value_json.t > 600 %}warm{% else %}cold{% endif %}`: "warm",
	`{%- if value_json.contact == false -%} ON {%- else -%} OFF {%- endif -%}`:                 "ON",
	`{{ iif(value_json.contact, "closed", "open") }}`:                                          "open",
	`{{ value_json.a ~ value_json.event ~ 1 }}`:                                                "press1",
	`{"event_type": "{{ value_json.event }}"}`:                                                 `{"event_type": "press"}`,
	`{# a remark #}{{ value_json.t }}`:                                                         653.0,
	`{{ value_json.t if value_json.contact }}`:                                                 nil,
	`{{ value | length_of }}`:                                                                  errUnknown,
	`{% for x in value_json.list %}{{ x }}{% endfor %}`:                                        errUnknown,
	`{% set x = 1 %}{{ x }}`:                                                                   errUnknown,
	`{{ states("sun.sun") }}`:                                                                  errUnknown,
	`{{ value_json.contact`:                                                                    errUnknown,
	`{{ "never`:                                                                                errUnknown,
	`{% if value_json.t %}on`:                                                                  errUnknown,
	`{% endif %}`:                                                                              errUnknown,
	strings.Repeat("(", 500):                                                                   "" + strings.Repeat("(", 500),
	"{{" + strings.Repeat("(", 500) + "1" + strings.Repeat(")", 500) + "}}":                    errUnknown,
	"{{" + strings.Repeat("not ", 400) + "1 }}":                                                errUnknown,
	strings.Repeat("{% if 1 %}", 100):                                                          errUnknown,
	strings.Repeat("x", maxTemplate+1):                                                         errUnknown,
}

const templated = `{"a":{"b":[1,"x"]},"contact":false,"n":"63.5","t":653,"s":" On ","list":["p","q"],"null":null,"event":"press"}`

// The forms of templates that devices of the community send, and what is made
// of a message by them.
func TestTemplates(t *testing.T) {
	for source, want := range templates {
		parsed, err := parseTemplate(source)
		if want == errUnknown {
			if err == nil {
				t.Errorf("%.60s is understood", source)
			}
			continue
		}
		if err != nil {
			t.Errorf("%.60s: %v", source, err)
			continue
		}
		got, ok := parsed.value(newMessage([]byte(templated)))
		if !ok {
			got = nil
		}
		if got != want {
			t.Errorf("%.60s = %#v, want %#v", source, got, want)
		}
	}
}

// errUnknown stands for a template that is not understood.
var errUnknown = any("not understood")

// A template that makes much of a long message makes no more than a text.
func TestTemplatesAreBounded(t *testing.T) {
	long := []byte(strings.Repeat("x", 200<<10))
	for _, source := range []string{
		"{{ value" + strings.Repeat(" ~ value", 200) + " }}",
		"{{ value" + strings.Repeat("|upper", 300) + " }}",
		strings.Repeat("{{ value }}", 150),
	} {
		parsed, err := parseTemplate(source)
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := parsed.value(newMessage(long)); ok && len(v.(string)) > 2*maxText {
			t.Errorf("%.30s… makes %d bytes", source, len(v.(string)))
		}
	}
}

// No template ends the process, and none that is understood makes what is no
// value.
func FuzzTemplate(f *testing.F) {
	for source := range templates {
		f.Add(source, []byte(templated))
	}
	f.Fuzz(func(t *testing.T, source string, payload []byte) {
		parsed, err := parseTemplate(source)
		if err != nil {
			return
		}
		switch v, ok := parsed.value(newMessage(payload)); v.(type) {
		case bool, float64, string, []any, map[string]any:
		default:
			if ok {
				t.Errorf("%q makes a %T", source, v)
			}
		}
	})
}
