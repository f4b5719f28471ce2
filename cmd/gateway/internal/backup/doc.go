// Package backup writes everything that a box knows into one file, and reads
// it back: registry with its key, journal, the followers' states, the key of the
// page's sessions. The configuration and the secrets beside it are not part of it.
//
// # What it promises
//
//   - A backup holds every event that was acknowledged before it began, and no
//     cursor in it is ahead of its chain: see journal.Backup.
//   - It is always encrypted: the registry has names and telephone numbers. It
//     can be read with the passphrase only, and nobody without it can change a
//     bit, cut off the end or put pieces together unnoticed.
//   - [Read] gives out nothing that was changed, and returns nil only when the
//     whole file was there, down to the checksum of each file in it.
//   - [Restore] is all or nothing. Until everything is in place and checked the
//     data folder is as it was; then old and new change places in one step, and
//     the old one is kept.
//
// # Format
//
// Common tools open it, without Linli and in ten years as well:
//
//	age --decrypt backup | tar --extract --gzip && sha256sum --check SHA256SUMS
//
// Outside it is the format age-encryption.org/v1 with one scrypt recipient
// (seal.go). The age package itself would make the gateway an eighth of a
// megabyte larger, for kinds of keys that a backup does not use; the tests hold
// the two against each other. Inside that is gzip, and inside that a tar
// archive of plain files in the ustar form (archive.go):
//
//	backup.json                              Manifest: whose it is, what is in it
//	supervision.json                         what is found of the devices
//	journal/<name>.state                     the followers, before what they follow
//	journal/{ordinary,urgent}/*.bolt         the chains
//	registry.db
//	registry.key                             what its personal fields are encrypted with
//	console.key
//	authority.key                            what devices and browsers trust
//	SHA256SUMS                               of all before it, always the last one
package backup
