package intake

import (
	"hash/maphash"
	"sync"

	"github.com/linli-edge/gateway/devices"
)

// maxLevels bounds the states remembered of one device; those beyond are
// recorded each time.
const maxLevels = 4096

// levels remembers the last recorded value of each state of each device.
type levels struct {
	seed    maphash.Seed
	once    sync.Once
	stripes [64]struct {
		sync.Mutex
		byDevice map[string]map[string]string
	}
}

// change calls record if value differs from the last one recorded under key,
// and unchanged if not. Reports of one device's states go one after the
// other: what equals the last report counts as unchanged only once that
// report is on disk.
func (l *levels) change(device, key, value string, record func() error, unchanged func()) error {
	l.once.Do(func() { l.seed = maphash.MakeSeed() })
	stripe := &l.stripes[maphash.String(l.seed, device)%uint64(len(l.stripes))]
	stripe.Lock()
	defer stripe.Unlock()
	known := stripe.byDevice[device]
	if last, ok := known[key]; ok && last == value {
		unchanged()
		return nil
	}
	if err := record(); err != nil {
		// Unknown fate: whatever comes next is recorded.
		delete(known, key)
		return err
	}
	if known == nil {
		known = map[string]string{}
		if stripe.byDevice == nil {
			stripe.byDevice = map[string]map[string]string{}
		}
		stripe.byDevice[device] = known
	}
	if _, ok := known[key]; ok || len(known) < maxLevels {
		known[key] = value
	}
	return nil
}

// seen remembers when each registered device last spoke.
type seen struct {
	sync.Mutex
	last map[string]devices.Stamp
}

func (s *seen) mark(device string, at devices.Stamp) {
	s.Lock()
	defer s.Unlock()
	if s.last == nil {
		s.last = map[string]devices.Stamp{}
	}
	s.last[device] = at
}

// LastSeen is when the device last said anything, ok false if it has not
// since the process started.
func (in *Intake) LastSeen(device string) (at devices.Stamp, ok bool) {
	in.seen.Lock()
	defer in.seen.Unlock()
	at, ok = in.seen.last[device]
	return at, ok
}
