package intake

import (
	"strings"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/wearable"
)

// How many calls of strangers are told of. 10,000 buttons that nobody has
// registered are 20 calls, and one that stands for the rest.
const (
	mostCallers = 20          // strangers within callersFor that have a call of their own
	callersFor  = time.Hour   // since their last
	callAgain   = time.Minute // what a stranger says meanwhile is the same call
)

// reader tells what a message would report if its sender was of a kind.
type reader func(devices.Kind) []devices.Report

// callers are the strangers that have called for help of late.
type callers struct {
	mu sync.Mutex
	by map[string]*caller
}

type caller struct {
	heard  devices.Stamp
	called devices.Stamp // the zero time if no call is on disk yet
	levels levels        // which of its alarms hold
}

// admit finds the caller of that name, or makes one if it begins to call;
// where there are too many it is the one that stands for all others.
func (c *callers) admit(id string, begins bool, now devices.Stamp) (string, *caller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one, ok := c.by[id]
	if !ok && !begins {
		return "", nil
	}
	if !ok {
		for other, o := range c.by {
			if silent, same := now.Since(o.heard); !same || silent >= callersFor {
				delete(c.by, other)
			}
		}
		if len(c.by) >= mostCallers {
			id = devices.ManyStrangers
			one = c.by[id]
		}
	}
	if one == nil {
		one = &caller{}
		if c.by == nil {
			c.by = map[string]*caller{}
		}
		c.by[id] = one
	}
	one.heard = now
	return id, one
}

// due tells whether a call is to be told of, once for all that come within
// callAgain.
func (c *callers) due(one *caller, now devices.Stamp) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	since, same := now.Since(one.called)
	return one.called == (devices.Stamp{}) || !same || since >= callAgain
}

// told is called when a call is on disk, and not before: until then the next
// one may be the first that gets there.
func (c *callers) told(one *caller, now devices.Stamp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one.called = now
}

// calls are what of a message is a call for help, or the end of one, whatever
// its sender is: each kind of device that can report it at all would report it.
// The press of a button that only an elder's wearable would mean as a call may
// be the switch of a lamp.
func (in *Intake) calls(as reader) (certain []devices.Report) {
	by := map[devices.Type]int{}
	var found []devices.Report
	for _, kind := range in.calling {
		said := map[devices.Type]bool{}
		for _, r := range as(kind) {
			if in.Vocabulary.Urgency(kind, r.Type) != devices.Urgent || r.Type == wearable.TypeFallCancelled || said[r.Type] {
				continue
			}
			said[r.Type] = true
			if by[r.Type]++; by[r.Type] == in.Vocabulary.Reporters(r.Type) {
				found = append(found, r)
			}
		}
	}
	return found
}

// strangerCalls tells of the call for help of somebody who is not registered.
// It returns false if m is none. A message that a broker kept is none.
func (in *Intake) strangerCalls(c devices.Contact, m devices.Message, as reader, t *tally) (called bool) {
	if m.Retained || len(m.Payload) > MaxReport {
		return false
	}
	sender := c.Sender()
	for nth, r := range in.calls(as) {
		begins := in.begins(r)
		name, one := in.callers.admit(sender, begins, c.Received)
		if one == nil {
			continue
		}
		called = true
		record := func(done func(error)) { in.recordCall(c, m, r, nth, name, one, t, done) }
		switch key := callKey(r); {
		case name == devices.ManyStrangers && !begins:
		case key == "" || name == devices.ManyStrangers:
			record(t.expect())
		case begins:
			one.levels.change(sender, key, "on", equal, t, record, in.unchanged.Inc)
		default:
			one.levels.change(sender, key, "off", equal, t, func(done func(error)) { done(nil) }, func() {})
		}
	}
	return called
}

// callKey names what holds until it is over, "" for what happens once.
func callKey(r devices.Report) string {
	switch {
	case r.Held != nil:
		return heldKey(&r)
	case r.Type != wearable.TypeSOS && r.Type != wearable.TypeFall:
		return string(r.Type)
	}
	return ""
}

// begins tells a call from the message that it is over.
func (in *Intake) begins(r devices.Report) bool {
	if r.Held != nil {
		return *r.Held
	}
	for _, kind := range in.calling {
		if p, _, err := in.Vocabulary.Parse(kind, r.Type, r.Data); err == nil {
			return begins(r, p)
		}
	}
	return true // of what cannot be read, that it calls is enough
}

func (in *Intake) recordCall(c devices.Contact, m devices.Message, r devices.Report, nth int, name string, one *caller, t *tally, done func(error)) {
	if !in.callers.due(one, c.Received) {
		in.unchanged.Inc()
		done(nil)
		return
	}
	call := devices.StrangerCalled{Type: r.Type, Bridge: c.Bridge}
	if devices.CheckCode("address", strings.ToLower(c.Address)) == nil {
		call.Address = c.Address
	}
	if d, ok := in.Descriptions.Device(c.Bridge, c.Address); ok {
		call.Model = clean(strings.TrimSpace(d.Vendor+" "+d.Model), 64)
	}
	id := in.identity(&devices.Device{}, &m, &r, nth)
	if name == devices.ManyStrangers {
		id = c.Sender() + "/" + id
		call = devices.StrangerCalled{Type: r.Type}
	}
	e, err := devices.New(name, call)
	if err != nil {
		done(err)
		return
	}
	e.ID, e.Observed, e.Received, e.Urgency = id, r.Observed, c.Received, devices.Urgent
	in.Logger.Warn("a device that is not registered calls for help", "sender", name)
	in.record(e, t, func(err error) {
		if err == nil {
			in.callers.told(one, c.Received)
		}
		done(err)
	})
}
