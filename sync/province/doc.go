// Package province sends the statistics of sync/usage to the provincial
// platform, and to others. The wire is that of package contract.
//
// # What it promises
//
//   - Each row reaches the platform in its newest revision, however often the
//     line, the box or the platform fails: the cursor moves when the platform
//     has given a receipt for every row of a batch, and not before. In doubt
//     it sends again; the platform knows a row by key and revision, so each
//     counts once.
//   - A row that the platform refuses holds up no other. It is set aside with
//     the platform's reason, and shown; a later revision of it is sent anew. If
//     a whole batch is refused, it is halved until the row is found.
//   - What leaves the box is a contract.Row: counts, and codes.
//   - What goes first after an outage: today's alerts, the newest day that has
//     ended, the rest of today, and then what is older (lanes.go).
//   - Days that have ended, and months, are compared with the platform by count
//     and digest, facility by facility; what differs is sent again, and the
//     receipt of the comparison is kept for two years (reconcile.go).
//   - Another box that uses this one's identity is noticed, on both sides: every
//     request is numbered, see contract.Nonce.
//   - A private key that the box has made never leaves it (key.go).
//   - No more than one request is under way, and none without reason: a batch
//     goes every Interval, at a moment of it that is the box's own (a hash of
//     its ID), so that all the boxes of a province do not speak at once. After a
//     failure the waits double, up to five minutes, at random between half and
//     all of that; a Retry-After is kept to, and so is Pace between any two
//     batches of rows.
//
// # Time
//
// A signature carries the time, and a box may have no clock. Each answer tells
// the platform's time, by which the next requests are signed, counted on by the
// monotonic clock.
//
// # On disk
//
// The state is <journal>/<name of the destination>.state:
//
//	bucket "cursors"   key: generation (8 bytes, big-endian), lane
//	                   value: number of the last change accepted (8 bytes). If
//	                   the statistics were lost, all is sent again
//	bucket "aside"     key: day / facility / indicator; value: Aside as JSON
//	bucket "receipts"  key: period / facility; value: Receipt as JSON
//	bucket "meta"      "sequence": of the latest request (8 bytes); "tally": JSON
package province
