package control

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// Duty is who stands by, and what is wrong with the rota of the coming days.
type Duty struct {
	Now   []alert.Standing `json:"now"`
	Flaws []alert.Flaw     `json:"flaws"`
	// Without are the caregivers who cannot be reached at all.
	Without []string `json:"without"`
	// Nobody is set while not one of them can.
	Nobody bool `json:"nobody"`
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
		reach := c.Alerts.Reach()
		answer(w, r, Duty{now, flaws, reach.Without, reach.Nobody, c.Ways()}, nil)
	})
	mux.HandleFunc("GET /v1/silences", func(w http.ResponseWriter, r *http.Request) { answer(w, r, c.Alerts.Silences(), nil) })
	mux.HandleFunc("POST /v1/silences", func(w http.ResponseWriter, r *http.Request) {
		var s alert.Silenced
		if !read(w, r, &s) {
			return
		}
		err := c.silenceable(s)
		if err == nil {
			err = c.Alerts.Silence(r.Context(), s)
		}
		answer(w, r, struct{}{}, err)
	})
	mux.HandleFunc("POST /v1/drill", func(w http.ResponseWriter, r *http.Request) {
		took, failed := c.Alerts.Drill(r.Context())
		answer(w, r, Drilled{took, failed}, nil)
	})
	mux.HandleFunc("GET /v1/rounds", func(w http.ResponseWriter, r *http.Request) { answer(w, r, c.Watch.Rounds(), nil) })
}

// silenceable refuses what nobody has registered: whoever has mistyped an ID
// would believe that it is silent. What is silent already can always be ended.
func (c Config) silenceable(s alert.Silenced) error {
	if s.Minutes == 0 {
		return nil
	}
	people := c.Registry.Snapshot()
	switch what, id, _ := strings.Cut(s.Scope, "/"); what {
	case "elder":
		if _, ok := people.Elders[id]; !ok {
			return texts.Errorf(texts.Desk.Elder, id)
		}
	case "device":
		if _, ok := people.Device(id); !ok && id != devices.GatewayDevice {
			return texts.Errorf(texts.Device.NotRegistered, id)
		}
	case "kind":
		if !slices.Contains(alert.Kinds(), alert.Kind(id)) {
			return texts.Errorf(texts.AlertSilence.NoKind, id, alert.Kinds())
		}
	}
	return nil
}
