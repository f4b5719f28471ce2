package intake

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/discovery"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/wearable"
)

// strangers is the budget that all senders share that are not registered:
// whoever invents a new name for each message gets no new one.
const strangers = "\x00"

// mostKinds is how many kinds are suggested for one sender.
const mostKinds = 5

// unknown takes in a message of a sender that is not registered: it goes to
// the inbox, and some of them, without what they said, to the journal; a call
// for help goes there as one (stranger.go).
func (in *Intake) unknown(c devices.Contact, m devices.Message, as reader, look func() devices.Looks, t *tally) {
	c.Topic, c.Payload, c.Received = m.Topic, m.Payload, in.Clock()
	sender := c.Address
	if c.Bridge != "" {
		sender = c.Bridge + "/" + c.Address
	}
	if in.Inbox.Heard(c, look) {
		in.messages.WithLabelValues("ignored").Inc()
		return
	}
	if in.strangerCalls(c, m, as, t) {
		return
	}
	in.rejectFrom(strangers, sender, m, unknownDevice(c.Address), t)
}

// readNative is what a message on a native topic says, of whatever kind its
// sender is.
func readNative(message string, payload []byte) reader {
	reports, err := parseNative(message, payload)
	if err != nil {
		reports = nil
	}
	return func(devices.Kind) []devices.Report { return reports }
}

// readBehind is what the profile, or its own description, would make of a
// device's message if it was of one kind or another.
func (in *Intake) readBehind(p *profile.Profile, c devices.Contact, m devices.Message) reader {
	m.Retained = false // a press that is kept still shows that there is a button
	return func(k devices.Kind) []devices.Report {
		if len(m.Payload) > MaxReport {
			return nil
		}
		d := devices.Device{Kind: k, Bridge: c.Bridge, Address: c.Address}
		reports, _ := p.Reports(d, m) // what could be read
		return in.beside(d, reports, in.Descriptions.Reports(d, m))
	}
}

// lookBehind finds out what a device behind a bridge looks like.
func (in *Intake) lookBehind(c devices.Contact, as reader) devices.Looks {
	l := in.looks(as)
	if d, ok := in.Descriptions.Device(c.Bridge, c.Address); ok {
		l = described(l, d)
	}
	return l
}

// described is what a device looks like that says itself what it is.
func described(l devices.Looks, d discovery.Description) devices.Looks {
	l.Model = strings.TrimSpace(d.Vendor + " " + d.Model)
	if k := d.Kind(); k != "" {
		l.Kinds = append([]devices.Kind{k}, slices.DeleteFunc(l.Kinds, func(o devices.Kind) bool { return o == k })...)
		l.Kinds = l.Kinds[:min(len(l.Kinds), mostKinds)]
	}
	return l
}

// looks weighs the kinds by what each would report: a type that few kinds have
// says more than one that all have. A button that only calls may hang anywhere;
// most of them are worn.
func (in *Intake) looks(as reader) devices.Looks {
	var l devices.Looks
	weight := map[devices.Kind]float64{}
	for _, k := range in.Vocabulary.Kinds() {
		for _, r := range as(k) {
			p, urgency, err := in.Vocabulary.Parse(k, r.Type, r.Data)
			if err != nil {
				continue
			}
			weight[k] += understood(r, p) / float64(in.Vocabulary.Reporters(r.Type))
			if !slices.Contains(l.Types, r.Type) {
				l.Types = append(l.Types, r.Type)
			}
			l.Help = l.Help || urgency == devices.Urgent && r.Type != wearable.TypeFallCancelled && begins(r, p)
		}
	}
	l.Kinds = slices.SortedFunc(maps.Keys(weight), func(a, b devices.Kind) int {
		switch {
		case weight[a] != weight[b]:
			return cmp.Compare(weight[b], weight[a])
		case a == wearable.Kind:
			return -1
		case b == wearable.Kind:
			return 1
		}
		return cmp.Compare(a, b)
	})
	l.Kinds = l.Kinds[:min(len(l.Kinds), mostKinds)]
	return l
}

// understood is 2 for a report of which every field means something to the
// kind, 1 for one of which none does.
func understood(r devices.Report, p devices.Payload) float64 {
	var given, kept map[string]json.RawMessage
	canonical, err := json.Marshal(p)
	if err != nil || json.Unmarshal(r.Data, &given) != nil || json.Unmarshal(canonical, &kept) != nil || len(given) == 0 {
		return 1
	}
	n := 0
	for name := range given {
		if _, ok := kept[name]; ok {
			n++
		}
	}
	return 1 + float64(n)/float64(len(given))
}

// begins tells a call for help from the message that it is over.
func begins(r devices.Report, p devices.Payload) bool {
	data, err := json.Marshal(p)
	return (r.Held == nil || *r.Held) && err == nil && !bytes.Contains(data, []byte(`"cleared":true`))
}
