package mqtt

import (
	"crypto/rand"
	"encoding/hex"
	"hash/maphash"
	"strconv"
	"sync"
)

// packetIDs gives the packets of one MQTT session their identities. MQTT
// numbers packets with 16 bits and uses a number again once it has been
// acknowledged, so the number alone says nothing: a packet is the same as an
// earlier one only if it says so (DUP), its number has not been acknowledged
// since, and it carries the same message. Whatever is in doubt gets a new
// identity, because a report taken twice does less harm than one not taken.
//
// Identities live as long as the session is known to this process; they do
// not survive a restart.
type packetIDs struct {
	epoch string
	seed  maphash.Seed

	mu   sync.Mutex
	next uint64
	open map[uint16]openPacket // unacknowledged
}

type openPacket struct {
	identity string
	sum      uint64
}

func newPacketIDs() *packetIDs {
	var epoch [8]byte
	rand.Read(epoch[:]) // never fails, see crypto/rand
	return &packetIDs{epoch: hex.EncodeToString(epoch[:]), seed: maphash.MakeSeed(), open: map[uint16]openPacket{}}
}

// identify returns the identity of a packet just read.
func (p *packetIDs) identify(number uint16, dup bool, topic string, payload []byte) string {
	var h maphash.Hash
	h.SetSeed(p.seed)
	h.WriteString(topic)
	h.WriteByte(0)
	h.Write(payload)
	sum := h.Sum64()

	p.mu.Lock()
	defer p.mu.Unlock()
	if o, ok := p.open[number]; ok && dup && o.sum == sum {
		return o.identity
	}
	p.next++
	identity := p.epoch + "-" + strconv.FormatUint(uint64(number), 10) + "-" + strconv.FormatUint(p.next, 10)
	p.open[number] = openPacket{identity, sum}
	return identity
}

// acknowledged ends the life of an identity.
func (p *packetIDs) acknowledged(number uint16, identity string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[number].identity == identity {
		delete(p.open, number)
	}
}
