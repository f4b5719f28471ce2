// Package capture makes test cases of profiles from what bridges send: a
// folder for each device, in the form of firmware-config/profiles/testcases,
// with what is personal masked before anything is written.
//
// What is masked keeps its form, and is the same wherever it stands: the
// address of a device in topic and payload, numbers of network cards, of
// telephones and of people. Chinese text is masked as a whole, since a name
// cannot be told from a word. Readings (a temperature, a pulse) stay: without
// the names they belong to nobody.
package capture

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/intake"
	"github.com/linli-edge/gateway/devices/profile"
)

// Limits of what is written.
const (
	MaxDevices  = 100
	MaxMessages = 50
	MaxPayload  = 64 << 10
)

// Recording gathers messages by device.
type Recording struct {
	profiles *profile.Set
	masker   *masker
	devices  map[[2]string]*device
	// Skipped is how many messages were over the limits.
	Skipped int
}

// device is the case of one.
type device struct {
	profile  string // as the bridge refers to it
	address  string // masked
	device   devices.Device
	messages []devices.Message // masked
}

// Case is one that was written.
type Case struct {
	Folder           string
	Messages, Events int
}

// New makes an empty recording that reads messages with those profiles.
func New(profiles *profile.Set) *Recording {
	return &Recording{profiles: profiles, masker: newMasker(), devices: map[[2]string]*device{}}
}

// Add takes in a message. One that is the bridge's own affair belongs to no
// device and is left out.
func (r *Recording) Add(h intake.Heard) {
	if h.Address == "" {
		return
	}
	key := [2]string{h.Profile, h.Address}
	d := r.devices[key]
	switch {
	case d == nil && len(r.devices) >= MaxDevices, d != nil && len(d.messages) >= MaxMessages, len(h.Payload) > MaxPayload:
		r.Skipped++
		return
	case d == nil:
		d = &device{profile: h.Profile, address: r.masker.address(h.Address), device: devices.Device{Kind: h.Device.Kind, Compartment: h.Device.Compartment}}
		r.devices[key] = d
	}
	m := devices.Message{Topic: r.masker.text(h.Topic, h.Address), Payload: h.Payload, Retained: h.Retained}
	if utf8.Valid(h.Payload) {
		m.Payload = []byte(r.masker.text(string(h.Payload), h.Address))
	}
	d.messages = append(d.messages, m)
}

// Write makes a folder of each device below dir, by profile.
func (r *Recording) Write(dir string) ([]Case, error) {
	var cases []Case
	count := map[string]int{}
	for _, key := range slices.SortedFunc(maps.Keys(r.devices), func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }) {
		d := r.devices[key]
		name, _, _ := strings.Cut(d.profile, "?")
		count[name]++
		c, err := r.write(filepath.Join(dir, name, fmt.Sprintf("captured-%s-%d", time.Now().Format("20060102"), count[name])), name, d)
		if err != nil {
			return cases, err
		}
		cases = append(cases, c)
	}
	return cases, nil
}

type message struct {
	Topic    string `json:"topic"`
	Payload  string `json:"payload"`
	Retained bool   `json:"retained,omitempty"`
}

type event struct {
	Type     devices.Type    `json:"type"`
	ID       string          `json:"id,omitempty"`
	Time     *time.Time      `json:"time,omitempty"`
	Held     *bool           `json:"held,omitempty"`
	Instance string          `json:"instance,omitempty"`
	Number   string          `json:"number,omitempty"`
	Data     json.RawMessage `json:"data"`
}

func (r *Recording) write(folder, name string, d *device) (Case, error) {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return Case{}, err
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		return Case{}, err // an older case is never written over
	}
	p, err := r.profiles.Open(d.profile)
	if err != nil {
		return Case{}, err
	}
	if d.device.Kind == "" {
		d.device.Kind = guess(p, d.messages)
	}
	of := map[string]any{"device": map[string]any{"kind": d.device.Kind, "compartment": d.device.Compartment}, "address": d.address}
	if d.device.Compartment == 0 {
		of["device"] = map[string]any{"kind": d.device.Kind}
	}
	if d.profile != name {
		of["profile"] = d.profile
	}
	var list []message
	events := []event{}
	for i, m := range d.messages {
		file := fmt.Sprintf("%d.txt", i+1)
		if json.Valid(m.Payload) {
			file = fmt.Sprintf("%d.json", i+1)
		}
		if err := os.WriteFile(filepath.Join(folder, file), m.Payload, 0o644); err != nil {
			return Case{}, err
		}
		list = append(list, message{m.Topic, file, m.Retained})
		for _, reading := range p.Read(d.device, m) {
			if reading.Err == nil {
				events = append(events, eventOf(reading.Report))
			}
		}
	}
	of["messages"] = list
	return Case{folder, len(d.messages), len(events)}, errors.Join(writeJSON(filepath.Join(folder, "case.json"), of), writeJSON(filepath.Join(folder, "events.json"), events))
}

func eventOf(r devices.Report) event {
	e := event{Type: r.Type, ID: r.ID, Held: r.Held, Instance: r.Instance, Number: r.Number, Data: r.Data}
	if !r.Observed.IsZero() {
		e.Time = &r.Observed
	}
	return e
}

// guess is the kind that would report most of the messages.
func guess(p *profile.Profile, messages []devices.Message) (best devices.Kind) {
	most := 0
	for _, k := range p.Kinds() {
		n := 0
		for _, m := range messages {
			n += len(p.Read(devices.Device{Kind: k}, m))
		}
		if n > most {
			best, most = k, n
		}
	}
	return best
}

func writeJSON(file string, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}
