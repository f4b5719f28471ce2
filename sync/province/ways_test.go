package province

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/province/contract/contracttest"
	"github.com/linli-edge/gateway/sync/usage"
)

// A day is compared when it has ended. What the platform has lost is sent
// again, and the receipt says so.
func TestComparison(t *testing.T) {
	bubble(t, func(t *testing.T, b *box, p *platform) {
		for n := range 5 {
			b.record("l1", locker.Deposited{Compartment: n + 1})
			b.record("c1", cabinet.Loaded{Compartment: n + 1})
		}
		pass(time.Minute)
		p.mu.Lock()
		p.stop()
		if err := os.Remove(p.path); err != nil { // the platform loses everything
			t.Fatal(err)
		}
		p.start()
		p.mu.Unlock()
		if n := p.total("parcel.deposits"); n != 0 {
			t.Fatalf("%d deposits after the loss", n)
		}
		b.stop()
		b.config.Interval = 20 * time.Minute
		b.start()
		pass(24 * time.Hour)
		receipts, err := b.sender.Receipts("2026-11-23")
		if err != nil || len(receipts) != 3 { // the third of the box itself
			t.Fatalf("receipts %+v, %v", receipts, err)
		}
		for _, r := range receipts {
			if !r.Equal || r.Ours != r.Theirs || r.Ours == 0 || r.Digest == "" {
				t.Errorf("%+v", r)
			}
		}
		if got := p.total("parcel.deposits"); got != 5 {
			t.Errorf("%d deposits, want 5", got)
		}
		compared := func() (n int) {
			p.mu.Lock()
			defer p.mu.Unlock()
			for _, body := range p.requests {
				n += bytes.Count(body, []byte(`{"period":"2026-11-23","facilities"`))
			}
			return n
		}
		if before := compared(); before != 2 {
			t.Errorf("compared %d times, want twice", before)
		}
		pass(10 * time.Hour)
		if n := compared(); n != 2 {
			t.Errorf("compared again with nothing changed, %d times in all", n)
		}
		b.restart()
		again, err := b.sender.Reconcile(t.Context(), "2026-11-23")
		if err != nil || len(again) != 3 || !again[0].Equal {
			t.Errorf("asked for: %+v, %v", again, err)
		}
		// After two years they are forgotten.
		old := Receipt{Period: "2024-11-01", Facility: "f-1", Equal: true}
		if err := b.sender.keepReceipts([]Receipt{old}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.sender.Reconcile(t.Context(), "2026-11-23"); err != nil {
			t.Fatal(err)
		}
		if all, err := b.sender.Receipts(""); err != nil || len(all) != 3 {
			t.Errorf("kept: %+v, %v", all, err)
		}
	})
}

// A period is sent again on demand, and nothing counts twice.
func TestResend(t *testing.T) {
	bubble(t, func(t *testing.T, b *box, p *platform) {
		b.record("l1", locker.Deposited{Compartment: 1})
		pass(time.Minute)
		requests := len(p.requests)
		if err := b.sender.Resend("2026-11-23"); err != nil {
			t.Fatal(err)
		}
		if s := b.status(); s.Backlog != 3 {
			t.Errorf("%+v", s)
		}
		pass(time.Minute)
		if s := b.status(); s.Backlog != 0 || len(p.requests) != requests+1 || p.total("parcel.deposits") != 1 {
			t.Errorf("%+v after %d requests, total %d", s, len(p.requests)-requests, p.total("parcel.deposits"))
		}
	})
}

// The box makes its own key, for either algorithm; the code works once; another
// key takes its place after its time, and the old one is good for a while.
func TestEnrolment(t *testing.T) {
	for _, sign := range []string{contract.NameEd25519, contract.NameSM2} {
		t.Run(sign, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(t, dir)
				p.codes["box-1"] = "code-1"
				delete(p.keys, "box-1")
				p.restart()
				b := newBox(t, dir, p)
				b.stop()
				b.config.Secret, b.config.Sign, b.config.KeyFile = nil, sign, filepath.Join(dir, "key.json")
				b.start()
				b.record("l1", locker.Deposited{Compartment: 1})
				pass(time.Minute)
				if s := b.status(); s.LastError == nil || !strings.Contains(texts.Of(s.LastError, texts.English), "linli province enrol CODE") || len(p.requests) != 0 {
					t.Fatalf("not enrolled: %+v", s)
				}
				if err := b.sender.Enrol(t.Context(), "code-2"); err == nil || !strings.Contains(err.Error(), "ask it for another") {
					t.Errorf("wrong code: %v", err)
				}
				lost := true
				p.mu.Lock()
				p.disturb = func(_ *http.Request, _ []byte, deliver func() (*http.Response, error)) (*http.Response, error) {
					r, err := deliver()
					if lost {
						return nil, errors.New("the answer is lost")
					}
					return r, err
				}
				p.mu.Unlock()
				if err := b.sender.Enrol(t.Context(), "code-1"); err == nil {
					t.Error("enrolled without an answer")
				}
				lost = false
				b.restart() // with the key that the platform has, and the box does not know it
				if err := b.sender.Enrol(t.Context(), "code-1"); err != nil {
					t.Fatal(err)
				}
				pass(10 * time.Minute)
				if s := b.status(); s.LastError != nil || s.Backlog != 0 || p.total("parcel.deposits") != 1 {
					t.Errorf("enrolled: %+v", s)
				}
				key, err := os.ReadFile(b.config.KeyFile)
				if err != nil {
					t.Fatal(err)
				}
				info, err := os.Stat(b.config.KeyFile)
				if err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("the key file is open: %v, %v", info.Mode(), err)
				}
				secret, _, err := loadKey(b.config.KeyFile)
				if err != nil {
					t.Fatal(err)
				}
				for _, body := range p.requests {
					if bytes.Contains(body, secret.Private) || bytes.Contains(body, []byte(jsonOf(t, secret.Private))) {
						t.Error("the private key has left the box")
					}
				}
				// Who finds the code has no use of it.
				b.stop()
				if err := os.Remove(b.config.KeyFile); err != nil {
					t.Fatal(err)
				}
				b.start()
				if err := b.sender.Enrol(t.Context(), "code-1"); err == nil {
					t.Error("the code worked twice")
				}
				b.stop()
				aged := secret
				aged.Made = aged.Made.Add(-keyLife)
				if err := aged.save(b.config.KeyFile); err != nil {
					t.Fatal(err)
				}
				b.start()
				b.record("l1", locker.Deposited{Compartment: 2})
				pass(time.Minute)
				renewed, err := os.ReadFile(b.config.KeyFile)
				if err != nil || bytes.Equal(renewed, key) {
					t.Errorf("the key was not replaced: %v", err)
				}
				b.stop()
				if err := os.WriteFile(b.config.KeyFile, key, 0o600); err != nil { // a crash before it was written
					t.Fatal(err)
				}
				b.start()
				b.record("l1", locker.Deposited{Compartment: 3})
				pass(time.Minute)
				if s := b.status(); s.LastError != nil || p.total("parcel.deposits") != 3 {
					t.Errorf("within the overlap: %+v, %d", s, p.total("parcel.deposits"))
				}
				b.stop()
				p.stop()
			})
		})
	}
}

