package alert

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/wearable"
)

// report hands over a finding, as the rules do.
func (b *box) report(t *testing.T, id string, f Found) {
	t.Helper()
	must(t, b.engine.Report(context.Background(), f, id))
	pass(100 * time.Millisecond)
}

func (b *box) send(t *testing.T, device, id string, p devices.Payload) {
	t.Helper()
	e, err := devices.New(device, p)
	must(t, err)
	e.ID, e.Received, e.Urgency = id, b.clock(), devices.Urgent
	must(t, b.guard.Record(context.Background(), e))
	pass(100 * time.Millisecond)
}

// staff registers a supervisor and a duty desk besides the community.
func (b *box) staff(t *testing.T) {
	t.Helper()
	reach := func(id string) registry.Caregiver {
		return registry.Caregiver{ID: id, Name: id, Channels: []registry.Channel{{Kind: "phone", Address: id}}}
	}
	must(t, b.registry.Put(reach("boss"), reach("desk"), reach("tech"),
		registry.Group{ID: "bosses", Name: "主管", Role: registry.RoleSupervisor, Members: []string{"boss"}},
		registry.Group{ID: "duty", Name: "值班室", Role: registry.RoleDesk, Members: []string{"desk"}},
		registry.Group{ID: "techs", Name: "运维", Role: registry.RoleOperator, Members: []string{"tech"}}))
}

func TestHighClimbsTheLadder(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.staff(t)
		must(t, b.press("w-zhao", "1"))
		pass(0)
		calls := b.expect(t, "step 1", own)
		if d := b.only(t).Deliveries[0]; d.Why != WhyOwn || calls[0].page.Step != 1 {
			t.Errorf("%+v", d)
		}
		pass(time.Minute)
		b.expect(t, "step 2", "boss, li, li's other")
		pass(time.Minute)
		b.expect(t, "step 3", "boss, desk, li, li's other")
		for range 10 {
			pass(time.Minute)
			b.expect(t, "everybody, without end", "boss, desk, li, li's other, tech, wang")
		}
	})
}

// What is agreed on for an elder goes before what the box has for all.
func TestStepsAsAgreed(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		must(t, b.registry.Put(registry.Care{ID: "zhao", StepSeconds: 20, CancelSeconds: 10, MediumMinutes: 2, VisitDays: 1}))
		b.send(t, "w-zhao", "1", wearable.Fall{Lying: true})
		pass(9 * time.Second)
		b.expect(t, "in which it may be cancelled", "")
		pass(time.Second)
		b.expect(t, "not cancelled", own)
		pass(20 * time.Second)
		b.expect(t, "the next step", everyone)
		must(t, b.press("w-qian", "1"))
		pass(time.Second)
		b.expect(t, "of another elder", everyone)
		steps := map[string]int{}
		for _, elder := range []string{"zhao", "qian"} {
			b.report(t, elder, Found{Kind: Inactivity, Elder: elder})
		}
		for _, minutes := range []time.Duration{2, 3} { // from then on
			pass(minutes * time.Minute)
			for _, i := range b.engine.Incidents() {
				if i.Kind == Inactivity {
					steps[i.Elder] = 10*steps[i.Elder] + i.Step
				}
			}
		}
		if steps["zhao"] != 23 || steps["qian"] != 12 {
			t.Errorf("steps after two and five minutes: %v", steps)
		}
		for _, i := range b.engine.Incidents() {
			must(t, b.engine.Resolve(t.Context(), i.ID, "li", CauseTest))
		}
		b.report(t, "2", Found{Kind: Unprotected, Elder: "zhao", Device: "w-zhao"})
		pass(daily + time.Hour)
		calls := b.phone.take()
		if p := calls[len(calls)-1].page; !p.Visit || p.Days != 1 {
			t.Errorf("%+v", p)
		}
	})
}

