package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
)

// ledgered runs a ledger beside a box; stop ends it.
func (b *box) ledgered(t *testing.T) (l *Ledger, stop func()) {
	t.Helper()
	l, err := OpenLedger(b.engine)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return l, func() { cancel(); must(t, <-done); must(t, l.Close()) }
}

// once lists the entries, of which none may be there twice.
func once(t *testing.T, l *Ledger) (entries []Entry) {
	t.Helper()
	seen := map[string]bool{}
	must(t, l.Each(1, func(e Entry) error {
		key := string(e.Type) + e.ID
		if seen[key] {
			t.Errorf("%s is there twice", key)
		}
		seen[key] = true
		entries = append(entries, e)
		return nil
	}))
	return entries
}

func TestExplainSaysWhyEachPageWentWhereItWent(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.staff(t)
		l, stop := b.ledgered(t)
		b.phone.mood("li's other", Result{Class: Permanent, Detail: "number unknown"})
		must(t, b.press("w-zhao", "1"))
		pass(61 * time.Second)
		ctx, id := context.Background(), b.only(t).ID
		must(t, b.engine.Acknowledge(ctx, id, "boss", "sms"))
		must(t, b.engine.Arrive(ctx, id, "boss", "nfc"))
		must(t, b.engine.Note(ctx, id, "boss", "赵奶奶摔倒"))
		must(t, b.engine.Resolve(ctx, id, "boss", CauseReal))
		pass(time.Second)
		zh, err := l.Explain(ctx, id, texts.Chinese)
		must(t, err)
		en, err := l.Explain(ctx, id, texts.English)
		must(t, err)
		for _, want := range []struct{ zh, en string }{
			{"发起：紧急求助（紧急），第 1 轮第 1 步", "raised: SOS (high), round 1, step 1"},
			{"设备 w-zhao 直接求助", "the device w-zhao called for help itself"},
			{"第 1 步 → li（phone）：老人自己的照护人员；渠道已接受，尝试 1 次", "step 1 -> li (phone): the elder's own caregiver; accepted by the channel, 1 attempts"},
			{"无法送达，尝试 1 次 (number unknown)", "cannot be delivered, 1 attempts (number unknown)"},
			{"无人确认或都联系不上，进入第 2 步", "nobody has acknowledged, or could be reached: step 2"},
			{"第 2 步 → boss（phone）：主管组 bosses 的当班人员", "step 2 -> boss (phone): on duty in the supervisors' group bosses"},
			{"boss 确认（sms）", "acknowledged by boss (sms)"},
			{"boss 到场（nfc）", "boss is there (nfc)"},
			{"boss 结束：真实求助", "resolved by boss: real"},
			{"现在：已结束", "now: resolved"},
		} {
			if !strings.Contains(strings.Join(zh, "\n"), want.zh) || !strings.Contains(strings.Join(en, "\n"), want.en) {
				t.Errorf("neither %q nor %q in\n%s\n%s", want.zh, want.en, strings.Join(zh, "\n"), strings.Join(en, "\n"))
			}
		}
		b.report(t, "f", Found{Kind: Inactivity, Elder: "qian", Because: []Sign{{Sign: SignNoLife, Minutes: 720}}})
		must(t, b.engine.Silence(ctx, Silenced{Mode: ModeSilence, Scope: "elder/qian", Minutes: 60, By: "li"}))
		pass(time.Second)
		zh, err = l.Explain(ctx, b.engine.Incidents()[0].ID, texts.Chinese)
		must(t, err)
		for _, want := range []string{"规则：请电话或上门查看", "720 分钟没有任何活动迹象", "boss（phone）：主管组 bosses 的当班人员", "静默中，还有 60 分钟"} {
			if !strings.Contains(strings.Join(zh, "\n"), want) {
				t.Errorf("%q is not in\n%s", want, strings.Join(zh, "\n"))
			}
		}
		if _, err := l.Explain(ctx, "none", texts.Chinese); err == nil {
			t.Error("explains what is not there")
		}
		stop()
	})
}