// All that goes over the wire is what openapi.yaml says: rows, comparisons,
// enrolment, another key, and refusals.
func TestSpeaksTheContract(t *testing.T) {
	spec, err := contracttest.Open("contract")
	if err != nil {
		t.Fatal(err)
	}
	for _, sign := range []string{contract.NameEd25519, contract.NameSM2} {
		t.Run(sign, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(t, dir)
				p.spec, p.fitted = spec, map[string]int{}
				p.codes["box-1"] = "code-1"
				delete(p.keys, "box-1")
				p.restart()
				p.clock = wrongBy(7 * time.Hour) // the box's is wrong
				b := newBox(t, dir, p)
				b.stop()
				b.config.Secret, b.config.Sign, b.config.KeyFile = nil, sign, filepath.Join(dir, "key.json")
				b.start()
				if err := b.sender.Enrol(t.Context(), "code-2"); err == nil {
					t.Error("enrolled with another code")
				}
				if err := b.sender.Enrol(t.Context(), "code-1"); err != nil {
					t.Fatal(err)
				}
				b.record("l1", locker.Deposited{Compartment: 1})
				b.record("c1", cabinet.Loaded{Compartment: 1})
				b.record("c1", cabinet.PickedUp{Compartment: 1})
				pass(time.Minute)
				b.stop()
				b.config.Interval = time.Hour
				key, _, err := loadKey(b.config.KeyFile)
				if err != nil {
					t.Fatal(err)
				}
				key.Made = key.Made.Add(-keyLife)
				if err := key.save(b.config.KeyFile); err != nil {
					t.Fatal(err)
				}
				b.start()
				pass(25 * time.Hour)
				b.stop()
				b.config.Box = "box-2"
				b.start()
				if err := b.sender.Resend("2026-11-23"); err != nil {
					t.Fatal(err)
				}
				if err := b.sender.Send(t.Context()); err == nil {
					t.Error("taken of a box that is not known")
				}
				b.stop()
				p.stop()
				for _, exchange := range []string{"/v1/enrol 401", "/v1/enrol 403", "/v1/enrol 200", "/v1/rows 200", "/v1/rows 401", "/v1/reconcile 200", "/v1/keys 200"} {
					if p.fitted[exchange] == 0 {
						t.Errorf("never: %s, only %v", exchange, p.fitted)
					}
				}
			})
		})
	}
}

