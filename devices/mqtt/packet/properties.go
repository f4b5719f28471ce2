package packet

import (
	"encoding/binary"
	"iter"
	"slices"
)

// Property names a property of MQTT 5.
type Property byte

// The properties.
const (
	PayloadFormat         Property = 0x01
	MessageExpiry         Property = 0x02 // seconds
	ContentType           Property = 0x03
	ResponseTopic         Property = 0x08
	CorrelationData       Property = 0x09
	SubscriptionID        Property = 0x0b
	SessionExpiry         Property = 0x11 // seconds, 0xffffffff for ever
	AssignedClientID      Property = 0x12
	ServerKeepAlive       Property = 0x13 // seconds
	AuthenticationMethod  Property = 0x15
	AuthenticationData    Property = 0x16
	RequestProblemInfo    Property = 0x17
	WillDelay             Property = 0x18 // seconds
	RequestResponseInfo   Property = 0x19
	ResponseInfo          Property = 0x1a
	ServerReference       Property = 0x1c
	ReasonString          Property = 0x1f
	ReceiveMaximum        Property = 0x21
	TopicAliasMaximum     Property = 0x22
	TopicAlias            Property = 0x23
	MaximumQoS            Property = 0x24
	RetainAvailable       Property = 0x25
	UserProperty          Property = 0x26
	MaximumPacketSize     Property = 0x27 // bytes
	WildcardAvailable     Property = 0x28
	SubscriptionIDs       Property = 0x29 // available
	SharedAvailable       Property = 0x2a
	lastProperty                   = SharedAvailable
	will                  Type     = 0 // where a property of the will is told from one of its packet
	maxSubscriptionID              = MaxLength
	userPropertyMinLength          = 5
)

type kind byte

const (
	flag     kind = iota + 1 // a byte, 0 or 1
	number16                 // at least 1 where 0 means nothing
	number32
	integer // variable byte integer
	text
	binaryData
	pair
)

type propertyInfo struct {
	name    string
	kind    kind
	nonZero bool
	slot    int8 // in Properties.numbers or .data
	in      uint32
}

// properties is table 2-4 of the standard.
var properties = [lastProperty + 1]propertyInfo{
	PayloadFormat:        {"payload format indicator", flag, false, 0, in(PUBLISH, will)},
	MessageExpiry:        {"message expiry interval", number32, false, 1, in(PUBLISH, will)},
	ContentType:          {"content type", text, false, 0, in(PUBLISH, will)},
	ResponseTopic:        {"response topic", text, false, 1, in(PUBLISH, will)},
	CorrelationData:      {"correlation data", binaryData, false, 2, in(PUBLISH, will)},
	SubscriptionID:       {"subscription identifier", integer, true, 0, in(PUBLISH, SUBSCRIBE)},
	SessionExpiry:        {"session expiry interval", number32, false, 2, in(CONNECT, CONNACK, DISCONNECT)},
	AssignedClientID:     {"assigned client identifier", text, false, 3, in(CONNACK)},
	ServerKeepAlive:      {"server keep alive", number16, false, 3, in(CONNACK)},
	AuthenticationMethod: {"authentication method", text, false, 4, in(CONNECT, CONNACK, AUTH)},
	AuthenticationData:   {"authentication data", binaryData, false, 5, in(CONNECT, CONNACK, AUTH)},
	RequestProblemInfo:   {"request problem information", flag, false, 4, in(CONNECT)},
	WillDelay:            {"will delay interval", number32, false, 5, in(will)},
	RequestResponseInfo:  {"request response information", flag, false, 6, in(CONNECT)},
	ResponseInfo:         {"response information", text, false, 6, in(CONNACK)},
	ServerReference:      {"server reference", text, false, 7, in(CONNACK, DISCONNECT)},
	ReasonString:         {"reason string", text, false, 8, in(CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH)},
	ReceiveMaximum:       {"receive maximum", number16, true, 7, in(CONNECT, CONNACK)},
	TopicAliasMaximum:    {"topic alias maximum", number16, false, 8, in(CONNECT, CONNACK)},
	TopicAlias:           {"topic alias", number16, false, 9, in(PUBLISH)}, // 0 has a reason code of its own
	MaximumQoS:           {"maximum QoS", flag, false, 10, in(CONNACK)},
	RetainAvailable:      {"retain available", flag, false, 11, in(CONNACK)},
	UserProperty: {"user property", pair, false, 0, in(CONNECT, CONNACK, PUBLISH, will, PUBACK, PUBREC, PUBREL, PUBCOMP,
		SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, DISCONNECT, AUTH)},
	MaximumPacketSize: {"maximum packet size", number32, true, 12, in(CONNECT, CONNACK)},
	WildcardAvailable: {"wildcard subscription available", flag, false, 13, in(CONNACK)},
	SubscriptionIDs:   {"subscription identifiers available", flag, false, 14, in(CONNACK)},
	SharedAvailable:   {"shared subscription available", flag, false, 15, in(CONNACK)},
}

