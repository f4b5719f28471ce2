package mqtt

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// ClientState is one session, as it is for a person to look at.
type ClientState struct {
	Account   string `json:"account"`
	Client    string `json:"client"`
	Connected bool   `json:"connected"`
	// Of a connection.
	Remote   string    `json:"remote,omitempty"`
	Listener string    `json:"listener,omitempty"`
	Version  string    `json:"version,omitempty"`
	Since    time.Time `json:"since"` // connected, or gone
	// Unsettled are messages from the client that are not acknowledged yet;
	// Queued those for it, of QoS 1 and 2.
	Unsettled     int           `json:"unsettled"`
	Queued        int           `json:"queued"`
	QueuedBytes   int           `json:"queued_bytes"`
	Subscriptions []string      `json:"subscriptions"`
	Kept          time.Duration `json:"kept_ns"` // after the connection has ended
}

// Clients lists the sessions, by account and client ID.
func (b *Broker) Clients() []ClientState {
	b.mu.Lock()
	sessions := make([]*session, 0, len(b.sessions))
	for _, s := range b.sessions {
		sessions = append(sessions, s)
	}
	b.mu.Unlock()
	all := make([]ClientState, len(sessions))
	for i, s := range sessions {
		all[i] = s.state()
	}
	slices.SortFunc(all, func(a, b ClientState) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Client, b.Client))
	})
	return all
}

func (s *session) state() ClientState {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := ClientState{Account: s.account.ID, Client: s.client, Since: s.gone, Queued: s.queued, QueuedBytes: s.bytes, Kept: s.keep, Subscriptions: []string{}}
	for filter := range s.subs {
		st.Subscriptions = append(st.Subscriptions, filter)
	}
	slices.Sort(st.Subscriptions)
	if c := s.conn; c != nil {
		st.Connected, st.Since, st.Remote, st.Listener, st.Version = true, c.since, c.nc.RemoteAddr().String(), c.kind, c.version.String()
		c.mu.Lock()
		st.Unsettled = len(c.slots)
		c.mu.Unlock()
	}
	return st
}

// Watched is a message that somebody watches.
type Watched struct {
	Topic   string `json:"topic"`
	Payload []byte `json:"payload"`
	QoS     byte   `json:"qos"`
	Retain  bool   `json:"retain"`
	// Missed is how many were not shown since the last one, because whoever
	// watches is too slow.
	Missed uint64 `json:"missed,omitempty"`
}

type watcher struct {
	filter string
	out    chan Watched
	missed atomic.Uint64
}

// offer never waits.
func (w *watcher) offer(m *message) {
	if !Covers(w.filter, m.topic) {
		return
	}
	shown := Watched{Topic: m.topic, Payload: m.payload, QoS: m.qos, Retain: m.retain, Missed: w.missed.Swap(0)}
	select {
	case w.out <- shown:
	default:
		w.missed.Add(shown.Missed + 1)
	}
}

// Watch shows what is published on the topics of filter, once the handler has
// taken it, until stop is called.
func (b *Broker) Watch(filter string) (messages <-chan Watched, stop func(), err error) {
	if plain, _ := unshare(filter); !ValidFilter(filter) || plain != filter {
		return nil, nil, fmt.Errorf("%w: %q is no filter", ErrTopic, filter)
	}
	w := &watcher{filter: filter, out: make(chan Watched, 256)}
	b.router.mu.Lock()
	b.router.watchers[w] = struct{}{}
	b.router.mu.Unlock()
	return w.out, func() {
		b.router.mu.Lock()
		delete(b.router.watchers, w)
		b.router.mu.Unlock()
	}, nil
}

// statusInterval is how often the topics below $SYS are published, if anybody
// has subscribed to them.
const statusInterval = 10 * time.Second

// status are the topics below $SYS.
func (b *Broker) status() []*message {
	b.mu.Lock()
	sessions, connections := len(b.sessions), len(b.open)-b.pending
	b.mu.Unlock()
	b.router.mu.RLock()
	retained := len(b.router.retained)
	b.router.mu.RUnlock()
	var all []*message
	for topic, value := range map[string]string{
		"version":                   buildVersion(),
		"uptime":                    strconv.FormatInt(int64(time.Since(b.started)/time.Second), 10) + " seconds",
		"clients/connected":         strconv.Itoa(connections),
		"clients/total":             strconv.Itoa(sessions),
		"retained messages/count":   strconv.Itoa(retained),
		"messages/stored/bytes":     strconv.FormatInt(b.queuedBytes.Load(), 10),
		"publish/messages/received": strconv.FormatUint(b.received.Load(), 10),
	} {
		all = append(all, &message{topic: "$SYS/broker/" + topic, payload: []byte(value)})
	}
	return all
}

func buildVersion() string {
	version := "devel"
	if i, ok := debug.ReadBuildInfo(); ok && i.Main.Version != "" {
		version = i.Main.Version
	}
	return "linli-gateway " + version
}

// sendStatus sends the topics below $SYS to a new subscription.
func (b *Broker) sendStatus(sub *subscription) {
	for _, m := range b.status() {
		if Covers(sub.filter, m.topic) {
			_, _ = sub.session.offer(m, target{session: sub.session, retain: true, kept: true}) // QoS 0 is never held back
		}
	}
}

// publishStatus sends them to all who have subscribed.
func (b *Broker) publishStatus() {
	b.router.mu.RLock()
	anybody := b.router.root.children["$SYS"] != nil
	b.router.mu.RUnlock()
	if !anybody {
		return
	}
	for _, m := range b.status() {
		b.route(m, nil, func(error) {})
	}
}
