// Package intake turns what a driver heard into events, and has them recorded.
//
// # What it guarantees
//
// [Intake.Message] and [Intake.Report] return nil when the sender may be told
// that it was heard: each event of the message is on disk, or it says nothing
// new. After an error nothing is known and the sender must not be told.
//
// A report that cannot be used is recorded as [devices.Rejected] with its
// reason and first bytes, counted, and acknowledged, so that it is never sent
// again and again. Of each sender only some are recorded (20 at once, then
// one a minute), the others only counted. A report of help (SOS, fall) is
// never rejected for what else is wrong with it: it is recorded without the
// unusable part, beside the rejection.
//
// # Who is not registered
//
// A message of a sender that is not registered is acknowledged and changes
// nothing but the inbox ([devices.Inbox]), which learns what the sender looks
// like: which kinds of device would report what it said. A line of the journal
// tells of it without its payload, within one budget that all such senders
// share.
//
// # Native topics
//
//	linli/v1/<device>/event   {"id":"7","type":"parcel.deposited","time":"2026-11-23T08:15:30+08:00","data":{"compartment":12}}
//	linli/v1/<device>/state   {"time":"…","states":[{"type":"door","data":{"compartment":12,"open":true}}]}
//	linli/v1/<device>/status  {"online":true}
//
// id (a string or a number) makes a retransmission harmless, time is
// optional. An event says what happened once; a state says how things are, in
// whole or in part, as often as the device likes; status is for birth and
// will. What a bridge publishes is read by its profile instead.
//
// # Identity
//
// The device's or vendor's own ID ("i/…", "i2/…" of the hardware that replaced
// the second); else that of the packet while it
// is unacknowledged ("p/…"); else a random one ("r/…"), so that a press
// without identity is always recorded.
//
// # Levels
//
// A report of a state ([devices.Leveled]) that equals the last one on disk is
// acknowledged and not recorded. The state compared with moves only after its
// record is on disk, and is forgotten with the process: after a start each
// state is recorded once.
package intake
