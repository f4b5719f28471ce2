package devices

import (
	"cmp"
	"crypto/sha256"
	"errors"
)

// Sender names a sender that is not registered: "u-" and ten characters that
// depend on nothing but its bridge, what that calls it and its profile.
func (c Contact) Sender() string {
	sum := sha256.Sum256([]byte(c.Bridge + "\x00" + c.Profile + "\x00" + c.Address))
	return "u-" + Base32.EncodeToString(sum[:])[:10]
}

// Sender is under which name the device would wait to be registered.
func (d Device) Sender() string {
	return Contact{Bridge: d.Bridge, Address: cmp.Or(d.Address, d.ID)}.Sender()
}

// ManyStrangers is the Device of the calls of those strangers that are too many
// to be told apart.
const ManyStrangers = "u-many"

// StrangerCalled is an urgent event whose Device is a Contact.Sender: a device
// that is not registered calls for help, and nobody knows whose it is.
//
//	{"type":"sos","bridge":"zigbee-1","address":"0x00158d0001abcdef","model":"Tuya TS0215A_sos"}
type StrangerCalled struct {
	// Type is what the call would be of a registered device: "sos", "smoke".
	Type Type `json:"type"`
	// Bridge speaks for it, "" if it speaks for itself.
	Bridge string `json:"bridge,omitempty"`
	// Address is what the bridge calls it, "" if that might be somebody's name:
	// only codes are told.
	Address string `json:"address,omitempty"`
	Model   string `json:"model,omitempty"`
}

// TypeStrangerCalled is the type of StrangerCalled.
const TypeStrangerCalled Type = "stranger.called"

// EventType is "stranger.called".
func (StrangerCalled) EventType() Type { return TypeStrangerCalled }

// Validate wants to know what the call is.
func (s StrangerCalled) Validate() error {
	if s.Type == "" {
		return errors.New("type: missing")
	}
	return nil
}
