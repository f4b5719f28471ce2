package main

import (
	"encoding/json"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
	"github.com/linli-edge/gateway/sync/journal"
)

// rights are the topics that a bridge of each shipped profile may publish and
// subscribe to: written down a second time, so that nobody widens them unseen.
var rights = map[string]struct{ publish, subscribe []string }{
	"chirpstack": {[]string{"application/#"}, []string{"application/+/device/+/command/down"}},
	"esphome": { // each node has a prefix of its own choice
		[]string{
			"+/status", "+/debug", "+/binary_sensor/+/state", "+/sensor/+/state", "+/text_sensor/+/state", "+/event/+/state", "+/switch/+/state",
			"+/lock/+/state", "+/number/+/state", "+/select/+/state", "homeassistant/#",
		},
		[]string{"+/switch/+/command", "+/lock/+/command", "+/button/+/command", "+/number/+/command", "+/select/+/command", "homeassistant/status"},
	},
	"homeassistant":   {[]string{"devices/#", "homeassistant/#"}, []string{"devices/#", "homeassistant/status"}},
	"lockboard":       {[]string{"lockboard/#"}, []string{"lockboard/+/tx", "lockboard/+/cmnd/#"}},
	"open-locker":     {[]string{"locker/#"}, []string{"locker/+/command", "locker/provisioning/reply/+"}},
	"openmqttgateway": {[]string{"home/#", "homeassistant/#"}, []string{"home/+/commands/#", "homeassistant/#"}},
	"shelly":          {[]string{"+/online", "+/events/#", "+/status/#"}, []string{"+/rpc", "+/command/#"}},
	"tasmota":         {[]string{"tele/#", "stat/#", "tasmota/discovery/#"}, []string{"cmnd/#"}},
	"zigbee2mqtt":     {[]string{"zigbee2mqtt/#", "homeassistant/#"}, []string{"zigbee2mqtt/#", "homeassistant/#"}}, // it reads its own, and refuses to start without
}

// captured is a test case of a profile: a device of some bridge, and what the
// bridge says of it.
type captured struct {
	Profile  string         `json:"profile"`
	Device   devices.Device `json:"device"`
	Address  string         `json:"address"`
	Messages []struct {
		Topic, Payload string
		Retained       bool
	} `json:"messages"`
	folder string
	events int
}