// The chain is whole over restarts, says each thing once, names nobody, and
// shows each change.
func TestLedgerIsAChain(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		ctx := context.Background()
		var heads []string
		for round := range 3 {
			l, stop := b.ledgered(t)
			must(t, b.press("w-zhao", fmt.Sprint(round)))
			pass(70 * time.Second)
			id := b.engine.Incidents()[0].ID
			must(t, b.engine.Note(ctx, id, "li", "赵奶奶在家"))
			must(t, b.engine.Resolve(ctx, id, "li", CauseAccidental))
			pass(2 * ledgerEvery)
			v, err := l.Verify("")
			must(t, err)
			if v.Broken != 0 || v.First != 1 || v.Entries < uint64(6*(round+1)) || v.Head == "" {
				t.Errorf("round %d: %+v", round, v)
			}
			heads = append(heads, v.Head)
			stop()
			must(t, b.halt())
			must(t, b.start())
		}
		l, stop := b.ledgered(t)
		defer stop()
		for i, head := range append(heads, "0000") {
			v, err := l.Verify(head)
			must(t, err)
			if v.Known != (i < 3) {
				t.Errorf("head %d known: %t", i, v.Known)
			}
		}
		for _, e := range once(t, l) {
			if strings.Contains(string(e.Data), "赵") || strings.Contains(string(e.Data), "李") {
				t.Errorf("a name: %s", e.Data)
			}
		}
		// Somebody changes the past.
		must(t, l.state.Update(func(tx *journal.Tx) error {
			var e Entry
			must(t, json.Unmarshal(tx.Get(bucketEntries, sequence(4)), &e))
			e.Data = json.RawMessage(strings.Replace(string(e.Data), `"li"`, `"wang"`, 1))
			e.Incident = "forged"
			value, err := json.Marshal(e)
			tx.Put(bucketEntries, sequence(4), value)
			return err
		}))
		if v, err := l.Verify(""); err != nil || v.Broken != 4 {
			t.Errorf("%+v, %v", v, err)
		}
		// And makes the hash fit: then the next does not.
		must(t, l.state.Update(func(tx *journal.Tx) error {
			var e Entry
			must(t, json.Unmarshal(tx.Get(bucketEntries, sequence(4)), &e))
			e.Hash = e.digest()
			value, err := json.Marshal(e)
			tx.Put(bucketEntries, sequence(4), value)
			return err
		}))
		if v, err := l.Verify(""); err != nil || v.Broken != 5 {
			t.Errorf("%+v, %v", v, err)
		}
		must(t, l.state.Update(func(tx *journal.Tx) error { tx.Delete(bucketEntries, sequence(2)); return nil }))
		if v, err := l.Verify(""); err != nil || v.Broken != 3 {
			t.Errorf("a missing entry: %+v, %v", v, err)
		}
	})
}

// Whoever asks why reads what there is to read at the same time as all others,
// and each thing is in the ledger once.
func TestManyAskWhy(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		l, err := OpenLedger(b.engine)
		must(t, err)
		for n := range 5 {
			must(t, b.press("w-zhao", fmt.Sprint(n)))
			pass(time.Minute)
			id := b.only(t).ID
			var asking sync.WaitGroup
			for range 4 {
				asking.Go(func() {
					if _, err := l.Explain(context.Background(), id, texts.Chinese); err != nil {
						t.Error(err)
					}
				})
			}
			asking.Wait()
		}
		if n := len(once(t, l)); n < 20 {
			t.Errorf("%d entries", n)
		}
		must(t, l.Close())
	})
}

func TestWeeklyFigures(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.skew.Store(int64(time.Until(time.Date(2026, 11, 25, 9, 0, 0, 0, zone))))
		l, stop := b.ledgered(t)
		defer stop()
		ctx := context.Background()
		for n, c := range []struct {
			device string
			ack    time.Duration
			cause  Cause
		}{
			{"w-zhao", 30 * time.Second, CauseAccidental}, {"w-zhao", 30 * time.Second, CauseTest}, {"w-zhao", 100 * time.Second, CauseDevice},
			{"w-zhao", 200 * time.Second, CauseReal}, {"w-qian", 10 * time.Second, CauseReal},
		} {
			must(t, b.press(c.device, fmt.Sprint(n)))
			pass(c.ack)
			id := b.engine.Incidents()[0].ID
			must(t, b.engine.Acknowledge(ctx, id, "li", "page"))
			pass(2 * time.Minute)
			must(t, b.engine.Arrive(ctx, id, "li", "nfc"))
			must(t, b.engine.Resolve(ctx, id, "li", c.cause))
		}
		pass(2 * ledgerEvery)
		weeks, err := l.Weeks(time.Time{})
		must(t, err)
		if len(weeks) != 4 {
			t.Fatalf("%+v", weeks)
		}
		want := Week{Week: "2026-W48", Incidents: 5, Acknowledged: 5, Arrived: 5, Within60: 3, Within180: 4, AckMedian: 30, Ack95: 200, ArriveMedian: 150, Resolved: 5, False: 3, Review: true}
		if weeks[0] != want {
			t.Errorf("%+v, want %+v", weeks[0], want)
		}
		zhao := Week{Week: "2026-W48", Device: "w-zhao", Incidents: 4, Acknowledged: 4, Arrived: 4, Within60: 2, Within180: 3, AckMedian: 100, Ack95: 200, ArriveMedian: 220, Resolved: 4, False: 3, Review: true}
		if weeks[3] != zhao {
			t.Errorf("%+v, want %+v", weeks[3], zhao)
		}
		// What was read once is not read again: the page may be loaded at any time.
		must(t, l.state.Update(func(tx *journal.Tx) error {
			for n := uint64(1); n <= last(tx).N; n++ {
				tx.Delete(bucketEntries, sequence(n))
			}
			return nil
		}))
		must(t, b.press("w-sun", "more"))
		pass(2 * ledgerEvery)
		more, err := l.Weeks(time.Time{})
		must(t, err)
		if more[0].Incidents != 6 || more[0].Acknowledged != 5 || !slices.Contains(more, zhao) {
			t.Errorf("%+v", more)
		}
		if later, err := l.Weeks(b.clock().Wall); err != nil || len(later) != 0 {
			t.Errorf("of what is to come: %+v, %v", later, err)
		}
		var out bytes.Buffer
		must(t, WriteWeeks(&out, weeks))
		if lines := strings.Split(out.String(), "\n"); len(lines) != 6 || lines[1] != "2026-W48,,,5,5,5,3,4,30,200,150,5,3,true" {
			t.Errorf("%s", out.String())
		}
	})
}
