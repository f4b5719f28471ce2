// Package gpio brings in what is wired to the box's own pins (pull-cords,
// door contacts, buttons, motion sensors, rating pads, people counters,
// meters), and drives what hangs on them: siren, lamp, door strike, fan. It
// works with the broker, the network and the province away.
//
// # Meaning, not pins
//
// A [Wire] says what a line is, whose it is and where it is, in words:
//
//	pull-cord, cord-302, normally closed, pin 11
//	door, locker-east, compartment 3, pin 13
//	siren, pin 16, active low
//
// The device is one of the registry: who pulled is the elder or the place that
// the device is bound to. pin is a place on the board's header, which a [Board]
// maps to a chip and a line; without a board a line is named as the kernel
// names it.
//
// # Inputs
//
// The kernel debounces and stamps the edges; of those that come while nobody
// reads it keeps 1,024 a line. Edges that come too fast are merged by it
// without a word, and a level that was there before anybody looked has no edge.
// So the level is read when a line is opened, behind each edge and at least
// once a second, and what was missed becomes an event all the same. A report is
// made of edges by pure state machines ([sense]); an edge counts as seen when
// its report is on disk. Until then it stays in the line of those behind it.
//
//   - A pull-cord calls for help when it is pulled, also when it is found
//     pulled at the start. One that stays open is cut or stuck: after ten
//     minutes it is a fault, until it closes again.
//   - Two beams count who goes in and who goes out, by the order in which they
//     are broken and cleared. Who turns back is not counted.
//   - A meter's pulses are added up and reported once a minute.
//
// # Outputs
//
// A level is set together with the direction, so that nothing moves before it
// should. A strike is energised for its pulse and never longer than its
// longest time, counted here; other outputs have one if the wire says so. What
// happens when the daemon ends is said at [Outputs].
//
// # Lines that are not there
//
// A line that is busy, or on a chip that is not there, costs that line only:
// it is said once (which chip, which line, who holds it), shown, and tried
// again every five seconds. A chip that goes away is noticed within a second,
// because the level cannot be read any more.
//
// # The library behind it
//
// The vocabulary is that of periph.io/x/conn/v3, so that any of its pins can
// stand for a line in a test; on the box a [Line] on the kernel's character
// device implements it. periph's own driver does not do: it reads an output by
// making it an input, which moves a relay, and sets the first level after the
// direction, which lets an active-low siren sound.
package gpio