func TestMediumGoesRoundAndThenToTheDesk(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.staff(t)
		b.report(t, "f1", Found{Kind: Inactivity, Elder: "zhao", Because: []Sign{{Sign: SignNoLife, Minutes: 720}}})
		b.expect(t, "at once", own)
		if b.siren.sounds() {
			t.Error("the siren sounds")
		}
		for round := 1; round <= 3; round++ {
			pass(5*time.Minute - time.Second)
			b.expect(t, "within the step", "")
			pass(time.Second)
			b.expect(t, fmt.Sprint("supervisor of round ", round), "boss")
			if round < 3 {
				pass(5 * time.Minute)
				b.expect(t, fmt.Sprint("next round ", round), own)
			}
		}
		pass(5 * time.Minute)
		b.expect(t, "the desk", "desk")
		for range 5 {
			pass(59 * time.Minute)
			b.expect(t, "within the hour", "")
			pass(time.Minute)
			b.expect(t, "the desk, hourly", "desk")
		}
		must(t, b.engine.Acknowledge(t.Context(), b.only(t).ID, "desk", "page"))
		pass(time.Hour - time.Minute)
		b.expect(t, "somebody has it", "")
		pass(2 * time.Minute)
		if calls := b.expect(t, "nobody has come", own); !calls[0].page.Absent {
			t.Errorf("%+v", calls[0].page)
		}
	})
}

// The device sees somebody lie: the elder has a minute to say that all is well.
func TestFallCanBeCancelled(t *testing.T) {
	for _, c := range []struct {
		name   string
		after  time.Duration
		do     func(t *testing.T, b *box)
		want   string
		phase  Phase
		within time.Duration
	}{
		{"cancelled", 59 * time.Second, func(t *testing.T, b *box) { b.send(t, "w-zhao", "c", wearable.FallCancelled{}) }, "", PhaseResolved, time.Hour},
		{"too late", 70 * time.Second, func(t *testing.T, b *box) { b.send(t, "w-zhao", "c", wearable.FallCancelled{}) }, own, PhaseRaised, time.Second},
		{"not cancelled", 60 * time.Second, func(*testing.T, *box) {}, own, PhaseRaised, time.Second},
		{"pressed meanwhile", 10 * time.Second, func(t *testing.T, b *box) { b.send(t, "w-zhao", "p", wearable.SOS{}) }, own, PhaseRaised, time.Second},
		{"killed meanwhile", 10 * time.Second, func(t *testing.T, b *box) { must(t, b.halt()); must(t, b.start()) }, own, PhaseRaised, 51 * time.Second},
		{"rebooted meanwhile", 10 * time.Second, func(t *testing.T, b *box) { must(t, b.halt()); must(t, b.reboot()) }, own, PhaseRaised, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, func(t *testing.T, b *box) {
				began := time.Now()
				b.send(t, "w-zhao", "1", wearable.Fall{Lying: true})
				b.expect(t, "at once", "")
				pass(c.after - time.Since(began))
				c.do(t, b)
				pass(c.within)
				b.expect(t, "in the end", c.want)
				if i := b.only(t); i.Phase != c.phase {
					t.Errorf("%+v", i)
				}
			})
		})
	}
	story(t, func(t *testing.T, b *box) {
		b.send(t, "w-zhao", "1", wearable.Fall{})
		b.expect(t, "a fall of which the device knows no more", own)
	})
	story(t, func(t *testing.T, b *box) {
		must(t, b.registry.Put(registry.Device{Device: devices.Device{ID: "radar", Kind: room.Kind, Elder: "zhao"}}))
		b.send(t, "radar", "1", wearable.Fall{Lying: true})
		b.expect(t, "a fall that a sensor on the wall has seen, which has no button", own)
	})
}

