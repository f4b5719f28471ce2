package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/province/receiver"
	"github.com/linli-edge/gateway/sync/usage"
)

// rounds is how often a proof is repeated: short, or long in a campaign.
func rounds(short, long int) int {
	if os.Getenv("LINLI_CAMPAIGN") == "1" {
		return long
	}
	return short
}

// toxics are what a line does, by the names of toxiproxy.
var toxics = []string{
	`{"name":"x","type":"latency","stream":"upstream","attributes":{"latency":40,"jitter":40}}`,
	`{"name":"x","type":"latency","stream":"downstream","attributes":{"latency":400}}`,
	`{"name":"x","type":"bandwidth","stream":"upstream","attributes":{"rate":2}}`,
	`{"name":"x","type":"slow_close","stream":"downstream","attributes":{"delay":300}}`,
	`{"name":"x","type":"timeout","stream":"downstream","attributes":{"timeout":100}}`,
	`{"name":"x","type":"reset_peer","stream":"upstream","attributes":{"timeout":10}}`,
	`{"name":"x","type":"reset_peer","stream":"downstream","attributes":{"timeout":0}}`,
	`{"name":"x","type":"limit_data","stream":"upstream","attributes":{"bytes":700}}`,
	`{"name":"x","type":"limit_data","stream":"downstream","attributes":{"bytes":100}}`,
	`{"name":"x","type":"slicer","stream":"upstream","attributes":{"average_size":50,"size_variation":20,"delay":500}}`,
}

// Exactly once, from the device to the province: the built gateway and the
// built platform are killed at random moments under load, over and over on the
// same data, the line between them does everything that lines do, and the
// devices repeat and reorder what they tell. In the end every acknowledged event
// is in the journal once, and the platform's books equal a recount that knows
// nothing of how the gateway counts.
func TestKill(t *testing.T) {
	t.Parallel()
	n, seed := rounds(20, 200), rand.Uint64()
	t.Logf("%d rounds, seed %d", n, seed)
	random := rand.New(rand.NewPCG(seed, 1))

	b := newBox(t)
	far := newFar(t, b)
	var records []registry.Record
	var load []*storyteller
	for i := range 12 {
		id, facility := fmt.Sprintf("l%d", i), fmt.Sprintf("f%d", i%3)
		d := registry.Device{Device: devices.Device{ID: id, Kind: locker.Kind, Facility: facility}, Compartments: 8}
		if i%4 == 3 {
			d.Kind = cabinet.Kind
		}
		if i < 3 {
			records = append(records, registry.Facility{ID: facility, Name: facility})
		}
		records = append(records, d)
		load = append(load, &storyteller{t: t, box: b, device: d, random: rand.New(rand.NewPCG(seed, uint64(2+i))), told: map[string]string{}})
	}
	for id, secret := range b.register(records...) {
		for _, s := range load {
			if s.device.ID == id {
				s.secret = secret
			}
		}
	}

	over := make(chan struct{})
	var telling sync.WaitGroup
	for _, s := range load {
		telling.Go(func() { s.tell(over) })
	}
	progress := func() (acked int) {
		for _, s := range load {
			acked += s.count()
		}
		return acked
	}
	kills, failed := 0, 0 // of the platform; sendings
	p := b.run()
	for round := range n {
		before := progress()
		eventually(t, "acknowledgements after a kill", func() bool { return progress() > before+len(load) })
		if random.IntN(5) > 0 {
			far.disturb(toxics[random.IntN(len(toxics))])
		}
		pause(time.Duration(random.IntN(1000)) * time.Millisecond) // it sends each second
		if random.IntN(2) == 0 {
			far.kill()
			kills++
			pause(time.Duration(random.IntN(400)) * time.Millisecond)
		}
		if code := p.end(t, syscall.SIGKILL); code != -1 {
			t.Fatalf("round %d: ended by itself with code %d\n%s", round, code, p.log)
		}
		failed += strings.Count(p.log.String(), "rows not sent")
		far.calm()
		p = b.run()
		if (round+1)%20 == 0 {
			t.Logf("round %d of %d: %d events acknowledged", round+1, n, progress())
		}
	}

	// To the end: the devices fall silent, the books are closed.
	close(over)
	telling.Wait()
	want := map[row]int64{}
	for _, s := range load {
		s.recount(want)
	}
	var got map[row]int64
	eventually(t, "the platform's books agree", func() bool {
		got = far.books(want)
		return maps.Equal(got, want)
	})
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: exit code %d\n%s", code, p.log)
	}

	acked, recorded := progress(), b.recorded()
	for _, s := range load {
		for id := range s.told {
			switch recorded[s.device.ID+" i/"+id] {
			case 0:
				t.Errorf("%s of %s was acknowledged and is lost", id, s.device.ID)
			case 1:
			default:
				t.Errorf("%s of %s is there %d times", id, s.device.ID, recorded[s.device.ID+" i/"+id])
			}
		}
	}
	if len(recorded) != acked {
		t.Errorf("%d events recorded, %d acknowledged", len(recorded), acked)
	}
	if failed == 0 || kills == 0 {
		t.Errorf("%d sendings failed, the platform was killed %d times: is the line between them?", failed, kills)
	}
	t.Logf("%d kills of the gateway and %d of the platform, %d sendings failed, %d events acknowledged, 0 lost, 0 double, %d rows at the platform agree", n, kills, failed, acked, len(want))
}

