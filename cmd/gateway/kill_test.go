package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/usage"
)

// rounds is how often a proof is repeated: short, or long in a campaign.
func rounds(short, long int) int {
	if os.Getenv("LINLI_CAMPAIGN") == "1" {
		return long
	}
	return short
}

// The built binary is killed at random moments under load, and started again,
// over and over on the same data. In the end every acknowledged event is in
// the journal once, and the platform's books equal a recount that knows
// nothing of how the gateway counts.
func TestKill(t *testing.T) {
	t.Parallel()
	n, seed := rounds(20, 200), rand.Uint64()
	t.Logf("%d rounds, seed %d", n, seed)
	random := rand.New(rand.NewPCG(seed, 1))

	b := newBox(t)
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
		load = append(load, &storyteller{t: t, box: b, device: d, told: map[string]string{}})
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
	for round := range n {
		p := b.run()
		before := progress()
		eventually(t, "acknowledgements after a kill", func() bool { return progress() > before+len(load) })
		pause(time.Duration(random.IntN(400)) * time.Millisecond)
		if code := p.end(t, syscall.SIGKILL); code != -1 {
			t.Fatalf("round %d: ended by itself with code %d\n%s", round, code, p.log)
		}
		if (round+1)%20 == 0 {
			t.Logf("round %d of %d: %d events acknowledged", round+1, n, progress())
		}
	}

	// Once more, to the end: the devices fall silent, the books are closed.
	p := b.run()
	close(over)
	telling.Wait()
	want := map[row]int64{}
	for _, s := range load {
		s.recount(want)
	}
	var got map[row]int64
	eventually(t, "the platform's books agree", func() bool {
		got = b.books(want)
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
	t.Logf("%d kills, %d events acknowledged, 0 lost, 0 double, %d rows at the platform agree", n, acked, len(want))
}

// pause is not a wait for anything: it moves the next kill to another moment.
func pause(d time.Duration) { <-time.After(d) }

// row is one figure at the platform.
type row struct{ facility, indicator string }

// storyteller is a device that tells of deposits and pickups, each until it is
// acknowledged, under one id.
type storyteller struct {
	t      *testing.T
	box    *box
	device registry.Device
	secret string

	mu   sync.Mutex
	told map[string]string // type of each acknowledged event, by id
}

func (s *storyteller) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.told)
}

// tell goes on until over, and then until the last event is acknowledged.
func (s *storyteller) tell(over <-chan struct{}) {
	in, out := "parcel.deposited", "parcel.picked_up"
	if s.device.Kind == cabinet.Kind {
		in, out = "meal.loaded", "meal.picked_up"
	}
	var d *device
	for n := 0; ; n++ {
		select {
		case <-over:
			if d != nil {
				_ = d.conn.Close()
			}
			return
		default:
		}
		typ := in
		if n/8%2 == 1 { // eight in, eight out
			typ = out
		}
		id := fmt.Sprintf("%s-%d", s.device.ID, n)
		payload := fmt.Sprintf(`{"id":%q,"type":%q,"data":{"compartment":%d}}`, id, typ, n%8+1)
		for {
			if d == nil {
				var err error
				if d, err = connect(s.t, s.box.cfg.MQTT.Listen, 4+byte(n%2), s.device.ID, s.secret); err != nil {
					d = nil
					pause(10 * time.Millisecond) // the gateway is down
					continue
				}
			}
			if err := d.publish("linli/v1/"+s.device.ID+"/event", payload); err == nil {
				break
			}
			_ = d.conn.Close()
			d = nil
		}
		s.mu.Lock()
		s.told[id] = typ
		s.mu.Unlock()
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
		if typ == "parcel.picked_up" {
			to[row{s.device.Facility, "parcel.dwell"}]++
		}
		if typ == "meal.picked_up" {
			to[row{s.device.Facility, "meal.dwell"}]++
		}
	}
}

// books are the platform's figures of the rows in want, over all days: the
// test may run past midnight.
func (b *box) books(want map[row]int64) map[row]int64 {
	b.t.Helper()
	got := map[row]int64{}
	now := b.clock().Wall
	for _, day := range []string{usage.Day(now.Add(-24 * time.Hour)), usage.Day(now)} {
		totals, err := b.platform.Totals(day)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, f := range totals.Facilities {
			if r := (row{f.Facility, f.Indicator}); want[r] > 0 {
				got[r] += f.Numerator
			}
		}
	}
	return got
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
