// Package simulate plays a small community to the gateway: two locker banks,
// two meal cabinets and twenty elders with wearables, each an MQTT client of
// its own, over TCP, with its own credentials. To the gateway they are devices
// like any others; nothing in it knows this package but the demo.
//
// [Routine] is the planner: the endless sequence of what one device reports,
// a pure function of the device, a seed and the hour at which it begins.
// [Simulation] is the thin rest: it waits until a report is due, publishes it
// with QoS 1, and publishes it again under the same id until it has been
// acknowledged.
//
// A fleet ([NewFleet], [Run]) is the other thing that it plays: any number of
// devices of the kinds and of the shipped profiles' makes, for load and
// acceptance. A vendor's device speaks in the vendor's words and not by way of
// the profile; [Run.Recount] compares what was acknowledged with an export of
// the journal, by its text alone.
//
// # Two clocks
//
// The rhythm of the day (meals at a quarter to eleven, parcels by day, sleep
// by night) runs Speed times faster than real time. The time stamps in the
// reports are real ones, since no gateway believes the future: a lunch hour
// played in a minute is a minute long in the books as well.
//
// # Counts
//
// [Simulation.Counts] says what was acknowledged and no more, so that it may be
// held against the journal: a report whose PUBACK was lost is counted when its
// retransmission is acknowledged, once.
package simulate
