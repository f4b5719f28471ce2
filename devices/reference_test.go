package devices_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
)

// No form of a number that somebody can guess at is in what is written, and
// what was written is read as the same.
func TestReferenceIsNeverInClear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`[0-9A-Za-z预约-]{6,40}`).Draw(t, "number")
		for _, r := range []devices.Reference{devices.Refer(number), devices.Reference(number)} {
			b, err := json.Marshal(r)
			if err != nil || strings.Contains(string(b), number) {
				t.Fatalf("%q is written as %s (%v)", number, b, err)
			}
			var again devices.Reference
			if err := json.Unmarshal(b, &again); err != nil || again != devices.Refer(number) {
				t.Fatalf("%s is read as %s (%v), want %s", b, again, err, devices.Refer(number))
			}
		}
	})
}

func TestReference(t *testing.T) {
	read := func(s string) devices.Reference {
		t.Helper()
		var r devices.Reference
		if err := json.Unmarshal([]byte(s), &r); err != nil {
			t.Errorf("%s: %v", s, err)
		}
		return r
	}
	if a, b := read(`"YY-0042"`), read(`" YY-0042 "`); a != b || a == read(`"YY-0043"`) || len(a) != 39 {
		t.Errorf("YY-0042 is %s, with blanks %s", a, b)
	}
	if read(`42`) != read(`"42"`) {
		t.Error("42 and \"42\" differ")
	}
	if read(`""`) != "" || read(`null`) != "" {
		t.Error("none is some")
	}
	for _, s := range []string{`{"n":1}`, `[1]`, `true`, `"` + strings.Repeat("9", 300) + `"`, strings.Repeat("9", 300)} {
		var p struct {
			Booking devices.Reference `json:"booking"`
		}
		err := json.Unmarshal([]byte(`{"booking":`+s+`}`), &p)
		if err == nil || p.Booking != "" || strings.Contains(err.Error(), "99999") {
			t.Errorf("%.20s: %v, %q", s, err, p.Booking)
		}
	}
}
