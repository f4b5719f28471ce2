package dispatch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/journal"
)

const (
	stateName = "commands"
	bucket    = "commands"

	maxOpen  = 256 // commands under way at once
	maxEnded = 200 // kept after they have ended

	// again is the pause before something that failed is tried once more.
	again = time.Second
	// handing is how long one attempt to send may take.
	handing = 5 * time.Second
	// linger is how long a late answer is looked for.
	linger = 10 * time.Minute
)

// How long a command may take.
const (
	DefaultValid = 30 * time.Second
	MinValid     = time.Second
	MaxValid     = 10 * time.Minute
)

// Options of a Dispatcher; every field is needed but Wired with Strike,
// Logger and Registerer.
type Options struct {
	Clock    devices.Clock
	Profiles *profile.Set
	// Publish sends a message towards a device. An error that is one of
	// devices/mqtt means that it has certainly not left.
	Publish func(ctx context.Context, topic string, payload []byte, qos byte, retain bool) error
	// Wired tells whether a strike of the box's own opens a compartment of a
	// device, and Strike energises it; an error means that it was not. Where none
	// is wired the device opens it itself.
	Wired  func(device string, compartment int) bool
	Strike func(ctx context.Context, device string, compartment int) error
	// Online tells whether a device said last that it is; known is false if it
	// has not said since the start.
	Online     func(device string) (online, known bool)
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// record is a command with what the dispatcher needs to know of it.
type record struct {
	command.Command
	// From is where its answer may begin.
	From journal.Position `json:"from"`
	// Untold are the events that the journal does not have yet.
	Untold []devices.Event `json:"untold,omitempty"`
}

// Dispatcher is the outbox of one box. Its methods may be called at once from
// many goroutines.
type Dispatcher struct {
	Options
	journal  *journal.Journal
	registry *registry.Registry
	state    *journal.State
	results  *prometheus.CounterVec
	resumed  []string    // IDs of what was under way when the file was opened
	fresh    chan string // IDs for Run to carry; has room for all that may be open

	writing sync.Mutex // held while a step is decided and written

	mu      sync.Mutex
	records map[string]record
	changed chan struct{}
}

// Open reads what is under way from its file in the journal's folder. Nothing
// is sent before Run; Close must be called after it.
func Open(j *journal.Journal, r *registry.Registry, o Options) (*Dispatcher, error) {
	if o.Clock == nil || o.Publish == nil || o.Online == nil || o.Profiles == nil {
		return nil, errors.New("open commands: options: Clock, Profiles, Publish and Online must be set")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Dispatcher{
		Options: o, journal: j, registry: r, records: map[string]record{}, changed: make(chan struct{}), fresh: make(chan string, maxOpen),
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_commands_total", Help: "Commands to devices, by what became of them: done, failed, refused (never sent).",
		}, []string{"result"}),
	}
	var err error
	if d.state, err = j.OpenState(stateName); err != nil {
		return nil, fmt.Errorf("open commands: %w", err)
	}
	if err := d.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open commands: %w", err), d.state.Close())
	}
	if o.Registerer != nil {
		open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "linli_commands_open", Help: "Commands to devices that have not ended."},
			func() float64 { return float64(d.open()) })
		if err := errors.Join(o.Registerer.Register(d.results), o.Registerer.Register(open)); err != nil {
			return nil, errors.Join(fmt.Errorf("open commands: %w", err), d.state.Close())
		}
	}
	return d, nil
}

func (d *Dispatcher) load() error {
	return d.state.View(func(tx *journal.Tx) error {
		for id, value := range tx.Ascend(bucket, nil) {
			var r record
			if err := json.Unmarshal(value, &r); err != nil || r.ID != string(id) {
				d.Logger.Error("command left out", "command", string(id), "error", err)
				continue
			}
			d.records[r.ID] = r
			if !r.Over() || len(r.Untold) > 0 {
				d.resumed = append(d.resumed, r.ID)
			}
		}
		return nil
	})
}

// Close lets go of the state file.
func (d *Dispatcher) Close() error { return d.state.Close() }

