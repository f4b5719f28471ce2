package kinds_test

import (
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/kinds"
)

// payloads are what each type of each kind takes, and what it refuses, naming
// a field; each with nothing else wrong, and separated by blanks.
var payloads = []struct{ kind, typ, field, taken, refused string }{
	{"locker", "parcel.deposited", "compartment", `{"compartment":1} {"compartment":9999}`, `{} {"compartment":0} {"compartment":10000} {"compartment":-1}`},
	{"locker", "parcel.picked_up", "by", `{"compartment":1} {"compartment":1,"by":"recipient"} {"compartment":1,"by":"courier"} {"compartment":1,"by":"staff"}`, `{"compartment":1,"by":"thief"}`},
	{"locker", "parcel.picked_up", "compartment", ``, `{} {"by":"staff"}`},
	{"locker", "parcel.overdue", "compartment", `{"compartment":1}`, `{}`},
	{"locker", "door", "compartment", `{"compartment":1,"open":true}`, `{"open":true}`},
	{"locker", "door", "open", ``, `{"compartment":1}`},
	{"locker", "occupancy", "compartment", `{"compartment":1,"occupied":true}`, `{"occupied":true}`},
	{"locker", "occupancy", "occupied", ``, `{"compartment":1}`},
	{"locker", "fault", "compartment", `{"code":"jam"} {"code":"jam","compartment":0} {"code":"jam","compartment":9999,"cleared":true}`, `{"code":"jam","compartment":-1} {"code":"jam","compartment":10000}`},
	{"locker", "fault", "code", ``, `{} {"code":"卡住"} {"code":"A"}`},

	{"cabinet", "meal.loaded", "portions", `{"compartment":1} {"compartment":1,"portions":0} {"compartment":1,"portions":1000,"hot":true,"cooked":"2026-11-23T08:15:30+08:00"}`, `{"compartment":1,"portions":-1} {"compartment":1,"portions":1001}`},
	{"cabinet", "meal.loaded", "compartment", ``, `{} {"portions":3}`},
	{"cabinet", "meal.picked_up", "compartment", `{"compartment":1} {"compartment":1,"elder":"e302"}`, `{}`},
	{"cabinet", "meal.unclaimed", "compartment", `{"compartment":1}`, `{}`},
	{"cabinet", "temperature", "celsius", `{"celsius":-60} {"celsius":200,"compartment":3}`, `{"celsius":-60.1} {"celsius":200.1}`},
	{"cabinet", "temperature", "compartment", ``, `{"celsius":65,"compartment":-1} {"celsius":65,"compartment":10000}`},
	{"cabinet", "humidity", "percent", `{"percent":0} {"percent":100,"compartment":3}`, `{"percent":-0.1} {"percent":100.1}`},
	{"cabinet", "humidity", "compartment", ``, `{"percent":40,"compartment":-1} {"percent":40,"compartment":10000}`},
	{"cabinet", "door", "compartment", `{"compartment":1,"open":false}`, `{"open":true}`},
	{"cabinet", "occupancy", "compartment", `{"compartment":1,"occupied":false}`, `{"occupied":true}`},
	{"cabinet", "fault", "compartment", `{"code":"heater"} {"code":"heater","compartment":3}`, `{"code":"heater","compartment":10000}`},
	{"cabinet", "fault", "code", ``, `{} {"code":"加热"}`},

	{"pickup", "item.stocked", "compartment", `{"compartment":1}`, `{}`},
	{"pickup", "item.picked_up", "by", `{"compartment":1} {"compartment":1,"by":"recipient"} {"compartment":1,"by":"staff"}`, `{"compartment":1,"by":"courier"}`},
	{"pickup", "item.picked_up", "compartment", ``, `{} {"by":"staff"}`},
	{"pickup", "temperature", "celsius", `{"celsius":-60} {"celsius":200,"compartment":3,"cold":true}`, `{"celsius":-60.1} {"celsius":200.1}`},
	{"pickup", "temperature", "compartment", ``, `{"celsius":5,"compartment":-1} {"celsius":5,"compartment":10000}`},
	{"pickup", "humidity", "percent", `{"percent":0}`, `{"percent":101}`},
	{"pickup", "door", "compartment", `{"compartment":1,"open":false}`, `{"open":true}`},
	{"pickup", "occupancy", "compartment", `{"compartment":1,"occupied":false}`, `{"occupied":true}`},
	{"pickup", "fault", "code", `{"code":"lock","compartment":1}`, `{}`},

	{"wearable", "sos", "", `{}`, ``},
	{"wearable", "fall", "", `{} {"lying":true}`, ``},
	{"wearable", "fall_cancelled", "", `{}`, ``},
	{"wearable", "vitals", "heart_rate", `{"heart_rate":0} {"heart_rate":350}`, `{"heart_rate":-1} {"heart_rate":351}`},
	{"wearable", "vitals", "spo2", `{"spo2":0} {"spo2":100}`, `{"spo2":-1} {"spo2":101}`},
	{"wearable", "vitals", "systolic", `{"systolic":0} {"systolic":350}`, `{"systolic":-1} {"systolic":351}`},
	{"wearable", "vitals", "diastolic", `{"diastolic":0} {"diastolic":300}`, `{"diastolic":-1} {"diastolic":301}`},
	{"wearable", "vitals", "celsius", `{"celsius":20} {"celsius":50}`, `{"celsius":19.9} {"celsius":50.1}`},
	{"wearable", "vitals", "data", ``, `{} {"steps":9}`},
	{"wearable", "battery", "percent", `{"percent":0} {"percent":100} {"low":true} {}`, `{"percent":-1} {"percent":101} {"percent":255}`},
	{"wearable", "worn", "worn", `{"worn":false}`, `{}`},
	{"wearable", "position", "latitude", `{"latitude":-90,"longitude":0} {"latitude":90,"longitude":0,"accuracy":15}`, `{"longitude":0} {"latitude":-90.1,"longitude":0} {"latitude":90.1,"longitude":0}`},
	{"wearable", "position", "longitude", `{"latitude":0,"longitude":-180} {"latitude":0,"longitude":180}`, `{"latitude":0} {"latitude":0,"longitude":-180.1} {"latitude":0,"longitude":180.1}`},
	{"wearable", "position", "accuracy", `{"latitude":0,"longitude":0,"accuracy":0}`, `{"latitude":0,"longitude":0,"accuracy":-0.1}`},
	{"wearable", "steps", "steps", `{"steps":0} {"steps":200000}`, `{} {"steps":-1} {"steps":200001}`},
	{"wearable", "fault", "code", `{"code":"tamper"}`, `{}`},

	{"bed", "occupancy", "occupied", `{"occupied":false}`, `{}`},
	{"bed", "sos", "", `{}`, ``},
	{"bed", "battery", "percent", `{"percent":100}`, `{"percent":255}`},
	{"bed", "fault", "code", `{"code":"mat"}`, `{}`},

	{"alarm", "smoke", "", `{} {"cleared":true}`, ``},
	{"alarm", "gas", "", `{} {"cleared":true}`, ``},
	{"alarm", "carbon_monoxide", "", `{} {"cleared":true}`, ``},
	{"alarm", "water", "", `{} {"cleared":true}`, ``},
	{"alarm", "sos", "", `{}`, ``},
	{"alarm", "battery", "percent", `{"low":true}`, `{"percent":255}`},
	{"alarm", "fault", "code", `{"code":"tamper"}`, `{}`},

	{"room", "occupancy", "occupied", `{"occupied":false}`, `{}`},
	{"room", "door", "open", `{"open":false}`, `{}`},
	{"room", "vibration", "", `{}`, ``},
	{"room", "water.used", "litres", `{"litres":0.1} {"litres":100000}`, `{} {"litres":0} {"litres":-1} {"litres":100000.1}`},
	{"room", "sos", "", `{}`, ``},
	{"room", "fall", "", `{}`, ``},
	{"room", "battery", "percent", `{"percent":80}`, `{"percent":255}`},
	{"room", "fault", "code", `{"code":"tamper"}`, `{}`},

	{"visit", "visit.made", "by", `{"by":"nfc"} {"by":"button"} {"by":"page"} {"by":"door"}`, `{} {"by":"phone"}`},
	{"visit", "visit.made", "elder", `{"by":"nfc","elder":"e302"}`, `{"by":"nfc","elder":"王秀英"}`},
	{"visit", "visit.made", "caregiver", `{"by":"nfc","caregiver":"li"}`, `{"by":"nfc","caregiver":"李敏"}`},
	{"visit", "fault", "code", `{"code":"x"}`, `{}`},

	{"terminal", "session.started", "", `{} {"session":"1","elder_mode":true}`, ``},
	{"terminal", "session.ended", "result", `{"result":"completed"} {"result":"abandoned"} {"result":"failed","session":7,"elder_mode":true}`, `{} {"result":"done"}`},
	{"terminal", "session.ended", "service", `{"result":"failed","service":"pension"}`, `{"result":"failed","service":"养老金"}`},
	{"terminal", "available", "available", `{"available":false}`, `{}`},
	{"terminal", "fault", "code", `{"code":"paper_out"}`, `{}`},

	{"rating", "rating.given", "level", `{"service":"2","level":1} {"service":"2","level":5}`, `{"service":"2"} {"service":"2","level":0} {"service":"2","level":6}`},
	{"rating", "rating.given", "service", ``, `{"level":5} {"service":"","level":5}`},
	{"rating", "rating.closed", "service", `{"service":"2"}`, `{}`},
	{"rating", "fault", "code", `{"code":"key"}`, `{}`},

	{"booking", "booking.created", "booking", `{"booking":"3"} {"booking":3,"service":"haircut"}`, `{} {"booking":""}`},
	{"booking", "booking.created", "service", ``, `{"booking":"3","service":"理发"}`},
	{"booking", "booking.fulfilled", "booking", `{"booking":"3"}`, `{}`},
	{"booking", "booking.no_show", "booking", `{"booking":"3"}`, `{}`},
	{"booking", "booking.cancelled", "booking", `{"booking":"3"}`, `{}`},
	{"booking", "delivery.made", "contactless", `{"contactless":false}`, `{}`},
	{"booking", "fault", "code", `{"code":"x"}`, `{}`},

	{"desk", "service.given", "way", `{"way":"key"} {"way":"card"} {"way":"phone"} {"way":"counter"} {"way":"code"}`, `{} {"way":"fax"}`},
	{"desk", "service.given", "count", `{"way":"key","count":0} {"way":"key","count":10000}`, `{"way":"key","count":-1} {"way":"key","count":10001}`},
	{"desk", "service.given", "service", `{"way":"key","service":"parcel"}`, `{"way":"key","service":"快递"}`},
	{"desk", "service.given", "facility", `{"way":"key","facility":"east"}`, `{"way":"key","facility":"东门"}`},
	{"desk", "service.given", "by", `{"way":"key","by":"li"}`, `{"way":"key","by":"李敏"}`},
	{"desk", "opening", "open", `{"open":false}`, `{}`},
	{"desk", "fault", "code", `{"code":"x"}`, `{}`},

	{"attendance", "people.counted", "entries", `{"entries":0} {"entries":100000,"exits":100000}`, `{} {"entries":-1} {"entries":100001}`},
	{"attendance", "people.counted", "exits", ``, `{"entries":1,"exits":-1} {"entries":1,"exits":100001}`},
	{"attendance", "people.total", "entries", `{"entries":0} {"entries":9007199254740992,"exits":9007199254740992,"epoch":3}`, `{} {"entries":-1} {"entries":9007199254740993}`},
	{"attendance", "people.total", "exits", ``, `{"entries":1,"exits":-1} {"entries":1,"exits":9007199254740993}`},
	{"attendance", "people.total", "epoch", ``, `{"entries":1,"epoch":-1}`},
	{"attendance", "opening", "open", `{"open":false}`, `{}`},
	{"attendance", "fault", "code", `{"code":"lens"}`, `{}`},

	{"fitness", "test.done", "test", `{} {"test":"pulse"} {"test":"other"}`, `{"test":"marathon"}`},
	{"fitness", "fault", "code", `{"code":"x"}`, `{}`},

	{"rental", "asset.out", "asset", `{"asset":"chair-3"}`, `{} {"asset":"轮椅"}`},
	{"rental", "asset.in", "asset", `{"asset":"chair-3"}`, `{} {"asset":"轮椅"}`},
	{"rental", "asset.available", "asset", `{"asset":"chair-3","available":true}`, `{} {"available":true}`},
	{"rental", "fault", "code", `{"code":"x"}`, `{}`},

	{"express", "parcel.deposited", "parcels", `{} {"parcels":0} {"parcels":10000}`, `{"parcels":-1} {"parcels":10001}`},
	{"express", "parcel.picked_up", "by", `{} {"by":"recipient"} {"by":"courier"} {"by":"staff","parcels":2}`, `{"by":"thief"}`},
	{"express", "parcel.picked_up", "parcels", ``, `{"parcels":-1} {"by":"staff","parcels":10001}`},
	{"express", "opening", "open", `{"open":false}`, `{}`},
	{"express", "fault", "code", `{"code":"x"}`, `{}`},
}

