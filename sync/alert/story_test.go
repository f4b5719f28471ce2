package alert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
)

func TestSOSIsCalledUntilAHumanAcknowledges(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		must(t, b.press("w-zhao", "1"))
		pass(0)
		calls := b.expect(t, "at once", own)
		if p := calls[0].page; p.Step != 1 || p.Attempt != 1 || p.FromMemory || p.Building != "3栋" || p.Room != "502" || p.Device != "" {
			t.Errorf("first page: %+v", p)
		}
		if !b.siren.sounds() {
			t.Error("no siren")
		}
		pass(59 * time.Second)
		b.expect(t, "before the step ends", "")
		for minute := 1; minute <= 120; minute++ {
			pass(time.Minute)
			calls := b.expect(t, fmt.Sprint("minute ", minute), everyone)
			if calls[0].page.Step != minute+1 {
				t.Fatalf("minute %d: step %d", minute, calls[0].page.Step)
			}
		}
		id := b.only(t).ID
		must(t, b.engine.Acknowledge(context.Background(), id, "li", "page"))
		if got := b.only(t); got.Phase != PhaseAcknowledged || got.Acknowledged.By != "li" || got.Acknowledged.How != "page" {
			t.Errorf("%+v", got)
		}
		pass(DefaultArrive - time.Second)
		b.expect(t, "after the acknowledgement", "")
		must(t, b.engine.Arrive(context.Background(), id, "li", "nfc"))
		pass(3 * time.Hour)
		b.expect(t, "after somebody has come", "")
		if b.siren.sounds() {
			t.Error("the siren still sounds")
		}
		must(t, b.engine.Acknowledge(context.Background(), id, "wang", "page")) // a second one does nothing
		must(t, b.engine.Resolve(context.Background(), id, "li", CauseReal))
		if got := b.only(t); got.Phase != PhaseResolved || got.Acknowledged.By != "li" || got.Resolved.Cause != CauseReal {
			t.Errorf("%+v", got)
		}

		// The journal has it all, under identities that are there once.
		pass(time.Second)
		steps := map[devices.Type]int{}
		for _, chain := range []journal.Chain{journal.Urgent, journal.Ordinary} {
			entries, err := b.journal.Read(chain, 0, 5000)
			must(t, err)
			for _, e := range entries {
				steps[e.Event.Type]++
			}
		}
		if steps[TypeRaised] != 1 || steps[TypeEscalated] != 120 || steps[TypeAcknowledged] != 2 || steps[TypeOnScene] != 1 || steps[TypeResolved] != 1 || steps[TypePaged] != 2+120*3+121 || steps["sos"] != 1 {
			t.Errorf("in the journal: %v", steps)
		}
	})
}

func TestActsThatCannotBe(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		must(t, b.press("w-zhao", "1"))
		pass(0)
		ctx, id := context.Background(), b.only(t).ID
		must(t, b.engine.Resolve(ctx, id, "li", CauseTest))
		for _, c := range []struct {
			err  error
			want string
		}{
			{b.engine.Acknowledge(ctx, "none", "li", "page"), "没有编号为 none 的警报，请用 linli incident list 核对"},
			{b.engine.Acknowledge(ctx, id, "li", "page"), "事件 " + id + " 已经结束。"},
			{b.engine.Acknowledge(ctx, id, "", "page"), "by：须写明是谁，至多 64 个字符"},
			{b.engine.Resolve(ctx, id, "li", "boredom"), `cause：须为 real、accidental、test、device 或 away（现为 "boredom"）`},
		} {
			if c.err == nil || texts.Of(c.err, texts.Chinese) != c.want {
				t.Errorf("%v, want %s", c.err, c.want)
			}
		}
		if n := b.journal.Last(journal.Urgent); n != 2 {
			t.Errorf("%d urgent records, want the press and the resolution", n)
		}
	})
}

func TestPressAfterAcknowledgementCallsAgain(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		must(t, b.press("w-zhao", "1"))
		pass(10 * time.Second)
		b.expect(t, "first press", own)
		must(t, b.press("w-zhao", "2"))
		for range 50 {
			must(t, b.press("w-zhao", "1"))
		}
		pass(10 * time.Second)
		b.expect(t, "second press and 50 redeliveries", "")
		if got := b.only(t); got.Presses != 2 {
			t.Errorf("%d presses, want 2", got.Presses)
		}
		must(t, b.engine.Acknowledge(context.Background(), b.only(t).ID, "li", "page"))
		pass(10 * time.Minute)
		must(t, b.press("w-zhao", "3"))
		pass(0)
		if calls := b.expect(t, "press after the acknowledgement", own); calls[0].page.Round != 2 || calls[0].page.Presses != 3 {
			t.Errorf("%+v", calls[0].page)
		}
		pass(time.Minute)
		b.expect(t, "a minute later", everyone)
	})
}

