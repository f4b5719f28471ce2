package registry

import (
	"bytes"
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

func FuzzDecode(f *testing.F) {
	for _, r := range community() {
		value, err := encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(r.table()), r.id(), value)
	}
	f.Add("elders", "", []byte{})
	f.Fuzz(func(t *testing.T, table, key string, value []byte) {
		// As read from disk, and as if the checksum had been right.
		for _, v := range [][]byte{value, seal(Table(table), key, value)} {
			r, err := decode(Table(table), key, v)
			if err != nil {
				continue
			}
			again, err := encode(r)
			if err != nil {
				t.Fatalf("decoded %+v and cannot encode it: %v", r, err)
			}
			back, err := decode(Table(table), key, again)
			if err != nil {
				t.Fatalf("%+v does not come back: %v", r, err)
			}
			if third, err := encode(back); err != nil || !bytes.Equal(third, again) {
				t.Fatalf("%+v came back as %+v: %v", r, back, err)
			}
		}
	})
}
