package discovery

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/kinds"
)

// probed is a book in which a bridge has described a smoke detector, whose
// template is run in place of its own.
func probed(t *testing.T, template node) (b *Book, describe func(document string)) {
	b = New(Config{Vocabulary: kinds.Vocabulary(), Logger: slog.New(slog.DiscardHandler)})
	describe = func(document string) {
		m := devices.Message{Client: "bridge", Topic: "homeassistant/binary_sensor/x/config", Payload: []byte(document)}
		if _, wrong := b.Learn("bridge", HomeAssistant, m, func(string) bool { return true }, func(string) string { return "" }); len(wrong) > 0 {
			t.Error(wrong)
		}
	}
	describe(`{"device_class":"smoke","state_topic":"s","value_template":"{{ value }}","unique_id":"u","device":{"ids":"x"}}`)
	b.bridges["bridge"].listeners["s"][0].template = []node{template}
	return b, describe
}

var detector = devices.Device{ID: "d", Kind: "alarm", Bridge: "bridge", Address: "x"}

// However long a template takes, nobody else's call for help waits for it.
func TestATemplateHoldsUpNobodyElse(t *testing.T) {
	var b *Book
	ran := 0
	b, _ = probed(t, func(m message) any {
		if ran++; !b.mu.TryLock() {
			t.Error("the book is locked while a template runs")
			return m.text
		}
		b.mu.Unlock()
		return m.text
	})
	if r := b.Reports(detector, devices.Message{Topic: "s", Payload: []byte("ON")}); ran != 1 || len(r) != 1 || string(r[0].Data) != `{}` {
		t.Errorf("run %d times: %+v", ran, r)
	}
}

// A long template is not run on a long message: a device may have 64 of them,
// and the next message of its bridge waits. A path is.
func TestALongTemplateOnALongMessage(t *testing.T) {
	ran := false
	b, _ := probed(t, func(m message) any { ran = true; return "ON" })
	l := b.bridges["bridge"].listeners["s"][0]
	for _, c := range []struct {
		template, message int
		want              bool
	}{{32, 256 << 10, true}, {maxTemplate, 4 << 10, true}, {maxTemplate, 256 << 10, false}} {
		l.Template, ran = strings.Repeat(" ", c.template), false
		if r := b.Reports(detector, devices.Message{Topic: "s", Payload: make([]byte, c.message)}); ran != c.want || (len(r) == 1) != c.want {
			t.Errorf("%d bytes on %d: run %v, %+v", c.template, c.message, ran, r)
		}
	}
}

// A message whose sender describes itself anew while it is read is read by what
// holds from then on, once, and what it says is remembered.
func TestDescribedAnewMeanwhile(t *testing.T) {
	const anew = `{"name":"%s","state_topic":"s","payload_on":"help","payload_off":"ON","unique_id":"u","device":{"ids":"x"}}`
	for name, want := range map[string]string{"smoke": `smoke {"cleared":true}, smoke {}`, "sos": `over sos {}, held sos {}`} {
		var describe func(string)
		b, describe := probed(t, func(m message) any {
			describe(fmt.Sprintf(anew, name))
			return m.text
		})
		var said []string
		for _, payload := range []string{"ON", "help"} {
			for _, r := range b.Reports(detector, devices.Message{Topic: "s", Payload: []byte(payload)}) {
				line := fmt.Sprintf("%s %s", r.Type, r.Data)
				if r.Held != nil {
					line = map[bool]string{true: "held ", false: "over "}[*r.Held] + line
				}
				said = append(said, line)
			}
		}
		if got := strings.Join(said, ", "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if l := b.bridges["bridge"].listeners["s"][0]; l.holds != (l.Meaning == Smoke) {
			t.Errorf("%s: the state is not remembered", name)
		}
	}
}

// What one device has said of itself is found without looking through that of
// all the others.
func TestOneOfMany(t *testing.T) {
	b, _ := probed(t, func(m message) any { return m.text })
	one := testing.AllocsPerRun(10, func() { b.Device("bridge", "x") })
	for i := range 1000 {
		m := devices.Message{Client: "bridge", Topic: fmt.Sprintf("homeassistant/binary_sensor/x%d/config", i), Payload: fmt.Appendf(nil, `{"device_class":"smoke","state_topic":"s/%d","device":{"ids":"x%d"}}`, i, i)}
		b.Learn("bridge", HomeAssistant, m, func(string) bool { return true }, func(string) string { return "" })
	}
	if n := testing.AllocsPerRun(10, func() { b.Device("bridge", "x") }); n > one {
		t.Errorf("%v allocations, %v where it is alone", n, one)
	}
	if d, ok := b.Device("bridge", "x7"); !ok || d.Signals[0].Topic != "s/7" || len(b.Devices("bridge")) != 1001 {
		t.Errorf("x7 is %+v of %d", d, len(b.Devices("bridge")))
	}
}
