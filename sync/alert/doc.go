// Package alert calls people when somebody asks for help, and goes on calling
// until a human says "I have it".
//
// # What it promises
//
//   - An SOS, a fall or an alarm of a room opens an incident, or adds to the one that is open for
//     the same elder. Its ID follows from the first press alone, so one press
//     is one incident, however often it is repeated, redelivered or replayed.
//   - A call for help climbs (package registry has the people): the elder's own
//     caregivers and who is on duty for the elder at once, then the supervisors
//     besides, the duty desk, and everybody, again each step without end.
//     Nothing but a human's acknowledgement stops it: not a channel that
//     accepts, not a channel that fails, no outage, no restart, no queue.
//   - Somebody has to come, too: an incident that was acknowledged, and of which
//     nobody says that they are there, is raised again.
//   - A press while people are being called adds to the incident. A press after
//     the acknowledgement calls again, from the first step on. A press after
//     the resolution is a new incident.
//   - A fall of which the device sees that nobody gets up may be cancelled for a
//     minute by whoever fell; then it is called as a press.
//   - What is medium goes round three times, then to the duty desk hourly. What
//     concerns devices or the box waits for company and is one digest for each
//     audience, again daily until it is mended; then the box closes it.
//   - Where those to be called cannot be reached, or their channels want to be
//     left alone for longer than five seconds, a call for help goes to the next
//     step at once, and all else to everybody. A device that nobody is known to
//     wear calls everybody, and so does a group for whose present hours the rota
//     has nobody (all of its members).
//   - Quiet hours, silences, maintenance and test mode never touch a call for
//     help. They end by themselves, and what happens meanwhile is shown.
//   - When the box itself has lost events ([journal.Gap]) everybody is told
//     once, and then daily until somebody acknowledges: a [Technical] incident,
//     to which more of the same is added silently.
//   - Steps are measured by the monotonic clock. After a restart the step goes
//     on with the time it had left; after a reboot the next one is due at once.
//   - A disk that fails or takes longer than a second holds up no call: see
//     [Engine.Guard]. The same holds for later steps, and for acknowledgements.
//   - A sender that hangs holds up nobody else, and its page is tried again.
//   - Once an acknowledgement has been applied, no attempt begins; those under
//     way may still arrive.
//   - A crash repeats at most the pages whose result was not yet on disk, each
//     once, under the same key.
//
// # Beside it
//
// [Watch] is the rules for what no single event says; it follows the ordinary
// chain with a state file of its own ("watch") and journals what it finds.
// [Ledger] is the append-only, hash-chained record ("ledger"), which reads
// behind everybody else. No call for help waits for either.
//
// Each day a drill goes the whole way ([Engine.Drill]): a finding of the kind
// [Drill], which is journaled, folded, written and sent like any other, but to
// no person: to the log, and to each channel that can look at itself
// ([Prober]). It is the one incident that the box opens and closes itself.
//
// # What it never does
//
// It never closes an incident in which somebody may need help, never takes "accepted" for an answer,
// never orders or measures by the wall clock, and never puts a name into a
// page, a log line or a metric.
//
// # How it works
//
// The board (board.go) holds the incidents in memory and is the rules: pure
// functions of an event or the time. The fold of the journal's urgent chain
// applies events to it and writes the incidents that have changed, with their
// pages, in the transaction that moves the cursor; after the commit the pages
// leave. Steps and results are written in transactions between those.
//
// What the board has done is never taken back when a commit fails: it is
// written by the next one. This is safe because everything that reaches the
// board is either in the journal already or called from memory on purpose, and
// because each incident keeps the identities of the events that it has seen:
// when the fold, or the device, comes with one of them again, nothing happens.
// So the page from memory and the page from disk are the same page.
//
// A page is identified by incident, step, recipient and channel. It is tried
// again after a temporary or unknown result, with growing pauses, as long as
// its step lasts; the next step has pages of its own. To one address at most
// four attempts are under way for calls for help and four for all else, so
// that neither waits for the other, and none while its channel has asked to be
// left alone, for ten minutes at the most. Where a notice has failed, the others
// to that address wait for up to ten seconds with it; calls for help do not.
// Where many wait for an address, the page that was tried least is next, calls
// for help before all else, and chance decides between the others: also in a box
// that dies again and again nobody is always the last.
//
// What humans do ([Acknowledged], [OnScene], [Resolved], [Silenced]...) and what
// the rules find ([Found]) is journaled first, as urgent events, and applied
// when the fold hands it back. What the engine decides ([Raised], [Escalated])
// and what became of a page ([Paged]) is kept in the deciding transaction, then journaled
// under an identity that follows from the decision, and forgotten: a crash in
// between repeats it harmlessly.
//
// # On disk
//
// The state file "alert" of the journal, three buckets:
//
//	"incidents"  key: the incident's ID
//	             value: JSON of the incident, its pages of the present step and
//	             the one before, the identities of the latest 64 events, and
//	             the decisions that the journal does not have yet
//	"silences"   key: mode and scope
//	             value: JSON of the silence
//	"routines"   key: name of the routine
//	             value: the day of which it was done last, 2026-11-25
//
// If the file is lost it is made again of the urgent chain: open incidents come
// back as far as the chain reaches, acknowledged if it says so, and else people
// are called again.
//
// Open incidents are kept for ever, of the resolved ones the latest hundred;
// the journal has the rest.
package alert
