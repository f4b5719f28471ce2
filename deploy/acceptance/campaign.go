package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/linli-edge/gateway/deploy/acceptance/disk"
)

// aim is where in the life of a box the plug is pulled.
type aim struct {
	name   string
	phase  phase
	op     disk.Op // the operation with which the power goes, none for any time
	among  int     // at most so many operations from then on
	before bool    // as it comes, not when it is done
}

// phase is when the aim is taken.
type phase int

const (
	loaded   phase = iota // under load, when all has been looked at
	starting              // as the power comes on
	quiet                 // when a new box is ready, before its first event
)

// aims take turns on each disk.
var aims = []aim{
	{name: "new file", phase: quiet, op: disk.Write, among: 40},
	{name: "flush begins", op: disk.Flush, among: 40, before: true},
	{name: "starting", phase: starting, op: disk.Write, among: 40},
	{name: "any time"},
	{name: "among writes", op: disk.Write, among: 80},
	{name: "flush done", op: disk.Flush, among: 40},
	{name: "starting", phase: starting, op: disk.Flush, among: 25, before: true},
}

func (a aim) moment(r *rand.Rand) disk.Moment {
	return disk.Moment{Op: a.op, N: 1 + r.IntN(a.among), Done: !a.before}
}

// fates that the cache may meet, as the probabilities that a write is kept
// and that it is torn.
var fates = []struct{ keep, tear float64 }{{0, 0}, {0.5, 0.25}, {0.2, 0.4}, {0.8, 0.1}}

// longest is the time between the last look and the cut.
const longest = 4 * time.Second

// cutsPerDisk is how often one disk goes through it: each aim once.
var cutsPerDisk = len(aims)

var fileSystems = []string{"ext4", "f2fs"}

// campaign is one run.
type campaign struct {
	kit     *kit
	outside *outside
	folder  string
	random  *rand.Rand

	rounds     int // to do
	boxes      int // made
	cuts       int // done
	broken     int // boots that found something
	acked      int // events, by boxes that came to their end
	lostWrites int // lost or torn by the cuts
}

// proof pulls the plug so many times, from boxes with either file system in
// turn.
func (c *campaign) proof(ctx context.Context, rounds int) error {
	c.rounds = rounds
	boxes := make([]*box, len(fileSystems))
	cuts := make([]int, len(fileSystems))
	for c.cuts < rounds {
		turn := c.cuts % len(fileSystems)
		if boxes[turn] == nil {
			c.boxes++
			name := boxName(fileSystems[turn], c.boxes)
			b, err := newBox(ctx, c.kit, c.outside, c.folder, name, fileSystems[turn], c.random)
			if err != nil {
				return err
			}
			boxes[turn], cuts[turn] = b, 0
		}
		b := boxes[turn]
		alive, err := c.round(ctx, b, aims[cuts[turn]])
		if err != nil {
			return err
		}
		c.cuts++
		cuts[turn]++
		if alive && cuts[turn] < cutsPerDisk && c.cuts+len(fileSystems) <= rounds {
			continue
		}
		if alive {
			if alive, err = c.last(ctx, b); err != nil {
				return err
			}
		}
		if err := b.close(!alive); err != nil {
			return err
		}
		boxes[turn] = nil
	}
	return nil
}

func boxName(fs string, n int) string { return fmt.Sprintf("%s-%d", fs, n) }

// boxNames are those that boxes may have, were there a new one each round.
func boxNames(rounds int) (names []string) {
	for _, fs := range fileSystems {
		names = append(names, controlName(fs))
		for n := range rounds {
			names = append(names, boxName(fs, n+1))
		}
	}
	return names
}

// round is one life of a box. It is not alive if there is no use in going on
// with its disk.
func (c *campaign) round(ctx context.Context, b *box, a aim) (alive bool, err error) {
	f := fates[c.random.IntN(len(fates))]
	fate := disk.Fate{Keep: f.keep, Tear: f.tear, Rand: c.random}
	life, arm := longest, func(p *boot) { p.disk.Arm(a.moment(c.random), fate) }
	if a.op == "" {
		life, arm = time.Duration(c.random.Int64N(int64(longest))), func(*boot) {}
	}

	p, powered, err := b.powerOn(ctx, false)
	if err != nil {
		return false, err
	}
	if a.phase == starting {
		arm(p)
	}
	var seen times
	var failed error
	if a.phase == quiet {
		failed = p.take(powered, step{"start", bootLimit, p.ready, &seen.ready})
		arm(p)
		b.begin()
	} else {
		b.begin()
		seen, failed = p.examine(powered)
	}
	if failed == nil {
		if a.phase == loaded {
			arm(p)
		}
		select {
		case <-time.After(life):
		case <-powered.Done():
		}
	}
	at := time.Since(p.on)
	if errors.Is(context.Cause(powered), disk.ErrOff) {
		failed = nil // it was cut short, as it should be
	}
	damage, err := p.off(fate)
	if err != nil {
		return false, err
	}
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if failed != nil {
		b.found("%v", failed)
	}
	c.lostWrites += damage.Lost + damage.Torn
	acked, _ := b.ledger.sums()
	fmt.Printf("%3d/%d %-7s %-14s  %s  cut %5.1f s: of %3d writes %3d lost, %2d torn  %6d acked\n", c.cuts+1, c.rounds, b.name, a.name, seen,
		at.Seconds(), damage.Writes(), damage.Lost, damage.Torn, acked)
	return c.judge(b, p), nil
}

