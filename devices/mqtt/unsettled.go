package mqtt

import (
	"sync"
	"sync/atomic"

	"github.com/linli-edge/gateway/devices"
)

// ownUnsettled is how many bytes of messages a connection may have unsettled,
// with slotSize for each, however many the others have.
const ownUnsettled = 8 << 10

// unsettled is what all connections together hold of messages that are not
// settled: without a limit a journal that hangs would fill the memory with
// what thousands of devices go on to send. Beyond it a connection that has its
// own share is not read on until there is room. Nothing is dropped, and a call
// for help does not wait.
type unsettled struct {
	limit int64
	bytes atomic.Int64

	waits   atomic.Bool // somebody is in waiting
	mu      sync.Mutex
	waiting map[*conn]struct{}
}

// full tells whether c has to wait with a message of so many bytes. The caller
// holds c.mu, and looks again when c.room is broadcast.
func (u *unsettled) full(c *conn, size int) bool {
	// Half is enough for the largest: for all that it needs, others who always
	// have something on its way would never leave room.
	need := min(int64(size), u.limit/2)
	if c.bytes+size <= ownUnsettled || u.bytes.Load()+need <= u.limit {
		return false
	}
	if urgent := c.broker.config.Urgent; urgent != nil && urgent(devices.Message{Client: c.account.ID, Topic: c.topic, Payload: c.publish.Payload}) {
		return false
	}
	u.mu.Lock()
	u.waiting[c] = struct{}{}
	u.waits.Store(true)
	u.mu.Unlock()
	return u.bytes.Load()+need > u.limit // room may have been made meanwhile
}

// release makes room. The caller holds the mu of no connection.
func (u *unsettled) release(size int) {
	u.bytes.Add(-int64(size))
	if !u.waits.Load() {
		return
	}
	u.mu.Lock()
	waiting := u.waiting
	u.waiting = map[*conn]struct{}{}
	u.waits.Store(false)
	u.mu.Unlock()
	for c := range waiting {
		c.mu.Lock()
		c.room.Broadcast()
		c.mu.Unlock()
	}
}