// A press that carries no identity of its own is a retransmission within a
// minute of one that was none, and calls again later, however often it came
// meanwhile.
func TestRetransmissionsWithoutIdentity(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		must(t, b.press("w-zhao", nameless+"1"))
		pass(5 * time.Second)
		b.expect(t, "a press", own)
		must(t, b.engine.Acknowledge(t.Context(), b.only(t).ID, "li", "page"))
		for n := range 50 {
			must(t, b.press("w-zhao", nameless+fmt.Sprint("again", n)))
			pass(time.Second)
		}
		b.expect(t, "50 retransmissions after the acknowledgement", "")
		pass(4 * time.Second)
		must(t, b.press("w-zhao", nameless+"51"))
		pass(0)
		b.expect(t, "another after 59 s", "")
		pass(time.Second)
		must(t, b.press("w-zhao", nameless+"2"))
		pass(0)
		b.expect(t, "a press a minute later", own)
		if i := b.only(t); i.Presses != 53 || i.Round != 2 {
			t.Errorf("%d presses, round %d", i.Presses, i.Round)
		}
	})
}

func TestLifeOfAnIncident(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		ctx := context.Background()
		must(t, b.press("w-zhao", "1"))
		pass(0)
		b.expect(t, "a press", own)
		id := b.only(t).ID
		must(t, b.engine.Acknowledge(ctx, id, "li", "page"))
		must(t, b.engine.HandOver(ctx, id, "li", "wang"))
		must(t, b.engine.Note(ctx, id, "wang", "已联系女儿"))
		pass(15*time.Minute - time.Second)
		b.expect(t, "wang is on the way", "")
		pass(2 * time.Second)
		calls := b.expect(t, "nobody has come", own)
		if p := calls[0].page; !p.Absent || p.Round != 2 || !strings.Contains(p.Text(texts.Chinese), "未见有人到场") {
			t.Errorf("%+v", p)
		}
		must(t, b.halt()) // all of it is on disk
		must(t, b.start())
		pass(0)
		must(t, b.engine.Arrive(ctx, id, "wang", "nfc"))
		pass(24 * time.Hour)
		b.expect(t, "somebody is there", "")
		i := b.only(t)
		if i.Phase != PhaseOnScene || i.OnScene.By != "wang" || i.OnScene.How != "nfc" || i.Acknowledged.By != "wang" ||
			len(i.Notes) != 2 || i.Notes[0].To != "wang" || i.Notes[1].Text != "已联系女儿" {
			t.Errorf("%+v", i)
		}
		must(t, b.engine.HandOver(ctx, id, "wang", "li"))
		if i := b.only(t); i.Phase != PhaseAcknowledged || i.OnScene != nil || i.Acknowledged.By != "li" {
			t.Errorf("handed over by who was there: %+v", i)
		}
		pass(15 * time.Minute)
		b.expect(t, "who has taken it over does not come", own)
		must(t, b.engine.Resolve(ctx, id, "wang", CauseReal))
		must(t, b.engine.Note(ctx, id, "wang", "已送医")) // also afterwards
		if i := b.only(t); i.Phase != PhaseResolved || len(i.Notes) != 4 {
			t.Errorf("%+v", i)
		}
		for _, err := range []error{b.engine.Note(ctx, id, "wang", ""), b.engine.HandOver(ctx, id, "wang", ""), b.engine.Arrive(ctx, id, "wang", "page")} {
			if err == nil {
				t.Error("kept what cannot be")
			}
		}
	})
}

// A finding adds to the incident that is open. It calls again if somebody has
// taken that, or if it is worse; after the resolution it is a new one.
func TestFindingsMergeAndReopen(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		ctx := context.Background()
		f := Found{Kind: Wandering, Elder: "zhao", Because: []Sign{{Sign: SignOutside, Value: 100}}}
		b.report(t, "1", f)
		b.expect(t, "found", own)
		b.report(t, "2", f)
		b.expect(t, "found again, nobody has answered", "")
		f.Priority = High
		b.report(t, "3", f)
		b.expect(t, "it is worse", own)
		id := b.only(t).ID
		must(t, b.engine.Acknowledge(ctx, id, "li", "page"))
		b.report(t, "4", f)
		if i := b.only(t); i.Round != 3 || i.Presses != 4 || i.Priority != High {
			t.Errorf("%+v", i)
		}
		b.expect(t, "found again after the acknowledgement", own)
		f.Mended = true
		b.report(t, "5", f)
		if i := b.only(t); i.Phase != PhaseRaised || !i.Mended {
			t.Errorf("nobody but a human closes it: %+v", i)
		}
		must(t, b.engine.Resolve(ctx, id, "li", CauseReal))
		f.Mended, f.Priority = false, ""
		b.report(t, "6", f)
		b.expect(t, "found after the resolution", own)
		if list := b.engine.Incidents(); len(list) != 2 || list[0].Priority != Medium {
			t.Errorf("%+v", list)
		}
	})
}

