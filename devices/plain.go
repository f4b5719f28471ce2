package devices

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// plain reads the JSON of a payload that has nothing but numbers, texts and
// truths, in a quarter of the time that encoding/json takes: most events that
// ever come are such. What it does not read it leaves to encoding/json, and
// what it reads, that would have read the same.
type plain struct {
	names    []string // by index of the struct's fields
	required uint64   // bits by that index
}

// plainOf is nil for structs that have other fields.
func plainOf(t reflect.Type, required []string) *plain {
	if t.Kind() != reflect.Struct || t.NumField() > 64 {
		return nil
	}
	p := &plain{}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		own := reflect.PointerTo(f.Type)
		switch {
		case f.Anonymous || name == "" || name == "-" || strings.Contains(options, "string"),
			own.Implements(reflect.TypeFor[json.Unmarshaler]()), own.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
			return nil
		}
		switch f.Type.Kind() {
		case reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64, reflect.String:
		default:
			return nil
		}
		if slices.Contains(required, name) {
			p.required |= 1 << len(p.names)
		}
		p.names = append(p.names, name)
	}
	return p
}

// read sets the fields of v, a zero struct. It reports false, with v in between,
// if anything is not as it should be.
func (p *plain) read(v reflect.Value, data []byte) bool {
	if p == nil {
		return false
	}
	var found uint64
	good := true
	object := Fields(data, func(name, value []byte) {
		i := slices.IndexFunc(p.names, func(n string) bool { return n == string(name) })
		if i < 0 {
			good = good && !slices.ContainsFunc(p.names, func(n string) bool { return strings.EqualFold(n, string(name)) })
			return
		}
		good = good && setPlain(v.Field(i), value)
		found |= 1 << i
	})
	return object && good && found&p.required == p.required
}

func setPlain(f reflect.Value, value []byte) bool {
	switch f.Kind() {
	case reflect.Bool:
		if string(value) != "true" && string(value) != "false" {
			return false
		}
		f.SetBool(value[0] == 't')
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(string(value), 10, f.Type().Bits())
		if err != nil {
			return false
		}
		f.SetInt(n)
	case reflect.Float64:
		n, err := strconv.ParseFloat(string(value), 64)
		if err != nil {
			return false
		}
		f.SetFloat(n)
	case reflect.String:
		s, ok := PlainText(value)
		if !ok {
			return false
		}
		f.SetString(s)
	}
	return true
}

// PlainText is the string that a JSON value holds, if it is one in which nothing
// has to be replaced.
func PlainText(value []byte) (s string, ok bool) {
	if value[0] != '"' || bytes.IndexByte(value, '\\') >= 0 || !utf8.Valid(value) {
		return "", false
	}
	return string(value[1 : len(value)-1]), true
}
