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

// Priority decides how an incident escalates.
type Priority string

const (
	// High: somebody may be in danger. Never muted, damped or closed by the
	// box itself, and each step calls more people, without end.
	High Priority = "high"
	// Medium: somebody should be looked after. Three rounds, then the duty desk
	// each hour.
	Medium Priority = "medium"
	// Operator: a device needs a hand. In a digest, at most one an hour, and
	// again daily.
	Operator Priority = "operator"
	// Technical: the box or a device fails. Everybody is told once, then daily
	// until somebody acknowledges or it is mended. It sounds no siren.
	Technical Priority = "technical"
)

// rank orders the priorities, the most urgent first.
func (p Priority) rank() int {
	return slices.Index([]Priority{High, Medium, Technical, Operator}, p)
}

// Text names the priority.
func (p Priority) Text() texts.Text {
	switch p {
	case High:
		return texts.AlertRules.High
	case Medium:
		return texts.AlertRules.Medium
	case Operator:
		return texts.AlertRules.Operator
	default:
		return texts.AlertRules.Technical
	}
}

// Phase is how far an incident has come.
type Phase string

// The phases.
const (
	PhaseRaised       Phase = "raised"       // people are being called
	PhaseAcknowledged Phase = "acknowledged" // a human has it
	PhaseOnScene      Phase = "on_scene"     // a human is there
	PhaseResolved     Phase = "resolved"     // a human has closed it
)

// Text names the phase.
func (p Phase) Text() texts.Text {
	switch p {
	case PhaseRaised:
		return texts.Alert.Raised
	case PhaseAcknowledged:
		return texts.Alert.Acknowledged
	case PhaseOnScene:
		return texts.AlertRules.OnScene
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

	// Stranger is what is known of a device that is not registered, nil of one
	// that is.
	Stranger *devices.StrangerCalled `json:"stranger,omitempty"`

	// Raised is when the first press was heard, Last when the latest was.
	Raised  devices.Stamp `json:"raised"`
	Last    devices.Stamp `json:"last"`
	Presses int           `json:"presses"`

	// Round counts how often people were called anew: 1, and one more for
	// each press after an acknowledgement. RoundAt is when the present one began.
	Round   int           `json:"round"`
	RoundAt devices.Stamp `json:"round_at,omitzero"`
	// Step counts the calls over all rounds; StepAt is when the present one
	// began.
	Step   int           `json:"step"`
	StepAt devices.Stamp `json:"step_at"`

	// Subject is whom or what it is about, and what presses are merged by.
	Subject string `json:"subject"`
	// Because is what a rule has found, empty for a call for help.
	Because []Sign `json:"because,omitempty"`
	// Mended is set while what a rule has found is over.
	Mended bool `json:"mended,omitempty"`
	// Days counts how often the box reminded of what is not mended.
	Days int `json:"days,omitempty"`

	// Acknowledged, OnScene and Resolved are nil until it has happened.
	Acknowledged *Act `json:"acknowledged,omitempty"`
	OnScene      *Act `json:"on_scene,omitempty"`
	Resolved     *Act `json:"resolved,omitempty"`
	// Notes are the latest words of humans, hand-overs among them.
	Notes []Note `json:"notes,omitempty"`

	// Deliveries are the pages of the present step and the one before.
	Deliveries []Delivery `json:"deliveries,omitempty"`
}

// Act is what a human did.
type Act struct {
	By    string        `json:"by"`
	How   string        `json:"how,omitempty"`   // but of a resolution
	Cause Cause         `json:"cause,omitempty"` // of a resolution
	At    devices.Stamp `json:"at"`
}

// Note is what a human wrote down, or to whom the incident was handed over.
type Note struct {
	By   string        `json:"by"`
	To   string        `json:"to,omitempty"` // of a hand-over
	Text string        `json:"text,omitempty"`
	At   devices.Stamp `json:"at"`
}

// maxNotes are kept of one incident; the journal has them all.
const maxNotes = 20

// Delivery is where one page stands. Step, Recipient, Channel and Way are its
// identity within the incident.
type Delivery struct {
	Step int `json:"step"`
	// Recipient is the caregiver's ID, "" for the box's own log.
	Recipient string `json:"recipient,omitempty"`
	// Channel is the kind of channel, Way its place in the caregiver's list.
	Channel string `json:"channel"`
	Way     int    `json:"way,omitempty"`
	// Why says as what the recipient is called, Group of which group.
	Why   Reason `json:"why,omitempty"`
	Group string `json:"group,omitempty"`

	// Result is that of the latest attempt, "" before the first.
	Result   Class  `json:"result,omitempty"`
	Detail   string `json:"detail,omitempty"`
	Attempts int    `json:"attempts,omitempty"`
	// At is when that attempt began.
	At devices.Stamp `json:"at,omitzero"`
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
	i.Because, i.Notes = slices.Clone(i.Because), slices.Clone(i.Notes)
	for _, act := range []**Act{&i.Acknowledged, &i.OnScene, &i.Resolved} {
		if *act != nil {
			copied := **act
			*act = &copied
		}
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
	// until is until when its channel wants to be left alone.
	until time.Duration
}
