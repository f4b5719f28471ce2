package devices_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/attendance"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/booking"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/express"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
	"github.com/linli-edge/gateway/devices/rating"
	"github.com/linli-edge/gateway/devices/rental"
	"github.com/linli-edge/gateway/devices/terminal"
	"github.com/linli-edge/gateway/devices/wearable"
)

var vocabulary = kinds.Vocabulary()

func TestVocabularyAccepts(t *testing.T) {
	for _, c := range []struct {
		kind    devices.Kind
		typ     devices.Type
		data    string
		want    string // canonical data
		urgency devices.Urgency
	}{
		{locker.Kind, "parcel.deposited", `{"compartment":12,"waybill":"SF1"}`, `{"compartment":12}`, devices.Ordinary},
		{locker.Kind, "parcel.picked_up", `{"compartment":12,"by":"courier"}`, `{"compartment":12,"by":"courier"}`, devices.Ordinary},
		{locker.Kind, "door", `{"compartment":1,"open":false}`, `{"compartment":1,"open":false}`, devices.Ordinary},
		{cabinet.Kind, "temperature", `{"celsius":63.5}`, `{"celsius":63.5}`, devices.Ordinary},
		{cabinet.Kind, "meal.loaded", `{"compartment":3,"portions":2,"hot":true}`, `{"compartment":3,"portions":2,"hot":true}`, devices.Ordinary},
		{wearable.Kind, "sos", ``, `{}`, devices.Urgent},
		{wearable.Kind, "fall", `{"lying":true}`, `{"lying":true}`, devices.Urgent},
		{wearable.Kind, "vitals", `{"heart_rate":72}`, `{"heart_rate":72}`, devices.Ordinary},
		{bed.Kind, "occupancy", `{"occupied":false,"heart_rate":61}`, `{"occupied":false}`, devices.Ordinary},
		{bed.Kind, "sos", `{"by":"王秀英"}`, `{}`, devices.Urgent},
		{alarm.Kind, "smoke", ``, `{}`, devices.Urgent},
		{alarm.Kind, "smoke", `{"cleared":true}`, `{"cleared":true}`, devices.Urgent},
		{alarm.Kind, "battery", `{"low":true}`, `{"low":true}`, devices.Ordinary},
		{express.Kind, "parcel.picked_up", `{"parcels":2,"phone":"139"}`, `{"parcels":2}`, devices.Ordinary},
		{pickup.Kind, "temperature", `{"celsius":5,"cold":true}`, `{"celsius":5,"cold":true}`, devices.Ordinary},
		{pickup.Kind, "door", `{"compartment":1,"open":true}`, `{"compartment":1,"open":true}`, devices.Ordinary},
		{terminal.Kind, "session.started", `{"elder_mode":true,"card":"320106"}`, `{"elder_mode":true}`, devices.Ordinary},
		{booking.Kind, "booking.created", `{"booking":42}`, `{"booking":"sha256-8fd2e423c7d8d3b6393d785ed64b4218"}`, devices.Ordinary},
		{attendance.Kind, "people.total", `{"entries":10,"exits":9,"epoch":3}`, `{"entries":10,"exits":9,"epoch":3}`, devices.Ordinary},
	} {
		p, urgency, err := vocabulary.Parse(c.kind, c.typ, json.RawMessage(c.data))
		if err != nil {
			t.Errorf("%s %s: %v", c.typ, c.data, err)
			continue
		}
		got, err := json.Marshal(p)
		if err != nil || string(got) != c.want || urgency != c.urgency {
			t.Errorf("%s %s: got %s, %s, %v; want %s, %s", c.typ, c.data, got, urgency, err, c.want, c.urgency)
		}
	}
}

