package intake

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/discovery"
	"github.com/linli-edge/gateway/devices/profile"
)

// MaxReport is the longest payload in bytes that is read as a report.
const MaxReport = 256 << 10

// prefix of the native topics.
const prefix = "linli/v1/"

// Config is what an Intake works with; every field is needed but Witness.
type Config struct {
	Directory  devices.Directory
	Inbox      devices.Inbox
	Vocabulary devices.Vocabulary
	Profiles   *profile.Set
	// Descriptions are what devices say of themselves.
	Descriptions *discovery.Book
	Recorder     devices.Submitter
	Witness      Witness
	Clock        devices.Clock
	Logger       *slog.Logger
	Registerer   prometheus.Registerer
}

// Intake turns messages and reports into recorded events. Its methods may be
// called from many goroutines.
type Intake struct {
	Config
	backlog  backlog
	levels   [2]levels // by urgency: no call for help waits for a state
	taps     taps
	rejects  budget
	calling  []devices.Kind // those that may call for help
	callers  callers        // among those who are not registered
	random   string         // prefix of random identities, of this process
	counter  atomic.Uint64
	messages *prometheus.CounterVec
	rejected *prometheus.CounterVec
	// Of messages, looked up once.
	recorded, unchanged, failed prometheus.Counter
}

// New makes an Intake.
func New(c Config) *Intake {
	if c.Witness == nil {
		c.Witness = nobody{}
	}
	in := &Intake{
		Config:  c,
		random:  "r/" + rand.Text()[:13] + "/",
		calling: c.Vocabulary.Callers(),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_intake_reports_total",
			Help: "Reports heard, by what became of them: recorded, unchanged (a state that says nothing new), rejected, ignored (of a sender that somebody has ignored or blocked), failed (not recorded and not acknowledged).",
		}, []string{"result"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_intake_rejected_total",
			Help: "Reports of which something could not be used, by reason.",
		}, []string{"reason"}),
	}
	in.recorded, in.unchanged, in.failed = in.messages.WithLabelValues("recorded"), in.messages.WithLabelValues("unchanged"), in.messages.WithLabelValues("failed")
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
	a := devices.Account{ID: d.ID, Publish: []string{own + "event", own + "state", own + "status"}}
	if d.Kind != "" { // else it is let in to be seen, and not registered yet
		a.Subscribe = []string{own + "command", own + "config", own + "firmware"}
	}
	return a
}

// Take takes in what was published, and calls done once: with nil when the
// message may be acknowledged. It waits for no commit. What one goroutine
// brings is recorded in its order, what is urgent apart from what is not.
func (in *Intake) Take(ctx context.Context, m devices.Message, done func(error)) {
	in.taps.hear(m)
	t := newTally(ctx, done)
	if rest, native := strings.CutPrefix(m.Topic, prefix); native {
		in.native(m, rest, t)
	} else {
		in.bridged(m, t)
	}
	t.settle(nil)
}

// Urgent tells whether a message would be a call for help. It changes nothing.
func (in *Intake) Urgent(m devices.Message) bool {
	d, reports, stranger := in.foresee(m)
	if stranger != nil {
		return !m.Retained && slices.ContainsFunc(in.calls(stranger), in.begins)
	}
	return slices.ContainsFunc(reports, func(r devices.Report) bool { return in.Vocabulary.Urgency(d.Kind, r.Type) == devices.Urgent })
}

