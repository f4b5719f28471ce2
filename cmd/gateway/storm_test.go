package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
)

// The aims of a storm, and what it is made of.
const (
	stormDevices = 500
	stormBacklog = 40 // events that each device has to tell when it is back
	stormIn      = 10 * time.Second
	stormSOS     = time.Second
)

// storm is 499 lockers and one wearable that lose the gateway all at once and
// come back as soon as they can, each fifth over TLS.
type storm struct {
	*box
	trust *tls.Config

	over   chan struct{} // the devices go
	lost   atomic.Bool   // the gateway was killed
	in     atomic.Int64  // devices that have come back
	half   chan struct{} // closed when half of them have
	all    chan struct{} // and when all have
	acked  atomic.Int64  // events, in all
	behind atomic.Int64  // events of the backlogs that are not acknowledged
}

// stormOutcome is how long after the start of the gateway all were in, and
// after its PUBLISH the call for help was at the webhook; how much of the
// ordinary backlog was not acknowledged then; and what the journal lacks of
// what was acknowledged, has twice, or nobody has told.
type stormOutcome struct {
	in, sos             time.Duration
	behind, acked       int64
	lost, twice, strays int
}

// newStorm registers the devices and returns their secrets.
func newStorm(t testing.TB) (*storm, map[string]string) {
	s := &storm{box: quietBox(t), over: make(chan struct{}), half: make(chan struct{}), all: make(chan struct{})}
	// The wait of a group commit bounds how fast a backlog goes, whatever the
	// machine: 40 events of one device, one after the other, take 2 s at least.
	s.cfg.Journal.Wait = 50 * time.Millisecond
	for s.cfg.MQTT.TLS = freePort(t); s.cfg.MQTT.TLS == s.cfg.MQTT.Listen || s.cfg.MQTT.TLS == s.cfg.Console.Listen; {
		s.cfg.MQTT.TLS = freePort(t)
	}
	records := neighbourhood(s.box)
	for i := 1; i < stormDevices; i++ {
		records = append(records, registry.Device{Device: devices.Device{ID: stormID(i), Kind: locker.Kind, Facility: "east"}, Compartments: 8})
	}
	records = append(records, registry.Device{Device: devices.Device{ID: stormID(0), Kind: wearable.Kind, Elder: "e302"}})
	return s, s.register(records...)
}

func stormID(i int) string { return "storm-" + strconv.Itoa(i) }

// login logs device i in, again and again until that works; nil when it is over.
func (s *storm) login(i int, secret string) *device {
	for {
		var d *device
		var err error
		if i%5 == 0 {
			d, err = connectSecurely(s.t, s.cfg.MQTT.TLS, s.trust, stormID(i), secret)
		} else {
			d, err = connect(s.t, s.cfg.MQTT.Listen, 4+byte(i%2), stormID(i), secret)
		}
		if err == nil {
			return d
		}
		select {
		case <-s.over:
			return nil
		case <-time.After(50*time.Millisecond + rand.N(100*time.Millisecond)): // as a device does
		}
	}
}

// back counts a device that is there again.
func (s *storm) back() {
	switch s.in.Add(1) {
	case stormDevices / 2:
		close(s.half)
	case stormDevices:
		close(s.all)
	}
}

func (s *storm) await(what string, done <-chan struct{}) {
	s.t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		s.t.Fatalf("waited in vain for %s: %d are", what, s.in.Load())
	}
}

func (s *storm) ended() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// live is the life of locker i: it tells of a deposit after the other, each
// until it is acknowledged; after the gateway was lost, of as many as have
// gathered, and then it stays. It returns how many it has told of.
func (s *storm) live(i int, secret string) (told int) {
	topic := "linli/v1/" + stormID(i) + "/event"
	for last, returned := -1, false; ; {
		d := s.login(i, secret)
		if d == nil {
			return told
		}
		if !returned && s.lost.Load() {
			returned, last = true, told+stormBacklog
			s.back()
		}
		var err error
		for err == nil && told != last && !s.ended() {
			if err = d.publish(topic, fmt.Sprintf(`{"id":"%d","type":"parcel.deposited","data":{"compartment":%d}}`, told, told%8+1)); err == nil {
				told++
				s.acked.Add(1)
				if returned {
					s.behind.Add(-1)
				}
			}
		}
		if err == nil {
			<-s.over
		}
		_ = d.conn.Close() // it is lost, or over
		if err == nil {
			return told
		}
	}
}

