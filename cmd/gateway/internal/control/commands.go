package control

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/linli-edge/gateway/devices/command"
)

// Order is what somebody asks of a device.
type Order struct {
	// ID makes a repetition harmless; "" for one that the gateway gives.
	ID     string         `json:"id,omitempty"`
	Action command.Action `json:"action"`
	Data   command.Data   `json:"data"`
	By     string         `json:"by"`
	// Valid is for how many seconds it may be carried out, 0 for the usual time.
	Valid float64 `json:"valid_seconds,omitempty"`
}

// command takes an order on, and writes the command as it is now, and again
// each time it has come further, until it has ended.
func (c Config) command(w http.ResponseWriter, r *http.Request) {
	var o Order
	if !read(w, r, &o) {
		return
	}
	asked, err := c.Commands.Ask(r.Context(), command.Order{
		ID: o.ID, Device: r.PathValue("id"), Action: o.Action, Data: o.Data, By: o.By,
	}, time.Duration(o.Valid*float64(time.Second)))
	if err != nil {
		answer(w, r, nil, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
	out, flush := json.NewEncoder(w), http.NewResponseController(w)
	for now := asked; ; {
		if out.Encode(now) != nil || flush.Flush() != nil || now.Over() {
			return // or the client hung up
		}
		for told := now.Phase; now.Phase == told; {
			changed := c.Commands.Changed()
			later, known := c.Commands.Command(asked.ID)
			if !known {
				return // forgotten: so many have ended since
			}
			if now = later; now.Phase != told {
				break
			}
			select {
			case <-changed:
			case <-r.Context().Done():
				return
			}
		}
	}
}
