package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
)

// heard is a page as somebody's telephone got it: from which of the processes,
// counted from 0, and when.
type heard struct {
	page alert.Page
	who  string
	life int
	at   time.Time
}

// telephones is the telephones of several people, who never answer.
type telephones struct {
	url   string
	mu    sync.Mutex
	life  int
	pages []heard
	rang  chan struct{} // closed at the next page
}

func newTelephones(t testing.TB) *telephones {
	l := &telephones{rang: make(chan struct{})}
	type lifeOf struct{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		h := heard{who: r.URL.Path, at: time.Now(), life: r.Context().Value(lifeOf{}).(int)}
		if err := json.NewDecoder(r.Body).Decode(&h.page); err != nil {
			return // the process was killed in the midst of it
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.pages = append(l.pages, h)
		close(l.rang)
		l.rang = make(chan struct{})
	}))
	// A page may be read after its process has died.
	s.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		l.mu.Lock()
		defer l.mu.Unlock()
		return context.WithValue(ctx, lifeOf{}, l.life)
	}
	s.Start()
	t.Cleanup(s.Close)
	l.url = s.URL
	return l
}

// next is closed at the next page.
func (l *telephones) next() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rang
}

func (l *telephones) all() []heard {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.pages)
}

// The built binary is killed again and again while it escalates calls for help
// that nobody answers, at any moment and just when a page arrives. Nobody is
// left out for longer than a step and the time that the box was off; and of each page
// each person gets one more at the most for a kill.
func TestKillInEscalation(t *testing.T) {
	t.Parallel()
	n, seed := rounds(20, 1000), rand.Uint64()
	t.Logf("%d rounds, seed %d", n, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const (
		elders = 15
		step   = 10 * time.Second
	)
	b, phones := quietBox(t), newTelephones(t)
	b.cfg.Alert.Step = step
	people := []string{"/li", "/wang"}
	records := []registry.Record{
		registry.Caregiver{ID: "li", Name: "李敏", Channels: []registry.Channel{{Kind: "webhook", Address: phones.url + people[0]}}},
		registry.Caregiver{ID: "wang", Name: "王强", Channels: []registry.Channel{{Kind: "webhook", Address: phones.url + people[1]}}},
	}
	for i := range elders {
		room := strconv.Itoa(i)
		records = append(records, registry.Elder{ID: "e" + room, Name: "老人", Building: "3号楼", Room: room, Caregivers: []string{"li", "wang"}},
			registry.Device{Device: devices.Device{ID: "w" + room, Kind: wearable.Kind, Elder: "e" + room}})
	}
	secrets := b.register(records...)
	begin := func() *process {
		t.Helper()
		p := b.run()
		eventually(t, "ready", func() bool {
			r, err := http.Get("http://" + b.cfg.Console.Listen + "/readyz")
			return err == nil && r.Body.Close() == nil && r.StatusCode == http.StatusOK
		})
		return p
	}

	type outage struct{ from, to time.Time }
	var off []outage
	p := begin()
	for round := range n {
		if round < elders {
			w := fmt.Sprintf("w%d", round)
			d, err := connect(t, b.cfg.MQTT.Listen, 4, w, secrets[w])
			if err != nil {
				t.Fatal(err)
			}
			if err := d.publish("linli/v1/"+w+"/event", `{"id":"1","type":"sos"}`); err != nil {
				t.Fatal(err)
			}
			if err := d.conn.Close(); err != nil {
				t.Error(err)
			}
		}
		if random.IntN(2) == 0 {
			<-phones.next()
			pause(time.Duration(random.IntN(30)) * time.Millisecond)
		} else {
			pause(time.Duration(random.IntN(1500)) * time.Millisecond)
		}
		killed := time.Now()
		if code := p.end(t, syscall.SIGKILL); code != -1 {
			t.Fatalf("round %d: ended by itself with code %d\n%s", round, code, p.log)
		}
		pause(100 * time.Millisecond) // what it had connected has been taken
		phones.mu.Lock()
		phones.life++
		phones.mu.Unlock()
		p = begin()
		off = append(off, outage{killed, time.Now()})
		if (round+1)%100 == 0 {
			t.Logf("round %d of %d: %d pages", round+1, n, len(phones.all()))
		}
	}
	// Each call goes on after the last kill.
	last := time.Now()
	eventually(t, "a further page of each", func() bool {
		going := map[string]bool{}
		for _, h := range phones.all() {
			if h.at.After(last.Add(time.Second)) {
				going[h.page.Room] = true
			}
		}
		return len(going) == elders
	})
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: exit code %d\n%s", code, p.log)
	}

	type call struct{ room, who string }
	incidents, first, again := map[string]string{}, map[call]map[int]time.Time{}, map[string]int{}
	repeated := 0
	for _, h := range phones.all() {
		c := call{h.page.Room, h.who}
		if id := incidents[c.room]; id != "" && id != h.page.Incident {
			t.Errorf("room %s: two incidents for one press", c.room)
		}
		incidents[c.room] = h.page.Incident
		if first[c] == nil {
			first[c] = map[int]time.Time{}
		}
		if _, there := first[c][h.page.Step]; there {
			repeated++
		} else {
			first[c][h.page.Step] = h.at
		}
		key := fmt.Sprint(h.life, " ", h.who, " ", h.page.Key)
		if again[key]++; again[key] > 1 {
			t.Errorf("process %d has told %s step %d of room %s %d times", h.life, h.who, h.page.Step, c.room, again[key])
		}
	}
	steps, overtaken := 0, 0
	for room := range elders {
		for _, who := range people {
			at := first[call{strconv.Itoa(room), who}]
			told := slices.Sorted(maps.Keys(at))
			for i := 1; i < len(told); i++ {
				steps++
				// While the box was off for longer than a step, the next was due
				// before this one had left: it calls the same people.
				overtaken += told[i] - told[i-1] - 1
				before, now := at[told[i-1]], at[told[i]]
				var down time.Duration
				for _, o := range off {
					if o.to.After(before) && o.from.Before(now) {
						down += o.to.Sub(o.from)
					}
				}
				if took := now.Sub(before); took > step+down+10*time.Second {
					t.Errorf("room %d: step %d reached %s %s after step %d, the box was off for %s", room, told[i], who, took, told[i-1], down)
				}
			}
		}
	}
	if len(incidents) != elders || steps < elders*len(people) {
		t.Errorf("%d incidents, %d steps", len(incidents), steps)
	}
	t.Logf("%d kills, %d pages, %d steps after the first, none late, %d of them overtaken by the next, %d pages repeated", n, len(phones.all()), steps, overtaken, repeated)
}
