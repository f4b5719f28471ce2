// Package province sends the statistics of sync/usage to the provincial
// platform. The wire is that of package contract.
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
//   - No more than one request is under way, and none without reason: a batch
//     goes every Interval, at a moment of it that is the box's own (a hash of
//     its ID), so that all the boxes of a province do not speak at once. After a
//     failure the waits double, up to five minutes, at random between half and
//     all of that; a Retry-After is kept to.
//
// # Time
//
// A signature carries the time, and a box may have no clock. Each answer tells
// the platform's time, by which the next requests are signed, counted on by the
// monotonic clock.
//
// # On disk
//
// The follower's state is <journal>/province.state:
//
//	cursor "platform/<generation>"  over usage.Changes of that generation: if
//	                                the statistics were lost, all is sent again
//	bucket "aside"                  key: day / facility / indicator
//	                                value: Aside as JSON
package province
