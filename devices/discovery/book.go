package discovery

import (
	"cmp"
	"container/list"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/lenient"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Form is how devices describe themselves.
type Form string

// The forms that are read.
const (
	HomeAssistant Form = "homeassistant"
	Zigbee2MQTT   Form = "zigbee2mqtt"
)

// Forms lists them.
func Forms() []Form { return []Form{HomeAssistant, Zigbee2MQTT} }

// MaxDocument is the longest description in bytes that is read: the list of a
// large Zigbee network has some megabytes.
const MaxDocument = 8 << 20

// Limits of what is kept. The components of a device may each take something
// from it, so that their number times its length is the time that it costs.
const (
	maxComponents = 256
	maxDevices    = 2048   // of one bridge
	maxSignals    = 16_384 // of all bridges
	maxOfDevice   = 64     // signals of one device
	maxTopic      = 512    // bytes
	maxName       = 128    // bytes of a name, a model, an address
	maxValues     = 2048   // bytes of the values of one signal
	maxWrong      = 8      // mistakes that are told of one document
)

// Config of a Book.
type Config struct {
	// File keeps what was described over a restart; "" keeps it in memory
	// only.
	File string
	// Known tells of a device whether somebody has registered it, or sees that
	// it waits. Where there is no more room, what all others have said makes
	// some. Without it, nothing does.
	Known      func(bridge, address string) bool
	Vocabulary devices.Vocabulary
	Logger     *slog.Logger
}

// Book is what devices have said of themselves. All its methods may be called
// at once.
type Book struct {
	Config
	changed chan struct{} // something is to be saved; capacity 1

	mu      sync.Mutex
	bridges map[string]*bridge
	signals int
	order   *list.List // of *document, said longest ago first
}

// document is what was said on a topic.
type document struct {
	bridge, topic string
	said          []Description // never changed, only replaced
}

// bridge is what is known of the devices behind one bridge.
type bridge struct {
	documents map[string]*list.Element // of the book's order, by topic
	devices   map[string]*device       // by address
	listeners map[string][]*listener   // by topic of the message
}

// said is what the bridge has said on a topic, nil for nothing.
func (br *bridge) said(topic string) []Description {
	if at := br.documents[topic]; at != nil {
		return at.Value.(*document).said
	}
	return nil
}

// device is described by one document or several.
type device struct {
	listeners []*listener
}

// listener is a signal at work. Only what holds ever changes.
type listener struct {
	Signal
	of       *device
	address  string
	document string
	template template // nil for the whole payload
	holds    bool     // what a state said last
}

// Learn reads a description of devices behind a bridge, in place of what the
// same topic said before. speaks tells whether the bridge may publish on a
// topic, address what it calls the device that publishes there, "" if only the
// description can say. What is wrong is told in words, with line and column;
// what is right counts all the same, and a document that cannot be read at all
// changes nothing. fresh is what the document had not said before.
func (b *Book) Learn(id string, form Form, m devices.Message, speaks func(topic string) bool, address func(topic string) string) (fresh []Description, wrong []error) {
	if len(m.Payload) > MaxDocument {
		return nil, []error{fmt.Errorf("a description: must be at most %d bytes (got %d): have the bridge describe fewer devices", MaxDocument, len(m.Payload))}
	}
	var all []Description
	var foreign int
	found := func(d Description) error {
		d.Signals = slices.DeleteFunc(d.Signals, func(s Signal) bool {
			if speaks(s.Topic) {
				return false
			}
			foreign++
			return true
		})
		for _, s := range d.Signals {
			if a := address(s.Topic); a != "" && s.Meaning != Online {
				d.Address = a
				break
			}
		}
		err := d.bound()
		if len(d.Signals) > 0 && d.Address != "" {
			all = append(all, d)
		}
		return err
	}
	read := readHome
	if form == Zigbee2MQTT {
		read = readZigbee
	}
	said, err := read(m.Topic, m.Payload, found)
	wrong = said.first
	if err == nil {
		fresh, err = b.put(id, m.Topic, all)
	}
	if err != nil {
		wrong = append([]error{err}, wrong...)
	}
	if foreign > 0 && m.Client != "" {
		wrong = append(wrong, fmt.Errorf("%d topics that this bridge may not publish on: give its base in the profile's settings, profile?base=…", foreign))
	}
	if n := len(wrong) + said.more; n > maxWrong {
		wrong = append(wrong[:maxWrong], fmt.Errorf("and %d more like these", n-maxWrong))
	}
	return fresh, wrong
}

// bound cuts a description to what is kept of one device.
func (d *Description) bound() error {
	d.Name, d.Vendor, d.Model = short(d.Name), short(d.Vendor), short(d.Model)
	before := len(d.Signals)
	d.Signals = slices.DeleteFunc(d.Signals, func(s Signal) bool {
		size := len(s.Name)
		for _, v := range append(slices.Clone(s.On), s.Off...) {
			size += len(v)
		}
		return len(s.Topic) > maxTopic || len(s.Template) > maxTemplate || size > maxValues
	})
	long := before - len(d.Signals)
	if len(d.Address) > maxTopic {
		d.Address = ""
		return fmt.Errorf("an address of over %d bytes: give the device a shorter name", maxTopic)
	}
	if n := len(d.Signals); n > maxOfDevice {
		d.Signals = slices.Clip(d.Signals[:maxOfDevice])
		return fmt.Errorf("device %.64q: of its %d signals the first %d are read: have it describe fewer", d.Address, n, maxOfDevice)
	}
	if long > 0 {
		return fmt.Errorf("device %.64q: %d signals with too long names, topics or lists of values are not read: shorten them", d.Address, long)
	}
	return nil
}

func short(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxName)], "") }

