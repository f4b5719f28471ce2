package usage

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/linli-edge/gateway/devices/clock"
)

// thing is whatever has a state of its own: a compartment, a session, an
// asset, a booking, an incident, the levels of a device. Its JSON is the value
// in the state file.
type thing struct {
	//
	// It is decoded into what State holds when it is decoded: a pointer to the
	// state's type, or to a json.RawMessage where that is not known yet.
	State any `json:"state"`
	// Since is when what it is in began: the contents came, the levels were
	// last accounted for, the incident was raised.
	Since clock.Moment `json:"since,omitzero"`
	// Day on which it was last touched.
	Day string `json:"day,omitempty"`

	known   bool // from a transaction before, or an entry before
	touched bool // by the transaction
}

// remembered things are kept decoded from one transaction to the next, as they
// are on disk: a compartment in use comes up again and again.
const remembered = 8192

// Keys of things: the first word, then whose it is.
const (
	thingCompartment = "compartment"
	thingMeter       = "meter"
	thingTemperature = "temperature"
	thingSession     = "session"
	thingAsset       = "asset"
	thingPoint       = "point"
	thingCounter     = "counter"
	thingChill       = "chill"
	thingVisit       = "visit"
	thingBooking     = "booking"
	thingRating      = "rating"
	thingIncident    = "incident"
	thingBox         = "box"
)

// brief things are forgotten when they were not touched for this long: nobody
// will speak of them again.
const briefDays = 60

var brief = []string{thingBooking, thingRating, thingIncident}

func thingKey(kind string, whose ...string) string {
	return string(appendThingKey(nil, kind, whose...))
}

func appendThingKey(key []byte, kind string, whose ...string) []byte {
	key = append(append(key, kind...), 0)
	for i, w := range whose {
		if i > 0 {
			key = append(key, 0)
		}
		key = append(key, w...)
	}
	return key
}

// thingOf is the state of a thing, to be changed in place.
func thingOf[S any](b *batch, kind string, whose ...string) (*S, *thing, error) {
	b.key = appendThingKey(b.key[:0], kind, whose...)
	t := b.things[string(b.key)]
	if t == nil {
		key := string(b.key)
		t = &thing{State: new(S)}
		value := b.tx.Get(bucketThings, b.key)
		if value == nil {
			b.strange = true
		} else if err := json.Unmarshal(value, t); err != nil {
			return nil, nil, fmt.Errorf("%q: damaged: %w", key, err)
		}
		t.known = value != nil
		b.things[key] = t
	}
	s, ok := t.State.(*S)
	if !ok { // loaded by redateThings
		s = new(S)
		if raw, ok := t.State.(*json.RawMessage); ok {
			if err := json.Unmarshal(*raw, s); err != nil {
				return nil, nil, fmt.Errorf("%q: damaged: %w", b.key, err)
			}
		}
		t.State = s
	}
	t.Day, t.touched = b.newest, true
	return s, t, nil
}

func (b *batch) saveThings() error {
	for key, t := range b.things {
		if !t.touched {
			continue
		}
		value, err := json.Marshal(t)
		if err != nil {
			return fmt.Errorf("encode state: %w", err)
		}
		b.tx.Put(bucketThings, []byte(key), value)
		t.touched = false
	}
	return nil
}

// redateThings moves what has begun to when that is now known to have been. If
// that will never be known, no duration will be counted.
func (b *batch) redateThings() error {
	for key, value := range b.tx.Ascend(bucketThings, nil) {
		if b.things[string(key)] != nil {
			continue
		}
		t := &thing{State: &json.RawMessage{}, known: true}
		if err := json.Unmarshal(value, t); err != nil {
			return fmt.Errorf("%q: damaged: %w", key, err)
		}
		if !t.Since.Final() {
			b.things[string(key)] = t
		}
	}
	for _, t := range b.things {
		first, last, known := b.calendar.Range(t.Since)
		since := b.calendar.Resolve(t.Since)
		if since.Final() && !(known && first.Equal(last)) {
			since = clock.Moment{}
		}
		t.touched = t.touched || since != t.Since
		t.Since = since
	}
	return nil
}

// Whom a Distinct indicator has counted is kept as a keyed hash, and the key
// is that of one month: after that nobody can tell that it was the same
// person. Neither leaves the box.
//
//	bucket "members"  key: row key / 16 bytes of the hash, or the code itself
//	                  value: how often, 8 bytes big-endian
//	bucket "keys"     key: month; value: 32 random bytes
const (
	bucketMembers = "members"
	bucketKeys    = "keys"
)

// member counts a member once, or takes it back, and returns by how much the
// number of members changes.
func (b *batch) member(a amount, facility string, sign int64) int64 {
	name := []byte(a.member)
	if catalogue[a.code].Fold == Distinct {
		mac := hmac.New(sha256.New, b.monthKey(a.period))
		mac.Write([]byte(facility + "\x00" + a.member))
		name = mac.Sum(nil)[:16]
	}
	b.key = append(append(appendRowKey(b.key[:0], a.period, facility, a.code), '/'), name...)
	before, known := b.members[string(b.key)]
	if !known {
		before = int64(toNumber(b.tx.Get(bucketMembers, b.key)))
	}
	after := max(0, before+sign)
	b.members[string(b.key)] = after
	return min(1, after) - min(1, before)
}

func (b *batch) saveMembers() {
	for key, n := range b.members {
		if n == 0 {
			b.tx.Delete(bucketMembers, []byte(key))
		} else {
			b.tx.Put(bucketMembers, []byte(key), number(uint64(n)))
		}
	}
}

func (b *batch) monthKey(month string) []byte {
	key := b.tx.Get(bucketKeys, []byte(month))
	if key == nil {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		b.tx.Put(bucketKeys, []byte(month), key)
	}
	return key
}

// forget removes what nobody will ask for again: things that are over, and the
// members and the key of months that are frozen.
func (b *batch) forget() error {
	oldest := daysBefore(b.newest, briefDays)
	for _, kind := range brief {
		prefix := thingKey(kind)
		for key, value := range b.tx.Ascend(bucketThings, []byte(prefix)) {
			if !strings.HasPrefix(string(key), prefix) {
				break
			}
			t := thing{}
			if err := json.Unmarshal(value, &t); err != nil {
				return fmt.Errorf("%q: damaged: %w", key, err)
			}
			if t.Day != "" && t.Day < oldest {
				b.tx.Delete(bucketThings, key)
				delete(b.things, string(key))
			}
		}
	}
	for _, bucket := range []string{bucketMembers, bucketKeys} {
		for key := range b.tx.Ascend(bucket, nil) {
			if string(key) >= oldest[:len("2026-11")] {
				break
			}
			b.tx.Delete(bucket, key)
		}
	}
	return nil
}
