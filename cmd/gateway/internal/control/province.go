package control

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/province"
	"github.com/linli-edge/gateway/sync/usage"
)

// Figures is what the commands about the statistics work with.
type Figures struct {
	Usage *usage.Usage
	// Senders are the destinations, none where nothing is sent.
	Senders []*province.Sender
}

// Destination is how the sending to one platform goes.
type Destination struct {
	Name     string             `json:"name"`
	Waiting  int                `json:"rows_waiting"`
	Accepted time.Time          `json:"last_accepted,omitzero"`
	Next     time.Time          `json:"next,omitzero"`
	Error    string             `json:"error,omitempty"`
	SetAside []province.Aside   `json:"set_aside,omitempty"`
	Receipts []province.Receipt `json:"receipts,omitempty"`
}

// Explained is how a figure came about.
type Explained struct {
	usage.Row
	Parts       []ExplainedPart `json:"parts"`
	Numerator   int64           `json:"sum"`
	Denominator int64           `json:"sum_denominator"`
}

// ExplainedPart is what one entry adds.
type ExplainedPart struct {
	Line
	Numerator   int64 `json:"numerator"`
	Denominator int64 `json:"denominator"`
}

// Target names a destination, "" for all, and what is asked of it.
type Target struct {
	To     string `json:"to,omitempty"`
	Period string `json:"period,omitempty"`
	Code   string `json:"code,omitempty"`
}

// figures serves what concerns the statistics.
func (c Config) figures(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/province", func(w http.ResponseWriter, r *http.Request) {
		list := []Destination{}
		for _, s := range c.Figures.Senders {
			d, err := destination(s, language(r))
			if err != nil {
				answer(w, r, nil, err)
				return
			}
			list = append(list, d)
		}
		answer(w, r, list, nil)
	})
	act := func(path string, do func(r *http.Request, s *province.Sender, t Target) (any, error)) {
		mux.HandleFunc("POST /v1/province/"+path, func(w http.ResponseWriter, r *http.Request) {
			var t Target
			if !read(w, r, &t) {
				return
			}
			results := map[string]any{}
			for _, s := range c.Figures.Senders {
				if t.To != "" && t.To != s.Name() {
					continue
				}
				result, err := do(r, s, t)
				if err != nil {
					answer(w, r, nil, err)
					return
				}
				results[s.Name()] = result
			}
			if len(results) == 0 {
				answer(w, r, nil, texts.Errorf(texts.Figures.NoDestination))
				return
			}
			answer(w, r, results, nil)
		})
	}
	act("reconcile", func(r *http.Request, s *province.Sender, t Target) (any, error) {
		return s.Reconcile(r.Context(), t.Period)
	})
	act("resend", func(r *http.Request, s *province.Sender, t Target) (any, error) {
		if err := s.Resend(t.Period); err != nil {
			return nil, err
		}
		return struct{}{}, s.Send(r.Context())
	})
	act("enrol", func(r *http.Request, s *province.Sender, t Target) (any, error) {
		return struct{}{}, s.Enrol(r.Context(), t.Code)
	})
	mux.HandleFunc("GET /v1/usage/explain", func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(r.URL.Query().Get("row"), "/")
		if len(parts) < 3 {
			answer(w, r, nil, texts.Errorf(texts.Figures.BadRow))
			return
		}
		x, err := c.Figures.Usage.Explain(r.Context(), parts[0], parts[1], parts[2])
		if errors.Is(err, usage.ErrNoRow) {
			err = texts.Errorf(texts.Figures.NoRow, strings.Join(parts, "/"))
		}
		result := Explained{Row: x.Row, Numerator: x.Numerator, Denominator: x.Denominator, Parts: []ExplainedPart{}}
		for _, p := range x.Parts {
			line := NewLine(p.Entry)
			line.Who, line.What = c.Words(p.Entry.Event, language(r))
			result.Parts = append(result.Parts, ExplainedPart{line, p.Numerator, p.Denominator})
		}
		answer(w, r, result, err)
	})
}

// latestReceipts is how many of a destination's comparisons are told.
const latestReceipts = 20

func destination(s *province.Sender, lang texts.Lang) (Destination, error) {
	status, err := s.Status()
	d := Destination{Name: status.Name, Waiting: status.Backlog, Accepted: status.LastSuccess, Next: status.Next}
	if err != nil {
		return d, err
	}
	if status.LastError != nil {
		d.Error = texts.Of(status.LastError, lang)
	}
	if d.SetAside, err = s.SetAside(); err != nil {
		return d, err
	}
	d.Receipts, err = s.Receipts("")
	d.Receipts = d.Receipts[max(0, len(d.Receipts)-latestReceipts):]
	return d, err
}
