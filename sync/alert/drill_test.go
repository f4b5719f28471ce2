package alert

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
)

// modem is a channel that can look at itself, and calls nobody by that.
type modem struct {
	mu     sync.Mutex
	probed []time.Time
	sent   int
	out    bool // of order
}

func (m *modem) Send(context.Context, string, Page) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent++
	return Result{Class: Accepted}
}

func (m *modem) Probe(context.Context) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.probed = append(m.probed, time.Now())
	if m.out {
		return Result{Class: Temporary, Detail: "no network"}
	}
	return Result{Class: Accepted}
}

func (m *modem) set(out bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.out = out
}

func (m *modem) take() (probed []time.Time, sent int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	probed, m.probed = m.probed, nil
	return probed, m.sent
}

// lines is the box's own log.
type lines struct {
	mu    sync.Mutex
	pages []Page
}

func (l *lines) Send(_ context.Context, _ string, p Page) Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pages = append(l.pages, p)
	return Result{Class: Accepted}
}

// drillFigures are passed, failed and the latest time in seconds.
func (b *box) drillFigures(t *testing.T) (passed, failed, took float64) {
	t.Helper()
	families, err := b.metrics.Gather()
	must(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch {
			case f.GetName() == "linli_alert_drill_seconds":
				took = m.GetGauge().GetValue()
			case f.GetName() == "linli_alert_drills_total" && m.GetLabel()[0].GetValue() == "passed":
				passed = m.GetCounter().GetValue()
			case f.GetName() == "linli_alert_drills_total":
				failed = m.GetCounter().GetValue()
			}
		}
	}
	return passed, failed, took
}

// types are the box's own events, sorted: what is decided is journaled together.
func (b *box) types(t *testing.T) string {
	t.Helper()
	var all []string
	for _, chain := range []journal.Chain{journal.Urgent, journal.Ordinary} {
		entries, err := b.journal.Read(chain, 0, 100)
		must(t, err)
		for _, e := range entries {
			all = append(all, strings.TrimPrefix(string(e.Event.Type), "incident."))
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// A drill goes the whole way: journal, board, disk, and each channel's look at
// itself. It is marked, over at once, and no person or siren hears of it, not
// even under a silence or beside a call for help.
func TestDrill(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		must(t, b.engine.Silence(t.Context(), Silenced{Scope: "all", Mode: ModeSilence, Minutes: 60, By: "li"}))
		took, failed := b.engine.Drill(t.Context())
		pass(time.Second)
		if failed != "" || took > time.Second {
			t.Fatalf("%q after %s", failed, took)
		}
		b.expect(t, "the drill", "")
		if probed, sent := b.modem.take(); len(probed) != 1 || sent != 0 || b.siren.sounds() {
			t.Errorf("probed %d times, sent %d", len(probed), sent)
		}
		if p := b.lines.pages; len(p) != 1 || !p[0].Test || p[0].Kind != Drill || !strings.HasPrefix(p[0].Title("zh-CN"), "【测试】【自检】社区网关") {
			t.Errorf("%+v", p)
		}
		if i := b.only(t); i.Phase != PhaseResolved || i.Resolved.By != byBox || i.Resolved.Cause != CauseTest || i.Device != devices.GatewayDevice {
			t.Errorf("%+v", i)
		}
		if got, want := b.types(t), "alert.silenced found found paged paged raised"; got != want {
			t.Errorf("the journal has %q, want %q", got, want)
		}
		if passed, failures, seconds := b.drillFigures(t); passed != 1 || failures != 0 || seconds != took.Seconds() {
			t.Errorf("passed %g, failed %g, %g s", passed, failures, seconds)
		}

		// The next within the hour is a drill of its own.
		must(t, b.press("w-zhao", "1"))
		pass(time.Second)
		b.expect(t, "a call for help", own)
		if _, failed := b.engine.Drill(t.Context()); failed != "" {
			t.Errorf("the second: %q", failed)
		}
		pass(time.Second)
		b.expect(t, "the second drill", "")
	})
}

// A channel that is out of order, or a disk, fails the drill: within 180 s that
// is a technical incident, until the next drill succeeds.
func TestDrillThatFails(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.modem.set(true)
		began := time.Now()
		if took, failed := b.engine.Drill(t.Context()); failed != "modem" || took != drillLimit {
			t.Fatalf("%q after %s", failed, took)
		}
		pass(time.Second)
		trouble := func() *Incident {
			for _, i := range b.engine.Incidents() {
				if i.Kind == PathDown {
					return &i
				}
			}
			return nil
		}
		if i := trouble(); i == nil || i.Phase != PhaseRaised || time.Since(began) > 180*time.Second || i.Because[0].Text("en") != "the drill has failed: modem" {
			t.Fatalf("after %s: %+v", time.Since(began), i)
		}
		probed, _ := b.modem.take()
		if len(probed) < 3 {
			t.Errorf("a blip would fail it: %d attempts", len(probed))
		}
		pass(10 * time.Minute)
		if calls := b.phone.take(); len(calls) == 0 || calls[0].page.Kind != PathDown {
			t.Errorf("nobody was told: %+v", calls)
		}
		if probed, _ := b.modem.take(); len(probed) > 0 {
			t.Errorf("the drill goes on: %d", len(probed))
		}

		b.modem.set(false)
		if _, failed := b.engine.Drill(t.Context()); failed != "" {
			t.Errorf("mended: %q", failed)
		}
		pass(time.Second)
		if i := trouble(); i.Phase != PhaseResolved {
			t.Errorf("%+v", i)
		}

		b.disk.fail()
		if _, failed := b.engine.Drill(t.Context()); failed == "" {
			t.Error("a drill without a disk has passed")
		}
		b.disk.mend()
		if passed, failures, _ := b.drillFigures(t); passed != 1 || failures != 2 {
			t.Errorf("passed %g, failed %g", passed, failures)
		}
	})
}