// blow kills the gateway under its devices, starts it again, and watches them
// come back.
func (s *storm) blow(t testing.TB, secrets map[string]string) (o stormOutcome) {
	t.Helper()
	p := s.run()
	eventually(t, "ready", func() bool {
		r, err := http.Get("http://" + s.cfg.Console.Listen + "/readyz")
		return err == nil && r.Body.Close() == nil && r.StatusCode == http.StatusOK
	})
	s.trust = s.box.trust()
	s.behind.Store((stormDevices - 1) * stormBacklog)
	told := make([]int, stormDevices)
	var living sync.WaitGroup
	leave := sync.OnceFunc(func() { close(s.over); living.Wait() })
	defer leave()
	defer func() {
		if p.cmd.ProcessState == nil { // the test has given up
			p.end(t, syscall.SIGKILL)
		}
	}()
	for i := 1; i < stormDevices; i++ {
		living.Go(func() { told[i] = s.live(i, secrets[stormID(i)]) })
	}
	eventually(t, "all devices speak", func() bool { return s.acked.Load() > 3*stormDevices && s.connections() == stormDevices-1 })

	s.lost.Store(true)
	if code := p.end(t, syscall.SIGKILL); code != -1 {
		t.Fatalf("ended by itself with code %d\n%s", code, p.log)
	}
	began := time.Now()
	p = s.run()

	// The one who calls for help comes in the middle of the others.
	s.await("half of the devices to be back", s.half)
	d := s.login(0, secrets[stormID(0)])
	defer d.conn.Close()
	s.back()
	pressed := time.Now()
	if err := d.send("linli/v1/"+stormID(0)+"/event", `{"id":"1","type":"sos"}`); err != nil {
		t.Fatal(err)
	}
	s.phone.await(t, "the call for help", func(pages []alert.Page) bool { return len(pages) > 0 && pages[0].Kind == alert.SOS })
	o.sos, o.behind = time.Since(pressed), s.behind.Load()
	if err := d.acked(); err != nil {
		t.Fatal(err)
	}
	s.await("all devices to be back", s.all)
	o.in = time.Since(began)
	eventually(t, "the backlogs are told", func() bool { return s.behind.Load() == 0 })
	if n := s.connections(); n != stormDevices {
		t.Errorf("%d devices connected, want %d", n, stormDevices)
	}
	leave()
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: exit code %d\n%s", code, p.log)
	}

	o.acked = s.acked.Load()
	recorded := s.recorded()
	for i, n := range told {
		for id := range n {
			switch key := fmt.Sprintf("%s i/%d", stormID(i), id); recorded[key] {
			case 0:
				o.lost++
			case 1:
				delete(recorded, key)
			default:
				o.twice++
			}
		}
	}
	o.strays = len(recorded)
	return o
}

var stormConnections = regexp.MustCompile(`(?m)^linli_mqtt_connections\{.*\} (\d+)$`)

// connections is how many devices the gateway says are logged in.
func (s *storm) connections() (n int) {
	s.t.Helper()
	r, err := http.Get("http://" + s.cfg.Console.Listen + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range stormConnections.FindAllSubmatch(body, -1) {
		one, err := strconv.Atoi(string(m[1]))
		if err != nil {
			s.t.Fatal(err)
		}
		n += one
	}
	return n
}

func (o stormOutcome) check(t testing.TB) {
	t.Helper()
	t.Logf("all in after %v, SOS at the webhook after %v with %d ordinary events behind it, %d acknowledged", o.in.Round(time.Millisecond), o.sos.Round(time.Microsecond), o.behind, o.acked)
	if o.lost > 0 || o.twice > 0 || o.strays > 0 || o.acked < (stormDevices-1)*stormBacklog {
		t.Errorf("%d lost, %d twice, %d that nobody told of, %d acknowledged", o.lost, o.twice, o.strays, o.acked)
	}
	if o.behind <= 0 {
		t.Error("the call for help waited for what others had to tell")
	}
}

// The gateway is killed under 500 devices, which all come back at once, each
// with something to tell: nothing acknowledged is lost or there twice, and a
// call for help among them is heard before what the others have to tell.
// BenchmarkReconnectStorm, and a campaign, hold it to the clock as well.
func TestReconnectStorm(t *testing.T) {
	for range rounds(1, 10) {
		s, secrets := newStorm(t)
		o := s.blow(t, secrets)
		o.check(t)
		if rounds(0, 1) == 1 {
			o.inTime(t)
		}
	}
}

func (o stormOutcome) inTime(t testing.TB) {
	t.Helper()
	if o.in > stormIn || o.sos > stormSOS {
		t.Errorf("all in after %v (want %v), SOS at the webhook after %v (want %v)", o.in, stormIn, o.sos, stormSOS)
	}
}

// BenchmarkReconnectStorm: how long after a kill, from the start of the new
// process, all 500 devices are in again, and how long the call for help among
// them takes from its PUBLISH to the webhook.
func BenchmarkReconnectStorm(b *testing.B) {
	var in, sos []time.Duration
	for b.Loop() {
		for range benchTurns {
			s, secrets := newStorm(b)
			o := s.blow(b, secrets)
			o.check(b)
			o.inTime(b)
			in, sos = append(in, o.in), append(sos, o.sos)
		}
	}
	b.ReportMetric(milliseconds(quantile(in, .5)), "all-in-ms")
	b.ReportMetric(milliseconds(quantile(sos, .5)), "sos-ms")
	b.ReportMetric(milliseconds(slices.Max(sos)), "slowest-sos-ms")
	b.ReportMetric(0, "ns/op")
}
