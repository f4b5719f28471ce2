package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
)

// said is a good payload for each type of each kind, but for the status: its
// beginning, to which the test adds what no type has.
var said = map[devices.Kind][]string{
	"locker":     {`"parcel.deposited","data":{"compartment":1`, `"parcel.picked_up","data":{"compartment":1`, `"parcel.overdue","data":{"compartment":1`, `"door","data":{"compartment":1,"open":true`, `"occupancy","data":{"compartment":1,"occupied":true`, `"fault","data":{"code":"power"`},
	"cabinet":    {`"meal.loaded","data":{"compartment":1`, `"meal.picked_up","data":{"compartment":1`, `"meal.unclaimed","data":{"compartment":1`, `"temperature","data":{"celsius":65`, `"humidity","data":{"percent":40`, `"door","data":{"compartment":1,"open":true`, `"occupancy","data":{"compartment":1,"occupied":true`, `"fault","data":{"code":"heater"`},
	"wearable":   {`"sos","data":{"x":1`, `"fall","data":{"x":1`, `"fall_cancelled","data":{"x":1`, `"vitals","data":{"heart_rate":72`, `"battery","data":{"percent":80`, `"worn","data":{"worn":true`, `"position","data":{"latitude":32,"longitude":118`, `"steps","data":{"steps":4200`, `"fault","data":{"code":"tamper"`},
	"bed":        {`"sos","data":{"x":1`, `"occupancy","data":{"occupied":true`, `"battery","data":{"low":true`, `"fault","data":{"code":"mat"`},
	"alarm":      {`"smoke","data":{"x":1`, `"sos","data":{"x":1`, `"gas","data":{"x":1`, `"carbon_monoxide","data":{"x":1`, `"water","data":{"x":1`, `"battery","data":{"low":true`, `"fault","data":{"code":"tamper"`},
	"room":       {`"occupancy","data":{"occupied":true`, `"door","data":{"open":true`, `"vibration","data":{"x":1`, `"water.used","data":{"litres":3.5`, `"sos","data":{"x":1`, `"fall","data":{"x":1`, `"battery","data":{"percent":80`, `"fault","data":{"code":"tamper"`},
	"visit":      {`"visit.made","data":{"by":"nfc","elder":"e302","caregiver":"li"`, `"fault","data":{"code":"tamper"`},
	"terminal":   {`"session.started","data":{"session":"SOWN-1"`, `"session.ended","data":{"session":"SOWN-1","result":"completed"`, `"available","data":{"available":true`, `"fault","data":{"code":"paper_out"`},
	"rating":     {`"rating.given","data":{"service":"SOWN-2","level":5`, `"rating.closed","data":{"service":"SOWN-2"`, `"fault","data":{"code":"key"`},
	"booking":    {`"booking.created","data":{"booking":"SOWN-3"`, `"booking.fulfilled","data":{"booking":"SOWN-3"`, `"booking.no_show","data":{"booking":"SOWN-4"`, `"booking.cancelled","data":{"booking":"SOWN-5"`, `"delivery.made","data":{"contactless":true`, `"fault","data":{"code":"link"`},
	"desk":       {`"service.given","data":{"way":"phone","count":3`, `"opening","data":{"open":true`, `"fault","data":{"code":"x"`},
	"attendance": {`"people.counted","data":{"entries":3`, `"people.total","data":{"entries":30`, `"opening","data":{"open":true`, `"fault","data":{"code":"lens"`},
	"fitness":    {`"test.done","data":{"test":"grip_strength"`, `"fault","data":{"code":"x"`},
	"rental":     {`"asset.out","data":{"asset":"chair-3"`, `"asset.in","data":{"asset":"chair-3"`, `"asset.available","data":{"asset":"chair-3","available":true`, `"fault","data":{"code":"x"`},
	"pickup":     {`"item.stocked","data":{"compartment":1`, `"item.picked_up","data":{"compartment":1`, `"temperature","data":{"celsius":5,"cold":true`, `"humidity","data":{"percent":40`, `"door","data":{"compartment":1,"open":true`, `"occupancy","data":{"compartment":1,"occupied":true`, `"fault","data":{"code":"lock"`},
	"express":    {`"parcel.deposited","data":{"parcels":5`, `"parcel.picked_up","data":{"parcels":2`, `"opening","data":{"open":true`, `"fault","data":{"code":"x"`},
}

// saidBy adds the answers to commands, which every kind gives.
func saidBy(kind devices.Kind) []string {
	return append(slices.Clone(said[kind]), `"command.done","data":{"command":"7pq2x"`, `"command.failed","data":{"command":"7pq2x","reason":"unsupported"`)
}

