package province

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/province/contract"
)

func TestRowsArrive(t *testing.T) {
	bubble(t, func(t *testing.T, b *box, p *platform) {
		pass(11500 * time.Millisecond) // just after its moment
		for n := range 3 {
			b.record("l1", locker.Deposited{Compartment: n + 1})
		}
		b.record("l1", locker.PickedUp{Compartment: 1})
		b.record("c1", cabinet.Loaded{Compartment: 1, Portions: 4})
		b.record("c1", cabinet.PickedUp{Compartment: 1, Elder: "e-0301"})
		pass(2 * time.Second)
		if s := b.status(); s.Backlog != 16 || !s.LastSuccess.IsZero() || s.LastError != nil {
			t.Errorf("before the first sending: %+v", s)
		}
		pass(10 * time.Second)
		for indicator, want := range map[string]int64{"parcel.deposits": 3, "parcel.pickups": 1, "parcel.dwell": 1, "meal.loaded": 4, "meal.picked_up": 4} {
			if got := p.total(indicator); got != want {
				t.Errorf("%s: %d, want %d", indicator, got, want)
			}
		}
		if s := b.status(); s.Backlog != 0 || s.LastSuccess.IsZero() || s.LastError != nil || s.SetAside != 0 {
			t.Errorf("after it: %+v", s)
		}
		err := p.receiver.Rows("2026-11-23", func(_ string, row contract.Row) error {
			if row.Facility == "f-1" && (row.Region != "320102001001" || row.RegionEdition != 2023 || row.IndustryEdition != 2017 || row.UrbanRural != "111" || row.Industry != "602" || row.Operator != "11320000MB151840XJ") {
				t.Errorf("without the facility's codes: %+v", row)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		requests := len(p.requests)
		pass(time.Hour)
		if len(p.requests) != requests {
			t.Errorf("%d requests with nothing to send", len(p.requests)-requests)
		}
		for _, body := range p.requests {
			for _, private := range []string{"幸福里", "张三", "e-0301", "l1", "c1", "compartment"} {
				if bytes.Contains(body, []byte(private)) {
					t.Errorf("%q has left the box: %s", private, body)
				}
			}
		}
	})
}

// A row that the platform refuses is set aside and holds up no other; once it
// is taken in a later revision, it is forgotten.
func TestRefusedRow(t *testing.T) {
	bubble(t, func(t *testing.T, b *box, p *platform) {
		p.clock = wrongBy(-100 * time.Hour) // so today is in its future
		b.record("l1", locker.Deposited{Compartment: 1})
		pass(15 * time.Second)
		s := b.status()
		if s.SetAside != 3 || s.Backlog != 0 {
			t.Fatalf("status %+v", s)
		}
		aside, err := b.sender.SetAside()
		if err != nil || !strings.Contains(aside[0].Row, "parcel.deposits") || !strings.Contains(aside[0].Reason, "future") {
			t.Errorf("set aside: %+v, %v", aside, err)
		}
		p.clock = wrongBy(0)
		b.restart()
		b.record("l1", locker.Deposited{Compartment: 2})
		pass(time.Minute)
		if s := b.status(); s.SetAside != 0 || s.Backlog != 0 || p.total("parcel.deposits") != 2 {
			t.Errorf("after the clock was set: %+v, total %d", s, p.total("parcel.deposits"))
		}
	})
}

// A batch that the platform refuses as a whole is halved until the row is
// found. A 400 that is not the platform's word sets nothing aside.
func TestRefusedBatch(t *testing.T) {
	bubble(t, func(t *testing.T, b *box, p *platform) {
		portal := true
		p.disturb = func(_ *http.Request, body []byte, deliver func() (*http.Response, error)) (*http.Response, error) {
			switch {
			case portal:
				return answer(400, "<html>please log in</html>"), nil
			case bytes.Contains(body, []byte("meal.loaded")):
				return answer(400, `{"code":"batch","detail":"I cannot read this"}`), nil
			}
			return deliver()
		}
		b.record("l1", locker.Deposited{Compartment: 1})
		b.record("l1", locker.PickedUp{Compartment: 1})
		b.record("c1", cabinet.Loaded{Compartment: 1})
		b.record("c1", cabinet.PickedUp{Compartment: 1})
		pass(time.Minute)
		if s := b.status(); s.SetAside != 0 || s.Backlog != 15 || s.LastError == nil {
			t.Errorf("behind a portal: %+v", s)
		}
		p.mu.Lock()
		portal = false
		p.mu.Unlock()
		pass(10 * time.Minute)
		aside, err := b.sender.SetAside()
		if err != nil || len(aside) != 1 || !strings.Contains(aside[0].Row, "meal.loaded") || aside[0].Reason != "I cannot read this" {
			t.Errorf("set aside: %+v, %v", aside, err)
		}
		if s := b.status(); s.Backlog != 0 || s.LastError != nil || p.total("parcel.deposits") != 1 || p.total("meal.picked_up") != 1 {
			t.Errorf("status %+v", s)
		}
	})
}

func TestRetryAfterIsKept(t *testing.T) {
	bubble(t, func(t *testing.T, b *box, p *platform) {
		var at []time.Time
		p.disturb = func(_ *http.Request, _ []byte, deliver func() (*http.Response, error)) (*http.Response, error) {
			at = append(at, time.Now())
			if len(at) > 1 {
				return deliver()
			}
			response := answer(503, `{"code":"store"}`)
			response.Header.Set("Retry-After", "120")
			return response, nil
		}
		b.record("l1", locker.Deposited{Compartment: 1})
		pass(10 * time.Minute)
		if len(at) != 2 {
			t.Fatalf("%d requests, want 2", len(at))
		}
		if waited := at[1].Sub(at[0]); waited < 2*time.Minute || waited > 125*time.Second {
			t.Errorf("waited %v, want 2 minutes and a little", waited)
		}
	})
}

// Two batches are never nearer than Pace: neither while a backlog is drained,
// nor after a failure or a Retry-After, nor where somebody asks to send again.
func TestPace(t *testing.T) {
	bubble(t, func(t *testing.T, b *box, p *platform) {
		b.stop()
		b.config.Pace, b.config.Interval = 7*time.Second, time.Minute
		b.start()
		var batches []time.Time
		p.disturb = func(req *http.Request, _ []byte, deliver func() (*http.Response, error)) (*http.Response, error) {
			if req.URL.Path != contract.PathRows {
				return deliver()
			}
			batches = append(batches, time.Now())
			switch len(batches) {
			case 2:
				return nil, errors.New("connection reset by peer") // again within a second, but for the pace
			case 4:
				response := answer(429, "")
				response.Header.Set("Retry-After", "300")
				return response, nil
			}
			return deliver()
		}
		var places []registry.Record
		for n := range 400 {
			f, l := fmt.Sprint("place-", n), fmt.Sprint("locker-", n)
			places = append(places, registry.Facility{ID: f, Name: f}, registry.Device{Device: devices.Device{ID: l, Kind: locker.Kind, Facility: f}})
		}
		if err := b.registry.Put(places...); err != nil {
			t.Fatal(err)
		}
		for n := range 400 {
			b.record(fmt.Sprint("locker-", n), locker.Deposited{Compartment: 1})
		}
		pass(10 * time.Minute)
		if s := b.status(); s.Backlog != 0 || s.LastError != nil || p.total("parcel.deposits") != 400 {
			t.Errorf("%+v, %d deposits", s, p.total("parcel.deposits"))
		}
		if err := b.sender.Resend("2026-11-23"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := b.sender.Send(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if len(batches) < 8 { // 3 of 1,200 rows, twice, and 2 in vain
			t.Errorf("%d batches", len(batches))
		}
		for i := 1; i < len(batches); i++ {
			apart, least := batches[i].Sub(batches[i-1]), 7*time.Second
			if i == 4 {
				least = 5 * time.Minute
			}
			if apart < least {
				t.Errorf("batch %d comes %v after the one before, must be %v", i+1, apart, least)
			}
		}
		if apart := batches[4].Sub(batches[3]); apart > 5*time.Minute+10*time.Second {
			t.Errorf("after a Retry-After of five minutes it waited %v", apart)
		}
	})
}

// The waits grow to five minutes, at random, and success ends them.
func TestBackoff(t *testing.T) {
	bubble(t, func(t *testing.T, b *box, p *platform) {
		down := true
		var at []time.Time
		p.disturb = func(_ *http.Request, _ []byte, deliver func() (*http.Response, error)) (*http.Response, error) {
			if at = append(at, time.Now()); down {
				return nil, errors.New("no route to host")
			}
			return deliver()
		}
		b.record("l1", locker.Deposited{Compartment: 1})
		pass(2 * time.Hour)
		for i := 1; i < len(at); i++ {
			most := min(time.Second<<min(i-1, 10), 5*time.Minute)
			if waited := at[i].Sub(at[i-1]); waited < most/2 || waited > most {
				t.Errorf("wait %d is %v, want %v to %v", i, waited, most/2, most)
			}
		}
		if len(at) < 24 {
			t.Errorf("%d attempts in two hours", len(at))
		}
		for lang, want := range map[texts.Lang]string{texts.Chinese: "无法连接平台", texts.English: "the platform cannot be reached"} {
			if got := texts.Of(b.status().LastError, lang); !strings.HasPrefix(got, want) || !strings.Contains(got, "no route to host") {
				t.Errorf("last error %q", got)
			}
		}
		p.mu.Lock()
		down = false
		p.mu.Unlock()
		pass(5 * time.Minute)
		if s := b.status(); s.Backlog != 0 || s.LastError != nil || p.total("parcel.deposits") != 1 {
			t.Errorf("with the line restored: %+v", s)
		}
	})
}

// A box whose clock is wrong learns the time from the first refusal.
func TestWrongClock(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, dir)
		p.clock = wrongBy(7 * time.Hour)
		b := newBox(t, dir, p)
		b.record("l1", locker.Deposited{Compartment: 1})
		pass(15 * time.Second)
		if s := b.status(); s.Backlog != 0 || p.total("parcel.deposits") != 1 || len(p.requests) != 2 {
			t.Errorf("%+v after %d requests", s, len(p.requests))
		}
		b.stop()
		p.stop()
	})
}

// Whoever sets the clock of the box, it goes on by what the platform told.
func TestClockIsSet(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, dir)
		b := newBox(t, dir, p)
		b.record("l1", locker.Deposited{Compartment: 1})
		pass(15 * time.Second)
		for i, wrong := range []time.Duration{10 * 365 * 24 * time.Hour, -56 * 365 * 24 * time.Hour, 0} {
			b.turn(wrong)
			b.record("l1", locker.Deposited{Compartment: 2 + i})
			pass(15 * time.Second)
			if s := b.status(); s.Backlog != 0 || len(p.requests) != 2+i {
				t.Errorf("%+v after %d requests", s, len(p.requests))
			}
		}
		if n := p.total("parcel.deposits"); n != 4 {
			t.Errorf("%d deposits", n)
		}
		b.stop()
		p.stop()
	})
}

