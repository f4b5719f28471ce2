package journal

import (
	"errors"
	"fmt"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// Gap says which events the journal has lost. Of those that were retired before
// their time, because the disk is too small, it is the payload of an event of devices.GatewayDevice, with the ID
// "gap/<chain>/<first>"; of those that a damaged file has lost
// it is part of a [Damage]. The event is urgent, whichever chain it speaks of: a
// gap in the chain that is being given up would be given up with it.
//
//	{"chain":"ordinary","first":1,"last":61440,"count":61440,"unread":1200,
//	 "devices":{"l1":41440,"c7":20000},"from":"2026-03-01T08:00:00Z","to":"2026-03-02T09:30:00Z"}
type Gap struct {
	// Chain is "ordinary" or "urgent"; First and Last are the sequences that
	// are gone, both included.
	Chain string `json:"chain"`
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Count is the number of events among them that could be read when they
	// were counted; Unread is how many of these not every follower had read.
	Count  int `json:"count"`
	Unread int `json:"unread"`
	// Devices counts the events by device, for the first 500 devices; Others
	// counts the rest.
	Devices map[string]int `json:"devices,omitempty"`
	Others  int            `json:"others,omitempty"`
	// Uncertain is set where the end of the chain is lost: First to Last are
	// then the most that it can have held, and not all of them were ever used.
	Uncertain bool `json:"uncertain,omitempty"`
	// From and To are the earliest and latest wall time at which they were
	// received, as the box knew it then; zero if that is not known.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

const maxGapDevices = 500

// TypeGap is the type of a Gap.
const TypeGap devices.Type = "journal.gap"

// EventType is TypeGap.
func (Gap) EventType() devices.Type { return TypeGap }

// Validate wants a range of a chain.
func (g Gap) Validate() error {
	switch {
	case g.Chain != Ordinary.String() && g.Chain != Urgent.String():
		return fmt.Errorf("chain: must be ordinary or urgent (got %.80q)", g.Chain)
	case g.First == 0 || g.Last < g.First:
		return errors.New("first, last: no range")
	}
	return nil
}

// event is g as it is journaled.
func (g Gap) event(now devices.Stamp) (devices.Event, error) {
	e, err := devices.New(devices.GatewayDevice, g)
	e.ID = fmt.Sprintf("gap/%s/%d", g.Chain, g.First)
	e.Received, e.Urgency = now, devices.Urgent
	return e, err
}

// count adds an entry to the gap.
func (g *Gap) count(e Entry, read uint64) {
	g.Count++
	if e.Seq > read {
		g.Unread++
	}
	if _, known := g.Devices[e.Event.Device]; known || len(g.Devices) < maxGapDevices {
		g.Devices[e.Event.Device]++
	} else {
		g.Others++
	}
	wall := e.Event.Received.Wall
	if g.From.IsZero() || wall.Before(g.From) {
		g.From = wall
	}
	if wall.After(g.To) {
		g.To = wall
	}
}
