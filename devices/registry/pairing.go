package registry

import (
	"crypto/subtle"
	"maps"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// Limits of pairing.
const (
	// PairingTime is how long a device that is not registered may log in after
	// somebody has asked for it.
	PairingTime = 5 * time.Minute
	// pairedTime is for how much longer those may that did.
	pairedTime  = time.Hour
	maxPaired   = 20
	leastSecret = 16 // characters
)

// pairing lets devices in that are not registered and bring a secret of their
// own. What they say goes to the inbox and nowhere else; if one is registered,
// the secret it came with becomes its own. All of this is forgotten with the
// process.
type pairing struct {
	mu     sync.Mutex
	opened devices.Stamp
	ever   bool
	guests map[string]secretHash
}

func (p *pairing) left(now devices.Stamp, of time.Duration) time.Duration {
	since, same := now.Since(p.opened)
	if !p.ever || !same || since < 0 || since >= of {
		return 0
	}
	return of - since
}

// Pair lets devices in that are not registered, for PairingTime from now on;
// stop ends that at once.
func (r *Registry) Pair(stop bool) {
	p := &r.pairing
	p.mu.Lock()
	defer p.mu.Unlock()
	if stop || p.left(r.clock(), PairingTime+pairedTime) == 0 {
		clear(p.guests)
	}
	s := r.Snapshot()
	maps.DeleteFunc(p.guests, func(id string, _ secretHash) bool { return s.has(Devices, id) })
	p.opened, p.ever = r.clock(), !stop
}

// Pairing is for how much longer devices are let in, 0 if they are not.
func (r *Registry) Pairing() time.Duration {
	p := &r.pairing
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left(r.clock(), PairingTime)
}

// Knock lets a device in that is not registered, if somebody has asked for it
// and its secret has 16 characters or more. Only its own topics are open to
// it.
func (r *Registry) Knock(id string, secret []byte) (devices.Device, bool) {
	s := r.Snapshot()
	if s.Verdicts[devices.Contact{Address: id}.Sender()].Blocked || s.has(Devices, id) || devices.CheckCode("id", id) != nil || id == devices.GatewayDevice ||
		len(secret) < leastSecret || len(secret) > maxAddress {
		return devices.Device{}, false
	}
	hash := hashSecret(secret)
	p := &r.pairing
	p.mu.Lock()
	defer p.mu.Unlock()
	now := r.clock()
	kept, known := p.guests[id]
	switch {
	case known:
		if subtle.ConstantTimeCompare(kept[:], hash[:]) != 1 || p.left(now, PairingTime+pairedTime) == 0 {
			return devices.Device{}, false
		}
	case p.left(now, PairingTime) == 0 || len(p.guests) >= maxPaired:
		return devices.Device{}, false
	default:
		if p.guests == nil {
			p.guests = map[string]secretHash{}
		}
		p.guests[id] = hash
	}
	return devices.Device{ID: id}, true
}

// guest is the secret with which a device was let in.
func (r *Registry) guest(id string) (secretHash, bool) {
	p := &r.pairing
	p.mu.Lock()
	defer p.mu.Unlock()
	hash, ok := p.guests[id]
	return hash, ok
}