func jsonOf(t *testing.T, secret []byte) string {
	t.Helper()
	k := ownKey{Private: secret}
	path := filepath.Join(t.TempDir(), "k")
	if err := k.save(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), `"private":"`)
	private, _, _ := strings.Cut(rest, `"`)
	return private
}

// Two boxes of one identity: the card of the first was copied. Both sides say
// so, and neither's figures become those of the other.
func TestClonedBox(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, dir)
		b := newBox(t, dir, p)
		b.record("l1", locker.Deposited{Compartment: 1})
		pass(time.Minute)
		b.stop()
		if err := os.CopyFS(filepath.Join(other, "card"), os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		b.start()
		for n := range 3 {
			b.record("l1", locker.Deposited{Compartment: n + 2})
			pass(time.Minute)
		}
		clone := &box{t: t, dir: filepath.Join(other, "card"), clock: b.clock, config: b.config, ids: 100}
		b.stop()
		clone.start()
		clone.record("l1", locker.Deposited{Compartment: 9})
		pass(time.Minute)
		if s := clone.status(); s.LastError == nil || !strings.Contains(texts.Of(s.LastError, texts.English), "another box uses this one's identity") || s.Backlog == 0 {
			t.Errorf("the clone: %+v", s)
		}
		clone.stop()
		boxes, err := p.receiver.Boxes()
		if err != nil || len(boxes) != 1 || !strings.Contains(boxes[0].Conflict, "two boxes use one identity") {
			t.Errorf("the platform: %+v, %v", boxes, err)
		}
		b.start()
		b.record("l1", locker.Deposited{Compartment: 5})
		pass(time.Minute)
		if s := b.status(); s.LastError != nil || p.total("parcel.deposits") != 5 {
			t.Errorf("the first box: %+v, total %d", s, p.total("parcel.deposits"))
		}
		b.stop()
		p.stop()
	})
}

