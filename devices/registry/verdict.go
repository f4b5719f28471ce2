package registry

import (
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// Verdicts is the table of the senders that nobody wants to see again.
const Verdicts Table = "verdicts"

// Verdict is what somebody has decided of a sender that is not registered: it
// is ignored, or blocked.
type Verdict struct {
	// ID is that of the sender: see devices.Contact.
	ID      string `json:"id"`
	Bridge  string `json:"bridge,omitempty"`
	Address string `json:"address,omitempty" personal:"true"`
	// Blocked senders can neither be registered, by whatever way, nor paired
	// before that is taken back; ignored ones are only out of sight.
	Blocked bool `json:"blocked,omitempty"`
}

// maxVerdicts bounds the table: somebody presses a button for each.
const maxVerdicts = 2000

func (v Verdict) table() Table  { return Verdicts }
func (v Verdict) id() string    { return v.ID }
func (v Verdict) clone() Record { return v }

func (v Verdict) validate() error {
	if devices.CheckCode("bridge", v.Bridge) != nil && v.Bridge != "" {
		return texts.Errorf(texts.Registry.Code, "bridge", v.Bridge)
	}
	return checkAddress("address", v.Address)
}
