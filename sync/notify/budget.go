package notify

import (
	"slices"
	"sync"
	"time"
)

// budget counts what was sent over a channel and says whether one more may be.
// Half of each limit is kept for high priority: what is not may use the other
// half only, so that a storm of notices never delays a call for help. Where the
// limit is a single send, that is nothing: the channel is for calls for help.
//
// It counts the sends of the span that ends now. A bucket that fills at a rate
// may let twice its size through in one span, and that is what a provider
// counts that then blocks for ten minutes. What was sent before a restart is
// forgotten: until a span has passed since, notices have half of their half, so
// that a quarter is left for who calls for help, whatever they had used up.
type budget struct {
	limits []limit
	began  time.Duration

	mu      sync.Mutex
	sent    map[string][]time.Duration // the latest sends, oldest first, by scope
	blocked map[string]time.Duration   // until when, by scope
}

func newBudget(limits []limit, began time.Duration) *budget {
	return &budget{limits: limits, began: began, sent: map[string][]time.Duration{}, blocked: map[string]time.Duration{}}
}

// scope is what the limits hold for: the address, or "" for the whole channel.
// A channel has limits of one sort only; where it has none, as a webhook, each
// address is a server of its own.
func (b *budget) scope(address string) string {
	if len(b.limits) > 0 && !b.limits[0].each {
		return ""
	}
	return address
}

// take counts a send to address at now, by the monotonic clock, or says for
// how long and why there is no room for it.
func (b *budget) take(address string, high bool, now time.Duration) (wait time.Duration, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget(now)
	scope := b.scope(address)
	if left := b.blocked[scope] - now; left > 0 {
		return left, blockedDetail
	}
	sent := b.sent[scope]
	for _, l := range b.limits {
		room := l.sends
		if !high {
			room /= 2
			if now-b.began < l.span {
				room -= room / 2
			}
		}
		if room == 0 {
			return l.span, reservedDetail
		}
		if n := len(sent) - room; n >= 0 && sent[n] > now-l.span {
			wait = max(wait, sent[n]+l.span-now)
		}
	}
	if wait > 0 {
		return wait, budgetDetail
	}
	if len(b.limits) > 0 {
		b.sent[scope] = append(sent, now)
	}
	return 0, ""
}

// Details of sends that never reached the provider.
const (
	blockedDetail = "blocked by the provider"
	budgetDetail  = "rate budget spent"
	// reservedDetail is of a notice, for which there will never be room.
	reservedDetail = "the channel is kept for calls for help"
)

// block keeps everybody off what address stands for, as the provider asked: of
// two answers the longer one counts.
func (b *budget) block(address string, until time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.blocked[b.scope(address)] = max(until, b.blocked[b.scope(address)])
}

// used is how many of the sends of the tightest limit are spent, from 0 to 1,
// in the scope that has spent most.
func (b *budget) used(now time.Duration) (most float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, sent := range b.sent {
		for _, l := range b.limits {
			from, _ := slices.BinarySearch(sent, now-l.span+1)
			most = max(most, float64(len(sent)-from)/float64(l.sends))
		}
	}
	return most
}

// forget drops what no limit counts any more.
func (b *budget) forget(now time.Duration) {
	var longest time.Duration
	for _, l := range b.limits {
		longest = max(longest, l.span)
	}
	for scope, sent := range b.sent {
		from, _ := slices.BinarySearch(sent, now-longest+1)
		if from == len(sent) {
			delete(b.sent, scope)
		} else if from > 0 {
			b.sent[scope] = slices.Clone(sent[from:])
		}
	}
	for scope, until := range b.blocked {
		if until <= now {
			delete(b.blocked, scope)
		}
	}
}
