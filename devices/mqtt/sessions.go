package mqtt

import (
	"errors"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

// mostLimbo is how many connections of one session may have ended with
// messages that are not settled. Beyond that the disk has to come first.
const mostLimbo = 8

var errTakenOver = errors.New("the client has connected again")

// attach gives c its session, a new one or one that was kept, unless there was
// a revocation after so many, because that would not find c. welcome is called
// before anything of the session is sent.
func (b *Broker) attach(c *conn, client string, clean bool, revocations uint64, welcome func(present bool)) error {
	key := c.account.ID + "/" + client
	b.mu.Lock()
	if b.revocations.Load() != revocations {
		b.mu.Unlock()
		return errRevoked
	}
	if b.stopped {
		b.mu.Unlock()
		return &refusal{refusedProtocol, packet.ServerUnavailable, "gateway stops"}
	}
	s := b.sessions[key]
	clean = clean || s != nil && s.ends()
	if s == nil || clean {
		if !b.makeRoom(c.account.ID, s) {
			b.mu.Unlock()
			return &refusal{refusedSessions, packet.QuotaExceeded, "too many sessions of one account"}
		}
	}
	var earlier *conn
	if s != nil {
		s.mu.Lock()
		limbo := s.limbo
		earlier = s.conn
		s.mu.Unlock()
		if limbo >= mostLimbo {
			b.mu.Unlock()
			return &refusal{refusedBusy, packet.ServerBusy, "messages of earlier connections are still being written"}
		}
	}
	var changes []change
	present := s != nil && !clean
	var last *will
	if earlier != nil {
		last = earlier.leaveWill(!present)
	}
	if s != nil && clean {
		changes = append(changes, b.unregister(s)...)
	}
	if !present {
		b.nextID++
		s = &session{broker: b, key: key, client: client, id: b.nextID, packets: newPacketIDs(), account: c.account, subs: map[string]*subscription{}}
		b.register(s)
	}
	b.pending--
	s.mu.Lock()
	stopTimers(s)
	before := s.keep
	s.account, s.keep = c.account, c.keep
	lost := s.restrict()
	if s.persistent() && (!present || before != s.keep || len(lost) > 0) {
		changes = append(changes, putSession(s))
	} else if before > 0 && s.keep == 0 && b.store != nil {
		changes = append(changes, deleteSession(s.id))
	}
	c.bucket = b.bucketOf(c.account)
	c.mu.Lock()
	c.session = s
	c.mu.Unlock()
	b.mu.Unlock()
	welcome(present)
	s.attach(c)
	s.mu.Unlock()
	if earlier != nil {
		earlier.end(errTakenOver, packet.SessionTakenOver)
	}
	for _, sub := range lost {
		b.router.remove(sub)
	}
	// Nobody waits for this: what depends on it is written after it.
	b.commit(changes, func(error) {})
	if last != nil {
		c.inherit(last)
	}
	c.kick()
	return nil
}

// leaveWill takes the will from a connection of which another takes the place,
// nil if none is due. over tells whether the session ends with it.
func (c *conn) leaveWill(over bool) *will {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.will
	c.will = nil
	if w == nil || c.silent || w.delay > 0 && !over {
		return nil
	}
	return w
}

// inherit sends the will of the connection whose place c has taken, before
// anything that c says: that a client has gone must not be the last that is
// heard of one that has come back.
func (c *conn) inherit(w *will) {
	m := w.message
	sl := &slot{size: slotSize + len(m.topic) + len(m.payload), msg: m}
	c.mu.Lock()
	c.slots = append(c.slots, sl)
	c.bytes += sl.size
	c.mu.Unlock()
	c.broker.unsettled.bytes.Add(int64(sl.size))
	c.handle(sl, devices.Message{Client: c.account.ID, Topic: m.topic, Payload: m.payload})
}

// ends tells whether the session is over with a connection that is closed,
// which its own goroutine has not come to say yet.
func (s *session) ends() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keep > 0 || s.conn == nil {
		return false
	}
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.conn.closed
}

// restrict drops what the account may no longer have, and returns the
// subscriptions among that. The caller holds the lock.
func (s *session) restrict() (lost []*subscription) {
	for filter, sub := range s.subs {
		if !coveredByAny(s.account.Subscribe, sub.filter) {
			lost = append(lost, sub)
			delete(s.subs, filter)
		}
	}
	for _, d := range slices.Concat(s.inflight(), s.waiting) {
		if !d.done && !coveredByAny(s.account.Subscribe, d.msg.topic) {
			s.finish(d)
		}
	}
	s.waiting = slices.DeleteFunc(s.waiting, func(d *delivery) bool { return d.done })
	return lost
}

// register makes s known. The caller holds mu, or is alone.
func (b *Broker) register(s *session) {
	b.sessions[s.key] = s
	of := b.byAccount[s.account.ID]
	if of == nil {
		of = map[*session]struct{}{}
		b.byAccount[s.account.ID] = of
	}
	of[s] = struct{}{}
}

