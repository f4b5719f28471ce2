package packet

import "fmt"

// Reason is a reason code of MQTT 5.
type Reason byte

// The reason codes. Success is also "normal disconnection" and "granted QoS 0".
const (
	Success                 Reason = 0x00
	GrantedQoS1             Reason = 0x01
	GrantedQoS2             Reason = 0x02
	DisconnectWithWill      Reason = 0x04
	NoMatchingSubscribers   Reason = 0x10
	NoSubscriptionExisted   Reason = 0x11
	ContinueAuthentication  Reason = 0x18
	Reauthenticate          Reason = 0x19
	Unspecified             Reason = 0x80
	Malformed               Reason = 0x81
	ProtocolError           Reason = 0x82
	ImplementationError     Reason = 0x83
	UnsupportedVersion      Reason = 0x84
	ClientIDNotValid        Reason = 0x85
	BadUserOrPassword       Reason = 0x86
	NotAuthorized           Reason = 0x87
	ServerUnavailable       Reason = 0x88
	ServerBusy              Reason = 0x89
	Banned                  Reason = 0x8a
	ServerShuttingDown      Reason = 0x8b
	BadAuthenticationMethod Reason = 0x8c
	KeepAliveTimeout        Reason = 0x8d
	SessionTakenOver        Reason = 0x8e
	TopicFilterInvalid      Reason = 0x8f
	TopicNameInvalid        Reason = 0x90
	PacketIDInUse           Reason = 0x91
	PacketIDNotFound        Reason = 0x92
	ReceiveMaximumExceeded  Reason = 0x93
	TopicAliasInvalid       Reason = 0x94
	PacketTooLarge          Reason = 0x95
	MessageRateTooHigh      Reason = 0x96
	QuotaExceeded           Reason = 0x97
	AdministrativeAction    Reason = 0x98
	PayloadFormatInvalid    Reason = 0x99
	RetainNotSupported      Reason = 0x9a
	QoSNotSupported         Reason = 0x9b
	UseAnotherServer        Reason = 0x9c
	ServerMoved             Reason = 0x9d
	SharedNotSupported      Reason = 0x9e
	ConnectionRateExceeded  Reason = 0x9f
	MaximumConnectTime      Reason = 0xa0
	SubIDsNotSupported      Reason = 0xa1
	WildcardsNotSupported   Reason = 0xa2
)

type reasonInfo struct {
	name string
	in   uint32 // the packets that may carry it, a bit a Type
}

func in(types ...Type) (set uint32) {
	for _, t := range types {
		set |= 1 << t
	}
	return set
}