// String shows when the box was ready, its journal was found complete, its
// pages and its rows came.
func (t times) String() string {
	var s strings.Builder
	for _, step := range []struct {
		name string
		at   time.Duration
	}{{"up", t.ready}, {"journal", t.journal}, {"page", t.pages}, {"rows", t.rows}} {
		if step.at == 0 {
			fmt.Fprintf(&s, "%s    -  ", step.name)
		} else {
			fmt.Fprintf(&s, "%s %4.1f  ", step.name, step.at.Seconds())
		}
	}
	return strings.TrimRight(s.String(), " ")
}

// judge prints what was found, and keeps what is needed to look into it.
func (c *campaign) judge(b *box, p *boot) (alive bool) {
	findings := b.taken()
	if len(findings) == 0 {
		return true
	}
	c.broken++
	for _, f := range findings {
		fmt.Println("        FOUND:", f)
	}
	console, _ := p.machine.lines()
	file := filepath.Join(c.folder, fmt.Sprintf("%s-%d.console", b.name, c.cuts+1))
	if err := os.WriteFile(file, []byte(strings.Join(console, "\n")+"\n"), 0o600); err != nil {
		fmt.Println("        console not kept:", err)
	}
	return false
}

// last boots a box once more, and looks at everything there is.
func (c *campaign) last(ctx context.Context, b *box) (alive bool, err error) {
	p, powered, err := b.powerOn(ctx, false)
	if err != nil {
		return false, err
	}
	seen, failed := p.examine(powered)
	if failed == nil {
		failed = p.settle(powered)
	}
	at := time.Since(p.on)
	if _, err := p.off(disk.Fate{Keep: 1, Rand: c.random}); err != nil {
		return false, err
	}
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if failed != nil {
		b.found("%v", failed)
	}
	acked, told := b.ledger.sums()
	c.acked += acked
	fmt.Printf("        %-7s last boot       %s  end %5.1f s: %d acked, among them %d deposits and %d pickups\n",
		b.name, seen, at.Seconds(), acked, told.deposits, told.pickups)
	if !c.judge(b, p) {
		return false, nil
	}
	fmt.Printf("        %-7s every event acknowledged is in the journal once, and counted at the platform once\n", b.name)
	return true, nil
}

func controlName(fs string) string { return "liar-" + fs }

// control pulls the plug from a box whose disk answers every FLUSH and does
// none. If the events that it acknowledged are not found to be lost, then
// nothing above proves anything.
func (c *campaign) control(ctx context.Context, fs string) (lost int, err error) {
	b, err := newBox(ctx, c.kit, c.outside, c.folder, controlName(fs), fs, c.random)
	if err != nil {
		return 0, err
	}
	b.begin()
	const enough = 200 // acknowledgements
	p, powered, err := b.powerOn(ctx, true)
	if err != nil {
		return 0, err
	}
	limited, cancel := context.WithTimeoutCause(powered, bootLimit, errors.New("too few acknowledgements"))
	failed := poll(limited, func() error {
		if acked, _ := b.ledger.sums(); acked < enough {
			return fmt.Errorf("%d events acknowledged", acked)
		}
		return nil
	})
	cancel()
	damage, err := p.off(disk.Fate{Rand: c.random})
	if err := errors.Join(failed, err); err != nil {
		return 0, err
	}

	if p, powered, err = b.powerOn(ctx, false); err != nil {
		return 0, err
	}
	limited, cancel = context.WithTimeout(powered, bootLimit)
	failed = p.ready(limited)
	if failed == nil {
		failed = p.readJournal(limited, false)
	}
	cancel()
	if _, err := p.off(disk.Fate{Keep: 1, Rand: c.random}); err != nil || failed != nil {
		return 0, errors.Join(failed, err)
	}
	fmt.Printf("control %-9s  a disk that lies: of %d writes %d lost, of %d events acknowledged %d lost\n", b.name, damage.Writes(), damage.Lost, len(p.promised), b.lost)
	return b.lost, b.close(false)
}
