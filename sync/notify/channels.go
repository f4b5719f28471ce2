package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"sort"
	"strings"
	"sync"
	"text/template"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// Options of Open.
type Options struct {
	// Clock, Secret and Logger are required. Secret reads a secret file.
	Clock  devices.Clock
	Secret func(path string) ([]byte, error)
	Logger *slog.Logger
	// Registerer may be nil.
	Registerer prometheus.Registerer
}

// Channels are the channels of one box.
type Channels struct {
	clock    devices.Clock
	web      *web
	channels map[string]*channel
	failures failures
	modem    *modem // nil if there is none
}

// checker is a channel that can look at itself without sending anything.
type checker interface {
	// Check is Accepted if a page could leave now.
	Check(ctx context.Context) alert.Result
}

// Open sets up the channels that c describes. The error is for a person.
func Open(c Config, o Options) (_ *Channels, err error) {
	n := &Channels{clock: o.Clock, web: newWeb(0), channels: map[string]*channel{}}
	lang := texts.Parse(c.Language)
	read := func(path string) (secret []byte) {
		if path == "" || err != nil {
			return nil
		}
		secret, err = o.Secret(path)
		return secret
	}
	add := func(kind string, sender alert.Sender) {
		n.channels[kind] = &channel{kind: kind, sender: sender, clock: o.Clock, budget: newBudget(traits[kind].limits, o.Clock().Mono), failures: &n.failures}
	}

	hook := &webhook{web: n.web, clock: o.Clock, secret: read(c.Webhook.SecretFile)}
	if c.Webhook.Template != "" {
		if hook.template, err = readTemplate(c.Webhook.Template); err != nil {
			return nil, err
		}
	}
	add(WebhookChannel, hook)
	add(alert.LogChannel, line{o.Logger})
	if c.WeComRobot.KeyFile != "" {
		add(WeComRobotChannel, &wecomRobot{n.web, c.WeComRobot.URL, string(read(c.WeComRobot.KeyFile)), lang})
	}
	if c.WeComApp.Corp != "" {
		add(WeComAppChannel, newWecomApp(n.web, o.Clock, c.WeComApp, string(read(c.WeComApp.SecretFile)), lang))
	}
	if c.DingTalk.KeyFile != "" {
		add(DingTalkChannel, &dingtalk{n.web, o.Clock, c.DingTalk.URL, string(read(c.DingTalk.KeyFile)), read(c.DingTalk.SecretFile), lang})
	}
	if c.Feishu.KeyFile != "" {
		add(FeishuChannel, &feishu{n.web, o.Clock, c.Feishu.URL, string(read(c.Feishu.KeyFile)), read(c.Feishu.SecretFile), lang})
	}
	if c.Bark.URL != "" {
		add(BarkChannel, &bark{n.web, strings.TrimSuffix(c.Bark.URL, "/"), lang})
	}
	if c.Ntfy.URL != "" {
		add(NtfyChannel, &ntfy{n.web, c.Ntfy.URL, string(read(c.Ntfy.TokenFile)), lang})
	}
	if c.Email.Server != "" {
		add(EmailChannel, newEmail(c.Email, string(read(c.Email.SecretFile)), lang))
	}
	if c.SMS.Port != "" {
		n.modem = newModem(c.SMS, string(read(c.SMS.PINFile)), lang, o.Logger)
		add(SMSChannel, n.modem)
	}
	if c.Speech.Device != "" {
		add(SpeechChannel, &speech{config: c.Speech})
	}
	if c.AliyunSMS.Key != "" {
		add(AliyunSMSChannel, newAliyunSMS(n.web, o.Clock, c.AliyunSMS, string(read(c.AliyunSMS.SecretFile)), lang))
	}
	if c.AliyunVoice.Key != "" {
		add(AliyunVoiceChannel, newAliyunVoice(n.web, o.Clock, c.AliyunVoice, string(read(c.AliyunVoice.SecretFile)), lang))
	}
	if err != nil {
		return nil, err
	}
	return n, n.register(o.Registerer)
}

func readTemplate(path string) (t *template.Template, err error) {
	source, err := os.ReadFile(path)
	if err == nil {
		t, err = parseTemplate(string(source))
	}
	if err != nil {
		return nil, texts.Errorf(texts.Notify.Template, path, err)
	}
	return t, nil
}

// Senders are the channels by kind.
func (n *Channels) Senders() map[string]alert.Sender {
	senders := map[string]alert.Sender{}
	for kind, c := range n.channels {
		senders[kind] = c
		if look, ok := c.sender.(checker); ok {
			senders[kind] = probing{c, look}
		}
	}
	return senders
}

