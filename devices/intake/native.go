package intake

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/linli-edge/gateway/devices"
)

// maxStates is how many states one message may hold: a locker of the largest
// kind, door and occupancy.
const maxStates = 1000

// parseNative reads the payload of linli/v1/<device>/<message>. Its errors
// are rejections.
func parseNative(message string, payload []byte) ([]devices.Report, error) {
	if len(payload) > MaxReport {
		return nil, tooLarge(len(payload))
	}
	switch message {
	case "event":
		return parseEvent(payload)
	case "state":
		return parseState(payload)
	case "status":
		if err := checkObject(payload); err != nil {
			return nil, err
		}
		return []devices.Report{{Type: "status", Data: payload}}, nil
	}
	return nil, &rejection{devices.RejectTopic, fmt.Sprintf("topic: %.64q is not one of event, state, status", message)}
}

func tooLarge(size int) *rejection {
	return &rejection{devices.RejectTooLarge, fmt.Sprintf("payload: must be at most %d bytes (got %d)", MaxReport, size)}
}

// parseEvent reads what most messages are. It looks for its four fields by
// itself, which takes a fraction of decoding into a struct, and garbage of one
// report.
func parseEvent(payload []byte) ([]devices.Report, error) {
	var (
		id    identity
		typ   string
		at    lenientTime
		data  json.RawMessage
		wrong error
	)
	object := devices.Fields(payload, func(name, value []byte) {
		var err error
		switch {
		case named(name, "id"):
			err = id.UnmarshalJSON(value)
		case named(name, "type"):
			err = text(value, "type", &typ)
		case named(name, "time"):
			err = at.UnmarshalJSON(value)
		case named(name, "data"):
			data = value
		}
		wrong = cmp.Or(wrong, err)
	})
	if !object {
		wrong = json.Unmarshal(payload, &struct{}{}) // nil if it is null
	}
	if wrong != nil {
		return nil, invalid(wrong)
	}
	if typ == "" {
		return nil, &rejection{devices.RejectInvalid, `type: missing: say what happened, for instance "type":"sos"`}
	}
	return []devices.Report{{Type: devices.Type(typ), ID: string(id), Observed: at.Time, Data: data}}, nil
}

// named compares as encoding/json does.
func named(name []byte, field string) bool {
	return len(name) == len(field) && strings.EqualFold(string(name), field)
}

// text decodes the string that is the value of a field. Null changes nothing.
func text(value []byte, field string, s *string) error {
	if plain, ok := devices.PlainText(value); ok {
		*s = plain
		return nil
	}
	spelled := *s
	err := json.Unmarshal(value, &spelled)
	*s = spelled
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		wrong.Field = field
	}
	return err
}

func parseState(payload []byte) ([]devices.Report, error) {
	var native struct {
		Time   lenientTime `json:"time"`
		States []struct {
			Type devices.Type    `json:"type"`
			Data json.RawMessage `json:"data"`
		} `json:"states"`
	}
	if err := json.Unmarshal(payload, &native); err != nil {
		return nil, invalid(err)
	}
	if n := len(native.States); n < 1 || n > maxStates {
		return nil, &rejection{devices.RejectInvalid, fmt.Sprintf("states: must hold 1 to %d states (got %d)", maxStates, n)}
	}
	reports := make([]devices.Report, len(native.States))
	for i, s := range native.States {
		reports[i] = devices.Report{Type: s.Type, Observed: native.Time.Time, Data: s.Data}
	}
	return reports, nil
}

func checkObject(payload []byte) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(payload, &object); err != nil {
		return invalid(err)
	}
	return nil
}

func invalid(err error) *rejection {
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return &rejection{devices.RejectNotJSON, fmt.Sprintf("payload: must be a JSON object: %v", err)}
	case errors.As(err, &wrong) && wrong.Field == "":
		return &rejection{devices.RejectNotJSON, fmt.Sprintf("payload: must be a JSON object (got a %s)", wrong.Value)}
	case errors.As(err, &wrong):
		return &rejection{devices.RejectInvalid, fmt.Sprintf("%s: must be a %s (got a %s)", wrong.Field, wrong.Type, wrong.Value)}
	}
	return &rejection{devices.RejectInvalid, err.Error()}
}

// identity is a device's own event ID: a string or a number.
type identity string

func (id *identity) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var s string
	switch {
	case b[0] == '"':
		if err := text(b, "id", &s); err != nil {
			return err
		}
	case b[0] >= '0' && b[0] <= '9', b[0] == '-':
		s = string(b)
	default:
		return errors.New("id: must be a string or a number")
	}
	if len(s) > 128 || !utf8.ValidString(s) {
		return errors.New("id: must be at most 128 bytes of UTF-8")
	}
	*id = identity(s)
	return nil
}

// lenientTime is an RFC 3339 time or a number of seconds since 1970. What is
// neither is kept as the beginning of Unix time, which nobody believes: a bad
// clock is no reason to refuse an event.
type lenientTime struct{ time.Time }

func (t *lenientTime) UnmarshalJSON(b []byte) error {
	if string(b) == "null" || string(b) == `""` {
		return nil
	}
	var seconds float64
	if json.Unmarshal(b, &seconds) == nil && seconds > 0 && seconds < 1<<40 {
		t.Time = time.UnixMilli(int64(seconds * 1000)).UTC()
		return nil
	}
	if t.Time.UnmarshalJSON(b) != nil {
		t.Time = time.Unix(0, 0).UTC()
	}
	return nil
}
