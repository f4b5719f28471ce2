package control

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/registry/sheet"
	"github.com/linli-edge/gateway/devices/texts"
)

// byHeader carries who asks, as the command line knows it.
const byHeader = "Linli-By"

// author is who asks. Whoever may use the socket may do everything: this is
// for the history, not for permission.
func author(r *http.Request) registry.Author {
	by, err := url.QueryUnescape(r.Header.Get(byHeader))
	if err != nil || len(by) > 64 {
		by = ""
	}
	return registry.Author{By: by, How: "command"}
}

// Imported is what a file of records changes, or has changed.
type Imported struct {
	Changes []sheet.Change `json:"changes"`
	// Secrets are the logins of new devices, by ID, shown this once.
	Secrets map[string]string `json:"secrets,omitempty"`
}

// Pairing says whether devices are let in that are not registered.
type Pairing struct {
	// Left is for how many seconds.
	Left int `json:"left_seconds"`
}

// adoption serves what brings devices in, keeps them and lets them go.
func adoption(mux *http.ServeMux, reg *registry.Registry) {
	mux.HandleFunc("GET /v1/inbox", func(w http.ResponseWriter, r *http.Request) { answer(w, r, reg.Inbox().List(), nil) })
	mux.HandleFunc("POST /v1/inbox/{id}/adopt", func(w http.ResponseWriter, r *http.Request) {
		var d registry.Device
		if !read(w, r, &d) {
			return
		}
		a, err := reg.Adopt(author(r), r.PathValue("id"), d)
		answer(w, r, Registered{a.Device, a.Secret}, err)
	})
	for act, block := range map[string]bool{"ignore": false, "block": true} {
		mux.HandleFunc("POST /v1/inbox/{id}/"+act, func(w http.ResponseWriter, r *http.Request) {
			answer(w, r, struct{}{}, reg.Decide(author(r), r.PathValue("id"), block))
		})
	}
	resource(mux, reg, registry.Verdicts, func(s *registry.Snapshot) map[string]registry.Verdict { return s.Verdicts },
		func(r *registry.Verdict, id string) { r.ID = id })
	mux.HandleFunc("PATCH /v1/devices/{id}", func(w http.ResponseWriter, r *http.Request) {
		var document json.RawMessage
		if !read(w, r, &document) {
			return
		}
		d, err := reg.Change(author(r), r.PathValue("id"), document)
		answer(w, r, d, err)
	})
	mux.HandleFunc("POST /v1/devices/{id}/replace", func(w http.ResponseWriter, r *http.Request) {
		var new struct {
			With string `json:"with"`
		}
		if !read(w, r, &new) {
			return
		}
		a, err := reg.Replace(author(r), r.PathValue("id"), new.With)
		answer(w, r, Registered{a.Device, a.Secret}, err)
	})
	mux.HandleFunc("GET /v1/pairing", func(w http.ResponseWriter, r *http.Request) { answer(w, r, pairing(reg), nil) })
	mux.HandleFunc("POST /v1/pairing", func(w http.ResponseWriter, r *http.Request) {
		reg.Pair(false)
		answer(w, r, pairing(reg), nil)
	})
	mux.HandleFunc("DELETE /v1/pairing", func(w http.ResponseWriter, r *http.Request) {
		reg.Pair(true)
		answer(w, r, pairing(reg), nil)
	})
	mux.HandleFunc("POST /v1/import", func(w http.ResponseWriter, r *http.Request) { importSheet(w, r, reg) })
}

func pairing(reg *registry.Registry) Pairing {
	return Pairing{Left: int((reg.Pairing() + time.Second - 1) / time.Second)}
}

// importSheet registers the records of a file, or with ?dry_run=1 says what it
// would do.
func importSheet(w http.ResponseWriter, r *http.Request, reg *registry.Registry) {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, sheet.MaxFile+1))
	if err != nil {
		respond(w, http.StatusBadRequest, problem{texts.Sheet.TooLong.In(language(r), sheet.MaxFile>>20)})
		return
	}
	var done Imported
	s, changes, err := sheet.Propose(r.URL.Query().Get("name"), content, reg)
	done.Changes = changes
	if err == nil && r.URL.Query().Get("dry_run") == "" {
		done.Changes, done.Secrets, err = s.Apply(reg, author(r), "")
	}
	answer(w, r, done, err)
}