// A box that has been replaced is told so when it comes back.
func TestReplacedBox(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, dir)
		old := newBox(t, dir, p)
		old.record("l1", locker.Deposited{Compartment: 1})
		pass(24 * time.Hour)
		old.stop()
		successor := newBox(t, other, p)
		successor.record("l1", locker.Deposited{Compartment: 1})
		pass(time.Minute)
		if s := successor.status(); s.LastError != nil || s.Backlog != 0 {
			t.Errorf("the new box: %+v", s)
		}
		successor.stop()
		old.start()
		old.record("l1", locker.Deposited{Compartment: 2})
		pass(time.Minute)
		if s := old.status(); s.LastError == nil || !strings.Contains(texts.Of(s.LastError, texts.Chinese), "已接替本网关") {
			t.Errorf("the old box: %+v", s)
		}
		if n := p.total("parcel.deposits"); n != 2 {
			t.Errorf("%d deposits at the platform", n)
		}
		old.stop()
		p.stop()
	})
}

// The file that numbers the requests is lost, and nothing else: the box goes on.
func TestNumbersAreLost(t *testing.T) {
	bubble(t, func(t *testing.T, b *box, p *platform) {
		for n := range 3 {
			b.record("l1", locker.Deposited{Compartment: n + 1})
			pass(time.Minute)
		}
		b.stop()
		if err := removeState(b.dir, "province"); err != nil {
			t.Fatal(err)
		}
		b.start()
		b.record("l1", locker.Deposited{Compartment: 4})
		pass(time.Minute)
		if s := b.status(); s.LastError != nil || s.Backlog != 0 || p.total("parcel.deposits") != 4 {
			t.Errorf("%+v, %d", s, p.total("parcel.deposits"))
		}
	})
}

// Today's alerts go first, then the newest closed day, then today, then what is
// older.
func TestOrderOfTheBacklog(t *testing.T) {
	lanes := []usage.Lane{
		{Period: "2026-10", Change: 1}, {Period: "2026-11-20", Change: 1}, {Period: "2026-11-20", Alerts: true, Change: 1},
		{Period: "2026-11-22", Change: 1}, {Period: "2026-11-23", Change: 1}, {Period: "2026-11-23", Alerts: true, Change: 1},
		{Period: "2026-11-24", Change: 1}, {Period: "2026-11-24", Alerts: true, Change: 9}, {Period: "2026-11-21", Change: 1},
	}
	var got []string
	for _, l := range pending(slices.Clone(lanes), map[string]uint64{"2026-11-21/rest": 1, "2026-11-24/alerts": 8}, "2026-11-24") {
		got = append(got, l.Key())
	}
	want := "2026-11-24/alerts 2026-11-23/rest 2026-11-23/alerts 2026-11-24/rest 2026-11-22/rest 2026-11-20/rest 2026-11-20/alerts 2026-10/rest"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("order\n%s, want\n%s", s, want)
	}
}

// A platform that does not know gzip is served in clear from then on.
func TestWithoutCompression(t *testing.T) {
	bubble(t, func(t *testing.T, b *box, p *platform) {
		refused := 0
		p.disturb = func(req *http.Request, _ []byte, deliver func() (*http.Response, error)) (*http.Response, error) {
			if req.Header.Get("Content-Encoding") != "" {
				refused++
				return answer(415, `{"code":"mediatype"}`), nil
			}
			return deliver()
		}
		for n := range 2 {
			b.record("l1", locker.Deposited{Compartment: n + 1})
			b.record("c1", cabinet.Loaded{Compartment: n + 1})
			pass(time.Minute)
		}
		if s := b.status(); s.LastError != nil || refused != 1 || p.total("parcel.deposits") != 2 {
			t.Errorf("%+v, %d refused", s, refused)
		}
	})
}

