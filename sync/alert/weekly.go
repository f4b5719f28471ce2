package alert

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// Week is how a week's incidents of one kind and device went. Kind or Device
// is "" for all of them.
type Week struct {
	// Week is that of ISO 8601 in which they were raised, "2026-W48".
	Week   string `json:"week"`
	Kind   Kind   `json:"kind,omitempty"`
	Device string `json:"device,omitempty"`
	// Incidents were raised, Acknowledged of them taken by a human, Arrived
	// says how often somebody was there.
	Incidents    int `json:"incidents"`
	Acknowledged int `json:"acknowledged"`
	Arrived      int `json:"arrived"`
	// Within60 and Within180 were acknowledged within so many seconds.
	Within60  int `json:"within_60s"`
	Within180 int `json:"within_180s"`
	// AckMedian and Ack95 are seconds until the acknowledgement, ArriveMedian
	// until somebody was there; 0 if nobody knows.
	AckMedian    int `json:"ack_median_seconds"`
	Ack95        int `json:"ack_p95_seconds"`
	ArriveMedian int `json:"arrive_median_seconds"`
	// Resolved were closed by a human, False of them with a cause that needed
	// no action.
	Resolved int `json:"resolved"`
	False    int `json:"false_alarms"`
	// Review is set where more than half needed no action: the threshold, or
	// the device, is to be looked at. Nothing is muted by itself.
	Review bool `json:"review,omitempty"`
}

// WeeksShown is how far the weekly figures go back where people read them.
const WeeksShown = 12 * 7 * 24 * time.Hour

// reviewFrom is how many incidents it takes to say so.
const reviewFrom = 4

// course is how one incident went.
type course struct {
	n                  uint64 // the entry that began it
	week               string // "" before the raising is in the ledger
	kind               Kind
	device             string
	raised             devices.Stamp
	acked, arrived     *devices.Stamp
	resolved, needless bool
}

// weekly is how the incidents of the ledger went, as far as it was read for
// that: each entry is read once, however often somebody looks.
type weekly struct {
	sync.Mutex
	read    uint64
	courses map[string]*course // by the incident
}

// learn takes in one entry.
func (w *weekly) learn(e Entry) {
	w.read = e.N
	event, at := devices.Event{Type: e.Type, Data: e.Data}, e.At
	of := func() *course {
		c := w.courses[e.Incident]
		if c == nil {
			c = &course{n: e.N}
			w.courses[e.Incident] = c
		}
		return c
	}
	switch e.Type {
	case TypeRaised:
		p, err := decode[Raised](event)
		if err != nil || p.Round != 1 || p.Kind == Drill {
			return
		}
		c := of()
		year, week := at.Wall.In(zone).ISOWeek()
		c.week, c.kind, c.device, c.raised = fmt.Sprintf("%d-W%02d", year, week), p.Kind, p.Device, at
	case TypeAcknowledged:
		if c := of(); c.acked == nil {
			c.acked = &at
		}
	case TypeOnScene:
		c := of()
		if c.arrived == nil {
			c.arrived = &at
		}
		if c.acked == nil {
			c.acked = &at
		}
	case TypeResolved:
		if p, err := decode[Resolved](event); err == nil {
			c := of()
			c.resolved, c.needless = true, p.Cause != CauseReal
		}
	}
}

// Weeks lists the weeks from the one of since on, newest first: all incidents,
// then by kind and by device.
func (l *Ledger) Weeks(since time.Time) ([]Week, error) {
	l.weekly.Lock()
	defer l.weekly.Unlock()
	if l.weekly.courses == nil {
		l.weekly.courses = map[string]*course{}
	}
	err := l.Each(l.weekly.read+1, func(e Entry) error {
		l.weekly.learn(e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(l.weekly.courses, func(_ string, c *course) bool { return c.n+maxEntries <= l.weekly.read })
	type row struct {
		week, device string
		kind         Kind
	}
	rows := map[row][]*course{}
	for _, c := range l.weekly.courses {
		if c.week == "" || c.raised.Wall.Before(since) {
			continue
		}
		keys := []row{{week: c.week}, {week: c.week, kind: c.kind}}
		if c.device != "" {
			keys = append(keys, row{week: c.week, device: c.device})
		}
		for _, key := range keys {
			rows[key] = append(rows[key], c)
		}
	}
	var list []Week
	for r, cs := range rows {
		list = append(list, weekOf(r.week, r.kind, r.device, cs))
	}
	slices.SortFunc(list, func(a, b Week) int {
		return cmp.Or(cmp.Compare(b.Week, a.Week), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Kind, b.Kind))
	})
	return list, nil
}

func weekOf(week string, kind Kind, device string, cs []*course) Week {
	w := Week{Week: week, Kind: kind, Device: device, Incidents: len(cs)}
	var acks, arrivals []int
	for _, c := range cs {
		if c.acked != nil {
			w.Acknowledged++
			seconds := between(c.raised, *c.acked)
			acks = append(acks, seconds)
			if seconds <= 60 {
				w.Within60++
			}
			if seconds <= 180 {
				w.Within180++
			}
		}
		if c.arrived != nil {
			w.Arrived++
			arrivals = append(arrivals, between(c.raised, *c.arrived))
		}
		if c.resolved {
			w.Resolved++
		}
		if c.needless {
			w.False++
		}
	}
	w.AckMedian, w.Ack95, w.ArriveMedian = quantile(acks, 50), quantile(acks, 95), quantile(arrivals, 50)
	w.Review = w.Resolved >= reviewFrom && 2*w.False > w.Resolved
	return w
}

// between is how many seconds passed, by the monotonic clock within a boot.
func between(from, to devices.Stamp) int {
	d, same := to.Since(from)
	if !same {
		d = to.Wall.Sub(from.Wall)
	}
	return int(max(0, d) / time.Second)
}

func quantile(values []int, percent int) int {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[min(len(values)-1, len(values)*percent/100)]
}

// Of says what the row is about.
func (w Week) Of(lang texts.Lang) string {
	switch {
	case w.Kind != "":
		return w.Kind.Text().In(lang)
	case w.Device != "":
		return w.Device
	}
	return texts.AlertExplain.Total.In(lang)
}

// Advice says what to do about false alarms, "" for nothing.
func (w Week) Advice(lang texts.Lang) string {
	if !w.Review {
		return ""
	}
	return texts.AlertExplain.Review.In(lang)
}

// WriteWeeks writes the rows as CSV, with the names of their JSON fields.
func WriteWeeks(out io.Writer, weeks []Week) error {
	table := csv.NewWriter(out)
	rows := [][]string{{"week", "kind", "device", "incidents", "acknowledged", "arrived", "within_60s", "within_180s",
		"ack_median_seconds", "ack_p95_seconds", "arrive_median_seconds", "resolved", "false_alarms", "review"}}
	for _, w := range weeks {
		row := []string{w.Week, string(w.Kind), w.Device}
		for _, n := range []int{w.Incidents, w.Acknowledged, w.Arrived, w.Within60, w.Within180, w.AckMedian, w.Ack95, w.ArriveMedian, w.Resolved, w.False} {
			row = append(row, strconv.Itoa(n))
		}
		rows = append(rows, append(row, strconv.FormatBool(w.Review)))
	}
	return table.WriteAll(rows)
}
