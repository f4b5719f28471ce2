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
// is asked a minute later, and one that does not answer again, some times; one
// that cannot is refused, which is counted, and people are told in any case.
func (g *gateway) blockPortions(ctx context.Context) error {
	done := map[string]bool{} // IDs that were asked for, or refused; of this process
	again := time.NewTicker(time.Minute)
	defer again.Stop()
	for ctx.Err() == nil {
		changed, ended, now, current := g.alerts.Changed(), g.orders.Changed(), g.clock(), map[string]bool{}
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
		case <-ended:
		case <-again.C:
		}
	}
	return nil
}

// How long a cabinet has to block a compartment, and how often it is asked: one
// that has not answered within the hour will not.
const (
	blockWithin = 10 * time.Minute
	blockTries  = 6
)

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
	o := orders.Order{
		ID: id, Device: i.Device, Action: orders.Set, Data: orders.Data{Compartment: compartment, Name: orders.Blocked, Value: value}, By: devices.GatewayDevice,
	}
	for try := 1; try <= blockTries; try++ {
		if try > 1 {
			o.ID = fmt.Sprintf("%s-%d", id, try)
		}
		c, err := g.orders.Ask(ctx, o, g.blockWithin)
		var said *texts.Error
		later := []texts.Text{texts.Order.Offline, texts.Order.BridgeOffline, texts.Order.Busy}
		switch {
		case errors.As(err, &said):
			return !slices.Contains(later, said.Text)
		case err != nil, c.Phase == orders.PhaseDone:
			return true
		case !c.Over():
			return false // until it has ended
		case c.Reason != orders.NoAnswer && c.Reason != orders.Expired:
			return true // it does not want to, and people are told
		}
	}
	return true
}
