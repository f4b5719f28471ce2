package supervision

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// A finding survives the journal, and is documented.
func TestFindings(t *testing.T) {
	topics, err := os.ReadFile("../../deploy/docs/topics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range Types() {
		want := Finding{Type: typ, Since: time.Date(2026, 11, 23, 8, 15, 30, 0, time.UTC), Cleared: true}
		e, err := devices.New("band-01", want)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok, err := Read(e); e.Type != typ || !ok || err != nil || got != want {
			t.Errorf("%s: %s became %+v, %t, %v", typ, e.Data, got, ok, err)
		}
		if want := `{"since":"2026-11-23T08:15:30Z","cleared":true}`; string(e.Data) != want {
			t.Errorf("%s is %s, want %s", typ, e.Data, want)
		}
		if !strings.Contains(string(topics), "| `"+string(typ)+"` |") {
			t.Errorf("topics.md does not name %s", typ)
		}
	}
	if _, ok, _ := Read(devices.Event{Type: "sos"}); ok {
		t.Error("a call for help is a finding")
	}
	for _, data := range []string{`{}`, `[]`, `{"since":"soon"}`} {
		if _, ok, err := Read(devices.Event{Type: TypeSilent, Data: []byte(data)}); !ok || err == nil {
			t.Errorf("%s is taken for a finding", data)
		}
	}
}
