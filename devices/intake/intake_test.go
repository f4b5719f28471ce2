package intake_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/booking"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/discovery"
	"github.com/linli-edge/gateway/devices/intake"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/wearable"
)

// directory is a registry of a few devices.
type directory map[string]devices.Device

func (d directory) Device(id string) (devices.Device, bool) { v, ok := d[id]; return v, ok }

func (d directory) Behind(bridge, address string) (devices.Device, bool) {
	for _, v := range d {
		if v.Bridge == bridge && v.Address == address {
			return v, true
		}
	}
	return devices.Device{}, false
}

func (d directory) Bridges() []devices.Device {
	var all []devices.Device
	for _, v := range d {
		if v.Kind == devices.KindBridge {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b devices.Device) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// disk remembers what was recorded, and fails while it is broken.
type disk struct {
	mu     sync.Mutex
	broken error
	hold   func(devices.Event) // called before an event is kept, nil for nothing
	events []devices.Event
}

// Submit takes a goroutine of its own where an event may be held.
func (d *disk) Submit(ctx context.Context, e devices.Event, done func(error)) error {
	if d.hold == nil {
		done(d.Record(ctx, e))
	} else {
		go func() { done(d.Record(ctx, e)) }()
	}
	return nil
}

func (d *disk) Record(_ context.Context, e devices.Event) error {
	if d.hold != nil {
		d.hold(e)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken != nil {
		return d.broken
	}
	d.events = append(d.events, e)
	return nil
}

// said lists what was recorded as "device type data", and forgets it.
func (d *disk) said() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var said []string
	for _, e := range d.events {
		line := fmt.Sprintf("%s %s %s", e.Device, e.Type, e.Data)
		if r, err := devices.Decode[devices.Rejected](e); err == nil {
			line = fmt.Sprintf("%s rejected %s", e.Device, r.Reason)
		}
		said = append(said, line)
	}
	d.events = nil
	return said
}

// sitesProfile is of a make of bridge that speaks for buttons.
const sitesProfile = `
name: sites
title: {zh: 测试, en: test}
topics: [site/#]
messages:
  - topic: site/log
  - topic: site/{name}
    address: topic.name
    rules:
      - name: broken
        kinds: [wearable]
        when: payload.battery != nil && payload.battery > 0
        type: battery
        data: {percent: payload.battery}
      - name: press
        kinds: [wearable]
        when: payload.pressed == true
        number: payload.packet
        type: sos
      - name: fallen
        kinds: [wearable]
        held: payload.down
        instance: payload.mat
        type: fall
`

// lobby is an inbox that remembers who came, and what they looked like.
type lobby struct {
	decided map[string]bool
	came    []devices.Contact
	looks   []devices.Looks
}

func (l *lobby) Heard(c devices.Contact, look func() devices.Looks) bool {
	if l.decided[c.Address] {
		return true
	}
	l.came, l.looks = append(l.came, c), append(l.looks, look())
	return false
}

type world struct {
	*intake.Intake
	lobby   *lobby
	disk    *disk
	now     *devices.Stamp
	metrics *prometheus.Registry
}

func newWorld(t *testing.T, also ...devices.Spec) world {
	t.Helper()
	w := world{disk: &disk{}, lobby: &lobby{}, metrics: prometheus.NewRegistry(), now: &devices.Stamp{
		Boot: devices.BootID{1}, Mono: time.Hour, Wall: time.Date(2026, 11, 23, 0, 15, 30, 0, time.UTC),
	}}
	vocabulary := devices.NewVocabulary(locker.Specs(), cabinet.Specs(), wearable.Specs(), booking.Specs(), also)
	profiles, err := profile.Load(fstest.MapFS{"sites.yaml": {Data: []byte(sitesProfile)}}, vocabulary)
	if err != nil {
		t.Fatal(err)
	}
	w.Intake = intake.New(intake.Config{
		Directory: directory{
			"l1":   {ID: "l1", Kind: locker.Kind, Facility: "east"},
			"desk": {ID: "desk", Kind: booking.Kind, Facility: "meals"},
			"c1":   {ID: "c1", Kind: cabinet.Kind, Facility: "meals"},
			"w1":   {ID: "w1", Kind: wearable.Kind, Elder: "e1"},
			"gone": {ID: "gone", Kind: wearable.Kind, Retired: true},
			"b1":   {ID: "b1", Kind: devices.KindBridge, Profile: "sites"},
			"b2":   {ID: "b2", Kind: devices.KindBridge, Profile: "sites"},
			"bath": {ID: "bath", Kind: wearable.Kind, Bridge: "b1", Address: "浴室"},
			"hall": {ID: "hall", Kind: wearable.Kind, Bridge: "b2", Address: "门厅"},
		},
		Inbox: w.lobby, Vocabulary: vocabulary,
		Descriptions: discovery.New(discovery.Config{Vocabulary: vocabulary, Logger: slog.New(slog.DiscardHandler)}),
		Profiles:     profiles, Recorder: w.disk, Clock: func() devices.Stamp { return *w.now },
		Logger: slog.New(slog.DiscardHandler), Registerer: w.metrics,
	})
	return w
}

// A box that starts in 1970 does not complain of devices that know the time.
func TestBoxBehindItsDevices(t *testing.T) {
	const message = `{"id":"1","type":"parcel.deposited","time":"2026-11-23T00:00:09Z","data":{"compartment":12}}`
	for synced, want := range map[bool]int{false: 1, true: 2} {
		w := newWorld(t)
		w.now.Wall, w.now.Synced = time.Unix(100, 0), synced
		if err := w.Message(t.Context(), devices.Message{Client: "l1", Topic: "linli/v1/l1/event", Payload: []byte(message)}); err != nil {
			t.Fatal(err)
		}
		if got := w.disk.said(); len(got) != want {
			t.Errorf("synchronised %t: recorded %q", synced, got)
		}
	}
}

func TestMessages(t *testing.T) {
	for _, c := range []struct {
		name, client, topic, payload string
		want                         []string
	}{
		{"event", "l1", "linli/v1/l1/event", `{"id":"7","type":"parcel.deposited","data":{"compartment":12}}`, []string{`l1 parcel.deposited {"compartment":12}`}},
		{"numeric id", "l1", "linli/v1/l1/event", `{"id":7,"type":"parcel.deposited","data":{"compartment":12}}`, []string{`l1 parcel.deposited {"compartment":12}`}},
		{"through another broker", "", "linli/v1/w1/event", `{"type":"sos"}`, []string{`w1 sos {}`}},
		{"status", "w1", "linli/v1/w1/status", `{"online":true}`, []string{`w1 status {"online":true}`}},
		{"state", "l1", "linli/v1/l1/state", `{"states":[{"type":"door","data":{"compartment":1,"open":true}},{"type":"door","data":{"compartment":2,"open":false}}]}`,
			[]string{`l1 door {"compartment":1,"open":true}`, `l1 door {"compartment":2,"open":false}`}},
		{"one bad state among good ones", "l1", "linli/v1/l1/state", `{"states":[{"type":"door","data":{"compartment":0,"open":true}},{"type":"door","data":{"compartment":2,"open":false}}]}`,
			[]string{`l1 rejected invalid`, `l1 door {"compartment":2,"open":false}`}},

		{"no JSON", "l1", "linli/v1/l1/event", `deposit!`, []string{`l1 rejected not_json`}},
		{"empty", "l1", "linli/v1/l1/event", ``, []string{`l1 rejected not_json`}},
		{"an array", "l1", "linli/v1/l1/event", `[]`, []string{`l1 rejected not_json`}},
		{"null", "l1", "linli/v1/l1/event", `null`, []string{`l1 rejected invalid`}},
		{"10 MB", "l1", "linli/v1/l1/event", strings.Repeat("x", 10<<20), []string{`l1 rejected too_large`}},
		{"wrong type", "l1", "linli/v1/l1/event", `{"type":7}`, []string{`l1 rejected invalid`}},
		{"wrong field", "l1", "linli/v1/l1/event", `{"type":"parcel.deposited","data":{"compartment":"12"}}`, []string{`l1 rejected invalid`}},
		{"unknown device", "", "linli/v1/nobody/event", `{"type":"sos"}`, []string{`u-ay5m535bm8 stranger.called {"type":"sos","address":"nobody"}`}},
		{"retired device", "gone", "linli/v1/gone/event", `{"type":"sos"}`, []string{`gone rejected unknown_device`}},
		{"retired device, through another broker", "", "linli/v1/gone/event", `{"type":"sos"}`, []string{`gone rejected unknown_device`}},
		{"unknown event type", "l1", "linli/v1/l1/event", `{"type":"parcel.eaten"}`, []string{`l1 rejected unknown_type`}},
		{"another kind's type", "l1", "linli/v1/l1/event", `{"type":"sos"}`, []string{`l1 rejected unknown_type`}},
		{"speaking for another", "l1", "linli/v1/w1/event", `{"type":"sos"}`, []string{`l1 rejected topic`}},
		{"unknown message", "l1", "linli/v1/l1/gossip", `{}`, []string{`l1 rejected topic`}},
		{"unknown topic", "l1", "home/lamp", `{}`, []string{`l1 rejected topic`}},
		{"1970", "l1", "linli/v1/l1/event", `{"id":"8","type":"parcel.deposited","time":"1970-01-01T00:00:09Z","data":{"compartment":12}}`,
			[]string{`l1 parcel.deposited {"compartment":12}`, `l1 rejected time`}},
		{"no time at all", "l1", "linli/v1/l1/event", `{"id":"9","type":"parcel.deposited","time":"soon","data":{"compartment":12}}`,
			[]string{`l1 parcel.deposited {"compartment":12}`, `l1 rejected time`}},
		{"through a bridge", "b1", "site/浴室", `{"pressed":true}`, []string{`bath sos {}`}},
		{"a bridge's own affairs", "b1", "site/log", `up`, nil},
		{"of a device the bridge has and we have not", "b1", "site/kitchen", `{"pressed":true}`, []string{`u-d6fz3xqkha stranger.called {"type":"sos","bridge":"b1","address":"kitchen"}`}},
		{"of another bridge's device", "b1", "site/门厅", `{"pressed":true}`, []string{`u-72kvdv9b0a stranger.called {"type":"sos","bridge":"b1"}`}},
		{"two bridges behind another broker", "", "site/门厅", `{"pressed":true}`, []string{`hall sos {}`}},
		{"what one rule cannot read does not cost the press", "b1", "site/浴室", `{"pressed":true,"battery":"full"}`, []string{`bath sos {}`, `bath rejected invalid`}},
		{"help in bad form is still help", "w1", "linli/v1/w1/event", `{"type":"fall","data":{"lying":"yes"}}`, []string{`w1 fall {}`, `w1 rejected invalid`}},
		{"help goes before whatever else the message says", "b1", "site/浴室", `{"pressed":true,"battery":80}`, []string{`bath sos {}`, `bath battery {"percent":80}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			m := devices.Message{Client: c.client, Topic: c.topic, Payload: []byte(c.payload)}
			urgent := w.Urgent(m)
			if len(w.disk.events) != 0 {
				t.Error("asking whether it is urgent has recorded it")
			}
			if err := w.Message(t.Context(), m); err != nil {
				t.Fatalf("not acknowledged: %v", err)
			}
			if recorded := slices.ContainsFunc(w.disk.events, func(e devices.Event) bool { return e.Urgency == devices.Urgent }); urgent != recorded {
				t.Errorf("urgent: %t before, %t when it was recorded", urgent, recorded)
			}
			if got := w.disk.said(); strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("recorded\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestIdentity(t *testing.T) {
	w := newWorld(t)
	for _, m := range []devices.Message{
		{Client: "w1", Topic: "linli/v1/w1/event", Payload: []byte(`{"id":"a","type":"sos"}`), Packet: "w1/1/7"},
		{Client: "w1", Topic: "linli/v1/w1/event", Payload: []byte(`{"type":"sos"}`), Packet: "w1/1/8"},
		{Client: "w1", Topic: "linli/v1/w1/event", Payload: []byte(`{"type":"sos"}`)},
		{Client: "w1", Topic: "linli/v1/w1/event", Payload: []byte(`{"type":"sos"}`)},
	} {
		if err := w.Message(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for _, e := range w.disk.events {
		ids = append(ids, e.ID)
	}
	if ids[0] != "i/a" || ids[1] != "p/w1/1/8/0" || !strings.HasPrefix(ids[2], "r/") || ids[2] == ids[3] {
		t.Errorf("identities %q", ids)
	}
}

// What was not recorded is not acknowledged, and has changed nothing: the same
// state is recorded when it comes again.
func TestFailureIsNotAcknowledged(t *testing.T) {
	w := newWorld(t)
	door := devices.Message{Client: "l1", Topic: "linli/v1/l1/state", Payload: []byte(`{"states":[{"type":"door","data":{"compartment":1,"open":true}}]}`)}
	w.disk.broken = errors.New("no space left on device")
	for range 2 {
		if err := w.Message(t.Context(), door); !errors.Is(err, w.disk.broken) {
			t.Fatalf("got %v", err)
		}
	}
	if err := w.Message(t.Context(), devices.Message{Client: "l1", Topic: "linli/v1/l1/event", Payload: []byte(`junk`)}); err == nil {
		t.Error("a rejection that could not be kept was acknowledged")
	}
	w.disk.broken = nil
	for range 3 {
		if err := w.Message(t.Context(), door); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.disk.said(); len(got) != 1 {
		t.Errorf("recorded %q, want the door once", got)
	}
}

func TestUnchangedStateIsNotRecorded(t *testing.T) {
	w := newWorld(t)
	for _, open := range []bool{false, false, true, true, false} {
		payload := fmt.Sprintf(`{"states":[{"type":"door","data":{"compartment":1,"open":%t}}]}`, open)
		if err := w.Message(t.Context(), devices.Message{Client: "l1", Topic: "linli/v1/l1/state", Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.disk.said(); len(got) != 3 {
		t.Errorf("recorded %q, want closed, open, closed", got)
	}
}

// A vendor that repeats "somebody lies there" in each message raises one
// alarm, and another when somebody falls again.
func TestHeldConditionCountsWhenItBegins(t *testing.T) {
	w := newWorld(t)
	say := func(payload string) {
		t.Helper()
		if err := w.Message(t.Context(), devices.Message{Client: "b1", Topic: "site/浴室", Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, payload := range []string{`{"down":false}`, `{"down":true}`, `{"down":true}`, `{"x":1}`, `{"down":true}`} {
		say(payload)
	}
	if got := w.disk.said(); len(got) != 1 || got[0] != "bath fall {}" {
		t.Errorf("recorded %q, want one fall", got)
	}
	say(`{"down":false}`)
	say(`{"down":true}`)
	if got := w.disk.said(); len(got) != 1 {
		t.Errorf("recorded %q, want the second fall", got)
	}
}

// Two mats of one node each have their own beginning: the second fall counts
// while the first still lies there.
func TestHeldConditionsOfSeveralInputs(t *testing.T) {
	w := newWorld(t)
	for _, payload := range []string{`{"mat":"1","down":true}`, `{"mat":"2","down":false}`, `{"mat":"1","down":true}`, `{"mat":"2","down":true}`, `{"mat":"2","down":true}`} {
		if err := w.Message(t.Context(), devices.Message{Client: "b1", Topic: "site/浴室", Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.disk.said(); len(got) != 2 {
		t.Errorf("recorded %q, want two falls", got)
	}
}

// A press that is advertised again and again with one number is one press; the
// next number is another, and so is the same one when it comes round again.
func TestNumberedPress(t *testing.T) {
	w := newWorld(t)
	press := func(packet string) {
		t.Helper()
		if err := w.Message(t.Context(), devices.Message{Client: "b1", Topic: "site/浴室", Payload: []byte(`{"pressed":true,"packet":` + packet + `}`)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, packet := range []string{"254", "254", "254", "255", "255", "0", "0"} {
		press(packet)
		w.now.Mono += 5 * time.Second
	}
	if got := w.disk.said(); len(got) != 3 {
		t.Errorf("recorded %q, want three presses", got)
	}
	w.now.Mono += time.Minute
	press("0")
	press("null")
	press("null")
	if got := w.disk.said(); len(got) != 3 {
		t.Errorf("recorded %q, want the same number a minute later, and each without a number", got)
	}
	w.disk.broken = errors.New("no space left on device")
	if err := w.Message(t.Context(), devices.Message{Client: "b1", Topic: "site/浴室", Payload: []byte(`{"pressed":true,"packet":7}`)}); err == nil {
		t.Error("a press that could not be kept was acknowledged")
	}
	w.disk.broken = nil
	press("7")
	if got := w.disk.said(); len(got) != 1 {
		t.Errorf("recorded %q, want the press that was delivered again", got)
	}
}

// A call for help that holds waits for no state of the same device, and for no
// call of another, however long their commits hang.
func TestHeldCallWaitsForNothing(t *testing.T) {
	w := newWorld(t)
	hang, hanging := make(chan struct{}), make(chan struct{}, 2)
	w.disk.hold = func(e devices.Event) {
		if e.Type == "battery" || e.Device == "hall" {
			hanging <- struct{}{}
			<-hang
		}
	}
	say := func(bridge, topic, payload string) {
		if err := w.Message(context.Background(), devices.Message{Client: bridge, Topic: topic, Payload: []byte(payload)}); err != nil {
			t.Error(err)
		}
	}
	var background sync.WaitGroup
	background.Go(func() { say("b1", "site/浴室", `{"battery":80}`) })
	background.Go(func() { say("b2", "site/门厅", `{"down":true}`) })
	<-hanging
	<-hanging
	say("b1", "site/浴室", `{"down":true}`)
	if got := w.disk.said(); len(got) != 1 || got[0] != "bath fall {}" {
		t.Errorf("recorded %q while two commits hang", got)
	}
	close(hang)
	background.Wait()
}

func TestReplayedPressIsNoPress(t *testing.T) {
	w := newWorld(t)
	press := devices.Message{Topic: "linli/v1/w1/event", Payload: []byte(`{"type":"sos"}`), Retained: true}
	if err := w.Message(t.Context(), press); err != nil {
		t.Fatal(err)
	}
	if got := w.disk.said(); len(got) != 1 || got[0] != "w1 rejected retained" {
		t.Errorf("recorded %q", got)
	}
	// With an identity of its own it can only be counted once anyway.
	press.Payload = []byte(`{"id":"5","type":"sos"}`)
	if err := w.Message(t.Context(), press); err != nil {
		t.Fatal(err)
	}
	if got := w.disk.said(); len(got) != 1 || got[0] != "w1 sos {}" {
		t.Errorf("recorded %q", got)
	}
}

// What a device of bookings sends is not kept in clear, not even if it cannot
// be read.
func TestRejectedBookingIsNotKept(t *testing.T) {
	w := newWorld(t)
	for _, payload := range []string{`{"type":"booking.created","data":{"booking":["B-4711"]}}`, `{"type":"B-4711"}`, `B-4711`} {
		if err := w.Message(t.Context(), devices.Message{Client: "desk", Topic: "linli/v1/desk/event", Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.disk.events) != 3 {
		t.Fatalf("recorded %d rejections", len(w.disk.events))
	}
	for _, e := range w.disk.events {
		if strings.Contains(string(e.Data), "4711") {
			t.Errorf("recorded %s", e.Data)
		}
	}
}

// A flood of junk is counted in full and recorded in part.
func TestRejectionsAreBounded(t *testing.T) {
	w := newWorld(t)
	junk := func(device string) {
		t.Helper()
		if err := w.Message(t.Context(), devices.Message{Topic: "linli/v1/" + device + "/event", Payload: []byte("junk")}); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		junk("l1")
	}
	if got := len(w.disk.said()); got != 20 {
		t.Errorf("recorded %d of one sender, want 20", got)
	}
	w.now.Mono += 3 * time.Minute
	for range 10 {
		junk("l1")
	}
	if got := len(w.disk.said()); got != 3 {
		t.Errorf("recorded %d after three minutes, want 3", got)
	}
	for i := range 5000 {
		junk(fmt.Sprintf("invented-%d", i))
	}
	if got := len(w.disk.said()); got > 1100 {
		t.Errorf("recorded %d of invented devices", got)
	}
	if got := testutil.ToFloat64(counter(t, w.metrics, "linli_intake_rejected_total", "not_json")); got != 1010 {
		t.Errorf("counted %g", got)
	}
}

func counter(t *testing.T, r *prometheus.Registry, name, label string) prometheus.Collector {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == label {
				g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "x"})
				g.Set(m.GetCounter().GetValue())
				return g
			}
		}
	}
	t.Fatalf("no metric %s %s", name, label)
	return nil
}

func FuzzMessage(f *testing.F) {
	f.Add("linli/v1/l1/event", []byte(`{"id":7,"type":"parcel.deposited","time":"2026-11-23T08:15:30+08:00","data":{"compartment":12}}`))
	f.Add("linli/v1/l1/state", []byte(`{"time":1763856930,"states":[{"type":"door","data":{"compartment":1,"open":true}}]}`))
	f.Add("linli/v1/w1/status", []byte(`{"online":true}`))
	f.Add("linli/v1//event", []byte(`{"type":"sos","time":1e300}`))
	f.Add("linli/v1/new/event", []byte(`{"type":"sos","id":-1}`))
	f.Add("site/kitchen", []byte(`{"pressed":true,"packet":7,"down":false,"mat":"a"}`))
	f.Add("site/浴室", []byte(`{"pressed":true,"battery":"80"}`))
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		w := newWorld(t)
		if err := w.Message(t.Context(), devices.Message{Topic: topic, Payload: payload}); err != nil {
			t.Fatalf("%s %q: not acknowledged: %v", topic, payload, err)
		}
		for _, e := range w.disk.events {
			if e.ID == "" || e.Device == "" || !json.Valid(e.Data) || e.Received.Boot != w.now.Boot {
				t.Fatalf("%s %q became %+v", topic, payload, e)
			}
		}
	})
}
