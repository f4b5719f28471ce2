package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
	"pgregory.net/rapid"
)

// The community of the tests: Zhao's own caregiver is Li; Qian has none; Sun's
// own caregiver has no channel that works. Wang is a caregiver of everybody.
func community() *registry.Snapshot {
	return &registry.Snapshot{
		Facilities: map[string]registry.Facility{"hall": {ID: "hall", Name: "活动室"}},
		Devices: map[string]registry.Device{
			"w-zhao":   {Device: devices.Device{ID: "w-zhao", Kind: wearable.Kind, Elder: "zhao"}},
			"mat-zhao": {Device: devices.Device{ID: "mat-zhao", Kind: wearable.Kind, Elder: "zhao"}},
			"w-qian":   {Device: devices.Device{ID: "w-qian", Kind: wearable.Kind, Elder: "qian"}},
			"w-sun":    {Device: devices.Device{ID: "w-sun", Kind: wearable.Kind, Elder: "sun"}},
			"cord":     {Device: devices.Device{ID: "cord", Kind: wearable.Kind, Facility: "hall"}},
		},
		Elders: map[string]registry.Elder{
			"zhao": {ID: "zhao", Name: "赵奶奶", Building: "3栋", Room: "502", Caregivers: []string{"li"}},
			"qian": {ID: "qian", Name: "钱爷爷", Building: "1栋", Room: "101"},
			"sun":  {ID: "sun", Name: "孙奶奶", Building: "2栋", Room: "303", Caregivers: []string{"mute"}},
		},
		Caregivers: map[string]registry.Caregiver{
			"li":   {ID: "li", Name: "李", Channels: []registry.Channel{{Kind: "phone", Address: "li"}, {Kind: "phone", Address: "li's other"}}},
			"wang": {ID: "wang", Name: "王", Channels: []registry.Channel{{Kind: "phone", Address: "wang"}}},
			"mute": {ID: "mute", Name: "默", Channels: []registry.Channel{{Kind: "pigeon", Address: "loft"}}},
		},
	}
}

func testRoll() roll {
	return roll{community(), map[string]Sender{"phone": quiet{}, LogChannel: quiet{}}}
}

// quiet is a channel that accepts everything.
type quiet struct{}

func (quiet) Send(ctx context.Context, _ string, _ Page) Result { return Result{Class: Accepted} }

func at(d time.Duration) devices.Stamp { return devices.Stamp{Mono: d} }

func press(device, id string, t devices.Type) devices.Event {
	return devices.Event{Device: device, ID: id, Type: t, Urgency: devices.Urgent, Data: json.RawMessage("{}")}
}

func act(t *testing.T, id string, p devices.Payload) devices.Event {
	t.Helper()
	e, err := devices.New(devices.GatewayDevice, p)
	if err != nil {
		t.Fatal(err)
	}
	e.ID, e.Urgency = id, devices.Urgent
	return e
}

