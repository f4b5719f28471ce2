package intake

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/profile"
)

// MaxReport is the longest payload in bytes that is read as a report.
const MaxReport = 256 << 10

// prefix of the native topics.
const prefix = "linli/v1/"

// Config is what an Intake works with; every field is needed.
type Config struct {
	Directory  devices.Directory
	Vocabulary devices.Vocabulary
	Profiles   *profile.Set
	Recorder   devices.Recorder
	Clock      devices.Clock
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Intake turns messages and reports into recorded events. Its methods may be
// called from many goroutines.
type Intake struct {
	Config
	levels   [2]levels // by urgency: no call for help waits for a state
	seen     seen
	rejects  budget
	random   string // prefix of random identities, of this process
	counter  atomic.Uint64
	messages *prometheus.CounterVec
	rejected *prometheus.CounterVec
}

// New makes an Intake.
func New(c Config) *Intake {
	in := &Intake{
		Config: c,
		random: "r/" + rand.Text()[:13] + "/",
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_intake_reports_total",
			Help: "Reports heard, by what became of them: recorded, unchanged (a state that says nothing new), rejected, failed (not recorded and not acknowledged).",
		}, []string{"result"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_intake_rejected_total",
			Help: "Reports of which something could not be used, by reason.",
		}, []string{"reason"}),
	}
	c.Registerer.MustRegister(in.messages, in.rejected)
	return in
}

// Account is what device d may do on an MQTT broker once it has logged in.
func (in *Intake) Account(d devices.Device) devices.Account {
	if d.Kind == devices.KindBridge {
		p, ok := in.Profiles.Profile(d.Profile)
		if !ok {
			return devices.Account{ID: d.ID}
		}
		return devices.Account{ID: d.ID, Publish: p.Topics(), Subscribe: p.Commands()}
	}
	own := prefix + d.ID + "/"
	return devices.Account{
		ID:        d.ID,
		Publish:   []string{own + "event", own + "state", own + "status"},
		Subscribe: []string{own + "command", own + "config", own + "firmware"},
	}
}

// Message takes in what was published. It returns nil when the message may be
// acknowledged.
func (in *Intake) Message(ctx context.Context, m devices.Message) error {
	if rest, native := strings.CutPrefix(m.Topic, prefix); native {
		return in.native(ctx, m, rest)
	}
	return in.bridged(ctx, m)
}

// Report takes in what a driver without topics heard of a device.
func (in *Intake) Report(ctx context.Context, device string, r devices.Report) error {
	m := devices.Message{Client: device, Payload: r.Data}
	d, ok := in.Directory.Device(device)
	if !ok || d.Retired {
		return in.reject(ctx, device, m, unknownDevice(device))
	}
	return in.report(ctx, d, m, r, 0)
}

// rejection is an error that names one of the devices.Reject... reasons.
type rejection struct {
	reason string
	detail string
}

func (r *rejection) Error() string { return r.detail }

func unknownDevice(id string) *rejection {
	return &rejection{devices.RejectUnknownDevice, fmt.Sprintf("device %.64q is not registered: add it, or take its credentials back", id)}
}

func (in *Intake) native(ctx context.Context, m devices.Message, rest string) error {
	id, message, _ := strings.Cut(rest, "/")
	d, ok := in.Directory.Device(id)
	switch {
	case m.Client != "" && m.Client != id:
		return in.reject(ctx, m.Client, m, &rejection{devices.RejectTopic, fmt.Sprintf("topic: %s may not speak for %.64q", m.Client, id)})
	case !ok || d.Retired:
		return in.reject(ctx, id, m, unknownDevice(id))
	}
	reports, err := parseNative(message, m.Payload)
	if err != nil {
		return in.reject(ctx, id, m, err)
	}
	if err := in.reports(ctx, d, m, reports); err != nil {
		return err
	}
	in.seen.mark(d.ID, in.Clock())
	return nil
}

