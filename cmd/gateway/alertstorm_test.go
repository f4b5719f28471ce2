package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/notify"
	"github.com/linli-edge/gateway/sync/notify/notifytest"
)

// slowPhone is a webhook that answers calls for help only: everything else it
// takes and leaves hanging.
type slowPhone struct {
	url     string
	mu      sync.Mutex
	notices []alert.Page
	hanging int
	calls   []int // for each call for help, how many notices hung when it came
}

func newSlowPhone(t testing.TB) *slowPhone {
	p := &slowPhone{}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var page alert.Page
		if err := json.NewDecoder(r.Body).Decode(&page); err != nil {
			t.Errorf("page: %v", err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if page.Priority == alert.High {
			p.calls = append(p.calls, p.hanging)
			return
		}
		p.notices = append(p.notices, page)
		p.hanging++
		p.mu.Unlock()
		<-r.Context().Done()
		p.mu.Lock()
		p.hanging--
	}))
	t.Cleanup(s.Close)
	p.url = s.URL
	return p
}

func (p *slowPhone) look(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// 500 lockers are tampered with, and as many compartments jam, all at once. The
// jams are one digest; the rest is told no faster than half of what each
// provider allows, and not at all to the one that wants to be left alone. A
// press meanwhile is told at once on the same addresses: on the one where four
// notices hang, and on the one whose half is spent.
func TestAlertStorm(t *testing.T) {
	t.Parallel()
	const lockers = 500
	b := newBox(t)
	c := &movedClock{right: b.clock}
	b.clock = c.now
	cloud, slow := notifytest.NewCloud(t), newSlowPhone(t)
	cloud.Now = func() time.Time { return c.now().Wall }
	cloud.Refuse("ntfy", http.StatusTooManyRequests, "600")
	b.subscribe(cloud)
	b.cfg.Channels.Ntfy = notify.Ntfy{URL: cloud.URL + "/ntfy", TokenFile: b.secretFile("ntfy.token", notifytest.NtfyToken)}
	records := append(caregiver("dingtalk", "all", "webhook", slow.url, "ntfy", "linli"), registry.Facility{ID: "east", Name: "东门快递柜"})
	for i := range lockers {
		records = append(records, registry.Device{Device: devices.Device{ID: stormID(i), Kind: locker.Kind, Facility: "east"}, Compartments: 8})
	}
	secrets := b.register(records...)
	g, _ := b.start()
	eventually(t, "ready", func() bool { return g.ready() == nil })
	c.pass(time.Hour)

	const hands = 20
	var all sync.WaitGroup
	for hand := range hands {
		all.Go(func() {
			for i := hand; i < lockers; i += hands {
				d, err := connect(t, b.cfg.MQTT.Listen, 5, stormID(i), secrets[stormID(i)])
				if err != nil {
					t.Error(err)
					return
				}
				for n, code := range []string{"tamper", "jam"} {
					if err := d.publish("linli/v1/"+stormID(i)+"/event", fmt.Sprintf(`{"id":"%d","type":"fault","data":{"code":%q}}`, n, code)); err != nil {
						t.Error(err)
					}
				}
				if err := d.conn.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	open := map[alert.Kind]int{}
	eventually(t, "an incident for each", func() bool {
		clear(open)
		for _, i := range g.alerts.Incidents() {
			open[i.Kind]++
		}
		return open[alert.Tamper] == lockers && open[alert.Faulty] == lockers
	})
	spent := func() int { list, _ := cloud.Delivered("dingtalk"); return len(list) }
	eventually(t, "half of the robot's minute is spent", func() bool { return spent() >= 10 })
	eventually(t, "four notices hang on one address", func() bool {
		hanging := 0
		slow.look(func() { hanging = slow.hanging })
		return hanging >= 4
	})

	// A notice may give up just then, a busy machine may be slow; not each time.
	besides := 0
	for press := 1; press <= 5 && besides < 4; press++ {
		began := time.Now()
		b.press(secrets["w302"], fmt.Sprintf(`{"id":"%d","type":"sos"}`, press))
		eventually(t, "the press where notices hang", func() (ok bool) {
			slow.look(func() {
				if ok = len(slow.calls) >= press; ok {
					besides = slow.calls[press-1]
				}
			})
			return ok
		})
		told := time.Since(began)
		eventually(t, "the press where half is spent", func() bool {
			list, _ := cloud.Delivered("dingtalk")
			calls := slices.DeleteFunc(list, func(m notifytest.Message) bool { return !strings.Contains(m.Text, "3号楼 302") })
			return len(calls) >= press
		})
		both := time.Since(began)
		t.Logf("the press was told after %s while %d notices hung, everywhere after %s", told, besides, both)
		if both > 5*time.Second {
			besides = 0
		}
		for _, i := range g.alerts.Incidents() {
			if i.Kind == alert.SOS {
				if err := g.alerts.Acknowledge(t.Context(), i.ID, "li", "page"); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if besides < 4 {
		t.Error("each press had to wait for a notice, or was told too late")
	}
	if n := cloud.Asked("ntfy"); n > 8 { // four of each sort were under way when it said so
		t.Errorf("who wants to be left alone was asked %d times", n)
	}

	// Five minutes later the jams are told, all in one page, however often it is
	// tried.
	c.pass(6 * time.Minute)
	digests := map[string]alert.Page{}
	eventually(t, "the digest", func() bool {
		slow.look(func() {
			for _, p := range slow.notices {
				if p.Kind == alert.Faulty {
					digests[p.Key] = p
				}
			}
		})
		return len(digests) > 0
	})
	for _, p := range digests {
		if len(digests) != 1 || len(p.Others)+p.More != lockers-1 {
			t.Errorf("%d digests; one names %d and counts %d more", len(digests), len(p.Others), p.More)
		}
	}
	eventually(t, "the robot has refused nothing", func() bool { return cloud.Asked("dingtalk") == spent() })
}

// A door that is opened and shut, and jams and does not, a hundred times is two
// notices at the most; a wearable that comes and goes 300 times is none, and its
// press on the way is one call for help, at once.
func TestFlappingStory(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	c := &movedClock{right: b.clock}
	b.clock = c.now
	secrets := b.register(neighbourhood(b)...)
	g, _ := b.start()
	eventually(t, "ready", func() bool { return g.ready() == nil })
	c.pass(time.Hour)

	d, err := connect(t, b.cfg.MQTT.Listen, 5, "l1", secrets["l1"])
	if err != nil {
		t.Fatal(err)
	}
	defer d.conn.Close()
	folded := func() bool {
		for _, f := range g.journal.Stats().Followers {
			if f.Name == "watch" || f.Name == "alert" {
				for _, n := range f.Lag {
					if n > 0 {
						return false
					}
				}
			}
		}
		return true
	}
	for n := range 100 {
		for i, said := range []string{
			`"type":"door","data":{"compartment":7,"open":true}`, `"type":"fault","data":{"compartment":7,"code":"jam"}`,
			`"type":"fault","data":{"compartment":7,"code":"jam","cleared":true}`, `"type":"door","data":{"compartment":7,"open":false}`,
		} {
			if err := d.publish("linli/v1/l1/event", fmt.Sprintf(`{"id":"%d-%d",%s}`, n, i, said)); err != nil {
				t.Fatal(err)
			}
		}
		if n%25 == 24 {
			eventually(t, "what it said is known", folded)
			c.pass(10 * time.Minute)
		}
	}
	faults := func() int {
		return len(slices.DeleteFunc(g.alerts.Incidents(), func(i alert.Incident) bool { return i.Kind != alert.Faulty && i.Kind != alert.DoorAjar }))
	}
	eventually(t, "it has been noticed", func() bool { return faults() > 0 })

	for n := range 300 {
		w, err := connect(t, b.cfg.MQTT.Listen, 5, "w302", secrets["w302"])
		if err != nil {
			t.Fatal(err)
		}
		if n == 150 {
			began := time.Now()
			if err := w.publish("linli/v1/w302/event", `{"id":"1","type":"sos"}`); err != nil {
				t.Fatal(err)
			}
			b.phone.await(t, "the press", func(p []alert.Page) bool {
				return slices.ContainsFunc(p, func(p alert.Page) bool { return p.Kind == alert.SOS })
			})
			t.Logf("the press was told after %s", time.Since(began))
		}
		if err := w.conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all is known", folded)
	c.pass(time.Hour)
	notices, calls := map[string]bool{}, map[string]bool{}
	for _, p := range b.phone.await(t, "pages", func(p []alert.Page) bool { return len(p) > 0 }) {
		if p.Priority == alert.High {
			calls[p.Incident] = true
		} else {
			notices[p.Key] = true
		}
	}
	if len(notices) > 2 || len(calls) != 1 {
		t.Errorf("%d notices, %d calls for help", len(notices), len(calls))
	}
}
