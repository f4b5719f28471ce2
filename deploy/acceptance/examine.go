package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
)

// How long a box may take, on a machine that is busy with other things.
const (
	bootLimit = 4 * time.Minute
	stepLimit = 2 * time.Minute
)

// times are when a boot came how far, since the power came on.
type times struct{ ready, journal, pages, rows time.Duration }

// step is something to wait for, and where to note when it came.
type step struct {
	name  string
	limit time.Duration
	do    func(context.Context) error
	at    *time.Duration
}

func (p *boot) take(ctx context.Context, steps ...step) error {
	for _, s := range steps {
		ctx, cancel := context.WithTimeoutCause(ctx, s.limit, fmt.Errorf("nothing within %s", s.limit))
		err := s.do(ctx)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		*s.at = time.Since(p.on)
	}
	return nil
}

// examine looks at everything that must be true after a boot. What must not be
// is noted as a finding; the error says what did not come in time.
func (p *boot) examine(ctx context.Context) (t times, err error) {
	err = p.take(ctx,
		step{"start", bootLimit, p.ready, &t.ready},
		step{"journal", stepLimit, func(ctx context.Context) error { return p.readJournal(ctx, false) }, &t.journal},
		step{"pages", stepLimit, p.answerAndPress, &t.pages},
		step{"rows", stepLimit, p.reported, &t.rows})
	return t, err
}

// settle ends the load and looks at everything once more: the whole journal,
// and whether the platform's books say what the devices have told.
func (p *boot) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*stepLimit, fmt.Errorf("nothing within %s", 2*stepLimit))
	defer cancel()
	close(p.enough)
	told := make(chan struct{})
	go func() {
		p.load.Wait()
		close(told)
	}()
	select {
	case <-told:
	case <-ctx.Done():
		return fmt.Errorf("the last acknowledgements: %w", context.Cause(ctx))
	}
	p.promised = p.ledger.promised()
	if err := p.readJournal(ctx, true); err != nil {
		return err
	}
	_, want := p.ledger.sums()
	var got parcels
	err := poll(ctx, func() (err error) {
		if got, err = p.outside.platform.books(p.name); err == nil && got != want {
			err = fmt.Errorf("the platform has %d deposits and %d pickups, the devices told %d and %d", got.deposits, got.pickups, want.deposits, want.pickups)
		}
		return err
	})
	if err != nil {
		p.found("%v", err)
	}
	return nil
}

// ready waits until the gateway answers.
func (p *boot) ready(ctx context.Context) error {
	if _, err := p.said(ctx, "mounted"); err != nil {
		return err
	}
	files, err := p.said(ctx, "checked")
	if err != nil {
		return err
	}
	// A box comes with two, registry and journal.
	if n, err := strconv.Atoi(files); err != nil || n < 2 {
		p.found("%q files checked", files)
	}
	return poll(ctx, func() error {
		var status struct {
			NotReady [2]string `json:"not_ready"` // the second is English
		}
		if err := p.ask(ctx, http.MethodGet, "/v1/status", nil, &status); err != nil {
			return err
		}
		if why := status.NotReady[1]; why != "" && p.pins == "" { // a box with pins has no broker
			return errors.New(why)
		}
		return nil
	})
}

// reported waits until the platform has something that it did not have when
// the power came on.
func (p *boot) reported(ctx context.Context) error {
	return poll(ctx, func() error {
		now, err := p.outside.platform.books(p.name)
		if err == nil && now == p.before {
			err = errors.New("no new rows")
		}
		return err
	})
}

// readJournal asks the daemon for what is new in its journal, or for all of
// it, and looks for what was promised.
func (p *boot) readJournal(ctx context.Context, all bool) error {
	var stats journal.Stats
	if err := p.ask(ctx, http.MethodGet, "/v1/journal", nil, &stats); err != nil {
		return err
	}
	const company = 60 // lines; the journal grows while it is asked
	var from journal.Position
	lines := uint64(0)
	for c, chain := range stats.Chains {
		if from[c] = p.ledger.last(journal.Chain(c)); from[c] > chain.Last {
			p.found("%s chain: ends at %d, has been at %d", journal.Chain(c), chain.Last, from[c])
		}
		if all {
			from[c] = 0
		}
		lines = max(lines, chain.Last-min(from[c], chain.Last)+company)
	}
	for complete := false; !complete; lines *= 2 {
		var err error
		if complete, err = p.readTail(ctx, lines, from, stats); err != nil {
			return err
		}
	}
	if missing := p.ledger.missing(p.promised); len(missing) > 0 {
		p.lost += len(missing)
		p.found("%d of %d acknowledged events are lost: %s", len(missing), len(p.promised), strings.Join(missing[:min(5, len(missing))], ", "))
	}
	return nil
}

