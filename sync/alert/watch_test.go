package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/supervision"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/journal"
)

// watched is a board of rules on a day of its own clock.
type watched struct {
	t      *testing.T
	board  *watchboard
	people *registry.Snapshot
	now    devices.Stamp
	asked  bool
	canAsk bool
	n      int
}

// watchFrom begins at a civil time of 25 November 2026.
func watchFrom(t *testing.T, clock string, care registry.Care) *watched {
	t.Helper()
	wall, err := time.ParseInLocation("2006-01-02 15:04", "2026-11-25 "+clock, zone)
	must(t, err)
	care.ID = "zhao"
	people := community()
	people.Cares = map[string]registry.Care{"zhao": care}
	for id, kind := range map[string]devices.Kind{"bed": bed.Kind, "motion": room.Kind, "nap": room.Kind} {
		people.Devices[id] = registry.Device{Device: devices.Device{ID: id, Kind: kind, Elder: "zhao"}}
	}
	people.Devices["meals"] = registry.Device{Device: devices.Device{ID: "meals", Kind: cabinet.Kind, Facility: "hall"}}
	people.Devices["locker"] = registry.Device{Device: devices.Device{ID: "locker", Kind: locker.Kind, Facility: "hall"}}
	people.Devices["tag"] = registry.Device{Device: devices.Device{ID: "tag", Kind: visit.Kind, Elder: "zhao"}}
	w := &watched{t: t, board: &watchboard{subjects: map[string]*subject{}}, people: people}
	w.now = devices.Stamp{Boot: devices.BootID{1}, Mono: time.Hour, Wall: wall.UTC(), Synced: true}
	w.board.of(boxKey).Generation = "g"
	w.board.began(w.now)
	return w
}

// say lets a device report.
func (w *watched) say(device string, p devices.Payload) {
	w.t.Helper()
	w.n++
	e, err := devices.New(device, p)
	must(w.t, err)
	e.ID, e.Received = fmt.Sprint(w.n), w.now
	w.board.observe(e, newScene(w.people, w.now))
	w.ask(90)
}

func (w *watched) ask(left int) {
	w.board.ask(newScene(w.people, w.now), left)
	for _, s := range w.board.subjects {
		s.Pending = slices.DeleteFunc(s.Pending, func(p pending) bool {
			if p.Ask == "" {
				return false
			}
			if w.asked = w.canAsk; !w.canAsk {
				w.board.unasked(p.Ask)
			}
			return true
		})
	}
}

// pass lets time go by, in the ticks of the real watch's order.
func (w *watched) pass(d time.Duration) {
	for d > 0 {
		step := min(d, time.Minute)
		d -= step
		w.now.Mono += step
		w.now.Wall = w.now.Wall.Add(step)
		w.ask(90)
	}
}

// reboot goes through the state file into another boot.
func (w *watched) reboot(off time.Duration, synced bool) {
	w.restart()
	w.now.Boot[0]++
	w.now.Mono = time.Minute
	w.now.Wall = w.now.Wall.Add(off)
	w.now.Synced = synced
	w.ask(90)
}

func (w *watched) restart() {
	w.t.Helper()
	fresh := &watchboard{subjects: map[string]*subject{}}
	for key, s := range w.board.subjects {
		value, err := json.Marshal(s)
		must(w.t, err)
		var back subject
		must(w.t, json.Unmarshal(value, &back))
		fresh.subjects[key] = &back
	}
	w.board = fresh
}

// found takes what the rules have found, as "kind part priority signs".
func (w *watched) found() string {
	var list []string
	for _, key := range sortedKeys(w.board.subjects) {
		s := w.board.subjects[key]
		for _, p := range s.Pending {
			if p.Found == nil {
				list = append(list, "visit "+p.Elder+" "+p.Visitor)
				continue
			}
			words := []string{string(p.Found.Kind)}
			for _, word := range []string{p.Found.Part, string(p.Found.Priority)} {
				if word != "" {
					words = append(words, word)
				}
			}
			if p.Found.Mended {
				words = append(words, "mended")
			}
			for _, sign := range p.Found.Because {
				words = append(words, string(sign.Sign))
			}
			list = append(list, strings.Join(words, " "))
		}
		s.Pending = nil
	}
	return strings.Join(list, "; ")
}

func (w *watched) expect(when, want string) {
	w.t.Helper()
	if got := w.found(); got != want {
		w.t.Errorf("%s: found %q, want %q", when, got, want)
	}
}

func number(v int) *int { return &v }

func finding(t devices.Type, over bool) supervision.Finding {
	return supervision.Finding{Type: t, Since: time.Now(), Cleared: over}
}