// reasons is table 2-6 of the standard.
var reasons = map[Reason]reasonInfo{
	Success:                 {"success", in(CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH)},
	GrantedQoS1:             {"granted QoS 1", in(SUBACK)},
	GrantedQoS2:             {"granted QoS 2", in(SUBACK)},
	DisconnectWithWill:      {"disconnect with will", in(DISCONNECT)},
	NoMatchingSubscribers:   {"no matching subscribers", in(PUBACK, PUBREC)},
	NoSubscriptionExisted:   {"no subscription existed", in(UNSUBACK)},
	ContinueAuthentication:  {"continue authentication", in(AUTH)},
	Reauthenticate:          {"re-authenticate", in(AUTH)},
	Unspecified:             {"unspecified error", in(CONNACK, PUBACK, PUBREC, SUBACK, UNSUBACK, DISCONNECT)},
	Malformed:               {"malformed packet", in(CONNACK, DISCONNECT)},
	ProtocolError:           {"protocol error", in(CONNACK, DISCONNECT)},
	ImplementationError:     {"implementation specific error", in(CONNACK, PUBACK, PUBREC, SUBACK, UNSUBACK, DISCONNECT)},
	UnsupportedVersion:      {"unsupported protocol version", in(CONNACK)},
	ClientIDNotValid:        {"client identifier not valid", in(CONNACK)},
	BadUserOrPassword:       {"bad user name or password", in(CONNACK)},
	NotAuthorized:           {"not authorized", in(CONNACK, PUBACK, PUBREC, SUBACK, UNSUBACK, DISCONNECT)},
	ServerUnavailable:       {"server unavailable", in(CONNACK)},
	ServerBusy:              {"server busy", in(CONNACK, DISCONNECT)},
	Banned:                  {"banned", in(CONNACK)},
	ServerShuttingDown:      {"server shutting down", in(DISCONNECT)},
	BadAuthenticationMethod: {"bad authentication method", in(CONNACK, DISCONNECT)},
	KeepAliveTimeout:        {"keep alive timeout", in(DISCONNECT)},
	SessionTakenOver:        {"session taken over", in(DISCONNECT)},
	TopicFilterInvalid:      {"topic filter invalid", in(SUBACK, UNSUBACK, DISCONNECT)},
	TopicNameInvalid:        {"topic name invalid", in(CONNACK, PUBACK, PUBREC, DISCONNECT)},
	PacketIDInUse:           {"packet identifier in use", in(PUBACK, PUBREC, SUBACK, UNSUBACK)},
	PacketIDNotFound:        {"packet identifier not found", in(PUBREL, PUBCOMP)},
	ReceiveMaximumExceeded:  {"receive maximum exceeded", in(DISCONNECT)},
	TopicAliasInvalid:       {"topic alias invalid", in(DISCONNECT)},
	PacketTooLarge:          {"packet too large", in(CONNACK, DISCONNECT)},
	MessageRateTooHigh:      {"message rate too high", in(DISCONNECT)},
	QuotaExceeded:           {"quota exceeded", in(CONNACK, PUBACK, PUBREC, SUBACK, DISCONNECT)},
	AdministrativeAction:    {"administrative action", in(DISCONNECT)},
	PayloadFormatInvalid:    {"payload format invalid", in(CONNACK, PUBACK, PUBREC, DISCONNECT)},
	RetainNotSupported:      {"retain not supported", in(CONNACK, DISCONNECT)},
	QoSNotSupported:         {"QoS not supported", in(CONNACK, DISCONNECT)},
	UseAnotherServer:        {"use another server", in(CONNACK, DISCONNECT)},
	ServerMoved:             {"server moved", in(CONNACK, DISCONNECT)},
	SharedNotSupported:      {"shared subscriptions not supported", in(SUBACK, DISCONNECT)},
	ConnectionRateExceeded:  {"connection rate exceeded", in(CONNACK, DISCONNECT)},
	MaximumConnectTime:      {"maximum connect time", in(DISCONNECT)},
	SubIDsNotSupported:      {"subscription identifiers not supported", in(SUBACK, DISCONNECT)},
	WildcardsNotSupported:   {"wildcard subscriptions not supported", in(SUBACK, DISCONNECT)},
}

// String is the name in the standard.
func (r Reason) String() string {
	if i, ok := reasons[r]; ok {
		return i.name
	}
	return fmt.Sprintf("reason 0x%02x", byte(r))
}

// Failed tells whether r is a failure.
func (r Reason) Failed() bool { return r >= 0x80 }

func (c *cursor) reason(t Type) Reason {
	r := Reason(c.byte("reason code"))
	if c.err == nil && reasons[r].in&(1<<t) == 0 {
		c.fail(protocol("reason code 0x%02x does not belong here", byte(r)))
	}
	return r
}

// ReturnCode is what a CONNACK of MQTT 3.1.1 says for r.
func (r Reason) ReturnCode() byte {
	switch r {
	case Success:
		return 0
	case UnsupportedVersion:
		return 1
	case ClientIDNotValid:
		return 2
	case BadUserOrPassword:
		return 4
	case NotAuthorized, Banned, BadAuthenticationMethod, TopicNameInvalid:
		return 5
	}
	return 3
}
