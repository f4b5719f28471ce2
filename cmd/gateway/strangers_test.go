package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/discovery"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/alert"
)

// 10,000 devices that nobody has registered, and one that calls and describes
// itself as another with each message: the daemon stays small, in memory and on
// disk, says that its inbox is full and what to do, keeps an elder's call
// waiting for nothing, and understands the next honest device.
func TestTenThousandStrangers(t *testing.T) {
	t.Parallel()
	const strangers, identities, window = 10_000, 3000, 100
	b := newBox(t)
	b.cfg.MQTT.Rate = 100_000 // an hour's worth at once
	secrets := b.register(append(neighbourhood(b),
		registry.Device{Device: devices.Device{ID: "z2m", Kind: devices.KindBridge, Profile: "zigbee2mqtt"}},
		registry.Device{Device: devices.Device{ID: "radio", Kind: devices.KindBridge, Profile: "homeassistant?base=rtl_433"}})...)
	p := b.run()
	eventually(t, "ready", func() bool {
		d, err := connect(t, b.cfg.MQTT.Listen, 4, "w302", secrets["w302"])
		return err == nil && d.conn.Close() == nil
	})
	enter := func(id string) *device {
		t.Helper()
		d, err := connect(t, b.cfg.MQTT.Listen, 4, id, secrets[id])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.conn.Close() })
		return d
	}
	say := func(d *device, topic, payload string) {
		t.Helper()
		if err := d.publish(topic, payload); err != nil {
			t.Fatal(err)
		}
	}
	flood := func(bridge string, n int, message func(i int) (topic, payload string)) {
		t.Helper()
		d := enter(bridge)
		for i := range n {
			if err := d.send(message(i)); err != nil {
				t.Fatal(err)
			}
			if i >= window {
				if err := d.acked(); err != nil {
					t.Fatal(err)
				}
			}
			if i == n/2 {
				say(enter("w302"), "linli/v1/w302/event", fmt.Sprintf(`{"id":%q,"type":"sos"}`, bridge))
			}
		}
		for range min(n, window) {
			if err := d.acked(); err != nil {
				t.Fatal(err)
			}
		}
	}
	flood("z2m", strangers, func(i int) (string, string) { return fmt.Sprintf("zigbee2mqtt/new-%d", i), `{"battery":90}` })
	begun := time.Now()
	flood("radio", identities, func(i int) (string, string) {
		if i%2 == 1 {
			return fmt.Sprintf("rtl_433/x%d/state", i-1), "ON"
		}
		return fmt.Sprintf("homeassistant/binary_sensor/x%d/config", i), fmt.Sprintf(`{"state_topic":"rtl_433/x%d/state","device_class":"smoke","device":{"ids":"x%d","name":"%s"}}`, i, i, strings.Repeat("x", 1000))
	})
	flooded := time.Since(begun)
	b.phone.await(t, "the elder's call", func(pages []alert.Page) bool {
		for _, p := range pages {
			if p.Kind == alert.SOS && p.Room == "302" {
				return true
			}
		}
		return false
	})

	i := installer{t, b.write()}
	list := i.does("device", "list", "--unknown")
	if rows := strings.Count(list, "\n"); rows < registry.MaxUnknown || rows > registry.MaxUnknown+3 || !strings.Contains(list, "Full: at most 200 are kept") || !strings.Contains(list, "retire it") {
		t.Errorf("%d lines: %.500s … %s", rows, list, list[max(0, len(list)-300):])
	}
	var rejected, calls int
	for line := range strings.Lines(i.does("journal", "export", "--json")) {
		var e struct{ Type devices.Type }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		switch e.Type {
		case devices.Rejected{}.EventType():
			rejected++
		case devices.TypeStrangerCalled:
			calls++
		}
	}
	// 20 have a call of their own. The one that stands for the others is told of
	// once in a minute, and while it is not on disk by everyone who calls: every
	// second message in flight.
	most := 20 + window/2*(1+int(flooded/time.Minute))
	if rejected == 0 || rejected > 100 || calls == 0 || calls > most {
		t.Errorf("the journal has %d rejections and %d strangers' calls, at most 100 and %d are right", rejected, calls, most)
	}
	if most := memoryOf(t, p.cmd.Process.Pid, "RssAnon"); most > 64<<20 {
		t.Errorf("%d MiB of memory", most>>20)
	}

	radio := enter("radio")
	say(radio, "homeassistant/binary_sensor/kitchen/config", `{"state_topic":"rtl_433/kitchen/state","device_class":"smoke","device":{"ids":"kitchen","mf":"Acme","mdl":"X7"}}`)
	say(radio, "rtl_433/kitchen/state", "OFF")
	if list := i.does("device", "list", "--unknown"); !strings.Contains(list, "kitchen") {
		t.Error("the next honest device is not seen")
	}
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.log)
	}
	for file, most := range map[string]int64{registryFile: 2 << 20, discovery.FileName: 4 << 20} {
		if info, err := os.Stat(filepath.Join(b.cfg.Data, file)); err != nil || info.Size() > most {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
}