// Each message names the field and what it should have been.
func TestVocabularyRefuses(t *testing.T) {
	for _, c := range []struct {
		kind devices.Kind
		typ  devices.Type
		data string
		want string
	}{
		{locker.Kind, "sos", `{}`, `a locker does not report "sos"`},
		{locker.Kind, "door", `{"compartment":1}`, "open: missing"},
		{locker.Kind, "door", `{"compartment":1,"open":null}`, "open: missing"},
		{locker.Kind, "door", `{"compartment":0,"open":true}`, "compartment: must be 1 to 9999 (got 0)"},
		{locker.Kind, "door", `{"compartment":"one","open":true}`, "compartment: must be a int (got a string)"},
		{locker.Kind, "door", `[1]`, "must be a"},
		{locker.Kind, "door", `{"compartment":1,"open":true}{}`, "no JSON object"},
		{locker.Kind, "parcel.picked_up", `{"compartment":1,"by":"cat"}`, `by: must be recipient, courier or staff (got "cat")`},
		{locker.Kind, "fault", `{"code":"Door jammed!"}`, "code: must be 1 to 64"},
		{cabinet.Kind, "temperature", `{"celsius":1000}`, "celsius: must be -60 to 200 (got 1000)"},
		{cabinet.Kind, "meal.loaded", `{"compartment":1,"portions":-1}`, "portions: must be 1 to 1000"},
		{attendance.Kind, "people.total", `{"exits":3}`, "entries: missing"},
		{attendance.Kind, "people.total", `{"entries":-1}`, "entries: must be 0 to"},
		{attendance.Kind, "people.counted", `{"entries":1,"exits":1000000}`, "exits: must be 0 to 100000 (got 1000000)"},
		{bed.Kind, "occupancy", `{}`, "occupied: missing"},
		{bed.Kind, "fault", `{"code":"mat broken"}`, "code: must be 1 to 64"},
		{booking.Kind, "booking.created", `{"booking":{"name":"王秀英"}}`, "booking: must be a string (got a value that is none)"},
		{booking.Kind, "booking.no_show", `{}`, "booking: missing"},
		{express.Kind, "parcel.deposited", `{"parcels":-3}`, "parcels: must be 1 to 10000 (got -3)"},
		{express.Kind, "parcel.picked_up", `{"by":"cat"}`, "by: must be recipient, courier or staff"},
		{pickup.Kind, "item.picked_up", `{"compartment":1,"by":"courier"}`, "by: must be recipient or staff"},
		{pickup.Kind, "temperature", `{"celsius":-100,"cold":true}`, "celsius: must be -60 to 200"},
		{rating.Kind, "rating.given", `{"service":"1","level":6}`, "level: must be 1 (very bad) to 5 (very good) (got 6)"},
		{rating.Kind, "rating.given", `{"service":"","level":5}`, "service: must not be empty"},
		{rental.Kind, "asset.out", `{"asset":"三号轮椅"}`, "asset: must be an ID"},
		{terminal.Kind, "session.ended", `{"session":"1"}`, "result: missing"},
		{terminal.Kind, "session.ended", `{"result":"ok"}`, "result: must be completed, abandoned or failed"},
		{terminal.Kind, "session.ended", `{"result":"failed","service":"身份证"}`, "service: must be an ID"},
		{wearable.Kind, "battery", `{"percent":255}`, "percent: must be 0 to 100 (got 255)"},
		{wearable.Kind, "vitals", `{}`, "at least one of"},
		{wearable.Kind, "position", `{"latitude":132.0,"longitude":0}`, "latitude: must be -90 to 90"},
	} {
		_, _, err := vocabulary.Parse(c.kind, c.typ, json.RawMessage(c.data))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: got %v, want %q", c.typ, c.data, err, c.want)
		}
	}
	if _, _, err := vocabulary.Parse(wearable.Kind, "toast", nil); !errors.Is(err, devices.ErrUnknownType) {
		t.Errorf("unknown type: %v", err)
	}
}

func TestDecode(t *testing.T) {
	e, err := devices.New("l1", locker.Door{Compartment: 3, Open: true})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := devices.Decode[locker.Door](e); err != nil || d != (locker.Door{Compartment: 3, Open: true}) {
		t.Errorf("got %+v, %v", d, err)
	}
	if _, err := devices.Decode[locker.Occupancy](e); err == nil {
		t.Error("a door was decoded as an occupancy")
	}
}

func TestWhen(t *testing.T) {
	received := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name     string
		observed time.Time
		believed bool
	}{
		{"none", time.Time{}, false},
		{"a minute ago", received.Add(-time.Minute), true},
		{"a fortnight in a buffer", received.AddDate(0, 0, -14), true},
		{"two months ago", received.AddDate(0, -2, 0), false},
		{"1970", time.Unix(5, 0), false},
		{"2080", time.Date(2080, 1, 1, 0, 0, 0, 0, time.UTC), false},
		{"a little ahead", received.Add(4 * time.Minute), true},
		{"an hour ahead", received.Add(time.Hour), false},
	} {
		want := received
		if c.believed {
			want = c.observed
		}
		e := devices.Event{Observed: c.observed, Received: devices.Stamp{Wall: received}}
		if got := e.When(); !got.Equal(want) {
			t.Errorf("%s: got %s, want %s", c.name, got, want)
		}
	}
}

