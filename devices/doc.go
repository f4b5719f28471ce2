// Package devices is the vocabulary of the gateway: what a device is, what it
// reports, and how a report reaches the journal.
//
// A driver (devices/mqtt, devices/gpio) hears something, devices/intake turns
// it into an [Event], and a [Recorder] puts the event on disk. Only then may
// the driver tell its device that it was heard: a PUBACK, or an edge counted
// as seen, comes after Record has returned nil and never before.
//
// An Event is the report as it came, normalised but not interpreted. What it
// means (a door that opened and closed is a deposit) is worked out later, by
// the pure state machines of the kind packages, inside the followers of the
// journal. A report that could not be recorded has therefore changed nothing.
//
// Each kind of device has a package of its own (locker, cabinet, wearable)
// with its typed payloads; a [Vocabulary] is made from their [Spec] lists and
// handed to whoever has to tell a good report from a malformed one. There is
// no global registration.
//
// This package imports the standard library only.
package devices
