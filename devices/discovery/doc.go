// Package discovery reads what devices say of themselves, and by it what they
// report: a make that nobody has written a profile for is understood all the
// same.
//
// # Forms
//
// Two forms are read. Home Assistant's discovery describes one component or
// all of a device on
//
//	<prefix>/<component>/[<node>/]<object>/config
//	<prefix>/device/<object>/config
//
// with abbreviated keys, a base topic ~, binary sensors, sensors, events and
// triggers of a device; an empty payload takes it back. Zigbee2MQTT lists all
// of its devices with what they expose on <base>/bridge/devices. A profile says
// where descriptions come (its key describes); the bridge that sent them may
// describe only what it may publish itself.
//
// # Meaning
//
// A [Signal] is one thing that a device tells, with its [Meaning]: help, a
// fall, smoke, an open door. The meaning is found by Home Assistant's
// device_class, by the words in the name (sos, water_leak_1, 烟雾), and by the
// words among the values (falling, smoke_active); never by a model. What may be
// set is a setting and no observation, however it is called. What a meaning
// becomes depends on what the device is registered as: a press is a call for
// help of what an elder wears, a visit of what a caregiver presses, and nothing
// of a room's sensor, where it may be the switch of a lamp.
//
//   - A contact that is true is a door that is closed, unless its words or its
//     device_class say otherwise.
//   - Of several sensors of one meaning (two leak probes), any that holds makes
//     it hold: each is remembered, whichever topic it comes on.
//   - A condition of help that a device repeats until it is reset counts when it
//     begins (devices.Report.Held), each of several by itself.
//   - A retained message is a state and never a press, a fall or a vibration.
//   - What is only suspected (fall_warning, pre_smoke) or tested is none.
//
// # Templates
//
// Of Home Assistant's value templates those are understood that make a value of
// value or value_json: paths, filters (int, float, round, abs, lower, upper,
// trim, string, bool, default, is_defined, iif), arithmetic, comparisons, in,
// is defined, and, or, not, and a choice as an expression or with {% if %}.
// Loops, variables and calls into Home Assistant are not, and such a signal is
// left out with a complaint. So each template ends, and costs no more than its
// length times that of the message, for which no other bridge waits. Where that
// is more than 8 MiB, a long one on a message of many kilobytes, it is not run.
//
// # Guarantees
//
//   - A description is data: nothing in it is followed, loaded or repeated. A
//     topic is expanded once, and one that names the description itself is
//     refused.
//   - Memory is bounded: documents of at most 8 MiB, read device by device; 64
//     signals of a device and of its components 256, 2048 devices of a bridge,
//     16,384 signals in all. Beyond, what was said longest ago of devices that
//     nobody knows makes room.
//   - What is wrong is told with line, column and mend, at most eight complaints
//     a document. The rest of the document counts; one that is no JSON changes
//     nothing.
//   - What was described is kept in a file and outlives a restart; a file that
//     cannot be read is no reason not to start, since devices describe
//     themselves again.
package discovery
