package command

import (
	"time"

	"github.com/linli-edge/gateway/devices"
)

// Phase is how far a command has come.
type Phase string

// The phases.
const (
	PhaseAsked  Phase = "asked"  // on disk, not sent yet
	PhaseSent   Phase = "sent"   // it may have been carried out
	PhaseDone   Phase = "done"   // it was carried out
	PhaseFailed Phase = "failed" // it was not, or nobody knows
)

// How it is known that a command was carried out.
const (
	ByDevice = "device" // the device has answered
	ByDoor   = "door"   // the door was seen to open
	ByNobody = "nobody" // it was handed over; such a device never answers
)

// Reasons for a failure that the gateway finds itself; others are the
// device's.
const (
	Expired  = "expired"   // it was never sent
	NoAnswer = "no_answer" // it was sent, and nobody knows
	Stopped  = "not_kept"  // the disk failed before it could be sent
	Refused  = "refused"   // it could not be put into the bridge's words any more
)

// Grace is how long after the expiry an answer is awaited: the device may have
// begun at the last moment.
const Grace = 10 * time.Second

// Command is an order and how far it has come.
type Command struct {
	Order
	// Asked is when the order came, Valid how long it may take from Since on:
	// Asked, or after a reboot the start that followed it.
	Asked devices.Stamp `json:"asked"`
	Since devices.Stamp `json:"since"`
	Valid time.Duration `json:"valid"`
	// Silent devices never answer, and nothing that they do is seen.
	Silent bool `json:"silent,omitempty"`
	// Repeatable says that the device does not carry out the same ID twice.
	Repeatable bool `json:"repeatable,omitempty"`

	Phase Phase `json:"phase"`
	// Sent and Ended are zero until then.
	Sent  devices.Stamp `json:"sent,omitzero"`
	Ended devices.Stamp `json:"ended,omitzero"`
	// Confirmed says how it is known to be done, Reason why it has failed.
	Confirmed string `json:"confirmed,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// New is a command that was asked for now and may take valid.
func New(o Order, now devices.Stamp, valid time.Duration) Command {
	return Command{Order: o, Asked: now, Since: now, Valid: valid, Phase: PhaseAsked}
}

// Over tells whether the command has ended.
func (c Command) Over() bool { return c.Phase == PhaseDone || c.Phase == PhaseFailed }

// Expires is when the device must have begun, by the wall clock that it shares
// with the gateway.
func (c Command) Expires() time.Time { return c.Since.Wall.Add(c.Valid) }

// Left is how long the command can still be sent, or be answered once it was
// sent. Nothing is left of one of another boot, or that has ended.
func (c Command) Left(now devices.Stamp) time.Duration {
	passed, same := now.Since(c.Since)
	limit := c.Valid
	if c.Phase == PhaseSent {
		limit += Grace
	}
	if !same || c.Over() {
		return 0
	}
	return max(0, limit-passed)
}

// Tick ends a command whose time is over.
func (c Command) Tick(now devices.Stamp) Command {
	if c.Over() || c.Left(now) > 0 {
		return c
	}
	if c.Phase == PhaseSent {
		return c.fail(NoAnswer, now)
	}
	return c.fail(Expired, now)
}

// Send makes an asked command a sent one, before it leaves: what happens to
// the gateway meanwhile, it is not sent twice. An expired one has failed.
func (c Command) Send(now devices.Stamp) Command {
	if c = c.Tick(now); c.Phase == PhaseAsked {
		c.Phase, c.Sent = PhaseSent, now
	}
	return c
}

// Unsent says that what Send began has certainly not left the gateway.
func (c Command) Unsent() Command {
	if c.Phase == PhaseSent {
		c.Phase, c.Sent = PhaseAsked, devices.Stamp{}
	}
	return c
}

// Handed says that the command has left the gateway.
func (c Command) Handed(now devices.Stamp) Command {
	if c.Phase == PhaseSent && c.Silent {
		return c.done(ByNobody, now)
	}
	return c
}

// Stop gives up a command that was not sent.
func (c Command) Stop(reason string, now devices.Stamp) Command {
	if c.Phase == PhaseAsked {
		return c.fail(reason, now)
	}
	return c
}

// Answer is the device's word; reason is empty if it was carried out.
func (c Command) Answer(reason string, now devices.Stamp) Command {
	if c.Phase != PhaseSent && !(c.Phase == PhaseFailed && c.Reason == NoAnswer) {
		return c
	}
	if reason == "" {
		return c.done(ByDevice, now)
	}
	return c.fail(reason, now)
}

// Opened says that the door of a compartment was seen to open.
func (c Command) Opened(compartment int, now devices.Stamp) Command {
	if c.Phase == PhaseSent && c.Action == Open && c.Data.Compartment == compartment {
		return c.done(ByDoor, now)
	}
	return c
}

// JamCode is the code of the fault of a door that did not open.
const JamCode = "door_jammed"

// Jammed says that a compartment is reported to be so.
func (c Command) Jammed(compartment int, now devices.Stamp) Command {
	if c.Phase == PhaseSent && c.Action == Open && c.Data.Compartment == compartment {
		return c.fail(JamCode, now)
	}
	return c
}

// Restart is the command after the gateway has started again. What was sent
// awaits its answer; after a reboot for as long as it might have taken at all.
func (c Command) Restart(now devices.Stamp) Command {
	if c.Phase == PhaseSent && now.Boot != c.Since.Boot {
		c.Since = now
		return c
	}
	if c = c.Tick(now); c.Phase == PhaseSent && c.Repeatable && now.Boot == c.Asked.Boot && c.Left(now) > Grace {
		return c.Unsent()
	}
	return c
}

func (c Command) done(how string, now devices.Stamp) Command {
	c.Phase, c.Confirmed, c.Reason, c.Ended = PhaseDone, how, "", now
	return c
}

func (c Command) fail(reason string, now devices.Stamp) Command {
	c.Phase, c.Confirmed, c.Reason, c.Ended = PhaseFailed, "", reason, now
	return c
}