// put replaces what a document said, and returns what it had not said before.
func (b *Book) put(id, topic string, all []Description) (fresh []Description, err error) {
	ready := make([][]*listener, len(all)) // parsing templates takes its time, too
	for i, d := range all {
		ready[i] = d.listeners(topic)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	br := b.bridges[id]
	if br == nil {
		if len(all) == 0 {
			return nil, nil
		}
		br = &bridge{documents: map[string]*list.Element{}, devices: map[string]*device{}, listeners: map[string][]*listener{}}
		b.bridges[id] = br
	}
	before := br.said(topic)
	if same := slices.EqualFunc(before, all, Description.equal); same {
		if len(all) > 0 { // said again, as after each reconnect
			b.order.MoveToBack(br.documents[topic])
		}
		return nil, nil
	}
	remembered := b.remove(br, topic)
	for i, d := range all {
		for b.full(br, d) && b.makeRoom(id, len(br.devices) >= maxDevices) {
		}
		if err = b.add(br, d, ready[i], remembered); err != nil {
			all = all[:i]
			break
		}
		if !slices.ContainsFunc(before, d.equal) {
			fresh = append(fresh, d)
		}
	}
	if len(all) > 0 {
		br.documents[topic] = b.order.PushBack(&document{id, topic, all})
	}
	select {
	case b.changed <- struct{}{}:
	default: // it is to be saved already
	}
	return fresh, err
}

func (d Description) equal(o Description) bool {
	return d.Address == o.Address && d.Name == o.Name && d.Vendor == o.Vendor && d.Model == o.Model && slices.EqualFunc(d.Signals, o.Signals, func(s, t Signal) bool {
		on, off := slices.Equal(s.On, t.On), slices.Equal(s.Off, t.Off)
		s.On, s.Off, t.On, t.Off = nil, nil, nil, nil
		return on && off && s.Meaning == t.Meaning && s.Name == t.Name && s.Topic == t.Topic && s.Template == t.Template && s.Once == t.Once && s.Fahrenheit == t.Fahrenheit
	})
}

// full tells whether there is no room for one more description.
func (b *Book) full(br *bridge, d Description) bool {
	return br.devices[d.Address] == nil && len(br.devices) >= maxDevices || b.signals+len(d.Signals) > maxSignals
}

// makeRoom forgets the document that was said longest ago of those of which
// nobody knows a device: a bridge that invents one with each message turns out
// only others of its kind. It returns false if there is none. Those that are
// known go behind all others, so that they are not asked after each time.
func (b *Book) makeRoom(id string, ofThatBridge bool) bool {
	if b.Known == nil {
		return false
	}
	at := b.order.Front()
	for range b.order.Len() {
		d, next := at.Value.(*document), at.Next()
		if !ofThatBridge || d.bridge == id {
			if !slices.ContainsFunc(d.said, func(of Description) bool { return b.Known(d.bridge, of.Address) }) {
				b.remove(b.bridges[d.bridge], d.topic)
				return true
			}
			b.order.MoveToBack(at)
		}
		at = next
	}
	return false
}

// remove takes a document's listeners out and returns which of its states
// held, by address and name.
func (b *Book) remove(br *bridge, topic string) map[[2]string]bool {
	held := map[[2]string]bool{}
	of := func(l *listener) bool { return l.document == topic }
	for _, d := range br.said(topic) {
		dev := br.devices[d.Address]
		if dev == nil {
			continue // two of one address
		}
		for _, l := range dev.listeners {
			if of(l) {
				held[[2]string{l.address, l.Name}] = l.holds
				if br.listeners[l.Topic] = slices.DeleteFunc(br.listeners[l.Topic], of); len(br.listeners[l.Topic]) == 0 {
					delete(br.listeners, l.Topic)
				}
				b.signals--
			}
		}
		if dev.listeners = slices.DeleteFunc(dev.listeners, of); len(dev.listeners) == 0 {
			delete(br.devices, d.Address)
		}
	}
	if at := br.documents[topic]; at != nil {
		b.order.Remove(at)
		delete(br.documents, topic)
	}
	return held
}

// listeners are a description's signals, to be added.
func (d Description) listeners(document string) []*listener {
	var all []*listener
	for _, s := range d.Signals {
		l := &listener{Signal: s, address: d.Address, document: document}
		if s.Template != "" {
			var err error
			if l.template, err = parseTemplate(s.Template); err != nil {
				continue // of a file from another version
			}
		}
		all = append(all, l)
	}
	return all
}

// add lets a description's listeners hear; held are the states that the
// document said before.
func (b *Book) add(br *bridge, d Description, ready []*listener, held map[[2]string]bool) error {
	dev := br.devices[d.Address]
	switch {
	case dev == nil && len(br.devices) >= maxDevices:
		return fmt.Errorf("more than %d devices behind one bridge: those beyond are not read: give the bridge fewer", maxDevices)
	case b.signals+len(d.Signals) > maxSignals:
		return fmt.Errorf("more than %d signals behind all bridges: those beyond are not read: have the devices describe fewer", maxSignals)
	case dev != nil && len(dev.listeners)+len(d.Signals) > maxOfDevice:
		return fmt.Errorf("device %.64q: more than %d signals: those beyond are not read: have it describe fewer", d.Address, maxOfDevice)
	case dev == nil:
		dev = &device{}
		br.devices[d.Address] = dev
	}
	for _, l := range ready {
		l.of, l.holds = dev, held[[2]string{d.Address, l.Name}]
		dev.listeners = append(dev.listeners, l)
		br.listeners[l.Topic] = append(br.listeners[l.Topic], l)
		b.signals++
	}
	return nil
}

// Addresses are those of the devices that describe themselves as speaking on
// a topic.
func (b *Book) Addresses(id, topic string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	br := b.bridges[id]
	if br == nil {
		return nil
	}
	var all []string
	known := map[string]bool{}
	for _, l := range br.listeners[topic] {
		if !known[l.address] {
			known[l.address] = true
			all = append(all, l.address)
		}
	}
	return all
}

// Devices are those that have described themselves behind a bridge, by
// address.
func (b *Book) Devices(id string) []Description {
	return b.described(id, func(string) bool { return true })
}

// Device is what the device of that address has said of itself.
func (b *Book) Device(id, address string) (Description, bool) {
	all := b.described(id, func(a string) bool { return a == address })
	if len(all) == 0 {
		return Description{}, false
	}
	return all[0], true
}

// described are those devices whose address is wanted.
func (b *Book) described(id string, wanted func(address string) bool) []Description {
	b.mu.Lock()
	defer b.mu.Unlock()
	br := b.bridges[id]
	if br == nil {
		return nil
	}
	by := map[string]Description{}
	for topic := range br.documents {
		for _, d := range br.said(topic) {
			if !wanted(d.Address) {
				continue
			}
			whole, ok := by[d.Address]
			if !ok {
				whole = d
				whole.Signals = nil
			}
			whole.Signals = append(whole.Signals, d.Signals...)
			by[d.Address] = whole
		}
	}
	var all []Description
	for _, d := range by {
		slices.SortFunc(d.Signals, func(a, b Signal) int { return cmp.Compare(a.Name, b.Name) })
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Description) int { return cmp.Compare(a.Address, b.Address) })
	return all
}

