// Package supervision is what the gateway finds out about the devices
// themselves, as events of those devices: see [Types].
package supervision
