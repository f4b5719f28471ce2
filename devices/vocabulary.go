package devices

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Kind is a kind of device, as chosen at its registration.
type Kind string

// Spec tells a good report of one Type from a malformed one.
type Spec struct {
	Type    Type
	Kind    Kind // the kind of device that may report it
	Urgency Urgency
	// Private says that the payload holds a Reference: what a device sends for
	// it is a number of somebody's booking, and not to be kept in clear.
	Private bool
	parse   func(json.RawMessage) (Payload, error)
}

// SpecFor is the Spec of payload P, reported by devices of the given kind. A
// field of P without omitempty is required: a door report that does not say
// whether the door is open must not be taken for a closed door.
func SpecFor[P Payload](kind Kind, urgency Urgency) Spec {
	var zero P
	required := requiredFields(reflect.TypeFor[P]())
	plain := plainOf(reflect.TypeFor[P](), required)
	private := slices.ContainsFunc(slices.Collect(reflect.TypeFor[P]().Fields()), func(f reflect.StructField) bool {
		return f.Type == reflect.TypeFor[Reference]()
	})
	return Spec{Type: zero.EventType(), Kind: kind, Urgency: urgency, Private: private, parse: func(data json.RawMessage) (Payload, error) {
		var p P
		if len(bytes.TrimSpace(data)) == 0 {
			data = json.RawMessage("{}")
		}
		if !plain.read(reflect.ValueOf(&p).Elem(), data) {
			p = zero
			if err := decode(data, required, &p); err != nil {
				return nil, err
			}
		}
		if err := p.Validate(); err != nil {
			return nil, err
		}
		return p, nil
	}}
}

// decode says in words what is wrong with data.
func decode(data json.RawMessage, required []string, p any) error {
	if err := json.Unmarshal(data, p); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return fmt.Errorf("%s: must be a %s (got a %s)", wrong.Field, wrong.Type, wrong.Value)
		}
		return fmt.Errorf("data: no JSON object: %w", err)
	}
	return checkRequired(data, required)
}

func requiredFields(t reflect.Type) []string {
	var names []string
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" && options != "omitempty" {
			names = append(names, name)
		}
	}
	return names
}

// checkRequired looks for fields in data, which has been decoded before: it is
// JSON. Of a field that stands there twice the last counts.
func checkRequired(data json.RawMessage, required []string) error {
	if len(required) == 0 {
		return nil
	}
	var found uint64 // of required, by place
	Fields(data, func(name, value []byte) {
		i := slices.IndexFunc(required, func(r string) bool { return r == string(name) })
		if i < 0 {
			return
		}
		found |= 1 << i
		if string(value) == "null" {
			found &^= 1 << i
		}
	})
	for i, name := range required {
		if found&(1<<i) == 0 {
			return fmt.Errorf("%s: missing", name)
		}
	}
	return nil
}

// ErrUnknownType is wrapped by the error of Parse for a type that no kind of
// device reports.
var ErrUnknownType = errors.New("unknown event type")

// Vocabulary is the set of event types that devices may report.
type Vocabulary map[specKey]Spec

// One type may be reported by several kinds, each with a payload of its own:
// a door of a locker and a door of a cabinet.
type specKey struct {
	kind Kind
	typ  Type
}

// NewVocabulary collects the specs of the kind packages. It panics if two say
// the same thing twice, which is a mistake in the program.
func NewVocabulary(kinds ...[]Spec) Vocabulary {
	v := Vocabulary{}
	for _, specs := range kinds {
		for _, s := range specs {
			key := specKey{s.Kind, s.Type}
			if _, twice := v[key]; twice {
				panic(fmt.Sprintf("devices: %s of %s specified twice", s.Type, s.Kind))
			}
			v[key] = s
		}
	}
	return v
}

// Kinds are those that devices may be of, by name.
func (v Vocabulary) Kinds() []Kind {
	var kinds []Kind
	for key := range v {
		if !slices.Contains(kinds, key.kind) && key.kind != KindGateway {
			kinds = append(kinds, key.kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// Callers lists the kinds of device that report anything Urgent.
func (v Vocabulary) Callers() []Kind {
	return slices.DeleteFunc(v.Kinds(), func(kind Kind) bool {
		for key, s := range v {
			if key.kind == kind && s.Urgency == Urgent {
				return false
			}
		}
		return true
	})
}

// Reporters is how many kinds of device report type t.
func (v Vocabulary) Reporters(t Type) (n int) {
	for key := range v {
		if key.typ == t {
			n++
		}
	}
	return n
}

// Private tells whether devices of a kind report anything that is Private.
func (v Vocabulary) Private(kind Kind) bool {
	for key, s := range v {
		if key.kind == kind && s.Private {
			return true
		}
	}
	return false
}

// Reports tells whether a device of the given kind reports type t.
func (v Vocabulary) Reports(kind Kind, t Type) bool {
	_, ok := v[specKey{kind, t}]
	return ok
}

// Urgency is that of type t from a device of the given kind, Ordinary if it
// does not report it.
func (v Vocabulary) Urgency(kind Kind, t Type) Urgency { return v[specKey{kind, t}].Urgency }

// Parse checks data as the payload of type t from a device of the given kind
// and returns it with the urgency of such an event. The error names the field
// and what it should have been; for a type that this kind does not report it
// wraps ErrUnknownType.
func (v Vocabulary) Parse(kind Kind, t Type, data json.RawMessage) (Payload, Urgency, error) {
	s, ok := v[specKey{kind, t}]
	if !ok {
		return nil, Ordinary, fmt.Errorf("%w: type: a %s does not report %q", ErrUnknownType, kind, t)
	}
	p, err := s.parse(data)
	if err != nil {
		return nil, s.Urgency, fmt.Errorf("%s: %w", t, err)
	}
	return p, s.Urgency, nil
}
