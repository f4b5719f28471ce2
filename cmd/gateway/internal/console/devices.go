package console

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linli-edge/gateway/cmd/gateway/internal/qrcode"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
)

// inboxView is the devices that speak without being registered.
type inboxView struct {
	Senders []senderView
	Pairing int // minutes, 0 if nobody new is let in
	Full    int // how many there is room for, if there is no more
	// New is how many of them nothing else on the first page tells of, Help is
	// set if one of those calls for help.
	New  int
	Help bool
	// First is set where no device is registered yet.
	First bool
}

type senderView struct {
	ID, Title, Looks, Via, Heard, Says string
	Help                               bool
}

func (c *Console) inboxPanel(lang texts.Lang) inboxView {
	v := inboxView{Pairing: int((c.Registry.Pairing() + time.Minute - 1) / time.Minute), First: len(c.Registry.Snapshot().Devices) == 0}
	called := map[string]bool{} // those whose call is an incident
	for _, i := range c.Alerts.Incidents() {
		if i.Kind == alert.Stranger && i.Phase != alert.PhaseResolved {
			called[i.Device] = true
		}
	}
	all := c.Registry.Inbox().List()
	if len(all) >= registry.MaxUnknown {
		v.Full = registry.MaxUnknown
	}
	for _, u := range all {
		s := c.sender(u, lang)
		v.Senders = append(v.Senders, s)
		if !called[s.ID] && !(s.Help && called[devices.ManyStrangers]) {
			v.New++
			v.Help = v.Help || s.Help
		}
	}
	return v
}

func (c *Console) sender(u registry.Unknown, lang texts.Lang) senderView {
	t := texts.ConsoleDevices
	s := senderView{ID: u.ID, Title: u.Address, Help: u.Help, Says: u.Payload, Via: t.Itself.In(lang), Looks: t.NoLooks.In(lang)}
	switch {
	case u.Profile != "":
		s.Via = t.Bridge.In(lang)
	case u.Bridge != "":
		s.Via = t.Via.In(lang, u.Bridge)
	}
	if len(u.Kinds) > 0 {
		s.Looks = t.LooksLike.In(lang, kindName(u.Kinds[0], lang))
	}
	if u.Model != "" {
		s.Looks += " · " + u.Model
	}
	s.Heard = t.Heard.In(lang, c.moment(u.Last), u.Count)
	return s
}

// kindName is what people call a kind.
func kindName(k devices.Kind, lang texts.Lang) string {
	if known, ok := kinds.Of(k); ok {
		return known.Text.In(lang)
	}
	if k == devices.KindBridge {
		return texts.Kinds.Bridge.In(lang)
	}
	return string(k)
}

// devicesView is the page of the devices.
type devicesView struct {
	Person  string
	Now     int64
	Inbox   inboxView
	Away    []choice // senders that are ignored or blocked
	Makes   []choice // of bridges, if they log in here
	Devices []deviceView
}

// deviceView is a device as it is listed, and as it may be changed.
type deviceView struct {
	registry.Device
	Title, KindName, Where string
	Heard                  string // when, "" if that is not to be said
	Found                  string // what is wrong with it
}

func (c *Console) device(d registry.Device, lang texts.Lang) deviceView {
	v := deviceView{Device: d, Title: cmp.Or(d.Name, d.ID), KindName: kindName(d.Kind, lang)}
	people := c.Registry.Snapshot()
	var where []string
	if f, ok := people.Facilities[d.Facility]; ok {
		where = append(where, f.Name)
	}
	if e, ok := people.Elders[d.Elder]; ok {
		where = append(where, elderName(e))
	}
	if d.Compartment > 0 {
		where = append(where, texts.ConsoleEvents.Compartment.In(lang, d.Compartment))
	}
	for _, place := range []string{d.Room, d.Bed} {
		if place != "" {
			where = append(where, place)
		}
	}
	if d.Retired {
		where = append(where, texts.ConsoleDevices.Retired.In(lang))
	}
	v.Where = strings.Join(where, " · ")
	if c.Health == nil || d.Retired {
		return v
	}
	h := c.Health(d.ID)
	v.Heard = texts.ConsoleDevices.NotHeard.In(lang)
	if h.Heard.Boot != (devices.BootID{}) {
		v.Heard = texts.ConsoleDevices.LastHeard.In(lang, c.moment(h.Heard))
	}
	if h.Percent != nil {
		v.Heard += " · " + texts.ConsoleEvents.Battery.In(lang, *h.Percent)
	}
	var found []string
	for _, t := range h.Found {
		found = append(found, texts.Findings[string(t)].Begun.In(lang))
	}
	v.Found = strings.Join(found, texts.ConsoleEvents.Comma.In(lang))
	return v
}