// probing is a channel that takes part in drills.
type probing struct {
	*channel
	checker
}

// Probe is past the budget: nothing is sent.
func (p probing) Probe(ctx context.Context) alert.Result { return p.Check(ctx) }

// Run works with the modem until ctx ends, and hands what is replied to reply.
// It returns nil.
func (n *Channels) Run(ctx context.Context, reply Reply) error {
	if n.modem == nil {
		<-ctx.Done()
		return nil
	}
	n.modem.reply = reply
	return n.modem.Run(ctx)
}

// Modem is how the modem is; ok is false if there is none.
func (n *Channels) Modem() (state ModemState, ok bool) {
	if n.modem == nil {
		return ModemState{}, false
	}
	return n.modem.State(), true
}

// Close lets go of idle connections.
func (n *Channels) Close() error {
	n.web.close()
	return nil
}

// channel is a sender with its budget.
type channel struct {
	kind     string
	sender   alert.Sender
	clock    devices.Clock
	budget   *budget
	failures *failures

	mu       sync.Mutex
	accepted devices.Stamp // the latest, zero for none since the start
	last     alert.Result
}

// Send makes one attempt if the budget has room for it. What has none is told
// to come again, and costs nobody else anything: only where the provider
// itself has blocked the channel is the whole line left alone.
func (c *channel) Send(ctx context.Context, address string, p alert.Page) alert.Result {
	high := p.Priority == alert.High
	wait, why := c.budget.take(address, high, c.clock().Mono)
	if wait > 0 {
		result := alert.Result{Class: alert.Temporary, Detail: why}
		switch {
		case why == reservedDetail:
			result.Class = alert.Permanent
		case high || why == blockedDetail:
			result.RetryAfter = wait
		}
		c.failures.note(c.clock(), c.kind, p, result)
		return result
	}
	result := c.sender.Send(ctx, address, p)
	now := c.clock()
	if result.Class == alert.Temporary && result.RetryAfter > 0 {
		c.budget.block(address, now.Mono+min(result.RetryAfter, alert.MaxRetryAfter))
	}
	c.failures.note(now, c.kind, p, result)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last = result; result.Class == alert.Accepted {
		c.accepted = now
	}
	return result
}

// State is how a channel is.
type State struct {
	Kind string `json:"kind"`
	// Way is what a page leaves the box by: "internet", "sim" or "box".
	Way string `json:"way"`
	// Used is how much of the tightest rate limit is spent, from 0 to 1.
	Used float64 `json:"used"`
	// Accepted is when a page was last accepted since the start, zero for
	// never; Last is how the latest attempt ended, "" for none.
	Accepted time.Time   `json:"accepted,omitzero"`
	Last     alert.Class `json:"last,omitempty"`
	Detail   string      `json:"detail,omitempty"`
	// People is how many caregivers have it.
	People int `json:"people"`
}

// States lists the channels by kind, the log apart.
func (n *Channels) States(people *registry.Snapshot) []State {
	var states []State
	for kind, c := range n.channels {
		if kind == alert.LogChannel {
			continue
		}
		s := State{Kind: kind, Way: traits[kind].way, Used: c.budget.used(n.clock().Mono)}
		c.mu.Lock()
		s.Accepted, s.Last, s.Detail = c.accepted.Wall, c.last.Class, c.last.Detail
		c.mu.Unlock()
		for _, person := range people.Caregivers {
			if slices.ContainsFunc(person.Channels, func(ch registry.Channel) bool { return ch.Kind == kind }) {
				s.People++
			}
		}
		states = append(states, s)
	}
	sort.Slice(states, func(i, j int) bool { return states[i].Kind < states[j].Kind })
	return states
}

// Test sends a page that is marked as a trial to an address, by the channel
// itself: past its budget, so that it says what the provider says.
func (n *Channels) Test(ctx context.Context, kind, address string) (alert.Result, error) {
	c := n.channels[kind]
	if c == nil || kind == alert.LogChannel {
		return alert.Result{}, texts.Errorf(texts.Notify.NoChannel, kind, strings.Join(n.kinds(), ", "))
	}
	return n.try(ctx, kind, address, alert.SOS), nil
}