// far is the platform as a program of its own, at the other end of a line.
type far struct {
	t       testing.TB
	line    []string // its command line
	address string
	process *process
	proxy   *toxiproxy.Proxy
}

// newFar starts the platform, and has the box report to it.
func newFar(t testing.TB, b *box) *far {
	t.Helper()
	dir := t.TempDir()
	secret, err := os.ReadFile(b.cfg.Province.SecretFile)
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(dir, "keys.txt")
	if err := os.WriteFile(keys, fmt.Appendf(nil, "%s %s\n", b.cfg.Box.ID, secret), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &far{t: t, address: freePort(t)}
	f.line = []string{binary(t, "../platform", "platform"), "-listen", f.address, "-store", filepath.Join(dir, "platform.bolt"), "-keys", keys}
	f.process = launch(t, f.line...)
	zerolog.SetGlobalLevel(zerolog.Disabled) // its toxics have a logger of their own
	f.proxy = toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "line", freePort(t), f.address)
	if err := f.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.proxy.Stop()
		if code := f.process.end(t, syscall.SIGTERM); code != 0 {
			t.Errorf("platform: exit code %d\n%s", code, f.process.log)
		}
	})
	b.cfg.Province.URL = "http://" + f.proxy.Listen + receiver.Path
	return f
}

// kill ends the platform wherever it is, and starts it again.
func (f *far) kill() {
	f.t.Helper()
	if code := f.process.end(f.t, syscall.SIGKILL); code != -1 {
		f.t.Fatalf("the platform ended by itself with code %d\n%s", code, f.process.log)
	}
	f.process = launch(f.t, f.line...)
}

// disturb lets the line do one of toxics until calm.
func (f *far) disturb(toxic string) {
	f.t.Helper()
	if _, err := f.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *far) calm() { f.proxy.Toxics.ResetToxics(f.t.Context()) }

// books are the platform's figures of the rows in want, over all days: the
// test may run past midnight.
func (f *far) books(want map[row]int64) map[row]int64 {
	f.t.Helper()
	got := map[row]int64{}
	now := time.Now()
	for _, day := range []string{usage.Day(now.Add(-24 * time.Hour)), usage.Day(now)} {
		for _, x := range f.totals(day).Facilities {
			if r := (row{x.Facility, x.Indicator}); want[r] > 0 {
				got[r] += x.Numerator
			}
		}
	}
	return got
}

// totals are the figures of a day, or of the days of a month.
func (f *far) totals(period string) (totals receiver.Totals) {
	f.t.Helper()
	response, err := http.Get("http://" + f.address + "/v1/totals?period=" + period)
	if err != nil {
		f.t.Fatal(err)
	}
	err = json.NewDecoder(response.Body).Decode(&totals)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		f.t.Fatal(err)
	}
	return totals
}

// pause is not a wait for anything: it moves the next kill to another moment.
func pause(d time.Duration) { <-time.After(d) }

// row is one figure at the platform.
type row struct{ facility, indicator string }