// foresee is what Take would make of a message of a registered device, or of
// somebody else's.
func (in *Intake) foresee(m devices.Message) (d devices.Device, reports []devices.Report, stranger reader) {
	if rest, native := strings.CutPrefix(m.Topic, prefix); native {
		id, message, _ := strings.Cut(rest, "/")
		d, ok := in.Directory.Device(id)
		if d.Retired || m.Client != "" && m.Client != id {
			return d, nil, nil
		}
		if !ok {
			return d, nil, readNative(message, m.Payload)
		}
		reports, _ = parseNative(message, m.Payload) // what cannot be read is no call
		return d, reports, nil
	}
	for _, bridge := range in.speakers(m) {
		p, ok := in.Profiles.Profile(bridge.Profile)
		if !ok || bridge.Retired || len(m.Payload) > MaxReport || p.Describes(m.Topic) != "" {
			continue
		}
		address, _ := p.Address(m)
		if address == "" {
			address = in.described(bridge, m.Topic)
		}
		if address == "" {
			continue
		}
		if d, ok := in.Directory.Behind(bridge.ID, address); ok && !d.Retired {
			read, _ := p.Reports(d, m) // what could be read
			return d, in.beside(d, read, in.Descriptions.Reports(d, m)), nil
		}
		if stranger == nil {
			stranger = in.readBehind(p, devices.Contact{Bridge: bridge.ID, Address: address}, m)
		}
	}
	return d, nil, stranger
}

// Message is Take for callers that have nothing else to do. It returns nil
// when the message may be acknowledged.
func (in *Intake) Message(ctx context.Context, m devices.Message) error {
	return await(ctx, func(done func(error)) { in.Take(ctx, m, done) })
}

