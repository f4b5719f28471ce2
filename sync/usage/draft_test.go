package usage

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
)

// What is read of a draft that is dropped says the same of it as all of it.
func TestTheOldestDraftIsWhatItWas(t *testing.T) {
	at := time.Date(2026, 11, 23, 15, 59, 59, 7, time.UTC)
	for _, code := range []string{Deposits.Code, "device.online"} {
		for _, moment := range []clock.Moment{{At: at, Boot: devices.BootID{1}, Mono: time.Hour}, {Boot: devices.BootID{1}, Mono: 1, Observed: at}} {
			d := draft{Facility: "east", Counts: []count{{Code: code, N: 1, Of: 2}, {Code: "parcel.dwell", N: 1}}, At: moment, Since: clock.Moment{At: at}}
			value, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			old, err := decodeOldest(value)
			if err != nil || old.undated() != d.undated() || old.waits() != d.waits() || !old.At.At.Equal(d.At.At) {
				t.Errorf("%s: %+v, %v", value, old, err)
			}
		}
	}
	if _, err := decodeOldest([]byte("{")); err == nil {
		t.Error("half a draft was read")
	}
}

// The hours of a boot that never knew the time are certain where all that is
// not known of it is less than a second, wherever in a second it lies; and of
// those in which a day may have ended nobody says so.
func TestPartOfASecondIsNoDoubt(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, zone)
	for _, c := range []struct {
		ended  time.Time     // the boot before
		gap    time.Duration // until the boot after it began, beyond the 10 s of the boot between
		doubts bool
	}{
		{noon, 130 * time.Millisecond, false},
		{noon, 90 * time.Second, false}, // as long, wherever it was
		{noon.Add(12*time.Hour - 30*time.Second), 90 * time.Second, true},
	} {
		for phase := time.Duration(0); phase < time.Second; phase += 50 * time.Millisecond {
			from := c.ended.Add(phase)
			calendar := clock.Calendar{Boots: []clock.Boot{
				{ID: devices.BootID{1}, Began: from.Add(-time.Hour), Last: time.Hour, Synced: true},
				{ID: devices.BootID{2}, Last: 10 * time.Second},
				{ID: devices.BootID{3}, Began: from.Add(10*time.Second + c.gap), Synced: true},
			}}
			d := draft{
				Counts: []count{{Code: "device.online", N: 1, Of: 1}},
				Since:  clock.Moment{Boot: devices.BootID{2}, Mono: 211 * time.Millisecond}, At: clock.Moment{Boot: devices.BootID{2}, Mono: 9 * time.Second},
			}
			if days, doubts := d.doubt(&calendar); doubts != c.doubts {
				t.Errorf("%s with a gap of %s: doubts %t, of %v", from, c.gap, doubts, days)
			}
		}
	}
	// It began in the boot before: how long it lasted is not known to the second.
	d := draft{Counts: []count{{Code: "device.online", N: 1, Of: 1}}, Since: clock.Moment{At: noon.Add(-time.Minute)}, At: clock.Moment{Boot: devices.BootID{2}, Mono: time.Second}}
	for gap, want := range map[time.Duration]bool{130 * time.Millisecond: false, 5 * time.Second: true} {
		calendar := clock.Calendar{Boots: []clock.Boot{
			{ID: devices.BootID{1}, Began: noon.Add(-time.Hour), Last: time.Hour - 50*time.Millisecond, Synced: true},
			{ID: devices.BootID{2}, Last: 10 * time.Second},
			{ID: devices.BootID{3}, Began: noon.Add(10*time.Second + gap - 50*time.Millisecond), Synced: true},
		}}
		if _, doubts := d.doubt(&calendar); doubts != want {
			t.Errorf("a gap of %s: doubts %t", gap, doubts)
		}
	}
}
