package usage

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/desk"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/sync/journal"
)

// Types of the events of devices.GatewayDevice that are journaled for the
// statistics.
const (
	TypeAlive  devices.Type = "box.alive"
	TypeUplink devices.Type = "box.uplink"
	TypeSynced devices.Type = "box.synced"
)

// Alive says that the box has been running since the last one.
// {"first":true} of a process that has just begun.
type Alive struct {
	First bool `json:"first,omitempty"`
}

// Uplink is a level: whether the platform, or the Internet, can be reached, as
// the latest look at either has shown. {"online":false}.
type Uplink struct {
	Online bool `json:"online"`
}

// Synced says how a round of sending went, in rows. Delays counts those that
// were accepted by the time from their last change: the buckets of sync.delay.
// {"destination":"province","accepted":41,"refused":0,"waiting":0,"revised":2,"delays":[0,0,41,0,0,0,0,0]}.
type Synced struct {
	Destination string  `json:"destination"`
	Accepted    int64   `json:"accepted"`
	Refused     int64   `json:"refused"`
	Waiting     int64   `json:"waiting"`
	Revised     int64   `json:"revised"`
	Delays      []int64 `json:"delays"`
}

// SyncDelays is how many buckets Synced.Delays has.
var SyncDelays = catalogue["sync.delay"].buckets()

// DelayBucket is the bucket of a delay.
func DelayBucket(d time.Duration) int { return catalogue["sync.delay"].bucket(d) }

func (Alive) EventType() devices.Type  { return TypeAlive }
func (Uplink) EventType() devices.Type { return TypeUplink }
func (Synced) EventType() devices.Type { return TypeSynced }

func (Alive) Validate() error  { return nil }
func (Uplink) Validate() error { return nil }
func (s Synced) Validate() error {
	if want := SyncDelays; len(s.Delays) != want {
		return fmt.Errorf("delays: must be %d (got %d)", want, len(s.Delays))
	}
	return nil
}

// Level is "": a box has one.
func (Uplink) Level() string { return "" }

// aliveEvery is how often the box journals that it is running.
const aliveEvery = time.Hour

