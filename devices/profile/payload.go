package profile

import (
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/lenient"
)

// environment gives the values of a scope.
func (p *Profile) environment(m devices.Message, captures map[string]any) map[string]any {
	object, list, text := lenient.Decode(m.Payload)
	return map[string]any{
		"payload": object, "list": list, "text": text, "raw": func() []any { return raw(m.Payload) },
		"topic": captures, "setting": p.settings, "retained": m.Retained,
	}
}
