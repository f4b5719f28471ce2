package devices

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// Fields finds an object where encoding/json does, and the same in it.
func FuzzFields(f *testing.F) {
	for _, data := range []string{
		`{"compartment":12,"open":true}`, ` { "a" : -0.5e+3 , "b" : [ ] , "c" : { } } `, `{"a":[1,{"b":[null,false]},"}"],"a":"\"\\\u00e9\n"}`,
		`{"\u0061":1}`, `{"\ud800":0}`, "{\"\xff\":\"\x7f\xff\"}", "{\"a\":\"\t\"}", "{\"a\":1}\x00", "{\x00}", `{"a":"\u00g0"}`, `{"a":"\x"}`, `{"a":"\`, `{"a`, `{`, `{}{`,
		`{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":1e}`, `{"a":.5}`, `{"a":+1}`, `{"a":0}`, `{"a":tru}`, `{"a":nul`, `{"a":truex}`, `{"a":}`, `{"a"}`, `{"a",1}`, `{a:1}`,
		`{"a":1,}`, `{,}`, `{"a":[1,]}`, `{"a":[,]}`, `{"a":[1 2]}`, `{"a":1 "b":2}`, `{"a":[}`, `{"a":{]}`, `null`, `[]`, `"a"`, `1`, ``, ` `,
		`{"a":` + strings.Repeat("[", deepest-1) + strings.Repeat("]", deepest-1) + `}`, `{"a":` + strings.Repeat("[", deepest) + strings.Repeat("]", deepest) + `}`,
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var want map[string]json.RawMessage
		got := map[string]string{}
		object := Fields(data, func(name, value []byte) { got[string(name)] = string(value) })
		if err := json.Unmarshal(data, &want); object != (err == nil && want != nil) {
			t.Fatalf("%q: an object: %t, and encoding/json says %v", data, object, err)
		}
		if !object || !utf8.Valid(data) { // of what is not UTF-8 encoding/json makes something else
			return
		}
		for name, value := range want {
			if got[name] != string(value) {
				t.Errorf("%q: %q is %q, want %q", data, name, got[name], value)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%q: %q, want %q", data, got, want)
		}
	})
}