var home = &registry.Fence{Latitude: 32, Longitude: 118, Metres: 300}

func TestWandering(t *testing.T) {
	far := wearable.Position{Latitude: 32.01, Longitude: 118, Accuracy: 20} // 1.1 km
	for _, c := range []struct {
		name, clock string
		care        registry.Care
		want        string
	}{
		{"by day", "10:00", registry.Care{}, "wandering outside_fence"},
		{"at night", "23:00", registry.Care{}, "wandering high outside_fence night"},
		{"with dementia", "10:00", registry.Care{Dementia: true}, "wandering high outside_fence dementia"},
	} {
		c.care.Fence = home
		w := watchFrom(t, c.clock, c.care)
		w.say("w-zhao", wearable.Position{Latitude: 32.002, Longitude: 118})
		w.say("w-zhao", wearable.Position{Latitude: 32.0028, Longitude: 118, Accuracy: 50}) // 311 m, maybe inside
		w.say("w-zhao", far)
		w.pass(90 * time.Second)
		w.expect(c.name+", one fix, 90 s", "")
		w.say("w-zhao", far)
		w.expect(c.name+", two fixes", c.want)
		w.pass(time.Hour)
		w.expect(c.name+", still", "")
		w.say("w-zhao", wearable.Position{Latitude: 32, Longitude: 118})
		w.expect(c.name+", back", "wandering mended")
	}
	for _, c := range []struct {
		care  registry.Care
		after time.Duration
		fixes int
	}{
		{registry.Care{}, 2 * time.Minute, 2},
		{registry.Care{OutsideMinutes: 10, OutsideFixes: 4}, 10 * time.Minute, 4},
	} {
		c.care.Fence = home
		w := watchFrom(t, "10:00", c.care)
		w.say("w-zhao", far)
		w.pass(c.after - time.Second)
		w.expect("one fix, not so long ago", "")
		w.pass(time.Second)
		w.expect("one fix, long ago", "wandering outside_fence")
		w = watchFrom(t, "10:00", c.care)
		for range c.fixes - 1 {
			w.say("w-zhao", far)
			w.expect("too few fixes", "")
		}
		w.say("w-zhao", far)
		w.expect("so many fixes", "wandering outside_fence")
	}
}

func TestBedExitAtNight(t *testing.T) {
	for _, c := range []struct {
		name  string
		clock string
		care  registry.Care
		after time.Duration
		want  string
	}{
		{"not yet", "23:00", registry.Care{}, 29 * time.Minute, ""},
		{"half an hour", "23:00", registry.Care{}, 30 * time.Minute, "night_exit out_of_bed"},
		{"as the night begins", "22:00", registry.Care{}, 30 * time.Minute, "night_exit out_of_bed"},
		{"before it does", "21:59", registry.Care{}, 3 * time.Hour, ""},
		{"not yet, high fall risk", "23:00", registry.Care{HighFallRisk: true}, 14 * time.Minute, ""},
		{"high fall risk", "23:00", registry.Care{HighFallRisk: true}, 15 * time.Minute, "night_exit out_of_bed high_fall_risk"},
		{"as agreed", "23:00", registry.Care{BedExitMinutes: 5}, 5 * time.Minute, "night_exit out_of_bed"},
		{"by day", "12:00", registry.Care{}, 3 * time.Hour, ""},
		{"gets up", "05:45", registry.Care{}, time.Hour, ""},
		{"away", "23:00", registry.Care{AwayUntil: "2026-11-27"}, time.Hour, ""},
		{"back from being away", "23:00", registry.Care{AwayUntil: "2026-11-25"}, time.Hour, "night_exit out_of_bed"},
	} {
		w := watchFrom(t, c.clock, c.care)
		w.say("bed", bed.Occupancy{Occupied: true})
		w.say("bed", bed.Occupancy{Occupied: false})
		w.pass(c.after)
		w.expect(c.name, c.want)
		if c.want == "" {
			continue
		}
		w.say("bed", bed.Occupancy{Occupied: true})
		w.expect(c.name+", back", "night_exit mended")
	}
	// A kill in between does not begin anew; a reboot does not forget.
	w := watchFrom(t, "23:00", registry.Care{})
	w.say("bed", bed.Occupancy{Occupied: true})
	w.say("bed", bed.Occupancy{Occupied: false})
	w.pass(20 * time.Minute)
	w.restart()
	w.pass(10 * time.Minute)
	w.expect("after a restart", "night_exit out_of_bed")
}

