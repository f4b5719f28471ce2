package console

import (
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
)

// changed says what became of what is registered, and who did it.
func (s *sentence) changed(c registry.Changed) {
	t := texts.Device
	said := map[string]texts.Text{registry.Added: t.SaidAdded, registry.Edited: t.SaidChanged, registry.Removed: t.SaidRemoved}[c.What]
	s.say(said, registry.NameOf(c.Table), c.ID)
	if c.By != "" {
		s.say(t.SaidBy, s.name(c.By))
	}
}
