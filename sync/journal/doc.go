// Package journal is the heart of the gateway: the one durable history that
// everything else follows.
//
// # What it promises
//
//   - [Journal.Record] returns nil only when the event, or an earlier one of
//     the same identity, is on disk. After an error nothing is known: the event
//     may or may not turn up, never twice.
//   - Each chain has a sequence of its own, starting at 1. What was returned
//     by a reader under a number stays under that number until it is retired.
//     Without damage or loss the sequence has no gaps.
//   - An event of the same (Device, ID) as one of the last 131,072 of its
//     chain is a redelivery and changes nothing, also across restart and
//     rotation. The redelivery of an event that is still being written shares
//     that one's fate.
//   - Urgent events never wait for company, nor for the commit, rotation or
//     trimming of the ordinary chain.
//   - A commit that fails is reported to everyone who waited for it; the next
//     one starts anew. A commit that hangs holds its callers only as long as
//     their contexts last.
//   - A [Fold] moves its state and its cursors in one transaction: each entry
//     is applied exactly once. [Deliver] advances its cursor after the
//     acceptance: at least once.
//   - What is retired before its time, because the disk is too small, is
//     counted and journaled as a [Gap], in the urgent chain.
//
// # What it never does
//
// It never rewrites a record, never orders by the wall clock, never scans
// sealed files when it is opened, never gives a damaged record to a follower,
// and never lets a follower or a reader hold up a recorder.
//
// # On disk
//
//	<dir>/lock                               held by the process that has the journal open
//	<dir>/ordinary/00000000000000000001.bolt the chains: bbolt files of bounded
//	<dir>/ordinary/00000000000000061441.bolt size, named by their first sequence
//	<dir>/urgent/00000000000000000001.bolt
//	<dir>/<name>.state                       one bbolt file a follower, see [State]
//
// A file holds the sequences from its name up to the name of the next one;
// a record beyond that is left over from a commit that failed and is never
// seen. A new file is made under the name *.new, and renamed when it is
// complete. A file is retired by removing it: bbolt files never shrink, and
// one with many free pages pays for them at each commit.
//
//	bucket "events"  key: sequence, 8 bytes big-endian
//	                 value: the event (codec.go), CRC-32C over value and key
//	bucket "seal"    key "ids": the 16-byte identities of the file's records,
//	                 CRC-32C; written once, when the file is full
//
// The identities are kept in memory, 32 bytes each, and saved as one block a
// file, because a key on disk for each costs ten times the event. When the
// journal is opened, the newest file is scanned for them, and the block is
// read from the one or two before it.
//
// # Group commit
//
// One goroutine a chain writes. While a commit runs, events gather in the next
// batch; events are encoded and hashed by their callers. At most two batches
// of 4,096 events or 4 MiB exist: then callers wait, which is how a slow disk
// holds back its senders. Options.Wait lets an ordinary batch stay open for
// company, because flash wears by the commit; see [DefaultWait].
//
// After a failed commit nobody knows whether the transaction is in the file.
// If the disk was full and the transaction is not to be seen, the same file
// goes on; else a new file begins at the next sequence, and by the rule above
// hides whatever the failed commit left behind.
//
// # Retention
//
// A goroutine owned by the journal retires whole files, oldest first: those
// older than Options.Keep that every follower has read; and, over
// Options.Budget, ordinary ones even if they have not been read, then urgent
// ones beyond Options.Reserve. Age is time that is proved to have passed: by
// the monotonic clock within a boot, by synchronised clocks across boots, but
// never for more than a sixth of Options.Keep a file. So a clock that is ten
// years wrong retires next to nothing, and one that nobody trusts nothing. A
// follower is known by its state file; to forget a follower, remove the file.
//
// # Damage
//
// bbolt panics, or faults in its memory map, on a damaged file. All work on
// one runs where both become an error, after which its handle is abandoned. A
// damaged record is skipped, a file that cannot be read is skipped from there
// on; both are counted and logged once. A damaged newest file is left as it
// is and a new one begins at a sequence that it cannot have reached.
package journal
