package alert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices/registry"
)

// Random histories of a box, against what people were promised:
//
//   - while a call for help is unanswered, somebody is called in every step;
//   - after an acknowledgement nobody is, until the next press, or until nobody
//     has come; and when somebody is there nobody is;
//   - one press is one incident, and nobody has two that are open;
//   - a page that was accepted is not sent again, but after a restart;
//
// also while somebody sets the wall clock, by up to fifty years, changes the
// rota, kills the box or cuts its power. A hundred of them; ten thousand in the campaign.
func TestRandomHistories(t *testing.T) {
	for range campaign(1, 100) {
		histories(t)
	}
}

// campaign is the long form of a test in the campaign, else the short one.
func campaign(short, long int) int {
	if os.Getenv("LINLI_CAMPAIGN") != "" {
		return long
	}
	return short
}

func histories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		faults := rapid.Bool().Draw(rt, "faults")
		least := rapid.SampledFrom([]int{1, 5, 20}).Draw(rt, "least") // rapid draws hardly more than that and five
		moves := rapid.SliceOfN(drawMove(faults), least, 60).Draw(rt, "moves")
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		synctest.Test(t, func(*testing.T) { err = live(dir, moves, faults) })
		if err != nil {
			rt.Fatal(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			rt.Fatal(err)
		}
	})
}

// Corners of the promises: histories that hardly ever come about by chance, and
// in which it is easy to expect too much of the box, or too little.
func TestHistoriesInCorners(t *testing.T) {
	passes := func(ns ...int) (moves []move) {
		for _, n := range ns {
			moves = append(moves, move{what: "pass", n: n})
		}
		return moves
	}
	minutes14, seconds55 := passes(79, 79, 79, 77), passes(52, 31, 28)
	for what, history := range map[string]struct {
		faults bool
		moves  []move
	}{
		"somebody else's step is due while an acknowledgement waits for the disk": {true, slices.Concat(
			[]move{{what: "press", device: "mat-zhao"}, {what: "press", device: "cord"}, {what: "hang"}}, passes(79),
			[]move{{what: "acknowledge", n: 1}}, passes(52),
		)},
		"an acknowledgement counts from when it was given, not from when it was kept": {true, slices.Concat(
			[]move{{what: "press", device: "cord"}, {what: "slow"}, {what: "acknowledge"}}, minutes14, seconds55, passes(3, 2, 3),
		)},
		"an acknowledgement that is on its way when people are called again answers that": {true, slices.Concat(
			[]move{{what: "press", device: "cord"}, {what: "acknowledge"}}, minutes14, seconds55, passes(3, 3, 3, 2),
			[]move{{what: "slow"}, {what: "acknowledge"}}, passes(78),
		)},
		"a boot in the last second in which somebody may come": {false, slices.Concat(
			[]move{{what: "press", device: "cord"}, {what: "acknowledge"}}, minutes14, seconds55, passes(3, 3, 3, 1),
			[]move{{what: "reboot"}}, passes(78),
		)},
		"a box that dies each minute, and nobody comes": {false, slices.Concat(
			[]move{{what: "press", device: "cord"}, {what: "acknowledge"}},
			slices.Repeat(append(passes(75), move{what: "power"}), 20), passes(76),
		)},
		"a box that is off and on again, and nobody comes": {false, slices.Concat(
			[]move{{what: "press", device: "cord"}, {what: "acknowledge"}},
			slices.Repeat(append(passes(79), move{what: "reboot"}), 4), passes(76),
		)},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) { must(t, live(dir, history.moves, history.faults)) })
		})
	}
}

type move struct {
	what   string
	device string
	n      int
}

var wearers = map[string]string{"w-zhao": "elder/zhao", "mat-zhao": "elder/zhao", "w-qian": "elder/qian", "w-sun": "elder/sun", "cord": "device/cord"}

func drawMove(faults bool) *rapid.Generator[move] {
	whats := []string{"press", "press", "press", "repeat", "acknowledge", "acknowledge", "arrive", "resolve", "pass", "pass", "pass", "restart", "reboot", "kill", "power", "rota", "clock"}
	if faults {
		whats = append(whats, "mood", "mood", "fail", "hang", "slow", "mend", "mend")
	}
	return rapid.Custom(func(rt *rapid.T) move {
		return move{
			rapid.SampledFrom(whats).Draw(rt, "what"),
			rapid.SampledFrom(slices.Sorted(maps.Keys(wearers))).Draw(rt, "device"),
			rapid.IntRange(0, 99).Draw(rt, "n"),
		}
	})
}

// life is a box, and what is known of it from outside.
type life struct {
	*box
	bound    time.Duration // the longest silence while somebody must be called
	faults   bool
	presses  int
	pressed  []move          // n is the press's number
	restless map[string]move // presses that were not recorded: the device repeats them
	wishes   map[string]*wish
	opened   map[string]bool // IDs that the presses may have opened
	exact    map[string]bool // IDs that they must have opened, without faults
	accepted map[string]int  // by the page's key
	restarts int
}

