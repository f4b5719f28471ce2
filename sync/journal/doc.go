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
//     is applied exactly once.
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
//	<dir>/urgent/reserve                     room on disk for the next one
//	<dir>/{ordinary,urgent}/floor            the first sequence that has not been retired
//	<dir>/<name>.state                       one bbolt file a follower, see [State]
//	<dir>/quarantine/                        damaged files, and reports of them
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
//	                 key "holes": see below; of a file that was mended
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
// company, because flash wears by the commit; see [DefaultWait] and [Wear].
// With 32 events it has company enough. And after a commit that released a
// crowd the next waits for as many to come back, for up to two milliseconds:
// on a slow card that doubles what 50 devices get done.
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
// # When others fill the disk
//
// The file "reserve" in the folder of the urgent chain is empty, but as many
// blocks are allocated to it as a full file takes, or an eighth of what was
// free if that is less. It becomes the chain's next file, so that urgent
// events are recorded in the rest of the present file and in that one although
// the disk is full; state files have a megabyte beyond what they use. The
// janitor makes a new reserve as soon as there is room, at the latest after a
// minute. The reserve comes on top of Options.Budget.
//
// # Damage
//
// Sequences have no gaps and records have checksums, so a file that does not
// hold exactly what its name and the next one's promise is damaged, or the one
// between them is gone. Readers notice it where they read, and a goroutine looks
// at the ends of all files once after the start; the newest file and the states
// are looked at page by page before they are opened to be written, because
// bbolt overwrites what a damaged list of free pages names. A fault in the
// memory map, or a panic, of bbolt becomes an error, after which its handle is
// abandoned; loops among the inner pages are looked for before it gets a file.
//
// A damaged file is mended by whoever noticed, and readers wait for that:
//
//   - All records whose checksum is right are looked for, on any page or on
//     none (package salvage, salvage.go). A record of a sequence of the file's
//     range with the right checksum is the record of that sequence; only of a
//     commit that failed can another be left, on pages that are free.
//   - They are written to a new file, with a seal that has under "holes" the
//     sequences that are lost (pairs of first and last, 8 bytes big-endian each,
//     CRC-32C), so that nobody looks for them again.
//   - The damaged file is linked into <dir>/quarantine, beside a report in JSON,
//     and the new one renamed to its name.
//   - The report is journaled as a [Damage], in the urgent chain, with a [Gap]
//     for each hole.
//
// A file that was being written is let go of first: no recorder waits. Where
// the newest file has lost the end of the chain, the next sequence is one that
// it cannot have reached, nor any follower have seen. A file that is damaged
// for the fourth time is read as far as it goes.
//
// The quarantine holds at most 16 files and 64 MiB, and 64 reports; the files
// are given up when the disk is full. Nothing reads them; what is removed is no
// longer listed by [Journal.Damage].
//
// Each value of a state has a checksum (CRC-32C over bucket, key and value). A
// state that is not whole goes to the quarantine, and its follower begins anew,
// from the first entry that there is; [State.Begun] tells it that others may
// have been there before. One that is damaged while it is open fails for its
// follower until the journal is opened again; see [Journal.Sound].
//
// What is retired is noted in the chain's "floor" first. So the loss of the
// oldest file does not look as if it had been retired, nor that of the only one
// as if there had never been any: the chain then goes on at a sequence that it
// cannot have reached.
package journal
