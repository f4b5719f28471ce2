package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	orders "github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/usage"
)

// movedClock is the machine's clock, moved.
type movedClock struct {
	right devices.Clock
	mu    sync.Mutex
	by    time.Duration
	past  time.Duration // of the wall clock only
}

func (c *movedClock) now() devices.Stamp {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.right()
	s.Mono, s.Wall, s.Synced = s.Mono+c.by, s.Wall.Add(c.by-c.past), true
	return s
}

func (c *movedClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by += d
}

// town registers a device of each kind, and returns the records.
func town(b *box) []registry.Record {
	records := neighbourhood(b)
	records = append(records, registry.Elder{ID: "e303", Name: "赵大爷", Caregivers: []string{"li"}}, registry.Facility{ID: "hall", Name: "邻里中心", Region: "320106001001", RegionEdition: 2023, UrbanRural: "111", Industry: "8514", Operator: "11320000MB151840XJ", Services: []string{"meal", "parcel"}})
	for _, k := range kinds.Names() {
		d := registry.Device{Device: devices.Device{ID: "t-" + string(k), Kind: k, Facility: "hall"}}
		switch k {
		case "wearable", "bed", "visit":
			d.Facility, d.Elder = "", "e302"
		case "alarm":
			d.Facility, d.Elder = "", "e303"
		case "locker":
			d.Compartments = 4
		}
		records = append(records, d)
	}
	// Such that the rules find something within the story, which begins at ten in
	// the morning.
	return append(records, registry.Care{ID: "e303", Meal: "09:50-10:15"}, registry.Care{
		ID: "e302", Night: "00:00-00:00", Active: "00:00-00:00", BedExitMinutes: 10, InactiveMinutes: 60,
		Fence: &registry.Fence{Latitude: 32, Longitude: 118.8, Metres: 100}, Bands: []registry.Band{{Vital: "heart_rate", Low: 50, High: 110, InARow: 1}},
	})
}

// day is what the devices of the town tell, by kind. %[1]s is a time of the day
// before.
var day = map[devices.Kind][]string{
	"cabinet":    {`"meal.loaded","data":{"compartment":1,"portions":2,"hot":true,"cooked":"%[1]s"}`, `"meal.picked_up","data":{"compartment":1,"elder":"e302"}`, `"meal.loaded","data":{"compartment":2}`, `"meal.unclaimed","data":{"compartment":2}`},
	"locker":     {`"parcel.deposited","data":{"compartment":1}`, `"parcel.overdue","data":{"compartment":1}`, `"parcel.picked_up","data":{"compartment":1,"by":"courier"}`, `"fault","data":{"compartment":2,"code":"jam"}`, `"parcel.deposited","data":{"compartment":3}`},
	"terminal":   {`"session.started","data":{"session":"s1","elder_mode":true}`, `"session.ended","data":{"session":"s1","result":"completed"}`},
	"booking":    {`"booking.created","data":{"booking":"b1"}`, `"booking.fulfilled","data":{"booking":"b1"}`, `"booking.no_show","data":{"booking":"b2"}`, `"booking.cancelled","data":{"booking":"b3"}`, `"delivery.made","data":{"contactless":true}`},
	"rating":     {`"rating.given","data":{"service":"r1","level":5}`, `"rating.given","data":{"service":"r2","level":1}`, `"rating.closed","data":{"service":"r2"}`},
	"desk":       {}, // staff enter it
	"attendance": {`"opening","data":{"open":true}`, `"people.counted","data":{"entries":5}`},
	"fitness":    {`"test.done","data":{"test":"pulse"}`},
	"rental":     {`"asset.in","data":{"asset":"chair"}`, `"asset.out","data":{"asset":"chair"}`},
	"express":    {`"parcel.deposited","data":{"parcels":3}`, `"parcel.picked_up","data":{"parcels":1}`},
	"pickup":     {`"item.stocked","data":{"compartment":1}`, `"item.picked_up","data":{"compartment":1}`, `"temperature","data":{"celsius":12,"cold":true}`},
	"visit":      {`"visit.made","data":{"by":"nfc"}`},
	"wearable":   {`"fall"`, `"position","data":{"latitude":32.1,"longitude":118.8}`, `"position","data":{"latitude":32.1,"longitude":118.8}`, `"vitals","data":{"heart_rate":130}`, `"battery","data":{"percent":5}`, `"worn","data":{"worn":true}`, `"worn","data":{"worn":false}`},
	"bed":        {`"occupancy","data":{"occupied":true}`, `"occupancy","data":{"occupied":false}`},
	"alarm":      {`"sos"`, `"smoke"`, `"gas"`, `"carbon_monoxide"`, `"water"`},
}

// notHere is the indicator that needs what no device and no hand can do in this
// story: damage of the disk, see TestDamageIsCounted.
const notHere = "box.lost"

