package console

import (
	"encoding/json"
	"net/http"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// The JSON interface. An error is {"error":"…"} in the language of the
// request.

func (c *Console) answer(w http.ResponseWriter, r *http.Request, status int, document any) {
	body, err := json.Marshal(document)
	if err != nil {
		c.Logger.Error("console answer", "path", r.URL.Path, "error", err)
		status, body = http.StatusInternalServerError, []byte(`{"error":"internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	w.Write(append(body, '\n')) // the reader may have gone
}

func (c *Console) refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	c.answer(w, r, status, struct {
		Error string `json:"error"`
	}{message})
}

func (c *Console) denyAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	c.refuse(w, r, http.StatusUnauthorized, texts.Console.LoginNeeded.In(language(w, r)))
}

func (c *Console) apiNotFound(w http.ResponseWriter, r *http.Request) {
	c.refuse(w, r, http.StatusNotFound, texts.Console.NotFound.In(language(w, r)))
}

func (c *Console) apiIncidents(w http.ResponseWriter, r *http.Request) {
	c.answer(w, r, http.StatusOK, struct {
		Incidents []alert.Incident `json:"incidents"`
	}{c.Alerts.Incidents()})
}

func (c *Console) apiAcknowledge(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := committed(r)
	defer cancel()
	c.apiActed(w, r, c.Alerts.Acknowledge(ctx, r.PathValue("id"), person(r), "http"))
}

// apiResolve takes {"cause":"real"}.
func (c *Console) apiResolve(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Cause alert.Cause `json:"cause"`
	}
	if !c.apiRead(w, r, &body) {
		return
	}
	ctx, cancel := committed(r)
	defer cancel()
	c.apiActed(w, r, c.Alerts.Resolve(ctx, r.PathValue("id"), person(r), body.Cause))
}

// apiActed answers with the incidents as they are now.
func (c *Console) apiActed(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		c.refuse(w, r, http.StatusConflict, texts.Of(err, language(w, r)))
		return
	}
	c.apiIncidents(w, r)
}

func (c *Console) apiFigures(w http.ResponseWriter, r *http.Request) {
	c.answer(w, r, http.StatusOK, struct {
		Facilities []Facility `json:"facilities"`
	}{c.Figures()})
}

// apiStatus answers with what the page says of the box and what it warns of.
func (c *Console) apiStatus(w http.ResponseWriter, r *http.Request) {
	lang := language(w, r)
	stats := c.Journal.Stats()
	type follower struct {
		Name string `json:"name"`
		Lag  uint64 `json:"lag"`
	}
	answer := struct {
		Warnings     []string   `json:"warnings"`
		JournalBytes int64      `json:"journal_bytes"`
		Events       uint64     `json:"events"`
		Followers    []follower `json:"followers"`
		Province     *Province  `json:"province,omitempty"`
		Devices      int        `json:"devices"`
		Rejected     int        `json:"rejected"`
		Synchronised bool       `json:"clock_synchronised"`
	}{
		Warnings: c.warnings(lang), Devices: len(c.devicesInUse()), Rejected: c.feed.rejections().count, Synchronised: c.Clock().Synced,
	}
	for _, chain := range stats.Chains {
		answer.JournalBytes += chain.Bytes
		answer.Events += held(chain)
	}
	for _, f := range stats.Followers {
		answer.Followers = append(answer.Followers, follower{f.Name, lag(f)})
	}
	if c.Province != nil {
		p := c.Province()
		answer.Province = &p
	}
	c.answer(w, r, http.StatusOK, answer)
}