// Report takes in what a driver without topics heard of a device.
func (in *Intake) Report(ctx context.Context, device string, r devices.Report) error {
	m := devices.Message{Client: device, Payload: r.Data}
	return await(ctx, func(done func(error)) {
		t := newTally(ctx, done)
		if d, ok := in.Directory.Device(device); !ok || d.Retired {
			in.reject(device, m, unknownDevice(device), t)
		} else {
			in.spoke(d, m, []devices.Report{r})
			in.report(&d, &m, &r, 0, t)
		}
		t.settle(nil)
	})
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

func (in *Intake) native(m devices.Message, rest string, t *tally) {
	id, message, _ := strings.Cut(rest, "/")
	d, ok := in.Directory.Device(id)
	switch {
	case m.Client != "" && m.Client != id:
		in.reject(m.Client, m, &rejection{devices.RejectTopic, fmt.Sprintf("topic: %s may not speak for %.64q", m.Client, id)}, t)
		return
	case ok && d.Retired:
		in.reject(id, m, unknownDevice(id), t)
		return
	case !ok && devices.CheckCode("id", id) != nil:
		in.rejectFrom(strangers, id, m, unknownDevice(id), t)
		return
	case !ok:
		as := readNative(message, m.Payload)
		in.unknown(devices.Contact{Address: id}, m, as, func() devices.Looks { return in.looks(as) }, t)
		return
	}
	reports, err := parseNative(message, m.Payload)
	if err != nil {
		in.reject(id, m, err, t)
		return
	}
	in.spoke(d, m, reports)
	in.reports(&d, &m, reports, t)
}

// bridged reads a message with the profile of the bridge that sent it.
func (in *Intake) bridged(m devices.Message, t *tally) {
	var first *devices.Contact // if it is a topic of some bridge here
	var read *profile.Profile
	learnt := false
	for _, bridge := range in.speakers(m) {
		p, ok := in.Profiles.Profile(bridge.Profile)
		if !ok || bridge.Retired {
			continue
		}
		if form := p.Describes(m.Topic); form != "" {
			in.learn(bridge, p, form, m, t)
			learnt = true // and so may others, behind a broker that does not say whose it is
			continue
		}
		address, known := p.Address(m)
		if address == "" {
			address = in.described(bridge, m.Topic)
		}
		switch {
		case address != "":
		case known:
			in.spoke(bridge, m, nil)
			return // the bridge's own affairs
		default:
			continue
		}
		if d, ok := in.Directory.Behind(bridge.ID, address); ok && !d.Retired {
			in.spoke(bridge, m, nil)
			in.translate(p, d, m, t)
			return
		}
		if first == nil {
			first, read = &devices.Contact{Bridge: bridge.ID, Address: address}, p
		}
	}
	if learnt {
		return
	}
	if first != nil {
		as := in.readBehind(read, *first, m)
		in.unknown(*first, m, as, func() devices.Looks { return in.lookBehind(*first, as) }, t)
		return
	}
	if m.Client == "" {
		for _, p := range in.Profiles.Profiles() {
			if _, ok := p.Address(m); ok {
				c := devices.Contact{Address: p.Name(), Profile: p.Name()}
				in.unknown(c, m, in.readBehind(p, c, m), func() devices.Looks { return devices.Looks{Kinds: []devices.Kind{devices.KindBridge}} }, t)
				return
			}
		}
	}
	in.reject(m.Client, m, &rejection{devices.RejectTopic, "topic: neither linli/v1/<device>/event, state or status nor one of a registered bridge's profile"}, t)
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
func (in *Intake) translate(p *profile.Profile, d devices.Device, m devices.Message, t *tally) {
	if len(m.Payload) > MaxReport {
		in.reject(d.ID, m, tooLarge(len(m.Payload)), t)
		return
	}
	reports, wrong := p.Reports(d, m)
	reports = in.beside(d, reports, in.Descriptions.Reports(d, m))
	in.spoke(d, m, reports)
	in.reports(&d, &m, reports, t)
	if wrong != nil {
		in.reject(d.ID, m, &rejection{devices.RejectInvalid, wrong.Error()}, t)
	}
}

// reports records what m says of d, a call for help before everything else
// that the message says: nothing ordinary may hold it up.
func (in *Intake) reports(d *devices.Device, m *devices.Message, all []devices.Report, t *tally) {
	for _, urgency := range []devices.Urgency{devices.Urgent, devices.Ordinary} {
		for i := range all {
			if r := &all[i]; in.Vocabulary.Urgency(d.Kind, r.Type) == urgency {
				in.report(d, m, r, i, t)
			}
		}
	}
}

// report checks one report of d, the nth of message m, and has it recorded.
// What is wrong with one that is recorded all the same is told after it.
func (in *Intake) report(d *devices.Device, m *devices.Message, r *devices.Report, nth int, t *tally) {
	var wrong []*rejection
	payload, urgency, err := in.Vocabulary.Parse(d.Kind, r.Type, r.Data)
	if err != nil {
		reason := devices.RejectInvalid
		if errors.Is(err, devices.ErrUnknownType) {
			reason = devices.RejectUnknownType
		}
		if wrong = append(wrong, &rejection{reason, err.Error()}); urgency != devices.Urgent {
			in.reject(d.ID, *m, wrong[0], t)
			return
		}
	}
	if r.Held != nil && !*r.Held {
		in.levels[urgency].change(d.ID, heldKey(r), "", equal, t, func(done func(error)) { done(nil) }, func() {})
		return
	}
	leveled, isLevel := payload.(devices.Leveled)
	if m.Retained && r.ID == "" && !isLevel {
		in.reject(d.ID, *m, &rejection{devices.RejectRetained, fmt.Sprintf("%s without an id came as a retained message: a replayed press is no press", r.Type)}, t)
		return
	}
	e := devices.Event{
		ID: in.identity(d, m, r, nth), Device: d.ID, Type: r.Type, Observed: r.Observed,
		Received: in.Clock(), Urgency: urgency, Data: json.RawMessage("{}"),
	}
	if payload != nil {
		if e.Data, err = json.Marshal(payload); err != nil {
			t.fail(fmt.Errorf("encode %s: %w", r.Type, err))
			return
		}
	}
	in.Witness.Reported(d.ID, e.Type, e.Data, e.Received)
	// A box that does not know the time is behind: the device may be right.
	behind := !e.Received.Synced && e.Observed.After(e.Received.Wall)
	plausible := behind || e.When().Equal(e.Observed)
	if !e.Observed.IsZero() {
		in.Witness.Dated(d.ID, plausible, e.Received)
	}
	if !e.Observed.IsZero() && !plausible {
		detail := fmt.Sprintf("time: %s is not believed, the event counts at its reception: set the device's clock", e.Observed.Format(time.RFC3339))
		wrong = append(wrong, &rejection{devices.RejectTime, detail})
	}
	switch {
	case r.Held != nil:
		in.recordNews(e, heldKey(r), "held", equal, t)
	case isLevel:
		in.recordNews(e, string(r.Type)+"/"+leveled.Level(), string(e.Data), equal, t)
	case r.Number != "":
		in.recordNews(e, "number/"+string(r.Type)+"/"+r.Instance, numbered(r.Number, e.Received), repeated, t)
	default:
		in.record(e, t, t.expect())
	}
	for _, w := range wrong {
		in.reject(d.ID, *m, w, t)
	}
}

// heldKey names the condition behind an occurrence among the levels.
func heldKey(r *devices.Report) string { return "held/" + string(r.Type) + "/" + r.Instance }

// recordNews records e unless value is what is known under key.
func (in *Intake) recordNews(e devices.Event, key, value string, same func(last, value string) bool, t *tally) {
	in.levels[e.Urgency].change(e.Device, key, value, same, t, func(done func(error)) { in.record(e, t, done) }, in.unchanged.Inc)
}

func (in *Intake) record(e devices.Event, t *tally, done func(error)) {
	device, typ := e.Device, e.Type
	in.submit(t.ctx, e, func(err error) {
		if err != nil {
			in.failed.Inc()
			done(fmt.Errorf("record %s of %s: %w", typ, device, err))
			return
		}
		in.recorded.Inc()
		done(nil)
	})
}

func (in *Intake) identity(d *devices.Device, m *devices.Message, r *devices.Report, nth int) string {
	switch {
	case r.ID != "" && d.Unit > 0:
		return "i" + strconv.Itoa(d.Unit) + "/" + r.ID // the hardware before it had numbers of its own
	case r.ID != "":
		return "i/" + r.ID
	case m.Packet != "":
		return "p/" + m.Packet + "/" + strconv.Itoa(nth)
	}
	return in.random + strconv.FormatUint(in.counter.Add(1), 36)
}

// reject counts and, within the sender's budget, has it recorded why a report
// could not be used. The message fails only if that does.
func (in *Intake) reject(sender string, m devices.Message, err error, t *tally) {
	in.rejectFrom(sender, sender, m, err, t)
}

// rejectFrom is reject with the name of the budget.
func (in *Intake) rejectFrom(budget, sender string, m devices.Message, err error, t *tally) {
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
	if !in.rejects.take(clean(budget, 128), now) {
		return
	}
	rejected := devices.Rejected{
		Reason: why.reason, Detail: clean(why.detail, 256), Topic: clean(m.Topic, 256), Payload: clean(string(m.Payload[:min(512, len(m.Payload))]), 512), Size: len(m.Payload),
	}
	if budget == strangers {
		rejected.Payload = "" // whose it is, nobody has said; the inbox has it, masked
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
	if budget == strangers {
		in.Logger.Warn("report of an unregistered device")
	} else {
		unquoted, _, _ := strings.Cut(rejected.Detail, " (got ") // what stands there instead may be somebody's name
		in.Logger.Warn("report rejected", "device", sender, "reason", rejected.Reason, "detail", unquoted)
	}
	e, err := devices.New(sender, rejected)
	if err != nil {
		t.fail(err)
		return
	}
	e.Received = now
	e.ID = in.random + strconv.FormatUint(in.counter.Add(1), 36)
	done := t.expect()
	in.submit(t.ctx, e, func(err error) {
		if err != nil {
			err = fmt.Errorf("record rejection: %w", err)
		}
		done(err)
	})
}

// clean makes s valid UTF-8 of at most n bytes.
func clean(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