// Every indicator of the catalogue reaches the platform's books from what
// devices publish and people type, through the whole daemon.
func TestEachFigureThroughTheDaemon(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	now := b.clock().Wall
	ten := time.Date(now.Year(), now.Month(), now.Day()-9, 2, 0, 0, 0, time.UTC) // in China
	c := &movedClock{right: b.clock, past: now.Sub(ten)}
	b.clock = c.now
	secrets := b.register(town(b)...)
	config := b.write()
	g, stop := b.start()
	ready := func() {
		t.Helper()
		eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	}
	ready()
	n := 0
	publish := func(kind devices.Kind, events ...string) {
		t.Helper()
		id := "t-" + string(kind)
		d, err := connect(t, b.cfg.MQTT.Listen, 5, id, secrets[id])
		if err != nil {
			t.Fatal(err)
		}
		defer d.conn.Close()
		if err := d.publish("linli/v1/"+id+"/status", `{"online":true}`); err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			n++
			if err := d.publish("linli/v1/"+id+"/event", fmt.Sprintf(`{"id":"%d","type":%s}`, n, e)); err != nil {
				t.Fatalf("%s: %v", id, err)
			}
		}
	}
	yesterday := c.now().Wall.Add(-26 * time.Hour).UTC().Format(time.RFC3339)
	for _, k := range slices.Sorted(maps.Keys(day)) {
		var events []string
		for _, e := range day[k] {
			if strings.Contains(e, "%[1]s") {
				e = fmt.Sprintf(e, yesterday)
			}
			events = append(events, e)
		}
		publish(k, events...)
	}
	if code, _, stderr := command(t, "en_US.UTF-8", "desk", "key", "--facility", "hall", "--by", "li", "--config", config); code != 0 {
		t.Fatal(stderr)
	}
	eventually(t, "an incident", func() bool { return len(g.alerts.Incidents()) > 0 })
	id := g.alerts.Incidents()[0].ID
	for _, args := range [][]string{{"acknowledge", id, "--by", "li"}, {"resolve", id, "--by", "li", "--cause", "accidental"}} {
		if code, _, stderr := command(t, "en_US.UTF-8", append(append([]string{"incident"}, args...), "--config", config)...); code != 0 {
			t.Fatalf("%v: %s", args, stderr)
		}
	}
	// Twenty minutes pass, in which the levels stay as they are.
	c.pass(20 * time.Minute)
	stop()
	g, stop = b.start()
	ready()
	eventually(t, "the day at the platform", func() bool { return len(b.indicators()) > 40 })
	// Something late changes the day before, twice; an hour of sending is told.
	for range 2 {
		publish("fitness", `"test.done","time":"`+yesterday+`","data":{"test":"pulse"}`)
		before := b.revision("fitness.tests")
		eventually(t, "the late report", func() bool { return b.revision("fitness.tests") > before })
		c.pass(65 * time.Minute)
	}
	asked := false
	eventually(t, "what the rules found", func() bool {
		if !asked { // it is asked within some seconds, and there is time for an answer
			if asked = slices.ContainsFunc(g.orders.Commands(), func(o orders.Command) bool { return o.Data.Message == allWell }); asked {
				c.pass(16 * time.Minute)
			}
		}
		made := b.indicators()
		return made["alert.missed_meal"] && made["alert.inactivity"] && made["alert.unprotected"]
	})
	publish("wearable")
	d, err := connect(t, b.cfg.MQTT.Listen, 5, "t-wearable", secrets["t-wearable"])
	if err != nil {
		t.Fatal(err)
	}
	if err := d.publish("linli/v1/t-wearable/status", `{"online":false}`); err != nil {
		t.Fatal(err)
	}
	if err := d.conn.Close(); err != nil {
		t.Error(err)
	}
	// Nine days later the elder is due for a visit.
	c.pass(8*24*time.Hour + time.Hour)
	stop()
	b.start()
	ready()
	publish("visit", `"visit.made","data":{"by":"nfc"}`)

	var missing []string
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(100 * time.Millisecond); ; <-tick.C {
		made := b.indicators()
		missing = nil
		for _, i := range usage.Indicators() {
			if !made[i.Code] && i.Code != notHere {
				missing = append(missing, i.Code)
			}
		}
		if len(missing) == 0 || time.Now().After(deadline) {
			tick.Stop()
			break
		}
	}
	if len(missing) > 0 {
		t.Errorf("never at the platform: %s", strings.Join(missing, ", "))
	}
	covered := 0
	if err := b.platform.Rows("20", func(_ string, r contract.Row) error {
		if r.Facility != "hall" || r.Indicator != usage.Covered {
			return nil
		}
		covered++
		if r.RegionEdition != 2023 || r.IndustryEdition != 2017 || !slices.Equal(r.Services, []string{"meal", "parcel"}) || !slices.Contains(r.Kinds, "locker") {
			t.Errorf("the facility's codes: %+v", r)
		}
		return nil
	}); err != nil || covered == 0 {
		t.Errorf("%d rows of coverage, %v", covered, err)
	}
}

