package control

import (
	"encoding/json"
	"net/http"

	"github.com/linli-edge/gateway/devices"
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
//	POST   /v1/devices/{id}/credentials    a new secret
//
// table is facilities, devices, elders or caregivers. gone is called with the
// ID of a device whose secret is no longer valid.
func RegistryHandler(reg *registry.Registry, gone func(device string)) http.Handler {
	mux := http.NewServeMux()
	resource(mux, reg, registry.Facilities, func(s *registry.Snapshot) map[string]registry.Facility { return s.Facilities },
		func(r *registry.Facility, id string) { r.ID = id })
	resource(mux, reg, registry.Elders, func(s *registry.Snapshot) map[string]registry.Elder { return s.Elders },
		func(r *registry.Elder, id string) { r.ID = id })
	resource(mux, reg, registry.Caregivers, func(s *registry.Snapshot) map[string]registry.Caregiver { return s.Caregivers },
		func(r *registry.Caregiver, id string) { r.ID = id })
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
		err := reg.Update(func(tx *registry.Tx) error {
			if err := tx.Put(d); err != nil || d.Bridge != "" || tx.Before.HasSecret(d.ID) {
				return err // a device behind a bridge never logs in
			}
			var err error
			result.Secret, err = tx.Issue(d.ID)
			return err
		})
		if err == nil && d.Retired {
			gone(d.ID)
		}
		answer(w, r, result, err)
	})
	mux.HandleFunc("DELETE /v1/devices/{id}", func(w http.ResponseWriter, r *http.Request) {
		err := reg.Remove(registry.Devices, r.PathValue("id"))
		if err == nil {
			gone(r.PathValue("id"))
		}
		answer(w, r, struct{}{}, err)
	})
	mux.HandleFunc("POST /v1/devices/{id}/credentials", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		secret, err := reg.Issue(id)
		if err == nil {
			gone(id)
		}
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
		answer(w, r, record, reg.Put(record))
	})
	mux.HandleFunc("DELETE "+path+"/{id}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, struct{}{}, reg.Remove(table, r.PathValue("id")))
	})
}

// problem is the body of an answer that is not 200: the message in the
// language that the request asked for.
type problem struct {
	Error string `json:"error"`
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		respond(w, http.StatusBadRequest, problem{texts.Of(err, language(r))})
		return false
	}
	return true
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
