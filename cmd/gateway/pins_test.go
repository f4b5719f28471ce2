package main

import (
	"slices"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	orders "github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/gpio/gpiofake"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/dispatch"
)

// wired is a box with a cord, a key, a siren and a locker's compartment on its
// own pins, and a broker that is not there.
func wired(t *testing.T) (b *box, cord, key, siren, door, strike *gpiofake.Pin) {
	cord, key, siren = gpiofake.New(t, "story-cord"), gpiofake.New(t, "story-key"), gpiofake.New(t, "story-siren")
	door, strike = gpiofake.New(t, "story-door"), gpiofake.New(t, "story-strike")
	b = newBox(t)
	b.cfg.MQTT.Listen, b.cfg.MQTT.TLS, b.cfg.MQTT.Broker, b.cfg.MQTT.ClientID = "", "", "mqtt://127.0.0.1:1", "linli-test"
	b.cfg.MQTT.Topics = []string{"linli/v1/+/event"}
	b.cfg.GPIO.Wires = []string{
		"pull-cord, cord, active high, line story-cord",
		"acknowledge, active high, line story-key",
		"siren, line story-siren",
		"door, l1, compartment 3, active high, line story-door",
		"strike, l1, compartment 3, pulse 100ms, line story-strike",
	}
	b.register(
		registry.Caregiver{ID: "li", Name: "李敏", Channels: []registry.Channel{{Kind: "webhook", Address: b.phone.url}}},
		registry.Elder{ID: "e302", Name: "王秀英", Building: "3号楼", Room: "302", Caregivers: []string{"li"}},
		registry.Device{Device: devices.Device{ID: "cord", Kind: alarm.Kind, Elder: "e302"}},
		registry.Facility{ID: "east", Name: "东门"},
		registry.Device{Device: devices.Device{ID: "l1", Kind: locker.Kind, Facility: "east"}, Compartments: 8},
	)
	return b, cord, key, siren, door, strike
}

// A pull on the cord sounds the siren and reaches the telephone, without a
// broker; the key silences it and acknowledges.
func TestPullCordOnThePins(t *testing.T) {
	b, cord, key, siren, _, _ := wired(t)
	g, stop := b.start()
	cord.Set(true)
	if !siren.Await(true, patience) {
		t.Fatal("the siren is silent")
	}
	b.phone.await(t, "the call", func(pages []alert.Page) bool {
		return slices.ContainsFunc(pages, func(p alert.Page) bool { return p.Room == "302" && p.Kind == alert.SOS })
	})
	key.Set(true)
	deadline := time.After(patience)
	for acknowledged := false; !acknowledged; {
		changed := g.alerts.Changed()
		incidents := g.alerts.Incidents()
		acknowledged = len(incidents) == 1 && incidents[0].Phase == alert.PhaseAcknowledged
		if acknowledged {
			if act := incidents[0].Acknowledged; act.How != "button" || act.By == "" {
				t.Errorf("acknowledged as %+v", act)
			}
			break
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%+v", incidents)
		}
	}
	if !siren.Await(false, patience) {
		t.Error("the siren goes on")
	}
	stop()
	if levels, _ := siren.Moves(); levels[0] || levels[len(levels)-1] {
		t.Errorf("the siren's first and last levels: %v", levels)
	}
}

// A command opens a compartment by the box's own strike, and the door's contact
// confirms it.
func TestStrikeOnThePins(t *testing.T) {
	b, _, _, _, door, strike := wired(t)
	g, _ := b.start()
	ordered, err := g.orders.Ask(t.Context(), orders.Order{Device: "l1", Action: orders.Open, By: "li", Data: orders.Data{Compartment: 3}}, dispatch.MaxValid)
	if err != nil {
		t.Fatal(err)
	}
	if !strike.Await(true, patience) || !strike.Await(false, patience) {
		t.Fatal("the strike was not energised for its pulse")
	}
	door.Set(true)
	deadline := time.After(patience)
	for {
		changed := g.orders.Changed()
		if c, ok := g.orders.Command(ordered.ID); ok && c.Over() {
			if c.Phase != orders.PhaseDone {
				t.Errorf("%+v", c)
			}
			return
		}
		select {
		case <-changed:
		case <-deadline:
			c, _ := g.orders.Command(ordered.ID)
			t.Fatalf("%+v", c)
		}
	}
}