// Each type of each kind takes what it should, and refuses what it should not,
// naming the field.
func TestPayloads(t *testing.T) {
	vocabulary, tried := kinds.Vocabulary(), map[string]bool{}
	for _, c := range payloads {
		tried[c.kind+" "+c.typ] = true
		for _, payload := range strings.Fields(c.taken) {
			if _, _, err := vocabulary.Parse(devices.Kind(c.kind), devices.Type(c.typ), []byte(payload)); err != nil {
				t.Errorf("%s of a %s: %s: %v", c.typ, c.kind, payload, err)
			}
		}
		for _, payload := range strings.Fields(c.refused) {
			if _, _, err := vocabulary.Parse(devices.Kind(c.kind), devices.Type(c.typ), []byte(payload)); err == nil || !strings.Contains(err.Error(), c.field+": ") {
				t.Errorf("%s of a %s: %s: %v, want something of %s", c.typ, c.kind, payload, err, c.field)
			}
		}
	}
	for _, k := range kinds.All() {
		for _, s := range k.Specs() {
			if s.Type != "status" && !strings.HasPrefix(string(s.Type), "command.") && !tried[string(k.Name)+" "+string(s.Type)] {
				t.Errorf("%s of a %s is not tried", s.Type, k.Name)
			}
		}
	}
}