func TestStampMeasuresWithinABootOnly(t *testing.T) {
	a := devices.Stamp{Boot: devices.BootID{1}, Mono: time.Hour}
	b := devices.Stamp{Boot: devices.BootID{1}, Mono: 2 * time.Hour, Wall: time.Unix(0, 0)}
	if d, ok := b.Since(a); !ok || d != time.Hour {
		t.Errorf("same boot: %s, %t", d, ok)
	}
	b.Boot = devices.BootID{2}
	if _, ok := b.Since(a); ok {
		t.Error("measured across a boot")
	}
}

// everyField has a good value for each field that any type has, but for those
// whose values differ from kind to kind.
const everyField = `{"compartment":7,"portions":2,"hot":true,"cooked":"2026-11-23T11:05:00+08:00","elder":"e-0301",
"celsius":36.5,"cold":true,"open":true,"occupied":true,"online":true,"available":true,"worn":true,"lying":true,"code":"tamper","cleared":true,
"litres":3.5,"heart_rate":72,"spo2":97,"systolic":128,"diastolic":81,"percent":80,"low":true,"latitude":32.06,"longitude":118.79,"accuracy":15,
"session":"s-1","booking":"13912345678","service":"meal","elder_mode":true,"result":"completed","level":5,"contactless":true,
"parcels":3,"entries":12,"exits":9,"epoch":2,"test":"balance","asset":"wheelchair-03","caregiver":"li","command":"7pq2x","reason":"door_jammed","by":"nfc","way":"phone","count":3,"facility":"east","steps":4200}`

// Each type has a payload that is accepted, which says of the whole of it the
// same again, and holds no number of somebody's book.
func TestEveryTypeIsAccepted(t *testing.T) {
	for _, k := range kinds.All() {
		for _, s := range k.Specs() {
			data := everyField
			if strings.HasSuffix(string(s.Type), ".picked_up") {
				data = strings.ReplaceAll(data, "nfc", "staff")
			}
			p, _, err := vocabulary.Parse(k.Name, s.Type, json.RawMessage(data))
			if err != nil {
				t.Errorf("%s of %s: %v", s.Type, k.Name, err)
				continue
			}
			canonical, err := json.Marshal(p)
			if err != nil || strings.Contains(string(canonical), "13912345678") || strings.Contains(string(canonical), "s-1") {
				t.Errorf("%s of %s: %s, %v", s.Type, k.Name, canonical, err)
			}
			again, _, err := vocabulary.Parse(k.Name, s.Type, canonical)
			if err != nil || !reflect.DeepEqual(again, p) {
				t.Errorf("%s of %s: %+v became %+v, %v", s.Type, k.Name, p, again, err)
			}
		}
	}
}

func FuzzVocabulary(f *testing.F) {
	f.Add("locker", "door", []byte(`{"compartment":1,"open":true}`))
	f.Add("wearable", "vitals", []byte(`{"heart_rate":72,"celsius":1e400}`))
	f.Add("cabinet", "meal.loaded", []byte(`{"compartment":1,"cooked":"2026-11-23T11:05:00+08:00"}`))
	for _, k := range kinds.All() {
		for _, s := range k.Specs() {
			f.Add(string(k.Name), string(s.Type), []byte(everyField))
		}
	}
	f.Fuzz(func(t *testing.T, kind, typ string, data []byte) {
		p, _, err := vocabulary.Parse(devices.Kind(kind), devices.Type(typ), data)
		if err != nil || len(bytes.TrimSpace(data)) == 0 {
			return
		}
		// What is read in the short way reads the same in the long one.
		plain := reflect.New(reflect.TypeOf(p))
		if err := json.Unmarshal(data, plain.Interface()); err != nil || !reflect.DeepEqual(plain.Elem().Interface(), p) {
			t.Fatalf("%s: read as %+v, want %+v (%v)", data, p, plain.Elem(), err)
		}
		// What is accepted survives its own canonical form.
		canonical, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := vocabulary.Parse(devices.Kind(kind), devices.Type(typ), canonical)
		if err != nil {
			t.Fatalf("%s became %s: %v", data, canonical, err)
		}
		if twice, err := json.Marshal(again); err != nil || string(twice) != string(canonical) {
			t.Fatalf("%s became %s and then %s (%v)", data, canonical, twice, err)
		}
	})
}
