package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/sync/alert"
)

// The lines of the simulated chip, as pins.yaml has them.
const (
	cordLine, doorLine, keyLine, outerLine, innerLine, buttonLine, hereLine = 0, 1, 2, 3, 4, 5, 6
	sirenLine, lampLine, strikeLine                                         = 8, 9, 10
)

// The button on the PL061, and where its wearer lives.
const (
	pl061Line = 2
	pl061Room = "button-1"
)

// presses is how often the pull-cord is pulled to see how long it takes.
const presses = 20

// pinsRun is a box whose pins are driven from outside.
type pinsRun struct {
	*boot
	ctx            context.Context
	random         *rand.Rand
	passed, failed int
}

// runPins drives what is wired to a box: a simulated GPIO chip of a real
// kernel, the real gateway.
func runPins(ctx context.Context, restarts int, seed uint64) (err error) {
	if seed == 0 {
		seed = rand.Uint64()
	}
	begun := time.Now()
	fmt.Printf("pins: seed %d\n", seed)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	folder, err := os.MkdirTemp("", "linli-acceptance-")
	if err != nil {
		return err
	}
	o, err := newOutside(folder, []string{"pins", "wrong"})
	if err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	defer func() { err = errors.Join(err, o.close(), os.RemoveAll(folder)) }()
	k, err := newKit(ctx, folder, o, true)
	if err != nil {
		return err
	}
	r := &pinsRun{ctx: ctx, random: rand.New(rand.NewPCG(seed, 1))}

	// A proof that cannot fail proves nothing: wired the wrong way round, the
	// cord at rest must be taken for one that is pulled.
	if err := r.box(o, k, folder, "wrong", "normally_open", func() {
		r.check("a wrong polarity is found out", func() error {
			_, err := r.called(r.on)
			return err
		})
	}); err != nil {
		return err
	}
	if err := r.box(o, k, folder, "pins", "normally_closed", func() { r.all(restarts) }); err != nil {
		return err
	}
	fmt.Printf("acceptance of pins in %s: %d passed, %d failed\n", time.Since(begun).Round(time.Second), r.passed, r.failed)
	if r.failed > 0 {
		return fmt.Errorf("%d failed with seed %d", r.failed, seed)
	}
	return nil
}

// box boots a box with pins, lets its inputs come to rest, and does what is to
// be done with it.
func (r *pinsRun) box(o *outside, k *kit, folder, name, cord string, do func()) error {
	b, err := newBox(r.ctx, k, o, folder, name, "ext4", r.random)
	if err != nil {
		return err
	}
	b.pins = cord
	p, powered, err := b.powerOn(r.ctx, false)
	if err != nil {
		return err
	}
	r.boot, r.ctx = p, powered
	limited, cancel := context.WithTimeout(powered, bootLimit)
	err = errors.Join(p.chip.find(), p.ready(limited))
	cancel()
	if err == nil {
		do()
	}
	if found := b.taken(); len(found) > 0 {
		r.failed += len(found)
		fmt.Println("        FOUND:", strings.Join(found, "\n        FOUND: "))
	}
	if err != nil {
		lines, _ := p.machine.lines()
		fmt.Println(strings.Join(lines[max(0, len(lines)-30):], "\n"))
	}
	err = errors.Join(err, p.machine.kill(), p.chip.close(), p.listener.Close(), <-p.served, b.close(false))
	r.ctx = context.WithoutCancel(powered)
	return err
}

// check shows what is looked at, and whether it is so.
func (r *pinsRun) check(what string, do func() error) {
	begun := time.Now()
	if err := do(); err != nil {
		r.failed++
		fmt.Printf("FOUND   %s: %v\n", what, err)
		return
	}
	r.passed++
	fmt.Printf("ok      %-60s %5.1f s\n", what, time.Since(begun).Seconds())
}

// all looks at everything, in an order in which each leaves the lines at rest.
func (r *pinsRun) all(restarts int) {
	r.check("all is quiet at rest", r.quiet)
	r.check("a line that somebody holds is named, and comes back", r.busy)
	r.check("a pull sounds the siren and calls, a key silences it", r.pulls)
	r.check("... without network and broker", r.alone)
	r.check("a thousand toggles leave the right state", func() error { return r.bursts(false) })
	r.check("... also if nobody reads meanwhile", func() error { return r.bursts(true) })
	r.check("a pad and a people counter are counted", r.counts)
	r.check("a button on the PL061 calls, each time it is pressed", r.pl061)
	r.check("a strike is energised for its pulse", r.strike)
	r.check("a chip that goes away is noticed, and comes back", r.unplug)
	r.check("a cord that is pulled while the gateway is away calls", r.pulledMeanwhile)
	r.check(fmt.Sprintf("no output moves in %d restarts", restarts), func() error { return r.restarts(restarts) })
}

