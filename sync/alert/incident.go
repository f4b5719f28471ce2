package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// Kind is what an incident is about.
type Kind string

// The kinds.
const (
	SOS  Kind = "sos"
	Fall Kind = "fall"
	// The alarms of a room.
	Smoke          Kind = "smoke"
	Gas            Kind = "gas"
	CarbonMonoxide Kind = "carbon_monoxide"
	Water          Kind = "water"
	// Loss: the box has lost events, or could not read what it had kept.
	Loss Kind = "loss"
)

// Text names the kind.
func (k Kind) Text() texts.Text {
	switch k {
	case Fall:
		return texts.Alert.Fall
	case Smoke:
		return texts.Alert.Smoke
	case Gas:
		return texts.Alert.Gas
	case CarbonMonoxide:
		return texts.Alert.CarbonMonoxide
	case Water:
		return texts.Alert.Water
	case Loss:
		return texts.Alert.Loss
	default:
		return texts.Alert.SOS
	}
}

// Priority decides how an incident escalates.
type Priority string

const (
	// High priority is never muted, damped or closed by the box itself.
	High Priority = "high"
	// Technical: everybody is told once, then daily until somebody
	// acknowledges. It sounds no siren.
	Technical Priority = "technical"
)

// daily is the step of a technical incident.
const daily = 24 * time.Hour

// step is how long one step waits for a human.
func (p Priority) step(high time.Duration) time.Duration {
	if p == Technical {
		return daily
	}
	return high
}

// Phase is how far an incident has come.
type Phase string

// The phases.
const (
	PhaseRaised       Phase = "raised"       // people are being called
	PhaseAcknowledged Phase = "acknowledged" // a human has it
	PhaseResolved     Phase = "resolved"     // a human has closed it
)

// Text names the phase.
func (p Phase) Text() texts.Text {
	switch p {
	case PhaseRaised:
		return texts.Alert.Raised
	case PhaseAcknowledged:
		return texts.Alert.Acknowledged
	default:
		return texts.Alert.Resolved
	}
}

// Incident is one call for help, from the first press until a human has
// closed it.
type Incident struct {
	// ID follows from the first press alone.
	ID string `json:"id"`
	// Number orders incidents by when the engine first knew of them.
	Number   uint64   `json:"number"`
	Kind     Kind     `json:"kind"`
	Priority Priority `json:"priority"`
	Phase    Phase    `json:"phase"`

	Device     string       `json:"device"`
	DeviceKind devices.Kind `json:"device_kind,omitempty"`
	// Elder is the ID of who wears the device, "" if the registry does not
	// say; everybody is called then.
	Elder    string `json:"elder,omitempty"`
	Building string `json:"building,omitempty"`
	Room     string `json:"room,omitempty"`
	Place    string `json:"place,omitempty"`

	// Raised is when the first press was heard, Last when the latest was.
	Raised  devices.Stamp `json:"raised"`
	Last    devices.Stamp `json:"last"`
	Presses int           `json:"presses"`

	// Round counts how often people were called anew: 1, and one more for
	// each press after an acknowledgement.
	Round int `json:"round"`
	// Step counts the calls over all rounds; StepAt is when the present one
	// began.
	Step   int           `json:"step"`
	StepAt devices.Stamp `json:"step_at"`

	// Acknowledged and Resolved are nil until it has happened.
	Acknowledged *Act `json:"acknowledged,omitempty"`
	Resolved     *Act `json:"resolved,omitempty"`

	// Deliveries are the pages of the present step and the one before.
	Deliveries []Delivery `json:"deliveries,omitempty"`
}

// Act is what a human did.
type Act struct {
	By    string        `json:"by"`
	How   string        `json:"how,omitempty"`   // of an acknowledgement
	Cause Cause         `json:"cause,omitempty"` // of a resolution
	At    devices.Stamp `json:"at"`
}

// Delivery is where one page stands. Step, Recipient, Channel and Way are its
// identity within the incident.
type Delivery struct {
	Step int `json:"step"`
	// Recipient is the caregiver's ID, "" for the box's own log.
	Recipient string `json:"recipient,omitempty"`
	// Channel is the kind of channel, Way its place in the caregiver's list.
	Channel string `json:"channel"`
	Way     int    `json:"way,omitempty"`

	// Result is that of the latest attempt, "" before the first.
	Result   Class  `json:"result,omitempty"`
	Detail   string `json:"detail,omitempty"`
	Attempts int    `json:"attempts,omitempty"`
	// FromMemory is set when the page left before the incident was on disk.
	FromMemory bool `json:"from_memory,omitempty"`

	sending sending
}

// done tells whether nothing more is to be tried.
func (d *Delivery) done() bool { return d.Result == Accepted || d.Result == Permanent }

// same tells whether both are the same page.
func (d *Delivery) same(o Delivery) bool {
	return d.Step == o.Step && d.Recipient == o.Recipient && d.Channel == o.Channel && d.Way == o.Way
}

// key is the page's identity for the world outside. It is a digest, so that it
// says nothing about the recipient.
func (d *Delivery) key(incident string) string {
	return digest(incident, strconv.Itoa(d.Step), d.Recipient, d.Channel, strconv.Itoa(d.Way))
}

// clone shares no memory with the engine.
func (i Incident) clone() Incident {
	i.Deliveries = slices.Clone(i.Deliveries)
	for n := range i.Deliveries {
		i.Deliveries[n].sending = sending{}
	}
	if i.Acknowledged != nil {
		act := *i.Acknowledged
		i.Acknowledged = &act
	}
	if i.Resolved != nil {
		act := *i.Resolved
		i.Resolved = &act
	}
	return i
}

// identity is what a redelivered event has in common with the first; that of
// the first press is the incident's ID.
func identity(e devices.Event) string { return digest(e.Device, e.ID) }

// digest is 16 hexadecimal digits over the parts.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// sending is how far the attempts at a page have come, in this process.
type sending struct {
	busy bool
	next time.Duration // not before, by the monotonic clock
}
