package lenient_test

import (
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices/lenient"
)

// What makers write for a number, a truth or a time, and what is none.
func TestWhatIsRead(t *testing.T) {
	for x, want := range map[any]any{63.5: 63.5, 7: 7.0, " 63.5 ": 63.5, "": nil, "nan": nil, "0x1p-2": nil, "1e999": nil, true: nil, nil: nil,
		"0." + strings.Repeat("3", 62): 1.0 / 3, "0." + strings.Repeat("3", 63): nil} {
		if got := lenient.Number(x); got != want {
			t.Errorf("Number(%#v) = %v, want %v", x, got, want)
		}
	}
	for x, want := range map[any]any{true: true, "ON": true, "no": false, 1.0: true, 0: false, 2.0: nil, "open": nil, nil: nil} {
		if got := lenient.Flag(x); got != want {
			t.Errorf("Flag(%#v) = %v, want %v", x, got, want)
		}
	}
	at := time.Date(2026, 11, 23, 0, 15, 30, 0, time.UTC)
	for x, want := range map[any]time.Time{"2026-11-23T08:15:30+08:00": at, float64(at.Unix()): at, float64(at.UnixMilli()): at, "yesterday": {}, -1.0: {}, nil: {}} {
		if got := lenient.Moment(x); !got.Equal(want) {
			t.Errorf("Moment(%#v) = %s, want %s", x, got, want)
		}
	}
	for text, want := range map[string]bool{`{"a":1e999,"b":2}`: true, `[1]`: true, `x`: false, ``: false} {
		if v, ok := lenient.JSON([]byte(text)); ok != want {
			t.Errorf("JSON(%s) = %v, %t", text, v, ok)
		}
	}
}
