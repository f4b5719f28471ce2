package packet

import (
	"bytes"
	"encoding/binary"
)

// Subscribe is a SUBSCRIBE.
type Subscribe struct {
	ID         uint16
	Properties Properties
	Filters    []Subscription
}

// Subscription is one filter of a SUBSCRIBE, with its options.
type Subscription struct {
	Filter []byte
	QoS    byte
	// The others are of MQTT 5.
	NoLocal           bool
	RetainAsPublished bool
	RetainHandling    byte // 0 send what is retained, 1 only for a new subscription, 2 never
}

// Decode reads the body of a SUBSCRIBE.
func (p *Subscribe) Decode(v Version, body []byte) error {
	*p = Subscribe{}
	c := cursor{rest: body}
	p.ID = c.id()
	if v == V5 {
		c.properties(&p.Properties, SUBSCRIBE)
	}
	for first := true; c.err == nil && (first || len(c.rest) > 0); first = false {
		if first && len(c.rest) == 0 {
			c.fail(protocol("no filter"))
			break
		}
		s := Subscription{Filter: c.text("filter")}
		options := c.byte("options")
		s.QoS = options & 3
		limit := byte(0x03)
		if v == V5 {
			limit = 0x3f
			s.NoLocal, s.RetainAsPublished, s.RetainHandling = options&4 != 0, options&8 != 0, options>>4&3
		}
		switch {
		case c.err != nil:
		case options > limit:
			c.fail(malformed("options %#x: reserved bits are set", options))
		case s.QoS == 3:
			c.fail(malformed("options %#x: QoS 3", options))
		case s.RetainHandling == 3:
			c.fail(protocol("options %#x: retain handling 3", options))
		case s.NoLocal && bytes.HasPrefix(s.Filter, []byte("$share/")):
			c.fail(protocol("no local on a shared subscription"))
		}
		p.Filters = append(p.Filters, s)
	}
	return c.end(SUBSCRIBE)
}

// Append appends the packet to b.
func (p *Subscribe) Append(b []byte, v Version) []byte {
	b, at := begin(b, SUBSCRIBE, 2)
	b = binary.BigEndian.AppendUint16(b, p.ID)
	if v == V5 {
		b = p.Properties.append(b)
	}
	for _, s := range p.Filters {
		options := s.QoS
		if v == V5 {
			options |= s.RetainHandling << 4
			if s.NoLocal {
				options |= 4
			}
			if s.RetainAsPublished {
				options |= 8
			}
		}
		b = append(appendText(b, s.Filter), options)
	}
	return finish(b, at)
}

// Unsubscribe is an UNSUBSCRIBE.
type Unsubscribe struct {
	ID         uint16
	Properties Properties
	Filters    [][]byte
}

// Decode reads the body of an UNSUBSCRIBE.
func (p *Unsubscribe) Decode(v Version, body []byte) error {
	*p = Unsubscribe{}
	c := cursor{rest: body}
	p.ID = c.id()
	if v == V5 {
		c.properties(&p.Properties, UNSUBSCRIBE)
	}
	for c.err == nil && len(c.rest) > 0 {
		p.Filters = append(p.Filters, c.text("filter"))
	}
	if c.err == nil && len(p.Filters) == 0 {
		c.fail(protocol("no filter"))
	}
	return c.end(UNSUBSCRIBE)
}

// Append appends the packet to b.
func (p *Unsubscribe) Append(b []byte, v Version) []byte {
	b, at := begin(b, UNSUBSCRIBE, 2)
	b = binary.BigEndian.AppendUint16(b, p.ID)
	if v == V5 {
		b = p.Properties.append(b)
	}
	for _, f := range p.Filters {
		b = appendText(b, f)
	}
	return finish(b, at)
}

// Suback is a SUBACK or UNSUBACK.
type Suback struct {
	Type       Type
	ID         uint16
	Properties Properties
	Reasons    []Reason // one for each filter; of an UNSUBACK of MQTT 3.1.1 none
}

// Decode reads the body of a packet of that type.
func (p *Suback) Decode(v Version, t Type, body []byte) error {
	*p = Suback{Type: t}
	c := cursor{rest: body}
	p.ID = c.id()
	if v == V5 {
		c.properties(&p.Properties, t)
	}
	if v == V5 || t == SUBACK {
		for c.err == nil && len(c.rest) > 0 {
			r := c.reason(t)
			if v != V5 && r > GrantedQoS2 && r != Unspecified {
				c.fail(malformed("return code 0x%02x", byte(r)))
			}
			p.Reasons = append(p.Reasons, r)
		}
		if c.err == nil && len(p.Reasons) == 0 {
			c.fail(protocol("no reason code"))
		}
	}
	return c.end(t)
}

// Append appends the packet to b. In MQTT 3.1.1 every failure is 0x80.
func (p *Suback) Append(b []byte, v Version) []byte {
	b, at := begin(b, p.Type, 0)
	b = binary.BigEndian.AppendUint16(b, p.ID)
	if v == V5 {
		b = p.Properties.append(b)
	}
	for _, r := range p.Reasons {
		switch {
		case v == V5:
			b = append(b, byte(r))
		case p.Type == SUBACK && r.Failed():
			b = append(b, byte(Unspecified))
		case p.Type == SUBACK:
			b = append(b, byte(r))
		}
	}
	return finish(b, at)
}