func TestRestartGoesOnWhereItWas(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		must(t, b.press("w-zhao", "1"))
		pass(80 * time.Second)
		b.expect(t, "steps 1 and 2", "li, li, li's other, li's other, wang")
		must(t, b.halt())
		pass(10 * time.Second)
		must(t, b.start())
		pass(29 * time.Second) // 119 s since the press
		b.expect(t, "after the restart, within the step", "")
		if !b.siren.sounds() {
			t.Error("no siren after the restart")
		}
		pass(time.Second)
		if calls := b.expect(t, "at the end of the step", everyone); calls[0].page.Step != 3 {
			t.Errorf("step %d, want 3", calls[0].page.Step)
		}
	})
}

func TestAfterARebootTheStepIsDueAtOnce(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		must(t, b.press("w-zhao", "1"))
		must(t, b.press("w-qian", "1"))
		pass(5 * time.Second)
		b.expect(t, "before", "li, li, li's other, li's other, wang")
		for _, i := range b.engine.Incidents() {
			if i.Elder == "qian" {
				must(t, b.engine.Acknowledge(context.Background(), i.ID, "li", "page"))
			}
		}
		must(t, b.halt())
		must(t, b.reboot())
		pass(0)
		b.expect(t, "after the reboot", everyone)
		pass(59 * time.Second)
		b.expect(t, "within the step", "")
		pass(time.Second)
		b.expect(t, "next step", everyone)
	})
}

// What was recorded while nobody followed is called for at the start, unless
// it was acknowledged too.
func TestBacklogIsReadBeforeAnybodyIsCalled(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		must(t, b.press("w-zhao", "0"))
		pass(time.Second)
		b.expect(t, "before", own)
		id := b.only(t).ID
		must(t, b.halt())
		j, err := journal.Open(b.dir+"/journal", journal.Options{Clock: b.clock})
		must(t, err)
		for i := range 1500 { // several batches of the fold
			e := press("w-zhao", fmt.Sprint("late", i), "sos")
			must(t, j.Submit(context.Background(), withUrgency(e), func(error) {}))
		}
		must(t, j.Record(context.Background(), press("w-qian", "1", "fall")))
		must(t, j.Record(context.Background(), act(t, "a", Acknowledged{Incident: id, By: "li", How: "page"})))
		must(t, j.Close())
		pass(10 * time.Minute) // the step of the first incident is long over
		must(t, b.start())
		pass(time.Second)
		for _, c := range b.expect(t, "after the start", everyone) {
			if c.page.Kind != Fall {
				t.Errorf("called for %s", c.page.Incident)
			}
		}
	})
}

// The same holds for who may have come: that nobody has is only known when the
// backlog has been read.
func TestBacklogIsReadBeforeNobodyHasCome(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		must(t, b.press("w-zhao", "0"))
		pass(time.Second)
		b.expect(t, "before", own)
		id := b.only(t).ID
		must(t, b.engine.Acknowledge(context.Background(), id, "li", "page"))
		must(t, b.halt())
		j, err := journal.Open(b.dir+"/journal", journal.Options{Clock: b.clock})
		must(t, err)
		must(t, j.Record(context.Background(), act(t, "a", OnScene{Incident: id, By: "li", How: "page"})))
		must(t, j.Close())
		pass(DefaultArrive)
		must(t, b.start())
		pass(time.Minute)
		b.expect(t, "after the start", "")
		if i := b.only(t); i.Phase != PhaseOnScene || i.Round != 1 {
			t.Errorf("%s in round %d", i.Phase, i.Round)
		}
	})
}

func withUrgency(e devices.Event) devices.Event { e.Urgency = devices.Urgent; return e }