func apply(t *testing.T, b *board, e devices.Event, now devices.Stamp) *record {
	t.Helper()
	r, err := b.apply(e, testRoll(), now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// called lists who a step calls, as "recipient channel way result".
func called(pages []Delivery) []string {
	var list []string
	for _, d := range pages {
		list = append(list, fmt.Sprintf("%s %s %d %s", d.Recipient, d.Channel, d.Way, d.Result))
	}
	return list
}

func TestStepsCallTheRightPeople(t *testing.T) {
	everybody := []string{"li phone 0 ", "li phone 1 ", "mute pigeon 0 permanent", "wang phone 0 ", " log 0 "}
	for _, c := range []struct {
		device string
		first  []string
	}{
		{"w-zhao", []string{"li phone 0 ", "li phone 1 ", " log 0 "}},
		{"w-qian", everybody},   // no caregivers of her own
		{"w-sun", everybody},    // her own caregiver cannot be reached
		{"cord", everybody},     // nobody wears it
		{"stranger", everybody}, // not registered at all
	} {
		b := newBoard()
		r := apply(t, b, press(c.device, "1", wearable.TypeSOS), at(0))
		if got := called(r.current()); !slices.Equal(got, c.first) {
			t.Errorf("%s: step 1 calls %q, want %q", c.device, got, c.first)
		}
		for step := 2; step < 5; step++ {
			r.next(testRoll(), at(time.Duration(step)*time.Minute))
			if got := called(r.current()); r.Step != step || !slices.Equal(got, everybody) {
				t.Errorf("%s: step %d calls %q, want %q", c.device, r.Step, got, everybody)
			}
		}
	}
}

func TestIncidentSaysWhereToGo(t *testing.T) {
	for device, want := range map[string]string{
		"w-zhao": "3栋 502", "cord": "活动室", "stranger": "位置未登记（设备 stranger）",
	} {
		b := newBoard()
		r := apply(t, b, press(device, "1", wearable.TypeSOS), at(0))
		if got := b.page(r, r.current()[0], at(0)).Where("zh-CN"); got != want {
			t.Errorf("%s: %q, want %q", device, got, want)
		}
	}
}

func TestPressesMerge(t *testing.T) {
	b := newBoard()
	r := apply(t, b, press("w-zhao", "1", wearable.TypeFall), at(0))
	id := r.ID
	if again := apply(t, b, press("w-zhao", "1", wearable.TypeFall), at(1)); again != nil {
		t.Error("a redelivery did something")
	}
	// Another device of the same elder, and a button: still one incident.
	apply(t, b, press("mat-zhao", "7", wearable.TypeSOS), at(time.Second))
	if len(b.records) != 1 || r.Presses != 2 || r.Step != 1 || r.Kind != SOS || r.Round != 1 {
		t.Fatalf("after a second press: %d incidents, %+v", len(b.records), r.Incident)
	}

	apply(t, b, act(t, "a1", Acknowledged{Incident: id, By: "li", How: "page"}), at(2*time.Second))
	if r.Phase != PhaseAcknowledged || r.Acknowledged.By != "li" {
		t.Fatalf("after the acknowledgement: %+v", r.Incident)
	}
	// A press after the acknowledgement calls again, her own people first.
	apply(t, b, press("w-zhao", "2", wearable.TypeSOS), at(3*time.Second))
	if r.Phase != PhaseRaised || r.Acknowledged != nil || r.Round != 2 || r.Step != 2 || r.First != 2 || r.Everyone {
		t.Fatalf("after a press after it: %+v", r.Incident)
	}
	// What the journal hands back after a crash changes nothing.
	apply(t, b, act(t, "a1", Acknowledged{Incident: id, By: "li", How: "page"}), at(4*time.Second))
	if r.Phase != PhaseRaised {
		t.Fatal("an old acknowledgement counted twice")
	}

	apply(t, b, act(t, "r1", Resolved{Incident: id, By: "li", Cause: CauseAccidental}), at(5*time.Second))
	next := apply(t, b, press("w-zhao", "3", wearable.TypeSOS), at(6*time.Second))
	if r.Phase != PhaseResolved || next.ID == id || len(b.records) != 2 || next.Presses != 1 {
		t.Fatalf("after it was resolved: %+v, %+v", r.Incident, next.Incident)
	}
	if next.ID != identity(press("w-zhao", "3", wearable.TypeSOS)) {
		t.Error("the ID does not follow from the press")
	}
}

func TestDue(t *testing.T) {
	other := devices.BootID{1}
	r := apply(t, newBoard(), press("w-zhao", "1", wearable.TypeSOS), at(time.Hour))
	for _, c := range []struct {
		name string
		now  devices.Stamp
		want time.Duration
	}{
		{"at once", at(time.Hour), time.Minute},
		{"on its way", at(time.Hour + 20*time.Second), 40 * time.Second},
		{"late", at(2 * time.Hour), 0},
		{"after a reboot", devices.Stamp{Boot: other, Mono: time.Second}, 0},
		{"by a clock that ran backwards", at(0), 0},
	} {
		if got := r.due(c.now, Steps{}.orDefault()); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	for i := range r.Deliveries {
		if r.Deliveries[i].Channel != LogChannel {
			r.Deliveries[i].Result = Permanent
		}
	}
	if got := r.due(at(time.Hour), Steps{}.orDefault()); got != 0 {
		t.Errorf("with nobody of her own to reach everybody is due in %s, want at once", got)
	}
	r.next(testRoll(), at(time.Hour))
	for i := range r.Deliveries {
		r.Deliveries[i].Result = Permanent
	}
	if got := r.due(at(time.Hour), Steps{}.orDefault()); got != time.Minute {
		t.Errorf("with nobody at all to reach the next step is due in %s, want a minute", got)
	}
}

func TestBoardForgetsOnlyOldResolvedIncidents(t *testing.T) {
	b := newBoard()
	open := apply(t, b, press("w-zhao", "open", wearable.TypeSOS), at(0))
	for i := range maxResolved + 20 {
		r := apply(t, b, press("w-qian", fmt.Sprint(i), wearable.TypeSOS), at(0))
		r.Unrecorded = nil
		apply(t, b, act(t, fmt.Sprint("r", i), Resolved{Incident: r.ID, By: "li", Cause: CauseTest}), at(0))
	}
	if len(b.records) != maxResolved+1 || len(b.dropped) != 20 || b.records[open.ID] == nil {
		t.Errorf("%d kept, %d dropped", len(b.records), len(b.dropped))
	}
	if want := 1 + 2*maxResolved; len(b.heard) != want {
		t.Errorf("%d identities kept, want %d", len(b.heard), want)
	}
}

func TestDamagedActChangesNothing(t *testing.T) {
	b := newBoard()
	r := apply(t, b, press("w-zhao", "1", wearable.TypeSOS), at(0))
	for _, data := range []string{"", "null", "[]", `{"incident":7}`} {
		e := act(t, "a"+data, Acknowledged{Incident: r.ID, By: "li"})
		e.Data = json.RawMessage(data)
		if got, err := b.apply(e, testRoll(), at(1)); got != nil || (err == nil) != (data == "null") {
			t.Errorf("%q: %v, %v", data, got, err)
		}
	}
	if r.Phase != PhaseRaised {
		t.Error("acknowledged by nobody")
	}
}

// A record that goes through the state file at any moment goes on as if it
// had not; and whatever is repeated changes nothing.
func TestBoardSurvivesRepetitionAndRestart(t *testing.T) {
	devs := []string{"w-zhao", "mat-zhao", "w-qian", "cord"}
	rapid.Check(t, func(rt *rapid.T) {
		plain, crashing := newBoard(), newBoard()
		var history []devices.Event
		now := at(0)
		for i := range rapid.IntRange(1, 40).Draw(rt, "events") {
			now.Mono += time.Duration(rapid.IntRange(0, 90).Draw(rt, "pause")) * time.Second
			e := press(rapid.SampledFrom(devs).Draw(rt, "device"), fmt.Sprint(i), wearable.TypeSOS)
			if ids := plain.sorted(); len(ids) > 0 && rapid.IntRange(0, 2).Draw(rt, "human") == 0 {
				id := rapid.SampledFrom(ids).Draw(rt, "incident").ID
				if rapid.Bool().Draw(rt, "resolve") {
					e = act(t, fmt.Sprint(i), Resolved{Incident: id, By: "li", Cause: CauseReal})
				} else {
					e = act(t, fmt.Sprint(i), Acknowledged{Incident: id, By: "li", How: "page"})
				}
			}
			history = append(history, e)
			apply(t, plain, e, now)
			apply(t, crashing, e, now)
			if rapid.Bool().Draw(rt, "restart") {
				crashing = reload(t, crashing)
			}
			for range rapid.IntRange(0, 3).Draw(rt, "repeats") {
				apply(t, crashing, rapid.SampledFrom(history).Draw(rt, "repeated"), now)
			}
		}
		want, got := plain.sorted(), crashing.sorted()
		if len(want) != len(got) {
			rt.Fatalf("%d incidents, want %d", len(got), len(want))
		}
		for i := range want {
			a, _ := json.Marshal(want[i])
			b, _ := json.Marshal(got[i])
			if string(a) != string(b) {
				rt.Fatalf("\n%s, want\n%s", b, a)
			}
		}
	})
}

func reload(t *testing.T, b *board) *board {
	t.Helper()
	fresh := newBoard()
	for _, r := range b.records {
		value, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back record
		if err := json.Unmarshal(value, &back); err != nil {
			t.Fatal(err)
		}
		fresh.load(&back)
	}
	return fresh
}
