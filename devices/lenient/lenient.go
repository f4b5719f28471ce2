// Package lenient reads what devices send, as leniently as their makers are
// careless: JSON or plain text, numbers and truth written as text, time
// stamps of several forms. What cannot be read is absent, never a guess.
package lenient

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Decode reads a payload as what it may be: a JSON object, a JSON array, or
// plain text. What it is not is empty, never nil, so that an expression may
// ask for a field of anything.
func Decode(payload []byte) (object map[string]any, list []any, text string) {
	object, list = map[string]any{}, []any{}
	v, ok := JSON(payload)
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

// JSON decodes any JSON; ok is false if the payload is none. A number too large
// for a float64 is null.
func JSON(payload []byte) (any, bool) {
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

// Moment reads a time stamp: RFC 3339, or seconds or milliseconds since 1970.
// Anything else is no time: a bad clock is no reason to lose a report.
func Moment(v any) time.Time {
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

// maxNumber is the longest number in bytes that is read as text: one that is as
// long as a message would take milliseconds, each time that it is asked for.
const maxNumber = 64

// Number is what x says as a number, nil if it says none.
func Number(x any) any {
	switch x := x.(type) {
	case float64:
		return finite(x)
	case int:
		return float64(x)
	case string:
		s := strings.TrimSpace(x)
		if s == "" || len(s) > maxNumber || strings.ContainsAny(s, "xX_pPiInN") { // no 0x1p-2, 1_000, Inf, NaN
			return nil
		}
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil
		}
		return finite(v)
	}
	return nil
}

func finite(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return v
}

var (
	yes = []string{"true", "on", "yes", "1"}
	no  = []string{"false", "off", "no", "0"}
)

// Flag is what x says as true or false, nil if it says neither.
func Flag(x any) any {
	switch x := x.(type) {
	case bool:
		return x
	case float64, int:
		switch Number(x) {
		case 0.0:
			return false
		case 1.0:
			return true
		}
	case string:
		s := strings.ToLower(strings.TrimSpace(x))
		if slices.Contains(yes, s) {
			return true
		}
		if slices.Contains(no, s) {
			return false
		}
	}
	return nil
}