func TestInactivity(t *testing.T) {
	w := watchFrom(t, "09:00", registry.Care{Bedroom: []string{"nap"}})
	w.say("motion", room.Occupancy{Occupied: true})
	w.pass(11 * time.Hour) // 20:00
	w.say("nap", room.Occupancy{Occupied: true})
	w.say("w-zhao", wearable.Battery{Percent: number(50)})
	w.pass(59 * time.Minute) // the day has 12 h from 09:00 to 21:00
	w.expect("before 12 h", "")
	w.pass(2 * time.Minute)
	w.expect("12 h, and a sleeper's sensor does not count", "inactivity no_sign_of_life")
	w.say("motion", room.Occupancy{Occupied: true})
	w.expect("a sign of life", "inactivity mended")
	w.pass(20 * time.Hour) // over the night, to 17:01
	w.expect("nights do not count", "")
	w.pass(118 * time.Minute)
	w.expect("nor the morning until 07:00", "")
	w.pass(2 * time.Minute)
	w.expect("12 h since then", "inactivity no_sign_of_life")

	// Steps are a sign of life where there are more of them.
	w = watchFrom(t, "08:00", registry.Care{InactiveMinutes: 120})
	w.say("w-zhao", wearable.Steps{Steps: 4000})
	w.pass(3 * time.Hour)
	w.expect("a counter that is heard for the first time", "")
	w.say("w-zhao", wearable.Steps{Steps: 4020})
	w.pass(119 * time.Minute)
	for _, steps := range []int{4020, 0} { // after a restart, and anew
		w.restart()
		w.say("w-zhao", wearable.Steps{Steps: steps})
		w.expect("not two hours", "")
	}
	w.pass(2 * time.Minute)
	w.expect("none for two hours", "inactivity no_sign_of_life")
	w.say("w-zhao", wearable.Steps{Steps: 20})
	w.expect("steps", "inactivity mended")

	w = watchFrom(t, "08:00", registry.Care{InactiveMinutes: 120})
	w.canAsk = true
	w.say("motion", room.Occupancy{Occupied: true})
	w.pass(2 * time.Hour)
	w.expect("asked first", "")
	if !w.asked {
		t.Error("nobody was asked")
	}
	w.pass(14 * time.Minute)
	w.expect("there is still time for an answer", "")
	w.pass(time.Minute)
	w.expect("no answer", "inactivity no_sign_of_life asked_no_answer")
	w = watchFrom(t, "08:00", registry.Care{InactiveMinutes: 120})
	w.canAsk = true
	w.say("motion", room.Occupancy{Occupied: true})
	w.pass(2 * time.Hour)
	w.say("motion", room.Vibration{})
	w.pass(time.Hour)
	w.expect("an answer", "")

	w = watchFrom(t, "08:00", registry.Care{InactiveMinutes: 120, AnswerMinutes: 5, Active: "07:00-09:00"})
	w.canAsk = true
	w.say("motion", room.Occupancy{Occupied: true})
	w.pass(24 * time.Hour) // an hour today, and another tomorrow
	w.pass(4 * time.Minute)
	w.expect("asked, as agreed", "")
	w.pass(24 * time.Hour)
	w.expect("no answer in five minutes", "inactivity no_sign_of_life asked_no_answer")

	w = watchFrom(t, "08:00", registry.Care{AwayUntil: "2027-01-01"})
	w.say("motion", room.Occupancy{Occupied: true})
	w.pass(48 * time.Hour)
	w.expect("away", "")
}

