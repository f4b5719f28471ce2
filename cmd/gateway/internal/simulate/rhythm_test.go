package simulate

import (
	"encoding/json"
	"fmt"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/attendance"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
)

var (
	midnight   = time.Date(2026, 11, 23, 0, 0, 0, 0, Zone)
	vocabulary = kinds.Vocabulary()
)

// until takes the reports of a routine before an hour.
func until(end time.Time, reports iter.Seq[Report]) []Report {
	var taken []Report
	for r := range reports {
		if !r.At.Before(end) {
			break
		}
		taken = append(taken, r)
	}
	return taken
}

func TestRoutinesAreOrderedValidAndRepeatable(t *testing.T) {
	week := midnight.AddDate(0, 0, 7)
	said := map[devices.Type]int{}
	for _, d := range Example().Devices {
		reports := until(week, Routine(d, 7, midnight, time.Time{}))
		again := until(week, Routine(d, 7, midnight, time.Time{}))
		if len(reports) == 0 {
			t.Fatalf("%s is silent for a week", d.ID)
		}
		if a, b := fmt.Sprint(encode(t, reports)), fmt.Sprint(encode(t, again)); a != b {
			t.Errorf("%s: two weeks of one seed differ", d.ID)
		}
		last := midnight
		for _, r := range reports {
			if r.At.Before(last) {
				t.Fatalf("%s: %s comes after %s", d.ID, r.At, last)
			}
			last = r.At
			if r.Copies < 1 {
				t.Errorf("%s: %d copies", d.ID, r.Copies)
			}
			data, err := json.Marshal(r.Payload)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := vocabulary.Parse(d.Kind, r.Payload.EventType(), data); err != nil {
				t.Errorf("%s: %v", d.ID, err)
			}
			said[r.Payload.EventType()]++
		}
	}
	for _, typ := range []devices.Type{
		locker.TypeDeposited, locker.TypePickedUp, locker.TypeOverdue, locker.TypeDoor, locker.TypeFault,
		cabinet.TypeLoaded, cabinet.TypePickedUp, cabinet.TypeUnclaimed, cabinet.TypeTemperature,
		wearable.TypeSOS, wearable.TypeFall, wearable.TypeVitals, wearable.TypeBattery, wearable.TypeWorn,
	} {
		if said[typ] == 0 {
			t.Errorf("nobody reports %s in a week", typ)
		}
	}
}

// Of the other kinds somebody reports all there is in half a year, but for
// births and wills and what answers commands; a people counter tells one of its
// two types.
func TestEveryKindIsPlayed(t *testing.T) {
	said := map[devices.Kind]map[devices.Type]bool{}
	for _, d := range Example().Devices[24:] {
		said[d.Kind] = map[devices.Type]bool{"status": true, command.TypeDone: true, command.TypeFailed: true}
		for _, r := range until(midnight.AddDate(0, 6, 0), Routine(d, 7, midnight, time.Time{})) {
			said[d.Kind][r.Payload.EventType()] = true
			if typ := r.Payload.EventType(); typ == attendance.TypeTotal || typ == attendance.TypeCounted {
				said[d.Kind][attendance.TypeTotal], said[d.Kind][attendance.TypeCounted] = true, true
			}
		}
	}
	for _, k := range kinds.All() {
		if k.Name == locker.Kind || k.Name == cabinet.Kind || k.Name == wearable.Kind {
			continue
		}
		for _, s := range k.Specs() {
			if !said[k.Name][s.Type] {
				t.Errorf("no %s reports %s", k.Name, s.Type)
			}
		}
	}
}

func encode(t *testing.T, reports []Report) []string {
	var lines []string
	for _, r := range reports {
		data, err := json.Marshal(r.Payload)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprint(r.At, r.Payload.EventType(), string(data), r.Copies))
	}
	return lines
}

func TestAnotherSeedIsAnotherDay(t *testing.T) {
	d := Example().Devices[0]
	tomorrow := midnight.AddDate(0, 0, 1)
	a := encode(t, until(tomorrow, Routine(d, 1, midnight, time.Time{})))
	b := encode(t, until(tomorrow, Routine(d, 2, midnight, time.Time{})))
	if fmt.Sprint(a) == fmt.Sprint(b) {
		t.Error("seeds 1 and 2 give the same day")
	}
}

