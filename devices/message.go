package devices

import (
	"encoding/json"
	"time"
)

// Message is something published to the gateway, as a driver heard it.
type Message struct {
	// Client is the ID of the device or bridge that logged in, "" if the
	// message came through somebody else's broker, which does not say.
	Client  string
	Topic   string
	Payload []byte
	// Retained is set for a message that the broker kept from earlier: a state,
	// never an occurrence.
	Retained bool
	// Packet is the identity of the packet for as long as it is
	// unacknowledged: the same for a redelivery of the same packet, another
	// for every other. "" if the packet has none (QoS 0).
	Packet string
}

// Account is what a principal may do once it has logged in. Publish and
// Subscribe are MQTT topic filters; what matches none is refused.
type Account struct {
	ID        string
	Publish   []string
	Subscribe []string
	// Rate is how many messages a second it may publish in the long run, of
	// 1 KiB each; what is longer counts as several. 0 for as many as it likes.
	Rate int
}

// Report is what a message says of one device, before it is checked against
// the vocabulary of the device's kind.
type Report struct {
	Type Type
	// ID is the identity given by the device or vendor, "" if none.
	ID string
	// Observed is the device's time stamp, zero if none.
	Observed time.Time
	// Data is the JSON object of the Type's payload.
	Data json.RawMessage
	// Held is set where the vendor reports an occurrence as a condition that
	// it repeats for as long as it holds ({"sos":true} in each message until
	// it is reset): whether it holds now. The event is recorded when that
	// becomes true, and again only after it was false.
	Held *bool
	// Instance tells apart the conditions of one Type that one device tells,
	// two inputs of one node, "" where it has one.
	Instance string
	// Number is set where the vendor repeats an occurrence with a number of
	// few bits, which comes again too soon to be an identity: the same number
	// within a minute is the same occurrence.
	Number string
}