// unregister ends a session: nothing of it is kept, and a delayed will is due.
// It returns what makes the disk forget it. The caller holds mu.
func (b *Broker) unregister(s *session) []change {
	if b.sessions[s.key] == s {
		delete(b.sessions, s.key)
	}
	of := b.byAccount[s.account.ID]
	if delete(of, s); len(of) == 0 {
		delete(b.byAccount, s.account.ID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return nil
	}
	var changes []change
	if s.persistent() {
		changes = append(changes, deleteSession(s.id))
	}
	s.over = true
	for _, sub := range s.subs {
		b.router.remove(sub)
	}
	for _, d := range slices.Concat(s.inflight(), s.waiting) {
		s.forget(d)
	}
	s.dropLoose()
	s.waiting, s.open = nil, nil
	c := s.conn
	s.conn = nil
	s.connected.Store(false)
	if c != nil {
		defer c.end(errTakenOver, packet.SessionTakenOver)
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.will != nil && s.will.Stop() {
		send := s.sendWill
		b.background(send)
	}
	s.will = nil
	return changes
}

// forget ends a session.
func (b *Broker) forget(s *session) {
	b.mu.Lock()
	changes := b.unregister(s)
	b.mu.Unlock()
	b.commit(changes, func(error) {})
}

// makeRoom sees to it that an account has no more sessions than it may have,
// apart from the one that is replaced. The caller holds mu.
func (b *Broker) makeRoom(account string, replaced *session) bool {
	count := 0
	var oldest *session
	var since time.Time
	for s := range b.byAccount[account] {
		if s == replaced {
			continue
		}
		count++
		s.mu.Lock()
		gone := s.gone
		away := s.conn == nil
		s.mu.Unlock()
		if away && (oldest == nil || gone.Before(since)) {
			oldest, since = s, gone
		}
	}
	if count < b.config.Sessions {
		return true
	}
	if oldest == nil {
		return false
	}
	changes := b.unregister(oldest)
	b.background(func() { b.commit(changes, func(error) {}) })
	return true
}

// background runs f, unless the broker stops. The caller holds mu.
func (b *Broker) background(f func()) {
	if !b.stopped {
		b.conns.Go(f)
	}
}

// keepFor changes how long the session of c is kept.
func (b *Broker) keepFor(c *conn, keep time.Duration) {
	s := c.session
	s.mu.Lock()
	if s.conn != c {
		s.mu.Unlock()
		return
	}
	var changes []change
	if s.keep = keep; s.persistent() {
		changes = append(changes, putSession(s))
	} else if b.store != nil {
		changes = append(changes, deleteSession(s.id))
	}
	s.mu.Unlock()
	b.commit(changes, func(error) {})
}

// detach lets the session go on without c, unless it has gone on already.
func (b *Broker) detach(c *conn) {
	s := c.session
	b.mu.Lock()
	s.mu.Lock()
	s.limbo++
	mine := s.conn == c
	if mine {
		s.conn, s.gone = nil, time.Now()
		s.connected.Store(false)
		s.dropLoose()
	}
	keep := s.keep
	s.mu.Unlock()
	var changes []change
	if mine && keep == 0 {
		changes = b.unregister(s)
	}
	b.mu.Unlock()
	b.commit(changes, func(error) {})
}

// settled is called when all that c has heard is settled. The will is due now,
// or after its delay unless the client comes back, or when the session ends.
func (b *Broker) settled(c *conn, w *will) {
	s := c.session
	b.mu.Lock()
	defer b.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limbo--
	back := s.conn != nil // on another connection
	if b.stopped || s.over || back {
		if w != nil && !b.stopped && (w.delay == 0 || s.over) {
			b.background(func() { b.sendWill(c.account.ID, w.message) })
		}
		return
	}
	if w != nil && w.delay == 0 {
		b.background(func() { b.sendWill(c.account.ID, w.message) })
	} else if w != nil {
		s.sendWill = func() { b.sendWill(c.account.ID, w.message) }
		s.will = b.after(min(w.delay, s.keep), s.sendWill)
	}
	b.expireIn(s)
}

// expireIn ends s after the time that it is kept. The caller holds its lock.
func (b *Broker) expireIn(s *session) {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.timer = b.after(s.keep, func() {
		s.mu.Lock()
		away := s.conn == nil
		s.mu.Unlock()
		if away {
			b.forget(s)
		}
	})
}

// after runs f after d, unless the broker stops before.
func (b *Broker) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.background(f)
	})
}

// awaken starts the clocks of the sessions that were kept.
func (b *Broker) awaken() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.sessions {
		s.mu.Lock()
		b.expireIn(s)
		s.mu.Unlock()
	}
}

// stopTimers is for a session that goes on, or that nobody will use any more.
// The caller holds its lock.
func stopTimers(s *session) {
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.will != nil {
		s.will.Stop()
	}
	s.timer, s.will, s.sendWill = nil, nil, nil
}

// sendWill tells the handler and whoever subscribed that the client has gone.
func (b *Broker) sendWill(account string, m *message) {
	err := guarded(func() error {
		return b.handle.wait(b.ctx, devices.Message{Client: account, Topic: m.topic, Payload: m.payload})
	})
	if err == nil {
		b.metrics.handled.Inc()
		routed := make(chan error, 1)
		b.route(m, nil, func(err error) { routed <- err })
		err = <-routed
	} else {
		b.metrics.messages.WithLabelValues(resultLost).Inc()
	}
	if err != nil {
		b.log.Warn("mqtt will lost", "account", account, "error", err)
	}
}

// left forgets a connection.
func (b *Broker) left(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, c)
	if c.session == nil {
		b.pending--
	}
}

// refuse counts a refused connection and logs it.
func (b *Broker) refuse(listener, reason string, remote interface{ String() string }, user, detail string) {
	b.metrics.refused.WithLabelValues(listener, reason).Inc()
	b.log.Warn("mqtt connection refused", "listener", listener, "reason", reason, "remote", remote.String(), "user", quoted(user), "detail", detail)
}

// dropOnce says once a session that its client gets too much.
func (b *Broker) dropOnce(s *session) {
	if !s.dropped {
		s.dropped = true
		b.log.Warn("mqtt queue of a client is full; messages for it are dropped and only counted", "account", s.account.ID, "messages", s.queued, "bytes", s.bytes)
	}
}
