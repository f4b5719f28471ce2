package control

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/intake"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/supervision"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/dispatch"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/notify"
)

// Config is what Handler works with; every field is needed.
type Config struct {
	Registry *registry.Registry
	// Broker is nil where somebody else's is used.
	Broker  *mqtt.Broker
	Journal *journal.Journal
	Alerts  *alert.Engine
	Clock   devices.Clock
	Watch   *alert.Watch
	Ledger  *alert.Ledger
	// Commands carries what is asked of devices.
	Commands *dispatch.Dispatcher
	// Certify gives a device a certificate to log in with, for the request in
	// PEM, or for a key made here where that is "".
	Certify func(by registry.Author, device, request string) (Certified, error)
	// Health tells how the devices are.
	Health func() Healths
	// Login makes a login link to the page for a person.
	Login func(name string) (Invitation, error)
	// Door makes the link for the label at an elder's door, anew if renew says
	// so.
	Door   func(by registry.Author, elder string, renew bool) (Invitation, error)
	Status func() Status
	// Words says what an event of the journal means.
	Words   Words
	Figures Figures
	// Backup writes the archive of a backup, in clear: see package backup.
	Backup func(ctx context.Context, w io.Writer) error
	// Tap hands on what bridges send.
	Tap func(ctx context.Context) iter.Seq[intake.Heard]
	// Channels carry pages to people, Ways are the independent paths of these.
	Channels *notify.Channels
	Ways     func() []string
	// Pins is how the box's own lines are; TestOutput switches one of its
	// outputs on for a while.
	Pins       func() Pins
	TestOutput func(ctx context.Context, which int, length time.Duration) error
}

// Pins are the lines that something is wired to.
type Pins struct {
	Inputs  []Pin `json:"inputs"`
	Outputs []Pin `json:"outputs"`
}

// Pin is one of them.
type Pin struct {
	Wire   string `json:"wire"`
	Device string `json:"device,omitempty"`
	Active bool   `json:"active"`
	// Changes were seen since the start, Lost ones were not.
	Changes int `json:"changes"`
	Lost    int `json:"lost"`
	// Problem is why the line is not open, in both languages' order: Chinese,
	// English; empty if it is.
	Problem [2]string `json:"problem"`
}

// Healths is how the devices in use are, by ID, and when that was asked.
type Healths struct {
	Now     devices.Stamp                 `json:"now"`
	Devices map[string]supervision.Health `json:"devices"`
}

// DoorLabel says what to do with the label at a door.
type DoorLabel struct {
	// Renew makes another, and the one that hangs there worth nothing.
	Renew bool `json:"renew,omitempty"`
}

// Invitation is a link to the page: to log in, or of a door.
type Invitation struct {
	// Port is where the page listens; every address of the box leads there.
	Port string `json:"port"`
	// TLSPort is where it listens with TLS, "" if nowhere.
	TLSPort string `json:"tls_port,omitempty"`
	// Path begins with a slash.
	Path string `json:"path"`
	// Valid is for how many seconds, 0 until it is made anew.
	Valid int `json:"valid_seconds,omitempty"`
}

// Status is how the gateway is, in a few figures.
type Status struct {
	Version string `json:"version"`
	Box     string `json:"box"`
	// Up is for how many seconds the daemon has run.
	Up int64 `json:"up_seconds"`
	// NotReady says why a device that speaks now would not be heard, in Chinese
	// and English, empty if it would.
	NotReady      [2]string `json:"not_ready,omitzero"`
	Synchronised  bool      `json:"clock_synchronised"`
	Devices       int       `json:"devices"`
	OpenIncidents int       `json:"open_incidents"`
	// Newcomers speak without being registered.
	Newcomers int `json:"newcomers"`
	// Locked is how many records have personal fields whose key, which should
	// be in the file Key, is missing.
	Locked int    `json:"locked_records,omitempty"`
	Key    string `json:"key,omitempty"`
	// Unreachable is set while nobody could be called for help.
	Unreachable bool `json:"nobody_reachable"`
	// Damaged is how many files were found damaged, Salvaged how many records
	// were rescued from them, Lost how many were not, at most; for as long as
	// somebody has not removed the files from the quarantine.
	Damaged  int    `json:"damaged_files"`
	Salvaged int    `json:"salvaged_records"`
	Lost     uint64 `json:"lost_records"`
	// Findings counts the devices of which something is found, by what: see
	// package supervision.
	Findings map[devices.Type]int `json:"findings,omitempty"`
	// Authority is the fingerprint of the certificate that devices and
	// browsers have to trust, AuthorityDamaged where a key that could not be
	// read was set aside, "" if none was.
	Authority        string `json:"authority"`
	AuthorityDamaged string `json:"authority_damaged,omitempty"`
	// Events are in the journal, Bytes on disk; Waiting rows are not yet at
	// the province, Refused ones were set aside.
	Events  uint64 `json:"events"`
	Bytes   int64  `json:"bytes"`
	Waiting int    `json:"rows_waiting"`
	Refused int    `json:"rows_refused"`
}

