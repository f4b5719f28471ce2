// Package supervision finds out what is wrong with the devices themselves: one
// that has fallen silent, runs out of battery, is not worn, has no clock, or
// was tampered with. Each finding is journaled once, as an event of the device
// (see [Types]), when it begins and when it is over.
//
// # Silence
//
// Each kind of device has a reporting interval ([Interval]), which a
// registration may replace by the device's own. Whoever has said nothing for
// that long is silent; any word of it, even a repeated state or a ping of its
// connection, ends that. An "offline", which is what the will of a lost
// connection says, is not believed alone: it leaves the device [offlineGrace]
// to come back, and any other word takes it back.
//
// Only the monotonic clock counts. After a start of the box nobody is silent
// before an interval has passed since, whatever was known before. Nor after a
// kill of the gateway alone; after an orderly restart, everybody has
// [restartGrace] to be heard.
//
// # Hysteresis
//
// What a device says of itself has to last before it becomes a finding, and
// to be gone for a while before that is cleared (see conditions): a battery
// that is low in the cold of the morning and a cover that rattles are one
// finding each. In the first [bootGrace] after a start of the box nothing is
// found or cleared: when the power returns, every device reports everything.
//
// # What is kept
//
// A file: what was found of each device, and, written hourly, when each was
// last heard. A finding is written to the file before it is journaled, and
// noted there as journaled after that, under an identity made of the moment of
// the decision: a crash in between repeats it under the same identity, which
// the journal knows. A file that is damaged or lost costs the memory of the
// findings that stand, not their detection.
package supervision
