package control

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/linli-edge/gateway/sync/alert"
)

// ledger serves the record of incidents and pages:
//
//	GET /v1/incidents/{id}/explain    why it is as it is, in lines of words
//	GET /v1/ledger                    all entries, as JSON lines
//	GET /v1/ledger/verdict?head=…     whether the chain is whole
//	GET /v1/ledger/weeks              the weekly figures
func (c Config) ledger(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/incidents/{id}/explain", func(w http.ResponseWriter, r *http.Request) {
		lines, err := c.Ledger.Explain(r.Context(), r.PathValue("id"), language(r))
		answer(w, r, lines, err)
	})
	mux.HandleFunc("GET /v1/ledger/verdict", func(w http.ResponseWriter, r *http.Request) {
		v, err := c.Ledger.Verify(r.URL.Query().Get("head"))
		answer(w, r, v, err)
	})
	mux.HandleFunc("GET /v1/ledger/weeks", func(w http.ResponseWriter, r *http.Request) {
		weeks, err := c.Ledger.Weeks(time.Now().Add(-alert.WeeksShown))
		answer(w, r, weeks, err)
	})
	mux.HandleFunc("GET /v1/ledger", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
		out, n := json.NewEncoder(patient{w, http.NewResponseController(w)}), 0
		err := c.Ledger.Each(1, func(e alert.Entry) error {
			n++
			return out.Encode(Recorded{Entry: &e})
		})
		if err == nil {
			_ = out.Encode(Recorded{End: &n}) // without it the client knows
		}
	})
}

// Recorded is one line of the ledger's export: an entry, or at the end their
// number.
type Recorded struct {
	*alert.Entry
	End *int `json:"end,omitempty"`
}
