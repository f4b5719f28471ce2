// Package wearable is what an elder wears or presses: SOS button, fall
// detector, bracelet.
package wearable

import (
	"fmt"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
)

// Kind of a wearable.
const Kind devices.Kind = "wearable"

// Event types of a wearable.
const (
	TypeSOS  devices.Type = "sos"
	TypeFall devices.Type = "fall"
	// TypeFallCancelled follows a fall.
	TypeFallCancelled devices.Type = "fall_cancelled"
	TypeVitals        devices.Type = "vitals"
	TypeBattery       devices.Type = "battery"
	TypeWorn          devices.Type = "worn"
	TypePosition      devices.Type = "position"
	TypeSteps         devices.Type = "steps"
	TypeStatus        devices.Type = "status"
)

// SOS: somebody pressed for help. {}.
type SOS struct{}

// Fall: the device believes its wearer fell. {"lying":true} if it also sees
// that nobody got up.
type Fall struct {
	Lying bool `json:"lying,omitempty"`
}

// FallCancelled: the wearer says that it was no fall. {}.
type FallCancelled struct{}

// Vitals holds what the device measured; what it did not is absent.
// {"heart_rate":72,"spo2":97,"systolic":128,"diastolic":81,"celsius":36.6}
// in beats a minute, percent, mmHg, mmHg, degrees.
type Vitals struct {
	HeartRate *int     `json:"heart_rate,omitempty"`
	SpO2      *int     `json:"spo2,omitempty"`
	Systolic  *int     `json:"systolic,omitempty"`
	Diastolic *int     `json:"diastolic,omitempty"`
	Celsius   *float64 `json:"celsius,omitempty"`
}

// Battery is a level: {"percent":80}, or {"low":true} where the device knows
// no figure.
type Battery struct {
	Percent *int `json:"percent,omitempty"`
	Low     bool `json:"low,omitempty"`
}

// Worn is a level: {"worn":false}.
type Worn struct {
	Worn bool `json:"worn"`
}

// Position in degrees of WGS 84, accuracy in metres:
// {"latitude":32.06,"longitude":118.79,"accuracy":15}.
type Position struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Accuracy  float64 `json:"accuracy,omitempty"`
}

// Steps is a level: how many the wearer has walked today, {"steps":4200}. They
// say that somebody walks about, not how well.
type Steps struct {
	Steps int `json:"steps"`
}

// Status is a level: {"online":true}.
type Status struct {
	Online bool `json:"online"`
}

// Specs are the types that a wearable reports. A fault is as of every kind.
func Specs() []devices.Spec {
	return []devices.Spec{
		devices.SpecFor[SOS](Kind, devices.Urgent),
		devices.SpecFor[Fall](Kind, devices.Urgent),
		devices.SpecFor[FallCancelled](Kind, devices.Urgent),
		devices.SpecFor[Vitals](Kind, devices.Ordinary),
		devices.SpecFor[Battery](Kind, devices.Ordinary),
		devices.SpecFor[Worn](Kind, devices.Ordinary),
		devices.SpecFor[Position](Kind, devices.Ordinary),
		devices.SpecFor[Steps](Kind, devices.Ordinary),
		devices.SpecFor[Status](Kind, devices.Ordinary),
		devices.SpecFor[condition.Fault](Kind, devices.Ordinary),
	}
}

func (SOS) EventType() devices.Type           { return TypeSOS }
func (Fall) EventType() devices.Type          { return TypeFall }
func (FallCancelled) EventType() devices.Type { return TypeFallCancelled }
func (Vitals) EventType() devices.Type        { return TypeVitals }
func (Battery) EventType() devices.Type       { return TypeBattery }
func (Worn) EventType() devices.Type          { return TypeWorn }
func (Position) EventType() devices.Type      { return TypePosition }
func (Steps) EventType() devices.Type         { return TypeSteps }
func (Status) EventType() devices.Type        { return TypeStatus }

func (SOS) Validate() error           { return nil }
func (Fall) Validate() error          { return nil }
func (FallCancelled) Validate() error { return nil }
func (Worn) Validate() error          { return nil }
func (Status) Validate() error        { return nil }

func (p Vitals) Validate() error {
	for _, v := range []struct {
		name     string
		value    *int
		min, max int
	}{
		{"heart_rate", p.HeartRate, 0, 350},
		{"spo2", p.SpO2, 0, 100},
		{"systolic", p.Systolic, 0, 350},
		{"diastolic", p.Diastolic, 0, 300},
	} {
		if v.value != nil && (*v.value < v.min || *v.value > v.max) {
			return fmt.Errorf("%s: must be %d to %d (got %d)", v.name, v.min, v.max, *v.value)
		}
	}
	if p.Celsius != nil && (*p.Celsius < 20 || *p.Celsius > 50) {
		return fmt.Errorf("celsius: must be 20 to 50 (got %g)", *p.Celsius)
	}
	if p == (Vitals{}) {
		return fmt.Errorf("data: must hold at least one of heart_rate, spo2, systolic, diastolic, celsius")
	}
	return nil
}

// Validate refuses a battery of 255 %, which some devices send for "unknown".
func (p Battery) Validate() error {
	if p.Percent != nil && (*p.Percent < 0 || *p.Percent > 100) {
		return fmt.Errorf("percent: must be 0 to 100 (got %d)", *p.Percent)
	}
	return nil
}

func (p Position) Validate() error {
	switch {
	case p.Latitude < -90 || p.Latitude > 90:
		return fmt.Errorf("latitude: must be -90 to 90 (got %g)", p.Latitude)
	case p.Longitude < -180 || p.Longitude > 180:
		return fmt.Errorf("longitude: must be -180 to 180 (got %g)", p.Longitude)
	case p.Accuracy < 0:
		return fmt.Errorf("accuracy: must not be negative (got %g)", p.Accuracy)
	}
	return nil
}

// Validate wants what somebody can walk in a day.
func (p Steps) Validate() error {
	if p.Steps < 0 || p.Steps > 200_000 {
		return fmt.Errorf("steps: must be 0 to 200000 (got %d)", p.Steps)
	}
	return nil
}

func (Battery) Level() string { return "" }
func (Worn) Level() string    { return "" }
func (Steps) Level() string   { return "" }
func (Status) Level() string  { return "" }