// tell makes the world outside the lines do something.
func (r *pinsRun) tell(into any, path string, args ...any) error {
	form := url.Values{}
	for i := 0; i < len(args); i += 2 {
		form.Set(fmt.Sprint(args[i]), fmt.Sprint(args[i+1]))
	}
	method := http.MethodPost
	if path == "value" || path == "trace" {
		method = http.MethodGet
	}
	ctx, cancel := context.WithTimeout(r.ctx, stepLimit)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, method, "http://"+r.lines+"/"+path+"?"+form.Encode(), nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		var b [500]byte
		n, _ := answer.Body.Read(b[:])
		return fmt.Errorf("%s: %s", path, strings.TrimSpace(string(b[:n])))
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

func (r *pinsRun) pull(line int, up bool) error { return r.tell(nil, "pull", "line", line, "up", up) }

// level waits until a line is as it should be.
func (r *pinsRun) level(line int, up bool) error {
	return r.poll(func() error {
		var v struct {
			Up bool `json:"up"`
		}
		if err := r.tell(&v, "value", "line", line); err != nil {
			return err
		}
		if v.Up != up {
			return fmt.Errorf("line %d is high: %t, want %t", line, v.Up, up)
		}
		return nil
	})
}

func (r *pinsRun) poll(try func() error) error {
	ctx, cancel := context.WithTimeoutCause(r.ctx, stepLimit, fmt.Errorf("not within %s", stepLimit))
	defer cancel()
	return poll(ctx, try)
}

// called waits for a page of the cord that came after a moment.
func (r *pinsRun) called(after time.Time) (alert.Page, error) { return r.calledFrom("302", after) }

func (r *pinsRun) calledFrom(room string, after time.Time) (alert.Page, error) {
	ctx, cancel := context.WithTimeoutCause(r.ctx, stepLimit, fmt.Errorf("no call within %s", stepLimit))
	defer cancel()
	return r.outside.phone.await(ctx, after, func(p alert.Page) bool { return p.Room == room })
}

func (r *pinsRun) quiet() error {
	for _, line := range []int{sirenLine, strikeLine} {
		if err := r.level(line, false); err != nil {
			return err
		}
	}
	if err := r.level(lampLine, true); err != nil { // active low
		return err
	}
	if pages, _ := r.outside.phone.since(r.on); len(pages) > 0 {
		return fmt.Errorf("%d calls although nobody has pulled", len(pages))
	}
	return nil
}

// silence turns the key, and waits until siren and lamp are off.
func (r *pinsRun) silence() error {
	return errors.Join(r.pull(cordLine, false), r.pull(hereLine, true), r.level(sirenLine, false), r.level(lampLine, true), r.pull(hereLine, false))
}

// took are times, in order.
type took []time.Duration

func (t took) String() string {
	slices.Sort(t)
	return fmt.Sprintf("p50 %d ms, p99 %d ms", t[len(t)/2].Milliseconds(), t[len(t)*99/100].Milliseconds())
}

// press is when a line was pulled and when another answered, in microseconds
// since the box's boot.
type press struct {
	Pressed  int64 `json:"pressed"`
	Answered int64 `json:"answered"`
}

func (p press) took() time.Duration { return time.Duration(p.Answered-p.Pressed) * time.Microsecond }

func (r *pinsRun) pulls() error {
	var siren, heard, sounded, page took
	for range presses {
		begun := time.Now()
		var p press
		if err := r.tell(&p, "press", "line", cordLine, "up", true, "until", sirenLine); err != nil {
			return err
		}
		if _, err := r.called(begun); err != nil {
			return err
		}
		page = append(page, time.Since(begun))
		siren = append(siren, p.took())
		at, err := r.latestPress()
		if err != nil {
			return err
		}
		heard = append(heard, at-time.Duration(p.Pressed)*time.Microsecond)
		sounded = append(sounded, time.Duration(p.Answered)*time.Microsecond-at)
		if err := r.silence(); err != nil {
			return err
		}
	}
	fmt.Printf("        pull to siren: %s (30 ms of debouncing in it); pull to record: %s; record to siren: %s; pull to telephone: %s\n", siren, heard, sounded, page)
	slices.Sort(siren)
	if p50, p99 := siren[len(siren)/2], siren[len(siren)-1]; p50 > 2*time.Second || p99 > 2*time.Second {
		return fmt.Errorf("the siren sounds %s after the pull (%s at worst), 2 s is the most", p50, p99)
	}
	return nil
}

// latestPress is when the box heard the latest pull, since its boot.
func (r *pinsRun) latestPress() (time.Duration, error) {
	var incidents []alert.Incident
	if err := r.ask(r.ctx, http.MethodGet, "/v1/incidents", nil, &incidents); err != nil {
		return 0, err
	}
	for _, i := range incidents {
		if i.Device == "cord" {
			return i.Last.Mono, nil
		}
	}
	return 0, errors.New("no incident of the cord")
}

func (r *pinsRun) alone() error {
	var siren took
	for range presses {
		var p press
		if err := r.tell(&p, "link", "press", cordLine, "up", true, "until", sirenLine); err != nil {
			return err
		}
		siren = append(siren, p.took())
		if err := r.silence(); err != nil {
			return err
		}
	}
	fmt.Printf("        pull to siren: %s\n", siren)
	if worst := siren[len(siren)-1]; worst > 2*time.Second {
		return fmt.Errorf("the siren sounded after %s", worst)
	}
	return nil
}

// pin is what the gateway says of a wire, in its own words.
type pin struct {
	Wire    string    `json:"wire"`
	Active  bool      `json:"active"`
	Changes int       `json:"changes"`
	Lost    int       `json:"lost"`
	Problem [2]string `json:"problem"` // the second is English
}

func (r *pinsRun) gpio(wire string) (pin, error) {
	var pins struct{ Inputs, Outputs []pin }
	if err := r.ask(r.ctx, http.MethodGet, "/v1/gpio", nil, &pins); err != nil {
		return pin{}, err
	}
	for _, p := range slices.Concat(pins.Inputs, pins.Outputs) {
		if strings.HasPrefix(p.Wire, wire+",") {
			return p, nil
		}
	}
	return pin{}, fmt.Errorf("no %s in %+v", wire, pins)
}

// bursts toggles the door, whose line ends as it has not begun; paused is for a
// gateway that stands still meanwhile.
func (r *pinsRun) bursts(paused bool) error {
	before, err := r.gpio("door")
	if err != nil {
		return err
	}
	const toggles = 1000
	if paused {
		if err := r.tell(nil, "signal", "name", "STOP"); err != nil {
			return err
		}
	}
	if err := r.tell(nil, "burst", "line", doorLine, "n", toggles+1); err != nil {
		return err
	}
	if paused {
		if err := r.tell(nil, "signal", "name", "CONT"); err != nil {
			return err
		}
	}
	defer func() { _ = r.pull(doorLine, false) }()
	return r.poll(func() error {
		after, err := r.gpio("door")
		if err != nil {
			return err
		}
		counted, lost := after.Changes-before.Changes, after.Lost-before.Lost
		switch {
		case !after.Active:
			return fmt.Errorf("the door is said to be shut")
		case counted > toggles+1:
			return fmt.Errorf("%d changes counted of %d made", counted, toggles+1)
		case counted < toggles+1 && lost == 0:
			return fmt.Errorf("%d changes counted of %d made, and none lost", counted, toggles+1)
		}
		fmt.Printf("        of %d changes %d were counted, %d are said to be lost (gateway stopped meanwhile: %t)\n", toggles+1, counted, lost, paused)
		return nil
	})
}

// counts presses a key of the pad, and sends people through the beams.
func (r *pinsRun) counts() error {
	const people, ratings = 5, 3
	for range people {
		for _, edge := range []struct {
			line int
			up   bool
		}{{outerLine, true}, {innerLine, true}, {outerLine, false}, {innerLine, false}} {
			if err := r.pull(edge.line, edge.up); err != nil {
				return err
			}
			time.Sleep(30 * time.Millisecond) // as somebody walks
		}
	}
	for range ratings {
		if err := errors.Join(r.pull(keyLine, true), sleep(r.ctx, 150*time.Millisecond), r.pull(keyLine, false), sleep(r.ctx, 150*time.Millisecond)); err != nil {
			return err
		}
	}
	return r.poll(func() error {
		got := map[string]int{}
		if err := r.tail(func(l entry) {
			switch {
			case l.Device == "counter" && strings.Contains(string(l.Data), `"entries":1`), l.Device == "pad":
				got[l.Device]++
			}
		}); err != nil {
			return err
		}
		if got["counter"] != people || got["pad"] != ratings {
			return fmt.Errorf("recorded %v, want %d people and %d ratings", got, people, ratings)
		}
		return nil
	})
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// entry is one of the journal.
type entry struct {
	Device string          `json:"device"`
	Data   json.RawMessage `json:"data"`
}

// tail reads the journal.
func (r *pinsRun) tail(see func(entry)) error {
	answer, err := r.request(r.ctx, http.MethodGet, "/v1/journal/export", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	for in := json.NewDecoder(answer.Body); in.More(); {
		var l entry
		if err := in.Decode(&l); err != nil {
			return err
		}
		see(l)
	}
	return nil
}

// pl061 presses a button that hangs on the other chip.
func (r *pinsRun) pl061() error {
	for range presses / 2 {
		begun := time.Now()
		if err := r.chip.set(pl061Line, true); err != nil {
			return err
		}
		if _, err := r.calledFrom(pl061Room, begun); err != nil {
			return err
		}
		if err := errors.Join(r.level(sirenLine, true), r.chip.set(pl061Line, false), r.silence()); err != nil {
			return err
		}
	}
	return nil
}

func (r *pinsRun) strike() error {
	if err := r.ask(r.ctx, http.MethodPost, "/v1/gpio/3/test", map[string]int{"milliseconds": 60_000}, nil); err != nil {
		return err
	}
	begun := time.Now()
	if err := errors.Join(r.level(strikeLine, true), r.level(strikeLine, false)); err != nil {
		return err
	}
	if d := time.Since(begun); d > 10*time.Second { // 2 s is its longest time; the rest is for a slow look
		return fmt.Errorf("it was on for %s", d)
	}
	return nil
}

func (r *pinsRun) busy() error {
	// The button's line is taken from a gateway that starts anew.
	if err := errors.Join(r.tell(nil, "signal", "name", "KILL"), r.poll(func() error { return r.tell(nil, "hold", "line", buttonLine, "on", true) })); err != nil {
		return err
	}
	defer func() { _ = r.tell(nil, "hold", "line", buttonLine, "on", false) }()
	if err := r.poll(func() error {
		p, err := r.gpio("button")
		if err == nil && !strings.Contains(p.Problem[1], "is held by sysfs") {
			err = fmt.Errorf("the problem is %q", p.Problem[1])
		}
		return err
	}); err != nil {
		return err
	}
	if err := r.tell(nil, "hold", "line", buttonLine, "on", false); err != nil {
		return err
	}
	return r.healthy("button")
}

// healthy waits until a wire has no problem.
func (r *pinsRun) healthy(wire string) error {
	return r.poll(func() error {
		p, err := r.gpio(wire)
		if err == nil && p.Problem[1] != "" {
			err = errors.New(p.Problem[1])
		}
		return err
	})
}

func (r *pinsRun) unplug() error {
	if err := r.tell(nil, "live", "on", false); err != nil {
		return err
	}
	if err := r.poll(func() error {
		p, err := r.gpio("pull-cord")
		if err == nil && p.Problem[1] == "" {
			err = errors.New("it is said to be well")
		}
		return err
	}); err != nil {
		return err
	}
	if err := r.tell(nil, "live", "on", true); err != nil {
		return err
	}
	if err := r.healthy("pull-cord"); err != nil {
		return err
	}
	begun := time.Now()
	if err := r.pull(cordLine, true); err != nil {
		return err
	}
	if _, err := r.called(begun); err != nil {
		return err
	}
	return errors.Join(r.level(sirenLine, true), r.silence())
}

// again waits until a gateway that was restarted answers.
func (r *pinsRun) again() error {
	return r.poll(func() error {
		var status struct{}
		return r.ask(r.ctx, http.MethodGet, "/v1/status", nil, &status)
	})
}

func (r *pinsRun) pulledMeanwhile() error {
	begun := time.Now()
	if err := errors.Join(r.tell(nil, "signal", "name", "KILL"), r.pull(cordLine, true)); err != nil {
		return err
	}
	if _, err := r.called(begun); err != nil {
		return err
	}
	return errors.Join(r.level(sirenLine, true), r.silence())
}

// restarts ends the gateway in both ways and looks at what the kernel has done
// to its lines meanwhile.
func (r *pinsRun) restarts(n int) error {
	if err := r.tell(nil, "trace"); err != nil {
		return err
	}
	for i := range n {
		name := []string{"TERM", "KILL"}[i%2]
		if err := r.tell(nil, "signal", "name", name); err != nil {
			return err
		}
		if err := errors.Join(sleep(r.ctx, 500*time.Millisecond), r.again(), r.healthy("siren")); err != nil {
			return err
		}
	}
	var trace struct {
		Base   int
		Events []string
	}
	if err := r.tell(&trace, "trace"); err != nil {
		return err
	}
	set := 0
	for _, e := range trace.Events {
		var number, value int
		if _, err := fmt.Sscanf(e, "value: %d set %d", &number, &value); err != nil {
			continue // a direction, or a reading
		}
		set++
		off := 0
		if number-trace.Base == lampLine { // active low
			off = 1
		}
		if value != off {
			return fmt.Errorf("the kernel says %q of %v", e, trace.Events)
		}
	}
	if set < n*len([]int{sirenLine, lampLine, strikeLine}) {
		return fmt.Errorf("the kernel has traced %d levels in %d restarts", set, n)
	}
	fmt.Printf("        the kernel has set %d levels, none of them on\n", set)
	return nil
}