// try sends a page that is marked as a trial, whether the budget has room for it
// or not.
func (n *Channels) try(ctx context.Context, channel, address string, kind alert.Kind) alert.Result {
	now := n.clock()
	p := alert.Page{
		Key: fmt.Sprintf("test-%x", now.Mono), Incident: "test", Kind: kind, Priority: alert.High, Building: texts.Notify.TestPlace.ZH,
		Raised: now.Wall, Synced: now.Synced, Presses: 1, Round: 1, Step: 1, Attempt: 1, Test: true,
	}
	c := n.channels[channel]
	c.budget.take(address, true, now.Mono) // the provider counts it, too
	return c.sender.Send(ctx, address, p)
}

func (n *Channels) kinds() []string {
	var kinds []string
	for kind := range n.channels {
		if kind != alert.LogChannel {
			kinds = append(kinds, kind)
		}
	}
	sort.Strings(kinds)
	return kinds
}

// Ways lists the independent paths by which a call for help can reach
// somebody: those that end differently when one line is cut. Two providers
// behind one Internet connection are one way. Siren tells whether the box has
// an output of its own.
func (n *Channels) Ways(people *registry.Snapshot, siren bool) []string {
	ways := map[string]bool{wayBox: siren}
	for _, person := range people.Caregivers {
		for _, c := range person.Channels {
			if n.channels[c.Kind] != nil {
				ways[wayOf(c)] = true
			}
		}
	}
	return listed(ways)
}

// Ways lists the paths that the settings alone allow for. Siren tells whether
// one is wired to the box.
func (c Config) Ways(siren bool) []string {
	return listed(map[string]bool{wayInternet: true, waySIM: c.SMS.Port != "", wayBox: siren || c.Siren.Topic != "" || c.Speech.Device != ""})
}

func listed(ways map[string]bool) []string {
	var list []string
	for way, there := range ways {
		if there {
			list = append(list, way)
		}
	}
	sort.Strings(list)
	return list
}

// WayText names a way.
func WayText(way string) texts.Text {
	switch way {
	case wayLocal:
		return texts.Notify.Local
	case waySIM:
		return texts.Notify.SIM
	case wayBox:
		return texts.Notify.Box
	}
	return texts.Notify.Internet
}

// wayOf is the way of one caregiver's channel. A webhook on the local network
// needs no Internet.
func wayOf(c registry.Channel) string {
	if c.Kind == WebhookChannel {
		if u, err := url.Parse(c.Address); err == nil {
			if ip, err := netip.ParseAddr(u.Hostname()); err == nil && (ip.IsPrivate() || ip.IsLoopback()) {
				return wayLocal
			}
		}
	}
	return traits[c.Kind].way
}

// register makes the metrics.
func (n *Channels) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	var errs []error
	for kind, c := range n.channels {
		if len(traits[kind].limits) == 0 {
			continue
		}
		errs = append(errs, r.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "linli_notify_budget_used_ratio", Help: "Share of a channel's tightest rate limit that is spent.",
			ConstLabels: prometheus.Labels{"channel": kind},
		}, func() float64 { return c.budget.used(n.clock().Mono) })))
	}
	if n.modem != nil {
		for _, c := range n.modem.collectors() {
			errs = append(errs, r.Register(c))
		}
	}
	errs = append(errs, r.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "linli_notify_undelivered_pages", Help: "Latest pages that their channel has not accepted: see linli channel failed.",
	}, func() float64 { return float64(len(n.failures.list())) })))
	return errors.Join(errs...)
}

// Failures lists the latest pages that their channel has not accepted, the
// newest last.
func (n *Channels) Failures() []Failure { return n.failures.list() }

// Failure is a page that a channel has not accepted.
type Failure struct {
	At       time.Time   `json:"at"`
	Channel  string      `json:"channel"`
	Incident string      `json:"incident"`
	Step     int         `json:"step"`
	Attempts int         `json:"attempts"`
	Class    alert.Class `json:"class"`
	Detail   string      `json:"detail"`

	key string
}

// failures keeps the latest of them. A page that gets through after all is
// taken out again.
type failures struct {
	mu   sync.Mutex
	kept []Failure
}

const maxFailures = 200

func (f *failures) note(now devices.Stamp, kind string, p alert.Page, result alert.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept = slices.DeleteFunc(f.kept, func(k Failure) bool { return k.key == p.Key && k.Channel == kind })
	if result.Class == alert.Accepted {
		return
	}
	f.kept = append(f.kept, Failure{
		At: now.Wall, Channel: kind, Incident: p.Incident, Step: p.Step, Attempts: p.Attempt, Class: result.Class, Detail: result.Detail, key: p.Key,
	})
	if len(f.kept) > maxFailures {
		f.kept = slices.Clone(f.kept[1:])
	}
}

func (f *failures) list() []Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.kept)
}