func TestMissedMeals(t *testing.T) {
	day := func(w *watched, fetched bool) {
		w.t.Helper()
		w.pass(4 * time.Hour) // to 12:00
		if fetched {
			w.say("meals", cabinet.PickedUp{Compartment: 3, Elder: "zhao"})
		}
		w.pass(20 * time.Hour)
	}
	w := watchFrom(t, "08:00", registry.Care{Meal: "10:30-13:00", InactiveMinutes: 5000})
	day(w, true)
	w.expect("fetched", "")
	day(w, false)
	w.expect("missed", "missed_meal meal_not_fetched")
	day(w, false)
	w.expect("two in a row", "missed_meal high meal_not_fetched second_in_a_row")
	day(w, true)
	w.expect("fetched again", "missed_meal mended")

	w = watchFrom(t, "13:00", registry.Care{Meal: "10:30-13:00"})
	w.pass(10 * time.Hour)
	w.expect("a box that has not seen the hours", "")

	w = watchFrom(t, "10:00", registry.Care{Meal: "10:30-13:00"})
	w.pass(3 * time.Hour)
	w.say("motion", room.Occupancy{Occupied: true})
	w.pass(29 * time.Minute)
	w.expect("not yet", "")
	w.pass(time.Minute)
	w.expect("other signs of life", "missed_meal operator meal_not_fetched other_signs_of_life")

	w = watchFrom(t, "10:00", registry.Care{Meal: "10:30-13:00", MealMinutes: 60})
	w.pass(3*time.Hour + 59*time.Minute)
	w.expect("not yet, as agreed", "")
	w.pass(time.Minute)
	w.expect("as agreed", "missed_meal meal_not_fetched")

	// Other signs of life lower that of two in a row, too.
	home := registry.Care{ID: "zhao", Meal: "10:30-13:00", InactiveMinutes: 5000}
	w = watchFrom(t, "08:00", home)
	alive := func() {
		w.t.Helper()
		w.pass(5 * time.Hour) // to 13:00
		w.say("motion", room.Occupancy{Occupied: true})
		w.pass(19 * time.Hour)
	}
	alive()
	w.expect("missed, and alive", "missed_meal operator meal_not_fetched other_signs_of_life")
	alive()
	w.expect("two in a row, and alive", "missed_meal medium meal_not_fetched second_in_a_row other_signs_of_life")
	away := home
	away.AwayUntil = "2026-11-29"
	w.people.Cares["zhao"] = away
	w.pass(48 * time.Hour)
	w.people.Cares["zhao"] = home
	alive()
	w.expect("the first after having been away", "missed_meal operator meal_not_fetched other_signs_of_life")

	for _, c := range []struct{ seen, want string }{
		{"11:31", "missed_meal operator meal_not_fetched other_signs_of_life"}, {"11:30", "missed_meal meal_not_fetched"},
	} {
		w = watchFrom(t, "10:00", registry.Care{Meal: "10:30-13:00"})
		at, err := time.Parse("15:04", c.seen)
		must(t, err)
		since := at.Sub(at.Truncate(24*time.Hour)) - 10*time.Hour
		w.pass(since)
		w.say("motion", room.Occupancy{Occupied: true})
		w.pass(3*time.Hour + 30*time.Minute - since)
		w.expect("a sign of life at "+c.seen, c.want)
	}

	// Weak signals together: no meal, no movement for four hours, the bed is occupied.
	for _, occupied := range []bool{true, false} {
		w = watchFrom(t, "09:45", registry.Care{Meal: "10:30-13:00"})
		w.say("bed", bed.Occupancy{Occupied: !occupied})
		w.say("bed", bed.Occupancy{Occupied: occupied})
		w.pass(3*time.Hour + 59*time.Minute)
		w.expect("one weak signal", "missed_meal meal_not_fetched")
		w.pass(time.Minute)
		want := "missed_meal high meal_not_fetched no_sign_of_life bed_occupied"
		if !occupied {
			want = ""
		}
		w.expect("all together", want)
	}
}

func TestVitals(t *testing.T) {
	w := watchFrom(t, "09:00", registry.Care{Bands: []registry.Band{{Vital: "spo2", Low: 90, High: 100, Margin: 2, InARow: 4}, {Vital: "heart_rate", Low: 50, High: 110}}})
	for i, c := range []struct {
		spo2 int
		want string
	}{
		{95, ""}, {89, ""}, {88, ""}, {89, ""}, {91, ""}, // only three in a row
		{89, ""}, {88, ""}, {89, ""}, {87, "vital_sign spo2 reading"}, {86, ""}, {91, ""}, // within the band, not yet well
		{89, ""}, {100, "vital_sign spo2 mended"}, {99, ""}, // at the other end it may be what it likes
	} {
		w.say("w-zhao", wearable.Vitals{SpO2: &c.spo2, HeartRate: number(72)})
		w.expect(fmt.Sprint("reading ", i), c.want)
	}
	// What nothing is said of: three in a row, and a twentieth of the band.
	for i, c := range []struct {
		rate int
		want string
	}{
		{30, ""}, {30, ""}, {30, "vital_sign heart_rate reading"}, {52, ""}, {53, "vital_sign heart_rate mended"},
		{120, ""}, {120, ""}, {120, "vital_sign heart_rate reading"}, {108, ""}, {60, "vital_sign heart_rate mended"},
	} {
		w.say("w-zhao", wearable.Vitals{HeartRate: &c.rate})
		w.expect(fmt.Sprint("heart rate ", i), c.want)
	}
}

