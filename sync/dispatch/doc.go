// Package dispatch carries commands to devices: the outbox of package command.
//
// # What it promises
//
//   - A command is on disk and in the journal, with who asked for it, before it
//     is sent. If it cannot be kept it is refused and never sent.
//   - That it is about to be sent is on disk before it leaves. So whatever is
//     killed or cut off, it is not sent twice, unless the device knows it again
//     by its ID, or the broker has certainly not had it.
//   - It is never sent after it has expired, nor left in a queue where it could
//     wait: to devices that cannot tell how old it is it goes with QoS 0 and is
//     not retained.
//   - Its outcome is journaled, once: a command that has ended has a reason, or a
//     word of how it is known to be done.
//   - What a device cannot do, or cannot hear, is refused in words at once: see
//     [Dispatcher.Ask].
//   - The same ID asked for again is the same command.
//
// # How it works
//
// [Dispatcher.Ask] writes the command into the state file and the journal, and
// returns. From then on it has a goroutine of its own, which sends it, waits,
// and ends it when its time is over; so none waits for another. Each step is
// decided by package command, written, and only then visible or acted upon.
//
// What confirms a command is read from the journal, like all else that comes
// from devices: while any command is open the dispatcher reads along, from where
// the journal was when the first of them was sent. A crash between a device's
// answer and its effect therefore loses nothing: it is read again. With no
// command open it reads and writes nothing.
//
// A door that opens confirms the command to open that compartment, whether the
// device itself reports it or a sensor that the registry has at the same
// facility and compartment.
//
// # On disk
//
// The state file "commands" of the journal, one bucket:
//
//	"commands"  key: the command's ID
//	            value: JSON of the command, the position in the journal from
//	            which its answer is looked for, and the events that the journal
//	            does not have yet
//
// Those that have ended are kept up to the latest 200; the journal has the rest.
// A file that is lost takes what was open with it: nothing of it is sent again.
package dispatch
