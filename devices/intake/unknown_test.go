package intake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Whoever is not registered lands in the inbox, with what it looks like by
// what it says.
func TestWhoIsNotRegisteredIsSeen(t *testing.T) {
	for _, c := range []struct {
		name, client, topic, payload string
		retained                     bool
		from                         string // bridge/address, and profile
		kind                         devices.Kind
		help                         bool
	}{
		{"a locker of its own", "new-1", "linli/v1/new-1/event", `{"type":"parcel.deposited","data":{"compartment":3}}`, false, "/new-1 ", locker.Kind, false},
		{"a button of its own", "", "linli/v1/new-2/event", `{"type":"sos"}`, false, "/new-2 ", wearable.Kind, true},
		{"the states of a locker", "", "linli/v1/new-3/state", `{"states":[{"type":"battery","data":{"percent":3}},{"type":"vitals","data":{"heart_rate":70}}]}`, false, "/new-3 ", wearable.Kind, false},
		{"behind a bridge", "b1", "site/kitchen", `{"pressed":true}`, false, "b1/kitchen ", wearable.Kind, true},
		{"kept by the broker", "b1", "site/kitchen", `{"battery":80}`, true, "b1/kitchen ", wearable.Kind, false},
		{"through another broker", "", "site/kitchen", `{"pressed":true}`, false, "b1/kitchen ", wearable.Kind, true},
		{"what nobody understands", "b1", "site/kitchen", `\x00`, false, "b1/kitchen ", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if err := w.Message(t.Context(), devices.Message{Client: c.client, Topic: c.topic, Payload: []byte(c.payload), Retained: c.retained}); err != nil {
				t.Fatalf("not acknowledged: %v", err)
			}
			if len(w.lobby.came) != 1 {
				t.Fatalf("came: %+v", w.lobby.came)
			}
			who, looks := w.lobby.came[0], w.lobby.looks[0]
			if got := who.Bridge + "/" + who.Address + " " + who.Profile; got != c.from || who.Topic != c.topic || string(who.Payload) != c.payload || who.Received != *w.now {
				t.Errorf("%q came: %+v", got, who)
			}
			if kind := append(looks.Kinds, "")[0]; kind != c.kind || looks.Help != c.help {
				t.Errorf("looks like %v, help %t", looks.Kinds, looks.Help)
			}
			for _, e := range w.disk.events {
				if strings.Contains(string(e.Data), `"payload"`) {
					t.Errorf("what a stranger said is in the journal: %s", e.Data)
				}
			}
		})
	}
}

// A broker that is not ours does not say who speaks. A topic of a make that is
// not registered here is that of a bridge to come.
func TestABridgeThatIsNotRegistered(t *testing.T) {
	w := newWorld(t)
	w.Directory = directory{}
	if err := w.Message(t.Context(), devices.Message{Topic: "site/kitchen", Payload: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if len(w.lobby.came) != 1 || w.lobby.came[0].Profile != "sites" || !slices.Equal(w.lobby.looks[0].Kinds, []devices.Kind{devices.KindBridge}) {
		t.Errorf("came: %+v, looks like %+v", w.lobby.came, w.lobby.looks)
	}
}

// Whoever was sent away leaves no trace but a count.
func TestWhoWasIgnored(t *testing.T) {
	w := newWorld(t)
	w.lobby.decided = map[string]bool{"kitchen": true}
	if err := w.Message(t.Context(), devices.Message{Client: "b1", Topic: "site/kitchen", Payload: []byte(`{"pressed":true}`)}); err != nil {
		t.Fatal(err)
	}
	if said := w.disk.said(); len(said) != 0 {
		t.Errorf("recorded: %q", said)
	}
}

// 10,000 names cost the journal no more than a few lines.
func TestAFloodOfStrangers(t *testing.T) {
	w := newWorld(t)
	for i := range 10_000 {
		if err := w.Message(t.Context(), devices.Message{Topic: fmt.Sprintf("linli/v1/new-%d/event", i), Payload: []byte(`{"type":"sos"}`)}); err != nil {
			t.Fatal(err)
		}
	}
	if said := w.disk.said(); len(said) > 25 {
		t.Errorf("%d lines in the journal", len(said))
	}
	if len(w.lobby.came) != 10_000 {
		t.Errorf("%d came", len(w.lobby.came))
	}
}

// A device that has replaced a broken one counts its events anew: its first is
// no repetition of the old one's first.
func TestNewHardwareCountsAnew(t *testing.T) {
	w := newWorld(t)
	m := devices.Message{Client: "w1", Topic: "linli/v1/w1/event", Payload: []byte(`{"id":"1","type":"sos"}`)}
	ids := map[string]bool{}
	for _, unit := range []int{0, 1, 2} {
		w.Directory = directory{"w1": {ID: "w1", Kind: wearable.Kind, Elder: "e1", Unit: unit}}
		for range 2 { // the second is a repetition
			if err := w.Message(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			ids[w.disk.events[len(w.disk.events)-1].ID] = true
		}
	}
	if len(ids) != 3 {
		t.Errorf("identities: %v", ids)
	}
}