// Run carries commands until ctx ends. It returns nil; whatever fails meanwhile
// is logged and tried again for as long as the command may take. It can be
// called once.
func (d *Dispatcher) Run(ctx context.Context) error {
	var carrying sync.WaitGroup
	defer carrying.Wait()
	for _, id := range d.resumed {
		carrying.Go(func() {
			for {
				if _, err := d.step(id, command.Command.Restart); err == nil {
					break
				}
				if !clock.Pause(ctx, again) {
					return
				}
			}
			d.carry(ctx, id)
		})
	}
	carrying.Go(func() { d.listen(ctx) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case id := <-d.fresh:
			carrying.Go(func() { d.carry(ctx, id) })
		}
	}
}

// Commands are those under way and the latest that have ended, the newest
// first.
func (d *Dispatcher) Commands() []command.Command {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []command.Command
	for _, r := range slices.SortedFunc(maps.Values(d.records), newestFirst) {
		all = append(all, r.Command)
	}
	return all
}

// Command is the one of that ID.
func (d *Dispatcher) Command(id string) (command.Command, bool) {
	r, ok := d.find(id)
	return r.Command, ok
}

// Changed is closed when any command has come further. Ask for it before
// asking for commands.
func (d *Dispatcher) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

func (d *Dispatcher) find(id string) (record, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.records[id]
	return r, ok
}

func (d *Dispatcher) open() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.records {
		if !r.Over() {
			n++
		}
	}
	return n
}

// newestFirst orders within a boot by the monotonic clock, and boots by what
// their clocks said.
func newestFirst(a, b record) int {
	if d, same := b.Asked.Since(a.Asked); same && d != 0 {
		return cmp.Compare(d, 0)
	} else if same {
		return cmp.Compare(b.ID, a.ID)
	}
	return b.Asked.Wall.Compare(a.Asked.Wall)
}

// step lets a command come further: f decides, and what it decides is on disk
// before anybody sees it. moved tells whether it has; after an error nothing has
// changed.
func (d *Dispatcher) step(id string, f func(command.Command, devices.Stamp) command.Command) (moved bool, err error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	before, ok := d.find(id)
	if !ok {
		return false, nil
	}
	after := before
	after.Command = f(before.Command, d.Clock())
	if after.Phase == before.Phase && after.Reason == before.Reason && after.Since == before.Since {
		return false, nil
	}
	switch {
	case after.Phase == command.PhaseSent && before.Phase == command.PhaseAsked:
		after.From = d.position()
		fallthrough
	case after.Over():
		told, err := after.Told()
		if err != nil {
			return false, err
		}
		after.Untold = append(slices.Clone(before.Untold), told)
	case after.Phase == command.PhaseAsked: // it did not leave: so it says when it does
		after.Untold = slices.DeleteFunc(slices.Clone(before.Untold), func(e devices.Event) bool { return e.Type == command.TypeSent })
	}
	if err := d.write(after); err != nil {
		return false, err
	}
	if after.Over() && !before.Over() {
		d.results.WithLabelValues(string(after.Phase)).Inc()
		d.Logger.Info("command ended", "command", id, "device", after.Device, "action", after.Action, "phase", after.Phase, "reason", after.Reason)
	}
	return true, nil
}

// write puts a record on disk, then into sight.
func (d *Dispatcher) write(r record) error {
	value, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode command: %w", err)
	}
	old := d.superfluous()
	if err := d.state.Update(func(tx *journal.Tx) error {
		tx.Put(bucket, []byte(r.ID), value)
		for _, id := range old {
			tx.Delete(bucket, []byte(id))
		}
		return nil
	}); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records[r.ID] = r
	for _, id := range old {
		delete(d.records, id)
	}
	close(d.changed)
	d.changed = make(chan struct{})
	return nil
}

// superfluous are the oldest commands that have ended, beyond those that are
// kept.
func (d *Dispatcher) superfluous() (ids []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var ended []record
	for _, r := range d.records {
		if r.Over() && len(r.Untold) == 0 {
			ended = append(ended, r)
		}
	}
	if len(ended) <= maxEnded {
		return nil
	}
	slices.SortFunc(ended, newestFirst)
	for _, r := range ended[maxEnded:] {
		ids = append(ids, r.ID)
	}
	return ids
}

func (d *Dispatcher) position() journal.Position {
	var at journal.Position
	for _, which := range []journal.Chain{journal.Ordinary, journal.Urgent} {
		at[which] = d.journal.Last(which)
	}
	return at
}
