package intake

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// maxLevels bounds the states remembered of one device; those beyond are
// recorded each time.
const maxLevels = 4096

// levels remembers the last recorded value of each state of each device. What
// one device says waits for nothing of another: see state.
type levels struct {
	sync.Mutex
	byDevice map[string]*state
}

// state is that of one device. Its lock is held while a change is recorded:
// reports of one device's states go one after the other.
type state struct {
	sync.Mutex
	values map[string]string
}

// change calls record if value is news after the last one recorded under key,
// and unchanged if not. What is the same as the last report counts as
// unchanged only once that report is on disk.
func (l *levels) change(device, key, value string, same func(last, value string) bool, record func() error, unchanged func()) error {
	s := l.of(device)
	s.Lock()
	defer s.Unlock()
	last, known := s.values[key]
	if known && same(last, value) {
		unchanged()
		return nil
	}
	if err := record(); err != nil {
		// Unknown fate: whatever comes next is recorded.
		delete(s.values, key)
		return err
	}
	if known || len(s.values) < maxLevels {
		s.values[key] = value
	}
	return nil
}

func (l *levels) of(device string) *state {
	l.Lock()
	defer l.Unlock()
	s := l.byDevice[device]
	if s == nil {
		s = &state{values: map[string]string{}}
		if l.byDevice == nil {
			l.byDevice = map[string]*state{}
		}
		l.byDevice[device] = s
	}
	return s
}

func equal(last, value string) bool { return last == value }

// repetition is for how long the same number is the same occurrence.
const repetition = time.Minute

// numbered is a value that repeated compares: a number and when it was heard.
func numbered(number string, at devices.Stamp) string {
	return strconv.FormatInt(at.Mono.Milliseconds(), 10) + " " + number
}

func repeated(last, value string) bool {
	before, number, _ := strings.Cut(last, " ")
	now, again, _ := strings.Cut(value, " ")
	then, err := strconv.ParseInt(before, 10, 64)
	if err != nil {
		return false
	}
	at, err := strconv.ParseInt(now, 10, 64)
	return err == nil && number == again && at-then < repetition.Milliseconds()
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
