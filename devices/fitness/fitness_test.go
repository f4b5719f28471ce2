package fitness

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices"
)

// Whatever a station sends besides, or instead of, the name of a test: no
// value and no person is kept.
func TestNoValueIsKept(t *testing.T) {
	v := devices.NewVocabulary(Specs())
	for data, want := range map[string]string{
		`{"test":"grip_strength","value":"41.5","unit":"kg"}`:  `{"test":"grip_strength"}`,
		`{"elder":"e-0301","results":[{"lung_capacity":415}]}`: `{}`,
		`{"test":"41.5"}`:   "",
		`{"test":"e-0301"}`: "",
	} {
		p, _, err := v.Parse(Kind, TypeTested, []byte(data))
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "test: must be one of balance, ") || strings.Contains(err.Error(), "41.5") {
				t.Errorf("%s: %v", data, err)
			}
			continue
		}
		got, marshal := json.Marshal(p)
		if err != nil || marshal != nil || string(got) != want {
			t.Errorf("%s is kept as %s (%v, %v)", data, got, err, marshal)
		}
	}
}
