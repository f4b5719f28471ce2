package packet

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// decoded is a packet of any type, with how to write it again.
type decoded struct {
	packet any
	append func() []byte
}

// decode reads one whole packet. The version of a CONNECT is its own.
func decode(v Version, b []byte) (d decoded, rest []byte, err error) {
	h, n, err := ParseHeader(v, b)
	if err != nil {
		return decoded{}, nil, err
	}
	if n == 0 || len(b) < n+h.Length {
		return decoded{}, nil, errShort
	}
	body, rest := b[n:n+h.Length], b[n+h.Length:]
	switch h.Type {
	case CONNECT:
		p := &Connect{}
		d = decoded{p, func() []byte { return p.Append(nil) }}
		err = p.Decode(body)
	case CONNACK:
		p := &Connack{}
		d = decoded{p, func() []byte { return p.Append(nil, v) }}
		err = p.Decode(v, body)
	case PUBLISH:
		p := &Publish{}
		d = decoded{p, func() []byte { return p.Append(nil, v) }}
		err = p.Decode(v, h.Flags, body)
	case PUBACK, PUBREC, PUBREL, PUBCOMP:
		p := &Ack{}
		d = decoded{p, func() []byte { return p.Append(nil, v) }}
		err = p.Decode(v, h.Type, body)
	case SUBSCRIBE:
		p := &Subscribe{}
		d = decoded{p, func() []byte { return p.Append(nil, v) }}
		err = p.Decode(v, body)
	case UNSUBSCRIBE:
		p := &Unsubscribe{}
		d = decoded{p, func() []byte { return p.Append(nil, v) }}
		err = p.Decode(v, body)
	case SUBACK, UNSUBACK:
		p := &Suback{}
		d = decoded{p, func() []byte { return p.Append(nil, v) }}
		err = p.Decode(v, h.Type, body)
	case PINGREQ, PINGRESP:
		d = decoded{h.Type, func() []byte { return AppendEmpty(nil, h.Type) }}
		err = DecodeEmpty(h.Type, body)
	case DISCONNECT:
		p := &Disconnect{}
		d = decoded{p, func() []byte { return p.Append(nil, v) }}
		err = p.Decode(v, body)
	case AUTH:
		p := &Auth{}
		d = decoded{p, func() []byte { return p.Append(nil) }}
		err = p.Decode(body)
	}
	return d, rest, err
}

var errShort = errors.New("not a whole packet")

