package console

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
)

const (
	feedSize  = 50
	feedRetry = 5 * time.Second // after the journal could not be read
)

// feed holds the last events. They are put in words when somebody looks: most
// are pushed out before that. The zero value is empty.
type feed struct {
	mu    sync.Mutex
	items []*item // newest last
	// people are those of the items that are not in words yet.
	people   *registry.Snapshot
	rejected rejected
}

// item is an event, and what is shown of it in both languages once it is said.
type item struct {
	event  devices.Event // without Data once it is said
	said   bool
	zh, en eventView
}

// eventView is a line of the live events.
type eventView struct {
	At    string
	Glyph string // one character that stands for the kind
	Tone  string // "alarm", "warn", "good" or ""
	Who   string // device, and where it is
	What  string
}

// rejected is what is known of reports that could not be used.
type rejected struct {
	count  int
	sender string // of the latest
}

// follow reads the journal from the last events on until ctx ends.
func (f *feed) follow(ctx context.Context, c *Console) {
	var at journal.Position
	for _, chain := range []journal.Chain{journal.Ordinary, journal.Urgent} {
		if last := c.Journal.Last(chain); last > feedSize {
			at[chain] = last - feedSize
		}
	}
	began := c.Clock()
	for ctx.Err() == nil {
		for e, err := range c.Journal.Tail(ctx, at) {
			if err != nil {
				c.Logger.Error("live events", "error", err)
				break
			}
			at[e.Chain] = e.Seq
			f.add(e.Event, c, began)
		}
		retry := time.NewTimer(feedRetry)
		select {
		case <-ctx.Done():
		case <-retry.C:
		}
		retry.Stop()
	}
}

// add puts an event behind those that were received before it: at first the
// chains are read one after the other.
func (f *feed) add(e devices.Event, c *Console, began devices.Stamp) {
	people := c.Registry.Snapshot()
	f.mu.Lock()
	defer f.mu.Unlock()
	if people != f.people {
		f.say() // by what was known when they came
		f.people = people
	}
	if e.Type == (devices.Rejected{}).EventType() {
		if age, ok := e.Received.Since(began); ok && age >= 0 {
			f.rejected.count++
			f.rejected.sender = e.Device
		}
	}
	i := len(f.items)
	for i > 0 {
		if later, ok := f.items[i-1].event.Received.Since(e.Received); !ok || later <= 0 {
			break
		}
		i--
	}
	// The one that is pushed out makes room for the one that came.
	var in *item
	if len(f.items) < feedSize {
		in = &item{}
	} else {
		in, f.items, i = f.items[0], slices.Delete(f.items, 0, 1), max(i-1, 0)
	}
	e.Data = append(in.event.Data[:0], e.Data...)
	*in = item{event: e}
	f.items = slices.Insert(f.items, i, in)
}

// say puts in words what is not yet. The caller holds mu.
func (f *feed) say() {
	for _, i := range f.items {
		if i.said {
			continue
		}
		i.zh, i.en = view(i.event, f.people, texts.Chinese), view(i.event, f.people, texts.English)
		i.event.Data, i.said = nil, true
	}
}

// view lists the events, newest first.
func (f *feed) view(lang texts.Lang) []eventView {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.say()
	views := make([]eventView, 0, len(f.items))
	for _, i := range slices.Backward(f.items) {
		if lang == texts.English {
			views = append(views, i.en)
		} else {
			views = append(views, i.zh)
		}
	}
	return views
}

func (f *feed) rejections() rejected {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rejected
}