// wish is what is promised about a subject.
type wish struct {
	open   bool      // without faults: there is one
	called time.Time // somebody must be called again within the bound; zero: need not
	silent bool      // nobody may be called
	from   time.Time // from then on they may be; zero: never
	until  time.Time // and then they must be
	back   bool      // that time is over, and nobody has come
}

func live(dir string, moves []move, faults bool) (err error) {
	b, err := newBox(dir)
	if err != nil {
		return err
	}
	l := &life{
		box: b, bound: 60100 * time.Millisecond, faults: faults, restless: map[string]move{}, wishes: map[string]*wish{},
		opened: map[string]bool{}, exact: map[string]bool{}, accepted: map[string]int{},
	}
	if faults {
		l.bound += patience + deadline + replay // all of it at its worst
	}
	for _, subject := range wearers {
		l.wishes[subject] = &wish{}
	}
	defer func() { err = errors.Join(err, l.halt()) }()
	synctest.Wait()
	for i, m := range moves {
		if err := l.make(m); err != nil {
			return fmt.Errorf("move %d, %+v: %w", i, m, err)
		}
		if err := l.check(); err != nil {
			return fmt.Errorf("after move %d, %+v: %w", i, m, err)
		}
	}
	return nil
}

func (l *life) make(m move) error {
	switch m.what {
	case "press":
		l.presses++
		m.n = l.presses
		l.pressed = append(l.pressed, m)
		l.send(m)
	case "repeat":
		if len(l.pressed) > 0 && len(l.restless) == 0 {
			again := l.pressed[m.n%len(l.pressed)]
			err := l.record(again)
			if err != nil && !l.faults {
				return err
			}
		}
	case "acknowledge", "arrive", "resolve":
		return l.act(m)
	case "pass":
		for range 1 + m.n%4 {
			pass([]time.Duration{300 * time.Millisecond, 5 * time.Second, 30 * time.Second, time.Minute}[m.n/25])
			if err := l.check(); err != nil {
				return err
			}
		}
	case "restart", "reboot", "kill", "power":
		return l.restart(m.what)
	case "rota":
		return l.plan(m.n)
	case "clock": // somebody sets it
		l.skew.Store(int64(tenYears) * int64(m.n-50) / 10)
	case "mood":
		moods := []Result{{Class: Accepted}, {Class: Temporary}, {Class: Unknown}, {Class: Permanent}, {Class: hangs}}
		l.phone.mood([]string{"li", "li's other", "wang"}[m.n%3], moods[m.n/20])
	case "fail":
		l.disk.fail()
	case "hang":
		l.disk.hang()
	case "slow":
		l.disk.mend()
		l.disk.crawl(3 * time.Second)
	case "mend":
		l.disk.mend()
		synctest.Wait()
		for _, id := range slices.Sorted(maps.Keys(l.restless)) {
			l.send(l.restless[id])
		}
	}
	return nil
}

func (l *life) record(m move) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	e := press(m.device, fmt.Sprint(m.n), "sos")
	e.Received = l.clock()
	err := l.guard.Record(ctx, e)
	synctest.Wait()
	return err
}

// send is one press, which the device repeats if it was not acknowledged.
func (l *life) send(m move) {
	w := l.wishes[wearers[m.device]]
	id := identity(press(m.device, fmt.Sprint(m.n), "sos"))
	if !w.open {
		l.exact[id] = true
	}
	l.opened[id] = true
	repeated := l.restless[id].what != ""
	err := l.record(m)
	if err != nil {
		l.restless[id] = m
	} else {
		delete(l.restless, id)
	}
	w.open, w.silent, w.from, w.until, w.back = true, false, time.Time{}, time.Time{}, false
	if w.called.IsZero() && !repeated {
		w.called = time.Now()
	}
}

// act is what a human does who sees an open incident on the page.
func (l *life) act(m move) error {
	var open []Incident
	for _, i := range l.engine.Incidents() {
		if i.Phase != PhaseResolved {
			open = append(open, i)
		}
	}
	if len(open) == 0 {
		return nil
	}
	i := open[m.n%len(open)]
	w := l.wishes[subjectOf(i)]
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	began := time.Now() // it counts from here, however long it takes until it is kept
	var err error
	until, taken := time.Time{}, true
	switch m.what {
	case "acknowledge":
		err = l.engine.Acknowledge(ctx, i.ID, "li", "page")
		until, taken = began.Add(DefaultArrive), l.took(i)
	case "arrive":
		err = l.engine.Arrive(ctx, i.ID, "li", "page")
	default:
		err = l.engine.Resolve(ctx, i.ID, "li", CauseReal)
		w.open = err != nil
	}
	if err != nil && !l.faults {
		return err
	}
	if err := l.hear(); err != nil { // what was under way before
		return err
	}
	switch {
	case taken:
	case i.Phase != PhaseRaised:
		return nil // nothing new
	case err == nil:
		return errors.New("acknowledged, and it is not")
	}
	w.called, w.silent, w.from, w.until, w.back = time.Time{}, err == nil, until, until, false
	if len(l.restless) > 0 {
		w.silent = false // an older press may still come
	}
	return nil
}

