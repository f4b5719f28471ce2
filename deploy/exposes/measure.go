package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/discovery"
	"github.com/linli-edge/gateway/devices/intake"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/profile"
)

// bare is a bridge of which only the descriptions are read: no rule helps.
const bare = `
name: bare
title: {zh: 仅自描述, en: descriptions only}
topics: ['{base}/#']
settings: {base: zigbee2mqtt}
messages:
  - topic: '{base}/bridge/devices'
    describes: zigbee2mqtt
  - topic: '{base}/{rest...}'
`

// batch is how many definitions are one network.
const batch = 100

// result is what was measured.
type result struct {
	relevant, right int // definitions
	values, others  int // values published, of relevant definitions and others
	misses          []string
	false           []string // what calls for help and should not
}

func measure(ctx context.Context, all []definition, table []expectation) (result, error) {
	var r result
	var relevant, others []definition
	for _, d := range all {
		if len(r.cases(d, table)) > 0 {
			relevant = append(relevant, d)
		} else {
			others = append(others, d)
		}
	}
	r.relevant = len(relevant)
	for some := range slices.Chunk(relevant, batch) {
		n, err := newNetwork(some)
		if err != nil {
			return r, err
		}
		for i, d := range some {
			wrong, err := n.judge(ctx, i, d, r.cases(d, table), &r.values)
			if err != nil {
				return r, err
			}
			if len(wrong) == 0 {
				r.right++
			}
			r.misses = append(r.misses, wrong...)
		}
	}
	for some := range slices.Chunk(others, batch) {
		n, err := newNetwork(some)
		if err != nil {
			return r, err
		}
		for i, d := range some {
			calls, err := n.provoke(ctx, i, d, &r.others)
			if err != nil {
				return r, err
			}
			r.false = append(r.false, calls...)
		}
	}
	return r, nil
}

// trial is one value of a property and what must come of it.
type trial struct {
	expose expose
	expectation
}

// opposite is a value that says something else, so that a state is news.
func (t trial) opposite(all []trial) string {
	for _, o := range all {
		if o.expose.Property == t.expose.Property && o.kind == t.kind && o.typ == t.typ && o.data != t.data {
			return o.value
		}
	}
	if strings.HasPrefix(t.expose.Property, "action") || t.expose.Type != "binary" {
		return t.expose.quiet()
	}
	for _, v := range t.expose.values() {
		if v != t.value {
			return v
		}
	}
	return t.expose.quiet()
}

func (result) cases(d definition, table []expectation) []trial {
	var all []trial
	for _, e := range flat(d.Exposes) {
		if e.Access&2 != 0 {
			continue // a setting
		}
		for _, x := range table {
			if x.property.MatchString(e.Property) && slices.Contains(e.values(), x.value) {
				all = append(all, trial{e, x})
			}
		}
	}
	return all
}

// network is a gateway with one bridge for each kind of device, all devices of
// which are registered as of that kind.
type network struct {
	*intake.Intake
	recorded recorder
}

func newNetwork(all []definition) (*network, error) {
	vocabulary := kinds.Vocabulary()
	profiles, err := profile.Load(fstest.MapFS{"bare.yaml": {Data: []byte(bare)}}, vocabulary)
	if err != nil {
		return nil, err
	}
	n := &network{}
	logger := slog.New(slog.DiscardHandler)
	started := time.Now()
	n.Intake = intake.New(intake.Config{
		Directory: directory{}, Inbox: nobody{}, Vocabulary: vocabulary, Profiles: profiles, Recorder: &n.recorded, Logger: logger,
		Descriptions: discovery.New(discovery.Config{Vocabulary: vocabulary, Logger: logger}),
		Clock: func() devices.Stamp {
			return devices.Stamp{Boot: devices.BootID{1}, Mono: time.Since(started), Wall: time.Now()}
		},
		Registerer: prometheus.NewRegistry(),
	})
	list := []map[string]any{{"friendly_name": "Coordinator", "type": "Coordinator", "definition": nil}}
	for i, d := range all {
		list = append(list, map[string]any{"friendly_name": name(i), "type": "EndDevice", "definition": d})
	}
	document, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	for _, k := range kinds.Names() {
		if err := n.publish(context.Background(), k, "bridge/devices", document); err != nil {
			return nil, err
		}
	}
	if wrong := n.recorded.take(); len(wrong) > 0 {
		return nil, fmt.Errorf("the description is refused: %s", wrong[0].Data)
	}
	return n, nil
}

func name(i int) string { return fmt.Sprintf("设备 %d", i) }

