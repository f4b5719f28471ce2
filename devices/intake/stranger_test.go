package intake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/wearable"
)

// A button that nobody has registered is pressed: that is journaled as urgent,
// on disk before the acknowledgement, and once a minute however often it is
// pressed.
func TestAStrangerCalls(t *testing.T) {
	w := newWorld(t)
	say := func(client, topic, payload string, want ...string) {
		t.Helper()
		w.publish(t, client, topic, payload, false)
		for _, e := range w.disk.events {
			if e.Type == devices.TypeStrangerCalled && (e.Urgency != devices.Urgent || e.ID == "") {
				t.Errorf("%+v", e)
			}
		}
		if got := w.disk.said(); !slices.Equal(got, want) {
			t.Errorf("%s %s: recorded\n%q\nwant\n%q", topic, payload, got, want)
		}
	}
	who := devices.Contact{Bridge: "b1", Address: "kitchen"}.Sender()
	sos := who + ` stranger.called {"type":"sos","bridge":"b1","address":"kitchen"}`
	say("b1", "site/kitchen", `{"pressed":true}`, sos)
	say("b1", "site/kitchen", `{"pressed":true}`)
	w.now.Mono += 59 * time.Second
	say("b1", "site/kitchen", `{"pressed":true}`)
	w.now.Mono += time.Second
	say("b1", "site/kitchen", `{"pressed":true}`, sos)
	say("b1", "site/kitchen", `{"battery":80}`, `b1/kitchen rejected unknown_device`)

	// Repeated for as long as somebody lies there, it is one call.
	w.now.Mono += time.Minute
	say("b1", "site/kitchen", `{"down":true}`, who+` stranger.called {"type":"fall","bridge":"b1","address":"kitchen"}`)
	w.now.Mono += 10 * time.Minute
	say("b1", "site/kitchen", `{"down":true}`)
	say("b1", "site/kitchen", `{"down":false}`)
	say("b1", "site/kitchen", `{"down":true}`, who+` stranger.called {"type":"fall","bridge":"b1","address":"kitchen"}`)

	// A name that may be a person's is not told, nor is it in the journal.
	say("b1", "site/王秀英", `{"pressed":true}`, devices.Contact{Bridge: "b1", Address: "王秀英"}.Sender()+` stranger.called {"type":"sos","bridge":"b1"}`)
	// What the broker kept is no press; what is no call is not one.
	w.publish(t, "b1", "site/hall-2", `{"pressed":true}`, true)
	say("", "linli/v1/new-1/event", `{"type":"fall_cancelled"}`, `b1/hall-2 rejected unknown_device`, `new-1 rejected unknown_device`)
	// Whoever has been ignored pages nobody.
	w.lobby.decided = map[string]bool{"kitchen": true}
	w.now.Mono += time.Hour
	say("b1", "site/kitchen", `{"pressed":true}`)

	w.disk.broken = fmt.Errorf("no space")
	if err := w.Message(t.Context(), devices.Message{Client: "b1", Topic: "site/bath-2", Payload: []byte(`{"pressed":true}`)}); err == nil {
		t.Error("a call that is not on disk was acknowledged")
	}
	w.disk.broken = nil // and so it comes again, at once
	say("b1", "site/bath-2", `{"pressed":true}`, devices.Contact{Bridge: "b1", Address: "bath-2"}.Sender()+` stranger.called {"type":"sos","bridge":"b1","address":"bath-2"}`)
}

// Only what is a call for help of whatever device is one: the press of a
// button in a room may be the switch of a lamp.
func TestWhatOnlySomeDevicesMeanAsACall(t *testing.T) {
	w := newWorld(t, room.Specs()...)
	w.publish(t, "b1", "site/kitchen", `{"pressed":true}`, false)
	w.publish(t, "b1", "site/kitchen", `{"sos":true}`, false)
	if got := w.disk.said(); len(got) != 2 || strings.Contains(strings.Join(got, ""), "called") {
		t.Errorf("recorded %q", got)
	}
	if w.Urgent(devices.Message{Client: "b1", Topic: "site/kitchen", Payload: []byte(`{"pressed":true}`)}) {
		t.Error("a press is urgent")
	}
	m := devices.Message{Client: "new-1", Topic: "linli/v1/new-1/event", Payload: []byte(`{"type":"sos"}`)}
	if !w.Urgent(m) {
		t.Error("a stranger's call may wait")
	}
	m.Retained = true
	if w.Urgent(m) {
		t.Error("a kept message is urgent")
	}
	if len(w.lobby.came) != 2 || len(w.disk.said()) != 0 {
		t.Error("to look ahead has changed something")
	}
	w = newWorld(t, slices.Concat(room.Specs(), alarm.Specs(), bed.Specs())...)
	w.publish(t, m.Client, m.Topic, string(m.Payload), false)
	if looks := w.lobby.looks[0]; !looks.Help || len(looks.Kinds) != 4 || looks.Kinds[0] != wearable.Kind {
		t.Errorf("looks like %+v", looks)
	}
}

