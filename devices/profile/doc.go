// Package profile reads the messages of other makes' bridges (Zigbee2MQTT and
// its like) by declarative profiles: what a message means is written in YAML,
// not in Go.
//
// # A profile
//
// A profile is a file name.yaml:
//
//	name: acme                     # as the file is called
//	title: {zh: 某某网关, en: ACME bridge}
//	topics: [acme/#]               # MQTT filters that the bridge publishes under
//	commands: [acme/+/set]         # MQTT filters that it subscribes to
//	settings: {unit: C}            # what differs from bridge to bridge, if anything
//	messages:
//	  - topic: acme/bridge/{rest...}       # no rules: the bridge's own affairs
//	  - topic: acme/{name...}/availability
//	    address: topic.name
//	    rules:
//	      - name: status
//	        retained: true
//	        when: text in ["online", "offline"]
//	        type: status
//	        data: {online: text == "online"}
//	  - topic: acme/{name...}
//	    address: topic.name
//	    rules:
//	      - name: sos
//	        kinds: [wearable]
//	        when: payload.button == "pressed"
//	        type: sos
//	        id: payload.sequence
//	        observed: payload.time
//
// A message is read by the first entry of messages whose topic matches: a
// level is fixed, {name} is one level, {name...} one or more. Put the special
// topic before the general one. Its address, an expression, is what the
// registry knows the device by; then every one of its rules is tried.
//
//	name      of the rule, unique in the file
//	kinds     of device that the rule is for, each of which must report its type;
//	          without it, all that do
//	when      the condition; null is false
//	type      what is reported, see the kind's package (devices/wearable, …)
//	data      its fields, an expression each; a field that is null is left out
//	id        the device's or vendor's identity of the message, if there is one
//	observed  its time stamp: RFC 3339, or seconds or milliseconds since 1970
//	each      a list, or a range as 1..24; the rule is tried for each element,
//	          called item
//	retained  true for a state that also counts when the broker kept it
//	held      instead of or besides when, for an occurrence that the vendor
//	          tells as a condition and repeats while it holds: whether it holds,
//	          null if the message does not say; it counts when it begins
//	instance  which of several such conditions of one device, if it has several
//	number    a number that the vendor repeats an occurrence with and that comes
//	          again too soon to be an id: the same within a minute counts once
//
// A message with describes: zigbee2mqtt or homeassistant instead of address
// and rules is what devices say of themselves in that form: package discovery
// reads it, and then reads their messages beside the rules.
//
// # Settings
//
// What differs from one bridge of a make to the next, its base topic or how
// its locks are wired, is a setting, written with its usual value. In a topic
// or filter '{base}' stands for the setting base (which may hold several
// levels; YAML wants the quotes), in an expression setting.base is its text. A
// bridge's registration gives its own behind the profile's name, as the query
// of a URL: zigbee2mqtt?base=east.
//
// # Expressions
//
// They are those of github.com/expr-lang/expr, without loops and variables.
// They may name
//
//	payload   the fields of a JSON object, empty if it is none
//	list      the elements of a JSON array, empty if it is none
//	text      what is neither, without blanks around it
//	raw()     the payload's bytes, numbers from 0 to 255; empty beyond 1024
//	topic     the named levels
//	setting   the settings
//	retained  whether the broker kept the message from earlier
//	device    id, kind and compartment as registered (not in address)
//	item      in a rule with each
//
// and call, besides harmless functions of expr (round, lower, len, …),
//
//	num(x)            a number, also of "63.5"; else null
//	flag(x)           true or false, also of "ON", "no", 1; else null
//	str(x)            a text without blanks around it; else ""
//	string(x)         a text, number or truth as a text; else ""
//	has(x)            false for null and ""
//	object(x)         a JSON object, to ask for its fields; else an empty one
//	array(x)          a JSON array; else an empty one
//	between(x, a, b)  whether num(x) is a number from a to b
//	hex(x), base64(x) the bytes that a text says, at most 1024; else empty
//	xor(x)            the exclusive or of a list of bytes; else null
//
// A field that is absent is null, and so is whatever the helpers cannot read,
// so a rule is written to fire on what it knows and not on what it does not:
// flag(payload.contact) == false is not !flag(payload.contact), which fails
// where contact is missing. In YAML an expression that holds ": " or begins
// with a quote is put in quotes.
//
// # Guarantees
//
//   - Everything is compiled when it is loaded: a mistake is found then, with
//     file, line, column, rule and excerpt. A profile cannot report what the
//     [devices.Vocabulary] does not know.
//   - A retained message is a press to no rule: it is seen only by rules that
//     say retained, and no rule for an urgent type may say so.
//   - A rule that fails, or a bad clock, costs no other rule its report.
//   - Identities of several reports from one message are kept apart by type
//     and element.
//   - Time and memory are bounded by the length of the message: expressions
//     have at most 300 nodes, no loops, and no regular expression but a short
//     one that is written in them; payloads over 256 KiB are refused. What has
//     not been tried of a message after 5 s is told, and left.
//   - A profile remembers nothing. What has changed since the last message is
//     found out later, where reports are compared with what is on disk.
//
// # Outgoing rules
//
// What people ask of a device (package command) is put into the bridge's words
// by the rules under outgoing, of which the first that fits is taken:
//
//	outgoing:
//	  - name: open
//	    kinds: [locker]
//	    action: open                        # open, ring, notify, set
//	    when: data.compartment < 100
//	    topic: acme/{address}/set           # under one of the filters in commands
//	    payload: '{"open": data.compartment, "order": command.id}'
//	    silent: false                       # nothing tells whether it was carried out
//	    repeatable: false                   # it knows the order again by its ID
//
// A topic may name settings, {address}, {address...} for one of several levels,
// {compartment} and {name}; an expression address, setting, device, data
// (compartment, message, name, value) and command (id, action, time, expires),
// and call bytes(list) and hexText(list) besides. A text is sent as it is, bytes
// as bytes, and all else as JSON. Never is anything published outside of
// commands, on a topic with a wildcard, or with an address in place of a level
// that has several.
//
// A shipped profile (firmware-config/profiles) has a folder of test cases,
// and a rule that none of them hits fails the tests. Take the payloads from a
// real device's log.
package profile
