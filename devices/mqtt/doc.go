// Package mqtt brings the messages of MQTT devices to a [Handler], and
// commands to the devices. There are two drivers, alike to whoever wires
// them: [Broker] is a broker inside the process, the default; [Client]
// subscribes at somebody else's.
//
// # What an acknowledgement means
//
// A message of QoS 1 or 2 is acknowledged after the handler has called done
// with nil for it, never before. If the handler fails, the connection is
// dropped without an acknowledgement, in MQTT 3.1.1 and 5 alike, and the other
// side delivers again: nothing that was acknowledged is lost, and what was not
// may come twice. [devices.Message].Packet is then the same, so that the
// journal can tell. A message of QoS 0 for which the handler fails is lost,
// counted, and nobody is dropped for it.
//
// # The way of a message through the broker
//
// One goroutine reads a connection. It decodes a PUBLISH in its read buffer,
// gives it a slot in the connection's window and calls the handler, which
// takes its place in the journal and returns: the reader goes on while the
// commit runs. When done is called, a writing goroutine, which exists only
// while there is something to do, passes the message on to whoever subscribed
// and appends its acknowledgement, in the order in which the messages came. So
// one commit ends in one write to each connection, and a connection costs one
// goroutine and half a kilobyte of buffer while it is idle.
//
// A full window is backpressure: the connection is not read on. Nothing is
// dropped. An account that sends more than its rate ([devices.Account]) is
// slowed in the same way: its messages take a slot and wait for their turn
// before they are given to the handler, those of BrokerConfig.Urgent excepted
// (rate.go). That is decided behind the reading and before the handler,
// because a limit in front of the reading could not tell what is urgent, and
// one behind the handler would be behind the journal. A call for help behind messages whose commit hangs is with the
// journal at once; only its acknowledgement waits for its turn.
//
// QoS 2 is exactly once, also across a crash: the packet number of a message
// is on disk before the handler sees the message, with the identity under
// which the journal knows it; then the message is recorded, then its way into
// the queues of others and the note that this was done are one transaction,
// then PUBREC. Towards a client, the number follows from the place in its
// queue, and a PUBREC is on disk before PUBREL leaves.
//
// # Sessions
//
// A session has the key of account and client ID, so that no device can take
// another's. Sessions that outlive their connection, with their subscriptions
// and queues, and retained messages are in memory and, the same, in a bbolt
// file of their own (store.go has the keys). A message for such a session is
// on disk before its publisher is acknowledged and before the client gets it.
// One goroutine commits what has gathered meanwhile. What does no harm if it
// is lost (a delivery that has been acknowledged) waits up to a second for
// company. The journal never waits for this file. If it is damaged it is put
// aside, and clients make their sessions anew.
//
// Time is counted in what is left: after a restart, expiry begins anew with
// the rest of a message and the whole of a session, because a box without a
// battery clock cannot know how long it was off.
//
// # What nobody can do to the others
//
//   - Rights are deny by default, by the topic filters of [devices.Account]
//     ([Covers]). A publish that is not allowed is acknowledged and dropped in
//     3.1.1, which has no other way to say no without a redelivery for ever,
//     and refused with reason 0x87 in 5.
//   - Packets have 16 KiB and must be CONNECT before login, 16 MiB after; of
//     those over 256 KiB only two are read at once, and they are not passed
//     on; of the others over 16 KiB, 64. Memory is taken as bytes arrive, never
//     as a header announces.
//   - A client that does not read is closed after 1 s, and so is one whose
//     queue is full and that has acknowledged nothing for 1 s.
//   - All messages that are not settled have a limit together: beyond it only
//     calls for help are taken, and 8 KiB of each connection (unsettled.go).
//   - What waits for a client, for all clients, and what is retained has
//     limits ([BrokerConfig]); beyond them a message for a client is dropped
//     and counted. What the gateway itself keeps is in the journal by then.
//   - A panic ends its connection, and is counted and logged with the first 16
//     bytes of the packet.
//
// # Where the standard leaves a choice
//
// No wills are sent when the gateway stops or when it drops a connection
// because it could not keep a message: the client is there. That of a
// connection whose client has connected again comes before what that says. Subscriptions that
// overlap lead to one copy with the highest QoS and all identifiers. A shared
// subscription gives to its members in turn, to connected ones first. Enhanced
// authentication is refused (0x8C). A topic that begins with $ can only be
// read.
//
// # The client
//
// A session that the external broker keeps (fixed client ID, no clean
// session), one subscription of QoS 1 for each filter, manual acknowledgement.
// Messages are given to the handler in their order, and none waits for the
// commit of another. Each connection is a new
// paho client, so that nothing of an old one can be acknowledged on a new one;
// reconnecting never ends, with jittered backoff, for the first connection
// too. Half-open links are found by a heartbeat: a retained "online" on the
// gateway's status topic that must be acknowledged in time; the will on the
// same topic says "offline". Whatever the broker's size limit lets through is
// read into memory: set its message_size_limit.
package mqtt
