package alert

import (
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// Types of the events that this package journals, on devices.GatewayDevice.
// What a human did and what a rule has found is urgent and is acted on only as
// the journal hands it back; what the engine decided is ordinary and only kept.
const (
	TypeAcknowledged devices.Type = "incident.acknowledged"
	TypeOnScene      devices.Type = "incident.on_scene"
	TypeNoted        devices.Type = "incident.noted"
	TypeHandedOver   devices.Type = "incident.handed_over"
	TypeResolved     devices.Type = "incident.resolved"
	TypeFound        devices.Type = "incident.found"
	TypeRaised       devices.Type = "incident.raised"
	TypeEscalated    devices.Type = "incident.escalated"
	TypePaged        devices.Type = "incident.paged"
)

// Acknowledged: a human has taken the incident on.
// {"incident":"9f2c…","by":"c-wang","how":"page"}.
type Acknowledged struct {
	Incident string `json:"incident"`
	// By is the caregiver's ID, or what else is known of who it was.
	By string `json:"by"`
	// How says by which way: "page", "http", "sms", "button", "command", "link".
	How string `json:"how"`
}

// OnScene: a human is where help is needed.
// {"incident":"9f2c…","by":"c-wang","how":"door"}.
type OnScene struct {
	Incident string `json:"incident"`
	By       string `json:"by"`
	// How says by which way: as of Acknowledged, or at the door, by its label
	// ("door"), a tag ("nfc") or a button.
	How string `json:"how"`
}

// Noted: a human has written something down.
// {"incident":"9f2c…","by":"c-wang","text":"Called the daughter"}.
type Noted struct {
	Incident string `json:"incident"`
	By       string `json:"by"`
	Text     string `json:"text"`
}

// HandedOver: somebody else has the incident now.
// {"incident":"9f2c…","by":"c-wang","to":"c-li"}.
type HandedOver struct {
	Incident string `json:"incident"`
	By       string `json:"by"`
	To       string `json:"to"`
}

// Found: a rule has found that something is not as it should be, or, with
// Mended, that it is over.
// {"kind":"night_exit","elder":"e-0301","device":"bed-301","because":[{"sign":"out_of_bed","minutes":30}]}.
type Found struct {
	Kind Kind `json:"kind"`
	// Priority is set where the rule raises that of the kind.
	Priority Priority `json:"priority,omitempty"`
	// Elder and Device are IDs of the registry. Part tells apart what one
	// device may have several of: a compartment, a code.
	Elder  string `json:"elder,omitempty"`
	Device string `json:"device,omitempty"`
	Part   string `json:"part,omitempty"`
	Mended bool   `json:"mended,omitempty"`
	// Because are the signs that the rule went by.
	Because []Sign `json:"because,omitempty"`
}

// Sign is one thing that a rule went by.
type Sign struct {
	Sign SignKind `json:"sign"`
	// Minutes is for how long, or how old; Value is a reading in its own unit.
	Minutes int     `json:"minutes,omitempty"`
	Value   float64 `json:"value,omitempty"`
	// Limit is what a temperature of food must not pass.
	Limit float64 `json:"limit,omitempty"`
	// Of says which: a vital sign, a code, a compartment.
	Of string `json:"of,omitempty"`
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
	// Priority and Because are those of the incident.
	Priority Priority `json:"priority,omitempty"`
	Because  []Sign   `json:"because,omitempty"`
}

// Escalated: nobody has answered in time.
// {"incident":"9f2c…","round":1,"step":2,"pages":12}.
type Escalated struct {
	Incident string `json:"incident"`
	Round    int    `json:"round"`
	Step     int    `json:"step"`
	Pages    int    `json:"pages"`
}

// Paged: what came of one page, once nothing more is tried.
// {"incident":"9f2c…","step":2,"recipient":"c-li","channel":"sms","why":"duty","group":"night","result":"accepted","attempts":1}.
type Paged struct {
	Incident  string `json:"incident"`
	Step      int    `json:"step"`
	Recipient string `json:"recipient,omitempty"`
	Channel   string `json:"channel"`
	Why       Reason `json:"why,omitempty"`
	Group     string `json:"group,omitempty"`
	// Result is that of the last attempt, "" if there was none.
	Result   Class  `json:"result,omitempty"`
	Detail   string `json:"detail,omitempty"`
	Attempts int    `json:"attempts,omitempty"`
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

// EventType is "incident.on_scene".
func (OnScene) EventType() devices.Type { return TypeOnScene }

// EventType is "incident.noted".
func (Noted) EventType() devices.Type { return TypeNoted }

// EventType is "incident.handed_over".
func (HandedOver) EventType() devices.Type { return TypeHandedOver }

// EventType is "incident.found".
func (Found) EventType() devices.Type { return TypeFound }

// EventType is "incident.paged".
func (Paged) EventType() devices.Type { return TypePaged }

const (
	maxBy   = 64  // characters
	maxNote = 500 // characters
)

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

// Validate wants to know who it was.
func (o OnScene) Validate() error { return checkBy(o.By) }

// Validate wants words, and to know whose.
func (n Noted) Validate() error {
	if c := utf8.RuneCountInString(n.Text); c < 1 || c > maxNote {
		return texts.Errorf(texts.AlertRules.NoteLength, maxNote, c)
	}
	return checkBy(n.By)
}

// Validate wants to know who it was, and who has it now.
func (h HandedOver) Validate() error {
	if checkBy(h.To) != nil {
		return texts.Errorf(texts.AlertRules.To, maxBy)
	}
	return checkBy(h.By)
}

// Validate wants a kind that rules may find.
func (f Found) Validate() error {
	if r, ok := rules[f.Kind]; !ok || r.priority == High {
		return errors.New("kind: no rule finds this")
	}
	return nil
}

// Validate accepts what the engine made.
func (Paged) Validate() error { return nil }

// Validate accepts what the engine made.
func (Raised) Validate() error { return nil }

// Validate accepts what the engine made.
func (Escalated) Validate() error { return nil }