// Watch journals an Alive at once, each hour, and when ctx ends. So the figures
// know for which time they speak, and levels are added up while nothing
// changes.
func Watch(ctx context.Context, now devices.Clock, recorder devices.Recorder, logger *slog.Logger) error {
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for first := true; ; first = false {
		if err := Record(context.WithoutCancel(ctx), now(), recorder, Alive{First: first}); err != nil {
			logger.Warn("alive not recorded", "error", err)
		}
		if ctx.Err() != nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// Record journals something that the box itself says for the statistics.
func Record(ctx context.Context, at devices.Stamp, recorder devices.Recorder, p devices.Payload) error {
	e, err := devices.New(devices.GatewayDevice, p)
	if err != nil {
		return err
	}
	e.ID = fmt.Sprintf("%s/%s/%d", p.EventType(), at.Boot, at.Mono)
	e.Received = at
	return recorder.Record(ctx, e)
}

// What the alerts journal, see sync/alert. It is read as it stands in the
// journal: the two do not know each other.
const (
	typeRaised       devices.Type = "incident.raised"
	typeAcknowledged devices.Type = "incident.acknowledged"
	typeResolved     devices.Type = "incident.resolved"

	causeReal = "real"
)

// told is what is read of the box's own events.
type told struct {
	First    bool   `json:"first"`
	Online   bool   `json:"online"`
	Incident string `json:"incident"`
	Kind     string `json:"kind"`
	Device   string `json:"device"`
	Cause    string `json:"cause"`
}

// own folds an event of the box itself.
func (b *batch) own(e devices.Event, at, received clock.Moment) error {
	switch e.Type {
	case journal.TypeGap, journal.TypeDamage:
		return b.lost(e, at)
	case TypeSynced:
		return b.synced(e, at)
	case desk.TypeServed, visit.TypeVisited:
		return b.entered(e, at, received)
	}
	var p told
	if err := json.Unmarshal(e.Data, &p); err != nil {
		b.tally.malformed++
		return nil
	}
	switch e.Type {
	case TypeAlive:
		return b.alive(p.First, e.Received, received)
	case TypeUplink:
		return b.offline(!p.Online, e.Received, received)
	case typeRaised, typeAcknowledged, typeResolved:
		return b.incident(e.Type, p, at)
	}
	return nil
}

// lost counts the records that nobody had counted before they were lost.
func (b *batch) lost(e devices.Event, at clock.Moment) error {
	var n int64
	if e.Type == journal.TypeGap {
		g, err := devices.Decode[journal.Gap](e)
		if err != nil {
			b.tally.malformed++
			return nil
		}
		n = int64(g.Unread)
	} else {
		d, err := devices.Decode[journal.Damage](e)
		if err != nil {
			b.tally.malformed++
			return nil
		}
		most, _ := d.Lost()
		n = int64(most)
	}
	return b.emit(devices.GatewayDevice, at, clock.Moment{}, count{Code: "box.lost", N: n})
}

// entered counts what staff entered on the box, which speaks for them.
func (b *batch) entered(e devices.Event, at, received clock.Moment) error {
	d := placed{place: devices.GatewayDevice, received: received, stamp: e.Received}
	d.ID, d.Kind = devices.GatewayDevice, desk.Kind
	if e.Type == visit.TypeVisited {
		d.Kind = visit.Kind
	}
	payload, _, err := vocabulary.Parse(d.Kind, e.Type, e.Data)
	if err != nil {
		b.tally.malformed++
		return nil
	}
	return folds[d.Kind](b, d, payload, at)
}

func (b *batch) synced(e devices.Event, at clock.Moment) error {
	s, err := devices.Decode[Synced](e)
	if err == nil {
		err = s.Validate()
	}
	if err != nil {
		b.tally.malformed++
		return nil
	}
	counts := []count{{Code: "sync.rows", N: s.Accepted, Of: s.Accepted + s.Refused + s.Waiting}, {Code: "sync.revisions", N: s.Revised}}
	for i, n := range s.Delays {
		if n > 0 {
			counts = append(counts, count{Code: "sync.delay", N: n, Bucket: i + 1})
		}
	}
	return b.emit(devices.GatewayDevice, at, clock.Moment{}, counts...)
}

// ofThings are the kinds of incident that are about devices, routines and the
// box, and not about somebody in need: no alerts in the sense of the statistics.
var ofThings = []string{
	"round_due", "food", "door_ajar", "unclaimed", "faulty", "tamper", "silent",
	"loss", "box_off", "clock_off", "disk_full", "path_down", "drill",
	"stranger", // of nobody here, until it is adopted
}

// AlertCode is the indicator that counts incidents of a kind, "" where none
// does. It does not know every kind that anybody may make up.
func AlertCode(kind string) (code string, known bool) {
	if slices.Contains(ofThings, kind) {
		return "", true
	}
	code = alertPrefix + kind
	i, known := catalogue[code]
	return code, known && i.Fold == Count
}

// incident is what is remembered of one alert. Its thing's Since is when it was
// raised.
type incident struct {
	Place string `json:"place,omitempty"` // "" while it is not known to be one
	// Acknowledged is when a human first said so, Offline that the Internet
	// was away then.
	Acknowledged clock.Moment `json:"acknowledged,omitzero"`
	Offline      bool         `json:"offline,omitempty"`
	// Resolved is when a human closed it, False that nobody was in need.
	Resolved clock.Moment `json:"resolved,omitzero"`
	False    bool         `json:"false,omitempty"`
}

// incident counts an alert. What is told of it comes from both chains, in
// either order, and counts when it is told what it is.
func (b *batch) incident(t devices.Type, p told, at clock.Moment) error {
	s, of, err := thingOf[incident](b, thingIncident, p.Incident)
	if err != nil {
		return err
	}
	acknowledged, resolved := false, false // what is to be counted now
	switch t {
	case typeRaised:
		code, known := AlertCode(p.Kind)
		if !known {
			b.tally.malformed++
		}
		if s.Place != "" || !known || code == "" {
			return nil // raised anew, or about nobody
		}
		s.Place, of.Since = devices.GatewayDevice, at
		if d, ok := b.people.Devices[p.Device]; ok && d.Facility != "" {
			s.Place = d.Facility
		}
		if err := b.emit(s.Place, at, clock.Moment{}, count{Code: code, N: 1}, count{Code: "alert.acknowledged", Of: 1}, count{Code: "alert.offline", Of: 1}); err != nil {
			return err
		}
		acknowledged, resolved = s.Acknowledged != (clock.Moment{}), s.Resolved != (clock.Moment{})
	case typeAcknowledged:
		if s.Acknowledged != (clock.Moment{}) {
			return nil
		}
		its, _, err := thingOf[itself](b, thingBox)
		if err != nil {
			return err
		}
		s.Acknowledged, s.Offline, acknowledged = at, its.Offline, s.Place != ""
	case typeResolved:
		if s.Resolved != (clock.Moment{}) {
			return nil
		}
		s.Resolved, s.False, resolved = at, p.Cause != causeReal, s.Place != ""
	}
	if acknowledged {
		err = b.emit(s.Place, s.Acknowledged, of.Since, count{Code: "alert.acknowledged", N: 1}, count{Code: "alert.offline", N: int64(toInt(s.Offline))})
	}
	if resolved && err == nil {
		err = b.emit(s.Place, s.Resolved, clock.Moment{}, count{Code: "alert.false", N: int64(toInt(s.False)), Of: 1})
	}
	return err
}

// community is what the registry holds. It is asked once for each transaction.
type community interface{ Snapshot() *registry.Snapshot }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