// Who looks for somebody has to know how old the position is.
func TestAPageSaysHowOldThePositionIs(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.report(t, "1", Found{Kind: Wandering, Elder: "zhao", Because: []Sign{{Sign: SignOutside, Value: 800, Minutes: 4}}})
		for _, c := range []struct {
			after   time.Duration
			minutes int
		}{{0, 4}, {5 * time.Minute, 9}, {5 * time.Minute, 14}} {
			pass(c.after)
			text := b.phone.take()[0].page.Text(texts.Chinese)
			if want := fmt.Sprintf("位置为 %d 分钟前。", c.minutes); !strings.Contains(text, want) {
				t.Errorf("%q is not in %s", want, text)
			}
		}
	})
}

// What is technical waits for what has not come up yet, and is one page; what
// is mended meanwhile is none; and it is told again daily until it is mended.
func TestTechnicalIsOneDigest(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.staff(t)
		for n := range 40 {
			b.report(t, fmt.Sprint("silent", n), Found{Kind: Silent, Device: fmt.Sprint("sensor-", n), Because: []Sign{{Sign: SignSilent}}})
		}
		pass(30 * time.Second)
		b.expect(t, "within the grace of the start", "")
		for n := range 10 {
			b.report(t, fmt.Sprint("back", n), Found{Kind: Silent, Device: fmt.Sprint("sensor-", n), Mended: true})
		}
		must(t, b.press("w-zhao", "1"))
		pass(0)
		b.expect(t, "an SOS in the middle", own)
		must(t, b.engine.Resolve(t.Context(), b.engine.Incidents()[0].ID, "li", CauseTest))
		pass(bootGrace)
		calls := b.expect(t, "one digest", "tech")
		if p := calls[0].page; len(p.Others) != maxOthers || p.More != 9 || !strings.Contains(p.Text(texts.Chinese), "以及其他 9 项") {
			t.Errorf("%+v", p)
		}
		b.report(t, "late", Found{Kind: Silent, Device: "sensor-99"})
		pass(time.Minute)
		b.expect(t, "the next waits until the audience has had some peace", "")
		pass(technicalPeace)
		b.expect(t, "and is told then", "tech")
		pass(24 * time.Hour)
		if n := len(b.phone.take()); n < 1 || n > 2 {
			t.Errorf("told %d times in a day", n)
		}
		for n := range 100 {
			b.report(t, fmt.Sprint("end", n), Found{Kind: Silent, Device: fmt.Sprint("sensor-", n), Mended: true})
		}
		for _, i := range b.engine.Incidents() {
			if i.Phase != PhaseResolved {
				t.Errorf("%s of %s is still %s", i.Kind, i.Device, i.Phase)
			}
		}
	})
}

