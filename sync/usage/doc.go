// Package usage makes the statistics of facilities: it follows the journal,
// runs the state machine of each compartment, session, asset and booking, and
// adds up what comes of it by facility, indicator and day.
//
// # The catalogue
//
// Each statistic is an [Indicator] (indicator.go, with its words in package
// texts): numerator and denominator are separate, so that boxes can be added
// up. kinds.go says what each kind of device adds, own.go what the box says of
// itself and of its alerts.
//
//   - What has an unknown denominator (inhabitants, communities) has none.
//   - Hours are seconds of levels (meter.go). They are added up with each change,
//     and with each [Alive], which the box journals hourly. What lies between
//     two readings of more than that is a gap, and in no figure: the box was
//     off, or not itself.
//   - facility.covered tells for which part of a day the box can speak at all,
//     device.online whom it heard, box.lost what it lost, [Usage.Uncertain]
//     whether it knew the time. With that the four cases differ: a facility
//     without a row of coverage has not reported; an indicator of a kind that
//     the facility does not have does not apply; one of a kind that it has, and
//     without a row, is 0; and what the platform suppresses is marked so.
//   - A device that hangs in somebody's home counts at the box itself, under
//     "gateway".
//   - Distinct people are counted by a keyed hash whose key is of one month and
//     never leaves (thing.go).
//   - A month is added up of its days on the 3rd of the next, corrected until
//     the 18th, and then frozen, or on the days of [Months].
//
// # What it promises
//
//   - Each event of the journal counts exactly once, whatever is killed, and
//     each deposit, pickup and portion once, however often it was reported:
//     see package compartment.
//   - A figure belongs to the day on which it happened, a dwell to the day of
//     the pickup. What becomes known late changes a day that is past: its row
//     gets a higher revision, and stands in Changes again.
//   - Rows are sparse: there is none for an indicator to which nothing was
//     added. A row gets smaller only when what it counted turns out to
//     belong to another day; it may then be 0, and stays.
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
// Some boxes do not know the time when they start, or are told a wrong one.
// What time it was is worked out by a clock.Calendar from the stamps of the
// chain, whoever reported. While that is not final, a change (a deposit, a
// pickup) is kept as a draft beside the rows in which it is counted, if it is:
//
//   - On a box whose clock is not plausible it counts on no day yet.
//   - On one whose clock is plausible it counts at once.
//   - When the time becomes known, each draft is taken back from the rows where
//     it was counted and added to those where it belongs: each that has changed
//     gets one revision, so nothing counts twice. Then the draft is forgotten.
//   - What happened in a boot that never knew the time counts after the last
//     known time of the boot before it. All days up to the first known time of
//     the boot after it are Uncertain, for good, as far as they have figures
//     that may be wrong.
//
// Of a box that does not learn the time for very long, the oldest of 50,000
// drafts stay where they are. One that was on no day is lost, and counted in a
// metric.
//
// # The change feed
//
// Every row has the number of its last change; no two have the same. The rows
// of a period make one [Lane], alerts apart, and LaneRows lists those of a lane
// in the order of these numbers: a reader that keeps the last number it has
// seen of each lane misses nothing, and meets a row that has changed ten times
// once.
//
// A revision is (generation, n): n rises with each change of the row, the
// generation is that of the state file, in seconds since 1970 when it first
// counted. If the file is lost the next one has a higher generation, and its
// change numbers begin again. It is made again of what the journal still has,
// and days of which that is not everything are not listed any more: see
// rebuild.go.
//
// # On disk
//
// The follower's state is <journal>/usage.state:
//
//	bucket "things"        key: what it is \0 whose \0 which
//	                       value: thing as JSON: the state of a compartment,
//	                       a session, an asset…
//	bucket "rows"          key: day / facility / indicator
//	                       value: record as JSON
//	bucket "changes"       key: change number (8 bytes, big-endian)
//	                       value: key of the row
//	bucket "drafts"        key: journal sequence (8 bytes, big-endian), number
//	                       of the change (2 bytes, big-endian)
//	                       value: draft as JSON
//	bucket "boots"         key: place in the calendar (8 bytes, big-endian)
//	                       value: clock.Boot as JSON
//	bucket "uncertain"     key: first day; value: last day
//	bucket "meta"          keys "generation", "change", "drafts" (how many): 8
//	                       bytes, big-endian; "newest": the newest day known
//
//	bucket "periods"       see month.go
//	buckets "members", "keys": see thing.go
//	buckets "rebuild", "held", "sure": see rebuild.go
//
// Rows are kept for two years.
package usage
