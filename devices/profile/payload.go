package profile

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// environment gives the values of a scope.
func (p *Profile) environment(m devices.Message, captures map[string]any) map[string]any {
	object, list, text := decode(m.Payload)
	return map[string]any{
		"payload": object, "list": list, "text": text, "raw": func() []any { return raw(m.Payload) },
		"topic": captures, "setting": p.settings, "retained": m.Retained,
	}
}

// decode reads a payload as what it may be: a JSON object, a JSON array, or
// plain text. What it is not is empty, never nil, so that an expression may
// ask for a field of anything.
func decode(payload []byte) (object map[string]any, list []any, text string) {
	object, list = map[string]any{}, []any{}
	v, ok := decodeJSON(payload)
	if !ok {
		return object, list, strings.ToValidUTF8(string(bytes.TrimSpace(payload)), "\uFFFD")
	}
	switch v := v.(type) {
	case map[string]any:
		object = v
	case []any:
		list = v
	case string:
		text = strings.TrimSpace(v)
	default:
		text = string(bytes.TrimSpace(payload))
	}
	return object, list, text
}

func decodeJSON(payload []byte) (any, bool) {
	var v any
	if json.Unmarshal(payload, &v) == nil {
		return v, true
	}
	// One number too large for a float64 must not cost all the rest.
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	if !json.Valid(payload) || d.Decode(&v) != nil {
		return nil, false
	}
	return withoutHuge(v), true
}

func withoutHuge(v any) any {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return f
		}
		return nil
	case map[string]any:
		for k := range v {
			v[k] = withoutHuge(v[k])
		}
	case []any:
		for i := range v {
			v[i] = withoutHuge(v[i])
		}
	}
	return v
}

// moment reads a time stamp: RFC 3339, or seconds or milliseconds since 1970.
// Anything else is no time: a bad clock is no reason to lose a report.
func moment(v any) time.Time {
	switch v := v.(type) {
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return t
		}
	case float64:
		const milliseconds = 1e11 // seconds until the year 5138
		if v >= milliseconds {
			v /= 1000
		}
		if v > 0 && v < milliseconds {
			whole, part := math.Modf(v)
			return time.Unix(int64(whole), int64(part*1e9)).UTC()
		}
	}
	return time.Time{}
}