// What a digest was to tell is told although somebody has dealt with the
// incident that led it before a channel has taken it.
func TestDigestWhoseLeaderIsOver(t *testing.T) {
	for how, act := range map[string]func(*box, string) error{
		"acknowledged": func(b *box, id string) error { return b.engine.Acknowledge(context.Background(), id, "tech", "page") },
		"on scene":     func(b *box, id string) error { return b.engine.Arrive(context.Background(), id, "tech", "page") },
		"resolved":     func(b *box, id string) error { return b.engine.Resolve(context.Background(), id, "tech", CauseDevice) },
	} {
		t.Run(how, func(t *testing.T) {
			story(t, func(t *testing.T, b *box) {
				b.staff(t)
				pass(bootGrace)
				b.phone.mood("tech", Result{Class: Temporary})
				for n := range 3 {
					b.report(t, fmt.Sprint("silent", n), Found{Kind: Silent, Device: fmt.Sprint("sensor-", n), Because: []Sign{{Sign: SignSilent}}})
				}
				pass(time.Minute)
				calls := b.phone.take()
				if len(calls) == 0 || len(calls[0].page.Others) != 2 {
					t.Fatalf("%+v", calls)
				}
				must(t, act(b, calls[0].page.Incident))
				b.phone.mood("tech", Result{Class: Accepted})
				pass(2 * technicalPeace)
				if p := b.expect(t, "the two others", "tech")[0].page; len(p.Others) != 1 {
					t.Errorf("%+v", p)
				}
				pass(12 * time.Hour)
				b.expect(t, "once", "")
			})
		})
	}
}

// A door that flaps a hundred times is at most two notices.
func TestFlappingDoor(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.staff(t)
		pass(bootGrace)
		for n := range 100 {
			b.report(t, fmt.Sprint("open", n), Found{Kind: DoorAjar, Device: "locker-1", Part: "7"})
			pass(20 * time.Second)
			b.report(t, fmt.Sprint("shut", n), Found{Kind: DoorAjar, Device: "locker-1", Part: "7", Mended: true})
			pass(20 * time.Second)
		}
		if n := len(b.phone.take()); n > 2 {
			t.Errorf("%d notices", n)
		}
		// Where it stays open for longer, it is news an hour after it was shut.
		for n, c := range []struct {
			after time.Duration
			told  int
		}{{0, 1}, {59 * time.Minute, 0}, {time.Hour, 1}} {
			pass(c.after)
			b.report(t, fmt.Sprint("long", n), Found{Kind: DoorAjar, Device: "locker-1", Part: "7"})
			pass(operatorCompany)
			if got := len(b.phone.take()); got != c.told {
				t.Errorf("open again after %s: %d notices", c.after, got)
			}
			b.report(t, fmt.Sprint("shut long", n), Found{Kind: DoorAjar, Device: "locker-1", Part: "7", Mended: true})
		}
	})
}

func TestOperatorDigestIsHourlyAndTamperIsNot(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.staff(t)
		for n := range 5 {
			b.report(t, fmt.Sprint("u", n), Found{Kind: Unclaimed, Device: "locker-1", Part: fmt.Sprint(n)})
		}
		pass(operatorCompany + time.Second)
		if calls := b.expect(t, "the first digest", "tech"); len(calls[0].page.Others) != 4 {
			t.Errorf("%+v", calls[0].page)
		}
		for n := range 12 {
			b.report(t, fmt.Sprint("v", n), Found{Kind: Unclaimed, Device: "locker-2", Part: fmt.Sprint(n)})
			pass(4 * time.Minute)
		}
		b.expect(t, "within the hour", "")
		b.report(t, "t", Found{Kind: Tamper, Device: "locker-1"})
		if calls := b.expect(t, "tamper at once", "tech"); calls[0].page.Kind != Tamper {
			t.Errorf("%+v", calls[0].page)
		}
		pass(15 * time.Minute)
		if calls := b.expect(t, "the next digest", "tech"); len(calls[0].page.Others) != 11 {
			t.Errorf("%d others", len(calls[0].page.Others))
		}
	})
}

