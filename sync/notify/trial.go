package notify

import (
	"context"
	"time"

	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/alert"
)

// Trial sends a page that is marked as a test over each channel that somebody
// has, and returns how that ended, by kind. It goes to one person a channel:
// another one each week, and nobody in their quiet hours at local, the
// community's time, if it can be helped.
func (n *Channels) Trial(ctx context.Context, people *registry.Snapshot, local time.Time) map[string]alert.Result {
	_, week := local.ISOWeek()
	results := map[string]alert.Result{}
	for _, kind := range n.kinds() {
		var awake, all []string
		for _, person := range registry.Sorted(people.Caregivers) {
			for _, c := range person.Channels {
				if c.Kind != kind {
					continue
				}
				if all = append(all, c.Address); !person.Quiet.Covers(local) {
					awake = append(awake, c.Address)
				}
			}
		}
		if len(awake) == 0 {
			awake = all
		}
		if len(awake) > 0 {
			results[kind] = n.try(ctx, kind, awake[week%len(awake)], alert.Drill)
		}
	}
	return results
}