// Properties are the properties of one packet. The zero value has none.
type Properties struct {
	set     uint64 // a bit a Property
	numbers [16]uint32
	data    [9][]byte

	// SubscriptionIDs are in a PUBLISH to a client one for each subscription
	// that it matches, in a SUBSCRIBE one at most.
	SubscriptionIDs []uint32
	// Raw are properties as they are encoded, one after the other: after
	// decoding the user properties, in their order. Append writes whatever is
	// there.
	Raw []byte
	// copied is set once Raw has memory of its own.
	copied bool
}

// Has tells whether p has one of that name.
func (p *Properties) Has(name Property) bool { return p.set&(1<<name) != 0 }

// Number is the value of a property that is a number, 0 if there is none.
func (p *Properties) Number(name Property) uint32 {
	if !p.Has(name) {
		return 0
	}
	return p.numbers[properties[name].slot]
}

// NumberOr is Number with another value for when there is none.
func (p *Properties) NumberOr(name Property, otherwise uint32) uint32 {
	if !p.Has(name) {
		return otherwise
	}
	return p.Number(name)
}

// Data is the value of a property that is text or binary, nil if there is
// none.
func (p *Properties) Data(name Property) []byte {
	if !p.Has(name) {
		return nil
	}
	return p.data[properties[name].slot]
}

// SetNumber sets a property that is a number.
func (p *Properties) SetNumber(name Property, v uint32) {
	p.set |= 1 << name
	p.numbers[properties[name].slot] = v
}

// SetData sets a property that is text or binary.
func (p *Properties) SetData(name Property, v []byte) {
	p.set |= 1 << name
	p.data[properties[name].slot] = v
}

// User are the user properties in their order.
func (p *Properties) User() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		c := cursor{rest: p.Raw}
		for len(c.rest) >= userPropertyMinLength {
			c.byte("")
			key, value := c.data(""), c.data("")
			if c.err != nil || !yield(string(key), string(value)) {
				return
			}
		}
	}
}

func (p *Properties) reset() {
	if p.set != 0 {
		*p = Properties{SubscriptionIDs: p.SubscriptionIDs}
	}
	p.SubscriptionIDs, p.Raw = p.SubscriptionIDs[:0], nil
}

// properties reads the properties of a packet of type t, or of a will.
func (c *cursor) properties(p *Properties, t Type) {
	p.reset()
	n := c.length("property length")
	in := cursor{rest: c.take(n, "properties"), err: c.err}
	rest := in.rest
	for len(in.rest) > 0 && in.err == nil {
		at := len(rest) - len(in.rest)
		name := Property(in.byte("property"))
		if name > lastProperty || properties[name].kind == 0 {
			in.fail(malformed("property %#x is unknown", byte(name)))
			break
		}
		info := &properties[name]
		if info.in&(1<<t) == 0 {
			in.fail(protocol("%s does not belong here", info.name))
			break
		}
		if p.Has(name) && name != UserProperty && (name != SubscriptionID || t != PUBLISH) {
			in.fail(protocol("%s is there twice", info.name))
			break
		}
		p.set |= 1 << name
		in.property(p, info)
		if name == UserProperty && in.err == nil {
			p.addUser(rest[at : len(rest)-len(in.rest)])
		}
	}
	if in.err != nil {
		c.fail(in.err)
	}
}

