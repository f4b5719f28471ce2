package devices

// Contact is one message of a sender that is not registered.
type Contact struct {
	// Bridge is the device that speaks for the sender, "" for one that speaks
	// for itself.
	Bridge string
	// Address is what the bridge calls it, or the <device> of its native topic.
	Address string
	// Profile is set where the sender is itself a bridge: the profile that
	// reads the topic of its message.
	Profile  string
	Topic    string
	Payload  []byte
	Received Stamp
}

// Looks is what a Contact looks like.
type Looks struct {
	// Model is what the device calls itself, "" if it does not say.
	Model string
	// Kinds are those that the device may be of, the likeliest first.
	Kinds []Kind
	// Types are what its message reports.
	Types []Type
	// Help is set if one of them is a call for help.
	Help bool
}

// Inbox is told of the senders that are not registered. look finds out what
// one looks like; it is called only if that is wanted. known is false for a
// sender that nobody has decided about: its message may be worth a line of the
// journal.
type Inbox interface {
	Heard(c Contact, look func() Looks) (decided bool)
}
