package packet

import (
	"bytes"
	"encoding/binary"
)

// Publish is a PUBLISH.
type Publish struct {
	Dup        bool
	QoS        byte
	Retain     bool
	Topic      []byte // empty if a topic alias stands for it
	ID         uint16 // the packet number, 0 with QoS 0
	Properties Properties
	Payload    []byte
}

// Decode reads the body of a PUBLISH whose header had those flags.
func (p *Publish) Decode(v Version, flags byte, body []byte) error {
	p.Dup, p.QoS, p.Retain, p.ID = flags&8 != 0, flags>>1&3, flags&1 != 0, 0
	c := cursor{rest: body}
	switch {
	case p.QoS == 3:
		c.fail(malformed("QoS 3"))
	case p.QoS == 0 && p.Dup:
		c.fail(malformed("a duplicate with QoS 0"))
	}
	p.Topic = c.text("topic")
	if bytes.ContainsAny(p.Topic, "+#") {
		c.fail(&Error{TopicNameInvalid, "topic: must not hold wildcards"})
	}
	if p.QoS > 0 {
		p.ID = c.id()
	}
	if v == V5 {
		c.properties(&p.Properties, PUBLISH)
		if bytes.ContainsAny(p.Properties.Data(ResponseTopic), "+#") {
			c.fail(protocol("response topic: must not hold wildcards"))
		}
	} else {
		p.Properties.reset()
	}
	if len(p.Topic) == 0 && !p.Properties.Has(TopicAlias) && c.err == nil {
		if v == V5 {
			c.fail(protocol("neither topic nor topic alias"))
		} else {
			c.fail(malformed("topic: must not be empty"))
		}
	}
	p.Payload, c.rest = c.rest, nil
	return c.end(PUBLISH)
}

// Size is how many bytes Append appends.
func (p *Publish) Size(v Version) int {
	n := p.length(v)
	return 1 + lengthSize(n) + n
}

func (p *Publish) length(v Version) int {
	n := 2 + len(p.Topic) + len(p.Payload)
	if p.QoS > 0 {
		n += 2
	}
	if v == V5 {
		size := p.Properties.size()
		n += lengthSize(size) + size
	}
	return n
}

// Append appends the packet to b.
func (p *Publish) Append(b []byte, v Version) []byte {
	first := byte(PUBLISH)<<4 | p.QoS<<1
	if p.Dup {
		first |= 8
	}
	if p.Retain {
		first |= 1
	}
	b = AppendLength(append(b, first), p.length(v))
	b = appendText(b, p.Topic)
	if p.QoS > 0 {
		b = binary.BigEndian.AppendUint16(b, p.ID)
	}
	if v == V5 {
		b = p.Properties.append(b)
	}
	return append(b, p.Payload...)
}

// Ack is a PUBACK, PUBREC, PUBREL or PUBCOMP.
type Ack struct {
	Type       Type
	ID         uint16
	Reason     Reason
	Properties Properties
}

// Decode reads the body of a packet of that type.
func (p *Ack) Decode(v Version, t Type, body []byte) error {
	p.Type, p.Reason = t, Success
	c := cursor{rest: body}
	p.ID = c.id()
	if v == V5 {
		p.Reason = c.optional(t, &p.Properties)
	} else {
		p.Properties.reset()
	}
	return c.end(t)
}

// Append appends the packet to b.
func (p *Ack) Append(b []byte, v Version) []byte {
	flags := byte(0)
	if p.Type == PUBREL {
		flags = 2
	}
	b, at := begin(b, p.Type, flags)
	b = binary.BigEndian.AppendUint16(b, p.ID)
	if v == V5 {
		b = appendOptional(b, p.Reason, &p.Properties)
	}
	return finish(b, at)
}
