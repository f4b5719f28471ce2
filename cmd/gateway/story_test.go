package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/notify"
	"github.com/linli-edge/gateway/sync/usage"
)

// neighbourhood is a locker, a meal cabinet, and an elder with a button whose
// caregiver has a telephone.
func neighbourhood(b *box) []registry.Record {
	return []registry.Record{
		registry.Facility{ID: "east", Name: "东门快递柜", Region: "320106001001"},
		registry.Facility{ID: "meals", Name: "助餐点", Region: "320106001001"},
		registry.Caregiver{ID: "li", Name: "李敏", Channels: []registry.Channel{{Kind: "webhook", Address: b.phone.url}}},
		registry.Elder{ID: "e302", Name: "王秀英", Building: "3号楼", Room: "302", Caregivers: []string{"li"}},
		registry.Device{Device: devices.Device{ID: "l1", Kind: locker.Kind, Facility: "east"}, Compartments: 24},
		registry.Device{Device: devices.Device{ID: "c1", Kind: cabinet.Kind, Facility: "meals"}, Compartments: 12},
		registry.Device{Device: devices.Device{ID: "w302", Kind: wearable.Kind, Elder: "e302"}},
		registry.Device{Device: devices.Device{ID: "z2m", Kind: devices.KindBridge, Profile: "zigbee2mqtt"}},
		registry.Device{Device: devices.Device{ID: "bath302", Kind: wearable.Kind, Elder: "e302", Bridge: "z2m", Address: "302/卫生间"}},
	}
}

// The two walks, with Debian's own client as the device: a deposit and a
// pickup reach the platform's books once each, however often the device
// repeats itself; a press reaches the caregiver's telephone, and rings again
// until a human has it.
func TestStory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		setUp func(*box) (die func()) // die ends the broker under the gateway
	}{
		{"embedded broker", func(*box) func() { return nil }},
		{"external broker", func(b *box) func() {
			address := freePort(t)
			die := mosquitto(t, address)
			b.cfg.MQTT.Broker = "mqtt://" + address
			b.cfg.MQTT.Listen, b.cfg.MQTT.TLS = "", ""
			b.cfg.MQTT.ClientID = "linli-test"
			b.cfg.MQTT.Topics = []string{"linli/v1/+/event", "linli/v1/+/state", "linli/v1/+/status", "zigbee2mqtt/#"}
			return die
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBox(t)
			die := c.setUp(b)
			secrets := b.register(neighbourhood(b)...)
			g, stop := b.start()
			eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
			address := b.cfg.MQTT.Listen + strings.TrimPrefix(b.cfg.MQTT.Broker, "mqtt://")
			say := func(device, topic, payload string, repeat int) {
				t.Helper()
				mosquittoPub(t, address, device, secrets[device], topic, payload, repeat)
			}

			day := usage.Day(b.clock().Wall)
			say("l1", "linli/v1/l1/event", `{"id":"1","type":"parcel.deposited","data":{"compartment":12}}`, 50)
			say("l1", "linli/v1/l1/event", `{"id":"2","type":"parcel.picked_up","data":{"compartment":12}}`, 1)
			say("c1", "linli/v1/c1/event", `{"id":"1","type":"meal.loaded","data":{"compartment":3,"portions":2}}`, 1)
			eventually(t, "figures at the platform", func() bool {
				return b.total(day, usage.Deposits.Code) == 1 && b.total(day, usage.Pickups.Code) == 1 && b.total(day, usage.Loaded.Code) == 2
			})

			say("w302", "linli/v1/w302/event", `{"id":"sos-1","type":"sos"}`, 50)
			pages := b.phone.await(t, "the press", func(p []alert.Page) bool { return len(p) > 0 })
			if p := pages[0]; p.Kind != alert.SOS || p.Building != "3号楼" || p.Room != "302" || p.FromMemory {
				t.Errorf("page %+v", p)
			}
			if n := len(g.alerts.Incidents()); n != 1 {
				t.Errorf("%d incidents for one press", n)
			}
			if i := g.alerts.Incidents()[0]; i.Presses != 1 {
				t.Errorf("50 retransmissions are %d presses", i.Presses)
			}
			if err := g.alerts.Acknowledge(t.Context(), pages[0].Incident, "li", "page"); err != nil {
				t.Fatal(err)
			}

			// A Zigbee button behind its bridge: null, pressed, released; and a
			// second press after the acknowledgement rings again.
			for _, payload := range []string{`{"action":null}`, `{"action":"emergency","battery":100}`, `{"action":""}`} {
				say("z2m", "zigbee2mqtt/302/卫生间", payload, 1)
			}
			b.phone.await(t, "the button in the bathroom", func(p []alert.Page) bool { return p[len(p)-1].Incident != pages[0].Incident || p[len(p)-1].Round > 1 })

			if die != nil {
				die()
				eventually(t, "not ready without its broker", func() bool { code, said := b.get("/readyz"); return code == 503 && strings.Contains(said, "broker") })
				if !slices.ContainsFunc(g.paths(), func(p notify.Path) bool { return p.Name == "broker" && p.Check(t.Context()) != nil }) {
					t.Error("nobody watches the broker")
				}
			}
			stop()
			if got := b.total(day, usage.Deposits.Code); got != 1 {
				t.Errorf("%d deposits after 50 repetitions", got)
			}
		})
	}
}

// mosquittoPub publishes with Debian's client, repeat times.
func mosquittoPub(t testing.TB, address, device, secret, topic, payload string, repeat int) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("mosquitto_pub", "-h", host, "-p", port, "-i", device, "-u", device, "-P", secret, "-q", "1", "-t", topic, "-m", payload, "--repeat", fmt.Sprint(repeat))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_pub (is it installed? run make deps): %v\n%s", err, out)
	}
}

// mosquitto starts Debian's broker at an address. It ends with the test, or when
// die is called.
func mosquitto(t testing.TB, address string) (die func()) {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "mosquitto.conf")
	if err := os.WriteFile(file, []byte("listener "+port+" 127.0.0.1\nallow_anonymous true\npersistence false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto" // not on everybody's path
	}
	cmd := exec.Command(path, "-c", file)
	if err := cmd.Start(); err != nil {
		t.Fatalf("mosquitto (is it installed? run make deps): %v", err)
	}
	die = sync.OnceFunc(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // says that it was killed
	})
	t.Cleanup(die)
	eventually(t, "mosquitto listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
	return die
}