func TestFood(t *testing.T) {
	cooked := func(w *watched, ago time.Duration) *time.Time {
		at := w.now.Wall.Add(-ago)
		return &at
	}
	w := watchFrom(t, "11:00", registry.Care{})
	w.say("meals", cabinet.Loaded{Compartment: 3, Hot: true, Cooked: cooked(w, time.Hour)})
	w.say("meals", cabinet.Loaded{Compartment: 4, Cooked: cooked(w, time.Hour)})
	w.say("meals", cabinet.Temperature{Compartment: 3, Celsius: 59.9})
	w.say("meals", cabinet.Temperature{Compartment: 4, Celsius: 8})
	w.pass(60 * time.Minute)
	w.expect("two hours since cooking", "")
	w.pass(time.Minute)
	w.expect("more than two hours", "food 3 hot_food_cold")
	w.say("meals", cabinet.Temperature{Compartment: 3, Celsius: 60})
	w.expect("warmed up again it stays unsafe", "")
	w.say("meals", cabinet.Temperature{Compartment: 4, Celsius: 8.1})
	w.pass(119 * time.Minute)
	w.expect("warm for less than two hours", "")
	w.pass(2 * time.Minute)
	w.expect("warm for longer", "food 4 cold_food_warm")
	w.say("meals", cabinet.Loaded{Compartment: 5, Hot: true})
	w.say("meals", cabinet.Temperature{Compartment: 5, Celsius: 60})
	w.pass(3 * time.Hour)
	w.expect("hot enough for as long as it takes", "")
	w.say("meals", cabinet.Occupancy{Compartment: 3, Occupied: false})
	w.say("meals", cabinet.PickedUp{Compartment: 4})
	w.expect("taken away", "food 3 mended; food 4 mended")
}

// What is agreed on for a place counts for its doors and meals.
func TestDoorsAndFoodAsAgreed(t *testing.T) {
	w := watchFrom(t, "11:00", registry.Care{})
	w.people.Facilities["hall"] = registry.Facility{ID: "hall", DoorMinutes: 10, FoodMinutes: 30, HotCelsius: 65, ColdCelsius: 5}
	w.say("locker", locker.Door{Compartment: 7, Open: true})
	w.pass(10*time.Minute - time.Second)
	w.expect("not so long", "")
	w.pass(time.Second)
	w.expect("left open", "door_ajar 7 door_open")
	for _, c := range []struct {
		hot       bool
		good, bad float64
		want      string
	}{{true, 65, 64.9, "food 2 hot_food_cold"}, {false, 5, 5.1, "food 2 cold_food_warm"}} {
		for n, celsius := range []float64{c.good, c.bad} {
			w.say("meals", cabinet.Loaded{Compartment: n + 1, Hot: c.hot})
			w.say("meals", cabinet.Temperature{Compartment: n + 1, Celsius: celsius})
		}
		w.pass(30 * time.Minute)
		w.expect("half an hour", "")
		w.pass(time.Minute)
		w.expect("longer", c.want)
		w.say("meals", cabinet.PickedUp{Compartment: 2})
		w.expect("taken away", "food 2 mended")
	}
}

func TestDevicesInUse(t *testing.T) {
	w := watchFrom(t, "11:00", registry.Care{})
	w.say("locker", locker.Door{Compartment: 7, Open: true})
	w.pass(4 * time.Minute)
	w.say("locker", locker.Door{Compartment: 7, Open: false})
	w.say("locker", locker.Door{Compartment: 7, Open: true})
	w.pass(4 * time.Minute)
	w.expect("opened twice", "")
	w.pass(time.Minute)
	w.expect("left open", "door_ajar 7 door_open")
	w.say("locker", locker.Door{Compartment: 7, Open: false})
	w.expect("closed", "door_ajar 7 mended")
	w.say("locker", locker.Overdue{Compartment: 2})
	w.say("meals", cabinet.Unclaimed{Compartment: 5})
	w.expect("unclaimed", "unclaimed 2 not_fetched; unclaimed 5 not_fetched")
	w.say("locker", locker.PickedUp{Compartment: 2})
	w.say("meals", cabinet.PickedUp{Compartment: 5})
	w.expect("fetched", "unclaimed 2 mended; unclaimed 5 mended")
	w.say("locker", locker.Fault{Compartment: 3, Code: "door_jammed"})
	w.say("locker", locker.Fault{Code: "tamper"})
	w.say("meals", finding(supervision.TypeTampered, false))
	w.say("locker", finding(supervision.TypeSilent, false))
	w.expect("faults", "faulty 3/door_jammed fault; tamper fault; silent silent; tamper")
	w.say("locker", locker.Fault{Compartment: 3, Code: "door_jammed", Cleared: true})
	w.say("locker", finding(supervision.TypeSilent, true))
	w.expect("mended", "faulty 3/door_jammed mended; silent mended")
}