// readTail sees the last lines of both chains, up to what stats says. It is
// not complete if they do not reach back to from.
func (p *boot) readTail(ctx context.Context, lines uint64, from journal.Position, stats journal.Stats) (complete bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answer, err := p.request(ctx, http.MethodGet, fmt.Sprintf("/v1/journal/tail?lines=%d", lines), nil)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	chains := map[string]journal.Chain{journal.Ordinary.String(): journal.Ordinary, journal.Urgent.String(): journal.Urgent}
	var at journal.Position
	behind := func() bool {
		return at[journal.Ordinary] < stats.Chains[journal.Ordinary].Last || at[journal.Urgent] < stats.Chains[journal.Urgent].Last
	}
	for in := json.NewDecoder(answer.Body); behind(); {
		var line struct {
			Chain, Device, ID string
			Seq               uint64
		}
		if err := in.Decode(&line); err != nil {
			return false, errors.Join(err, context.Cause(ctx))
		}
		c := chains[line.Chain]
		if at[c] == 0 && line.Seq > from[c]+1 && lines <= stats.Chains[c].Last {
			return false, nil
		}
		at[c] = line.Seq
		if err := p.ledger.see(c, line.Seq, key(line.Device, line.ID)); err != nil {
			p.found("%v", err)
			return true, nil
		}
	}
	return true, nil
}

// answerAndPress looks whether the call that nobody had answered before the
// power went is repeated, answers it, and has somebody press anew. That call
// stays unanswered.
func (p *boot) answerAndPress(ctx context.Context) error {
	if incident := p.ringing; incident != "" {
		if _, err := p.outside.phone.await(ctx, p.on, func(a alert.Page) bool { return a.Incident == incident }); err != nil {
			return fmt.Errorf("nobody has answered %s, and no page came: %w", incident, err)
		}
		p.ringing = "" // whether it is closed is not known if the answer does not come
		human := map[string]any{"by": "li", "cause": alert.CauseTest}
		if err := p.ask(ctx, http.MethodPost, "/v1/incidents/"+incident+"/resolve", human, nil); err != nil {
			return err
		}
		p.resolved[incident] = true
	}

	known := map[string]bool{}
	earlier, _ := p.outside.phone.since(time.Time{})
	for _, page := range earlier {
		known[page.Incident] = true
	}
	button := p.buttons[p.pressed%len(p.buttons)]
	p.pressed++
	if !button.next(ctx) {
		return fmt.Errorf("a press was not acknowledged: %w", context.Cause(ctx))
	}
	page, err := p.outside.phone.await(ctx, p.on, func(a alert.Page) bool { return a.Room == button.id && !known[a.Incident] })
	if err != nil {
		return fmt.Errorf("no page for a press of %s: %w", button.id, err)
	}
	p.ringing = page.Incident

	var incidents []alert.Incident
	if err := p.ask(ctx, http.MethodGet, "/v1/incidents", nil, &incidents); err != nil {
		return err
	}
	for _, i := range incidents {
		if p.resolved[i.ID] && i.Phase != alert.PhaseResolved {
			p.found("incident %s was closed and is %s", i.ID, i.Phase)
		}
	}
	return nil
}

// ask sends a request to the daemon's socket and decodes its answer.
func (p *boot) ask(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := p.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// request returns the answer of the daemon if that is a good one.
func (p *boot) request(ctx context.Context, method, path string, body any) (*http.Response, error) {
	payload, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+p.control+path, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Close = true // the next boot knows nothing of this connection
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= 300 {
		return nil, errors.Join(fmt.Errorf("%s %s: %s", method, path, answer.Status), answer.Body.Close())
	}
	return answer, nil
}

// poll tries until it goes well; the error is that of the last try.
func poll(ctx context.Context, try func() error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}
