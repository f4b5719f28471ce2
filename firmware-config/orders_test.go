package firmwareconfig_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/texts"
)

// ordercase is a folder under profiles/orders/<profile>: order.json, what is
// asked of which device, and in sent.json what the bridge is sent for it.
type ordercase struct {
	Profile string         `json:"profile"` // as a registration refers to it, "" for the bare name
	Device  devices.Device `json:"device"`
	Also    []devices.Kind `json:"also"` // other kinds for which the same is sent
	Order   command.Order  `json:"order"`
}

type sent struct {
	Rule    string `json:"rule"`
	Topic   string `json:"topic"`
	Silent  bool   `json:"silent"`
	Payload string `json:"payload"` // a file of the folder
}

var asked = devices.Stamp{Wall: time.Date(2026, 11, 23, 0, 15, 30, 0, time.UTC)}

// Every shipped profile sends what its cases say, byte by byte, and no
// outgoing rule is without a case.
func TestShippedOrders(t *testing.T) {
	set := load(t)
	for _, p := range set.Profiles() {
		t.Run(p.Name(), func(t *testing.T) {
			cases, err := filepath.Glob(filepath.Join("profiles", "orders", p.Name(), "*"))
			if err != nil {
				t.Fatal(err)
			}
			fired := map[string]bool{}
			for _, dir := range cases {
				t.Run(filepath.Base(dir), func(t *testing.T) { order(t, set, p, dir, fired) })
			}
			for _, rule := range p.Orders() {
				if !fired[rule] {
					t.Errorf("outgoing rule %s is hit by no case", rule)
				}
			}
		})
	}
}

func order(t *testing.T, set *profile.Set, p *profile.Profile, dir string, fired map[string]bool) {
	var c ordercase
	read(t, filepath.Join(dir, "order.json"), &c)
	if c.Profile != "" {
		var err error
		if p, err = set.Open(c.Profile); err != nil {
			t.Fatal(err)
		}
	}
	var want sent
	read(t, filepath.Join(dir, "sent.json"), &want)
	payload, err := os.ReadFile(filepath.Join(dir, want.Payload))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range append(c.Also, c.Device.Kind) {
		c.Device.Kind = kind
		got, err := p.Say(c.Device, command.New(c.Order, asked, 30*time.Second))
		if err != nil {
			t.Fatalf("to a %s: %v", kind, err)
		}
		fired[got.Rule] = true
		if got.Rule != want.Rule || got.Topic != want.Topic || got.Silent != want.Silent || !bytes.Equal(got.Payload, payload) {
			t.Errorf("to a %s: rule %s sends on %s (silent: %t)\n%s\nwant %+v\n%s", kind, got.Rule, got.Topic, got.Silent, got.Payload, want, payload)
		}
		m := devices.Message{Topic: got.Topic, Payload: got.Payload}
		if address, known := p.Address(m); known && address != "" && len(p.Read(c.Device, m)) > 0 {
			t.Errorf("the gateway would take its own order for a report of %s", address)
		}
	}
}

// What a make cannot do is refused, and so is an address that would reach
// another device than the one that is meant.
func TestOrdersThatCannotBeSaid(t *testing.T) {
	set := load(t)
	for _, c := range []struct {
		profile, address string
		kind             devices.Kind
		order            command.Order
		want             error
	}{
		{"chirpstack", "70b3d5", "locker", command.Order{Action: command.Open, Data: command.Data{Compartment: 1}}, profile.ErrNoWords},
		{"openmqttgateway", "608757", "wearable", command.Order{Action: command.Ring}, profile.ErrNoWords},
		{"lockboard", "east", "wearable", command.Order{Action: command.Ring}, profile.ErrNoWords},
		{"shelly", "a/bthomedevice:200", "wearable", command.Order{Action: command.Ring}, new(texts.Error)},
		{"shelly", "+", "wearable", command.Order{Action: command.Ring}, new(texts.Error)},
		{"esphome", "a/b", "locker", command.Order{Action: command.Open, Data: command.Data{Compartment: 1}}, new(texts.Error)},
		{"zigbee2mqtt", "#", "locker", command.Order{Action: command.Open, Data: command.Data{Compartment: 1}}, new(texts.Error)},
		{"zigbee2mqtt", "a//b", "locker", command.Order{Action: command.Open, Data: command.Data{Compartment: 1}}, new(texts.Error)},
		{"zigbee2mqtt", "", "locker", command.Order{Action: command.Open, Data: command.Data{Compartment: 1}}, new(texts.Error)},
	} {
		p, ok := set.Profile(c.profile)
		if !ok {
			t.Fatal(c.profile)
		}
		got, err := p.Say(devices.Device{Kind: c.kind, Address: c.address}, command.New(c.order, asked, time.Second))
		var words *texts.Error
		if mend := errors.As(err, &words); err == nil || errors.Is(c.want, profile.ErrNoWords) == mend {
			t.Errorf("%s to %q: %+v, %v", c.profile, c.address, got, err)
		}
	}
}

// No order makes a shipped profile fail, publish where its bridge does not
// subscribe, or send more than it may.
func FuzzShippedOrders(f *testing.F) {
	err := filepath.WalkDir(filepath.Join("profiles", "orders"), func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() != "order.json" {
			return err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var c ordercase
		if err := json.Unmarshal(content, &c); err != nil {
			return err
		}
		f.Add(c.Device.Address, c.Device.Compartment, string(c.Order.Action), c.Order.Data.Compartment, c.Order.Data.Message, c.Order.Data.Name, []byte(c.Order.Data.Value))
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	set := load(f)
	profiles := set.Profiles()
	for _, reference := range []string{"lockboard?send=raw", "lockboard?send=tasmota&locks=1", "zigbee2mqtt?base=a/b"} {
		p, err := set.Open(reference)
		if err != nil {
			f.Fatal(err)
		}
		profiles = append(profiles, p)
	}
	f.Fuzz(func(t *testing.T, address string, bound int, action string, compartment int, message, name string, value []byte) {
		o := command.Order{ID: "7pq2x", Action: command.Action(action), By: "li", Data: command.Data{Compartment: compartment, Message: message, Name: name, Value: value}}
		if o.Validate() != nil || bound < 0 || bound > 9999 {
			return
		}
		for _, p := range profiles {
			for _, kind := range kinds.Names() {
				got, err := p.Say(devices.Device{ID: "d", Kind: kind, Address: address, Compartment: bound}, command.New(o, asked, time.Minute))
				var words *texts.Error
				if err != nil {
					if !errors.Is(err, profile.ErrNoWords) && !errors.As(err, &words) && !strings.Contains(err.Error(), "payload: ") {
						t.Errorf("%s: %v", p.Name(), err)
					}
					continue
				}
				allowed := false
				for _, filter := range p.Commands() {
					allowed = allowed || mqtt.Covers(filter, got.Topic)
				}
				if !allowed || !mqtt.ValidTopic(got.Topic) || len(got.Payload) > 4<<10 {
					t.Errorf("%s: %q, %d bytes", p.Name(), got.Topic, len(got.Payload))
				}
			}
		}
	})
}
