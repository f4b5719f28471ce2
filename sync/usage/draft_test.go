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
