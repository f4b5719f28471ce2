package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/journal"
)

const (
	// patience is how long an alarm or a step may wait for the disk before the
	// pages leave all the same.
	patience = time.Second
	// deadline is how long one attempt at a page may take, grace how much
	// longer its sender may take to notice.
	deadline = 10 * time.Second
	grace    = time.Second
	// company is how long results of pages wait to be written together. They
	// are the one thing here that may be lost: the page is sent again.
	company = 250 * time.Millisecond
	// replay is how long the pages wait, after a start, for what the journal
	// has that the state file does not: there may be an acknowledgement in it.
	replay = 5 * time.Second
	// nap is the longest time between two looks at the clock: the timers of
	// the runtime stand still while the box is suspended, its clock does not.
	nap = 10 * time.Second
	// again is the pause before a write that failed is tried once more.
	again = time.Second
	// atOnce is how many attempts may be under way to one address for calls for
	// help, and how many for all else: neither waits for the other.
	atOnce = 4
)

// Options of an Engine.
type Options struct {
	// Clock is required.
	Clock devices.Clock
	// Senders carry the pages, by the kind of channel. One of the kind
	// LogChannel gets every step besides.
	Senders map[string]Sender
	// Siren sounds while a call for help is unanswered; nil for a box that has
	// none.
	Siren Siren
	// Link gives the address under which a caregiver can acknowledge an
	// incident; nil if there is none.
	Link func(incident, caregiver string) string
	// Steps is how long the box waits for humans.
	Steps Steps
	// Names is set where pages may name who needs help.
	Names bool
	// Logger and Registerer may be nil.
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Engine is the alert path of one box. All its methods may be called at once
// from many goroutines.
type Engine struct {
	options  Options
	journal  *journal.Journal
	registry *registry.Registry
	state    *journal.State
	log      *slog.Logger
	metrics  *metrics
	recorder devices.Submitter // the journal
	disk     func() error      // nil but in tests, where it is a disk that hangs or fails

	// Each of these holds at most one signal.
	wake  chan struct{} // look at the clock
	save  chan struct{} // write what has changed
	later chan struct{} // write it when there is company
	tell  chan struct{} // a decision waits for the journal
	horn  chan struct{} // the siren is to change

	folding handed // of the goroutine that folds

	mu      sync.Mutex
	board   *board
	watched map[string]*watch
	lines   map[line]*traffic
	folded  uint64 // sequence up to which the urgent chain is in the state file
	relearn uint64 // sequence up to which a state file that is lost may have known it
	backlog uint64 // sequence up to which it was there when Run began
	ready   bool   // the backlog has been folded, or took too long
	sound   Sound  // what the siren should play
	changed chan struct{}
	ctx     context.Context // of the attempts; nil unless Run runs
	beat    devices.Stamp   // when schedule last looked at the clock
	began   devices.Stamp   // when Run did
	sends   sync.WaitGroup

	drilling sync.Mutex // held by a drill

	flaws struct { // of the rota, as they were found last; no call waits for it
		sync.Mutex
		people *registry.Snapshot
		at     time.Time
		found  []Flaw
	}
}

// Open reads the state of the incidents from its file in the journal's
// directory. Nothing is sent before Run; Close must be called after it.
func Open(j *journal.Journal, people *registry.Registry, o Options) (*Engine, error) {
	if o.Clock == nil {
		return nil, errors.New("open alerts: options: Clock must be set")
	}
	o.Steps = o.Steps.orDefault()
	if shortest := min(o.Steps.High, o.Steps.Medium, o.Steps.Arrive); shortest < patience {
		return nil, fmt.Errorf("open alerts: options: Steps must be at least %s (got %s)", patience, shortest)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{
		options: o, journal: j, recorder: j, registry: people, log: o.Logger,
		wake: make(chan struct{}, 1), save: make(chan struct{}, 1), later: make(chan struct{}, 1),
		tell: make(chan struct{}, 1), horn: make(chan struct{}, 1),
		board: newBoard(), watched: map[string]*watch{}, lines: map[line]*traffic{}, changed: make(chan struct{}),
	}
	var err error
	if e.state, err = j.OpenState(stateName); err != nil {
		return nil, fmt.Errorf("open alerts: %w", err)
	}
	if err := e.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open alerts: %w", err), e.state.Close())
	}
	e.metrics = newMetrics(e)
	if err := e.metrics.register(o.Registerer); err != nil {
		return nil, errors.Join(fmt.Errorf("open alerts: %w", err), e.state.Close())
	}
	return e, nil
}

// Run calls people until ctx ends. It returns nil; whatever fails meanwhile is
// logged, tried again, and holds up nothing else.
func (e *Engine) Run(ctx context.Context) error {
	e.mu.Lock()
	e.ctx = ctx
	e.beat = e.options.Clock()
	e.began = e.beat
	e.backlog = e.journal.Last(journal.Urgent)
	e.ready = e.folded >= e.backlog
	e.mu.Unlock()

	var tasks sync.WaitGroup
	tasks.Go(func() { e.fold(ctx) })
	tasks.Go(func() { e.keep(ctx) })
	tasks.Go(func() { e.report(ctx) })
	if e.options.Siren != nil {
		tasks.Go(func() { e.blow(ctx) })
	}
	e.schedule(ctx)
	tasks.Wait()

	e.mu.Lock()
	e.ctx = nil
	e.mu.Unlock()
	e.sends.Wait()
	if err := e.commit(); err != nil {
		e.log.Error("results of pages are lost, they will be sent again", "error", err)
	}
	return nil
}

// Close lets go of the state file.
func (e *Engine) Close() error { return e.state.Close() }

// heartbeat is how often the engine looks at the clock at least.
const heartbeat = 5 * time.Second

// Alive tells whether the engine does what is due: nil while Run has looked at
// the clock within a few heartbeats. It is what a watchdog should ask.
func (e *Engine) Alive() error {
	e.mu.Lock()
	running, beat := e.ctx != nil, e.beat
	e.mu.Unlock()
	if !running {
		return errors.New("alerts: not running")
	}
	if silent, same := e.options.Clock().Since(beat); same && silent > 6*heartbeat {
		return fmt.Errorf("alerts: not done anything for %s", silent)
	}
	return nil
}

// schedule does what is due when it is due.
func (e *Engine) schedule(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	catchUp := time.NewTimer(replay)
	defer catchUp.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-e.wake:
		case <-catchUp.C:
			e.mu.Lock()
			late := !e.ready
			e.ready = true
			e.mu.Unlock()
			if late {
				e.log.Error("the journal is slow to read, calling from what is known")
			}
		}
		e.mu.Lock()
		wait := min(e.turn(), heartbeat)
		e.beat = e.options.Clock()
		e.mu.Unlock()
		timer.Reset(wait)
	}
}

func (e *Engine) people() roll { return roll{e.registry.Snapshot(), e.options.Senders} }

// announce tells everybody who waits on Changed. Callers hold mu.
func (e *Engine) announce() {
	close(e.changed)
	e.changed = make(chan struct{})
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is signalled already
	}
}

// located notes when an elder who may be lost was seen last, for the pages that
// are still to go out.
func (e *Engine) located(elder string, at devices.Stamp) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.board.records {
		if r.Kind == Wandering && r.Elder == elder && r.Phase != PhaseResolved && r.Located != at {
			r.Located = at
			r.keeping.revision++
			signal(e.later)
		}
	}
}
