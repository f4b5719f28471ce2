package capture

import (
	"encoding/json"
	"strings"
	"testing"
)

// What is masked keeps its form and is the same wherever it stands.
func TestMask(t *testing.T) {
	for _, c := range []struct{ address, text, want string }{
		{"302/卫生间", "zigbee2mqtt/302/卫生间", "zigbee2mqtt/302/device-1"},
		{"zhang_wei", `{"device":"zhang_wei","other":"zhang_wei_2"}`, `{"device":"device-1","other":"device-1_2"}`},
		{"24e124535d241122", `{"devEui":"24e124535d241122","x":"24E124535D241122"}`, `{"devEui":"0000000000000001","x":"24E124535D241122"}`},
		{"A4C1380C89FD", `home/omg/BTtoMQTT/A4C1380C89FD {"id":"A4:C1:38:0C:89:FD"}`, `home/omg/BTtoMQTT/000000000001 {"id":"02:00:00:00:00:01"}`},
		{"", `{"ieee_address":"0xa4c1380c89fd3f05","ip":"192.168.1.20"}`, `{"ieee_address":"0x0000000000000001","ip":"192.0.2.1"}`},
		{"", `{"latitude":32.06,"lon": -118.79,"long_press":3}`, `{"latitude":12.5,"lon": 12.5,"long_press":3}`},
		{"", `{"phone":"13912345678","id":"320106195001011234","note":"王秀英·某 a.b@c.cn","model_name":"X 1"}`, `{"phone":"00000000001","id":"000000000000000001","note":"name-1 mail-1@example.org","model_name":"X 1"}`},
		{"", `{"owner":"Zhang Wei","temperature":21.5,"seq":12}`, `{"owner":"device-1","temperature":21.5,"seq":12}`},
	} {
		m := newMasker()
		got := m.text(c.text, c.address)
		if again := m.text(c.text, c.address); again != got {
			t.Errorf("%s: %s, then %s", c.text, got, again)
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// What was JSON stays JSON.
func FuzzMask(f *testing.F) {
	f.Add("302/卫生间", `{"name":"王\"秀英","mac":"A4:C1:38:0C:89:FD","lat":-1.5,"x":["13912345678"]}`)
	f.Add("", `{"a_name":"\\","eui":"\u0031"}`)
	f.Fuzz(func(t *testing.T, address, text string) {
		if !json.Valid([]byte(text)) {
			return
		}
		if got := newMasker().text(text, address); !json.Valid([]byte(got)) && !strings.ContainsAny(address, "\"\\{}[]:,0123456789.-+eEtfn") {
			t.Errorf("%s of %q became %s", text, address, got)
		}
	})
}
