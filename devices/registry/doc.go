// Package registry keeps who and what is registered: facilities, devices and
// their credentials, elders and what is agreed on for their care, caregivers,
// their groups and the rota; and who speaks without being registered.
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
//   - Every change is journaled, with who made it and when: the transaction
//     that makes it leaves the intention behind, with the identity that the
//     event will have, and [Registry.Run] records it and takes it away. The
//     journal learns which fields changed, never what is in them.
//   - A damaged record costs that record only: it is left out, listed in
//     [Snapshot.Damaged], and everything else is served. Writing or removing a
//     record of the same ID mends it.
//   - A file whose structure is damaged is replaced by one with every record
//     that is still whole somewhere in it, and kept beside it. A record that
//     was changed or removed not long ago may come back as it was.
//   - A secret is shown once, when it is issued, and kept as its SHA-256: it
//     has 128 random bits, so nothing slower is needed.
//
// # Personal fields
//
// Names, rooms, ways to reach people and what is agreed on for somebody's care,
// the fields with the tag personal:"true", are encrypted on disk with AES-256-GCM, bound to table and
// ID. The key is in a file of its own, [KeyFile], made at the first start, or
// kept by somebody else ([Options.Key]). Without its key a record is served
// without these fields, devices like any other: [Snapshot.Locked] counts them.
// They come back with the key, whatever was changed beside them, or are given
// anew. The file may hold several keys: the last encrypts, and at the next
// start what is encrypted with another, or not yet at all, is encrypted again.
//
// # The inbox
//
// Who speaks and is not registered is an [Unknown] in the [Inbox]: at most 200,
// the most persistent and the newest of them. It is kept in this file rather
// than found in the journal again: it has to outlive the journal's retention,
// and the journal has to be spared a flood of strangers. What is new in it is
// saved every five minutes and when the file is closed, how often each was
// heard once an hour. A kill costs the last minutes of it, and who matters
// speaks again. A [Verdict] keeps somebody out of it.
//
// # Layout
//
// One bbolt file of its own, so that it can be read when the journal cannot.
// A bucket a table ("facilities", "devices", "elders", "caregivers", "care",
// "groups", "shifts", "holidays", "verdicts", "secrets", "certificates"), the
// ID as the key; the value is a CRC-32C over table, key and document (4 bytes,
// big endian) followed by the document in JSON, for a secret or a certificate
// the 32 bytes of its SHA-256. The personal fields of a
// document are in its field "sealed", base64: the first 4 bytes of the SHA-256
// of the key, 12 of nonce, the encrypted JSON object, 16 of tag. Bucket "inbox"
// is of the same form, bucket "changes" holds what is still to be journaled.
//
// The registry knows nothing of alerts, nor who is on duty, and never deletes
// anything by itself.
package registry