// Reports is what m says of device d, as it has described itself. A retained
// message tells how things are and never what happened. What takes its time,
// reading the message and running templates on it, holds up nobody else.
func (b *Book) Reports(d devices.Device, m devices.Message) []devices.Report {
	r := reading{book: b, device: d, topic: m.Topic, retained: m.Retained}
	var on []*listener
	var said []any
	for {
		now := r.tell(on, said)
		if slices.Equal(now, on) {
			return r.finish()
		}
		if said == nil {
			r.message, r.fields = newMessage(m.Payload), map[string]*data{}
		}
		on, said = now, make([]any, len(now)) // again if the device describes itself anew meanwhile
		for i, l := range on {
			said[i] = r.says(l)
		}
	}
}

// reading makes the reports of one message.
type reading struct {
	book     *Book
	device   devices.Device
	topic    string
	retained bool
	message  message
	reports  []devices.Report
	fields   map[string]*data // of the states among them, by type and code
	keys     []string         // of each report, "" for an occurrence
}

// says is what the message says of a signal, nil for nothing.
func (r *reading) says(l *listener) any {
	v, ok := any(r.message.text), true
	if l.template != nil {
		if len(l.Template)*len(r.message.text) > maxWork {
			return nil
		}
		v, ok = l.template.value(r.message)
	}
	if l.Once {
		v = eventType(v)
	}
	if !ok {
		return nil
	}
	return l.Signal.says(v)
}