// every is a packet of every type, with everything that can be in it.
func every(v Version) map[string][]byte {
	text := func(s string) []byte { return []byte(s) }
	var p Properties
	if v == V5 {
		p.Raw = []byte{byte(UserProperty), 0, 1, 'k', 0, 1, 'v', byte(UserProperty), 0, 1, 'k', 0, 1, 'w'}
	}
	with := func(numbers map[Property]uint32, data map[Property]string) Properties {
		q := p
		if v != V5 {
			return q
		}
		for name, n := range numbers {
			q.SetNumber(name, n)
		}
		for name, s := range data {
			q.SetData(name, text(s))
		}
		return q
	}
	reason := func(r Reason) Reason {
		if v == V5 {
			return r
		}
		return Success
	}
	message := with(map[Property]uint32{PayloadFormat: 1, MessageExpiry: 60}, map[Property]string{ContentType: "t", ResponseTopic: "r", CorrelationData: "\x00\xff"})
	publish := message
	subscribed := p
	if v == V5 {
		publish.SetNumber(TopicAlias, 3)
		publish.SubscriptionIDs = []uint32{1, 300, maxSubscriptionID}
		subscribed.SubscriptionIDs = []uint32{7}
	}
	will := message
	if v == V5 {
		will.SetNumber(WillDelay, 9)
	}
	said := with(nil, map[Property]string{ReasonString: "because"})
	all := map[string][]byte{
		"connect": (&Connect{
			Version: v, CleanStart: true, KeepAlive: 60, ClientID: text("客户"), User: text("u"), Password: text("\x00"),
			Properties: with(map[Property]uint32{SessionExpiry: 1 << 31, ReceiveMaximum: 5, MaximumPacketSize: 1000, TopicAliasMaximum: 2, RequestProblemInfo: 0, RequestResponseInfo: 1},
				map[Property]string{AuthenticationMethod: "m", AuthenticationData: "d"}),
			Will: &Will{QoS: 2, Retain: true, Topic: text("w"), Payload: text("gone"), Properties: will},
		}).Append(nil),
		"connect least": (&Connect{Version: v, CleanStart: true}).Append(nil),
		"connack": (&Connack{Reason: ServerUnavailable, Properties: with(
			map[Property]uint32{SessionExpiry: 1, ReceiveMaximum: 9, MaximumQoS: 1, RetainAvailable: 0, MaximumPacketSize: 7, TopicAliasMaximum: 1, WildcardAvailable: 1, SubscriptionIDs: 1, SharedAvailable: 0, ServerKeepAlive: 6},
			map[Property]string{AssignedClientID: "a", ReasonString: "no", ResponseInfo: "i", ServerReference: "s", AuthenticationMethod: "m", AuthenticationData: "d"},
		)}).Append(nil, v),
		"connack present": (&Connack{SessionPresent: true}).Append(nil, v),
		"publish":         (&Publish{Dup: true, QoS: 2, Retain: true, Topic: text("a/b"), ID: 9, Properties: publish, Payload: text("x")}).Append(nil, v),
		"publish 0":       (&Publish{Topic: text("a"), Payload: bytes.Repeat(text("x"), 200)}).Append(nil, v),
		"puback":          (&Ack{Type: PUBACK, ID: 1, Reason: reason(QuotaExceeded), Properties: said}).Append(nil, v),
		"pubrec":          (&Ack{Type: PUBREC, ID: 1, Reason: reason(NoMatchingSubscribers)}).Append(nil, v),
		"pubrel":          (&Ack{Type: PUBREL, ID: 0xffff, Reason: reason(PacketIDNotFound), Properties: said}).Append(nil, v),
		"pubcomp":         (&Ack{Type: PUBCOMP, ID: 1}).Append(nil, v),
		"subscribe":       (&Subscribe{ID: 5, Properties: subscribed, Filters: []Subscription{{Filter: text("a/#"), QoS: 2}, {Filter: text("+"), QoS: 1, NoLocal: v == V5, RetainAsPublished: v == V5, RetainHandling: byte(v-4) * 2}}}).Append(nil, v),
		"suback":          (&Suback{Type: SUBACK, ID: 5, Reasons: []Reason{0, 1, 2, Unspecified}, Properties: said}).Append(nil, v),
		"unsubscribe":     (&Unsubscribe{ID: 5, Properties: p, Filters: [][]byte{text("a"), text("b/+")}}).Append(nil, v),
		"pingreq":         AppendEmpty(nil, PINGREQ),
		"pingresp":        AppendEmpty(nil, PINGRESP),
		"disconnect":      (&Disconnect{}).Append(nil, v),
	}
	if v == V5 {
		all["unsuback"] = (&Suback{Type: UNSUBACK, ID: 5, Reasons: []Reason{NoSubscriptionExisted}}).Append(nil, v)
		all["disconnect why"] = (&Disconnect{Reason: DisconnectWithWill, Properties: with(map[Property]uint32{SessionExpiry: 0}, map[Property]string{ReasonString: "so", ServerReference: "s"})}).Append(nil, v)
		all["auth"] = (&Auth{Reason: ContinueAuthentication, Properties: with(nil, map[Property]string{AuthenticationMethod: "m", AuthenticationData: "d", ReasonString: "r"})}).Append(nil)
	} else {
		all["unsuback"] = (&Suback{Type: UNSUBACK, ID: 5}).Append(nil, v)
	}
	return all
}

