// Package attempts makes guessing slow: who has failed to log in a few times
// waits before the next answer, by remote address and by user name, whichever
// has failed more often.
//
// Nobody is locked out: the longest wait is [longest], for the right secret as
// for a wrong one, and of what failed, one failure is forgotten in each [forgive] without another.
// So a device whose name is being guessed from elsewhere, or whose neighbour
// behind the same address is, comes in a little later. Memory is bounded:
// [maxKept] addresses (of IPv6, networks of 64 bits) and as many names, of
// which those that failed longest ago make room.
package attempts

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices"
)

const (
	free     = 3 // failures that cost nothing: somebody copied a secret wrongly
	first    = 250 * time.Millisecond
	longest  = 3 * time.Second
	forgive  = 30 * time.Second
	maxKept  = 1024
	maxCount = 16 // failures remembered: beyond, the wait is the longest anyway
)

// Attempts remembers who has failed. Its methods may be called at once.
type Attempts struct {
	clock devices.Clock
	mu    sync.Mutex
	// The failures of each address and of each user.
	addresses, users map[string]failures
}

// failures of one: one is forgiven each forgive since the last of them.
type failures struct {
	count int
	since devices.Stamp
}

// New remembers nobody yet.
func New(clock devices.Clock) *Attempts {
	return &Attempts{clock: clock, addresses: map[string]failures{}, users: map[string]failures{}}
}

// Wait waits as long as somebody at that address, who claims to be user, has
// to, or until ctx ends. It returns how long it has been.
func (a *Attempts) Wait(ctx context.Context, address netip.Addr, user string) time.Duration {
	a.mu.Lock()
	now := a.clock()
	n := max(a.addresses[network(address)].at(now).count, a.users[short(user)].at(now).count)
	a.mu.Unlock()
	wait := delay(n)
	if wait == 0 {
		return 0
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return wait
}

// Told takes in how a login ended. One that was right clears the name, and
// leaves the address: somebody else may be guessing from there.
func (a *Attempts) Told(address netip.Addr, user string, right bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if right {
		delete(a.users, short(user))
		return
	}
	now := a.clock()
	fail(a.addresses, network(address), now)
	fail(a.users, short(user), now)
}

// delay is the wait after n failures.
func delay(n int) time.Duration {
	if n <= free {
		return 0
	}
	return min(first<<min(n-free-1, 8), longest)
}

// at is what is left of f.
func (f failures) at(now devices.Stamp) failures {
	elapsed, same := now.Since(f.since)
	if !same || f.count == 0 {
		return failures{}
	}
	forgiven := int(elapsed / forgive)
	if forgiven >= f.count {
		return failures{}
	}
	f.since.Mono += time.Duration(forgiven) * forgive
	f.count -= forgiven
	return f
}

func fail(kept map[string]failures, key string, now devices.Stamp) {
	f := kept[key].at(now)
	f.count, f.since = min(f.count+1, maxCount), now
	if _, known := kept[key]; !known && len(kept) >= maxKept {
		makeRoom(kept, now)
	}
	kept[key] = f
}

// makeRoom drops what is forgiven, and if there is nothing, whoever failed
// longest ago.
func makeRoom(kept map[string]failures, now devices.Stamp) {
	var oldest string
	var since time.Duration
	found := false
	for key, f := range kept {
		if f.at(now).count == 0 {
			delete(kept, key)
			continue
		}
		if !found || f.since.Mono < since {
			oldest, since, found = key, f.since.Mono, true
		}
	}
	if len(kept) >= maxKept {
		delete(kept, oldest)
	}
}

// network is the address, or of IPv6 the network that one machine can have.
func network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// short bounds what is kept of a name.
func short(user string) string { return user[:min(len(user), 64)] }
