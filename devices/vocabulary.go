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
	private := slices.ContainsFunc(slices.Collect(reflect.TypeFor[P]().Fields()), func(f reflect.StructField) bool {
		return f.Type == reflect.TypeFor[Reference]()
	})
	return Spec{Type: zero.EventType(), Kind: kind, Urgency: urgency, Private: private, parse: func(data json.RawMessage) (Payload, error) {
		var p P
		if len(bytes.TrimSpace(data)) == 0 {
			data = json.RawMessage("{}")
		}
		if err := json.Unmarshal(data, &p); err != nil {
			var wrong *json.UnmarshalTypeError
			if errors.As(err, &wrong) {
				return nil, fmt.Errorf("%s: must be a %s (got a %s)", wrong.Field, wrong.Type, wrong.Value)
			}
			return nil, fmt.Errorf("data: no JSON object: %w", err)
		}
		if err := checkRequired(data, required); err != nil {
			return nil, err
		}
		if err := p.Validate(); err != nil {
			return nil, err
		}
		return p, nil
	}}
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

func checkRequired(data json.RawMessage, required []string) error {
	if len(required) == 0 {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return fmt.Errorf("data: no JSON object: %w", err)
	}
	for _, name := range required {
		if v, ok := fields[name]; !ok || string(v) == "null" {
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
