package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linli-edge/gateway/devices"
	orders "github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/sync/alert"
)

// freshAct is how long after an acknowledgement the elder is still told: later
// it would only puzzle them.
const freshAct = 5 * time.Minute

// tellElders tells the device of whoever called for help that somebody has the
// call, where it can show or sound it, until ctx ends. An acknowledgement is
// told once, also across a restart: the command's ID follows from it.
func (g *gateway) tellElders(ctx context.Context) error {
	done := map[string]bool{} // IDs that were asked for, or refused; of this process
	for ctx.Err() == nil {
		changed := g.alerts.Changed()
		now, current := g.clock(), map[string]bool{}
		for _, i := range g.alerts.Incidents() {
			if i.Phase != alert.PhaseAcknowledged || i.Acknowledged == nil {
				continue
			}
			if ago, same := now.Since(i.Acknowledged.At); !same || ago > freshAct {
				continue
			}
			for _, device := range g.devicesOf(i) {
				id := actID(i, device)
				current[id] = true
				if done[id] {
					continue
				}
				// One that cannot, or is offline, is refused, which is counted.
				_, _ = g.orders.Ask(ctx, orders.Order{
					ID: id, Device: device, Action: orders.Notify, Data: orders.Data{Message: orders.Coming}, By: i.Acknowledged.By,
				}, time.Minute)
			}
		}
		done = current
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
	return nil
}

// devicesOf are those on which a call for help can be answered: of all that
// the elder has, or the one that called.
func (g *gateway) devicesOf(i alert.Incident) []string {
	var ids []string
	for id, d := range g.registry.Snapshot().Devices {
		mine := id == i.Device || i.Elder != "" && d.Elder == i.Elder
		if mine && !d.Retired && orders.Can(d.Kind, orders.Notify) {
			ids = append(ids, id)
		}
	}
	return ids
}

// actID is the same for the same acknowledgement.
func actID(i alert.Incident, device string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%s\n%d\n%s", i.ID, i.Round, i.Acknowledged.At.Boot, i.Acknowledged.At.Mono, device))
	return "coming-" + hex.EncodeToString(sum[:10])
}

// allWell is the message that asks an elder whether all is well.
const allWell = "all_well"

// askElder asks an elder by a device whether all is well, and tells whether the
// device can and is there.
func (g *gateway) askElder(device string) bool {
	_, err := g.orders.Ask(context.Background(), orders.Order{
		Device: device, Action: orders.Notify, Data: orders.Data{Message: allWell}, By: devices.GatewayDevice,
	}, 10*time.Minute)
	return err == nil
}

// freePercent is how much of the disk under a folder is left.
func freePercent(folder string) (int, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil || s.Blocks == 0 {
		return -1, err
	}
	return int(s.Bavail * 100 / s.Blocks), nil
}
