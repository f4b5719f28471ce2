package desk

import (
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices"
)

func TestServed(t *testing.T) {
	v := devices.NewVocabulary(Specs())
	for data, want := range map[string]struct {
		all, traditional int
		wrong            string
	}{
		`{"way":"phone"}`:                              {1, 1, ""},
		`{"way":"key","count":3}`:                      {3, 3, ""},
		`{"way":"code","count":7,"service":"meal"}`:    {7, 0, ""},
		`{"way":"counter","facility":"east","note":1}`: {1, 1, ""},
		`{"count":3}`:                                  {wrong: "way: missing"},
		`{"way":"telepathy"}`:                          {wrong: "way: must be key, card, phone, counter or code"},
		`{"way":"card","count":-1}`:                    {wrong: "count: must be 1 to 10000 (got -1)"},
		`{"way":"card","service":"送餐给王秀英"}`:            {wrong: "service: must be an ID"},
		`{"way":"card","facility":"东门"}`:               {wrong: "facility: must be an ID"},
	} {
		p, _, err := v.Parse(Kind, TypeServed, []byte(data))
		if want.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), want.wrong) {
				t.Errorf("%s: %v, want %q", data, err, want.wrong)
			}
			continue
		}
		served, ok := p.(Served)
		if err != nil || !ok {
			t.Errorf("%s: %v", data, err)
			continue
		}
		if all, traditional := served.Services(); all != want.all || traditional != want.traditional {
			t.Errorf("%s: %d services, %d traditional", data, all, traditional)
		}
	}
}
