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

// levels remembers the last recorded value of each state of each device, and
// what is on its way to disk.
type levels struct {
	sync.Mutex
	byDevice map[string]map[string]*level
}

// level is one state of one device.
type level struct {
	value string
	known bool  // value is on disk
	next  *step // the newest value on its way to disk, nil if none is
}

// step is a value on its way to disk, with the reports that only repeat it.
type step struct {
	value   string
	repeats []func(error)
}

// change calls record if value is news after the last one under key, and
// unchanged if not. What is the same as the last report shares its fate: it is
// done when that one is on disk.
func (l *levels) change(device, key, value string, same func(last, value string) bool, t *tally, record func(done func(error)), unchanged func()) {
	l.Lock()
	v := l.of(device, key)
	switch {
	case v == nil: // more than are remembered
		l.Unlock()
		record(t.expect())
		return
	case v.next != nil && same(v.next.value, value):
		v.next.repeats = append(v.next.repeats, t.expect())
		l.Unlock()
		unchanged()
		return
	case v.next == nil && v.known && same(v.value, value):
		l.Unlock()
		unchanged()
		return
	}
	step, done := &step{value: value}, t.expect()
	v.next = step
	l.Unlock()
	record(func(err error) {
		l.Lock()
		// After a failure nobody knows: whatever comes next is recorded.
		v.value, v.known = value, err == nil
		if v.next == step {
			v.next = nil
		}
		l.Unlock()
		done(err)
		for _, repeat := range step.repeats { // no more can come
			repeat(err)
		}
	})
}

// of finds or makes what is known under key, nil if there is no room. The
// caller holds the lock.
func (l *levels) of(device, key string) *level {
	values := l.byDevice[device]
	v := values[key]
	if v != nil || len(values) >= maxLevels {
		return v
	}
	if values == nil {
		values = map[string]*level{}
		if l.byDevice == nil {
			l.byDevice = map[string]map[string]*level{}
		}
		l.byDevice[device] = values
	}
	v = &level{}
	values[key] = v
	return v
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
