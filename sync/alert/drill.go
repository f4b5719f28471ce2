package alert

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// Prober is a Sender that can try itself without anybody hearing of it: log in,
// ask for its network, look at what it speaks through.
type Prober interface {
	// Probe is Accepted if a page could leave now. It returns soon after ctx
	// ends.
	Probe(ctx context.Context) Result
}

// probe is how a drill's page is sent: to the channel itself and to nobody.
type probe struct{ Prober }

func (p probe) Send(ctx context.Context, _ string, _ Page) Result { return p.Probe(ctx) }

// trial are the pages of a drill: one for each channel that can probe itself,
// and the log. None has a recipient.
func (r roll) trial() []Delivery {
	var pages []Delivery
	for _, kind := range sortedKeys(r.senders) {
		if _, ok := r.senders[kind].(Prober); ok && kind != LogChannel {
			pages = append(pages, Delivery{Channel: kind})
		}
	}
	return r.logged(pages)
}

// drillLimit is how long a drill may take: what is wrong is told within 180 s.
const drillLimit = 2 * time.Minute

// drillPart names, among the paths that are down, the whole one.
const drillPart = "drill"

// Drill sends an incident of the kind [Drill] the whole way: to the journal,
// back by the fold, onto the board, to disk, and out to every channel that can
// probe itself. It is over when all of them have accepted, or nothing more can be
// tried. One that fails, or is not over in two minutes, is a technical incident (PathDown) until the next
// one succeeds. It returns how long it took, and what failed, "" for nothing;
// drills wait for each other.
func (e *Engine) Drill(ctx context.Context) (took time.Duration, failed string) {
	e.drilling.Lock()
	defer e.drilling.Unlock()
	found := Found{Kind: Drill, Device: devices.GatewayDevice}
	event := devices.Event{Device: devices.GatewayDevice, ID: "drill-" + rand.Text()}
	e.endDrill(ctx, found) // of a process that was killed during one
	began := e.options.Clock()
	limited, cancel := context.WithTimeout(ctx, drillLimit)
	defer cancel()
	if err := e.Report(limited, found, event.ID); err != nil {
		e.log.Error("the drill cannot be journaled", "error", err)
		failed = "journal"
	} else {
		_ = e.until(limited, func() bool { _, over := e.drilled(identity(event)); return over })
		e.mu.Lock()
		failed, _ = e.drilled(identity(event))
		e.mu.Unlock()
	}
	took, _ = e.options.Clock().Since(began)                                        // the same boot
	ending, ended := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // also if whoever asked has gone
	defer ended()
	e.endDrill(ending, found)
	if ctx.Err() != nil {
		return took, failed // nothing is known
	}
	e.metrics.drill(took, e.options.Clock(), failed == "")
	down := Found{Kind: PathDown, Part: drillPart, Mended: failed == ""}
	if failed == "" {
		e.log.Info("the daily drill went through", "seconds", took.Seconds())
	} else {
		down.Because = []Sign{{Sign: SignDrill, Of: failed}}
		e.log.Error("the daily drill has failed", "at", failed)
	}
	if !e.isOpen(down) && down.Mended {
		return took, failed
	}
	if err := e.Report(ctx, down, "drilled-"+rand.Text()); err != nil {
		e.log.Error("the outcome of the drill cannot be journaled", "error", err)
	}
	return took, failed
}

// drilled says what a drill still waits for, "" for nothing, and whether it is
// over: nothing more is tried. Callers hold mu.
func (e *Engine) drilled(incident string) (waiting string, over bool) {
	r := e.board.records[incident]
	if r == nil || len(r.current()) == 0 {
		return "engine", false
	}
	var channels []string
	over = true
	for _, d := range r.current() {
		over = over && d.done()
		if d.Result != Accepted {
			channels = append(channels, d.Channel)
		}
	}
	return strings.Join(channels, " "), over
}

// endDrill closes the drill that is open.
func (e *Engine) endDrill(ctx context.Context, drill Found) {
	if !e.isOpen(drill) {
		return
	}
	drill.Mended = true
	if err := e.Report(ctx, drill, "drill-end-"+rand.Text()); err != nil {
		e.log.Error("the end of a drill cannot be journaled", "error", err)
	}
}

// isOpen tells whether there is an incident of what was found.
func (e *Engine) isOpen(f Found) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.board.open(f.Subject()) != nil
}
