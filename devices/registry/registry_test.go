package registry

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

func TestMain(m *testing.M) {
	actAsVictim()
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, path string) *Registry {
	t.Helper()
	r, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func device(d devices.Device) Device { return Device{Device: d} }

// community is a small one in which every kind of reference occurs.
func community() []Record {
	return []Record{
		device(devices.Device{ID: "sos-1", Kind: "wearable", Elder: "e-1", Bridge: "z2m", Address: "三楼/302 按钮"}),
		device(devices.Device{ID: "door-1", Kind: "locker", Facility: "f-1", Compartment: 1, Bridge: "z2m", Address: "door 1"}),
		device(devices.Device{ID: "z2m", Kind: devices.KindBridge, Profile: "zigbee2mqtt"}),
		Device{Device: devices.Device{ID: "bank-1", Kind: "locker", Facility: "f-1"}, Compartments: 24},
		Elder{ID: "e-1", Name: "王奶奶", Building: "3 号楼", Room: "302", Caregivers: []string{"c-2", "c-1"}},
		Caregiver{ID: "c-1", Name: "李护士", Channels: []Channel{{Kind: "webhook", Address: "http://127.0.0.1/a"}}},
		Caregiver{ID: "c-2", Name: "值班台"},
		Facility{ID: "f-1", Name: "东门快递柜", Region: "320102001001", RegionEdition: 2023, UrbanRural: "111", Industry: "602", IndustryEdition: 2011, Operator: "11320000MB151840XJ", Services: []string{"parcel"}},
	}
}

func TestWhatIsPutIsFoundAlsoAfterAReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	r := open(t, path)
	if err := r.Put(community()...); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, path).Snapshot()
	if d, ok := s.Behind("z2m", "三楼/302 按钮"); !ok || d.ID != "sos-1" {
		t.Errorf("behind the bridge: %+v %v", d, ok)
	}
	if e, ok := s.ElderOf("sos-1"); !ok || e.Name != "王奶奶" {
		t.Errorf("elder: %+v %v", e, ok)
	}
	if _, ok := s.ElderOf("door-1"); ok {
		t.Error("a door is worn by nobody")
	}
	if got := s.CaregiversOf("e-1"); len(got) != 2 || got[0].ID != "c-2" || got[1].Channels[0].Kind != "webhook" {
		t.Errorf("caregivers: %+v", got)
	}
	if got := s.DevicesAt("f-1"); len(got) != 2 || got[0].ID != "bank-1" || got[0].Compartments != 24 {
		t.Errorf("devices at the facility: %+v", got)
	}
	if got := s.DevicesOf("e-1"); len(got) != 1 || got[0].ID != "sos-1" {
		t.Errorf("devices of the elder: %+v", got)
	}
	if got := s.Bridges(); len(got) != 1 || got[0].ID != "z2m" {
		t.Errorf("bridges: %+v", got)
	}
	if got := Sorted(s.Caregivers); len(got) != 2 || got[0].ID != "c-1" {
		t.Errorf("caregivers by ID: %+v", got)
	}
}

