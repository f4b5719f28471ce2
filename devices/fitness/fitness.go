// Package fitness is the station for fitness tests: it tells that a test was
// done and which, never of whom and never what came of it. A value that a
// station sends is not read, and so is never kept.
package fitness

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
)

// Kind of a station for fitness tests.
const Kind devices.Kind = "fitness"

// TypeTested is the event type of a station, besides its condition.
const TypeTested devices.Type = "test.done"

// tests are those of the national standard for adults and the aged, and what
// stations add to them. It is a closed list, so that no value can be told as
// the name of a test.
var tests = []string{
	"balance", "blood_pressure", "body_composition", "body_size", "bone_density", "choice_reaction", "grip_strength",
	"lung_capacity", "pulse", "push_up", "sit_and_reach", "sit_up", "step_test", "vertical_jump", "other",
}

// Tested: a test was done. {"test":"grip_strength"}; "other" is the default.
type Tested struct {
	Test string `json:"test,omitempty"`
}

// Specs are the types that a station reports.
func Specs() []devices.Spec {
	return append(condition.Specs(Kind), devices.SpecFor[Tested](Kind, devices.Ordinary))
}

// EventType is TypeTested.
func (Tested) EventType() devices.Type { return TypeTested }

// Validate wants a test of the list. Its error does not repeat what it got,
// which may be a value.
func (p Tested) Validate() error {
	if p.Test != "" && !slices.Contains(tests, p.Test) {
		return fmt.Errorf("test: must be one of %s", strings.Join(tests, ", "))
	}
	return nil
}