// took tells whether an acknowledgement of what was seen as before has changed
// anything: it does not if somebody has it already, unless nobody came meanwhile.
func (l *life) took(before Incident) bool {
	return slices.ContainsFunc(l.engine.Incidents(), func(i Incident) bool {
		return i.ID == before.ID && i.Phase == PhaseAcknowledged && (before.Phase == PhaseRaised || i.Round > before.Round)
	})
}

func (l *life) restart(how string) error {
	l.restarts++
	halt := l.halt
	if how == "kill" || how == "power" {
		halt = l.kill
	}
	if err := halt(); err != nil {
		return err
	}
	// What was neither recorded nor kept is forgotten until the device repeats
	// it; halt has mended the disk.
	again := l.start
	if how == "reboot" || how == "power" {
		again = l.reboot
		for _, w := range l.wishes { // how long they have had is counted in parts
			if !w.from.IsZero() {
				w.from = w.from.Add(-DefaultArrive / parts)
			}
			if l.faults && (w.back || !w.until.IsZero()) { // it may have been counted in memory alone
				w.called, w.until = time.Time{}, time.Now().Add(DefaultArrive)
			}
		}
	}
	if err := again(); err != nil {
		return err
	}
	synctest.Wait()
	for _, id := range slices.Sorted(maps.Keys(l.restless)) {
		l.send(l.restless[id])
	}
	return nil
}

// plan changes the rota: who stands by for everybody, and when.
func (l *life) plan(n int) error {
	members := [][]string{{"wang"}, {"li", "wang"}, {"mute"}, {}}[n%4]
	records := []registry.Record{registry.Group{ID: "duty", Name: "值班", Role: []registry.Role{registry.RoleCare, registry.RoleSupervisor, registry.RoleDesk}[n%3], Members: members}}
	if len(members) > 0 {
		hours := []registry.Hours{"", "08:00-20:00", "20:00-08:00"}[n%3]
		records = append(records, registry.Shift{ID: "s", Group: "duty", Days: registry.Days()[:1+n%8], Hours: hours, People: members[:1]})
	}
	return l.registry.Put(records...)
}

func subjectOf(i Incident) string {
	if i.Elder != "" {
		return "elder/" + i.Elder
	}
	return "device/" + i.Device
}

// hear takes in who was called since it was last asked.
func (l *life) hear() error {
	for _, w := range l.wishes {
		if !w.from.IsZero() && !time.Now().Before(w.from) { // nobody has come
			w.silent = false
		}
		if !w.until.IsZero() && !time.Now().Before(w.until) {
			if w.called.IsZero() {
				w.called = w.until
			}
			w.from, w.until, w.back = time.Time{}, time.Time{}, true
		}
	}
	subjects := map[string]string{}
	for _, i := range l.engine.Incidents() {
		subjects[i.ID] = subjectOf(i)
	}
	for _, c := range l.phone.take() {
		if c.result == Accepted {
			l.accepted[c.page.Key]++
		}
		switch w := l.wishes[subjects[c.page.Incident]]; {
		case w.silent:
			return fmt.Errorf("%s: called although acknowledged", subjects[c.page.Incident])
		case !w.called.IsZero():
			w.called = c.at
		}
	}
	return nil
}

func (l *life) check() error {
	if err := l.hear(); err != nil {
		return err
	}
	for subject, w := range l.wishes {
		if !w.called.IsZero() && time.Since(w.called) > l.bound {
			return fmt.Errorf("%s: nobody called for %s", subject, time.Since(w.called))
		}
	}
	for key, n := range l.accepted {
		if n > 1+l.restarts {
			return fmt.Errorf("page %s was accepted %d times with %d restarts", key, n, l.restarts)
		}
	}
	open := map[string]bool{}
	for _, i := range l.engine.Incidents() {
		subject := subjectOf(i)
		if i.Phase != PhaseResolved && open[subject] {
			return fmt.Errorf("two open incidents of %s", subject)
		}
		open[subject] = open[subject] || i.Phase != PhaseResolved
		if !l.opened[i.ID] || !l.faults && !l.exact[i.ID] {
			return fmt.Errorf("incident %s follows from no press", i.ID)
		}
	}
	if n := len(l.engine.Incidents()); !l.faults && n != len(l.exact) {
		return fmt.Errorf("%d incidents, want %d", n, len(l.exact))
	}
	return nil
}