// tell makes reports of what the message says of each signal, unless those
// that there are now are others. It returns them.
func (r *reading) tell(on []*listener, said []any) (now []*listener) {
	r.book.mu.Lock()
	defer r.book.mu.Unlock()
	br := r.book.bridges[r.device.Bridge]
	if br == nil {
		return nil
	}
	for _, l := range br.listeners[r.topic] {
		if l.address == r.device.Address {
			now = append(now, l)
		}
	}
	if !slices.Equal(now, on) {
		return now
	}
	for i, l := range on { // all states, before any is told
		if l.Meaning.isState() && said[i] != nil {
			l.holds = said[i] == true
		}
	}
	shared := len(now) < len(br.listeners[r.topic]) // others describe themselves as speaking here too
	for i, l := range on {
		if said[i] != nil && !(l.Meaning == Online && shared) {
			r.report(l, said[i])
		}
	}
	return now
}

// report makes a report of what is said of one signal. Of several states of
// one meaning, any that holds makes it hold.
func (r *reading) report(l *listener, said any) {
	if l.Meaning.isState() {
		said = slices.ContainsFunc(l.of.listeners, func(o *listener) bool { return o.Meaning == l.Meaning && o.holds })
	}
	report, fields, ok := report(r.book.Vocabulary, r.device, l.Meaning, said)
	if !ok || r.otherwise(l) {
		return
	}
	switch {
	case occurs(report.Type):
		r.occurrence(l, report, fields, said == true)
	case !l.Once: // a state that nobody takes back is none
		r.state(report, fields)
	}
}

// otherwise tells whether the device says better elsewhere what l says: its
// battery in percent, or, where only the fault is known, that it is low.
func (r *reading) otherwise(l *listener) bool {
	percents := r.book.Vocabulary.Reports(r.device.Kind, wearable.TypeBattery)
	return slices.ContainsFunc(l.of.listeners, func(o *listener) bool {
		return l.Meaning == BatteryLow && o.Meaning == Battery && percents && o.Topic != l.Topic ||
			l.Meaning == Battery && o.Meaning == BatteryLow && !percents
	})
}

// occurrence adds what happened, or whether it still goes on.
func (r *reading) occurrence(l *listener, report devices.Report, fields data, on bool) {
	if r.retained || l.Once && slices.ContainsFunc(r.reports, func(o devices.Report) bool { return o.Type == report.Type && o.Held == nil }) {
		return
	}
	if !l.Once {
		report.Held, report.Instance = &on, l.Name
	}
	if object, ok := r.message.json.(map[string]any); ok {
		if at := lenient.Moment(object["last_seen"]); at.Year() > 2000 {
			report.Observed = at
		}
	}
	report.Data = fields.json()
	r.reports = append(r.reports, report)
	r.keys = append(r.keys, "")
}

// state adds how things are, once for each type and code.
func (r *reading) state(report devices.Report, fields data) {
	key := string(report.Type) + "/" + fields.Code
	if known := r.fields[key]; known != nil {
		known.Low = known.Low || fields.Low
		known.Percent = cmp.Or(known.Percent, fields.Percent)
		known.Cleared = known.Cleared && fields.Cleared
		return
	}
	r.fields[key] = &fields
	r.reports = append(r.reports, report)
	r.keys = append(r.keys, key)
}

func (r *reading) finish() []devices.Report {
	for i, key := range r.keys {
		if key != "" {
			r.reports[i].Data = r.fields[key].json()
		}
	}
	return r.reports
}

// eventType is the type of an event that stands in a JSON object.
func eventType(v any) any {
	text, ok := v.(string)
	if !ok || !strings.HasPrefix(text, "{") {
		return v
	}
	if object, ok := newMessage([]byte(text)).json.(map[string]any); ok {
		return object["event_type"]
	}
	return v
}