// bridged reads a message with the profile of the bridge that sent it.
func (in *Intake) bridged(ctx context.Context, m devices.Message) error {
	known := false // is it a topic of some bridge here
	for _, bridge := range in.speakers(m) {
		p, ok := in.Profiles.Profile(bridge.Profile)
		if !ok || bridge.Retired {
			continue
		}
		address, ok := p.Address(m)
		if !ok {
			continue
		}
		if known = true; address == "" {
			return nil // the bridge's own affairs
		}
		if d, ok := in.Directory.Behind(bridge.ID, address); ok && !d.Retired {
			return in.translate(ctx, p, d, m)
		}
		if m.Client != "" {
			return in.reject(ctx, bridge.ID+"/"+address, m, unknownDevice(address))
		}
	}
	if known {
		return in.reject(ctx, m.Topic, m, unknownDevice(m.Topic))
	}
	return in.reject(ctx, m.Client, m, &rejection{devices.RejectTopic, "topic: neither linli/v1/<device>/event, state or status nor one of a registered bridge's profile"})
}

// speakers are the bridges that may have sent m: the one that logged in, or
// any, where somebody else's broker does not say.
func (in *Intake) speakers(m devices.Message) []devices.Device {
	if m.Client == "" {
		return in.Directory.Bridges()
	}
	if d, ok := in.Directory.Device(m.Client); ok && d.Kind == devices.KindBridge {
		return []devices.Device{d}
	}
	return nil
}

// translate records what the profile makes of a message about d. What one
// rule cannot read does not cost what another has read.
func (in *Intake) translate(ctx context.Context, p *profile.Profile, d devices.Device, m devices.Message) error {
	if len(m.Payload) > MaxReport {
		return in.reject(ctx, d.ID, m, tooLarge(len(m.Payload)))
	}
	reports, wrong := p.Reports(d, m)
	if err := in.reports(ctx, d, m, reports); err != nil {
		return err
	}
	if wrong != nil {
		if err := in.reject(ctx, d.ID, m, &rejection{devices.RejectInvalid, wrong.Error()}); err != nil {
			return err
		}
	}
	in.seen.mark(d.ID, in.Clock())
	return nil
}