// Each thing that is wrong with what an elder wears leaves the elder
// unprotected, until all of it is mended.
func TestWhoIsUnprotected(t *testing.T) {
	w := watchFrom(t, "11:00", registry.Care{})
	w.say("w-zhao", finding(supervision.TypeSilent, false))
	w.expect("silent", "unprotected silent")
	w.say("mat-zhao", finding(supervision.TypeBatteryLow, false))
	w.say("w-zhao", finding(supervision.TypeSilent, true))
	w.expect("the other has a low battery", "")
	w.say("mat-zhao", finding(supervision.TypeBatteryLow, true))
	w.expect("all is well", "unprotected mended")
	w.say("w-zhao", finding(supervision.TypeNotWorn, false))
	w.expect("not worn", "unprotected not_worn")

	// Who wears it now is unprotected, and no longer who wore it before.
	wears := func(elder string, retired bool) {
		d := w.people.Devices["w-zhao"]
		d.Elder, d.Retired = elder, retired
		w.people.Devices["w-zhao"] = d
		w.ask(90)
	}
	wears("qian", false)
	w.expect("given to somebody else", "unprotected not_worn; unprotected mended")
	wears("", false)
	w.expect("taken back", "faulty not_worn not_worn; unprotected mended")
	wears("zhao", false)
	w.expect("given back", "faulty not_worn mended; unprotected not_worn")
	wears("zhao", true)
	w.expect("retired", "unprotected mended")
}

func TestTheBoxItself(t *testing.T) {
	w := watchFrom(t, "11:00", registry.Care{})
	w.pass(time.Hour)
	w.reboot(40*time.Minute, true)
	w.expect("a reboot", "box_off box_was_off")
	w.reboot(time.Minute, true)
	w.expect("a short one", "box_off box_was_off")
	w.pass(time.Hour)
	w.reboot(30*time.Minute, false)
	w.pass(time.Minute)
	w.expect("the clock is not there yet", "")
	w.now.Synced = true
	w.ask(90)
	w.expect("then it is", "box_off box_was_off")
	w.pass(time.Hour)
	w.reboot(30*time.Minute, false)
	w.pass(2 * time.Minute) // it is told within three minutes of the boot
	w.expect("the clock does not come", "box_off box_was_off; clock_off clock_unsynchronised")
	w.now.Synced = true
	w.ask(90)
	w.expect("and comes late", "clock_off mended")
	for _, c := range []struct {
		left int
		want string
	}{{50, ""}, {9, "disk_full disk"}, {12, ""}, {8, ""}, {20, "disk_full mended"}, {-1, ""}} {
		w.ask(c.left)
		w.expect(fmt.Sprint(c.left, " % left"), c.want)
	}
	for _, c := range []struct {
		down time.Duration
		want string
	}{{12 * time.Minute, ""}, {24 * time.Minute, "box_off box_was_off"}} {
		w.restart()
		w.now.Mono += c.down
		w.now.Wall = w.now.Wall.Add(c.down)
		w.ask(90)
		w.expect("a process that was down", c.want)
	}
}

func TestCareRounds(t *testing.T) {
	w := watchFrom(t, "09:00", registry.Care{RoundHours: 24})
	w.pass(23 * time.Hour)
	w.say("tag", visit.Visited{By: visit.ByNFC, Caregiver: "li"})
	w.expect("a visit", "visit zhao li")
	w.pass(24 * time.Hour)
	w.expect("a day later", "round_due not_visited")
	w.say("tag", visit.Visited{By: visit.ByNFC})
	w.expect("the next visit", "round_due mended; visit zhao tag")
	w.people.Cares["zhao"] = registry.Care{ID: "zhao", RoundHours: 24, AwayUntil: "2026-12-24"}
	w.pass(48 * time.Hour)
	w.expect("nobody is at home", "")
}

