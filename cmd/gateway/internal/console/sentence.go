package console

import (
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
)

// Words says of an event what the page says: who or what it concerns, and what
// happened.
func Words(e devices.Event, people *registry.Snapshot, lang texts.Lang) (who, what string) {
	v := view(e, people, lang)
	return v.Who, v.What
}
