package main

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/usage"
)

// turnedClock is the machine's clock, as a box without a battery sees it.
type turnedClock struct {
	right devices.Clock

	mu     sync.Mutex
	boot   devices.BootID
	booted time.Duration // by the machine's monotonic clock
	wrong  time.Duration
	synced bool
}

func (c *turnedClock) now() devices.Stamp {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.right()
	s.Boot, s.Mono, s.Wall, s.Synced = c.boot, s.Mono-c.booted, s.Wall.Add(c.wrong), c.synced
	return s
}

// set turns the wall clock away from the right time.
func (c *turnedClock) set(wrong time.Duration, synced bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong, c.synced = wrong, synced
}

// pass lets time go by.
func (c *turnedClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.booted -= d
	c.wrong += d
}

// reboot begins another boot, with a clock that is wrong.
func (c *turnedClock) reboot(wrong time.Duration) {
	c.set(wrong, false)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.boot[0]++
	c.booted = c.right().Mono
}

// A box without a battery clock, over three boots: help is called at once
// whatever the clock says, and each deposit reaches the platform's books on its
// true day, once.
func TestWrongClocks(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	const days = 24 * time.Hour
	c := &turnedClock{right: b.clock}
	c.reboot(-3 * days)
	b.clock = c.now // also for who registers: a machine that knows the time would tell the box
	secrets := b.register(neighbourhood(b)...)
	publish := func(device, event string) {
		t.Helper()
		d, err := connect(t, b.cfg.MQTT.Listen, 4, device, secrets[device])
		if err != nil {
			t.Fatal(err)
		}
		defer d.conn.Close()
		if err := d.publish("linli/v1/"+device+"/event", event); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	deposit := func() {
		t.Helper()
		n++
		publish("l1", fmt.Sprintf(`{"id":"%d","type":"parcel.deposited","data":{"compartment":%d}}`, n, n))
	}
	today, wrongDay := usage.Day(c.right().Wall), usage.Day(c.right().Wall.Add(-3*days))
	books := func(when string, want, wantWrong int64) {
		t.Helper()
		eventually(t, when, func() bool {
			return b.total(today, usage.Deposits.Code) == want && b.total(wrongDay, usage.Deposits.Code) == wantWrong
		})
	}

	// Three days behind, which is plausible: it counts at once, and moves when
	// NTP comes, though no device speaks after that.
	_, stop := b.start()
	deposit()
	books("counted at once", 0, 1)
	c.set(0, true)
	books("moved to the right day", 1, 0)
	stop()

	// 1970. A press rings at once, and a hand that sets the clock by ten years
	// changes nothing.
	c.reboot(-time.Duration(c.right().Wall.UnixNano()))
	g, stop := b.start()
	deposit()
	publish("w302", `{"id":"sos-1","type":"sos"}`)
	pages := b.phone.await(t, "the press", func(p []alert.Page) bool { return len(p) > 0 })
	if p := pages[0]; p.Synced || p.Raised.Year() != 1970 {
		t.Errorf("page %+v", p)
	}
	c.set(3653*days, false)
	deposit()
	if err := g.alerts.Acknowledge(t.Context(), pages[0].Incident, "li", "page"); err != nil {
		t.Fatal(err)
	}
	stop()

	// The next boot knows the time, and so when the last one was.
	c.reboot(0)
	c.set(0, true)
	g, stop = b.start()
	books("the boot in 1970 is dated by its neighbours", 3, 0)
	for _, day := range []string{today, wrongDay, "1970-01-01"} {
		if uncertain, err := g.figures.Uncertain(day); uncertain || err != nil {
			t.Errorf("%s uncertain: %t, %v", day, uncertain, err)
		}
	}
	if steps := clockSteps(t, g.journal); steps < 4 { // three starts, and NTP
		t.Errorf("%d clock steps are journaled", steps)
	}
	stop()
}

// The telephones of all accept each page, and nobody answers: the calls go on, a
// step a minute, through a day, while somebody turns the wall clock by ten years
// to and fro. Only a human's answer ends them.
func TestNobodyAnswersStory(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	c := &turnedClock{right: b.clock, synced: true}
	b.clock = c.now
	secrets := b.register(append(neighbourhood(b),
		registry.Caregiver{ID: "wang", Name: "王强", Channels: []registry.Channel{{Kind: "webhook", Address: b.phone.url}}},
		registry.Group{ID: "boss", Name: "主管", Role: registry.RoleSupervisor, Members: []string{"wang"}})...)
	g, _ := b.start()
	d, err := connect(t, b.cfg.MQTT.Listen, 5, "w302", secrets["w302"])
	if err != nil {
		t.Fatal(err)
	}
	defer d.conn.Close()
	presses := 0
	press := func() {
		t.Helper()
		presses++
		if err := d.publish("linli/v1/w302/event", fmt.Sprintf(`{"id":"%d","type":"sos"}`, presses)); err != nil {
			t.Fatal(err)
		}
	}
	press()
	began := time.Now()
	told := func(step int) {
		t.Helper()
		b.phone.await(t, fmt.Sprint("step ", step), func(pages []alert.Page) bool {
			return slices.ContainsFunc(pages, func(p alert.Page) bool { return p.Step >= step })
		})
	}
	told(1)
	const steps = 15
	for step := 2; step <= steps; step++ {
		c.set(time.Duration(1-step%3)*3653*24*time.Hour, true)
		press() // the engine looks at the clock
		c.pass(time.Minute)
		press()
		told(step)
	}
	i := g.alerts.Incidents()[0]
	if most := steps + int(time.Since(began)/time.Minute); i.Step < steps || i.Step > most {
		t.Errorf("step %d, want %d to %d", i.Step, steps, most)
	}
	c.pass(24 * time.Hour)
	press()
	told(i.Step + 1)
	eventually(t, "all presses in one incident", func() bool { // the engine reads behind the acknowledgement
		list := g.alerts.Incidents()
		return len(list) == 1 && list[0].Phase == alert.PhaseRaised && list[0].Presses == presses
	})
	if err := g.alerts.Acknowledge(t.Context(), i.ID, "li", "page"); err != nil {
		t.Fatal(err)
	}
	last := g.alerts.Incidents()[0].Step
	c.pass(10 * time.Minute)
	if err := d.publish("linli/v1/w302/event", `{"id":"battery","type":"battery","data":{"percent":80}}`); err != nil {
		t.Fatal(err)
	}
	_, failed := g.alerts.Drill(t.Context()) // the engine has looked at the clock
	if i := g.alerts.Incidents(); failed != "" || !slices.ContainsFunc(i, func(i alert.Incident) bool {
		return i.Kind == alert.SOS && i.Step == last && i.Phase == alert.PhaseAcknowledged
	}) {
		t.Errorf("after the answer: %s %+v", failed, i)
	}
}

// clockSteps counts them.
func clockSteps(t *testing.T, j *journal.Journal) (steps int) {
	t.Helper()
	var at uint64
	for {
		entries, err := j.Read(journal.Ordinary, at, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return steps
		}
		for _, e := range entries {
			at = e.Seq
			if e.Event.Type == clock.TypeStep {
				steps++
			}
		}
	}
}
