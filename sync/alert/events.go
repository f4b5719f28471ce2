package alert

import (
	"slices"
	"unicode/utf8"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// Types of the events that this package journals, on devices.GatewayDevice.
// What a human did is urgent and is acted on only as the journal hands it
// back; what the engine decided is ordinary and only kept.
const (
	TypeAcknowledged devices.Type = "incident.acknowledged"
	TypeResolved     devices.Type = "incident.resolved"
	TypeRaised       devices.Type = "incident.raised"
	TypeEscalated    devices.Type = "incident.escalated"
)

// Acknowledged: a human has taken the incident on.
// {"incident":"9f2c…","by":"c-wang","how":"page"}.
type Acknowledged struct {
	Incident string `json:"incident"`
	// By is the caregiver's ID, or what else is known of who it was.
	By string `json:"by"`
	// How says by which way: "page", "http", "sms", "button".
	How string `json:"how"`
}

// Resolved: a human has closed the incident.
// {"incident":"9f2c…","by":"c-wang","cause":"accidental"}.
type Resolved struct {
	Incident string `json:"incident"`
	By       string `json:"by"`
	Cause    Cause  `json:"cause"`
}

// Raised: people are paged for an incident, for the first time or anew.
// {"incident":"9f2c…","kind":"sos","device":"w-17","round":1,"step":1,"pages":3}.
type Raised struct {
	Incident string `json:"incident"`
	Kind     Kind   `json:"kind"`
	Device   string `json:"device"`
	// Round counts the times that the incident was raised.
	Round int `json:"round"`
	Step  int `json:"step"`
	// Pages is how many pages the step has.
	Pages int `json:"pages"`
}

// Escalated: nobody has answered in time.
// {"incident":"9f2c…","round":1,"step":2,"pages":12}.
type Escalated struct {
	Incident string `json:"incident"`
	Round    int    `json:"round"`
	Step     int    `json:"step"`
	Pages    int    `json:"pages"`
}

// Cause is why an incident came about, as found by whoever closed it.
type Cause string

// The causes.
const (
	CauseReal       Cause = "real"
	CauseAccidental Cause = "accidental"
	CauseTest       Cause = "test"
	CauseDevice     Cause = "device" // a fault of the device
	CauseAway       Cause = "away"   // nobody was there, nothing was wrong
)

// Causes lists them as a page offers them.
func Causes() []Cause { return []Cause{CauseReal, CauseAccidental, CauseTest, CauseDevice, CauseAway} }

// Text names the cause.
func (c Cause) Text() texts.Text {
	switch c {
	case CauseReal:
		return texts.Alert.Real
	case CauseAccidental:
		return texts.Alert.Accidental
	case CauseTest:
		return texts.Alert.Test
	case CauseDevice:
		return texts.Alert.Device
	default:
		return texts.Alert.Away
	}
}

// EventType is "incident.acknowledged".
func (Acknowledged) EventType() devices.Type { return TypeAcknowledged }

// EventType is "incident.resolved".
func (Resolved) EventType() devices.Type { return TypeResolved }

// EventType is "incident.raised".
func (Raised) EventType() devices.Type { return TypeRaised }

// EventType is "incident.escalated".
func (Escalated) EventType() devices.Type { return TypeEscalated }

const maxBy = 64 // characters

func checkBy(by string) error {
	if n := utf8.RuneCountInString(by); n < 1 || n > maxBy {
		return texts.Errorf(texts.Alert.By, maxBy)
	}
	return nil
}

// Validate wants to know who it was.
func (a Acknowledged) Validate() error { return checkBy(a.By) }

// Validate wants to know who it was, and one of the causes.
func (r Resolved) Validate() error {
	if !slices.Contains(Causes(), r.Cause) {
		return texts.Errorf(texts.Alert.Cause, string(r.Cause))
	}
	return checkBy(r.By)
}

// Validate accepts what the engine made.
func (Raised) Validate() error { return nil }

// Validate accepts what the engine made.
func (Escalated) Validate() error { return nil }