// Whatever happens, no finding is told twice in a row, nothing is mended that
// was not found, and a restart at any moment changes nothing.
func TestWatchSurvivesRestart(t *testing.T) {
	payloads := []func() (string, devices.Payload){
		func() (string, devices.Payload) { return "bed", bed.Occupancy{Occupied: true} },
		func() (string, devices.Payload) { return "bed", bed.Occupancy{} },
		func() (string, devices.Payload) { return "motion", room.Occupancy{Occupied: true} },
		func() (string, devices.Payload) { return "w-zhao", wearable.Position{Latitude: 32, Longitude: 118} },
		func() (string, devices.Payload) { return "w-zhao", wearable.Position{Latitude: 33, Longitude: 118} },
		func() (string, devices.Payload) { return "locker", locker.Door{Compartment: 1, Open: true} },
		func() (string, devices.Payload) { return "locker", locker.Door{Compartment: 1} },
		func() (string, devices.Payload) { return "w-zhao", finding(supervision.TypeSilent, false) },
		func() (string, devices.Payload) { return "w-zhao", finding(supervision.TypeSilent, true) },
		func() (string, devices.Payload) { return "meals", cabinet.Loaded{Compartment: 1, Hot: true} },
		func() (string, devices.Payload) { return "meals", cabinet.Temperature{Celsius: 40} },
		func() (string, devices.Payload) { return "meals", cabinet.PickedUp{Compartment: 1, Elder: "zhao"} },
	}
	rapid.Check(t, func(rt *rapid.T) {
		care := registry.Care{Fence: home, Meal: "10:30-13:00", InactiveMinutes: 120, RoundHours: 12}
		plain, crashing := watchFrom(t, "09:00", care), watchFrom(t, "09:00", care)
		holds := map[string]bool{}
		for range rapid.IntRange(1, 30).Draw(rt, "moves") {
			device, p := rapid.SampledFrom(payloads).Draw(rt, "payload")()
			plain.say(device, p)
			crashing.say(device, p)
			if rapid.Bool().Draw(rt, "restart") {
				crashing.restart()
			}
			d := time.Duration(rapid.IntRange(0, 200).Draw(rt, "minutes")) * time.Minute
			plain.pass(d)
			crashing.pass(d)
			for _, s := range plain.board.subjects {
				for _, p := range s.Pending {
					key := string(p.Found.Kind) + p.Found.Elder + p.Found.Device + p.Found.Part
					if p.Found.Kind == Wandering || p.Found.Kind == NightExit { // the device is only said when it is found
						key = string(p.Found.Kind)
					}
					if p.Found.Kind == Unprotected {
						key = string(p.Found.Kind)
					}
					if p.Found.Mended && !holds[key] {
						rt.Fatalf("%s was mended and not found", key)
					}
					holds[key] = !p.Found.Mended
				}
			}
			if a, b := plain.found(), crashing.found(); a != b {
				rt.Fatalf("found %q, and after restarts %q", a, b)
			}
		}
	})
}

// On a box: what the rules find from the ordinary chain opens incidents, once,
// whatever is killed, and no lost state file has an old history told again.
func TestWatchOnABox(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.skew.Store(int64(time.Until(time.Date(2026, 11, 24, 23, 0, 0, 0, zone))))
		watch := func() (stop func()) { return b.watch(t) }
		say := func(device string, p devices.Payload) {
			e, err := devices.New(device, p)
			must(t, err)
			e.ID, e.Received = fmt.Sprint(b.journal.Last(journal.Ordinary)), b.clock()
			must(t, b.journal.Record(context.Background(), e))
		}
		must(t, b.registry.Put(registry.Device{Device: devices.Device{ID: "bed-zhao", Kind: bed.Kind, Elder: "zhao"}}))
		stop := watch()
		say("bed-zhao", bed.Occupancy{Occupied: true})
		pass(5 * time.Second)
		say("bed-zhao", bed.Occupancy{Occupied: false})
		pass(20 * time.Minute)
		b.expect(t, "not yet", "")
		stop()
		must(t, b.halt())
		must(t, b.start())
		stop = watch()
		pass(10*time.Minute + watchTick)
		b.expect(t, "half an hour out of bed", own)
		i := b.only(t)
		if i.Kind != NightExit || i.Elder != "zhao" || len(i.Because) != 1 || i.Because[0].Minutes < 30 || i.Because[0].Minutes > 31 {
			t.Errorf("%+v", i)
		}
		must(t, b.engine.Acknowledge(t.Context(), i.ID, "li", "page"))
		say("tag", visit.Visited{Elder: "zhao", Caregiver: "li", By: visit.ByNFC})
		pass(5 * time.Second)
		if i := b.only(t); i.Phase != PhaseOnScene || i.OnScene.By != "li" || i.OnScene.How != "nfc" {
			t.Errorf("after the tap at the door: %+v", i)
		}
		must(t, b.engine.Resolve(t.Context(), i.ID, "li", CauseReal))
		stop()
		before := b.journal.Last(journal.Urgent)
		must(t, b.halt())
		must(t, removeState(b.dir, watchState))
		must(t, b.start())
		stop = watch()
		pass(time.Minute)
		stop()
		if n := b.journal.Last(journal.Urgent); n != before {
			t.Errorf("%d findings were told again of an old history", n-before)
		}
	})
}