func TestSenderThatHangsHoldsUpNobody(t *testing.T) {
	for _, mood := range []Class{hangs, stuck} {
		t.Run(string(mood), func(t *testing.T) {
			story(t, func(t *testing.T, b *box) {
				b.phone.mood("li", Result{Class: mood})
				must(t, b.press("w-zhao", "1"))
				pass(0)
				b.expect(t, "at once", own)
				pass(59 * time.Second)
				repeats := len(b.phone.take())
				if repeats < 2 || repeats > 4 {
					t.Errorf("the page that hangs was tried %d more times within a step", repeats)
				}
				pass(time.Second)
				for range 30 {
					calls := b.phone.take()
					if n := strings.Count(addresses(calls), "wang"); n != 1 {
						t.Fatalf("Wang was called %d times in a step", n)
					}
					pass(time.Minute)
				}
			})
		})
	}
}

// A sender may give its answer in the very moment in which it is given up.
func TestSenderThatAnswersAsItIsGivenUp(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		for _, address := range []string{"li", "li's other", "wang"} {
			b.phone.mood(address, Result{Class: tardy})
		}
		must(t, b.press("bracelet", "1"))
		pass(10 * time.Minute)
		if calls := b.phone.take(); len(calls) < 50 {
			t.Errorf("%d calls in ten minutes", len(calls))
		}
	})
}

func TestResults(t *testing.T) {
	for _, c := range []struct {
		name  string
		moods []Result
		at    [][2]float64 // within which seconds each attempt must be
	}{
		{"accepted", []Result{{Class: Accepted}}, [][2]float64{{0, 0}}},
		{"permanent", []Result{{Class: Permanent}}, [][2]float64{{0, 0}}},
		{"temporary, then accepted", []Result{{Class: Temporary}, {Class: Temporary}, {Class: Accepted}},
			[][2]float64{{0, 0}, {.8, 1.2}, {2.4, 3.6}}},
		{"unknown is repeated", []Result{{Class: Unknown}, {Class: Accepted}}, [][2]float64{{0, 0}, {.8, 1.2}}},
		{"the channel asks for time", []Result{{Class: Temporary, RetryAfter: 30 * time.Second}, {Class: Accepted}},
			[][2]float64{{0, 0}, {30, 30}}},
		{"temporary for ever", []Result{{Class: Temporary}},
			[][2]float64{{0, 0}, {.8, 1.2}, {2.4, 3.6}, {6.4, 9.6}, {14.4, 21.6}, {30.4, 45.6}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, func(t *testing.T, b *box) {
				began := time.Now()
				b.phone.mood("li", c.moods...)
				must(t, b.press("w-zhao", "1"))
				pass(59 * time.Second)
				var tries []call
				for _, call := range b.phone.take() {
					if call.address == "li" {
						tries = append(tries, call)
					}
				}
				if len(tries) < len(c.at) {
					t.Fatalf("%d attempts, want %d", len(tries), len(c.at))
				}
				for i, try := range tries[:len(c.at)] {
					if s := try.at.Sub(began).Seconds(); s < c.at[i][0] || s > c.at[i][1] {
						t.Errorf("attempt %d after %.1f s, want within %v", i+1, s, c.at[i])
					}
					if try.page.Attempt != i+1 || try.page.Key != tries[0].page.Key {
						t.Errorf("attempt %d: %+v", i+1, try.page)
					}
				}
				if last := c.moods[len(c.moods)-1].Class; (last == Accepted || last == Permanent) && len(tries) != len(c.at) {
					t.Errorf("%d attempts, want %d", len(tries), len(c.at))
				}
			})
		})
	}
}

// Of two answers of one address the longer pause counts, whichever comes last.
func TestTheLongerPauseCounts(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		busy := &traffic{line: line{"phone", "li"}, until: b.clock().Mono + time.Second}
		b.engine.mu.Lock()
		b.engine.lines[busy.line] = busy
		b.engine.mu.Unlock()
		for _, pause := range []time.Duration{5 * time.Minute, time.Second} {
			b.engine.finish(busy, 0, Page{}, Delivery{}, Result{Class: Temporary, RetryAfter: pause})
		}
		must(t, b.press("w-zhao", "1"))
		pass(4 * time.Minute)
		for _, c := range b.phone.take() {
			if c.address == "li" {
				t.Fatal("called before five minutes are over")
			}
		}
	})
}

