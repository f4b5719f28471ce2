package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
)

// Words says in a language whom an event concerns and what happened.
type Words func(e devices.Event, lang texts.Lang) (who, what string)

// Selection chooses entries of the journal.
type Selection struct {
	// Since and Until bound the time at which they were received, as the box
	// knew it then; zero is no bound.
	Since, Until time.Time
	// Devices, Types and Chains are those wanted; none is all.
	Devices, Types, Chains []string
	// Words asks for Line.Who and Line.What.
	Words bool
}

// Query is s in the query of a request.
func (s Selection) Query() string {
	q := url.Values{"device": s.Devices, "type": s.Types, "chain": s.Chains}
	for name, at := range map[string]time.Time{"since": s.Since, "until": s.Until} {
		if !at.IsZero() {
			q.Set(name, at.Format(time.RFC3339Nano))
		}
	}
	if s.Words {
		q.Set("words", "1")
	}
	return q.Encode()
}

func parseSelection(q url.Values) (Selection, error) {
	s := Selection{Devices: q["device"], Types: q["type"], Chains: q["chain"], Words: q.Get("words") != ""}
	for name, at := range map[string]*time.Time{"since": &s.Since, "until": &s.Until} {
		text := q.Get(name)
		if text == "" {
			continue
		}
		var err error
		if *at, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s Selection) wants(e journal.Entry) bool {
	wall := e.Event.Received.Wall
	return (s.Since.IsZero() || !wall.Before(s.Since)) && (s.Until.IsZero() || wall.Before(s.Until)) &&
		(len(s.Devices) == 0 || slices.Contains(s.Devices, e.Event.Device)) &&
		(len(s.Types) == 0 || slices.Contains(s.Types, string(e.Event.Type)))
}

// Export gives fn the entries that are selected among those the journal holds
// now: each chain in order, and between the chains the one first that was
// received first. words may be nil if none are asked for.
func Export(ctx context.Context, j *journal.Journal, s Selection, words Words, lang texts.Lang, fn func(Line) error) error {
	var heads []*head
	for _, which := range []journal.Chain{journal.Urgent, journal.Ordinary} {
		if len(s.Chains) == 0 || slices.Contains(s.Chains, which.String()) {
			heads = append(heads, &head{journal: j, chain: which, last: j.Last(which)})
		}
	}
	for ctx.Err() == nil {
		var first *head
		for _, h := range heads {
			if err := h.fill(); err != nil {
				return err
			}
			if len(h.entries) > 0 && (first == nil || h.entries[0].Event.Received.Wall.Before(first.entries[0].Event.Received.Wall)) {
				first = h
			}
		}
		if first == nil {
			return nil
		}
		e := first.entries[0]
		first.entries = first.entries[1:]
		if !s.wants(e) {
			continue
		}
		line := NewLine(e)
		if s.Words {
			line.Who, line.What = words(e.Event, lang)
		}
		if err := fn(line); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// head is how far a chain has been read.
type head struct {
	journal  *journal.Journal
	chain    journal.Chain
	at, last uint64
	entries  []journal.Entry
}

func (h *head) fill() error {
	if len(h.entries) > 0 || h.at >= h.last {
		return nil
	}
	entries, err := h.journal.Read(h.chain, h.at, 512)
	if err != nil || len(entries) == 0 {
		h.at = h.last
		return err
	}
	h.entries, h.at = entries, entries[len(entries)-1].Seq
	return nil
}

// streamed is one line of an export: an entry, or at the end their number.
type streamed struct {
	*Line
	End *int `json:"end,omitempty"`
}

func (c Config) export(w http.ResponseWriter, r *http.Request) {
	s, err := parseSelection(r.URL.Query())
	if err != nil {
		answer(w, r, nil, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
	out, n := json.NewEncoder(patient{w, http.NewResponseController(w)}), 0
	err = Export(r.Context(), c.Journal, s, c.Words, language(r), func(l Line) error {
		n++
		return out.Encode(streamed{Line: &l})
	})
	if err == nil {
		_ = out.Encode(streamed{End: &n}) // without it the client knows
	}
}

// ErrCut is returned for an export that ended too early.
var ErrCut = errors.New("the stream ended too early")

// Lines asks a gateway for an export.
func (c *Client) Lines(ctx context.Context, s Selection, fn func(Line) error) error {
	body, err := c.Stream(ctx, http.MethodGet, "/v1/journal/export?"+s.Query(), nil)
	if err != nil {
		return err
	}
	defer body.Close()
	for in := json.NewDecoder(body); ; {
		var l streamed
		if err := in.Decode(&l); ctx.Err() != nil {
			return context.Cause(ctx)
		} else if err != nil {
			return ErrCut
		}
		if l.End != nil {
			return nil
		}
		if err := fn(*l.Line); err != nil {
			return err
		}
	}
}

func (c Config) backup(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-tar")
	// An archive that was cut short is one that the client refuses.
	_ = c.Backup(r.Context(), patient{w, http.NewResponseController(w)})
}

// stallTimeout is how long a client may stand still before it is let go.
const stallTimeout = time.Minute

// patient writes to a client, as long as that reads.
type patient struct {
	io.Writer
	control *http.ResponseController
}

func (p patient) Write(b []byte) (int, error) {
	// Not every ResponseWriter has deadlines; those of the socket do.
	if err := p.control.SetWriteDeadline(time.Now().Add(stallTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.Writer.Write(b)
}
