// Package sensor measures what the kernel itself can measure: temperatures and
// humidities of chips on its hwmon and IIO interfaces and of DS18B20 probes on
// a 1-wire bus, so that a meal cabinet's hot and cold compartments are watched
// without a broker.
//
// A [Probe] says in words what is measured and where:
//
//	temperature, cabinet-1, compartment 3, 1-wire 28-0316a2795aff
//	temperature, pharmacy, cold, hwmon lm75
//	humidity, cabinet-1, iio sht31
//
// The chip is named as the kernel names it (its "name" file), a number behind a
// slash counts the inputs of one chip from 1 ("hwmon lm75/2") and, where two
// chips have one name, the chips by "name#2".
//
// A probe is read every ten seconds. What differs from the last report by less
// than half a degree (2 % of humidity) is not told, but every ten minutes, so
// that a trace of a day stays small and no change of an hour is missed.
//
// # What is no temperature
//
// A 1-wire reading with a wrong checksum, the 85 C that a DS18B20 shows when its
// power has failed during the conversion, and a probe that is not there are
// faults of the device ("sensor_crc", "sensor_power", "sensor_gone"), told after
// three readings in a row and cleared by three good ones. 85 C itself is
// believed when the readings before led up to it.
package sensor
