// Package rental is the point where assistive devices are rented: wheelchairs,
// walking frames, beds. What it reports is by the asset: that one went out,
// came in, or cannot be rented.
//
// Who rents it is nobody's business here. [Step] makes rentals of the reports:
// an asset that comes in without having been out is only seen to be in, and
// one that goes out twice has been back in between.
package rental

import (
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/spell"
)

// Kind of a rental point.
const Kind devices.Kind = "rental"

// Event types of a rental point, besides its condition.
const (
	TypeOut       devices.Type = "asset.out"
	TypeIn        devices.Type = "asset.in"
	TypeAvailable devices.Type = "asset.available"
)

// Out: somebody took an asset away. {"asset":"wheelchair-03"}; the asset is
// the operator's code for that one thing.
type Out struct {
	Asset string `json:"asset"`
}

// In: an asset is there, brought back or new. {"asset":"wheelchair-03"}.
type In struct {
	Asset string `json:"asset"`
}

// Available is a level: whether an asset can be rented at all, or is in
// repair, for instance. {"asset":"wheelchair-03","available":false}.
type Available struct {
	Asset     string `json:"asset"`
	Available bool   `json:"available"`
}

// Specs are the types that a rental point reports.
func Specs() []devices.Spec {
	return append(condition.Specs(Kind),
		devices.SpecFor[Out](Kind, devices.Ordinary),
		devices.SpecFor[In](Kind, devices.Ordinary),
		devices.SpecFor[Available](Kind, devices.Ordinary),
	)
}

func (Out) EventType() devices.Type       { return TypeOut }
func (In) EventType() devices.Type        { return TypeIn }
func (Available) EventType() devices.Type { return TypeAvailable }

func (p Out) Validate() error       { return devices.CheckID("asset", p.Asset) }
func (p In) Validate() error        { return devices.CheckID("asset", p.Asset) }
func (p Available) Validate() error { return devices.CheckID("asset", p.Asset) }

// The levels are kept apart by asset.
func (p Available) Level() string { return p.Asset }

// Asset is the asset that a report concerns, "" for the point itself.
func Asset(p devices.Payload) string {
	switch p := p.(type) {
	case Out:
		return p.Asset
	case In:
		return p.Asset
	case Available:
		return p.Asset
	}
	return ""
}

// State is what is remembered of one asset. The zero value is one of which
// nothing is known, taken to be in and available.
type State struct {
	// Rented while it is out, Withdrawn while it is not available.
	Rented    spell.State `json:"rented,omitzero"`
	Withdrawn spell.State `json:"withdrawn,omitzero"`
}

// Levels of a Change.
const (
	LevelRented    = "rented"
	LevelWithdrawn = "withdrawn"
)

// Step is the transition of the report's asset: the state after it, and what
// it amounts to, of either level.
func Step(s State, p devices.Payload, at time.Time) (State, []spell.Change) {
	var changes []spell.Change
	level := LevelRented
	switch p := p.(type) {
	case Out:
		s.Rented, changes = s.Rented.Begin(at, "")
	case In:
		s.Rented, changes = s.Rented.Is(at, false, false)
	case Available:
		s.Withdrawn, changes = s.Withdrawn.Is(at, !p.Available, false)
		level = LevelWithdrawn
	}
	for i := range changes {
		changes[i].Level = level
	}
	return s, changes
}