// 10,000 strangers who call within an hour are 20 calls, and one a minute for
// all the others: none is silent, and nothing grows.
func TestManyStrangersCall(t *testing.T) {
	w := newWorld(t)
	const n = 10_000
	for i := range n {
		w.now.Mono += time.Hour / n
		w.publish(t, "", fmt.Sprintf("linli/v1/new-%d/event", i), `{"type":"sos","id":1}`, false)
	}
	by := map[string]int{}
	for _, e := range w.disk.events {
		if e.Type == devices.TypeStrangerCalled {
			by[e.Device]++
		}
	}
	if many := by[devices.ManyStrangers]; len(by) != 21 || many < 55 || many > 61 {
		t.Errorf("%d callers, %d calls for those who are too many", len(by), many)
	}
	if len(w.disk.events) > 200 {
		t.Errorf("%d lines in the journal", len(w.disk.events))
	}
	w.disk.said()
	w.now.Mono += time.Hour
	w.publish(t, "", "linli/v1/late/event", `{"type":"sos"}`, false)
	if got := w.disk.said(); !slices.Equal(got, []string{devices.Contact{Address: "late"}.Sender() + ` stranger.called {"type":"sos","address":"late"}`}) {
		t.Errorf("after an hour: %q", got)
	}
}

// Of a detector with two sensors the second alarms while the first is clear:
// what it says of itself counts, and not the one field that the profile knows.
func TestTheClearSensorDoesNotHideTheOther(t *testing.T) {
	w := newWorld(t, slices.Concat(alarm.Specs(), room.Specs())...)
	profiles, err := profile.Load(fstest.MapFS{"sites.yaml": {Data: []byte(strings.Replace(describedProfile, "    rules:\n", `    rules:
      - name: water
        when: flag(payload.leak) != nil
        type: water
        data: {cleared: flag(payload.leak) == false}
      - name: presence
        when: flag(payload.presence) != nil
        type: occupancy
        data: {occupied: flag(payload.presence)}
`, 1))}}, w.Vocabulary)
	if err != nil {
		t.Fatal(err)
	}
	w.Profiles = profiles
	w.Directory = directory{"b1": {ID: "b1", Kind: devices.KindBridge, Profile: "sites"}, "sink": {ID: "sink", Kind: alarm.Kind, Bridge: "b1", Address: "sink"}, "hall": {ID: "hall", Kind: room.Kind, Bridge: "b1", Address: "hall"}}
	for key, is := range map[string][2]string{"leak": {"sink", "moisture"}, "leak_2": {"sink", "moisture"}, "presence": {"hall", "presence"}, "presence_2": {"hall", "presence"}} {
		w.publish(t, "b1", "site/homes/binary_sensor/"+is[0]+"/"+key+"/config",
			fmt.Sprintf(`{"name":%q,"state_topic":"site/%s","device_class":%q,"value_template":"{{ value_json.%s }}","payload_on":true,"payload_off":false,"device":{"ids":%q}}`, key, is[0], is[1], key, is[0]), true)
	}
	for _, step := range [][3]string{
		{"sink", `{"leak":false,"leak_2":true}`, `sink water {}`},
		{"sink", `{"leak":false,"leak_2":false}`, `sink water {"cleared":true}`},
		{"sink", `{"leak":true,"leak_2":false}`, `sink water {}`},
		{"hall", `{"presence":false,"presence_2":true}`, `hall occupancy {"occupied":true}`},
		{"hall", `{"presence":true,"presence_2":false}`, ``},
		{"hall", `{"presence":false,"presence_2":false}`, `hall occupancy {"occupied":false}`},
	} {
		w.publish(t, "b1", "site/"+step[0], step[1], false)
		if got := strings.Join(w.disk.said(), ", "); got != step[2] {
			t.Errorf("%s: %s, want %s", step[1], got, step[2])
		}
	}
}