// cases are those of a profile without settings, those that say something
// first.
func cases(t *testing.T, profile string) (all []captured) {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join("..", "..", "firmware-config", "profiles", "testcases", profile, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		c := captured{folder: folder}
		var events []json.RawMessage
		for file, into := range map[string]any{"case.json": &c, "events.json": &events} {
			text, err := os.ReadFile(filepath.Join(folder, file))
			if err == nil {
				err = json.Unmarshal(text, into)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if c.events = len(events); c.Profile == "" {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b captured) int { return min(b.events, 1) - min(a.events, 1) })
	return all
}

func allows(filters []string, wanted string) bool {
	return slices.ContainsFunc(filters, func(f string) bool { return mqtt.Covers(f, wanted) })
}

// publishFor publishes with QoS 1 over MQTT 5 and returns the reason of the
// PUBACK, 0 for success.
func (d *device) publishFor(topic string, payload []byte, retained bool) (reason byte) {
	d.t.Helper()
	d.packet++
	frame := mqttload.PublishFrame(5, topic, d.packet, 1, false, payload)
	if retained {
		frame[0] |= 1
	}
	if _, err := d.conn.Write(frame); err != nil {
		d.t.Fatal(err)
	}
	header, body, err := mqttload.ReadFrame(d.in)
	if err != nil || header != mqttload.Puback {
		d.t.Fatalf("%s: no PUBACK but %#x %x %v", topic, header, body, err)
	}
	if len(body) > 2 {
		return body[2]
	}
	return 0
}

// subscribeTo asks for a filter with QoS 0 and returns the reason of the
// SUBACK, 0 if it was granted.
func (d *device) subscribeTo(filter string) (reason byte) {
	d.t.Helper()
	if _, err := d.conn.Write(mqttload.Frame(mqttload.Subscribe, []byte{0, 1, 0}, mqttload.Text(filter), []byte{0})); err != nil {
		d.t.Fatal(err)
	}
	for {
		header, body, err := mqttload.ReadFrame(d.in)
		if err != nil {
			d.t.Fatal(err)
		}
		if header == mqttload.Suback {
			return body[len(body)-1]
		}
		if strings.HasSuffix(string(body), denied) {
			d.t.Errorf("retained: %q", body)
		}
	}
}

const notAuthorized = 0x87

// denied is what nobody must ever be told.
const denied = "of no business of yours"

// A bridge of each shipped profile may publish what its profile needs, and
// nothing else reaches anybody; it may subscribe to its commands, and nothing
// else; and it speaks for the devices registered with it, not for those of
// another bridge of the same make.
func TestRightsOfBridges(t *testing.T) {
	set, err := profile.Load(firmwareconfig.Profiles(), kinds.Vocabulary())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range set.Profiles() {
		names = append(names, p.Name())
	}
	slices.Sort(names)
	if want := slices.Sorted(maps.Keys(rights)); !slices.Equal(names, want) {
		t.Fatalf("shipped are %q, their rights are known of %q", names, want)
	}

	b := newBox(t)
	records := neighbourhood(b)
	speaks := map[string]captured{} // what the bridge "<profile>-own" says of its device "<profile>-device"
	for _, name := range names {
		speaks[name] = cases(t, name)[0]
		d := speaks[name].Device
		d.ID, d.Bridge, d.Address = name+"-device", name+"-own", speaks[name].Address
		if d.Facility, d.Elder = "east", ""; d.Kind == wearable.Kind {
			d.Facility, d.Elder = "", "e302"
		}
		compartments := 0
		if d.Facility != "" && d.Compartment == 0 {
			compartments = 48
		}
		records = append(records,
			registry.Device{Device: devices.Device{ID: name + "-own", Kind: devices.KindBridge, Profile: name}},
			registry.Device{Device: devices.Device{ID: name + "-other", Kind: devices.KindBridge, Profile: name}},
			registry.Device{Device: d, Compartments: compartments})
	}
	secrets := b.register(records...)
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	var open []*device
	t.Cleanup(func() {
		for _, d := range open {
			_ = d.conn.Close() // it may be closed already
		}
	})
	login := func(id, client string) *device {
		t.Helper()
		conn, err := net.Dial("tcp", b.cfg.MQTT.Listen)
		if err != nil {
			t.Fatal(err)
		}
		d, err := greet(t, conn, 5, client, id, secrets[id])
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, d)
		return d
	}

	// Somebody listens wherever anybody may.
	const over = "over"
	var watching sync.WaitGroup
	var watched atomic.Int64 // watchers that heard it to the end
	watch := func(id string, filters ...string) {
		t.Helper()
		w := login(id, id+"-watcher")
		for _, f := range filters {
			if reason := w.subscribeTo(f); reason != 0 {
				t.Errorf("%s may not subscribe to %s: %#x", id, f, reason)
			}
		}
		watching.Go(func() {
			for {
				_, body, err := mqttload.ReadFrame(w.in)
				switch {
				case err != nil:
					return
				case strings.HasSuffix(string(body), over):
					watched.Add(1)
					return
				case strings.HasSuffix(string(body), denied):
					t.Errorf("%s was told %q", id, body)
				}
			}
		})
	}
	placeholders := strings.NewReplacer("+", "x", "#", "x")
	ends := map[string]string{"l1": "linli/v1/l1/command"}
	watch("l1", ends["l1"])
	topics := []string{ // of nobody but the devices, or of nobody at all
		"linli/v1/l1/event", "linli/v1/l1/state", "linli/v1/l1/command", "linli/v1/w302/event", "linli/v1/nobody/event", "elsewhere", "elsewhere/x/y", "/", "$SYS/broker/x",
	}
	for name, r := range rights {
		ends[name+"-own"] = placeholders.Replace(r.subscribe[0])
		watch(name+"-own", r.subscribe...)
		for _, f := range slices.Concat(r.publish, r.subscribe) {
			topics = append(topics, placeholders.Replace(f))
		}
		for _, c := range cases(t, name) {
			for _, m := range c.Messages {
				topics = append(topics, m.Topic)
			}
		}
		topics = append(topics, "linli/v1/"+name+"-own/event", "linli/v1/"+name+"-device/event", "linli/v1/"+name+"-other/command")
	}
	slices.Sort(topics)
	topics = slices.Compact(topics)

	refused := 0
	for _, name := range names {
		r := rights[name]
		account := g.intake.Account(devices.Device{ID: name + "-other", Kind: devices.KindBridge, Profile: name})
		if !sameSet(account.Publish, r.publish) || !sameSet(account.Subscribe, r.subscribe) {
			t.Errorf("%s: may publish %q and subscribe to %q, want %q and %q", name, account.Publish, account.Subscribe, r.publish, r.subscribe)
		}
		needs := map[string]bool{}
		for _, c := range cases(t, name) {
			for _, m := range c.Messages {
				if !allows(r.publish, m.Topic) {
					t.Errorf("%s: may not say what it says on %s", name, m.Topic)
				}
			}
		}
		p, err := set.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, topic := range p.Messages() {
			for _, f := range r.publish {
				needs[f] = needs[f] || mqtt.Covers(f, filled(p, topic))
			}
		}
		for _, f := range r.publish {
			if !needs[f] {
				t.Errorf("%s: may publish %s, on which the profile reads nothing", name, f)
			}
		}
		if base := p.Settings()["base"]; base != "" { // of several bridges of a make each has its own
			elsewhere := g.intake.Account(devices.Device{ID: "east", Kind: devices.KindBridge, Profile: name + "?base=east"})
			if allows(elsewhere.Publish, base+"/x") || allows(elsewhere.Subscribe, ends[name+"-own"]) || !allows(elsewhere.Publish, "east/x") {
				t.Errorf("%s with the base east: may publish %q and subscribe to %q", name, elsewhere.Publish, elsewhere.Subscribe)
			}
		}

		d := login(name+"-other", "publisher")
		for _, topic := range topics {
			if allows(r.publish, topic) {
				continue // what becomes of that is below
			}
			refused++
			if got := d.publishFor(topic, []byte(denied), true); got != notAuthorized {
				t.Errorf("%s on %s: %#x, want %#x", name, topic, got, notAuthorized)
			}
		}
		for _, filter := range append([]string{
			"#", "+", "+/+", "+/#", "linli/#", "linli/v1/#", "linli/v1/+/command", "linli/v1/l1/command", "linli/v1/" + name + "-other/command", "$SYS/#", "$share/x/#",
		}, topics...) {
			want := byte(notAuthorized)
			if plain := strings.TrimPrefix(filter, "$share/x/"); allows(r.subscribe, plain) {
				want = 0
			}
			if got := d.subscribeTo(filter); got != want {
				t.Errorf("%s subscribes to %s: %#x, want %#x", name, filter, got, want)
			}
		}
		old, err := connect(t, b.cfg.MQTT.Listen, 4, name+"-other", secrets[name+"-other"])
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, old)
		if err := old.publish(ends["l1"], denied); err != nil { // MQTT 3.1.1 has no way to say no
			t.Errorf("%s: %v", name, err)
		}
		refused++

		// In the words of its own test case, for a device of the other bridge
		// and then for its own.
		for _, suffix := range []string{"-other", "-own"} {
			c, d := speaks[name], login(name+suffix, "speaker")
			for _, m := range c.Messages {
				payload, err := os.ReadFile(filepath.Join(c.folder, m.Payload))
				if err != nil {
					t.Fatal(err)
				}
				if reason := d.publishFor(m.Topic, payload, m.Retained); reason != 0 {
					t.Errorf("%s%s on %s: %#x", name, suffix, m.Topic, reason)
				}
			}
			if n := eventsOf(t, g, name+"-device"); (n > 0) != (suffix == "-own") {
				t.Errorf("%s%s has spoken for the device of %s-own: %d events", name, suffix, name, n)
			}
		}
	}
	for _, id := range []string{"l1", "w302"} {
		if n := eventsOf(t, g, id); n != 0 {
			t.Errorf("a bridge has spoken for %s: %d events", id, n)
		}
	}
	for _, topic := range ends {
		if err := g.driver.Publish(t.Context(), topic, []byte(over), 0, false); err != nil {
			t.Fatal(err)
		}
	}
	watching.Wait()
	if n := int(watched.Load()); n != len(ends) {
		t.Errorf("%d of %d watchers were there to the end", n, len(ends))
	}
	_, metrics := b.get("/metrics")
	m := regexp.MustCompile(`(?m)^linli_mqtt_messages_total\{result="denied"\} (\d+)$`).FindStringSubmatch(metrics)
	if m == nil || m[1] != strconv.Itoa(refused) || refused < 500 {
		t.Errorf("counted as denied: %v, want %d", m, refused)
	}
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// filled is a topic of a profile's message with something in its places.
func filled(p *profile.Profile, topic string) string {
	for name, value := range p.Settings() {
		topic = strings.ReplaceAll(topic, "{"+name+"}", value)
	}
	return placeholder.ReplaceAllString(topic, "x")
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// eventsOf is how many events of a device are in the journal.
func eventsOf(t *testing.T, g *gateway, id string) (n int) {
	t.Helper()
	for _, chain := range []journal.Chain{journal.Urgent, journal.Ordinary} {
		for after := uint64(0); ; {
			entries, err := g.journal.Read(chain, after, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if len(entries) == 0 {
				break
			}
			for _, e := range entries {
				after = e.Seq
				if e.Event.Device == id {
					n++
				}
			}
		}
	}
	return n
}