func TestWrongSecret(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, dir)
		b := newBox(t, dir, p)
		b.config.Secret = []byte("fedcba9876543210")
		b.restart()
		b.record("l1", locker.Deposited{Compartment: 1})
		pass(time.Minute)
		s := b.status()
		if s.Backlog != 3 || s.SetAside != 0 || s.LastError == nil || !strings.Contains(texts.Of(s.LastError, texts.English), "check box ID and secret") {
			t.Errorf("status %+v", s)
		}
		b.stop()
		p.stop()
	})
}

// If the statistics are lost, those made anew are sent whole, under a higher
// generation.
func TestStatisticsLost(t *testing.T) {
	bubble(t, func(t *testing.T, b *box, p *platform) {
		b.record("l1", locker.Deposited{Compartment: 1})
		pass(15 * time.Second)
		b.stop()
		if err := removeState(b.dir, "usage"); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		b.start()
		b.record("l1", locker.Deposited{Compartment: 2})
		pass(15 * time.Second)
		if s := b.status(); s.Backlog != 0 || p.total("parcel.deposits") != 2 {
			t.Errorf("status %+v, total %d", s, p.total("parcel.deposits"))
		}
	})
}

// A stopped box does not wait for a platform that does not answer.
func TestStopWhileSending(t *testing.T) {
	bubble(t, func(t *testing.T, b *box, p *platform) {
		p.disturb = func(req *http.Request, _ []byte, _ func() (*http.Response, error)) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}
		b.record("l1", locker.Deposited{Compartment: 1})
		pass(15 * time.Second)
		began := time.Now()
		b.restart()
		if took := time.Since(began); took > time.Second {
			t.Errorf("stopping took %v", took)
		}
		if s := b.status(); s.Backlog != 3 {
			t.Errorf("status %+v", s)
		}
	})
}

// Last month is last month on its 31st, too, and in a leap year.
func TestClosedPeriods(t *testing.T) {
	for today, want := range map[string]string{
		"2026-03-31": "[2026-02 2026-03-30 2026-03-29 2026-03-28]",
		"2026-12-31": "[2026-11 2026-12-30 2026-12-29 2026-12-28]",
		"2027-01-01": "[2026-12 2026-12-31 2026-12-30 2026-12-29]",
		"2028-03-01": "[2028-02 2028-02-29 2028-02-28 2028-02-27]",
	} {
		at, err := time.Parse(time.DateOnly, today)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(closed(at)); got != want {
			t.Errorf("on %s: %s, want %s", today, got, want)
		}
	}
}
