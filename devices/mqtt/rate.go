package mqtt

import (
	"net"
	"slices"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices"
)

const (
	// burst is for how long an account may have been silent and make up for
	// it: so many seconds' worth of messages come in at once.
	burst = 10 * time.Second
	// perMessage bytes are one message; what is longer counts as several.
	perMessage = 1 << 10
	// mostHeld is how many bytes of one connection may wait for their turn,
	// with slotSize for each message; then it is not read on.
	mostHeld = reportPacket
	slotSize = 256
	// throttledBuffer is how many bytes of a client that sends too much the
	// kernel takes ahead: a call for help behind them waits for them. With
	// fewer the kernel stalls.
	throttledBuffer = 16 << 10
	// warnAgain is how long nothing is said of an account after it was said
	// that it sends too much.
	warnAgain = 10 * time.Minute
)

// bucket is what the connections of one account may still publish together.
// It is reckoned in time: each message is paid for with its share of a
// second, and may be given to the handler when those before it are paid for.
// So a message may be longer than a second's worth.
type bucket struct {
	rate int // messages a second

	mu     sync.Mutex
	paid   time.Time // when all that has come is paid for
	warned time.Time
}

// cost is the share of time of a message of so many bytes. None costs more
// than a second, or what comes behind it would wait long.
func (k *bucket) cost(size int) time.Duration {
	return time.Duration(min(1+size/perMessage, k.rate)) * time.Second / time.Duration(k.rate)
}

// charge takes in a message of so many bytes and returns when it is due.
func (k *bucket) charge(now time.Time, size int) (due time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if full := now.Add(-burst); k.paid.Before(full) {
		k.paid = full
	}
	due = k.paid
	k.paid = due.Add(k.cost(size))
	return due
}

// refund takes a charge back.
func (k *bucket) refund(size int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.paid = k.paid.Add(-k.cost(size))
}

// idle tells whether nothing is known that a new bucket would not know.
func (k *bucket) idle(now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return now.Sub(k.paid) >= burst && now.Sub(k.warned) >= warnAgain
}

// warn tells whether it is time to say that the account sends too much.
func (k *bucket) warn(now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.warned) < warnAgain {
		return false
	}
	k.warned = now
	return true
}

// bucketOf is the account's bucket, which outlives its connections; nil if it
// has no limit. The caller holds mu.
func (b *Broker) bucketOf(a devices.Account) *bucket {
	if a.Rate <= 0 {
		return nil
	}
	k := b.buckets[a.ID]
	if k == nil || k.rate != a.Rate {
		k = &bucket{rate: a.Rate}
		b.buckets[a.ID] = k
	}
	return k
}

// emptyBuckets forgets those that are of nobody here and full again.
func (b *Broker) emptyBuckets(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, k := range b.buckets {
		if len(b.byAccount[id]) == 0 && k.idle(now) {
			delete(b.buckets, id)
		}
	}
}

// excess charges the account for a message, and tells whether it has to wait
// for its turn, sl.due, because the account has sent too much. A call for help
// never does, and overtakes what waits. What waits is given its turn also
// after the connection has ended, and then the session takes no more than
// mostLimbo others meanwhile: coming back does not help.
func (c *conn) excess(sl *slot, m devices.Message) bool {
	if c.bucket == nil {
		return false
	}
	now, size := time.Now(), len(m.Topic)+len(m.Payload)
	due := c.bucket.charge(now, size)
	if !due.After(now) && !c.behind {
		return false
	}
	b := c.broker
	if b.config.Urgent != nil && b.config.Urgent(m) {
		c.bucket.refund(size) // however many there are, nothing else waits for them
		return false
	}
	b.metrics.held.Inc()
	if c.bucket.warn(now) {
		b.log.Warn("mqtt client sends more than its rate and is read more slowly; nothing is lost, and calls for help do not wait",
			"account", c.account.ID, "messages_per_second", c.bucket.rate)
	}
	if !c.throttled {
		c.throttled = true
		shrink(c.nc)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	sl.due = due
	c.late++
	c.lateBytes += sl.size
	return true
}

// shrink has the kernel take less of a client ahead.
func shrink(nc net.Conn) {
	switch inner := nc.(type) {
	case interface{ NetConn() net.Conn }: // TLS
		shrink(inner.NetConn())
	case interface{ SetReadBuffer(int) error }:
		_ = inner.SetReadBuffer(throttledBuffer) // where that cannot be had, it stays as it is
	}
}

// hold keeps a message until its turn.
func (c *conn) hold(sl *slot, m devices.Message) {
	if sl.msg == nil {
		m.Payload = slices.Clone(m.Payload)
	}
	sl.heard = m
	c.mu.Lock()
	c.ready(sl)
	c.mu.Unlock()
	c.kick()
}

// ready is called when a slot's message may be handled as soon as it is due.
// The caller holds mu, and kicks.
func (c *conn) ready(sl *slot) {
	if sl.due.IsZero() || c.hurried {
		c.begin = append(c.begin, sl)
		return
	}
	c.held = append(c.held, sl)
	if len(c.held) == 1 {
		c.turn = time.AfterFunc(time.Until(sl.due), c.release)
	}
}

// release has the messages handled whose turn has come.
func (c *conn) release() {
	c.mu.Lock()
	now, n := time.Now(), 0
	for n < len(c.held) && !c.held[n].due.After(now) {
		n++
	}
	c.letGo(n)
	if len(c.held) > 0 {
		c.turn.Reset(c.held[0].due.Sub(now))
	}
	c.mu.Unlock()
	c.kick()
}

// hurry has all messages handled that wait for their turn, and those that
// come, because the gateway stops. The caller holds mu, and kicks.
func (c *conn) hurry() {
	c.hurried = true
	if c.turn != nil {
		c.turn.Stop()
	}
	c.letGo(len(c.held))
}

func (c *conn) letGo(n int) {
	c.begin = append(c.begin, c.held[:n]...)
	c.held = slices.Delete(c.held, 0, n)
}