func (n *network) publish(ctx context.Context, k devices.Kind, topic string, payload []byte) error {
	return n.Message(ctx, devices.Message{Client: string(k), Topic: string(k) + "/" + topic, Payload: payload})
}

// state publishes the whole state of a device, with one property set.
func (n *network) state(ctx context.Context, k devices.Kind, i int, d definition, property, value string) ([]devices.Event, error) {
	fields := map[string]json.RawMessage{}
	for _, e := range flat(d.Exposes) {
		fields[e.Property] = json.RawMessage(e.quiet())
	}
	if property != "" {
		fields[property] = json.RawMessage(value)
	}
	payload, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	if err := n.publish(ctx, k, name(i), payload); err != nil {
		return nil, err
	}
	return n.recorded.take(), nil
}

// judge publishes the values of a definition and tells what came wrong.
func (n *network) judge(ctx context.Context, i int, d definition, trials []trial, count *int) (wrong []string, err error) {
	for _, t := range trials {
		*count++
		if _, err := n.state(ctx, t.kind, i, d, t.expose.Property, t.opposite(trials)); err != nil {
			return nil, err
		}
		events, err := n.state(ctx, t.kind, i, d, t.expose.Property, t.value)
		if err != nil {
			return nil, err
		}
		got := "-"
		for _, e := range events {
			switch {
			case e.Type == t.typ && got != "-":
				got += " and " + string(e.Data)
			case e.Type == t.typ && (t.data != "-" || !strings.Contains(string(e.Data), `"cleared":true`)):
				got = string(e.Data)
			case e.Type != t.typ && calls(e):
				wrong = append(wrong, fmt.Sprintf("%s %s: %s=%s calls: %s %s", d.Vendor, d.Model, t.expose.Property, t.value, e.Type, e.Data))
			}
		}
		if !sameJSON(got, t.data) {
			wrong = append(wrong, fmt.Sprintf("%s %s: %s=%s as a %s: %s %s, want %s", d.Vendor, d.Model, t.expose.Property, t.value, t.kind, t.typ, got, t.data))
		}
		if _, err := n.state(ctx, t.kind, i, d, "", ""); err != nil {
			return nil, err
		}
	}
	return wrong, nil
}

// callers are the kinds of device that call people.
var callers = []devices.Kind{"wearable", "alarm", "bed", "room"}

// provoke publishes every value of a definition that should never call.
func (n *network) provoke(ctx context.Context, i int, d definition, count *int) (wrong []string, err error) {
	for _, k := range callers {
		for _, e := range flat(d.Exposes) {
			if strings.HasPrefix(e.Property, "action") {
				continue // a button is a call for help, if it is given as one
			}
			for _, v := range e.values() {
				*count++
				events, err := n.state(ctx, k, i, d, e.Property, v)
				if err != nil {
					return nil, err
				}
				for _, event := range events {
					if calls(event) {
						wrong = append(wrong, fmt.Sprintf("%s %s: %s=%s of a %s calls: %s", d.Vendor, d.Model, e.Property, v, k, event.Type))
					}
				}
			}
		}
	}
	return wrong, nil
}

func calls(e devices.Event) bool {
	return e.Urgency == devices.Urgent && !strings.Contains(string(e.Data), `"cleared":true`)
}

func sameJSON(a, b string) bool {
	if a == "-" || b == "-" {
		return a == b
	}
	var x, y map[string]any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}

// directory has every device behind a bridge for its kind.
type directory struct{}

func (directory) Device(id string) (devices.Device, bool) {
	return devices.Device{ID: id, Kind: devices.KindBridge, Profile: "bare?base=" + id}, true
}

func (directory) Behind(bridge, address string) (devices.Device, bool) {
	d := devices.Device{ID: bridge + "/" + address, Kind: devices.Kind(bridge), Bridge: bridge, Address: address}
	switch d.Kind {
	case "locker", "cabinet", "pickup":
		d.Compartment = 1
	}
	return d, true
}

func (directory) Bridges() []devices.Device { return nil }

// nobody is an inbox that nobody lands in: everything is registered.
type nobody struct{}

func (nobody) Heard(devices.Contact, func() devices.Looks) bool { return true }

// recorder keeps events until they are taken.
type recorder struct {
	mu     sync.Mutex
	events []devices.Event
}

func (r *recorder) Record(_ context.Context, e devices.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	return nil
}

func (r *recorder) Submit(ctx context.Context, e devices.Event, done func(error)) error {
	done(r.Record(ctx, e))
	return nil
}

func (r *recorder) take() []devices.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.events
	r.events = nil
	return all
}