// Somebody was there, and then there is a call: it is not they who have it,
// however late it is known that they were.
func TestAVisitAnswersWhatWasBeforeIt(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		stop := b.watch(t)
		n := 0
		press := func() { n++; must(t, b.press("w-zhao", nameless+fmt.Sprint(n))) }
		visited := func() {
			n++
			e, err := devices.New("tag", visit.Visited{Elder: "zhao", Caregiver: "li", By: visit.ByNFC})
			must(t, err)
			e.ID, e.Received = fmt.Sprint(n), b.clock()
			must(t, b.journal.Record(t.Context(), e))
		}
		reboot := func() {
			stop()
			must(t, b.halt())
			must(t, b.reboot())
			stop = b.watch(t)
		}
		is := func(when string, want Phase) {
			t.Helper()
			pass(watchEvery + time.Second)
			for _, i := range b.engine.Incidents() {
				if i.Kind == SOS && i.Phase != want {
					t.Errorf("%s: %s, want %s", when, i.Phase, want)
				}
			}
		}
		visited()
		pass(100 * time.Millisecond)
		press()
		is("a call right after the visit", PhaseRaised)
		visited()
		pass(100 * time.Millisecond)
		press()
		is("a visit, and the same press once more", PhaseOnScene)
		pass(repeats)
		press()
		visited()
		reboot()
		is("a visit that was told only after a boot", PhaseOnScene)
		visited()
		reboot()
		press()
		is("a call in the boot after the visit", PhaseRaised)
		reboot()
		visited()
		is("a visit in the boot after the call", PhaseOnScene)
		stop()
	})
}

// A label that is tapped again and again waits as its last tap, before nothing
// that the rules have found.
func TestManyVisitsWaitAsOne(t *testing.T) {
	w := watchFrom(t, "09:00", registry.Care{})
	for range 1000 {
		w.say("tag", visit.Visited{Elder: "zhao", Caregiver: "li", By: visit.ByNFC})
	}
	w.say("tag", visit.Visited{Elder: "zhao", Caregiver: "wang", By: visit.ByNFC})
	w.board.of("elder/zhu").set("elder/zhu", Found{Kind: MissedMeal, Elder: "zhu"}, true)
	var list []string
	for _, d := range (&Watch{board: w.board}).pending() {
		list = append(list, d.key+" "+d.Visitor)
	}
	if got := strings.Join(list, "; "); got != "elder/zhu ; elder/zhao wang" {
		t.Error("they wait in another order:", got)
	}
	if n := len(w.board.of("elder/zhao").Pending); n != 1 {
		t.Error(n, "visits to one elder wait")
	}
}

// watch runs the rules beside a box; stop ends them.
func (b *box) watch(t *testing.T) (stop func()) {
	t.Helper()
	w, err := OpenWatch(b.engine, WatchOptions{Free: func() (int, error) { return 50, nil }})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	return func() { cancel(); must(t, <-done); must(t, w.Close()) }
}

// Where somebody was last is as old as the latest position, not as the one by
// which it was found that she is outside.
func TestTheLatestPositionCounts(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		must(t, b.registry.Put(registry.Care{ID: "zhao", Fence: home}))
		stop := b.watch(t)
		defer stop()
		fixes := 0
		fix := func() {
			fixes++
			e, err := devices.New("w-zhao", wearable.Position{Latitude: 32.01, Longitude: 118})
			must(t, err)
			e.ID, e.Received = fmt.Sprint("fix", fixes), b.clock()
			must(t, b.journal.Record(t.Context(), e))
		}
		fix()
		pass(time.Minute)
		fix()
		pass(watchEvery + time.Second)
		b.expect(t, "outside", own)
		pass(4 * time.Minute)
		fix()
		pass(time.Minute)
		calls := b.phone.take()
		if len(calls) == 0 || !strings.Contains(calls[0].page.Text(texts.Chinese), "位置为 1 分钟前。") {
			t.Errorf("%+v", calls)
		}
	})
}

// A box that is shut down in order knows when, and says for how long it was off
// within three minutes of its boot.
func TestHowLongTheBoxWasOff(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		b.skew.Store(int64(time.Until(time.Date(2026, 11, 24, 9, 0, 0, 0, zone))))
		stop := b.watch(t)
		pass(29 * time.Minute)
		stop()
		must(t, b.halt())
		pass(4 * time.Minute)
		must(t, b.reboot())
		stop = b.watch(t)
		pass(3 * time.Minute)
		if i := b.only(t); i.Kind != BoxOff || i.Priority != Technical || i.Because[0].Minutes != 4 {
			t.Errorf("%+v", i)
		}
		b.expect(t, "within three minutes", everyone)
		stop()
	})
}

func removeState(dir, name string) error {
	return os.Remove(filepath.Join(dir, "journal", name+".state"))
}
