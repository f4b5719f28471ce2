package console

import (
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/supervision"
	"github.com/linli-edge/gateway/devices/texts"
)

// mostNamed is how many devices a warning names.
const mostNamed = 5

// findings warns of what is found of the devices, one line each.
func (c *Console) findings(lang texts.Lang) []string {
	if c.Health == nil {
		return nil
	}
	people := c.Registry.Snapshot()
	named, counts := map[devices.Type][]string{}, map[devices.Type]int{}
	for _, d := range c.devicesInUse() {
		for _, t := range c.Health(d.ID).Found {
			if counts[t]++; counts[t] <= mostNamed {
				named[t] = append(named[t], who(devices.Event{Device: d.ID}, d.Device, true, people, lang))
			}
		}
	}
	var lines []string
	for _, t := range supervision.Types() {
		if n := counts[t]; n > 0 {
			names := strings.Join(named[t], texts.ConsoleEvents.Comma.In(lang))
			if n > mostNamed {
				names += "…"
			}
			lines = append(lines, texts.Supervision.Warn.In(lang, texts.Findings[string(t)].Begun, n, names))
		}
	}
	return lines
}