// A compartment is filled only when it is empty, emptied only when it is
// full, and called overdue only in between.
func TestParcelsComeBeforeTheyGo(t *testing.T) {
	for _, d := range Example().Devices[:2] {
		full, overdue, returned := map[int]bool{}, 0, 0
		for _, r := range until(midnight.AddDate(0, 0, 21), Routine(d, 3, midnight, time.Time{})) {
			switch p := r.Payload.(type) {
			case locker.Deposited:
				if full[p.Compartment] || p.Compartment < 1 || p.Compartment > d.Compartments {
					t.Errorf("%s: deposit into %d", r.At, p.Compartment)
				}
				full[p.Compartment] = true
			case locker.Overdue:
				overdue++
				if !full[p.Compartment] {
					t.Errorf("%s: %d is overdue and empty", r.At, p.Compartment)
				}
			case locker.PickedUp:
				if !full[p.Compartment] {
					t.Errorf("%s: pickup from empty %d", r.At, p.Compartment)
				}
				if p.By == locker.ByCourier {
					returned++
				}
				delete(full, p.Compartment)
			}
		}
		if overdue == 0 || returned == 0 {
			t.Errorf("%s: in three weeks %d overdue, %d returned", d.ID, overdue, returned)
		}
	}
}

func TestLunchHasItsHours(t *testing.T) {
	d := Example().Devices[2]
	loaded, ended := map[int]bool{}, 0
	for _, r := range until(midnight.AddDate(0, 0, 1), Routine(d, 5, midnight, time.Time{})) {
		minutes := r.At.Hour()*60 + r.At.Minute()
		switch p := r.Payload.(type) {
		case cabinet.Loaded:
			if minutes < 10*60+45 || minutes >= 11*60+15 {
				t.Errorf("loaded at %s", r.At)
			}
			loaded[p.Compartment] = true
		case cabinet.PickedUp:
			ended++
			if minutes > 12*60+30 || !loaded[p.Compartment] || p.Elder != d.Diners[p.Compartment-1] {
				t.Errorf("%s: pickup from %d by %s", r.At, p.Compartment, p.Elder)
			}
		case cabinet.Unclaimed:
			ended++
			if minutes != 12*60+30 || !loaded[p.Compartment] {
				t.Errorf("%s: %d unclaimed", r.At, p.Compartment)
			}
		}
	}
	if len(loaded) < 6 || ended != len(loaded) {
		t.Errorf("%d loaded, %d picked up or unclaimed", len(loaded), ended)
	}
}

func TestWhoShallPressPresses(t *testing.T) {
	d := Example().Devices[4]
	noon := midnight.Add(12 * time.Hour)
	for _, r := range until(noon.Add(time.Second), Routine(d, 1, midnight.Add(11*time.Hour), noon)) {
		if _, ok := r.Payload.(wearable.SOS); ok && r.At.Equal(noon) {
			return
		}
	}
	t.Error("no SOS at noon")
}

func TestCommunityRegisters(t *testing.T) {
	r, err := registry.Open(filepath.Join(t.TempDir(), "registry"), registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := Example()
	secrets, err := c.Register(r)
	if err != nil {
		t.Fatal(err)
	}
	registered := map[devices.Kind]int{}
	for _, d := range c.Devices {
		registered[d.Kind]++
		if got, ok := r.Login(d.ID, []byte(secrets[d.ID])); !ok || got.ID != d.ID {
			t.Errorf("%s cannot log in", d.ID)
		}
		if len(d.Diners) > d.Compartments {
			t.Errorf("%s has %d compartments for %d elders", d.ID, d.Compartments, len(d.Diners))
		}
		for _, id := range d.Diners {
			if _, ok := r.Snapshot().Elders[id]; !ok {
				t.Errorf("%s feeds an unknown elder %s", d.ID, id)
			}
		}
	}
	if registered[locker.Kind] != 2 || registered[cabinet.Kind] != 2 || registered[wearable.Kind] != 20 || len(registered) != len(kinds.All()) {
		t.Errorf("kinds: %v", registered)
	}
	for id := range r.Snapshot().Elders {
		if len(r.Snapshot().CaregiversOf(id)) == 0 {
			t.Errorf("nobody cares for %s", id)
		}
	}
}
