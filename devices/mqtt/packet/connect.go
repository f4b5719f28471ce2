package packet

import (
	"bytes"
	"encoding/binary"
)

// Connect is a CONNECT.
type Connect struct {
	Version    Version
	CleanStart bool   // "clean session" in MQTT 3.1.1
	KeepAlive  uint16 // seconds, 0 for none
	Properties Properties
	ClientID   []byte
	Will       *Will  // nil if none
	User       []byte // nil if none, like Password
	Password   []byte
}

// Will is what a CONNECT asks to be published when the connection is lost.
type Will struct {
	QoS        byte
	Retain     bool
	Properties Properties
	Topic      []byte
	Payload    []byte
}

// The bits of a CONNECT's flags.
const (
	flagClean    = 1 << 1
	flagWill     = 1 << 2
	flagRetain   = 1 << 5
	flagPassword = 1 << 6
	flagUser     = 1 << 7
)

// Decode reads the body of a CONNECT. If the error is of UnsupportedVersion,
// Version is what the client asked for.
func (p *Connect) Decode(body []byte) error {
	*p = Connect{}
	c := cursor{rest: body}
	name := c.data("protocol name")
	p.Version = Version(c.byte("protocol level"))
	switch {
	case c.err != nil:
		return c.end(CONNECT)
	case !bytes.Equal(name, []byte("MQTT")) && !bytes.Equal(name, []byte("MQIsdp")):
		return &Error{UnsupportedVersion, "CONNECT: protocol name is not MQTT"}
	case p.Version != V311 && p.Version != V5 || len(name) != 4:
		return &Error{UnsupportedVersion, "CONNECT: protocol must be MQTT 3.1.1 or 5"}
	}
	flags := c.byte("flags")
	p.CleanStart = flags&flagClean != 0
	p.KeepAlive = c.uint16("keep alive")
	qos := flags >> 3 & 3
	switch {
	case flags&1 != 0:
		c.fail(malformed("flags: bit 0 is reserved"))
	case flags&flagWill == 0 && flags&(3<<3|flagRetain) != 0:
		c.fail(malformed("flags: QoS or retain of a will that is not there"))
	case qos == 3:
		c.fail(malformed("flags: QoS of the will is 3"))
	case p.Version == V311 && flags&flagPassword != 0 && flags&flagUser == 0:
		c.fail(malformed("flags: a password without a user name"))
	}
	if p.Version == V5 {
		c.properties(&p.Properties, CONNECT)
		if p.Properties.Has(AuthenticationData) && !p.Properties.Has(AuthenticationMethod) {
			c.fail(protocol("authentication data without a method"))
		}
	}
	p.ClientID = c.text("client identifier")
	if flags&flagWill != 0 {
		w := &Will{QoS: qos, Retain: flags&flagRetain != 0}
		if p.Version == V5 {
			c.properties(&w.Properties, will)
		}
		w.Topic = c.text("will topic")
		w.Payload = c.data("will payload")
		if t := w.Properties.Data(ResponseTopic); bytes.ContainsAny(t, "+#") {
			c.fail(protocol("response topic: must not hold wildcards"))
		}
		p.Will = w
	}
	if flags&flagUser != 0 {
		p.User = c.text("user name")
	}
	if flags&flagPassword != 0 {
		p.Password = c.data("password")
	}
	return c.end(CONNECT)
}

// Append appends the packet to b.
func (p *Connect) Append(b []byte) []byte {
	b, at := begin(b, CONNECT, 0)
	b = append(appendText(b, "MQTT"), byte(p.Version))
	flags := byte(0)
	set := func(ok bool, bits byte) {
		if ok {
			flags |= bits
		}
	}
	set(p.CleanStart, flagClean)
	set(p.User != nil, flagUser)
	set(p.Password != nil, flagPassword)
	if p.Will != nil {
		set(true, flagWill|p.Will.QoS<<3)
		set(p.Will.Retain, flagRetain)
	}
	b = binary.BigEndian.AppendUint16(append(b, flags), p.KeepAlive)
	if p.Version == V5 {
		b = p.Properties.append(b)
	}
	b = appendText(b, p.ClientID)
	if p.Will != nil {
		if p.Version == V5 {
			b = p.Will.Properties.append(b)
		}
		b = appendText(appendText(b, p.Will.Topic), p.Will.Payload)
	}
	if p.User != nil {
		b = appendText(b, p.User)
	}
	if p.Password != nil {
		b = appendText(b, p.Password)
	}
	return finish(b, at)
}

