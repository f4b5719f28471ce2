package registry

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices"
)

// Unknown is a sender that speaks and is not registered.
type Unknown struct {
	// ID is what it is called until it is registered: see devices.Contact.Sender.
	ID string `json:"id"`
	// Bridge speaks for it, "" if it speaks for itself; Address is what the
	// bridge calls it, or its own name. Profile is set where it is itself a
	// bridge: see devices.Contact.
	Bridge  string `json:"bridge,omitempty"`
	Address string `json:"address" personal:"true"`
	Profile string `json:"profile,omitempty"`
	// Topic and Payload are of its last message, the first bytes of it; what
	// might be personal in the payload is masked.
	Topic   string `json:"topic" personal:"true"`
	Payload string `json:"payload,omitempty" personal:"true"`
	Model   string `json:"model,omitempty"`
	// Kinds are those that it may be of, the likeliest first; Types what it has
	// reported; Help is set once it has called for help.
	Kinds []devices.Kind `json:"kinds,omitempty"`
	Types []devices.Type `json:"types,omitempty"`
	Help  bool           `json:"help,omitempty"`
	First devices.Stamp  `json:"first"`
	Last  devices.Stamp  `json:"last"`
	// Count is how many messages it has sent, Spells how many of them came a
	// minute or more after the one before.
	Count  uint64 `json:"count"`
	Spells int    `json:"spells"`

	votes map[devices.Kind]int
	saved uint64 // Count as it stands on disk
}

// Limits of the inbox.
const (
	MaxUnknown = 200         // senders
	maxSample  = 256         // bytes of a payload that are kept
	maxTypes   = 16          // of one sender
	maxLooks   = 20          // messages that are looked at whenever they come
	spell      = time.Minute // and one a spell from then on
	maxLeft    = 4096        // senders that had to leave and are remembered by name
)

// inboxTable holds the inbox.
const inboxTable Table = "inbox"

// Inbox is where senders land that are not registered. It holds the newest and
// the most persistent of them: where another one finds no place, the one goes
// that was heard in the fewest minutes, and of these the one heard longest
// ago. So a flood of invented names turns out only others of its kind.
type Inbox struct {
	registry *Registry
	seen     prometheus.Counter
	dropped  prometheus.Counter
	decided  prometheus.Counter

	mu      sync.Mutex
	entries map[string]*Unknown
	unsaved map[string]bool // entries that are new, or gone
	left    map[string]bool // who had to leave, by ID
	leaving []string        // the same, the latest maxLeft in a ring
	next    int             // place in the ring
}

var _ devices.Inbox = (*Inbox)(nil)

func newInbox(r *Registry, saved []Unknown, registerer prometheus.Registerer) *Inbox {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	in := &Inbox{
		registry: r, entries: map[string]*Unknown{}, unsaved: map[string]bool{}, left: map[string]bool{},
		seen:    counter("linli_registry_unknown_reports_total", "Messages of senders that are not registered."),
		dropped: counter("linli_registry_unknown_dropped_total", "Senders that are not registered and had to leave the inbox for others."),
		decided: counter("linli_registry_ignored_reports_total", "Messages of senders that somebody has ignored or blocked."),
	}
	for _, u := range saved {
		u.saved = u.Count
		in.entries[u.ID] = &u
	}
	in.settle(r.Snapshot())
	if registerer != nil {
		registerer.MustRegister(in.seen, in.dropped, in.decided, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "linli_registry_unknown_senders", Help: "Senders in the inbox.",
		}, func() float64 { return float64(in.Len()) }))
	}
	return in
}

// Inbox is that of the registry.
func (r *Registry) Inbox() *Inbox { return r.inbox }

// Heard takes in a message of a sender that is not registered. It tells
// whether somebody has ignored or blocked it.
func (in *Inbox) Heard(c devices.Contact, look func() devices.Looks) (decided bool) {
	id := c.Sender()
	if _, ok := in.registry.Snapshot().Verdicts[id]; ok {
		in.decided.Inc()
		return true
	}
	in.seen.Inc()
	var looks devices.Looks
	if in.wants(id, c.Received) {
		looks = look() // takes its time
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	u, ok := in.entries[id]
	if !ok {
		in.makePlace()
		u = &Unknown{ID: id, Bridge: c.Bridge, Address: clip(c.Address, maxAddress), Profile: c.Profile, First: c.Received}
		if in.left[id] {
			u.Spells = 1
		}
		in.entries[id], in.unsaved[id] = u, true
	}
	if since, same := c.Received.Since(u.Last); u.Count == 0 || !same || since >= spell {
		u.Spells++
	}
	u.Count++
	u.Last, u.Topic, u.Payload = c.Received, clip(c.Topic, maxSample), sample(c.Payload)
	u.see(looks)
	return false
}

// wants tells whether it is worth looking at a sender's message.
func (in *Inbox) wants(id string, now devices.Stamp) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	u, ok := in.entries[id]
	if !ok || u.Count < maxLooks {
		return true
	}
	since, same := now.Since(u.Last)
	return !same || since >= spell
}

// see adds what a message looks like to what the sender looked like before.
func (u *Unknown) see(l devices.Looks) {
	u.Model = cmp.Or(clip(l.Model, maxSample), u.Model)
	u.Help = u.Help || l.Help
	for _, t := range l.Types {
		if !slices.Contains(u.Types, t) && len(u.Types) < maxTypes {
			u.Types = append(slices.Clip(u.Types), t) // the old one may be read
		}
	}
	if len(l.Kinds) == 0 {
		return
	}
	if u.votes == nil {
		u.votes = map[devices.Kind]int{}
		for i, k := range slices.Backward(u.Kinds) {
			u.votes[k] = len(u.Kinds) - i
		}
	}
	for i, k := range l.Kinds {
		u.votes[k] += len(l.Kinds) - i
	}
	u.Kinds = slices.SortedFunc(maps.Keys(u.votes), func(a, b devices.Kind) int {
		return cmp.Or(cmp.Compare(u.votes[b], u.votes[a]), cmp.Compare(a, b))
	})
}