// moment is when something was, with the day if that was not today.
func (c *Console) moment(at devices.Stamp) string {
	was, now := civil(at.Wall), civil(c.Clock().Wall)
	if was.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return was.Format("15:04")
	}
	return was.Format("01-02 15:04")
}

func elderName(e registry.Elder) string {
	return strings.TrimSpace(strings.Join([]string{cmp.Or(e.Name, e.ID), e.Building, e.Room}, " "))
}

func (c *Console) devicesPage(w http.ResponseWriter, r *http.Request) {
	lang := language(w, r)
	v := devicesView{Person: c.personName(person(r)), Now: c.Clock().Mono.Milliseconds(), Inbox: c.inboxPanel(lang)}
	if c.Login.Host != "" {
		for _, p := range c.Profiles.Profiles() {
			v.Makes = append(v.Makes, choice{Value: p.Name(), Label: p.Title().In(lang)})
		}
	}
	for _, a := range registry.Sorted(c.Registry.Snapshot().Verdicts) {
		how := texts.ConsoleDevices.Ignored
		if a.Blocked {
			how = texts.ConsoleDevices.Blocked
		}
		v.Away = append(v.Away, choice{Value: a.ID, Label: how.In(lang, cmp.Or(a.Address, a.ID))})
	}
	for _, d := range registry.Sorted(c.Registry.Snapshot().Devices) {
		v.Devices = append(v.Devices, c.device(d, lang))
	}
	slices.SortStableFunc(v.Devices, func(a, b deviceView) int {
		switch {
		case a.Retired == b.Retired:
			return 0
		case b.Retired:
			return -1
		}
		return 1
	})
	c.pages.show(w, lang, http.StatusOK, "devices", v)
}

// choice is one of several that a form offers.
type choice struct {
	Value, Label string
	Chosen       bool
}

// formView is a form about one sender or device.
type formView struct {
	Sender  senderView // to be adopted
	Device  deviceView // to be changed
	Kinds   []choice
	Places  []choice // facilities
	Elders  []choice
	Carers  []choice // who may be called first for somebody new
	Senders []choice // that may replace the device
	Itself  bool     // it logs in itself
	Secure  bool     // it does so over TLS, at this box
	People  bool     // it is likely somebody's
	Bridge  bool     // it speaks for others, and stands nowhere
	Unknown bool     // nothing tells its kind
	Fresh   fresh    // what somebody has begun to fill in
	Problem string
}

// fresh is a facility or an elder that is registered together with a device.
type fresh struct{ Place, Elder, Building, Room, Carer string }

func began(r *http.Request) fresh {
	text := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	return fresh{text("new-place"), text("new-elder"), text("new-building"), text("new-room"), text("new-carer")}
}

// records are those that the pressed button asks for; the device is put there.
func (f fresh) records(where string, d *registry.Device) ([]registry.Record, error) {
	if where == "new-facility" && f.Place == "" || where == "new-elder" && f.Elder == "" {
		return nil, texts.Errorf(texts.ConsoleDevices.NoName)
	}
	id := strings.ToLower(rand.Text()[:8]) // never one of before, whose history it would get
	switch where {
	case "new-facility":
		d.Facility = "facility-" + id
		return []registry.Record{registry.Facility{ID: d.Facility, Name: f.Place}}, nil
	case "new-elder":
		d.Elder = "elder-" + id
		e := registry.Elder{ID: d.Elder, Name: f.Elder, Building: f.Building, Room: f.Room}
		if f.Carer != "" {
			e.Caregivers = []string{f.Carer}
		}
		return []registry.Record{e}, nil
	}
	return nil, nil
}