// reports records what m says of d, a call for help before everything else
// that the message says: nothing ordinary may hold it up.
func (in *Intake) reports(ctx context.Context, d devices.Device, m devices.Message, all []devices.Report) error {
	for _, urgency := range []devices.Urgency{devices.Urgent, devices.Ordinary} {
		for i, r := range all {
			if in.Vocabulary.Urgency(d.Kind, r.Type) != urgency {
				continue
			}
			if err := in.report(ctx, d, m, r, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// report checks one report of d, the nth of message m, and records it. What
// is wrong with one that is recorded all the same is told after it.
func (in *Intake) report(ctx context.Context, d devices.Device, m devices.Message, r devices.Report, nth int) error {
	var wrong []*rejection
	payload, urgency, err := in.Vocabulary.Parse(d.Kind, r.Type, r.Data)
	if err != nil {
		reason := devices.RejectInvalid
		if errors.Is(err, devices.ErrUnknownType) {
			reason = devices.RejectUnknownType
		}
		if wrong = append(wrong, &rejection{reason, err.Error()}); urgency != devices.Urgent {
			return in.reject(ctx, d.ID, m, wrong[0])
		}
	}
	if r.Held != nil && !*r.Held {
		return in.levels[urgency].change(d.ID, heldKey(r), "", equal, func() error { return nil }, func() {})
	}
	leveled, isLevel := payload.(devices.Leveled)
	if m.Retained && r.ID == "" && !isLevel {
		return in.reject(ctx, d.ID, m, &rejection{devices.RejectRetained, fmt.Sprintf("%s without an id came as a retained message: a replayed press is no press", r.Type)})
	}
	e := devices.Event{
		ID: in.identity(m, r, nth), Device: d.ID, Type: r.Type, Observed: r.Observed,
		Received: in.Clock(), Urgency: urgency, Data: json.RawMessage("{}"),
	}
	if payload != nil {
		if e.Data, err = json.Marshal(payload); err != nil {
			return fmt.Errorf("encode %s: %w", r.Type, err)
		}
	}
	// A box that does not know the time is behind: the device may be right.
	behind := !e.Received.Synced && e.Observed.After(e.Received.Wall)
	if !e.Observed.IsZero() && !behind && !e.When().Equal(e.Observed) {
		detail := fmt.Sprintf("time: %s is not believed, the event counts at its reception: set the device's clock", e.Observed.Format(time.RFC3339))
		wrong = append(wrong, &rejection{devices.RejectTime, detail})
	}
	record := func() error { return in.record(ctx, e) }
	unchanged := func() { in.messages.WithLabelValues("unchanged").Inc() }
	levels := &in.levels[urgency]
	switch {
	case r.Held != nil:
		err = levels.change(d.ID, heldKey(r), "held", equal, record, unchanged)
	case isLevel:
		err = levels.change(d.ID, string(r.Type)+"/"+leveled.Level(), string(e.Data), equal, record, unchanged)
	case r.Number != "":
		err = levels.change(d.ID, "number/"+string(r.Type)+"/"+r.Instance, numbered(r.Number, e.Received), repeated, record, unchanged)
	default:
		err = record()
	}
	for _, w := range wrong {
		if err == nil {
			err = in.reject(ctx, d.ID, m, w)
		}
	}
	return err
}

// heldKey names the condition behind an occurrence among the levels.
func heldKey(r devices.Report) string { return "held/" + string(r.Type) + "/" + r.Instance }

func (in *Intake) record(ctx context.Context, e devices.Event) error {
	if err := in.Recorder.Record(ctx, e); err != nil {
		in.messages.WithLabelValues("failed").Inc()
		return fmt.Errorf("record %s of %s: %w", e.Type, e.Device, err)
	}
	in.messages.WithLabelValues("recorded").Inc()
	return nil
}

func (in *Intake) identity(m devices.Message, r devices.Report, nth int) string {
	switch {
	case r.ID != "":
		return "i/" + r.ID
	case m.Packet != "":
		return "p/" + m.Packet + "/" + strconv.Itoa(nth)
	}
	return in.random + strconv.FormatUint(in.counter.Add(1), 36)
}

// reject counts and, within the sender's budget, records why a report could
// not be used. It returns an error only if that record failed.
func (in *Intake) reject(ctx context.Context, sender string, m devices.Message, err error) error {
	var why *rejection
	if !errors.As(err, &why) {
		why = &rejection{devices.RejectInvalid, err.Error()}
	}
	in.messages.WithLabelValues("rejected").Inc()
	in.rejected.WithLabelValues(why.reason).Inc()
	now := in.Clock()
	sender = clean(sender, 128)
	if sender == "" {
		sender = "unknown"
	}
	if !in.rejects.take(sender, now) {
		return nil
	}
	rejected := devices.Rejected{
		Reason: why.reason, Detail: clean(why.detail, 256), Topic: clean(m.Topic, 256), Payload: clean(string(m.Payload[:min(512, len(m.Payload))]), 512), Size: len(m.Payload),
	}
	if d, ok := in.Directory.Device(sender); ok && in.Vocabulary.Private(d.Kind) {
		// It may hold the number of somebody's booking, and so may what the
		// message quotes of it.
		rejected.Payload = ""
		rejected.Detail, _, _ = strings.Cut(rejected.Detail, " (got ")
		if rejected.Reason == devices.RejectUnknownType {
			rejected.Detail = "type: not one of its kind"
		}
	}
	in.Logger.Warn("report rejected", "device", sender, "reason", rejected.Reason, "detail", rejected.Detail)
	e, err := devices.New(sender, rejected)
	if err != nil {
		return err
	}
	e.Received = now
	e.ID = in.random + strconv.FormatUint(in.counter.Add(1), 36)
	if err := in.Recorder.Record(ctx, e); err != nil {
		return fmt.Errorf("record rejection: %w", err)
	}
	return nil
}

// clean makes s valid UTF-8 of at most n bytes.
func clean(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
