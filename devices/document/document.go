// Package document reads the JSON documents that people and their scripts
// send, and says in words what is wrong with one: where it is, and how to mend
// it. It is strict: a field that there is not may be a slip of the pen, and what
// is meant by it would not happen.
package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"

	"github.com/linli-edge/gateway/devices/texts"
)

// From is [Read] of what a request carries, which ends with an error after most
// bytes.
func From(body io.Reader, most int, into any) error {
	content, err := io.ReadAll(body)
	if err != nil {
		return texts.Errorf(texts.Document.TooLong, most>>10)
	}
	return Read(content, into)
}

// Read reads content, which must be one JSON object, into a struct or a
// json.RawMessage. The error is a [texts.Error]; what it says of a field begins
// with the field's name.
func Read(content []byte, into any) error {
	if len(bytes.TrimSpace(content)) == 0 {
		return texts.Errorf(texts.Document.Empty)
	}
	var syntax *json.SyntaxError
	if err := json.Unmarshal(content, new(json.RawMessage)); errors.As(err, &syntax) {
		before := content[:max(0, syntax.Offset-1)] // of the character that cannot be there
		if strings.Contains(syntax.Error(), "unexpected end") {
			return texts.Errorf(texts.Document.Incomplete)
		}
		start := bytes.LastIndexByte(before, '\n') + 1
		return texts.Errorf(texts.Document.Syntax, 1+bytes.Count(before, []byte("\n")), 1+len(bytes.Runes(before[start:])))
	}
	if bytes.TrimSpace(content)[0] != '{' {
		return texts.Errorf(texts.Document.Object)
	}
	in := json.NewDecoder(bytes.NewReader(content))
	in.DisallowUnknownFields()
	err := in.Decode(into)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return texts.Errorf(texts.Document.Wants, fieldOf(wrong), wanted(wrong.Type), got(wrong.Value))
	case err != nil:
		if quoted, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
			name, _ := strconv.Unquote(quoted) // as the library has quoted it
			return texts.Errorf(texts.Document.Field, name, strings.Join(names(reflect.TypeOf(into).Elem(), ""), ", "))
		}
	}
	return err
}

// fieldOf is where a value stands, without the Go names of embedded structs,
// which are no part of the document.
func fieldOf(wrong *json.UnmarshalTypeError) string {
	var path []string
	for _, name := range strings.Split(wrong.Field, ".") {
		if name == strings.ToLower(name) {
			path = append(path, name)
		}
	}
	return strings.Join(path, ".")
}

// names are the fields of a struct, those of structs in it with a dot.
func names(t reflect.Type, prefix string) []string {
	if t.Kind() != reflect.Struct {
		return nil
	}
	var list []string
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || name == "-" {
			continue
		}
		if inner := names(f.Type, prefix+name+"."); len(inner) > 0 {
			list = append(list, inner...)
		} else {
			list = append(list, prefix+name)
		}
	}
	return list
}

// wanted is what a value of a Go type is called in a document.
func wanted(t reflect.Type) texts.Text {
	switch t.Kind() {
	case reflect.String:
		return texts.Document.Text
	case reflect.Bool:
		return texts.Document.Bool
	case reflect.Float64:
		return texts.Document.Number
	case reflect.Slice:
		return texts.Document.List
	case reflect.Struct, reflect.Map:
		return texts.Document.Nested
	}
	return texts.Document.Whole
}

// got is what stands there, by the first word that the library has for it.
func got(value string) any {
	kind, number, _ := strings.Cut(value, " ")
	switch kind {
	case "string":
		return texts.Document.Text
	case "bool":
		return texts.Document.Bool
	case "array":
		return texts.Document.List
	case "object":
		return texts.Document.Nested
	}
	if number != "" {
		return number
	}
	return texts.Document.Number
}
