package command

import (
	"errors"
	"fmt"

	"github.com/linli-edge/gateway/devices"
)

// Event types: the first two are the devices', the others the gateway's own.
const (
	TypeDone   devices.Type = "command.done"
	TypeFailed devices.Type = "command.failed"
	TypeAsked  devices.Type = "command.asked"
	TypeSent   devices.Type = "command.sent"
	TypeEnded  devices.Type = "command.ended"
)

// Done is a device's word that it has carried out a command. {"command":"…"}.
type Done struct {
	Command string `json:"command"`
}

// Failed is a device's word that it has not.
// {"command":"…","reason":"door_jammed"}.
type Failed struct {
	Command string `json:"command"`
	Reason  string `json:"reason"`
}

// Asked is what the gateway journals before it sends anything:
// {"command":"…","device":"locker-1","action":"open","data":{"compartment":12},"by":"li","valid_seconds":30}.
type Asked struct {
	Command string  `json:"command"`
	Device  string  `json:"device"`
	Action  Action  `json:"action"`
	Data    Data    `json:"data"`
	By      string  `json:"by"`
	Valid   float64 `json:"valid_seconds"`
}

// Sent is journaled when it has been handed over. {"command":"…","device":"…"}.
type Sent struct {
	Command string `json:"command"`
	Device  string `json:"device"`
}

// Ended is what has become of it:
// {"command":"…","device":"…","action":"open","data":{"compartment":12},"confirmed":"door"},
// or with a reason if it has failed.
type Ended struct {
	Command   string `json:"command"`
	Device    string `json:"device"`
	Action    Action `json:"action"`
	Data      Data   `json:"data"`
	Confirmed string `json:"confirmed,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// Specs are the answers that devices of a kind may give.
func Specs(kind devices.Kind) []devices.Spec {
	return []devices.Spec{
		devices.SpecFor[Done](kind, devices.Ordinary),
		devices.SpecFor[Failed](kind, devices.Ordinary),
	}
}

// Told is the event in which the gateway journals the command's present phase,
// on devices.GatewayDevice. It is the same event each time.
func (c Command) Told() (devices.Event, error) {
	var p devices.Payload
	at := c.Ended
	switch c.Phase {
	case PhaseAsked:
		p, at = Asked{c.ID, c.Device, c.Action, c.Data, c.By, c.Valid.Seconds()}, c.Asked
	case PhaseSent:
		p, at = Sent{c.ID, c.Device}, c.Sent
	default:
		p = Ended{c.ID, c.Device, c.Action, c.Data, c.Confirmed, c.Reason}
	}
	e, err := devices.New(devices.GatewayDevice, p)
	// A late answer makes another end of the same command.
	e.ID, e.Received = fmt.Sprintf("command/%s/%s/%s", c.ID, c.Phase, c.Reason), at
	return e, err
}

// EventType is "command.done".
func (Done) EventType() devices.Type { return TypeDone }

// EventType is "command.failed".
func (Failed) EventType() devices.Type { return TypeFailed }

// EventType is "command.asked".
func (Asked) EventType() devices.Type { return TypeAsked }

// EventType is "command.sent".
func (Sent) EventType() devices.Type { return TypeSent }

// EventType is "command.ended".
func (Ended) EventType() devices.Type { return TypeEnded }

// Validate wants the command's ID.
func (p Done) Validate() error { return devices.CheckCode("command", p.Command) }

// Validate wants the command's ID and a code for the reason.
func (p Failed) Validate() error {
	return errors.Join(devices.CheckCode("command", p.Command), devices.CheckCode("reason", p.Reason))
}

// Validate accepts what the gateway made.
func (Asked) Validate() error { return nil }

// Validate accepts what the gateway made.
func (Sent) Validate() error { return nil }

// Validate accepts what the gateway made.
func (Ended) Validate() error { return nil }
