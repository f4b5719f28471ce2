package simulate

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Load is how a fleet speaks.
type Load struct {
	// Broker is the gateway's address, tcp://… or ssl://….
	Broker string
	TLS    *tls.Config // nil for that of the system
	// Each device says something every Interval, for as long as Duration; a
	// device whose last message is not acknowledged yet waits for that first.
	Interval, Duration time.Duration
	// Messages of each device after which it falls silent, 0 for no limit.
	Messages int
	Seed     uint64
	// Help lets devices report calls for help and faults too, as often as real
	// ones do. Whoever is registered at the gateway is called then.
	Help   bool
	Clock  devices.Clock
	Logger *slog.Logger
}

// Said is what one device has said.
type Said struct {
	// Events with an identity of their own, "<run>-1" to "<run>-<Events>": so
	// many are acknowledged.
	Events int
	// Doors are the acknowledged messages of a vendor's device, each of which
	// tells that its door has moved.
	Doors int
	// States are acknowledged levels, of which the gateway keeps those that
	// have changed.
	States int
}

// Run is a load that is under way, or was.
type Run struct {
	Load
	// Name begins the identities of this run.
	Name    string
	members []Member
	began   devices.Stamp

	acknowledged, again, reconnects, slowest atomic.Int64
	answered                                 atomic.Int64
	mu                                       sync.Mutex
	said                                     map[string]Said
}

// NewRun prepares a load. It connects to nothing yet.
func NewRun(members []Member, l Load) (*Run, error) {
	if l.Clock == nil || l.Logger == nil {
		return nil, errors.New("load: Clock and Logger are needed")
	}
	if l.Interval <= 0 || l.Duration <= 0 {
		return nil, fmt.Errorf("load: interval and duration must be above 0 (got %s, %s)", l.Interval, l.Duration)
	}
	return &Run{Load: l, members: members, said: map[string]Said{}}, nil
}