// Connack is a CONNACK.
type Connack struct {
	SessionPresent bool
	Reason         Reason // in MQTT 3.1.1 one that stands for the return code
	Properties     Properties
}

// Decode reads the body of a CONNACK.
func (p *Connack) Decode(v Version, body []byte) error {
	*p = Connack{}
	c := cursor{rest: body}
	flags := c.byte("flags")
	if flags > 1 {
		c.fail(malformed("flags: only bit 0 is in use"))
	}
	p.SessionPresent = flags&1 != 0
	if v == V5 {
		p.Reason = c.reason(CONNACK)
		c.properties(&p.Properties, CONNACK)
	} else {
		codes := [...]Reason{Success, UnsupportedVersion, ClientIDNotValid, ServerUnavailable, BadUserOrPassword, NotAuthorized}
		if code := c.byte("return code"); int(code) < len(codes) {
			p.Reason = codes[code]
		} else {
			c.fail(malformed("return code %d is reserved", code))
		}
	}
	if p.SessionPresent && p.Reason != Success {
		c.fail(protocol("a session is present, and the connection refused"))
	}
	return c.end(CONNACK)
}

// Append appends the packet to b.
func (p *Connack) Append(b []byte, v Version) []byte {
	b, at := begin(b, CONNACK, 0)
	present := byte(0)
	if p.SessionPresent {
		present = 1
	}
	if v != V5 {
		return finish(append(b, present, p.Reason.ReturnCode()), at)
	}
	return finish(p.Properties.append(append(b, present, byte(p.Reason))), at)
}

// Disconnect is a DISCONNECT.
type Disconnect struct {
	Reason     Reason
	Properties Properties
}

// Decode reads the body of a DISCONNECT.
func (p *Disconnect) Decode(v Version, body []byte) error {
	*p = Disconnect{}
	c := cursor{rest: body}
	if v == V5 {
		p.Reason = c.optional(DISCONNECT, &p.Properties)
	}
	return c.end(DISCONNECT)
}

// optional reads a reason code and properties, either of which may have been
// left out.
func (c *cursor) optional(t Type, p *Properties) Reason {
	if len(c.rest) == 0 {
		p.reset()
		return Success
	}
	r := c.reason(t)
	if len(c.rest) == 0 {
		p.reset()
		return r
	}
	c.properties(p, t)
	return r
}

// appendOptional leaves out what optional does not need.
func appendOptional(b []byte, r Reason, p *Properties) []byte {
	if p.size() > 0 {
		return p.append(append(b, byte(r)))
	}
	if r != Success {
		b = append(b, byte(r))
	}
	return b
}

// Append appends the packet to b.
func (p *Disconnect) Append(b []byte, v Version) []byte {
	b, at := begin(b, DISCONNECT, 0)
	if v == V5 {
		b = appendOptional(b, p.Reason, &p.Properties)
	}
	return finish(b, at)
}

// Auth is an AUTH of MQTT 5.
type Auth struct {
	Reason     Reason
	Properties Properties
}

// Decode reads the body of an AUTH.
func (p *Auth) Decode(body []byte) error {
	*p = Auth{}
	c := cursor{rest: body}
	p.Reason = c.optional(AUTH, &p.Properties)
	if len(body) > 0 && !p.Properties.Has(AuthenticationMethod) {
		c.fail(protocol("authentication method: missing"))
	}
	return c.end(AUTH)
}

// Append appends the packet to b.
func (p *Auth) Append(b []byte) []byte {
	b, at := begin(b, AUTH, 0)
	return finish(appendOptional(b, p.Reason, &p.Properties), at)
}

// DecodeEmpty reads the body of a PINGREQ or PINGRESP.
func DecodeEmpty(t Type, body []byte) error {
	c := cursor{rest: body}
	return c.end(t)
}

// AppendEmpty appends a PINGREQ or PINGRESP to b.
func AppendEmpty(b []byte, t Type) []byte { return append(b, byte(t)<<4, 0) }
