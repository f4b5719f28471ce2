package devices

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Type names what an event says, for instance "parcel.deposited". It is the
// "type" of a native message and of the journal.
type Type string

// Urgency decides in which chain of the journal an event is kept, and thereby
// what it may wait for. It is decided on the report alone.
type Urgency uint8

const (
	// Ordinary events share a group commit and may wait a short time for
	// company.
	Ordinary Urgency = iota
	// Urgent events commit at once, in a chain of their own: SOS, fall,
	// acknowledgements.
	Urgent
)

// String is "ordinary" or "urgent".
func (u Urgency) String() string {
	if u == Urgent {
		return "urgent"
	}
	return "ordinary"
}

// Event is one normalised report of one device, or one thing the gateway
// itself did.
type Event struct {
	// ID is the identity of the report within Device: a second event with the
	// same Device and ID is a redelivery and changes nothing. In order of
	// preference it is the device's own event ID, the vendor's, or that of the
	// packet that carried it. Never empty once intake has seen it: a press
	// without any identity gets a random one and is always recorded.
	ID string
	// Device is the ID in the registry, or the name under which an unknown
	// device spoke.
	Device string
	Type   Type
	// Observed is the device's own time stamp, zero if it gave none. A device
	// clock is never trusted: see When.
	Observed time.Time
	// Received is the gateway's reading of its own clocks when it heard the
	// report.
	Received Stamp
	Urgency  Urgency
	// Data is the canonical JSON of the Type's payload, see Decode.
	Data json.RawMessage
}

// How far a device's time stamp may lie from the moment its report arrived
// and still be believed: a device may buffer for a month, but not know the
// future.
const (
	maxLate  = 31 * 24 * time.Hour
	maxAhead = 5 * time.Minute
)

// When is the best wall time known for an event that was received at the given
// time: the device's stamp where it is plausible, else that time. It is good
// enough to choose a day for a statistic and never an order: order is the
// journal's sequence.
func When(observed, received time.Time) time.Time {
	if observed.IsZero() || observed.Before(received.Add(-maxLate)) || observed.After(received.Add(maxAhead)) {
		return received
	}
	return observed
}

// When is the best wall time known for the event as long as the box's clock
// was right when it was received: see clock.Calendar.
func (e Event) When() time.Time { return When(e.Observed, e.Received.Wall) }

// Payload is the typed data of an event. Each kind package declares its own;
// it marshals to the JSON object documented with it.
type Payload interface {
	// EventType is the Type whose Data this is.
	EventType() Type
	// Validate says what is wrong with a decoded payload, naming the field as
	// it is spelled in JSON: "compartment: must be 1 to 9999 (got 0)".
	Validate() error
}

// Leveled is a Payload that reports a state rather than an occurrence: two in
// a row that say the same thing say nothing new, and the second is
// acknowledged without being journaled.
type Leveled interface {
	Payload
	// Level names the state within its device and type, for instance "12" for
	// the door of compartment 12, or "" where the device has just one.
	Level() string
}

// Recorder keeps events.
type Recorder interface {
	// Record returns nil only when the event, or an earlier one of the same
	// identity, is on disk. After an error nothing is known and the report
	// must not be acknowledged.
	Record(ctx context.Context, e Event) error
}

// Submitter is a [Recorder] for callers that have more to do than wait.
type Submitter interface {
	Recorder
	// Submit calls done with what Record would have returned. It is called
	// once for each Submit that returned nil, in the order of the calls for
	// events of one urgency, by somebody who must not be held up. After an
	// error done is never called. Submit itself waits, as long as ctx lasts,
	// only while too many events are under way; if ctx has ended, not at all.
	Submit(ctx context.Context, e Event, done func(error)) error
}

// Driver brings reports in, over MQTT or from GPIO lines, until ctx ends. It
// returns nil when it was stopped, and an error only if it can never work.
type Driver interface {
	Run(ctx context.Context) error
}

// New makes an event of payload p. The caller sets identity, stamps and
// urgency where they differ from the zero value.
func New(device string, p Payload) (Event, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return Event{}, fmt.Errorf("encode %s: %w", p.EventType(), err)
	}
	return Event{Device: device, Type: p.EventType(), Data: data}, nil
}

// Decode reads the payload of e, which must be of P's type.
func Decode[P Payload](e Event) (P, error) {
	var p P
	if t := p.EventType(); t != e.Type {
		return p, fmt.Errorf("event is %s, not %s", e.Type, t)
	}
	if err := json.Unmarshal(e.Data, &p); err != nil {
		return p, fmt.Errorf("decode %s: %w", e.Type, err)
	}
	return p, nil
}
