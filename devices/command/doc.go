// Package command is what the gateway asks of a device: open a compartment,
// ring so that somebody finds it, show or sound a message, set a parameter.
//
// An [Order] is what is asked and by whom, a [Command] how far it has come. Its
// methods are the state machine, pure functions of the command and a stamp:
//
//	asked ──► sent ──► done     the device, or the door, has confirmed it
//	  │         └────► failed   the device said so, or nothing in time
//	  └──────────────► failed   it expired before it could be sent
//
// # What it guarantees
//
//   - A command is never sent after it has expired, and carries the time at
//     which it expires to the device, which carries it out before that or not
//     at all. On the gateway's side the time is measured by the monotonic clock;
//     after a reboot nobody knows how much of it has passed, so what was not
//     sent by then never is.
//   - A command is sent once. Again only if it is known not to have left, or if
//     it is Repeatable: the device knows it again by its ID.
//   - Whatever was sent may have been carried out. So a command without an
//     answer has failed with the reason [NoAnswer], and an answer that comes
//     later still counts; it is the only thing that changes an ended command.
//   - A second answer changes nothing.
//
// # On the wire
//
//	linli/v1/<device>/command  {"id":"…","action":"open","expires":"2026-11-23T08:16:00+08:00","data":{"compartment":12}}
//	linli/v1/<device>/event    {"type":"command.done","data":{"command":"…"}}
//	linli/v1/<device>/event    {"type":"command.failed","data":{"command":"…","reason":"door_jammed"}}
//
// Devices behind a bridge are told in the bridge's own words, see the outgoing
// rules of devices/profile.
package command