func TestARefusedRecordIsNamedWithItsMend(t *testing.T) {
	wearable := devices.Device{ID: "w", Kind: "wearable"}
	tests := []struct {
		record Record
		want   string // in the English message
	}{
		{Facility{ID: "F 1", Name: "x"}, `id: must be 1 to 64 of a-z`},
		{Facility{ID: "f", Name: " "}, `name: must not be empty`},
		{Facility{ID: "f", Name: strings.Repeat("柜", 65)}, `name: must be text of at most 64 characters`},
		{Facility{ID: "f", Name: "a\x00b"}, `without control characters`},
		{Facility{ID: "f", Name: "x", Region: "32010200100"}, `region: must be`},
		{Facility{ID: "f", Name: "x", Region: "990102001001"}, `region: must be`},
		{Facility{ID: "f", Name: "x", UrbanRural: "113"}, `urban_rural: must be one of 111,`},
		{Facility{ID: "f", Name: "x", DoorMinutes: 241}, `door_minutes: must be 0 to 240 (got 241)`},
		{Facility{ID: "f", Name: "x", FoodMinutes: -1}, `food_minutes: must be 0 to 240 (got -1)`},
		{Facility{ID: "f", Name: "x", HotCelsius: 101}, `hot_celsius: must be 0 to 100 (got 101)`},
		{Facility{ID: "f", Name: "x", ColdCelsius: -1}, `cold_celsius: must be 0 to 100 (got -1)`},
		{Facility{ID: "f", Name: "x", RegionEdition: 2023}, `region_edition: must be the year of the code's edition`},
		{Facility{ID: "f", Name: "x", Industry: "602", IndustryEdition: 17}, `industry_edition: must be the year of the code's edition`},
		{Facility{ID: "f", Name: "x", Industry: "60"}, `industry: must be 3 or 4 digits`},
		{Facility{ID: "f", Name: "x", Operator: "11320000MB151840XK"}, `operator: not a valid`},
		{Facility{ID: "f", Name: "x", Services: []string{"a", "a"}}, `services: "a" is there twice`},
		{Facility{ID: "f", Name: "x", Services: []string{"快递"}}, `services: must be 1 to 64`},
		{Elder{ID: "e", Name: ""}, `name: must not be empty`},
		{Elder{ID: "e", Name: "x", Caregivers: []string{"c", "c"}}, `caregivers: "c" is there twice`},
		{Elder{ID: "e", Name: "x", Caregivers: []string{"c"}}, `caregivers: caregiver "c" is not registered`},
		{Caregiver{ID: "c", Name: "x", Channels: []Channel{{Kind: "Web Hook"}}}, `channels.kind: must be`},
		{device(devices.Device{ID: "gateway", Kind: "locker"}), `the gateway's own name`},
		{device(devices.Device{ID: "d"}), `kind: must be`},
		{Device{Device: devices.Device{ID: "d", Kind: "locker", Facility: "f-1", Compartment: 1}, Compartments: 2}, `give one of them`},
		{Device{Device: wearable, Compartments: 10000}, `compartments: must be 1 to 9999`},
		{device(devices.Device{ID: "d", Kind: "locker", Compartment: 3}), `facility: must be given`},
		{device(devices.Device{ID: "d", Kind: "locker", Facility: "nowhere"}), `facility: facility "nowhere" is not registered`},
		{device(devices.Device{ID: "d", Kind: "wearable", Elder: "e-9"}), `elder: elder "e-9" is not registered`},
		{device(devices.Device{ID: "d", Kind: devices.KindBridge}), `profile: must be given`},
		{device(devices.Device{ID: "d", Kind: devices.KindBridge, Profile: "p", Bridge: "z2m", Address: "x"}), `cannot be behind another`},
		{device(devices.Device{ID: "d", Kind: "wearable", Profile: "p"}), `only a bridge has one`},
		{device(devices.Device{ID: "d", Kind: "wearable", Bridge: "z2m"}), `given together`},
		{device(devices.Device{ID: "d", Kind: "wearable", Bridge: "door-1", Address: "x"}), `"door-1" is not a bridge`},
		{device(devices.Device{ID: "d", Kind: "wearable", Bridge: "z2m", Address: "door 1"}), `already has address "door 1" as device "d`},
		{device(devices.Device{ID: "e", Kind: "locker", Facility: "f-1", Compartment: 1}), `compartment 1 is already watched by device "door-1"`},
	}
	r := open(t, filepath.Join(t.TempDir(), "registry.db"))
	if err := r.Put(community()...); err != nil {
		t.Fatal(err)
	}
	before := r.Snapshot()
	for _, test := range tests {
		err := r.Put(Caregiver{ID: "in-the-same-batch", Name: "x"}, test.record)
		var refused *texts.Error
		if !errors.As(err, &refused) {
			t.Errorf("%+v: %v is no text for a person", test.record, err)
		} else if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %q does not say %q", test.record, err, test.want)
		} else if zh := refused.In(texts.Chinese); strings.Contains(zh, "%!") || zh == err.Error() {
			t.Errorf("in Chinese: %q", zh)
		}
	}
	if r.Snapshot() != before {
		t.Error("a refused batch left something")
	}
}

func TestWhatIsStillUsedIsNotRemoved(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "registry.db"))
	if err := r.Put(community()...); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		table    Table
		id, want string
	}{
		{Elders, "e-1", `elder "e-1": device "sos-1" still refers to it, change or retire that first`},
		{Facilities, "f-1", `facility "f-1": device "bank-1" still refers to it`},
		{Caregivers, "c-1", `caregiver "c-1": elder "e-1" still refers to it`},
		{Devices, "z2m", `device "z2m": device "door-1" still refers to it`},
		{Devices, "nobody", `device "nobody": is not registered`},
	} {
		if err := r.Remove(test.table, test.id); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("remove %s %s: %v", test.table, test.id, err)
		}
	}
	// Together with what used it, or when that has been retired, it may go.
	err := r.Update(func(tx *Tx) error {
		d := tx.Before.Devices["sos-1"]
		d.Retired = true
		return errors.Join(tx.Remove(Elders, "e-1"), tx.Put(d), tx.Remove(Caregivers, "c-1"))
	})
	if err != nil {
		t.Error(err)
	}
	if d, ok := r.Behind("z2m", "三楼/302 按钮"); !ok || !d.Retired {
		t.Errorf("a retired device is no longer known: %+v", d)
	}
	// Its place is free for another, which is then the one that is found.
	if err := r.Put(device(devices.Device{ID: "a-new-one", Kind: "wearable", Bridge: "z2m", Address: "三楼/302 按钮"})); err != nil {
		t.Error(err)
	}
	if d, _ := r.Behind("z2m", "三楼/302 按钮"); d.ID != "a-new-one" {
		t.Errorf("found %+v in place of the new device", d)
	}
}

