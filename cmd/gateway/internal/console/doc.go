// Package console is the box's web page: open calls for help, what the
// devices report, today's figures, and how the box itself is. It presents what
// others know and decide, keeps nothing, and nobody depends on it.
//
// # Who may see it
//
// [Console.Mint] makes the secret of a login link: for one person, good once,
// for half an hour. Opening the link only shows a button, so that the robots
// which preview links do not use it up; pressing it redeems the link for a
// session of 30 days, a signed cookie. Nothing about sessions is kept but the
// key that signs them, in a file, so they survive a restart. Scripts send the
// value that [Console.Session] makes as a bearer token instead. The name in
// the session is the "by" of what its owner acknowledges.
//
// The label at an elder's door is a link, as a QR code or on an NFC tag:
// [Console.Door]. It is a signature and nothing else, and says who is on scene
// only of somebody who is logged in; others log in first, and if they do
// within ten minutes, it counts then. It acts on GET, since a camera cannot
// press a button: what keeps that harmless is the SameSite=Strict cookie, the
// refusal of prefetches, and an answer that leads elsewhere, so that a tab
// which is restored the next day opens no door. Where nothing is open the page
// says so, and offers to confirm the care round from the half of its time on.
// Rotating makes the link anew; the old label is worth nothing then.
//
// Where the page has a public address, what is sent to a caregiver has a link
// of [Console.Link]: for this caregiver, one incident and a day, signed. It
// shows what the message has said, and a button; only pressing that
// acknowledges. Nobody has to log in for it, and it leads nowhere else. Age is
// measured as that of a session, so that a box which wakes up in 1970 sends no
// links that have expired already.
//
// Whoever is not logged in learns how to be, and nothing else. A page of
// another site can neither post for a person who is logged in (the cookie is
// SameSite=Strict, and the Origin is checked) nor frame the console. Nothing
// is loaded from anywhere else.
//
// # Care
//
// /care has who is to be visited ([alert.Watch.Rounds]), who is on duty and what
// is wrong with the rota ([alert.Engine.Duty]), and the weeks
// ([alert.Ledger.Weeks]): what the commands round, rota and ledger weekly say. A
// visit is offered for confirmation from the half of its time on, as at the door.
//
// # Devices
//
// /devices has who speaks without being registered, and who is. A sender is
// adopted by one button, which says where it stands or who wears it; a place or
// person that is new is registered in the same transaction. No key presses such
// a button: the first of them may be anybody's.
//
// A new login is on the page that answers, this once, as text and as a QR code
// of the address that its reader has used: mqtts://ID:SECRET@HOST:PORT. A
// certificate instead of it is a file with its key.
//
// /import takes a table of records ([sheet.Sheet]). A file is shown with what it
// would change, and comes back with the answer of whoever has looked at it: the
// console keeps none. If it would change something else by then, that is shown
// first ([sheet.Digest]).
//
// # How it stays current
//
// A stream of server-sent events replaces a panel of the page when it has
// changed, looking once a second. What is sent is the panel as it is at that
// moment, never a difference: a reader that was slow or away has missed
// nothing. One that takes longer than ten seconds to read is disconnected; the
// browser comes back by itself. Streams end with their request and with
// [Console.Close].
//
// Without JavaScript the page reloads itself, and its buttons work.
package console
