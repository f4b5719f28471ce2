package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/linli-edge/gateway/devices"
	orders "github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// blockPortions asks a meal cabinet to keep the compartment shut in which a
// portion has become unsafe, and to release it once that was taken away, until
// ctx ends. Each is asked once, also across a restart: the command's ID follows
// from the incident. A cabinet that is offline, or still busy with the one before,
// is asked a minute later; one that cannot is refused, which is counted, and
// people are told in any case.
func (g *gateway) blockPortions(ctx context.Context) error {
	done := map[string]bool{} // IDs that were asked for, or refused; of this process
	again := time.NewTicker(time.Minute)
	defer again.Stop()
	for ctx.Err() == nil {
		changed, now, current := g.alerts.Changed(), g.clock(), map[string]bool{}
		for _, i := range g.alerts.Incidents() {
			if i.Kind != alert.Food || len(i.Because) == 0 {
				continue
			}
			blocked := i.Phase != alert.PhaseResolved
			if !blocked {
				if ago, same := now.Since(i.Resolved.At); !same || ago > freshAct {
					continue
				}
			}
			id := fmt.Sprintf("blocked-%s-%d-%t", i.ID, i.Round, blocked)
			current[id] = done[id] || g.block(ctx, id, i, blocked)
		}
		done = current
		select {
		case <-ctx.Done():
		case <-changed:
		case <-again.C:
		}
	}
	return nil
}

// block asks for one compartment, and tells whether that is settled.
func (g *gateway) block(ctx context.Context, id string, i alert.Incident, blocked bool) (settled bool) {
	compartment, err := strconv.Atoi(i.Because[0].Of)
	if err != nil {
		return true // of the whole cabinet, which cannot be blocked
	}
	value, err := json.Marshal(blocked)
	if err != nil {
		return true
	}
	_, err = g.orders.Ask(ctx, orders.Order{
		ID: id, Device: i.Device, Action: orders.Set, Data: orders.Data{Compartment: compartment, Name: orders.Blocked, Value: value}, By: devices.GatewayDevice,
	}, 10*time.Minute)
	var said *texts.Error
	later := []texts.Text{texts.Order.Offline, texts.Order.BridgeOffline, texts.Order.Busy}
	return !errors.As(err, &said) || !slices.Contains(later, said.Text)
}