// Two platforms take the same rows, each at its own pace.
func TestTwoDestinations(t *testing.T) {
	dir, cityDir := t.TempDir(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p, city := newPlatform(t, dir), newPlatform(t, cityDir)
		b := newBox(t, dir, p)
		config := b.config
		config.Name, config.Transport = "city", city
		second, err := Open(b.journal, b.usage, b.registry, config)
		if err != nil {
			t.Fatal(err)
		}
		down := true
		city.disturb = func(_ *http.Request, _ []byte, deliver func() (*http.Response, error)) (*http.Response, error) {
			if down {
				return nil, io.ErrUnexpectedEOF
			}
			return deliver()
		}
		b.record("l1", locker.Deposited{Compartment: 1})
		pass(time.Minute)
		if err := second.Send(t.Context()); err == nil {
			t.Error("sent to a city that is down")
		}
		if s, err := second.Status(); err != nil || s.Name != "city" || s.Backlog != 3 || b.status().Backlog != 0 {
			t.Errorf("%+v, %v", s, err)
		}
		down = false
		if err := second.Send(t.Context()); err != nil {
			t.Error(err)
		}
		if p.total("parcel.deposits") != 1 || city.total("parcel.deposits") != 1 {
			t.Errorf("%d and %d", p.total("parcel.deposits"), city.total("parcel.deposits"))
		}
		if err := second.Close(); err != nil {
			t.Error(err)
		}
		b.stop()
		p.stop()
		city.stop()
	})
}

// How the sending goes, and whether there is anybody to send to, become figures
// themselves.
func TestSendingIsCounted(t *testing.T) {
	bubble(t, func(t *testing.T, b *box, p *platform) {
		b.stop()
		b.config.Uplink = true
		b.start()
		b.record("l1", locker.Deposited{Compartment: 1})
		pass(time.Minute)
		alive := func() {
			if err := usage.Record(t.Context(), b.clock(), b.journal, usage.Alive{}); err != nil {
				t.Fatal(err)
			}
		}
		alive()
		down := true
		p.mu.Lock()
		p.disturb = func(_ *http.Request, _ []byte, deliver func() (*http.Response, error)) (*http.Response, error) {
			if down {
				return nil, errors.New("no route to host")
			}
			return deliver()
		}
		p.mu.Unlock()
		b.record("l1", locker.Deposited{Compartment: 2})
		pass(50 * time.Minute)
		alive()
		p.mu.Lock()
		down = false
		p.mu.Unlock()
		pass(30 * time.Minute)
		alive()
		b.record("l1", locker.Deposited{Compartment: 3})
		pass(70 * time.Minute)
		alive()
		pass(time.Minute)
		figures := map[string]usage.Row{}
		rows, err := b.usage.Rows("2026-11-23")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if r.Facility == "gateway" {
				figures[r.Indicator] = r
			}
		}
		if r := figures["box.offline"]; r.Numerator < 45*60 || r.Numerator > 55*60 {
			t.Errorf("offline %+v", r)
		}
		if r := figures["sync.rows"]; r.Denominator == nil || r.Numerator < 9 || *r.Denominator != r.Numerator {
			t.Errorf("rows %+v", r)
		}
		var delays int64
		for _, n := range figures["sync.delay"].Buckets {
			delays += n
		}
		if r := figures["sync.delay"]; delays != r.Numerator || r.Buckets[0] == 0 || r.Buckets[2] == 0 {
			t.Errorf("delays %+v", r)
		}
	})
}

// Whether the platform can be reached is journaled with the next attempt, if it
// could not be with this one.
func TestUplinkThatCannotBeJournaled(t *testing.T) {
	bubble(t, func(t *testing.T, b *box, _ *platform) {
		b.cancel()
		b.running.Wait()
		s := b.sender // which nobody runs
		s.config.Uplink = true
		journaled := func(ctx context.Context) (n int) {
			pass(time.Second)
			s.reached(ctx, false)
			synctest.Wait()
			entries, err := b.journal.Read(journal.Ordinary, 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if e.Event.Type == usage.TypeUplink {
					n++
				}
			}
			return n
		}
		late, cancel := context.WithCancel(t.Context())
		cancel()
		once := journaled(late) // perhaps, but nobody has said so
		if n := journaled(t.Context()); n != once+1 {
			t.Errorf("%d, then %d", once, n)
		}
		if n := journaled(t.Context()); n != once+1 {
			t.Errorf("%d of what is known", n-once)
		}
	})
}
