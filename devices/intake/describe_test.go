package intake_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/wearable"
)

// sites with descriptions, whose rules know less than the devices do.
const describedProfile = sitesProfile + `
  - topic: site/homes/{rest...}
    describes: homeassistant
`

func newDescribedWorld(t *testing.T) world {
	t.Helper()
	w := newWorld(t)
	profiles, err := profile.Load(fstest.MapFS{"sites.yaml": {Data: []byte(describedProfile)}}, w.Vocabulary)
	if err != nil {
		t.Fatal(err)
	}
	w.Profiles = profiles
	return w
}

func (w world) publish(t *testing.T, client, topic, payload string, retained bool) {
	t.Helper()
	if err := w.Message(t.Context(), devices.Message{Client: client, Topic: topic, Payload: []byte(payload), Retained: retained}); err != nil {
		t.Fatalf("%s: not acknowledged: %v", topic, err)
	}
}

// A device that describes itself is in the inbox before it has said anything
// else, and once it is registered, it is understood beyond the profile; what
// both understand is told once.
func TestADeviceThatDescribesItself(t *testing.T) {
	w := newDescribedWorld(t)
	describe := func(name, key string) {
		w.publish(t, "b1", "site/homes/binary_sensor/"+name+"/"+key+"/config",
			fmt.Sprintf(`{"name":%q,"state_topic":"site/%s","value_template":"{{ value_json.%s }}","payload_on":true,"payload_off":false,"device":{"ids":"other","mf":"Acme","mdl":"P1"}}`, key, name, key), true)
	}
	describe("kitchen", "sos")
	if len(w.lobby.came) != 1 || w.lobby.came[0].Address != "kitchen" || w.lobby.came[0].Bridge != "b1" || w.lobby.looks[0].Model != "Acme P1" || w.lobby.looks[0].Kinds[0] != wearable.Kind {
		t.Fatalf("came: %+v %+v", w.lobby.came, w.lobby.looks)
	}
	describe("浴室", "sos")
	describe("浴室", "pressed")
	if len(w.lobby.came) != 1 {
		t.Errorf("who is registered came: %+v", w.lobby.came)
	}
	for _, step := range []struct {
		payload  string
		retained bool
		want     string
	}{
		{`{"sos":true,"battery":80}`, false, `bath sos {}, bath battery {"percent":80}`},
		{`{"sos":true}`, false, ``},
		{`{"sos":false}`, false, ``},
		{`{"sos":true}`, true, ``},
		{`{"pressed":true}`, false, `bath sos {}`},
	} {
		w.publish(t, "b1", "site/浴室", step.payload, step.retained)
		if got := strings.Join(w.disk.said(), ", "); got != step.want {
			t.Errorf("%s: %s, want %s", step.payload, got, step.want)
		}
	}
	// Behind a broker that does not say who speaks, each bridge has its own.
	w.publish(t, "", "site/homes/binary_sensor/hall/sos/config", `{"name":"sos","state_topic":"site/门厅","device":{"ids":"h"}}`, true)
	w.publish(t, "", "site/门厅", "ON", false)
	if got := strings.Join(w.disk.said(), ", "); got != "hall sos {}" {
		t.Errorf("through another broker: %s", got)
	}
}

// What is wrong with a description is told and disturbs nothing: neither what
// was described before nor anybody's call.
func TestADescriptionThatIsWrong(t *testing.T) {
	w := newDescribedWorld(t)
	for _, payload := range []string{`{"state_topic"`, strings.Repeat(`{"a":`, 100_000), `{"name":"sos","state_topic":"linli/v1/w1/event"}`, `{"name":"sos","state_topic":"site/x","value_template":"{{"}`} {
		w.publish(t, "b1", "site/homes/binary_sensor/x/config", payload, true)
		if got := w.disk.said(); len(got) != 1 || got[0] != "b1 rejected description" {
			t.Errorf("%.40s: %q", payload, got)
		}
	}
	for range 1000 {
		w.publish(t, "b1", "site/homes/binary_sensor/x/config", `{`, true)
	}
	if got := len(w.disk.said()); got > 20 {
		t.Errorf("%d complaints are kept", got)
	}
	w.publish(t, "b1", "site/浴室", `{"pressed":true}`, false)
	if got := strings.Join(w.disk.said(), ", "); got != "bath sos {}" {
		t.Errorf("then %s", got)
	}
}
