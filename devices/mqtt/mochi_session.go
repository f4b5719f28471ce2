package mqtt

import (
	"sync"
	"sync/atomic"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"

	"github.com/linli-edge/gateway/devices"
)

// session is one connection of a client, from its login on, and what is known
// of it after it has gone. The next connection of the same key takes over its
// packet identities if it continues the MQTT session.
type session struct {
	key     string // account and client ID
	account devices.Account
	client  *mochi.Client
	conn    *conn
	packets *packetIDs
	pipe    *pipeline
	will    *will // nil if none

	subscribing bool        // holds retained.mu for reading; only its own goroutine looks
	silent      atomic.Bool // the gateway ended it, or it goes on elsewhere: no will
	deniedOnce  sync.Once   // the first denied publish is logged, all are counted
	ended       chan struct{}
	gone        time.Time // when it ended; guarded by engine.mu
}

type will struct {
	topic   string
	payload []byte
	qos     byte
	retain  bool
}

// retainedSizes keeps what retained messages take within a limit, and keeps
// retaining apart from reading what is retained.
type retainedSizes struct {
	mu    sync.RWMutex
	bytes map[string]int // by topic
	total int
	limit int
}

// fits takes size bytes for topic, 0 to forget it, and tells whether they fit.
// The caller holds mu.
func (r *retainedSizes) fits(topic string, size int) bool {
	cost := 0
	if size > 0 {
		cost = size + len(topic) + 512 // what else an entry takes, about
	}
	total := r.total - r.bytes[topic] + cost
	if total > r.limit {
		return false
	}
	r.total = total
	if cost == 0 {
		delete(r.bytes, topic)
	} else {
		r.bytes[topic] = cost
	}
	return true
}
