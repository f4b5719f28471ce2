package mqtt

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// message is what was published, on its way to whoever subscribed. It is
// shared, and never changed.
type message struct {
	topic   string
	payload []byte
	qos     byte
	retain  bool      // it asks to be retained
	props   []byte    // of MQTT 5, encoded, passed on as they came
	expires time.Time // zero for never
	from    *session  // nil for the gateway itself
}

// size is about what it takes in memory.
func (m *message) size() int { return len(m.topic) + len(m.payload) + len(m.props) + 160 }

func (m *message) expired(now time.Time) bool { return !m.expires.IsZero() && !now.Before(m.expires) }

// subscription is one filter of one session.
type subscription struct {
	session           *session
	filter            string // without $share/group/
	group             string // "" if not shared
	qos               byte
	noLocal           bool
	retainAsPublished bool
	id                uint32 // 0 for none
}

// target is one session that a message goes to, whatever number of its
// filters match.
type target struct {
	session *session
	qos     byte
	retain  bool // to be sent as retained
	kept    bool // it was retained before the client subscribed
	ids     []uint32
}

// router knows who gets what: subscriptions as a tree of topic levels, and
// what is retained.
type router struct {
	mu       sync.RWMutex
	root     node
	watchers map[*watcher]struct{}

	retained      map[string]*message
	retainedBytes int
	retainedLimit int
}

type node struct {
	children map[string]*node
	own      map[*session]*subscription
	groups   map[string]*group
}

// group is the members of one shared subscription; they take turns.
type group struct {
	members []*subscription
	turn    atomic.Uint32
}

func newRouter(retainedLimit int) *router {
	return &router{watchers: map[*watcher]struct{}{}, retained: map[string]*message{}, retainedLimit: retainedLimit}
}

// add puts s in the place of what its session subscribed under the same
// filter.
func (r *router) add(s *subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := &r.root
	for level := range strings.SplitSeq(s.filter, "/") {
		next := n.children[level]
		if next == nil {
			next = &node{}
			if n.children == nil {
				n.children = map[string]*node{}
			}
			n.children[level] = next
		}
		n = next
	}
	if s.group == "" {
		if n.own == nil {
			n.own = map[*session]*subscription{}
		}
		n.own[s.session] = s
		return
	}
	g := n.groups[s.group]
	if g == nil {
		g = &group{}
		if n.groups == nil {
			n.groups = map[string]*group{}
		}
		n.groups[s.group] = g
	}
	g.remove(s.session)
	g.members = append(g.members, s)
}

func (g *group) remove(s *session) {
	for i, m := range g.members {
		if m.session == s {
			g.members = append(g.members[:i:i], g.members[i+1:]...)
			return
		}
	}
}

// remove takes s out again.
func (r *router) remove(s *subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.root.remove(s, s.filter, true)
}

func (n *node) remove(s *subscription, rest string, more bool) {
	if more {
		level, rest, more := strings.Cut(rest, "/")
		if child := n.children[level]; child != nil {
			child.remove(s, rest, more)
			if len(child.children) == 0 && len(child.own) == 0 && len(child.groups) == 0 {
				delete(n.children, level)
			}
		}
		return
	}
	if s.group == "" {
		delete(n.own, s.session)
	} else if g := n.groups[s.group]; g != nil {
		if g.remove(s.session); len(g.members) == 0 {
			delete(n.groups, s.group)
		}
	}
}

// visit calls f for each node whose filter matches the topic, until f returns
// false.
func (n *node) visit(rest string, more, first bool, f func(*node) bool) bool {
	wild := !first || !strings.HasPrefix(rest, "$")
	if wild {
		if many := n.children["#"]; many != nil && !f(many) {
			return false
		}
	}
	if !more {
		return first || f(n)
	}
	if len(n.children) == 0 {
		return true
	}
	level, rest, more := strings.Cut(rest, "/")
	if next := n.children[level]; next != nil && !next.visit(rest, more, false, f) {
		return false
	}
	if wild {
		if any := n.children["+"]; any != nil && !any.visit(rest, more, false, f) {
			return false
		}
	}
	return true
}

// wanted tells whether anybody at all is to get what is published on topic.
func (r *router) wanted(topic string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for w := range r.watchers {
		if Covers(w.filter, topic) {
			return true
		}
	}
	return !r.root.visit(topic, true, true, func(n *node) bool { return len(n.own) == 0 && len(n.groups) == 0 })
}

// match lists who gets m.
func (r *router) match(m *message) []target {
	var all []target
	var index map[*session]int // of all, once there are many
	add := func(s *subscription) {
		if s.noLocal && s.session == m.from {
			return
		}
		at := -1
		if index != nil {
			if i, ok := index[s.session]; ok {
				at = i
			}
		} else {
			for i := range all {
				if all[i].session == s.session {
					at = i
				}
			}
		}
		if at < 0 {
			at = len(all)
			all = append(all, target{session: s.session})
			if index != nil {
				index[s.session] = at
			} else if len(all) > 16 {
				index = map[*session]int{}
				for i := range all {
					index[all[i].session] = i
				}
			}
		}
		t := &all[at]
		t.qos = max(t.qos, s.qos)
		t.retain = t.retain || s.retainAsPublished && m.retain
		if s.id != 0 {
			t.ids = append(t.ids, s.id)
		}
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for w := range r.watchers {
		w.offer(m)
	}
	r.root.visit(m.topic, true, true, func(n *node) bool {
		for _, s := range n.own {
			add(s)
		}
		for _, g := range n.groups {
			add(g.next())
		}
		return true
	})
	for i := range all {
		all[i].qos = min(all[i].qos, m.qos)
	}
	return all
}

// next is the member whose turn it is, of those that are connected if any is.
func (g *group) next() *subscription {
	turn := int(g.turn.Add(1))
	for i := range g.members {
		if s := g.members[(turn+i)%len(g.members)]; s.session.connected.Load() {
			return s
		}
	}
	return g.members[turn%len(g.members)]
}

// retain keeps m, or with an empty payload forgets what was kept under its
// topic. It tells whether it did; not if there is no room.
func (r *router) retain(m *message) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	total := r.retainedBytes
	if old := r.retained[m.topic]; old != nil {
		total -= old.size()
	}
	if len(m.payload) == 0 {
		delete(r.retained, m.topic)
	} else {
		if total += m.size(); total > r.retainedLimit {
			return false
		}
		r.retained[m.topic] = m
	}
	r.retainedBytes = total
	return true
}

// kept lists what is retained on the topics that filter matches.
func (r *router) kept(filter string) []*message {
	now := time.Now()
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []*message
	if !strings.ContainsAny(filter, "+#") {
		if m := r.retained[filter]; m != nil && !m.expired(now) {
			all = append(all, m)
		}
		return all
	}
	for topic, m := range r.retained {
		if Covers(filter, topic) && !m.expired(now) {
			all = append(all, m)
		}
	}
	return all
}

// expireRetained forgets what is past its time, and returns it.
func (r *router) expireRetained(now time.Time) (gone []*message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for topic, m := range r.retained {
		if m.expired(now) {
			delete(r.retained, topic)
			r.retainedBytes -= m.size()
			gone = append(gone, m)
		}
	}
	return gone
}
