package registry

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestCreditCode(t *testing.T) {
	for code, want := range map[string]bool{
		"11320000MB151840XJ": true,
		"11320000MB151840XK": false,
		"11320000MB151840X":  false,
		"11320000mb151840xj": false,
		"11320000MI151840XJ": false, // I is not in the alphabet
	} {
		if got := isCreditCode(code); got != want {
			t.Errorf("%s: %v", code, got)
		}
	}
}

func testKeys(t testing.TB) *keyring {
	t.Helper()
	k, err := newKey(bytes.Repeat([]byte{7}, keySize))
	if err != nil {
		t.Fatal(err)
	}
	return &keyring{[]key{k}}
}

func FuzzDecode(f *testing.F) {
	keys := testKeys(f)
	for _, r := range community() {
		value, err := keys.encode(r, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(r.table()), r.id(), value)
	}
	f.Add("elders", "", []byte{})
	f.Add("elders", "e", seal("elders", "e", []byte(`{"id":"e","name":"王","sealed":"AAAA"}`)))
	f.Fuzz(func(t *testing.T, table, key string, value []byte) {
		// As read from disk, and as if the checksum had been right.
		for _, v := range [][]byte{value, seal(Table(table), key, value)} {
			d, err := keys.decode(Table(table), key, v)
			if err != nil {
				continue
			}
			again, err := keys.encode(d.Record, d.sealed)
			if err != nil {
				t.Fatalf("decoded %+v and cannot encode it: %v", d, err)
			}
			back, err := keys.decode(Table(table), key, again)
			if err != nil {
				t.Fatalf("%+v does not come back: %v", d, err)
			}
			if back.secrecy == exposed {
				t.Fatalf("%+v is in clear", back)
			}
			was, err := json.Marshal(d.Record)
			if err != nil {
				t.Fatal(err)
			}
			if is, err := json.Marshal(back.Record); err != nil || !bytes.Equal(is, was) {
				t.Fatalf("%s came back as %s: %v", was, is, err)
			}
		}
	})
}
