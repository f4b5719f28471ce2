package mqtt

import "testing"

func TestPacketIdentity(t *testing.T) {
	const topic = "linli/v1/l1/event"
	p := newPacketIDs()
	first := p.identify(7, false, topic, []byte("a"))
	if again := p.identify(7, true, topic, []byte("a")); again != first {
		t.Errorf("a redelivery has identity %q, the packet had %q", again, first)
	}
	for name, other := range map[string]string{
		"another number":         p.identify(8, true, topic, []byte("a")),
		"another payload":        p.identify(7, true, topic, []byte("b")),
		"another topic":          p.identify(7, true, topic+"2", []byte("b")),
		"no DUP":                 p.identify(7, false, topic+"2", []byte("b")),
		"another session's same": newPacketIDs().identify(7, true, topic, []byte("a")),
	} {
		if other == first {
			t.Errorf("%s, and yet the same identity", name)
		}
	}

	second := p.identify(9, false, topic, []byte("c"))
	p.acknowledged(9, "of an earlier packet")
	if again := p.identify(9, true, topic, []byte("c")); again != second {
		t.Error("an acknowledgement that came late ended the identity of the next packet")
	}
	p.acknowledged(9, second)
	if reused := p.identify(9, true, topic, []byte("c")); reused == second {
		t.Error("an acknowledged packet's identity was given again")
	}
}