func TestCallersCannotReachIntoTheSnapshot(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "registry.db"))
	channels := []Channel{{Kind: "log", Address: "a"}}
	if err := r.Put(Caregiver{ID: "c", Name: "x", Channels: channels}); err != nil {
		t.Fatal(err)
	}
	channels[0].Address = "changed"
	if got := r.Snapshot().Caregivers["c"].Channels[0].Address; got != "a" {
		t.Errorf("the record changed to %q", got)
	}
}

func TestAChangeIsAnnounced(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "registry.db"))
	s := r.Snapshot()
	if err := r.Put(Elder{ID: "e", Name: ""}); err == nil {
		t.Fatal("an elder without a name was taken")
	}
	select {
	case <-s.Changed():
		t.Fatal("a refused write was announced")
	default:
	}
	if err := r.Put(Elder{ID: "e", Name: "x"}); err != nil {
		t.Fatal(err)
	}
	<-s.Changed()
	if _, ok := s.Elders["e"]; ok {
		t.Error("the old snapshot changed")
	}
	if _, ok := r.Snapshot().Elders["e"]; !ok {
		t.Error("announced before it was there")
	}
}

func TestAFailedCommitChangesNothing(t *testing.T) {
	r, err := Open(filepath.Join(t.TempDir(), "registry.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := r.Snapshot()
	if err := r.db.Close(); err != nil { // the disk is gone
		t.Fatal(err)
	}
	if err := r.Put(community()...); err == nil {
		t.Error("written to a closed file")
	}
	if r.Snapshot() != before {
		t.Error("visible without being on disk")
	}
}

func TestReadOnlyAndBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	r, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Put(community()...); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	var readers [2]*Registry
	for i := range readers {
		if readers[i], err = Open(path, Options{ReadOnly: true}); err != nil {
			t.Fatal(err)
		}
		defer readers[i].Close()
	}
	if _, ok := readers[1].Device("sos-1"); !ok {
		t.Error("not readable beside another reader")
	}
	if err := readers[0].Remove(Devices, "sos-1"); err == nil || !strings.Contains(err.Error(), "reading only") {
		t.Errorf("changed: %v", err)
	}
	if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("opened for writing beside readers: %v", err)
	}
}

func TestKinds(t *testing.T) {
	r, err := Open(filepath.Join(t.TempDir(), "registry.db"), Options{Kinds: []devices.Kind{"locker", "cabinet"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Put(device(devices.Device{ID: "l", Kind: "locker"}), device(devices.Device{ID: "b", Kind: devices.KindBridge, Profile: "p"})); err != nil {
		t.Error(err)
	}
	err = r.Put(device(devices.Device{ID: "x", Kind: "lokcer"}))
	if err == nil || !strings.Contains(err.Error(), `kind: must be one of bridge, cabinet, locker (got "lokcer")`) {
		t.Errorf("%v", err)
	}
}

func TestConcurrentReadersSeeOneState(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "registry.db"))
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				s := r.Snapshot()
				if e, ok := s.Elders["e"]; ok && s.Caregivers[e.Caregivers[0]].Name != e.Name {
					t.Error("half a write was seen")
					return
				}
				r.Behind("b", "x")
				r.Login("d", []byte("x"))
			}
		})
	}
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := range 20 {
				name := fmt.Sprint(w, i)
				if err := r.Put(Elder{ID: "e", Name: name, Caregivers: []string{"c"}}, Caregiver{ID: "c", Name: name}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	wg.Wait()
}

func BenchmarkBehind(b *testing.B) {
	r, err := Open(filepath.Join(b.TempDir(), "registry.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	records := []Record{device(devices.Device{ID: "b", Kind: devices.KindBridge, Profile: "p"})}
	for i := range 500 {
		records = append(records, device(devices.Device{ID: fmt.Sprint("d", i), Kind: "wearable", Bridge: "b", Address: fmt.Sprint("设备 ", i)}))
	}
	if err := r.Put(records...); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, ok := r.Behind("b", "设备 250"); !ok {
			b.Fatal("not found")
		}
	}
}
