package intake

import (
	"encoding/json"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
)

// Witness hears how registered devices are: see package supervision. Its
// methods return at once.
type Witness interface {
	// Heard: a device, or a bridge, has spoken.
	Heard(device string, at devices.Stamp)
	// Offline: a device was said to have gone, by its will or its bridge.
	Offline(device string, at devices.Stamp)
	// Reported: a device has made a report of that type, with its canonical
	// data.
	Reported(device string, t devices.Type, data json.RawMessage, at devices.Stamp)
	// Dated: a device has told the time, and whether that can be.
	Dated(device string, plausible bool, at devices.Stamp)
}

// nobody is a Witness that does not listen.
type nobody struct{}

func (nobody) Heard(string, devices.Stamp)                                   {}
func (nobody) Offline(string, devices.Stamp)                                 {}
func (nobody) Reported(string, devices.Type, json.RawMessage, devices.Stamp) {}
func (nobody) Dated(string, bool, devices.Stamp)                             {}

// spoke tells the witness that m was of d, and says in reports what it does.
// That a device is offline is no word of its own, nor is what a broker has
// kept.
func (in *Intake) spoke(d devices.Device, m devices.Message, reports []devices.Report) {
	now := in.Clock()
	if saysOffline(reports) {
		in.Witness.Offline(d.ID, now)
	} else if !m.Retained {
		in.Witness.Heard(d.ID, now)
	}
}

func saysOffline(reports []devices.Report) bool {
	for _, r := range reports {
		if r.Type != condition.TypeStatus {
			return false
		}
		var s condition.Status
		if json.Unmarshal(r.Data, &s) != nil || s.Online {
			return false
		}
	}
	return len(reports) > 0
}