func TestNobodyOfHerOwnToReach(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.phone.mood("li", Result{Class: Permanent})
		b.phone.mood("li's other", Result{Class: Permanent})
		must(t, b.press("w-zhao", "1"))
		pass(0)
		b.expect(t, "at once everybody", "li, li, li's other, li's other, wang")
		b.phone.mood("wang", Result{Class: Permanent})
		pass(10 * time.Minute)
		if n := len(b.phone.take()); n != 30 {
			t.Errorf("%d calls in ten minutes, want 3 each", n)
		}
		if reach := b.engine.Reach(); reach.Nobody || fmt.Sprint(reach.Without) != "[mute]" {
			t.Errorf("%+v", reach)
		}
		must(t, b.registry.Put(registry.Caregiver{ID: "li", Name: "李"}, registry.Caregiver{ID: "wang", Name: "王"}))
		if !b.engine.Reach().Nobody {
			t.Error("nobody is left, and nobody says so")
		}
	})
}

// The siren does not wait for a disk that takes its time: only pages do, for
// as long as may be.
func TestSirenSoundsBeforeTheDiskIsDone(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		hung := make(chan struct{})
		b.engine.disk = func() error { <-hung; return nil }
		must(t, b.press("w-zhao", "1"))
		synctest.Wait()
		if !b.siren.sounds() {
			t.Error("the siren is silent")
		}
		b.expect(t, "nothing on disk yet", "")
		close(hung)
		synctest.Wait()
		b.expect(t, "all on disk", own)
	})
}

func TestBrokenSirenSoundsOnceMended(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.siren.breakDown(true)
		must(t, b.press("w-zhao", "1"))
		pass(10 * time.Second)
		b.expect(t, "with a broken siren", own)
		b.siren.breakDown(false)
		pass(time.Second)
		if !b.siren.sounds() {
			t.Error("no siren")
		}
	})
}

func TestFailedCommitIsCalledFromMemory(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.disk.fail()
		for range 3 { // the device tries again, as it was not acknowledged
			if err := b.press("w-zhao", "1"); err == nil {
				t.Fatal("acknowledged without a commit")
			}
			pass(2 * time.Second)
		}
		calls := b.expect(t, "with a full disk", own)
		if p := calls[0].page; !p.FromMemory || p.Incident != identity(press("w-zhao", "1", "sos")) {
			t.Errorf("%+v", p)
		}
		pass(time.Minute)
		b.expect(t, "the next step of a full disk", everyone)
		b.disk.mend()
		must(t, b.press("w-zhao", "1"))
		pass(10 * time.Second)
		b.expect(t, "when the event is recorded at last", "")
		if got := b.only(t); got.Presses != 1 {
			t.Errorf("%d presses, want 1", got.Presses)
		}
		must(t, b.halt())
		must(t, b.start())
		pass(time.Second)
		b.expect(t, "after a restart", "")
	})
}

func TestHungCommitIsCalledFromMemory(t *testing.T) {
	for _, c := range []struct {
		name    string
		records bool
	}{{"journal", true}, {"all", false}} {
		t.Run(c.name, func(t *testing.T) {
			story(t, func(t *testing.T, b *box) {
				b.disk.records = c.records
				b.disk.hang()
				done := make(chan error, 1)
				go func() { done <- b.press("w-zhao", "1") }()
				pass(999 * time.Millisecond)
				b.expect(t, "within the first second", "")
				pass(time.Millisecond)
				if calls := b.expect(t, "after a second", own); !calls[0].page.FromMemory {
					t.Error("the page does not say that it is from memory")
				}
				if !b.siren.sounds() {
					t.Error("no siren")
				}
				pass(29 * time.Second)
				select {
				case err := <-done:
					t.Fatalf("acknowledged before the commit: %v", err)
				default:
				}
				b.disk.mend()
				must(t, <-done)
				pass(30 * time.Second)
				b.expect(t, "after the commit", "")
				pass(time.Second)
				b.expect(t, "the next step", everyone)
			})
		})
	}
}

// The event is recorded, but the engine's own file hangs.
func TestHungStateIsCalledFromMemory(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		must(t, b.press("w-qian", "0"))
		pass(time.Second)
		b.expect(t, "before", everyone)
		b.disk.hang()
		must(t, b.engine.Guard(b.journal).Record(context.Background(), press("w-zhao", "1", "sos")))
		pass(999 * time.Millisecond)
		b.expect(t, "within the first second", "")
		pass(time.Millisecond)
		b.expect(t, "after a second", own)
		pass(58 * time.Second)
		b.expect(t, "a step late by the disk", "")
		pass(3 * time.Second)
		for _, c := range b.expect(t, "the next steps", "li, li, li's other, li's other, wang, wang") {
			if !c.page.FromMemory {
				t.Errorf("does not say that it is from memory: %+v", c.page)
			}
		}
		b.disk.mend()
		pass(10 * time.Second)
		b.expect(t, "after the disk", "")
	})
}

