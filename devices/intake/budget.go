package intake

import (
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// How many rejections of one sender are recorded: burst at once, then one
// each refill. Senders beyond maxSenders share one budget, so that a flood of
// invented names stays bounded in memory and on disk.
const (
	burst      = 20
	refill     = time.Minute
	maxSenders = 1024
)

// budget is a token bucket a sender.
type budget struct {
	sync.Mutex
	senders map[string]bucket
}

type bucket struct {
	tokens int
	since  devices.Stamp // when the last token was added
}

func (b *budget) take(sender string, now devices.Stamp) bool {
	b.Lock()
	defer b.Unlock()
	if b.senders == nil {
		b.senders = map[string]bucket{}
	}
	k, ok := b.senders[sender]
	if !ok {
		if len(b.senders) >= maxSenders {
			sender = "" // the shared one
			k, ok = b.senders[sender]
		}
		if !ok {
			k = bucket{burst, now}
		}
	}
	if elapsed, same := now.Since(k.since); !same || elapsed >= burst*refill {
		k = bucket{burst, now}
	} else if n := int(elapsed / refill); n > 0 {
		k.tokens = min(burst, k.tokens+n)
		k.since.Mono += time.Duration(n) * refill
	}
	if k.tokens == 0 {
		b.senders[sender] = k
		return false
	}
	k.tokens--
	b.senders[sender] = k
	return true
}