func (c *Console) form(lang texts.Lang, d registry.Device, f fresh) formView {
	v := formView{Device: c.device(d, lang), Itself: d.Bridge == "", Fresh: f}
	people := c.Registry.Snapshot()
	for _, f := range registry.Sorted(people.Facilities) {
		v.Places = append(v.Places, choice{f.ID, f.Name, f.ID == d.Facility})
	}
	for _, e := range registry.Sorted(people.Elders) {
		v.Elders = append(v.Elders, choice{e.ID, elderName(e), e.ID == d.Elder})
	}
	for _, p := range registry.Sorted(people.Caregivers) {
		v.Carers = append(v.Carers, choice{p.ID, p.Name, p.ID == f.Carer})
	}
	return v
}

// offer lists the kinds, first those that a device looks like.
func offer(lang texts.Lang, first []devices.Kind, chosen devices.Kind) (all []choice) {
	offered := slices.Clone(first)
	for _, k := range kinds.Names() {
		if !slices.Contains(offered, k) {
			offered = append(offered, k)
		}
	}
	for _, k := range offered {
		all = append(all, choice{string(k), kindName(k, lang), k == chosen})
	}
	return all
}

// newcomer shows how a sender may be adopted.
func (c *Console) newcomer(w http.ResponseWriter, r *http.Request) {
	c.showNewcomer(w, r, http.StatusOK, "", registry.Device{}, fresh{})
}

// showNewcomer shows the form with what somebody has filled in already.
func (c *Console) showNewcomer(w http.ResponseWriter, r *http.Request, status int, problem string, d registry.Device, f fresh) {
	lang := language(w, r)
	u, ok := c.Registry.Inbox().Find(r.PathValue("id"))
	if !ok {
		http.Redirect(w, r, "/devices", http.StatusSeeOther) // somebody was faster
		return
	}
	v := c.form(lang, d, f)
	v.Sender, v.Problem = c.sender(u, lang), problem
	v.People = len(u.Kinds) > 0 && slices.Contains([]devices.Kind{wearable.Kind, bed.Kind, alarm.Kind, room.Kind}, u.Kinds[0])
	v.Bridge, v.Unknown = u.Profile != "", len(u.Kinds) == 0
	if d.Kind == "" && !v.Unknown {
		d.Kind = u.Kinds[0]
	}
	v.Kinds = offer(lang, u.Kinds, d.Kind)
	c.pages.show(w, lang, status, "newcomer", v)
}

// placed reads where a form says that a device is. An empty number is none.
func placed(r *http.Request) (d registry.Device, err error) {
	text := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	for name, n := range map[string]*int{"compartment": &d.Compartment, "compartments": &d.Compartments} {
		if written := text(name); written != "" {
			var wrong error
			if *n, wrong = strconv.Atoi(written); wrong != nil {
				err = texts.Errorf(texts.ConsoleDevices.NoNumber, written)
			}
		}
	}
	d.Kind, d.Name, d.Facility, d.Elder = devices.Kind(text("kind")), text("name"), text("facility"), text("elder")
	d.Room, d.Bed = text("room"), text("bed")
	return d, err
}

// adopt registers a sender. The button that was pressed says where it is.
func (c *Console) adopt(w http.ResponseWriter, r *http.Request) {
	d, err := placed(r)
	switch table, id, _ := strings.Cut(r.PostFormValue("where"), "/"); table {
	case "facility":
		d.Facility = id
	case "elder":
		d.Elder = id
	}
	f, there := began(r), d
	var beside []registry.Record
	if err == nil {
		beside, err = f.records(r.PostFormValue("where"), &there)
	}
	var a registry.Adopted
	if err == nil {
		a, err = c.Registry.Adopt(pageAuthor(r), r.PathValue("id"), there, beside...)
	}
	if err != nil {
		c.showNewcomer(w, r, http.StatusConflict, texts.Of(err, language(w, r)), d, f)
		return
	}
	c.showSecret(w, r, a, true)
}

