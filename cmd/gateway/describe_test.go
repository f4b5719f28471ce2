package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/sync/alert"
)

// A make that nobody has written rules for describes its detectors once. They
// are in the inbox with what they are; registered, their alarms call people;
// and a restart of the box forgets none of it. A megabyte of description on
// the way disturbs nothing.
func TestDevicesThatDescribeThemselves(t *testing.T) {
	b := newBox(t)
	secrets := b.register(append(neighbourhood(b),
		registry.Device{Device: devices.Device{ID: "radio", Kind: devices.KindBridge, Profile: "homeassistant?base=rtl_433"}},
		registry.Device{Device: devices.Device{ID: "smoke302", Kind: alarm.Kind, Elder: "e302", Bridge: "radio", Address: "detector-7"}})...)
	g, stop := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	say := func(topic, payload string) {
		t.Helper()
		d, err := connect(t, b.cfg.MQTT.Listen, 4, "radio", secrets["radio"])
		if err != nil {
			t.Fatal(err)
		}
		defer d.conn.Close()
		if err := d.publish(topic, payload); err != nil {
			t.Fatal(err)
		}
	}
	describe := func(name, class string) {
		t.Helper()
		say("homeassistant/binary_sensor/"+name+"/config", fmt.Sprintf(`{"state_topic":"rtl_433/%s/state","device_class":%q,"device":{"ids":%q,"mf":"Acme","mdl":"X7"}}`, name, class, name))
	}
	describe("detector-7", "smoke")
	describe("door-9", "door")
	say("homeassistant/device/much/config", `{"dev":{"ids":"much"},"x":"`+strings.Repeat("x", 1<<20)+`"}`)
	unknown := g.registry.Inbox().List()
	if len(unknown) != 1 || unknown[0].Address != "door-9" || unknown[0].Model != "Acme X7" || unknown[0].Kinds[0] != room.Kind {
		t.Errorf("in the inbox: %+v", unknown)
	}
	fire := func(pages []alert.Page) bool {
		return len(pages) > 0 && pages[len(pages)-1].Kind == alert.Smoke && pages[len(pages)-1].DeviceKind == alarm.Kind
	}
	say("rtl_433/detector-7/state", "ON")
	b.phone.await(t, "a fire", fire)

	say("rtl_433/detector-7/state", "OFF")
	for _, i := range g.alerts.Incidents() {
		if err := g.alerts.Resolve(t.Context(), i.ID, "li", alert.CauseTest); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	before := len(b.phone.await(t, "nothing more", func([]alert.Page) bool { return true }))
	_, stop = b.start()
	defer stop()
	eventually(t, "ready again", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	say("rtl_433/detector-7/state", "ON")
	b.phone.await(t, "a fire after the restart", func(pages []alert.Page) bool { return len(pages) > before && fire(pages) })
}
