// Package usage makes the statistics of facilities: it follows the journal's
// ordinary chain, runs the state machine of each compartment, and adds up what
// comes of it by facility, indicator and day.
//
// # What it promises
//
//   - Each event of the journal counts exactly once, whatever is killed, and
//     each deposit, pickup and portion once, however often it was reported:
//     see package compartment.
//   - A figure belongs to the day on which it happened, a dwell to the day of
//     the pickup. What becomes known late changes a day that is past: its row
//     gets a higher revision, and stands in Changes again.
//   - Rows are sparse: there is none for an indicator in which nothing has
//     happened. A row never gets smaller.
//
// An event belongs to the facility that its device has in the registry when
// the event is folded. Events of a device without a facility are counted in a
// metric and in no statistic.
//
// # Days
//
// A day begins at midnight in UTC+8, which is the law in all of China, and has
// been without summer time since 1991: the zone is fixed, and needs no time
// zone file on the box.
//
// The day is that of Event.When. Some boxes start without knowing the time.
// What they record before that is parked, in order, and dated when the clock
// is plausible, by the monotonic clock. If the box has started again by then
// nothing can be measured, and the moment at which the clock is plausible
// takes its place.
//
// # The change feed
//
// Every row has the number of its last change; no two have the same. Changes
// lists them in that order, so a reader that keeps the last number it has seen
// misses nothing, and meets a row that has changed ten times once.
//
// A revision is (generation, n): n rises with each change of the row, the
// generation is that of the state file, in seconds since 1970 when it first
// counted. If the file is lost the next one has a higher generation, and its
// change numbers begin again.
//
// # On disk
//
// The follower's state is <journal>/usage.state:
//
//	bucket "compartments"  key: device \0 number (2 bytes, big-endian)
//	                       value: compartment.State as JSON
//	bucket "rows"          key: day / facility / indicator
//	                       value: record as JSON
//	bucket "changes"       key: change number (8 bytes, big-endian)
//	                       value: key of the row
//	bucket "parked"        key: journal sequence (8 bytes, big-endian)
//	                       value: devices.Event as JSON
//	bucket "meta"          keys "generation", "change": 8 bytes, big-endian;
//	                       "newest": the newest day counted
//
// Rows are kept for two years.
package usage