// showSecret shows a new login, this once, or the devices if there is none.
// fresh is of a device that was not registered before.
func (c *Console) showSecret(w http.ResponseWriter, r *http.Request, a registry.Adopted, fresh bool) {
	if a.Secret == "" {
		http.Redirect(w, r, "/devices", http.StatusSeeOther)
		return
	}
	lang := language(w, r)
	title := texts.ConsoleDevices.Adopted
	if !fresh {
		title = texts.ConsoleDevices.NewSecretOf
	}
	at := c.loginAt(r)
	c.pages.show(w, lang, http.StatusOK, "secret", secretView{a, title.In(lang, a.Device.ID), at.String(), codeOf(at, a.Device.ID, a.Secret)})
}

// secretView is a new login, and the same as a QR code.
type secretView struct {
	registry.Adopted
	Title string
	At    string        // the address to log in at, "" if that is elsewhere
	Code  template.HTML // "" if there is none
}

// loginAt is where a device logs in, as the person who asks sees this box.
func (c *Console) loginAt(r *http.Request) url.URL {
	at := c.Login
	if at.Host != "" {
		host := r.Host
		if name, _, err := net.SplitHostPort(r.Host); err == nil {
			host = name
		}
		at.Host = net.JoinHostPort(host, at.Port())
	}
	return at
}

// codeOf is a QR code of where a device logs in, and as whom:
// mqtts://locker-east:SECRET@linli.local:8883.
func codeOf(at url.URL, user, secret string) template.HTML {
	at.User = url.UserPassword(user, secret)
	code, err := qrcode.New(at.String())
	if at.Host == "" || err != nil { // too long for one: it stands there as text
		return ""
	}
	return template.HTML(code.SVG()) // nothing in it but numbers
}