// An elder without protection is told as anything that concerns people, then
// daily until it is mended, and after three days somebody has to go there.
func TestUnprotected(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.staff(t)
		pass(bootGrace)
		f := Found{Kind: Unprotected, Elder: "zhao", Device: "w-zhao", Because: []Sign{{Sign: SignSilent}}}
		b.report(t, "1", f)
		pass(technicalCompany)
		b.expect(t, "told", own)
		pass(DefaultMedium)
		b.expect(t, "nobody answers", "boss")
		for day := 1; day <= 4; day++ {
			must(t, b.engine.Acknowledge(t.Context(), b.only(t).ID, "li", "page"))
			pass(daily - time.Minute)
			b.expect(t, "within the day", "")
			pass(2 * time.Minute)
			calls := b.expect(t, fmt.Sprint("day ", day), own)
			if visit := strings.Contains(calls[0].page.Text(texts.Chinese), "请上门"); visit != (day >= 3) {
				t.Errorf("day %d: %s", day, calls[0].page.Text(texts.Chinese))
			}
		}
		f.Mended = true
		b.report(t, "2", f)
		pass(72 * time.Hour)
		b.expect(t, "mended", "")
		if i := b.only(t); i.Phase != PhaseResolved || i.Resolved.By != byBox {
			t.Errorf("%+v", i)
		}
	})
	// Also where nobody answers at all.
	story(t, func(t *testing.T, b *box) {
		b.staff(t)
		b.report(t, "1", Found{Kind: Unprotected, Elder: "zhao", Device: "w-zhao"})
		for day := range 5 {
			pass(daily)
			calls := b.phone.take()
			if visit := strings.Contains(calls[len(calls)-1].page.Text(texts.Chinese), "请上门"); visit != (day+1 > 3) { // the latest is up to an hour old
				t.Errorf("day %d: %s", day+1, calls[len(calls)-1].page.Text(texts.Chinese))
			}
		}
	})
}

// Who has just had a digest is told all the same, within 180 s of when it was
// found, that an elder is without protection.
func TestUnprotectedBreaksThePeace(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		pass(bootGrace)
		b.report(t, "1", Found{Kind: Silent, Device: "sensor"})
		pass(technicalCompany)
		b.expect(t, "a digest for everybody", everyone)
		b.report(t, "2", Found{Kind: Unprotected, Elder: "qian", Device: "w-qian", Because: []Sign{{Sign: SignSilent}}})
		pass(technicalCompany)
		b.expect(t, "nobody has her in care: everybody", everyone)
	})
}

// Silences end by themselves, mute no call for help, and hide nothing.
func TestSilences(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.staff(t)
		ctx := context.Background()
		must(t, b.engine.Silence(ctx, Silenced{Mode: ModeSilence, Scope: "elder/zhao", Minutes: 60, By: "li"}))
		must(t, b.engine.Silence(ctx, Silenced{Mode: ModeMaintenance, Scope: "all", Minutes: 30, By: "tech"}))
		b.report(t, "1", Found{Kind: Inactivity, Elder: "zhao"})
		b.report(t, "2", Found{Kind: Tamper, Device: "locker-1"})
		must(t, b.press("w-zhao", "1"))
		pass(time.Second)
		b.expect(t, "only the call for help", own)
		must(t, b.engine.Resolve(ctx, b.engine.Incidents()[0].ID, "li", CauseTest))
		if n := len(b.engine.Incidents()); n != 3 {
			t.Errorf("%d incidents are shown, want 3", n)
		}
		must(t, b.halt())
		must(t, b.start())
		if list := b.engine.Silences(); len(list) != 2 {
			t.Errorf("after a restart: %+v", list)
		}
		pass(28 * time.Minute)
		b.skew.Store(int64(-tenYears)) // no clock that is set keeps anybody silent
		b.expect(t, "still silent", "")
		pass(3 * time.Minute)
		b.expect(t, "the maintenance is over", "tech")
		pass(30 * time.Minute)
		b.expect(t, "the silence is over", own)
		pass(time.Second)
		if list := b.engine.Silences(); len(list) != 0 {
			t.Errorf("%+v", list)
		}
		b.skew.Store(0)
		must(t, b.engine.Silence(ctx, Silenced{Mode: ModeTest, Scope: "device/w-qian", Minutes: 10, By: "tech"}))
		must(t, b.press("w-qian", "1"))
		pass(0)
		for _, c := range b.phone.take() {
			if !c.page.Test {
				t.Errorf("not marked as a test: %+v", c.page)
			}
		}
		for _, s := range []Silenced{
			{Mode: ModeSilence, Scope: "all", Minutes: 8 * 24 * 60, By: "li"}, {Mode: "sleep", Scope: "all", Minutes: 1, By: "li"},
			{Mode: ModeMaintenance, Scope: "all", Minutes: 24*60 + 1, By: "li"}, {Mode: ModeTest, Scope: "all", Minutes: 4*60 + 1, By: "li"},
			{Mode: ModeSilence, Scope: "王奶奶", Minutes: 1, By: "li"}, {Mode: ModeSilence, Scope: "all", Minutes: 1},
		} {
			if b.engine.Silence(ctx, s) == nil {
				t.Errorf("accepted: %+v", s)
			}
		}
	})
}