// The drill is at its hour of the community's day, once a day, also when the
// clock becomes known on the way; one that was cut short by a kill is closed by
// the next.
func TestDrillsOfTheDay(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- b.engine.Repeat(ctx, Routine{Name: "drill", At: 4 * time.Hour, Do: func(ctx context.Context, _ time.Time) { b.engine.Drill(ctx) }})
		}()
		pass(23 * time.Hour)
		if probed, _ := b.modem.take(); len(probed) > 0 {
			t.Fatalf("a drill at %s", probed[0])
		}
		b.skew.Store(int64(time.Until(time.Date(2026, 11, 25, 19, 0, 0, 0, time.UTC)))) // 03:00 there
		pass(59 * time.Minute)
		if probed, _ := b.modem.take(); len(probed) > 0 {
			t.Fatalf("too early: %s", probed[0])
		}
		pass(72 * time.Hour)
		probed, _ := b.modem.take()
		if len(probed) != 3 {
			t.Fatalf("%d drills in three days", len(probed))
		}
		for _, at := range probed {
			if local := at.Add(time.Duration(b.skew.Load())).In(zone); local.Hour() != 4 || local.Minute() > 1 {
				t.Errorf("at %s", local)
			}
		}
		stop()
		must(t, <-done)

		must(t, b.engine.Report(t.Context(), Found{Kind: Drill, Device: devices.GatewayDevice}, "killed"))
		pass(time.Second)
		must(t, b.halt())
		must(t, b.start())
		pass(time.Second)
		if _, failed := b.engine.Drill(t.Context()); failed != "" {
			t.Error(failed)
		}
		pass(time.Second)
		for _, i := range b.engine.Incidents() {
			if i.Phase != PhaseResolved {
				t.Errorf("%+v", i)
			}
		}
		b.expect(t, "all of it", "")
	})
}

// What was due while the box was off is made up for, once: a drill at the start,
// a trial, which people hear of, when they are awake. A new box begins with the
// next, and one that does not know the time waits.
func TestRoutinesAreMadeUpFor(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		var done []string
		run := func(d time.Duration) (did string) {
			t.Helper()
			ctx, stop := context.WithCancel(t.Context())
			over := make(chan error, 1)
			go func() {
				over <- b.engine.Repeat(ctx, Routine{Name: "trial", At: 10 * time.Hour, Until: 20 * time.Hour, Weekly: true, Do: func(_ context.Context, local time.Time) {
					done = append(done, local.Format("01-02 15h"))
				}})
			}()
			pass(d)
			stop()
			must(t, <-over)
			pass(0)
			did, done = strings.Join(done, ", "), nil
			return did
		}
		set := func(day, hour int) {
			b.skew.Store(int64(time.Until(time.Date(2026, 11, day, hour, 0, 0, 0, zone))))
		}
		again := func() {
			t.Helper()
			must(t, b.kill())
			must(t, b.reboot())
			pass(time.Second)
		}
		set(18, 12) // a Wednesday
		if did := run(24 * time.Hour); did != "" {
			t.Errorf("a new box: %s", did)
		}
		again()
		if did := run(7 * 24 * time.Hour); did != "11-23 10h" {
			t.Errorf("a week: %s", did)
		}
		again()
		set(32, 3) // Wednesday of the week after, at night
		if did := run(48 * time.Hour); did != "12-02 10h" {
			t.Errorf("after it was off on Monday: %s", did)
		}
		again()
		if did := run(48 * time.Hour); did != "" {
			t.Errorf("twice: %s", did)
		}
		again()
		b.skew.Store(int64(time.Until(time.Unix(0, 0))))
		if did := run(10 * 24 * time.Hour); did != "" {
			t.Errorf("without knowing the time: %s", did)
		}
		set(43, 12) // a Sunday, two weeks on
		if did := run(10 * time.Minute); did != "12-13 12h" {
			t.Errorf("once it is known: %s", did)
		}
	})
}