// Whatever is written is read as the same, and no part of it is a whole
// packet.
func TestEveryPacket(t *testing.T) {
	for _, v := range []Version{V311, V5} {
		seen := map[Type]bool{}
		for name, b := range every(v) {
			d, rest, err := decode(v, b)
			if err != nil || len(rest) > 0 {
				t.Errorf("%d %s: %x: %v, %d bytes left", v, name, b, err, len(rest))
				continue
			}
			seen[Type(b[0]>>4)] = true
			if again := d.append(); !bytes.Equal(again, b) {
				t.Errorf("%d %s: %x became %x", v, name, b, again)
			}
			h, n, err := ParseHeader(v, b)
			if err != nil {
				t.Fatal(err)
			}
			for cut := range h.Length {
				short := append(AppendLength([]byte{b[0]}, cut), b[n:n+cut]...)
				if d, _, err := decode(v, short); err == nil && h.Type != PUBLISH && !bytes.Equal(d.append(), short) {
					t.Errorf("%d %s: cut to %x it is %x", v, name, short, d.append())
				}
			}
		}
		for typ := CONNECT; typ <= AUTH; typ++ {
			if !seen[typ] && (typ != AUTH || v == V5) {
				t.Errorf("%d: no %s", v, typ)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	publish := func(properties string, rest string) string {
		return "\x32" + string(rune(5+1+len(properties)+len(rest))) + "\x00\x01a\x00\x01" + string(rune(len(properties))) + properties + rest
	}
	for _, c := range []struct {
		name   string
		v      Version
		frame  string
		reason Reason
	}{
		{"type 0", V5, "\x00\x00", Malformed},
		{"AUTH in 3.1.1", V311, "\xf0\x00", Malformed},
		{"SUBSCRIBE without its flags", V5, "\x80\x00", Malformed},
		{"PUBREL without its flags", V311, "\x60\x02\x00\x01", Malformed},
		{"length of five bytes", V5, "\x30\xff\xff\xff\xff\x01", Malformed},
		{"length too long for its value", V5, "\x30\x83\x00\x00\x01a", Malformed},
		{"QoS 3", V5, "\x36\x06\x00\x01a\x00\x01\x00", Malformed},
		{"duplicate of QoS 0", V311, "\x38\x03\x00\x01a", Malformed},
		{"topic empty", V311, "\x30\x02\x00\x00", Malformed},
		{"topic empty and no alias", V5, "\x30\x03\x00\x00\x00", ProtocolError},
		{"topic with wildcard", V5, "\x30\x04\x00\x01#\x00", TopicNameInvalid},
		{"topic with NUL", V311, "\x30\x03\x00\x01\x00", Malformed},
		{"topic not UTF-8", V5, "\x30\x04\x00\x01\xff\x00", Malformed},
		{"topic with a surrogate", V5, "\x30\x06\x00\x03\xed\xa0\x80\x00", Malformed},
		{"packet number 0", V311, "\x32\x05\x00\x01a\x00\x00", Malformed},
		{"unknown property", V5, publish("\x7e\x00", ""), Malformed},
		{"property of another packet", V5, publish("\x21\x00\x01", ""), ProtocolError},
		{"property twice", V5, publish("\x01\x00\x01\x00", ""), ProtocolError},
		{"property cut off", V5, publish("\x02\x00", ""), Malformed},
		{"payload format 2", V5, publish("\x01\x02", ""), ProtocolError},
		{"response topic with wildcard", V5, publish("\x08\x00\x01+", ""), ProtocolError},
		{"subscription identifier 0", V5, publish("\x0b\x00", ""), ProtocolError},
		{"properties longer than the packet", V5, "\x30\x05\x00\x01a\x7f\x01", Malformed},
		{"reserved flag of CONNECT", V311, "\x10\x0c\x00\x04MQTT\x04\x01\x00\x00\x00\x00", Malformed},
		{"will flags without a will", V311, "\x10\x0c\x00\x04MQTT\x04\x20\x00\x00\x00\x00", Malformed},
		{"password alone in 3.1.1", V311, "\x10\x0e\x00\x04MQTT\x04\x42\x00\x00\x00\x00\x00\x00", Malformed},
		{"MQTT 3.1", V311, "\x10\x0e\x00\x06MQIsdp\x03\x02\x00\x00\x00\x00", UnsupportedVersion},
		{"MQTT 6", V5, "\x10\x0d\x00\x04MQTT\x06\x02\x00\x00\x00\x00\x00", UnsupportedVersion},
		{"receive maximum 0", V5, "\x10\x10\x00\x04MQTT\x05\x02\x00\x00\x03\x21\x00\x00\x00\x00", ProtocolError},
		{"authentication data alone", V5, "\x10\x10\x00\x04MQTT\x05\x02\x00\x00\x03\x16\x00\x00\x00\x00", ProtocolError},
		{"SUBSCRIBE of nothing", V311, "\x82\x02\x00\x01", ProtocolError},
		{"SUBSCRIBE without options", V5, "\x82\x06\x00\x01\x00\x00\x01a", Malformed},
		{"SUBSCRIBE with QoS 3", V311, "\x82\x06\x00\x01\x00\x01a\x03", Malformed},
		{"SUBSCRIBE with reserved options", V5, "\x82\x07\x00\x01\x00\x00\x01a\x40", Malformed},
		{"SUBSCRIBE with options of 5 in 3.1.1", V311, "\x82\x06\x00\x01\x00\x01a\x04", Malformed},
		{"retain handling 3", V5, "\x82\x07\x00\x01\x00\x00\x01a\x30", ProtocolError},
		{"no local and shared", V5, "\x82\x10\x00\x01\x00\x00\x0a$share/g/a\x04", ProtocolError},
		{"UNSUBSCRIBE of nothing", V5, "\xa2\x03\x00\x01\x00", ProtocolError},
		{"reason of another packet", V5, "\x40\x03\x00\x01\x92", ProtocolError},
		{"reason in 3.1.1", V311, "\x40\x03\x00\x01\x00", Malformed},
		{"PINGREQ with a body", V311, "\xc0\x01\x00", Malformed},
		{"DISCONNECT with a body in 3.1.1", V311, "\xe0\x01\x00", Malformed},
		{"AUTH without a method", V5, "\xf0\x02\x19\x00", ProtocolError},
	} {
		_, _, err := decode(c.v, []byte(c.frame))
		var e *Error
		if !errors.As(err, &e) || e.Reason != c.reason {
			t.Errorf("%s: %v, not %v", c.name, err, c.reason)
		}
	}
}

func TestUserProperties(t *testing.T) {
	// Between the two stands another property.
	frame := "\x30\x17\x00\x01a\x13\x26\x00\x01k\x00\x01v\x01\x01\x26\x00\x01l\x00\x02ww"
	frame = strings.Replace(frame, "\x30\x17\x00\x01a\x13", "\x30"+string(rune(len(frame)-2))+"\x00\x01a"+string(rune(len(frame)-6)), 1)
	var p Publish
	h, n, err := ParseHeader(V5, []byte(frame))
	if err == nil {
		err = p.Decode(V5, h.Flags, []byte(frame)[n:])
	}
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for k, v := range p.Properties.User() {
		got = append(got, k+"="+v)
	}
	if !reflect.DeepEqual(got, []string{"k=v", "l=ww"}) || p.Properties.Number(PayloadFormat) != 1 {
		t.Errorf("user properties are %q", got)
	}
	var again Properties
	c := cursor{rest: append([]byte{byte(len(p.Properties.Forward(nil)))}, p.Properties.Forward(nil)...)}
	c.properties(&again, PUBLISH)
	if err := c.end(PUBLISH); err != nil || again.Number(PayloadFormat) != 1 || !bytes.Equal(again.Raw, p.Properties.Raw) {
		t.Errorf("forwarded: %v, %+v", err, again)
	}
}

// Whoever mixes user properties with others must not make each of them a copy
// of all before it: the time would grow with the square of the packet.
func TestScatteredUserPropertiesAreCopiedOnce(t *testing.T) {
	const n = 5000
	pair, other := []byte("\x26\x00\x00\x00\x00"), []byte("\x0b\x01")
	scattered := bytes.Repeat(append(bytes.Clone(pair), other...), n)
	body := append(AppendLength([]byte("\x00\x01a"), len(scattered)), scattered...)
	var p Publish
	decode := func() {
		if err := p.Decode(V5, 0, body); err != nil {
			t.Fatal(err)
		}
	}
	decode()
	if a := testing.AllocsPerRun(10, decode); a > 50 {
		t.Errorf("%v allocations for %d properties", a, n)
	}
	if !bytes.Equal(p.Properties.Raw, bytes.Repeat(pair, n)) || !bytes.Equal(body[3+len(AppendLength(nil, len(scattered))):], scattered) {
		t.Error("what was decoded is not what was sent, or has changed it")
	}
}

func TestPublishAllocatesNothing(t *testing.T) {
	for _, v := range []Version{V311, V5} {
		frame := every(v)["publish"]
		h, n, err := ParseHeader(v, frame)
		if err != nil {
			t.Fatal(err)
		}
		var p Publish
		out := make([]byte, 0, 2*len(frame))
		decode := func() {
			if err := p.Decode(v, h.Flags, frame[n:]); err != nil {
				t.Fatal(err)
			}
			out = p.Append(out[:0], v)
		}
		decode()
		if a := testing.AllocsPerRun(100, decode); a != 0 {
			t.Errorf("%d: %v allocations", v, a)
		}
		if len(out) != p.Size(v) {
			t.Errorf("%d: %d bytes, and the size is %d", v, len(out), p.Size(v))
		}
	}
}

// FuzzDecode holds whatever is accepted to coming out with the same meaning.
func FuzzDecode(f *testing.F) {
	for _, v := range []Version{V311, V5} {
		for _, b := range every(v) {
			f.Add(v == V5, b)
		}
	}
	f.Fuzz(func(t *testing.T, five bool, b []byte) {
		v := V311
		if five {
			v = V5
		}
		d, _, err := decode(v, b)
		var refused *Error
		if err != nil {
			if !errors.Is(err, errShort) && (!errors.As(err, &refused) || !refused.Reason.Failed() || refused.Text == "") {
				t.Fatalf("%x: the error is %#v", b, err)
			}
			return
		}
		out := d.append()
		again, rest, err := decode(v, out)
		if err != nil || len(rest) > 0 {
			t.Fatalf("%x became %x: %v", b, out, err)
		}
		if third := again.append(); !bytes.Equal(third, out) {
			t.Fatalf("%x became %x, and then %x", b, out, third)
		}
	})
}

func BenchmarkDecodePublish(b *testing.B) {
	for _, v := range []Version{V311, V5} {
		frame := (&Publish{QoS: 1, ID: 7, Topic: []byte("linli/v1/locker-east/event"), Payload: bytes.Repeat([]byte("x"), 230)}).Append(nil, v)
		b.Run(map[Version]string{V311: "3.1.1", V5: "5"}[v], func(b *testing.B) {
			var p Publish
			b.ReportAllocs()
			for b.Loop() {
				h, n, err := ParseHeader(v, frame)
				if err == nil {
					err = p.Decode(v, h.Flags, frame[n:])
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