// addBridge registers a bridge, and shows its login.
func (c *Console) addBridge(w http.ResponseWriter, r *http.Request) {
	a, err := c.newBridge(pageAuthor(r), r.PostFormValue("profile"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showSecret(w, r, a, true)
}

// newBridge registers a bridge of a make: it may publish what bridges of that
// make do, and nothing else.
func (c *Console) newBridge(by registry.Author, make string) (a registry.Adopted, err error) {
	if err := c.Profiles.Check(make); err != nil {
		return a, err
	}
	err = c.Registry.UpdateAs(by, func(tx *registry.Tx) (err error) {
		id := make
		for n := 2; ; n++ {
			if _, taken := tx.Device(id); !taken {
				break
			}
			id = fmt.Sprintf("%s-%d", make, n)
		}
		a.Device = registry.Device{Device: devices.Device{ID: id, Kind: devices.KindBridge, Profile: make}}
		if err := tx.Put(a.Device); err != nil {
			return err
		}
		a.Secret, err = tx.Issue(id)
		return err
	})
	return a, err
}

// credentials gives a device a new secret, and shows it.
func (c *Console) credentials(w http.ResponseWriter, r *http.Request) {
	a, err := c.newSecret(pageAuthor(r), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showSecret(w, r, a, false)
}

// newSecret gives a device a new secret. Whoever has the old one is out at
// once.
func (c *Console) newSecret(by registry.Author, id string) (a registry.Adopted, err error) {
	err = c.Registry.UpdateAs(by, func(tx *registry.Tx) (err error) {
		a.Device, _ = tx.Device(id)
		a.Secret, err = tx.Issue(id)
		return err
	})
	return a, err
}

// certificate gives a device a certificate instead of its secret: a file with
// its key, which is nowhere else, the certificate, and the box's own.
func (c *Console) certificate(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	made, err := c.Certify(pageAuthor(r), id, "")
	if err != nil {
		c.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", id+".pem"))
	io.WriteString(w, made.Key+made.Certificate+made.Authority) // the reader may have gone
}

func pageAuthor(r *http.Request) registry.Author { return registry.Author{By: person(r), How: "page"} }

// did goes back to the devices, or says what went wrong.
func (c *Console) did(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		c.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/devices", http.StatusSeeOther)
}

func (c *Console) decide(block bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c.did(w, r, c.Registry.Decide(pageAuthor(r), r.PathValue("id"), block))
	}
}

func (c *Console) undo(w http.ResponseWriter, r *http.Request) {
	c.did(w, r, c.forgive(pageAuthor(r), r.PathValue("id")))
}

// forgive lets a sender into the inbox again that was ignored or blocked.
func (c *Console) forgive(by registry.Author, id string) error {
	return c.Registry.UpdateAs(by, func(tx *registry.Tx) error { return tx.Remove(registry.Verdicts, id) })
}

func (c *Console) pair(w http.ResponseWriter, r *http.Request) {
	c.Registry.Pair(r.PostFormValue("stop") != "")
	c.did(w, r, nil)
}

// oneDevice shows how a device may be changed.
func (c *Console) oneDevice(w http.ResponseWriter, r *http.Request) {
	c.showDevice(w, r, http.StatusOK, "", fresh{})
}

func (c *Console) showDevice(w http.ResponseWriter, r *http.Request, status int, problem string, f fresh) {
	lang := language(w, r)
	d, ok := c.Registry.Snapshot().Devices[r.PathValue("id")]
	if !ok {
		c.notFound(w, r)
		return
	}
	v := c.form(lang, d, f)
	v.Problem, v.Bridge, v.Secure = problem, d.Kind == devices.KindBridge, c.Login.Scheme == "mqtts"
	v.Kinds = offer(lang, []devices.Kind{d.Kind}, d.Kind)
	for _, u := range c.Registry.Inbox().List() {
		if u.Bridge != "" {
			v.Senders = append(v.Senders, choice{Value: u.ID, Label: u.Address})
		}
	}
	c.pages.show(w, lang, status, "device", v)
}

// change saves what the form says of a device.
func (c *Console) change(w http.ResponseWriter, r *http.Request) {
	d, err := placed(r)
	f := began(r)
	var beside []registry.Record
	if err == nil {
		beside, err = f.records(r.PostFormValue("where"), &d)
	}
	if err == nil {
		fields := map[string]any{
			"name": d.Name, "kind": d.Kind, "facility": d.Facility, "elder": d.Elder, "compartment": d.Compartment, "compartments": d.Compartments, "room": d.Room, "bed": d.Bed,
		}
		maps.DeleteFunc(fields, func(name string, _ any) bool { // the form of a bridge has few
			return !r.PostForm.Has(name) && r.PostFormValue("where") != "new-"+name
		})
		var document []byte
		if document, err = json.Marshal(fields); err == nil {
			_, err = c.Registry.Change(pageAuthor(r), r.PathValue("id"), document, beside...)
		}
	}
	if err != nil {
		c.showDevice(w, r, http.StatusConflict, texts.Of(err, language(w, r)), f)
		return
	}
	c.did(w, r, nil)
}

func (c *Console) retire(w http.ResponseWriter, r *http.Request) {
	document := `{"retired":true}`
	if r.PostFormValue("undo") != "" {
		document = `{"retired":false}`
	}
	_, err := c.Registry.Change(pageAuthor(r), r.PathValue("id"), []byte(document))
	c.did(w, r, err)
}

func (c *Console) replace(w http.ResponseWriter, r *http.Request) {
	a, err := c.Registry.Replace(pageAuthor(r), r.PathValue("id"), r.PostFormValue("with"))
	if err != nil {
		c.showDevice(w, r, http.StatusConflict, texts.Of(err, language(w, r)), fresh{})
		return
	}
	c.showSecret(w, r, a, false)
}