// Line is an entry of the journal as it is printed.
type Line struct {
	Chain    string          `json:"chain"`
	Seq      uint64          `json:"seq"`
	Device   string          `json:"device"`
	Type     devices.Type    `json:"type"`
	ID       string          `json:"id"`
	Observed *time.Time      `json:"observed,omitempty"`
	Received devices.Stamp   `json:"received"`
	Data     json.RawMessage `json:"data"`
	// Who and What say the same in words, where that was asked for.
	Who  string `json:"who,omitempty"`
	What string `json:"what,omitempty"`
}

// NewLine is the printed form of an entry.
func NewLine(e journal.Entry) Line {
	l := Line{Chain: e.Chain.String(), Seq: e.Seq, Device: e.Event.Device, Type: e.Event.Type, ID: e.Event.ID, Received: e.Event.Received, Data: e.Event.Data}
	if !e.Event.Observed.IsZero() {
		l.Observed = &e.Event.Observed
	}
	return l
}

// OutputTest is for how long an output is switched on.
type OutputTest struct {
	Milliseconds int `json:"milliseconds"`
}

// Handler serves everything of the package comment.
func Handler(c Config) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/", RegistryHandler(c.Registry))
	mux.Handle("/v1/mqtt/", brokerHandler(c.Broker))
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) { answer(w, r, c.Status(), nil) })
	mux.HandleFunc("POST /v1/login", func(w http.ResponseWriter, r *http.Request) {
		var who struct {
			Name string `json:"name"`
		}
		if read(w, r, &who) {
			link, err := c.Login(who.Name)
			answer(w, r, link, err)
		}
	})
	mux.HandleFunc("POST /v1/doors/{elder}", func(w http.ResponseWriter, r *http.Request) {
		var label DoorLabel
		if read(w, r, &label) {
			link, err := c.Door(author(r), r.PathValue("elder"), label.Renew)
			answer(w, r, link, err)
		}
	})
	mux.HandleFunc("POST /v1/devices/{id}/commands", c.command)
	mux.HandleFunc("POST /v1/desk", c.desk)
	mux.HandleFunc("POST /v1/visits", c.visit)
	mux.HandleFunc("GET /v1/commands", func(w http.ResponseWriter, r *http.Request) { answer(w, r, c.Commands.Commands(), nil) })
	mux.HandleFunc("GET /v1/gpio", func(w http.ResponseWriter, r *http.Request) { answer(w, r, c.Pins(), nil) })
	mux.HandleFunc("POST /v1/gpio/{output}/test", func(w http.ResponseWriter, r *http.Request) {
		var test OutputTest
		if read(w, r, &test) {
			which, err := strconv.Atoi(r.PathValue("output"))
			if err == nil {
				err = c.TestOutput(r.Context(), which-1, time.Duration(test.Milliseconds)*time.Millisecond)
			}
			answer(w, r, struct{}{}, err)
		}
	})
	mux.HandleFunc("GET /v1/health", func(w http.ResponseWriter, r *http.Request) { answer(w, r, c.Health(), nil) })
	mux.HandleFunc("POST /v1/certificates/{device}", c.certify)
	mux.HandleFunc("GET /v1/incidents", func(w http.ResponseWriter, r *http.Request) { answer(w, r, c.Alerts.Incidents(), nil) })
	human := func(act string, do func(ctx context.Context, incident string, h Human) error) {
		mux.HandleFunc("POST /v1/incidents/{id}/"+act, func(w http.ResponseWriter, r *http.Request) {
			var h Human
			if read(w, r, &h) {
				answer(w, r, struct{}{}, do(r.Context(), r.PathValue("id"), h))
			}
		})
	}
	human("acknowledge", func(ctx context.Context, id string, h Human) error {
		return c.Alerts.Acknowledge(ctx, id, h.By, "command")
	})
	human("onscene", func(ctx context.Context, id string, h Human) error { return c.Alerts.Arrive(ctx, id, h.By, "command") })
	human("note", func(ctx context.Context, id string, h Human) error { return c.Alerts.Note(ctx, id, h.By, h.Text) })
	human("handover", func(ctx context.Context, id string, h Human) error { return c.Alerts.HandOver(ctx, id, h.By, h.To) })
	human("resolve", func(ctx context.Context, id string, h Human) error { return c.Alerts.Resolve(ctx, id, h.By, h.Cause) })
	mux.HandleFunc("GET /v1/channels", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, c.Channels.States(c.Registry.Snapshot()), nil)
	})
	mux.HandleFunc("GET /v1/channels/failed", func(w http.ResponseWriter, r *http.Request) { answer(w, r, c.Channels.Failures(), nil) })
	mux.HandleFunc("POST /v1/channels/{kind}/test", func(w http.ResponseWriter, r *http.Request) {
		var to Recipient
		if !read(w, r, &to) {
			return
		}
		address, err := to.address(c.Registry.Snapshot(), r.PathValue("kind"))
		var result alert.Result
		if err == nil {
			result, err = c.Channels.Test(r.Context(), r.PathValue("kind"), address)
		}
		answer(w, r, result, err)
	})
	c.duty(mux)
	c.ledger(mux)
	mux.HandleFunc("GET /v1/journal", func(w http.ResponseWriter, r *http.Request) { answer(w, r, c.Journal.Stats(), nil) })
	mux.HandleFunc("GET /v1/journal/tail", c.tail)
	mux.HandleFunc("GET /v1/capture", c.capture)
	mux.HandleFunc("GET /v1/journal/export", c.export)
	mux.HandleFunc("GET /v1/backup", c.backup)
	c.figures(mux)
	return mux
}

