package control

import (
	"net/http"
	"time"

	"github.com/linli-edge/gateway/sync/alert"
)

// Duty is who stands by, and what is wrong with the rota of the coming days.
type Duty struct {
	Now   []alert.Standing `json:"now"`
	Flaws []alert.Flaw     `json:"flaws"`
	// Without are the caregivers who cannot be reached at all.
	Without []string `json:"without"`
	// Ways are the independent paths by which a call for help can reach
	// somebody, see notify.Channels.Ways.
	Ways []string `json:"ways"`
}

// Drilled is how a drill went.
type Drilled struct {
	Took time.Duration `json:"took_ns"`
	// Failed names what has not answered, by its key in texts.Parts, several
	// with spaces; "" if all did.
	Failed string `json:"failed,omitempty"`
}

// duty serves the rota, the silences and the care rounds:
//
//	GET  /v1/duty               who is on duty, and what is wrong with the rota
//	GET  /v1/silences           those that have not ended
//	POST /v1/silences           silence something for a while, or end that
//	GET  /v1/rounds             who is to be visited
//	POST /v1/drill              a drill, now; the answer is how it went
func (c Config) duty(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/duty", func(w http.ResponseWriter, r *http.Request) {
		now, flaws := c.Alerts.Duty()
		answer(w, r, Duty{now, flaws, c.Alerts.Reach().Without, c.Ways()}, nil)
	})
	mux.HandleFunc("GET /v1/silences", func(w http.ResponseWriter, r *http.Request) { answer(w, r, c.Alerts.Silences(), nil) })
	mux.HandleFunc("POST /v1/silences", func(w http.ResponseWriter, r *http.Request) {
		var s alert.Silenced
		if read(w, r, &s) {
			answer(w, r, struct{}{}, c.Alerts.Silence(r.Context(), s))
		}
	})
	mux.HandleFunc("POST /v1/drill", func(w http.ResponseWriter, r *http.Request) {
		took, failed := c.Alerts.Drill(r.Context())
		answer(w, r, Drilled{took, failed}, nil)
	})
	mux.HandleFunc("GET /v1/rounds", func(w http.ResponseWriter, r *http.Request) { answer(w, r, c.Watch.Rounds(), nil) })
}
