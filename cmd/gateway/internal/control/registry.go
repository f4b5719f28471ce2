package control

import (
	"encoding/json"
	"net/http"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/document"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
)

// Registered is the answer to the registration of a device.
type Registered struct {
	Device registry.Device `json:"device"`
	// Secret is shown this once; "" if the device already had one.
	Secret string `json:"secret,omitempty"`
}

// RegistryHandler serves the registry:
//
//	GET    /v1/{table}                     all records, by ID
//	PUT    /v1/{table}/{id}                add or replace one
//	DELETE /v1/{table}/{id}                remove one
//	PATCH  /v1/devices/{id}                change the fields that are named
//	POST   /v1/devices/{id}/credentials    a new secret
//	POST   /v1/devices/{id}/replace        {"with":"u-…"}: new hardware
//	GET    /v1/inbox                       []registry.Unknown
//	POST   /v1/inbox/{id}/adopt            a device, as far as it is to be said
//	POST   /v1/inbox/{id}/ignore, block
//	GET    /v1/pairing                     Pairing; POST begins, DELETE ends it
//	POST   /v1/import?name=FILE&dry_run=1  the file -> Imported
//
// table is facilities, devices, elders, caregivers, care, groups, shifts,
// holidays or verdicts.
func RegistryHandler(reg *registry.Registry) http.Handler {
	mux := http.NewServeMux()
	adoption(mux, reg)
	resource(mux, reg, registry.Facilities, func(s *registry.Snapshot) map[string]registry.Facility { return s.Facilities },
		func(r *registry.Facility, id string) { r.ID = id })
	resource(mux, reg, registry.Elders, func(s *registry.Snapshot) map[string]registry.Elder { return s.Elders },
		func(r *registry.Elder, id string) { r.ID = id })
	resource(mux, reg, registry.Caregivers, func(s *registry.Snapshot) map[string]registry.Caregiver { return s.Caregivers },
		func(r *registry.Caregiver, id string) { r.ID = id })
	resource(mux, reg, registry.Cares, func(s *registry.Snapshot) map[string]registry.Care { return s.Cares },
		func(r *registry.Care, id string) { r.ID = id })
	resource(mux, reg, registry.Groups, func(s *registry.Snapshot) map[string]registry.Group { return s.Groups },
		func(r *registry.Group, id string) { r.ID = id })
	resource(mux, reg, registry.Shifts, func(s *registry.Snapshot) map[string]registry.Shift { return s.Shifts },
		func(r *registry.Shift, id string) { r.ID = id })
	resource(mux, reg, registry.Holidays, func(s *registry.Snapshot) map[string]registry.Holiday { return s.Holidays },
		func(r *registry.Holiday, id string) { r.ID = id })
	mux.HandleFunc("GET /v1/devices", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, registry.Sorted(reg.Snapshot().Devices), nil)
	})
	mux.HandleFunc("PUT /v1/devices/{id}", func(w http.ResponseWriter, r *http.Request) {
		var d registry.Device
		if !read(w, r, &d) {
			return
		}
		d.ID = r.PathValue("id")
		result := Registered{Device: d}
		err := reg.UpdateAs(author(r), func(tx *registry.Tx) error {
			if err := tx.Put(d); err != nil || d.Bridge != "" || d.Retired || tx.Before.HasSecret(d.ID) {
				return err
			}
			var err error
			result.Secret, err = tx.Issue(d.ID)
			return err
		})
		answer(w, r, result, err)
	})
	mux.HandleFunc("DELETE /v1/devices/{id}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, struct{}{}, reg.UpdateAs(author(r), func(tx *registry.Tx) error { return tx.Remove(registry.Devices, r.PathValue("id")) }))
	})
	mux.HandleFunc("POST /v1/devices/{id}/credentials", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		var secret string
		err := reg.UpdateAs(author(r), func(tx *registry.Tx) (err error) {
			secret, err = tx.Issue(id)
			return err
		})
		answer(w, r, Registered{Device: registry.Device{Device: devices.Device{ID: id}}, Secret: secret}, err)
	})
	return mux
}

// resource serves one table of records of type R.
func resource[R registry.Record](mux *http.ServeMux, reg *registry.Registry, table registry.Table, all func(*registry.Snapshot) map[string]R, name func(*R, string)) {
	path := "/v1/" + string(table)
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, registry.Sorted(all(reg.Snapshot())), nil)
	})
	mux.HandleFunc("PUT "+path+"/{id}", func(w http.ResponseWriter, r *http.Request) {
		var record R
		if !read(w, r, &record) {
			return
		}
		name(&record, r.PathValue("id"))
		answer(w, r, record, reg.UpdateAs(author(r), func(tx *registry.Tx) error { return tx.Put(record) }))
	})
	mux.HandleFunc("DELETE "+path+"/{id}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, struct{}{}, reg.UpdateAs(author(r), func(tx *registry.Tx) error { return tx.Remove(table, r.PathValue("id")) }))
	})
}

// problem is the body of an answer that is not 200: the message in the
// language that the request asked for.
type problem struct {
	Error string `json:"error"`
}

const maxDocument = 1 << 20 // bytes of a request

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	err := document.From(http.MaxBytesReader(w, r.Body, maxDocument), maxDocument, into)
	if err != nil {
		respond(w, http.StatusBadRequest, problem{texts.Of(err, language(r))})
	}
	return err == nil
}

func answer(w http.ResponseWriter, r *http.Request, result any, err error) {
	if err != nil {
		respond(w, http.StatusConflict, problem{texts.Of(err, language(r))})
		return
	}
	respond(w, http.StatusOK, result)
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	// A client that went away is told nothing.
	_ = json.NewEncoder(w).Encode(body)
}

func language(r *http.Request) texts.Lang { return texts.Parse(r.Header.Get("Accept-Language")) }