func (c *cursor) property(p *Properties, info *propertyInfo) {
	var v uint32
	switch info.kind {
	case flag:
		if v = uint32(c.byte(info.name)); v > 1 {
			c.fail(protocol("%s: must be 0 or 1 (got %d)", info.name, v))
		}
	case number16:
		v = uint32(c.uint16(info.name))
	case number32:
		v = c.uint32(info.name)
	case integer:
		v = uint32(c.length(info.name))
		p.SubscriptionIDs = append(p.SubscriptionIDs, v)
	case text:
		p.data[info.slot] = c.text(info.name)
		return
	case binaryData:
		p.data[info.slot] = c.data(info.name)
		return
	case pair:
		c.text(info.name)
		c.text(info.name)
		return
	}
	if info.nonZero && v == 0 && c.err == nil {
		c.fail(protocol("%s: must not be 0", info.name))
	}
	if info.kind != integer {
		p.numbers[info.slot] = v
	}
}

// addUser adds an encoded user property to Raw, which goes on referring to
// the packet as long as they stand one after the other. It is copied once, or
// a packet in which something else stands between them would take as long as
// the square of its length.
func (p *Properties) addUser(encoded []byte) {
	switch {
	case len(p.Raw) == 0:
		p.Raw = encoded
	case cap(p.Raw) > len(p.Raw) && &p.Raw[:len(p.Raw)+1][len(p.Raw)] == &encoded[0]:
		p.Raw = p.Raw[:len(p.Raw)+len(encoded)]
	case !p.copied:
		p.Raw, p.copied = slices.Concat(p.Raw, encoded), true
	default:
		p.Raw = append(p.Raw, encoded...)
	}
}

func (p *Properties) size() int {
	n := len(p.Raw)
	for name := range Property(lastProperty + 1) {
		if !p.Has(name) {
			continue
		}
		info := &properties[name]
		switch info.kind {
		case flag:
			n += 2
		case number16:
			n += 3
		case number32:
			n += 5
		case text, binaryData:
			n += 3 + len(p.data[info.slot])
		}
	}
	for _, id := range p.SubscriptionIDs {
		n += 1 + lengthSize(int(id))
	}
	return n
}

// append appends the length and the properties.
func (p *Properties) append(b []byte) []byte {
	if p.set == 0 && len(p.SubscriptionIDs) == 0 && len(p.Raw) == 0 {
		return append(b, 0)
	}
	b = AppendLength(b, p.size())
	return p.AppendRaw(b)
}

// AppendRaw appends the properties as they are encoded, without their length.
func (p *Properties) AppendRaw(b []byte) []byte {
	for name := range Property(lastProperty + 1) {
		if !p.Has(name) {
			continue
		}
		info := &properties[name]
		switch info.kind {
		case flag:
			b = append(b, byte(name), byte(p.numbers[info.slot]))
		case number16:
			b = binary.BigEndian.AppendUint16(append(b, byte(name)), uint16(p.numbers[info.slot]))
		case number32:
			b = binary.BigEndian.AppendUint32(append(b, byte(name)), p.numbers[info.slot])
		case text, binaryData:
			b = appendText(append(b, byte(name)), p.data[info.slot])
		}
	}
	for _, id := range p.SubscriptionIDs {
		b = AppendLength(append(b, byte(SubscriptionID)), int(id))
	}
	return append(b, p.Raw...)
}

// Forward appends those properties of a PUBLISH or a will that pass through a
// server unchanged.
func (p *Properties) Forward(b []byte) []byte {
	const unchanged = 1<<PayloadFormat | 1<<ContentType | 1<<ResponseTopic | 1<<CorrelationData
	if p.set&unchanged == 0 {
		return append(b, p.Raw...)
	}
	f := *p
	f.set &= unchanged
	f.SubscriptionIDs = nil
	return f.AppendRaw(b)
}
