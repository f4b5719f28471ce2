package devices

// Device is one registered device: who speaks, and for whom.
type Device struct {
	// ID is unique in the registry and is the <device> of the native topics:
	// 1 to 64 of a-z, 0-9, '-', '_' and '.'.
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	Name string `json:"name,omitempty" personal:"true"`
	// Facility is the ID of the facility that the device belongs to, "" for a
	// wearable.
	Facility string `json:"facility,omitempty"`
	// Elder is the ID of the elder who wears it or sleeps in it, "" for one of
	// nobody's. A home-care bed has both: it is counted at the facility, and
	// calls for the elder.
	Elder string `json:"elder,omitempty"`
	// Compartment is the compartment that a single sensor watches (a door
	// contact glued to one door), 0 for a device that reports its own numbers.
	Compartment int `json:"compartment,omitempty"`
	// Bridge is the ID of the bridge that speaks for the device, "" for one
	// that speaks for itself.
	Bridge string `json:"bridge,omitempty"`
	// Address is what the bridge calls it, as the profile extracts it from
	// topic and payload.
	Address string `json:"address,omitempty"`
	// Profile names the vendor profile of a bridge's traffic. A bridge may
	// speak only on the topics of its profile.
	Profile string `json:"profile,omitempty"`
	// Retired devices are known, and refused.
	Retired bool `json:"retired,omitempty"`
	// Unit counts the times that broken hardware was replaced. The new one
	// numbers its events anew: they are no repetitions of the old one's.
	Unit int `json:"unit,omitempty"`
}

// KindBridge is a gateway of another make (Zigbee2MQTT, ChirpStack): one
// login that speaks for many devices.
const KindBridge Kind = "bridge"

// Directory finds registered devices. Implementations answer from memory: it
// is asked for every message.
type Directory interface {
	// Device returns the device of that ID.
	Device(id string) (Device, bool)
	// Behind returns the device that a bridge calls address.
	Behind(bridge, address string) (Device, bool)
	// Bridges returns the devices of KindBridge.
	Bridges() []Device
}