// Every type of every kind, from a device that was registered at the command
// line, over MQTT into the journal, in the chain of its urgency; what the
// type does not have, and numbers of other people's books, reach neither the
// disk nor the log; and a bed, a room and its
// alarm call people as a wearable does.
func TestEveryKindThroughTheDaemon(t *testing.T) {
	b := newBox(t)
	b.register(append(neighbourhood(b),
		registry.Elder{ID: "e-bed", Name: "赵大爷", Caregivers: []string{"li"}}, registry.Elder{ID: "e-alarm", Name: "钱奶奶", Caregivers: []string{"li"}},
		registry.Elder{ID: "e-room", Name: "孙大爷", Caregivers: []string{"li"}})...)
	config := b.write()
	g, stop := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })

	told := 0
	for _, k := range kinds.All() {
		id := "k-" + string(k.Name)
		whose := []string{"--facility", "east"}
		switch k.Name {
		case wearable.Kind:
			whose = []string{"--elder", "e302"}
		case bed.Kind, alarm.Kind, room.Kind:
			whose = []string{"--elder", "e-" + string(k.Name)}
		}
		args := append([]string{"device", "add", id, "--kind", string(k.Name), "--config", config}, whose...)
		code, out, stderr := command(t, "en_US.UTF-8", args...)
		if code != 0 {
			t.Fatalf("%v: %s", args, stderr)
		}
		secret := regexp.MustCompile(`MQTT secret: (\S+)`).FindStringSubmatch(out)
		if secret == nil {
			t.Fatalf("no secret in %q", out)
		}
		d, err := connect(t, b.cfg.MQTT.Listen, 5, id, secret[1])
		if err != nil {
			t.Fatalf("%s with the secret of %q: %v", id, out, err)
		}
		topic := "linli/v1/" + id + "/"
		for _, s := range saidBy(k.Name) {
			if err := d.publish(topic+"event", `{"type":`+s+`,"note":"SOWN 王秀英 13912345678"}}`); err != nil {
				t.Fatalf("%s: %v", id, err)
			}
		}
		if err := d.publish(topic+"status", `{"online":true}`); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if err := d.conn.Close(); err != nil {
			t.Error(err)
		}
		told += len(saidBy(k.Name)) + 1
	}

	recorded := map[devices.Kind]map[devices.Type]journal.Chain{}
	for _, chain := range []journal.Chain{journal.Ordinary, journal.Urgent} {
		entries, err := g.journal.Read(chain, 0, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			kind, ours := strings.CutPrefix(e.Event.Device, "k-")
			if !ours {
				continue
			}
			if recorded[devices.Kind(kind)] == nil {
				recorded[devices.Kind(kind)] = map[devices.Type]journal.Chain{}
			}
			recorded[devices.Kind(kind)][e.Event.Type] = chain
			told--
		}
	}
	if told != 0 {
		t.Errorf("%d events more were told than are recorded", told)
	}
	for _, k := range kinds.All() {
		for _, s := range k.Specs() {
			want := journal.Ordinary
			if s.Urgency == devices.Urgent {
				want = journal.Urgent
			}
			if chain, ok := recorded[k.Name][s.Type]; !ok || chain != want {
				t.Errorf("%s of a %s: recorded %t, in chain %v", s.Type, k.Name, ok, chain)
			}
		}
	}

	b.phone.await(t, "the four who call", func(pages []alert.Page) bool {
		callers := map[devices.Kind]bool{}
		for _, p := range pages {
			callers[p.DeviceKind] = true
		}
		return maps.Equal(callers, map[devices.Kind]bool{wearable.Kind: true, bed.Kind: true, alarm.Kind: true, room.Kind: true})
	})
	stop()
	for word, want := range map[string]bool{"SOWN": false, "13912345678": false, "grip_strength": true, "chair-3": true} {
		if file := b.fileWith(word); (file != "") != want {
			t.Errorf("%q is in a file: %q", word, file)
		}
		if !want && strings.Contains(b.logged.String(), word) {
			t.Errorf("%q is in the log", word)
		}
	}
	if _, out, _ := command(t, "zh_CN.UTF-8", "device", "add", "--help"); !strings.Contains(out, "bed (家庭养老床位)") {
		t.Errorf("the kinds are not offered by name:\n%s", out)
	}
}

// fileWith is a file of the box that holds the word, "" if none does.
func (b *box) fileWith(word string) (found string) {
	b.t.Helper()
	err := filepath.WalkDir(b.cfg.Data, func(file string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(file)
		if bytes.Contains(content, []byte(word)) {
			found = file
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return found
}

// The list of what is said is whole, and JSON.
func TestSaidIsWhole(t *testing.T) {
	for _, k := range kinds.All() {
		var types []devices.Type
		for _, s := range saidBy(k.Name) {
			var e struct {
				Type devices.Type `json:"type"`
			}
			if err := json.Unmarshal([]byte(`{"type":`+s+`}}`), &e); err != nil {
				t.Errorf("%s: %s: %v", k.Name, s, err)
			}
			types = append(types, e.Type)
		}
		for _, s := range k.Specs() {
			if s.Type != "status" && !slices.Contains(types, s.Type) {
				t.Errorf("%s does not say %s", k.Name, s.Type)
			}
		}
	}
}