// storyteller is a device that tells of deposits and pickups, each until it is
// acknowledged, under one id: some before what happened earlier, and some again.
type storyteller struct {
	t      *testing.T
	box    *box
	device registry.Device
	secret string
	random *rand.Rand
	conn   *device // nil while there is none

	mu   sync.Mutex
	told map[string]string // type of each acknowledged event, by id
	// stays is how many pickups were told next after a deposit in the same
	// compartment.
	stays int64
}

func (s *storyteller) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.told)
}

// Disorder of a storyteller, in events.
const (
	inHand   = 4  // it has that many to tell, and takes any
	remember = 50 // it repeats one of that many latest
)

// tell goes on until over, and then until the last event is acknowledged.
func (s *storyteller) tell(over <-chan struct{}) {
	var hand, latest []int     // numbers of events
	occupied := map[int]bool{} // by compartment, as told
	for next := 0; ; {
		select {
		case <-over:
			if s.conn != nil {
				_ = s.conn.conn.Close()
			}
			return
		default:
		}
		for len(hand) < inHand {
			hand, next = append(hand, next), next+1
		}
		i := s.random.IntN(len(hand))
		n := hand[i]
		hand = slices.Delete(hand, i, i+1)
		id, typ, payload := s.event(n)
		s.deliver(payload)
		s.mu.Lock()
		s.told[id] = typ
		if comes(n) != occupied[n%8] && !comes(n) {
			s.stays++
		}
		s.mu.Unlock()
		occupied[n%8] = comes(n)
		latest = append(latest, n)
		latest = latest[max(0, len(latest)-remember):]
		if s.random.IntN(8) == 0 {
			_, _, payload := s.event(latest[s.random.IntN(len(latest))])
			s.deliver(payload)
		}
	}
}

// comes tells whether an event is a deposit: eight in, eight out.
func comes(n int) bool { return n/8%2 == 0 }

func (s *storyteller) event(n int) (id, typ, payload string) {
	types := map[bool]string{true: "parcel.deposited", false: "parcel.picked_up"}
	if s.device.Kind == cabinet.Kind {
		types = map[bool]string{true: "meal.loaded", false: "meal.picked_up"}
	}
	id, typ = fmt.Sprintf("%s-%d", s.device.ID, n), types[comes(n)]
	return id, typ, fmt.Sprintf(`{"id":%q,"type":%q,"data":{"compartment":%d}}`, id, typ, n%8+1)
}

// deliver publishes until it is acknowledged.
func (s *storyteller) deliver(payload string) {
	for {
		if s.conn == nil {
			var err error
			if s.conn, err = connect(s.t, s.box.cfg.MQTT.Listen, 4+byte(s.random.IntN(2)), s.device.ID, s.secret); err != nil {
				s.conn = nil
				pause(10 * time.Millisecond) // the gateway is down
				continue
			}
		}
		if err := s.conn.publish("linli/v1/"+s.device.ID+"/event", payload); err == nil {
			return
		}
		_ = s.conn.conn.Close()
		s.conn = nil
	}
}

// recount adds what the device has told to the figures of its facility.
func (s *storyteller) recount(to map[row]int64) {
	indicators := map[string]string{
		"parcel.deposited": "parcel.deposits", "parcel.picked_up": "parcel.pickups",
		"meal.loaded": "meal.loaded", "meal.picked_up": "meal.picked_up",
	}
	for _, typ := range s.told {
		to[row{s.device.Facility, indicators[typ]}]++
	}
	dwell := "parcel.dwell"
	if s.device.Kind == cabinet.Kind {
		dwell = "meal.dwell"
	}
	to[row{s.device.Facility, dwell}] += s.stays
}

// recorded counts the devices' events in the journal, by device and identity.
// The gateway must not be running.
func (b *box) recorded() map[string]int {
	b.t.Helper()
	j, err := journal.Open(filepath.Join(b.cfg.Data, journalFolder), journal.Options{Clock: b.clock})
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() {
		if err := j.Close(); err != nil {
			b.t.Error(err)
		}
	}()
	counts := map[string]int{}
	for after := uint64(0); ; {
		entries, err := j.Read(journal.Ordinary, after, 1000)
		if err != nil {
			b.t.Fatal(err)
		}
		if len(entries) == 0 {
			return counts
		}
		for _, e := range entries {
			after = e.Seq
			if e.Event.Device != devices.GatewayDevice { // what the box itself did
				counts[e.Event.Device+" "+e.Event.ID]++
			}
		}
	}
}