// A month is added up on the day that is configured.
func TestMonthsAsConfigured(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.cfg.Months = usage.Months{Close: 5, Freeze: 20}
	c := &movedClock{right: b.clock, past: b.clock().Wall.Sub(time.Date(2026, 1, 31, 2, 0, 0, 0, time.UTC))}
	b.clock = c.now
	secrets := b.register(neighbourhood(b)...)
	b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	d, err := connect(t, b.cfg.MQTT.Listen, 5, "l1", secrets["l1"])
	if err != nil {
		t.Fatal(err)
	}
	defer d.conn.Close()
	month := func() (found bool) {
		if err := b.platform.Rows("2026-01", func(_ string, r contract.Row) error {
			found = found || r.Period == "2026-01" && r.Indicator == "parcel.deposits" && r.Numerator == 1
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return found
	}
	for i, want := range []string{"2026-01-31", "2026-02-04", "2026-02-05"} {
		if err := d.publish("linli/v1/l1/event", fmt.Sprintf(`{"id":"%d","type":"parcel.deposited","data":{"compartment":12}}`, i)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the deposit of "+want, func() bool { return b.total(want, "parcel.deposits") == 1 })
		if want < "2026-02-05" && month() {
			t.Errorf("the month is there on %s", want)
		}
		c.pass(map[string]time.Duration{"2026-01-31": 4 * 24 * time.Hour, "2026-02-04": 24 * time.Hour}[want])
	}
	eventually(t, "the month", month)
}

// Each kind of alert has an indicator of its own, or is known to be none.
func TestEachKindOfAlertIsCounted(t *testing.T) {
	for _, kind := range alert.Kinds() {
		if _, known := usage.AlertCode(string(kind)); !known {
			t.Errorf("%s is in no figure", kind)
		}
	}
	if _, known := usage.AlertCode("other"); known {
		t.Error("any kind is known")
	}
}

// The commands about the figures, as people type them.
func TestFigureCommands(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	secrets := b.register(neighbourhood(b)...)
	config := b.write()
	run := func(args ...string) string {
		t.Helper()
		code, out, stderr := command(t, "en_US.UTF-8", append(args, "--config", config)...)
		if code != 0 {
			t.Fatalf("%v: %s", args, stderr)
		}
		return out
	}
	var catalogue []contract.Indicator
	if err := json.Unmarshal([]byte(run("usage", "catalogue", "--json")), &catalogue); err != nil || len(catalogue) != len(usage.Indicators()) {
		t.Errorf("%d indicators, %v", len(catalogue), err)
	}
	if out := run("usage", "catalogue"); !strings.Contains(out, "seconds of occupied compartments") {
		t.Errorf("catalogue %s", out)
	}
	// The platform, before any gateway has spoken to it.
	if out := run("province", "check-receiver", b.cfg.Province.URL, "--box", b.cfg.Box.ID, "--secret-file", b.cfg.Province.SecretFile); !strings.Contains(out, "0 of 17 checks failed") {
		t.Errorf("check-receiver %s", out)
	}
	if code, _, stderr := command(t, "en_US.UTF-8", "province", "reconcile", "yesterday", "--config", config); code != 2 || !strings.Contains(stderr, "must be a day") {
		t.Errorf("reconcile: %d %s", code, stderr)
	}
	later := func() devices.Stamp { // the generation that the check has used is over
		s := clockOf(t)()
		s.Wall = s.Wall.Add(time.Hour)
		s.Synced = true
		return s
	}
	b.clock = later
	b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	d, err := connect(t, b.cfg.MQTT.Listen, 5, "l1", secrets["l1"])
	if err != nil {
		t.Fatal(err)
	}
	defer d.conn.Close()
	if err := d.publish("linli/v1/l1/event", `{"id":"1","type":"parcel.deposited","data":{"compartment":12}}`); err != nil {
		t.Fatal(err)
	}
	today := usage.Day(later().Wall)
	eventually(t, "the deposit", func() bool { return b.total(today, "parcel.deposits") == 1 })
	if out := run("province", "explain", today+"/east/parcel.deposits"); !strings.Contains(out, "together: 1 / 0") || !strings.Contains(out, "+1 / +0") {
		t.Errorf("explain %s", out)
	}
	if out := run("province", "reconcile", today); !strings.Contains(out, "east: ") || !strings.Contains(out, "equal") || strings.Contains(out, "different") {
		t.Errorf("reconcile %s", out)
	}
	run("province", "resend", today)
	if out := run("province", "status"); !strings.Contains(out, "province: ") || !strings.Contains(out, "compared "+today+" east") {
		t.Errorf("status %s", out)
	}
	if code, _, stderr := command(t, "en_US.UTF-8", "province", "enrol", "CODE", "--config", config); code != 2 || !strings.Contains(stderr, "nothing to enrol") {
		t.Errorf("enrol: %d %s", code, stderr)
	}
}

func clockOf(t *testing.T) devices.Clock {
	t.Helper()
	now, err := clock.System()
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// indicators are those of which the platform has a row.
func (b *box) indicators() map[string]bool {
	b.t.Helper()
	made := map[string]bool{}
	if err := b.platform.Rows("20", func(_ string, r contract.Row) error {
		made[r.Indicator] = true
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	return made
}

// revision adds up those of an indicator's rows.
func (b *box) revision(indicator string) (n uint64) {
	b.t.Helper()
	if err := b.platform.Rows("20", func(_ string, r contract.Row) error {
		if r.Indicator == indicator {
			n += r.N
		}
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	return n
}
