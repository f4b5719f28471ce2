package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/sync/journal"
)

// Random histories of a box, with restarts, reboots, power cuts in the moment
// at which an order leaves, brokers that are away or hang up, and devices that
// answer late, twice or for others, against what is promised:
//
//   - nothing leaves before it is in the journal, after it has expired, or in
//     another boot than that in which it was asked for;
//   - nothing that may have arrived leaves again, unless the device knows it
//     again;
//   - what was taken on ends, and is told to have ended, once (and once more if
//     an answer comes late); done is only what has left, or was about to when
//     the power failed: a door that opens then is all that the box can know.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		moves := rapid.SliceOfN(rapid.Custom(drawMove), 1, 30).Draw(rt, "moves")
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		synctest.Test(t, func(*testing.T) { err = live(dir, moves) })
		if err != nil {
			rt.Fatal(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			rt.Fatal(err)
		}
	})
}

type move struct {
	what   string
	device string
	n      int
}

func drawMove(rt *rapid.T) move {
	return move{
		rapid.SampledFrom([]string{"ask", "ask", "ask", "pass", "pass", "done", "failed", "foreign", "door", "restart", "reboot", "cut", "away", "hangup", "back"}).Draw(rt, "what"),
		rapid.SampledFrom([]string{"native", "band", "bank", "bell"}).Draw(rt, "device"),
		rapid.IntRange(0, 59).Draw(rt, "n"),
	}
}

// life is a box, and what is known of it from outside.
type life struct {
	*box
	n     int
	asked map[string]command.Command // that were taken on
	boots map[string]devices.BootID
	gone  map[string]int  // how often each may have arrived
	torn  map[string]bool // those that were about to leave when the power failed
	wrong error
	cut   bool // the power fails when the next order leaves
	disk  string
}

func live(dir string, moves []move) (err error) {
	l := &life{asked: map[string]command.Command{}, boots: map[string]devices.BootID{}, gone: map[string]int{}, torn: map[string]bool{}}
	disk := filepath.Join(dir, "0")
	if err := os.Mkdir(disk, 0o700); err != nil {
		return err
	}
	if l.box, err = newBox(disk); err != nil {
		return err
	}
	l.leaving = l.leave
	defer func() { err = errors.Join(err, l.halt()) }()
	synctest.Wait()
	for i, m := range moves {
		if err := l.make(dir, m); err != nil {
			return fmt.Errorf("move %d, %+v: %w", i, m, err)
		}
		synctest.Wait()
		if err := l.fault(); err != nil {
			return fmt.Errorf("move %d, %+v: %w", i, m, err)
		}
	}
	l.suffer(nil)
	pass(MaxValid + command.Grace + time.Minute)
	return errors.Join(l.fault(), l.check())
}

// suffer sets what becomes of what leaves the box.
func (l *life) suffer(fate error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fate, l.cut = fate, false
}

func (l *life) fault() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wrong
}

// arrived is how often an order may have.
func (l *life) arrived(id string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone[id]
}

// leave looks at what leaves the box.
func (l *life) leave(m message) {
	var order struct{ ID, Order string }
	wrong := json.Unmarshal([]byte(m.payload), &order)
	id := order.ID + order.Order
	c, _ := l.dispatcher.Command(id)
	told, err := l.told(id)
	passed, same := m.at.Since(c.Asked)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = errors.Join(l.wrong, wrong)
	if l.fate != mqtt.ErrNotConnected {
		l.gone[id]++
	}
	switch {
	case err != nil || !slices.Contains(told, command.TypeAsked):
		l.wrong = fmt.Errorf("%s left before it was journaled: %v, %v", id, told, err)
	case !same || passed >= c.Valid:
		l.wrong = fmt.Errorf("%s left %s after it was asked for, in the same boot: %t", id, passed, same)
	case l.gone[id] > 1 && !c.Repeatable:
		l.wrong = fmt.Errorf("%s left %d times", id, l.gone[id])
	}
	if l.cut && l.wrong == nil {
		l.cut, l.torn[id] = false, true
		l.wrong = copyFiles(l.dir, l.disk)
	}
}