// makePlace takes out the least persistent where the inbox is full.
func (in *Inbox) makePlace() {
	if len(in.entries) < MaxUnknown {
		return
	}
	least := slices.MinFunc(slices.Collect(maps.Values(in.entries)), func(a, b *Unknown) int {
		return cmp.Or(cmp.Compare(a.Spells, b.Spells), compareStamps(a.Last, b.Last), cmp.Compare(a.ID, b.ID))
	})
	in.drop(least.ID)
	in.dropped.Inc()
	if len(in.leaving) < maxLeft {
		in.leaving = append(in.leaving, least.ID)
	} else {
		delete(in.left, in.leaving[in.next])
		in.leaving[in.next] = least.ID
		in.next = (in.next + 1) % maxLeft
	}
	in.left[least.ID] = true
}

func (in *Inbox) drop(id string) {
	delete(in.entries, id)
	in.unsaved[id] = true
}

// settle takes out whoever is registered, ignored or blocked.
func (in *Inbox) settle(s *Snapshot) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for id, u := range in.entries {
		_, decided := s.Verdicts[id]
		d, registered := s.Devices[u.Address]
		if u.Bridge != "" {
			d.Device, registered = s.Behind(u.Bridge, u.Address)
		}
		if u.Profile != "" {
			registered = slices.ContainsFunc(s.Bridges(), func(b devices.Device) bool { return !b.Retired && b.Profile == u.Profile })
			d = Device{}
		}
		if decided || registered && !d.Retired {
			in.drop(id)
		}
	}
}

// List is everybody in the inbox: who has called for help first, then who was
// first heard last.
func (in *Inbox) List() []Unknown {
	in.mu.Lock()
	defer in.mu.Unlock()
	list := make([]Unknown, 0, len(in.entries))
	for _, u := range in.entries {
		list = append(list, *u)
	}
	slices.SortFunc(list, func(a, b Unknown) int {
		if a.Help != b.Help {
			if a.Help {
				return -1
			}
			return 1
		}
		return cmp.Or(compareStamps(b.First, a.First), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// Len is how many are in the inbox.
func (in *Inbox) Len() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.entries)
}

// Find returns the sender of that ID, or of that address if there is just one.
func (in *Inbox) Find(name string) (Unknown, bool) {
	var found []Unknown
	for _, u := range in.List() {
		if u.ID == name {
			return u, true
		}
		if u.Address == name {
			found = append(found, u)
		}
	}
	if len(found) != 1 {
		return Unknown{}, false
	}
	return found[0], true
}

// Called is what the bridge of a sender calls it, "" if it is not in the inbox.
func (in *Inbox) Called(id string) string {
	in.mu.Lock()
	defer in.mu.Unlock()
	if u := in.entries[id]; u != nil {
		return u.Address
	}
	return ""
}

// Known tells of a device behind a bridge whether it is registered, or waits in
// the inbox.
func (r *Registry) Known(bridge, address string) bool {
	if d, ok := r.Behind(bridge, address); ok && !d.Retired {
		return true
	}
	return r.inbox.Called(devices.Contact{Bridge: bridge, Address: address}.Sender()) != ""
}

// compareStamps orders by the monotonic clock within a boot, else by the wall
// clock.
func compareStamps(a, b devices.Stamp) int {
	if since, same := a.Since(b); same {
		return cmp.Compare(since, 0)
	}
	return a.Wall.Compare(b.Wall)
}

// loadInbox reads the inbox; what is damaged or locked will speak again.
func loadInbox(tx *bolt.Tx, keys *keyring) ([]Unknown, error) {
	var list []Unknown
	bucket := tx.Bucket([]byte(inboxTable))
	if bucket == nil {
		return nil, nil
	}
	err := bucket.ForEach(func(key, value []byte) error {
		document, err := unseal(inboxTable, string(key), value)
		if err != nil {
			return nil
		}
		document, state, _, err := keys.show(inboxTable, string(key), document, unknownPersonal)
		var u Unknown
		if err == nil && state != locked && json.Unmarshal(document, &u) == nil && u.ID == string(key) && len(list) < MaxUnknown {
			list = append(list, u)
		}
		return nil
	})
	return list, err
}

// saveInbox writes who is new in the inbox and who has left it; all of them
// where the counts shall be right. Nobody is held up by the disk meanwhile.
func (r *Registry) saveInbox(all bool) error {
	in := r.inbox
	in.mu.Lock()
	gone, entries := in.unsaved, map[string]Unknown{}
	in.unsaved = map[string]bool{}
	for id, u := range in.entries {
		if all && u.Count != u.saved || gone[id] {
			entries[id], u.saved = *u, u.Count
		}
	}
	in.mu.Unlock()
	writes := map[place][]byte{}
	for id := range gone {
		writes[place{inboxTable, id}] = nil
	}
	for id, u := range entries {
		document, err := json.Marshal(u)
		if err == nil {
			document, err = r.keys.hide(inboxTable, id, document, unknownPersonal, nil)
		}
		if err != nil {
			return fmt.Errorf("encode inbox: %w", err)
		}
		writes[place{inboxTable, id}] = seal(inboxTable, id, document)
	}
	if len(writes) == 0 {
		return nil
	}
	if err := r.write(writes); err != nil {
		in.mu.Lock()
		defer in.mu.Unlock()
		for at := range writes {
			in.unsaved[at.id] = true
		}
		return fmt.Errorf("write registry: %w", err)
	}
	return nil
}
