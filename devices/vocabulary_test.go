package devices

import (
	"encoding/json"
	"testing"
)

// What is required is found where encoding/json finds it.
func FuzzRequired(f *testing.F) {
	for _, data := range []string{
		`{"compartment":12,"open":true}`, ` { "compartment" : 12 , "open" : false } `, `{"compartment":null,"open":true}`,
		`{"open":true,"note":{"compartment":1,"}":["{",{}]}}`, `{"\u0063ompartment":1,"open":"\"}"}`, `{"compartment":1,"compartment":null,"open":[]}`,
		`{"compartment":null,"compartment":1,"open":{}}`, `{"Compartment":1,"open":-1.5e3}`, `null`, `{}`, `{"a\\":1,"open":0,"compartment":"\\"}`, "\t{\"open\":\r\n[1,[2,\"]\"]]\n,\"compartment\":{\"a\":\"\\\"\"}}",
	} {
		f.Add([]byte(data))
	}
	required := []string{"compartment", "open"}
	f.Fuzz(func(t *testing.T, data []byte) {
		var object map[string]json.RawMessage
		if json.Unmarshal(data, &object) != nil {
			return // Parse has said so before
		}
		want := ""
		for _, name := range required {
			if v, ok := object[name]; !ok || string(v) == "null" {
				want = name + ": missing"
				break
			}
		}
		got := ""
		if err := checkRequired(data, required); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Fatalf("%q: %q, want %q", data, got, want)
		}
	})
}