// Play lets all of them speak until the duration is over, waits until what
// they have said is acknowledged, and disconnects. An error means that somebody
// could not log in at all, or that not everything was acknowledged.
func (r *Run) Play(ctx context.Context) error {
	r.began = r.Clock()
	r.Name = "sim" + strconv.FormatInt(r.began.Wall.UnixMilli(), 36)
	speaking, stop := context.WithTimeout(ctx, r.Duration)
	defer stop()
	links, byBridge := []*link{}, map[string]*link{}
	for _, m := range r.members {
		if m.Bridge == "" {
			l := &link{run: r, member: m}
			links, byBridge[m.ID] = append(links, l), l
		}
	}
	for _, m := range r.members {
		switch l := byBridge[m.Bridge]; {
		case m.Bridge == "" && m.Kind != devices.KindBridge:
			byBridge[m.ID].voices = append(byBridge[m.ID].voices, m)
		case l != nil:
			l.voices = append(l.voices, m)
		}
	}
	errs := make(chan error, len(links))
	var all sync.WaitGroup
	for i, l := range links {
		all.Go(func() {
			// They do not all call at the same moment.
			if wait(speaking, time.Duration(i)*time.Second/time.Duration(len(links))) {
				errs <- l.serve(ctx, speaking)
			}
		})
	}
	all.Wait()
	close(errs)
	var wrong []error
	for err := range errs {
		if err != nil && len(wrong) < 3 { // the others say the same
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}

// Progress is how far a run has come.
type Progress struct {
	Devices, Acknowledged, Again, Reconnects, Answered int
	Elapsed, Slowest                                   time.Duration
}

// Progress of the run so far.
func (r *Run) Progress() Progress {
	elapsed, _ := r.Clock().Since(r.began)
	n := 0
	for _, m := range r.members {
		if m.Kind != devices.KindBridge {
			n++
		}
	}
	return Progress{
		Devices: n, Acknowledged: int(r.acknowledged.Load()), Again: int(r.again.Load()), Reconnects: int(r.reconnects.Load()),
		Answered: int(r.answered.Load()), Elapsed: elapsed, Slowest: time.Duration(r.slowest.Load()),
	}
}

// Said is what each device has said and the gateway acknowledged.
func (r *Run) Said() map[string]Said {
	r.mu.Lock()
	defer r.mu.Unlock()
	said := map[string]Said{}
	for id, s := range r.said {
		said[id] = s
	}
	return said
}

// link is one connection: of a device, or of a bridge for several.
type link struct {
	run    *Run
	member Member
	voices []Member

	mu     sync.Mutex
	client mqtt.Client // nil while there is none
	lost   chan struct{}
}

// serve keeps the connection up while its voices speak.
func (l *link) serve(ctx, speaking context.Context) error {
	for try := 1; ; try++ {
		err := l.connect(ctx)
		if err == nil {
			break
		}
		if try == tries || !wait(ctx, retryAfter) {
			return fmt.Errorf("%s: %w", l.member.ID, err)
		}
	}
	var voices sync.WaitGroup
	errs := make(chan error, len(l.voices))
	for i, m := range l.voices {
		voices.Go(func() { errs <- l.speak(ctx, speaking, m, i) })
	}
	done := make(chan struct{})
	go func() { voices.Wait(); close(done) }()
	for up := true; up; {
		l.mu.Lock()
		lost := l.lost
		l.mu.Unlock()
		select {
		case <-done:
			up = false
		case <-lost:
			l.run.reconnects.Add(1)
			if err := l.connect(ctx); err != nil && !wait(ctx, retryAfter) {
				<-done
				up = false
			}
		}
	}
	l.mu.Lock()
	l.client.Disconnect(250)
	l.mu.Unlock()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *link) connect(ctx context.Context) error {
	lost := make(chan struct{})
	o := mqtt.NewClientOptions().AddBroker(l.run.Broker).SetClientID(l.member.ID).SetUsername(l.member.ID).SetPassword(l.member.Secret).
		SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false).SetOrderMatters(false).
		SetConnectTimeout(30 * time.Second).SetWriteTimeout(30 * time.Second).SetKeepAlive(60 * time.Second).
		SetConnectionLostHandler(func(mqtt.Client, error) { close(lost) })
	if l.run.TLS != nil {
		o.SetTLSConfig(l.run.TLS)
	}
	own := l.member.Kind != devices.KindBridge
	status := "linli/v1/" + l.member.ID + "/status"
	if own {
		o.SetBinaryWill(status, []byte(`{"online":false}`), 1, false)
	}
	client := mqtt.NewClient(o)
	if err := finish(ctx, client.Connect()); err != nil {
		l.mu.Lock()
		if l.client == nil {
			l.client = client // there is something to disconnect
		}
		l.mu.Unlock()
		return err
	}
	if own {
		if err := finish(ctx, client.Publish(status, 1, false, `{"online":true}`)); err != nil {
			return err
		}
		if err := finish(ctx, client.Subscribe(command.Topic(l.member.ID), 1, l.obey)); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client, l.lost = client, lost
	return nil
}

// obey carries out an order that has not expired, and says so.
func (l *link) obey(client mqtt.Client, m mqtt.Message) {
	o, expires, err := command.Decode(m.Payload())
	if err != nil {
		l.run.Logger.Warn("simulated device does not understand an order", "device", l.member.ID, "error", err)
		return
	}
	typ, data := command.TypeDone, any(command.Done{Command: o.ID})
	if !l.run.Clock().Wall.Before(expires) {
		typ, data = command.TypeFailed, command.Failed{Command: o.ID, Reason: command.Expired}
	}
	answer, err := json.Marshal(map[string]any{"id": "order-" + o.ID, "type": typ, "data": data})
	if err != nil {
		l.run.Logger.Error("simulated device cannot answer", "device", l.member.ID, "error", err)
		return
	}
	client.Publish("linli/v1/"+l.member.ID+"/event", 1, false, answer)
	l.run.answered.Add(1)
}

// speak says one thing after the other, each until it is acknowledged.
func (l *link) speak(ctx, speaking context.Context, m Member, nth int) error {
	next, stop := iter.Pull(l.run.utterances(m))
	defer stop()
	offset := l.run.Interval * time.Duration(nth) / time.Duration(len(l.voices))
	for k := 0; l.run.Messages == 0 || k < l.run.Messages; k++ {
		due := offset + l.run.Interval*time.Duration(k)
		elapsed, _ := l.run.Clock().Since(l.run.began)
		if !wait(speaking, due-elapsed) {
			return nil
		}
		u, ok := next()
		if !ok {
			return nil
		}
		if err := l.deliver(ctx, m.ID, u); err != nil {
			return err
		}
		l.run.count(m.ID, u)
	}
	return nil
}

// tries is how often a device calls before it is said that it cannot log in.
const tries = 5

// giveUp is how long one message may take, over all reconnects.
const giveUp = 5 * time.Minute

func (l *link) deliver(ctx context.Context, device string, u utterance) error {
	began := time.Now()
	for first := true; ; first = false {
		l.mu.Lock()
		client := l.client
		l.mu.Unlock()
		err := finish(ctx, client.Publish(u.topic, 1, false, u.payload))
		took := time.Since(began)
		if err == nil {
			for old := l.run.slowest.Load(); int64(took) > old && !l.run.slowest.CompareAndSwap(old, int64(took)); old = l.run.slowest.Load() {
			}
			return nil
		}
		l.run.again.Add(1)
		if ctx.Err() != nil || took > giveUp {
			return fmt.Errorf("%s: not acknowledged: %w", device, err)
		}
		if first {
			l.run.Logger.Debug("simulated device sends again", "device", device, "error", err)
		}
		wait(ctx, time.Second)
	}
}

func (r *Run) count(device string, u utterance) {
	r.acknowledged.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.said[device]
	switch {
	case u.door:
		s.Doors++
	case u.state:
		s.States++
	default:
		s.Events++
	}
	r.said[device] = s
}

// utterance is one message of a device.
type utterance struct {
	topic       string
	payload     []byte
	door, state bool
}

// utterances are what a device says, endless.
func (r *Run) utterances(m Member) iter.Seq[utterance] {
	if v, ok := vendorOf(m.Make); ok {
		return func(yield func(utterance) bool) {
			// The first one only shuts the door, however an earlier run left it:
			// from then on each is news.
			for n := 0; ; n++ {
				topic, payload := v.door(m.Address, n%2 == 1, n)
				b, err := v.write(payload)
				if err != nil || !yield(utterance{topic: topic, payload: b, door: n > 0, state: n == 0}) {
					return
				}
			}
		}
	}
	return func(yield func(utterance) bool) {
		n := 0
		for report := range Routine(Device{Device: m.Device}, r.Seed, r.began.Wall, time.Time{}) {
			if !r.Help && calls(report.Payload) {
				continue
			}
			_, state := report.Payload.(devices.Leveled)
			if !state {
				n++
			}
			u, err := r.native(m.ID, report.Payload, state, n)
			if err != nil || !yield(u) {
				return
			}
		}
	}
}

// native is a report on the gateway's own topics, the nth event of the device.
// It has no time stamp: the rhythm of the day has run ahead of any clock.
func (r *Run) native(device string, p devices.Payload, state bool, n int) (u utterance, err error) {
	type said struct {
		ID   string          `json:"id,omitempty"`
		Type devices.Type    `json:"type"`
		Data devices.Payload `json:"data"`
	}
	u = utterance{topic: "linli/v1/" + device + "/event", state: state}
	if state {
		u.topic = "linli/v1/" + device + "/state"
		u.payload, err = json.Marshal(map[string]any{"states": []said{{Type: p.EventType(), Data: p}}})
		return u, err
	}
	u.payload, err = json.Marshal(said{fmt.Sprintf("%s-%d", r.Name, n), p.EventType(), p})
	return u, err
}

// calls tells whether a report calls people: for help, or to mend something.
func calls(p devices.Payload) bool {
	if p.EventType() == condition.TypeFault {
		return true
	}
	switch p.(type) {
	case wearable.SOS, wearable.Fall, alarm.Smoke, alarm.Gas, alarm.CarbonMonoxide, alarm.Water:
		return true
	}
	return false
}

// wait returns false if ctx ended before d was over.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