// Human says who acts on an incident, and what the act needs besides.
type Human struct {
	By    string      `json:"by"`
	Cause alert.Cause `json:"cause,omitempty"`
	// Text is that of a note, To is who takes over.
	Text string `json:"text,omitempty"`
	To   string `json:"to,omitempty"`
}

// Recipient is who a trial of a channel goes to: an address, or a caregiver
// who has one.
type Recipient struct {
	Address   string `json:"address,omitempty"`
	Caregiver string `json:"caregiver,omitempty"`
}

func (t Recipient) address(people *registry.Snapshot, kind string) (string, error) {
	if t.Address != "" {
		return t.Address, nil
	}
	for _, c := range people.Caregivers[t.Caregiver].Channels {
		if c.Kind == kind {
			return c.Address, nil
		}
	}
	return "", texts.Errorf(texts.Notify.NotOfKind, t.Caregiver, kind)
}

// capture writes what bridges send until the client hangs up.
func (c Config) capture(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
	flush := http.NewResponseController(w)
	_ = flush.Flush() // the client sees that it is connected
	out := json.NewEncoder(w)
	for h := range c.Tap(r.Context()) {
		if out.Encode(h) != nil || flush.Flush() != nil {
			return // the client hung up
		}
	}
}

// tail writes the last lines of both chains, then what comes.
func (c Config) tail(w http.ResponseWriter, r *http.Request) {
	lines, _ := strconv.ParseUint(r.URL.Query().Get("lines"), 10, 32) // none, if it is no number
	var from journal.Position
	for _, chain := range []journal.Chain{journal.Ordinary, journal.Urgent} {
		if last := c.Journal.Last(chain); last > lines {
			from[chain] = last - lines
		}
	}
	w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
	flush := http.NewResponseController(w)
	_ = flush.Flush() // the client sees that it is connected
	out := json.NewEncoder(w)
	words := r.URL.Query().Get("words") != ""
	for e, err := range c.Journal.Tail(r.Context(), from) {
		line := NewLine(e)
		if err == nil && words {
			line.Who, line.What = c.Words(e.Event, language(r))
		}
		if err != nil || out.Encode(line) != nil || flush.Flush() != nil {
			return // the client hung up, or the journal is closing
		}
	}
}
