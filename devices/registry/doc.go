// Package registry keeps who and what is registered: facilities, devices and
// their credentials, elders and what is agreed on for their care, caregivers,
// their groups and the rota.
//
// It is asked for every message that arrives and written a few times a day.
// So everything is held in memory as a [Snapshot], which is never changed:
// each write makes a new one and swaps it in, and a reader that holds the old
// one goes on seeing one consistent state. Looking something up takes no lock
// and reads no disk.
//
// # Guarantees
//
//   - A write, of one record or of a whole import, happens entirely or not at
//     all, and is on disk (fsync) before it is visible.
//   - Nothing is registered that refers to something unknown: a device to a
//     facility, elder or bridge, an elder to a caregiver. Two devices in use
//     never share a compartment or an address behind one bridge. A write that
//     would break this is refused with a message that names the mend. Retired
//     devices keep what they referred to and hold nothing back.
//   - A damaged record costs that record only: it is left out, listed in
//     [Snapshot.Damaged], and everything else is served. Writing or removing a
//     record of the same ID mends it.
//   - A file whose structure is damaged is replaced by one with every record
//     that is still whole somewhere in it, and kept beside it. A record that
//     was changed or removed not long ago may come back as it was.
//   - A secret is shown once, when it is issued, and kept as its SHA-256: it
//     has 128 random bits, so nothing slower is needed.
//
// # Layout
//
// One bbolt file of its own, so that it can be read when the journal cannot.
// A bucket a table ("facilities", "devices", "elders", "caregivers", "care",
// "groups", "shifts", "holidays", "secrets"), the ID as the key; the value is a
// CRC-32C over table, key and document (4 bytes, big endian) followed by the
// document in JSON, for a secret the 32 bytes of its hash.
//
// The registry knows nothing of events or alerts, nor who is on duty, and never deletes
// anything by itself.
package registry
