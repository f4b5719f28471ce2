// Command exposes measures how many of the Zigbee devices that the world knows
// are understood by what they say of themselves.
//
//	go run ./deploy/exposes             # `make exposes`
//	go run ./deploy/exposes -v          # with each miss
//
// It fetches the npm package zigbee-herdsman-converters, which Zigbee2MQTT is
// built on, into a temporary folder, and has it write what every definition
// exposes. Those that tell of help, falls, contacts, occupancy, smoke, gas,
// carbon monoxide, leaks or vibration are published as bridge/devices would,
// to a bridge whose profile has no rules, and then each value of each such
// property as the device would publish it, in the whole state of the device.
// The gateway's own intake reads them; what it records is compared with
// expected.tsv. A definition counts if all of its values do, and if nothing
// calls for help that should not.
//
// All other definitions are published too, with every value of every property
// that is a truth or one of a list: none of them may call for help.
package main