// A silence that somebody changes while it is being written is written once more.
func TestSilenceThatChangesMeanwhile(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		e := b.engine
		silence := func(minutes int) {
			event, err := devices.New(devices.GatewayDevice, Silenced{Mode: ModeSilence, Scope: "all", Minutes: minutes, By: "li"})
			must(t, err)
			event.Received = b.clock()
			e.mu.Lock()
			defer e.mu.Unlock()
			must(t, e.board.silence(event))
		}
		silence(60)
		first, err := e.collect()
		must(t, err)
		silence(30)
		e.mu.Lock()
		e.saved(first)
		e.mu.Unlock()
		if !e.dirty() {
			t.Error("the second is taken for written")
		}
		must(t, e.commit())
		if e.dirty() {
			t.Error("it is written again and again")
		}
	})
}

// Who works on devices does not want to hear of them, and an elder without
// protection is none.
func TestMaintenanceHidesNoElder(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.staff(t)
		must(t, b.engine.Silence(t.Context(), Silenced{Mode: ModeMaintenance, Scope: "all", Minutes: 24 * 60, By: "tech"}))
		b.report(t, "1", Found{Kind: Silent, Device: "locker-1"})
		b.report(t, "2", Found{Kind: Unprotected, Elder: "zhao", Device: "w-zhao"})
		b.report(t, "3", Found{Kind: Inactivity, Elder: "qian"})
		pass(3 * time.Minute)
		b.expect(t, "only of people", "boss, "+own)
	})
}

// Quiet hours are for what can wait, and only while somebody else is awake.
func TestQuietHours(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.staff(t)
		now := civil(b.clock())
		if now.IsZero() { // the bubble begins in 2000
			b.skew.Store(int64(time.Until(time.Date(2026, 11, 24, 23, 0, 0, 0, zone))))
		}
		quiet := registry.Caregiver{ID: "wang", Name: "王", Quiet: "22:00-06:00", Channels: []registry.Channel{{Kind: "phone", Address: "wang"}}}
		must(t, b.registry.Put(quiet, registry.Elder{ID: "zhao", Name: "赵奶奶", Caregivers: []string{"li", "wang"}},
			registry.Elder{ID: "qian", Name: "钱爷爷", Caregivers: []string{"wang"}}))
		b.report(t, "1", Found{Kind: Inactivity, Elder: "zhao"})
		b.expect(t, "who is awake", own)
		b.report(t, "2", Found{Kind: Inactivity, Elder: "qian"})
		b.expect(t, "there is nobody else", "wang")
		must(t, b.press("w-zhao", "1"))
		pass(0)
		b.expect(t, "a call for help", everyone)
	})
}

