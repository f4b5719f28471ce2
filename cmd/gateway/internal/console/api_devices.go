package console

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/linli-edge/gateway/devices/document"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/registry/sheet"
	"github.com/linli-edge/gateway/devices/texts"
)

// The JSON interface of the devices:
//
//	GET    /api/inbox                     {"senders":[registry.Unknown]}
//	POST   /api/inbox/{id}/adopt          a device, as far as it is to be said -> {"device":…,"secret":"…"}
//	POST   /api/inbox/{id}/ignore, block
//	GET    /api/verdicts                  {"senders":[registry.Verdict]}: who is ignored or blocked
//	DELETE /api/verdicts/{id}             takes that back
//	GET    /api/devices                   {"devices":[registry.Device]}
//	GET    /api/devices/{id}              registry.Device
//	PATCH  /api/devices/{id}              the fields to change, {"retired":true}
//	POST   /api/devices/{id}/replace      {"with":"u-…"} -> as adopt
//	POST   /api/devices/{id}/credentials  a new secret -> as adopt
//	POST   /api/devices/{id}/certificate  {"request":"a CSR in PEM"}, or {} -> control.Certified
//	POST   /api/bridges                   {"profile":"zigbee2mqtt"} -> as adopt
//	GET    /api/pairing                   {"left_seconds":300}; POST begins, DELETE ends it
//	POST   /api/import?name=FILE          a file of package sheet, as it is
//	                                      -> {"changes":[sheet.Change],"digest":"…","secrets":{"ID":"…"}};
//	                                      with &dry_run=1 nothing is changed, with
//	                                      &digest=… nothing but what that was of
//
// A secret or key is in this one answer and nowhere else.
func (c *Console) deviceAPI(api func(pattern string, h http.HandlerFunc)) {
	adopted := func(w http.ResponseWriter, r *http.Request, a registry.Adopted, err error) {
		c.apiDid(w, r, struct {
			Device registry.Device `json:"device"`
			Secret string          `json:"secret,omitempty"`
		}{a.Device, a.Secret}, err)
	}
	api("GET /api/inbox", func(w http.ResponseWriter, r *http.Request) {
		c.answer(w, r, http.StatusOK, map[string][]registry.Unknown{"senders": c.Registry.Inbox().List()})
	})
	api("POST /api/inbox/{id}/adopt", func(w http.ResponseWriter, r *http.Request) {
		var d registry.Device
		if c.apiRead(w, r, &d) {
			a, err := c.Registry.Adopt(httpAuthor(r), r.PathValue("id"), d)
			adopted(w, r, a, err)
		}
	})
	for act, block := range map[string]bool{"ignore": false, "block": true} {
		api("POST /api/inbox/{id}/"+act, func(w http.ResponseWriter, r *http.Request) {
			c.apiDid(w, r, struct{}{}, c.Registry.Decide(httpAuthor(r), r.PathValue("id"), block))
		})
	}
	api("GET /api/verdicts", func(w http.ResponseWriter, r *http.Request) {
		c.answer(w, r, http.StatusOK, map[string][]registry.Verdict{"senders": registry.Sorted(c.Registry.Snapshot().Verdicts)})
	})
	api("DELETE /api/verdicts/{id}", func(w http.ResponseWriter, r *http.Request) {
		c.apiDid(w, r, struct{}{}, c.forgive(httpAuthor(r), r.PathValue("id")))
	})
	api("GET /api/devices", func(w http.ResponseWriter, r *http.Request) {
		c.answer(w, r, http.StatusOK, map[string][]registry.Device{"devices": registry.Sorted(c.Registry.Snapshot().Devices)})
	})
	api("GET /api/devices/{id}", func(w http.ResponseWriter, r *http.Request) {
		d, known := c.Registry.Snapshot().Devices[r.PathValue("id")]
		if !known {
			c.apiNotFound(w, r)
			return
		}
		c.answer(w, r, http.StatusOK, d)
	})
	api("PATCH /api/devices/{id}", func(w http.ResponseWriter, r *http.Request) {
		var fields json.RawMessage
		if c.apiRead(w, r, &fields) {
			d, err := c.Registry.Change(httpAuthor(r), r.PathValue("id"), fields)
			c.apiDid(w, r, d, err)
		}
	})
	api("POST /api/devices/{id}/replace", func(w http.ResponseWriter, r *http.Request) {
		var new struct {
			With string `json:"with"`
		}
		if c.apiRead(w, r, &new) {
			a, err := c.Registry.Replace(httpAuthor(r), r.PathValue("id"), new.With)
			adopted(w, r, a, err)
		}
	})
	api("POST /api/devices/{id}/credentials", func(w http.ResponseWriter, r *http.Request) {
		a, err := c.newSecret(httpAuthor(r), r.PathValue("id"))
		adopted(w, r, a, err)
	})
	api("POST /api/devices/{id}/certificate", func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Request string `json:"request"`
		}
		if c.apiRead(w, r, &asked) {
			made, err := c.Certify(httpAuthor(r), r.PathValue("id"), asked.Request)
			c.apiDid(w, r, made, err)
		}
	})
	api("POST /api/bridges", func(w http.ResponseWriter, r *http.Request) {
		var bridge struct {
			Profile string `json:"profile"`
		}
		if c.apiRead(w, r, &bridge) {
			a, err := c.newBridge(httpAuthor(r), bridge.Profile)
			adopted(w, r, a, err)
		}
	})
	api("POST "+importAPI, c.apiImport)
	pairing := func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			c.Registry.Pair(r.Method == http.MethodDelete)
		}
		c.answer(w, r, http.StatusOK, map[string]int{"left_seconds": int((c.Registry.Pairing() + time.Second - 1) / time.Second)})
	}
	api("GET /api/pairing", pairing)
	api("POST /api/pairing", pairing)
	api("DELETE /api/pairing", pairing)
}

// apiImport registers the records of a file, or says what it would change.
func (c *Console) apiImport(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		c.refuse(w, r, http.StatusBadRequest, texts.Sheet.TooLong.In(language(w, r), sheet.MaxFile>>20))
		return
	}
	var done struct {
		Changes []sheet.Change    `json:"changes"`
		Digest  string            `json:"digest"`
		Secrets map[string]string `json:"secrets,omitempty"`
	}
	s, changes, err := sheet.Propose(r.URL.Query().Get("name"), content, c.Registry)
	done.Changes = changes
	if err == nil && r.URL.Query().Get("dry_run") == "" {
		done.Changes, done.Secrets, err = s.Apply(c.Registry, httpAuthor(r), r.URL.Query().Get("digest"))
	}
	done.Digest = sheet.Digest(done.Changes)
	c.apiDid(w, r, done, err)
}

func httpAuthor(r *http.Request) registry.Author { return registry.Author{By: person(r), How: "http"} }

// apiRead reads the document of a request, or says what is wrong with it.
func (c *Console) apiRead(w http.ResponseWriter, r *http.Request, into any) bool {
	err := document.From(r.Body, maxForm, into)
	if err != nil {
		c.refuse(w, r, http.StatusBadRequest, texts.Of(err, language(w, r)))
	}
	return err == nil
}

func (c *Console) apiDid(w http.ResponseWriter, r *http.Request, result any, err error) {
	if err != nil {
		c.refuse(w, r, http.StatusConflict, texts.Of(err, language(w, r)))
		return
	}
	c.answer(w, r, http.StatusOK, result)
}
