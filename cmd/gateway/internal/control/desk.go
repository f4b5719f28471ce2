package control

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/desk"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/visit"
)

// DeskEntry is what staff enter of services that were given without a code.
type DeskEntry struct {
	// ID makes a repetition harmless.
	ID       string `json:"id"`
	Way      string `json:"way"`
	Count    int    `json:"count"`
	Service  string `json:"service,omitempty"`
	Facility string `json:"facility"`
	By       string `json:"by"`
	// At is when it was, zero for now.
	At time.Time `json:"at,omitzero"`
}

// VisitEntry is a visit that a caregiver enters.
type VisitEntry struct {
	ID    string    `json:"id"`
	Elder string    `json:"elder"`
	By    string    `json:"by"` // the caregiver's ID
	At    time.Time `json:"at,omitzero"`
}

func (c Config) desk(w http.ResponseWriter, r *http.Request) {
	var e DeskEntry
	if !read(w, r, &e) {
		return
	}
	people := c.Registry.Snapshot()
	var err error
	switch _, known := people.Facilities[e.Facility]; {
	case !slices.Contains(desk.Ways(), e.Way):
		err = texts.Errorf(texts.Desk.Way, e.Way, strings.Join(desk.Ways(), ", "))
	case !known:
		err = texts.Errorf(texts.Desk.Facility, e.Facility)
	case devices.CheckID("by", e.By) != nil:
		err = texts.Errorf(texts.Desk.By)
	default:
		err = c.entered(r, "desk", e.ID, e.At, desk.Served{Way: e.Way, Count: e.Count, Service: e.Service, Facility: e.Facility, By: e.By})
	}
	answer(w, r, struct{}{}, err)
}

func (c Config) visit(w http.ResponseWriter, r *http.Request) {
	var e VisitEntry
	if !read(w, r, &e) {
		return
	}
	people := c.Registry.Snapshot()
	_, elder := people.Elders[e.Elder]
	_, caregiver := people.Caregivers[e.By]
	var err error
	switch {
	case !elder:
		err = texts.Errorf(texts.Desk.Elder, e.Elder)
	case !caregiver:
		err = texts.Errorf(texts.Desk.Caregiver, e.By)
	default:
		err = c.entered(r, "visit", e.ID, e.At, visit.Visited{Elder: e.Elder, Caregiver: e.By, By: visit.ByPage})
	}
	answer(w, r, struct{}{}, err)
}

// entered records what somebody has entered on the box itself, once for each
// ID.
func (c Config) entered(r *http.Request, what, id string, at time.Time, p devices.Payload) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if err := devices.CheckCode("id", id); err != nil {
		return err
	}
	e, err := devices.New(devices.GatewayDevice, p)
	if err != nil {
		return err
	}
	e.ID, e.Received, e.Observed = what+"/"+id, c.Clock(), at
	// A box that does not know the time is behind: whoever enters it may be
	// right.
	if !at.IsZero() && e.Received.Synced && !e.When().Equal(at) {
		late := texts.Desk.Late
		if at.After(e.Received.Wall) {
			late = texts.Desk.Future
		}
		return texts.Errorf(late, at.Format(time.DateTime))
	}
	return c.Journal.Record(r.Context(), e)
}
