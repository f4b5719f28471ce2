package simulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Recount is what a journal holds of a run, against what was acknowledged.
type Recount struct {
	// Events and Doors are in the journal; Lost were acknowledged and are not,
	// Twice are there more than once.
	Events, Doors, Lost, Twice int
	// Devices that have lost something, at most ten of them.
	Devices []string
}

// heard is what the journal has of one device.
type heard struct {
	seen   []uint64 // a bit for each number of an event
	vendor bool
	doors  int
}

// Recount reads an export of the journal, JSON lines, and counts by the text
// alone: it knows nothing of what the gateway's code makes of a message.
func (r *Run) Recount(export io.Reader) (Recount, error) {
	byDevice := map[string]*heard{}
	for _, m := range r.members {
		byDevice[m.ID] = &heard{vendor: m.Make != ""}
	}
	var c Recount
	in := json.NewDecoder(export)
	for {
		var line struct {
			Device, Type, ID string
			Received         struct {
				Mono int64
				Boot string
			}
			End *int
		}
		if err := in.Decode(&line); errors.Is(err, io.EOF) {
			return c, errors.New("the journal's export was cut off")
		} else if err != nil {
			return c, fmt.Errorf("the journal's export: %w", err)
		}
		if line.End != nil {
			break
		}
		h := byDevice[line.Device]
		// A gateway on another machine has another boot; its export begins with
		// the run.
		if h == nil || line.Received.Boot == r.began.Boot.String() && line.Received.Mono < int64(r.began.Mono) {
			continue
		}
		number, numbered := strings.CutPrefix(line.ID, "i/"+r.Name+"-")
		n, err := strconv.Atoi(number)
		switch {
		case numbered && err == nil && n > 0 && n < 1<<24:
			for len(h.seen) <= n/64 {
				h.seen = append(h.seen, 0)
			}
			if h.seen[n/64]>>(n%64)&1 == 1 {
				c.Twice++
			}
			h.seen[n/64] |= 1 << (n % 64)
			c.Events++
		case line.Type == "door" && h.vendor:
			h.doors++
			c.Doors++
		}
	}
	for id, s := range r.Said() {
		h, lost := byDevice[id], 0
		for n := 1; n <= s.Events; n++ {
			if n/64 >= len(h.seen) || h.seen[n/64]>>(n%64)&1 == 0 {
				lost++
			}
		}
		if s.Doors > 0 {
			lost += max(0, s.Doors-h.doors)
			c.Twice += max(0, h.doors-s.Doors-1) // the first shuts it
		}
		if c.Lost += lost; lost > 0 && len(c.Devices) < 10 {
			c.Devices = append(c.Devices, fmt.Sprintf("%s (%d)", id, lost))
		}
	}
	return c, nil
}
