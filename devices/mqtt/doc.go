// Package mqtt brings the messages of MQTT devices to a [Handler], and
// commands to the devices. There are two drivers, alike to whoever wires
// them: [Broker] is a broker inside the process, the default; [Client]
// subscribes at somebody else's.
//
// # What an acknowledgement means
//
// A message of QoS 1 or 2 is acknowledged after the handler has returned nil
// for it, never before. If the handler fails, the connection is dropped
// without an acknowledgement, in MQTT 3.1.1 and 5 alike, and the other side
// delivers again: nothing that was acknowledged is lost, and what was not may
// come twice. [devices.Message].Packet is then the same, so that the journal
// can tell. A message of QoS 0 for which the handler fails is lost, counted,
// and nobody is dropped for it.
//
// Several messages of one connection may be with the handler at once, those
// of one topic one after the other (a message waits 100 ms at most for one
// whose commit hangs); acknowledgements leave in the order of arrival. A full
// window is backpressure: the connection is not read on. Nothing is dropped.
//
// # The embedded broker
//
// It is mochi-mqtt/server behind a seam: only the files named mochi*.go know
// it. Its traps are closed from outside:
//
//   - It acknowledges whatever a hook fails with. Here its publish hook keeps
//     every message back and lets it through a second time, to be
//     acknowledged and routed, when the handler has returned nil.
//   - It panics on some truncated packets. The panic ends that connection
//     only, and what the connection leaves behind is cleaned up.
//   - A subscriber that stops reading blocks whoever publishes to it. Each
//     write must be done within 1 s, or its connection is closed.
//   - It allocates what a packet announces. Packets are measured before it
//     sees them: 16 KiB and nothing but CONNECT before login, 16 MiB after,
//     and of those over 256 KiB only two in the process at once.
//   - Retaining a message while another client subscribes is a data race: a
//     lock keeps the two apart.
//   - Its sessions are keyed by client ID alone, so that one device could take
//     another's. Here the key is account and client ID.
//   - It checks no right for a will. Here the will is checked at login and
//     published by this package, as a message like any other, unless the
//     client has said goodbye, came back on another connection, or the
//     gateway itself ended the connection. A will delay is not honoured.
//   - It counts message expiry on the wall clock: no limit of its own is set,
//     or a clock set from 1970 to today would purge everything.
//
// Rights are deny by default, by the topic filters of [devices.Account], with
// matching of our own ([Covers]). A publish that is not allowed is
// acknowledged and dropped in 3.1.1, which has no other way to say no without
// a redelivery for ever, and refused with reason 0x87 in 5.
//
// Sessions, subscriptions and retained messages are in memory only. Topic
// aliases are not offered. A packet number that the broker and a client use at
// the same moment for a message each makes mochi forget its own: a command may
// then not be repeated on reconnect, so whoever commands waits for the answer.
//
// # The client
//
// A session that the external broker keeps (fixed client ID, no clean
// session), one subscription of QoS 1 for each filter, manual acknowledgement.
// Each connection is a new paho client, so that nothing of an old one can be
// acknowledged on a new one; reconnecting never ends, with jittered backoff,
// for the first connection too. Half-open links are found by a heartbeat: a
// retained "online" on the gateway's status topic that must be acknowledged in
// time; the will on the same topic says "offline". Whatever the broker's size
// limit lets through is read into memory: set its message_size_limit.
package mqtt