// Where those of a step are refused for good everybody is told, once, and all
// that the step was to tell; nobody is asked again and again.
func TestWhoCannotBeReached(t *testing.T) {
	const all = "boss, desk, li, li's other, tech, wang"
	for _, c := range []struct {
		kind          Kind
		refused, then string
		told          time.Duration
	}{
		{Inactivity, own, all, 0},
		{Tamper, "tech", all, 0},
		{DoorAjar, "tech", all, operatorCompany},
		{Silent, "tech", all, bootGrace},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			story(t, func(t *testing.T, b *box) {
				b.staff(t)
				for _, refused := range []string{"li", "li's other", "tech", "desk"} {
					b.phone.mood(refused, Result{Class: Permanent})
				}
				f := Found{Kind: c.kind, Elder: "zhao"}
				if c.kind != Inactivity {
					f = Found{Kind: c.kind, Device: "locker-1"}
				}
				b.report(t, "1", f)
				if c.told > 0 {
					b.report(t, "2", Found{Kind: c.kind, Device: "locker-2"})
				}
				pass(c.told + time.Second)
				for _, called := range b.phone.take()[strings.Count(c.refused, ",")+1:] {
					if !strings.Contains(c.then, called.address) || c.told > 0 && len(called.page.Others) != 1 {
						t.Errorf("%s, of %d others", called.address, len(called.page.Others))
					}
					c.then = strings.Trim(strings.Replace(", "+c.then, ", "+called.address, "", 1), ", ")
				}
				if c.then != "" {
					t.Errorf("not told: %s", c.then)
				}
				pass(DefaultMedium - 2*time.Second)
				b.expect(t, "until the next step is due", "")
				pass(24 * time.Hour)
				if n := len(b.phone.take()); n < 7 || n > 24*8 { // the desk hourly, and everybody because it refuses
					t.Errorf("%d calls on the next day", n)
				}
			})
		})
	}
}

// A channel that wants to be left alone for longer than a call for help may wait
// is as good as none: those of the next step are called at once, by theirs.
func TestChannelThatPutsOff(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.staff(t)
		for _, blocked := range []string{"li", "li's other"} {
			b.phone.mood(blocked, Result{Class: Temporary, RetryAfter: 10 * time.Minute}, Result{Class: Accepted})
		}
		must(t, b.press("w-zhao", "1"))
		pass(0)
		b.expect(t, "at once", "boss, "+own)
		pass(time.Minute - time.Second)
		b.expect(t, "within the step", "")
		pass(time.Second)
		b.expect(t, "the step after", "boss, desk")
		must(t, b.press("w-qian", "1"))
		pass(0)
		b.expect(t, "another's call, for everybody", "boss, desk, tech, wang")
		pass(9 * time.Minute)
		if calls := addresses(b.phone.take()); !strings.Contains(calls, own) {
			t.Errorf("when they may be called again: %s", calls)
		}
	})
	story(t, func(t *testing.T, b *box) {
		b.staff(t)
		for _, busy := range []string{"li", "li's other"} {
			b.phone.mood(busy, Result{Class: Temporary, RetryAfter: 4 * time.Second}, Result{Class: Accepted})
		}
		must(t, b.press("w-zhao", "1"))
		pass(4 * time.Second)
		b.expect(t, "a channel that asks for a moment", "li, li, li's other, li's other")
	})
}

// A provider that fails is not asked for each of the notices that wait: they
// find out together, and go once it works. A call for help is not held up.
func TestNoticesFindOutTogether(t *testing.T) {
	for _, failure := range []Class{Temporary, hangs} {
		t.Run(string(failure), func(t *testing.T) {
			story(t, func(t *testing.T, b *box) {
				const notices = 200
				b.staff(t)
				b.phone.mood("tech", Result{Class: failure})
				for i := range notices {
					must(t, b.engine.Report(context.Background(), Found{Kind: Tamper, Device: fmt.Sprint("locker-", i)}, fmt.Sprint(i)))
				}
				pass(time.Minute)
				if calls := b.phone.take(); len(calls) < 4 || len(calls) > 60 {
					t.Errorf("%d attempts in a minute", len(calls))
				}
				must(t, b.press("w-nobody", "1")) // everybody, tech among them
				pass(0)
				if calls := b.phone.take(); !strings.Contains(addresses(calls), "tech") {
					t.Errorf("a call for help behind them reached %s", addresses(calls))
				}
				b.phone.mood("tech")
				pass(2 * time.Minute) // whoever had failed most often waits longest
				told := 0
				for _, c := range b.phone.take() {
					if c.page.Kind == Tamper && c.result == Accepted {
						told++
					}
				}
				if told != notices {
					t.Errorf("%d of %d notices were told when it worked again", told, notices)
				}
			})
		})
	}
}
