// Package firmwareconfig describes the box: its configuration file and the
// device profiles that are shipped with it.
//
// # The configuration file
//
// The file is YAML and strict. [Load] starts from [Default], decodes what the
// file says over it and validates the result, field by field and across
// fields. Everything may be left out: a section that is absent or empty keeps
// its defaults, so the smallest useful file names the box and nothing else.
// What is registered (facilities, devices, elders, caregivers) is not
// configuration and never stands here, nor does any secret: the file holds
// paths of secret files, which can have stricter permissions.
//
// What the file must not contain is refused, never guessed: a key that is
// unknown or written twice, a value of another type (a number where an address
// belongs), a duration or size without its unit, an anchor or tag, a second
// document. A file of no content is refused too, because on a flash card it is
// more often a write that was cut off than a decision.
//
// Load reports one mistake at a time, as one
// [github.com/linli-edge/gateway/devices/texts.Error] in Chinese and English:
// file, line and column, the field, what is wrong with it, the lines of the
// file with a caret, and how to mend it.
//
//	gateway.yaml:4:11: mqtt.listen: must be text, and this is a number (1883)
//	     3 | mqtt:
//	>    4 |   listen: 1883
//	       |           ^
//	fix: write for example  listen: 0.0.0.0:1883
//
// Decoding is our own walk over the syntax tree of goccy/go-yaml. The
// library's decoder would take `listen: 1883` for a string, and its messages
// are English only; its parser gives the position of every token, which is
// what an installer needs.
package firmwareconfig