func (l *life) make(dir string, m move) error {
	switch m.what {
	case "ask":
		_, err := l.ask(m)
		return err
	case "pass":
		pass(time.Duration(m.n) * time.Second)
	case "done", "failed", "foreign":
		return l.answer(m)
	case "door":
		l.n++
		return l.report(m.device, fmt.Sprintf("door-%d", l.n), locker.Door{Compartment: m.n%3 + 1, Open: true})
	case "restart":
		return errors.Join(l.halt(), l.start())
	case "reboot":
		return errors.Join(l.halt(), l.reboot())
	case "cut":
		return l.powerCut(dir, m)
	case "away":
		l.suffer(mqtt.ErrNotConnected)
	case "hangup":
		l.suffer(errors.New("connection lost"))
	case "back":
		l.suffer(nil)
	}
	return nil
}

// ask asks for something that is not under way.
func (l *life) ask(m move) (string, error) {
	l.n++
	o := command.Order{ID: fmt.Sprintf("c%d", l.n), Device: m.device, Action: command.Ring, By: "li"}
	if m.device == "native" || m.device == "bank" {
		o.Action, o.Data.Compartment = command.Open, m.n%3+1
	}
	for _, c := range l.dispatcher.Commands() {
		if !c.Over() && c.Device == o.Device && c.Data.Compartment == o.Data.Compartment {
			return "", nil
		}
	}
	c, err := l.dispatcher.Ask(context.Background(), o, time.Duration(m.n+1)*time.Second)
	l.asked[o.ID] = c
	return o.ID, err
}

func (l *life) answer(m move) error {
	all := l.dispatcher.Commands()
	if len(all) == 0 {
		return nil
	}
	c := all[m.n%len(all)]
	l.n++
	id := fmt.Sprintf("answer-%d", l.n)
	switch m.what {
	case "failed":
		return l.report(c.Device, id, command.Failed{Command: c.ID, Reason: "unsupported"})
	case "foreign":
		return l.report("contact", id, command.Done{Command: c.ID})
	}
	if l.arrived(c.ID) == 0 {
		return nil // no device answers what it has not heard
	}
	return l.report(c.Device, id, command.Done{Command: c.ID})
}

// powerCut cuts the power in the moment at which an order leaves, if nothing
// else is on its way to disk, and starts again from what was on it.
func (l *life) powerCut(dir string, m move) error {
	for _, c := range l.dispatcher.Commands() {
		if !c.Over() {
			return nil
		}
	}
	l.n++
	l.mu.Lock()
	l.disk, l.cut = filepath.Join(dir, fmt.Sprint(l.n)), true
	l.mu.Unlock()
	if _, err := l.ask(m); err != nil {
		return err
	}
	synctest.Wait()
	l.mu.Lock()
	left := !l.cut && l.wrong == nil
	l.cut = false
	l.mu.Unlock()
	if !left {
		return nil
	}
	if err := l.halt(); err != nil {
		return err
	}
	l.dir = l.disk
	if m.n%2 == 0 {
		return l.start()
	}
	return l.reboot()
}

func (l *life) check() error {
	for id := range l.asked {
		c, known := l.dispatcher.Command(id)
		told, err := l.told(id)
		ended := 0
		for _, typ := range told {
			if typ == command.TypeEnded {
				ended++
			}
		}
		switch {
		case err != nil:
			return err
		case !known || !c.Over():
			return fmt.Errorf("%s has not ended: %+v", id, c)
		case c.Phase == command.PhaseDone && l.arrived(id) == 0 && !l.torn[id]:
			return fmt.Errorf("%s is said to be done and never left: %+v", id, c)
		case (c.Reason == command.Expired || c.Reason == command.Refused) && l.arrived(id) > 0 && !c.Repeatable:
			return fmt.Errorf("%s is said to be unsent and left: %+v", id, c)
		case ended < 1 || ended > 2 || told[0] != command.TypeAsked:
			return fmt.Errorf("%s: the journal has %v", id, told)
		case l.arrived(id) > 0 && !slices.Contains(told, command.TypeSent):
			return fmt.Errorf("%s has left, the journal has %v", id, told)
		}
	}
	entries, err := l.journal.Read(journal.Urgent, 0, 10)
	if err != nil || len(entries) > 0 {
		return fmt.Errorf("the urgent chain has %d entries: %w", len(entries), err)
	}
	return nil
}