func TestAcknowledgementWithoutADisk(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		must(t, b.press("w-zhao", "1"))
		pass(time.Second)
		b.phone.take()
		b.disk.fail()
		err := b.engine.Acknowledge(context.Background(), b.only(t).ID, "li", "page")
		var text *texts.Error
		if !errors.As(err, &text) || text.Text != texts.Alert.NotKept {
			t.Fatalf("%v", err)
		}
		pass(10 * time.Minute)
		b.expect(t, "after an acknowledgement that could not be kept", "")
		if b.only(t).Phase != PhaseAcknowledged {
			t.Error("it does not count")
		}
	})
}

// With too many events waiting for the disk, pages do not wait at all.
func TestWaitingEventsAreBounded(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.disk.hang()
		for i := range maxWatched {
			b.engine.watch(press("w-qian", fmt.Sprint(i), "sos"))
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		if err := b.guard.Record(ctx, press("w-zhao", "1", "sos")); err == nil {
			t.Fatal("recorded by a disk that hangs")
		}
		synctest.Wait()
		b.expect(t, "without waiting", own)
		pass(time.Second)
		b.expect(t, "after a second", everyone)
		if n := len(b.engine.watched); n != 0 {
			t.Errorf("%d events still wait", n)
		}
	})
}

// A device may repeat a press long after everybody has forgotten it; the
// journal has not.
func TestRedeliveryOfAForgottenPress(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		for i := range maxResolved + 1 {
			must(t, b.press("w-zhao", fmt.Sprint(i)))
			synctest.Wait()
			must(t, b.engine.Resolve(context.Background(), b.engine.Incidents()[0].ID, "li", CauseTest))
		}
		pass(time.Second)
		b.phone.take()
		if n := len(b.engine.Incidents()); n != maxResolved {
			t.Fatalf("%d incidents are kept", n)
		}
		must(t, b.press("w-zhao", "0"))
		pass(time.Minute)
		b.expect(t, "after the redelivery", "")
	})
}

func TestWallClockDoesNotMatter(t *testing.T) {
	const decade = 10 * 365 * 24 * time.Hour
	story(t, func(t *testing.T, b *box) {
		must(t, b.press("w-zhao", "1"))
		pass(30 * time.Second)
		b.expect(t, "at once", own)
		for minute, skew := range []time.Duration{decade, -decade, 0, -6 * decade} {
			b.skew.Store(int64(skew))
			pass(29 * time.Second)
			b.expect(t, fmt.Sprint("before minute ", minute+1), "")
			pass(31 * time.Second)
			b.expect(t, fmt.Sprint("minute ", minute+1), everyone)
		}
	})
}

func TestMetrics(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.phone.mood("li", Result{Class: Permanent})
		b.disk.records = true
		b.disk.fail()
		must(t, b.engine.Guard(b.journal).Record(context.Background(), press("w-zhao", "1", "sos")))
		if err := b.press("w-qian", "1"); err == nil {
			t.Fatal("recorded by a disk that fails")
		}
		pass(time.Second)
		got := map[string]float64{}
		families, err := b.metrics.Gather()
		must(t, err)
		for _, f := range families {
			for _, m := range f.GetMetric() {
				name := f.GetName()
				for _, l := range m.GetLabel() {
					name += " " + l.GetValue()
				}
				got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
		want := map[string]float64{
			"linli_alert_incidents_total sos": 2, "linli_alert_open_incidents": 2, "linli_alert_unanswered_incidents": 2,
			"linli_alert_pages_total log accepted": 2, "linli_alert_pages_total phone accepted": 3, "linli_alert_pages_total phone permanent": 2,
			"linli_alert_from_memory_total": 1, "linli_alert_first_page_seconds": 2, "linli_alert_siren_errors_total": 0, "linli_alert_rota_flaws": 0, "linli_alert_unprotected_elders": 0,
			"linli_alert_drill_seconds": 0, "linli_alert_drill_passed_timestamp_seconds": 0,
		}
		if !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}
