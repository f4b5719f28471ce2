package console

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
)

func ptr[T any](v T) *T { return &v }

func TestEventsInWords(t *testing.T) {
	b := newBox(t)
	for _, c := range []struct {
		device  string
		payload devices.Payload
		zh, en  string
		tone    string
	}{
		{"locker-n1", locker.Deposited{Compartment: 3}, "3 号格，存入快递", "compartment 3, parcel left", ""},
		{"locker-n1", locker.PickedUp{Compartment: 3}, "3 号格，快递已取走", "compartment 3, parcel picked up", ""},
		{"locker-n1", locker.PickedUp{Compartment: 3, By: locker.ByCourier}, "3 号格，快递已由快递员取回", "compartment 3, parcel taken back by the courier", ""},
		{"locker-n1", locker.PickedUp{Compartment: 3, By: locker.ByStaff}, "3 号格，快递已由工作人员清出", "compartment 3, parcel cleared by staff", ""},
		{"locker-n1", locker.Overdue{Compartment: 3}, "3 号格，快递超时未取", "compartment 3, parcel overdue", "warn"},
		{"locker-n1", locker.Door{Compartment: 3, Open: true}, "3 号格，柜门打开", "compartment 3, door open", ""},
		{"locker-n1", locker.Occupancy{Compartment: 3}, "3 号格，已空", "compartment 3, empty", ""},
		{"locker-n1", locker.Fault{Code: "power"}, "故障：power", "fault: power", "warn"},
		{"locker-n1", locker.Fault{Compartment: 1, Code: "door_jammed", Cleared: true}, "1 号格，故障排除：door_jammed", "compartment 1, fault cleared: door_jammed", ""},
		{"locker-n1", locker.Status{}, "离线", "offline", "warn"},
		{"meals-o1", cabinet.Loaded{Compartment: 2}, "2 号格，餐已放入", "compartment 2, meal loaded", ""},
		{"meals-o1", cabinet.PickedUp{Compartment: 2, Elder: "elder-02"}, "2 号格，餐已取走", "compartment 2, meal collected", ""},
		{"meals-o1", cabinet.Unclaimed{Compartment: 2}, "2 号格，餐无人取", "compartment 2, meal unclaimed", "warn"},
		{"meals-o1", cabinet.Temperature{Celsius: 64.5}, "温度 64.5 °C", "64.5 °C", ""},
		{"meals-o1", cabinet.Door{Compartment: 2}, "2 号格，柜门关上", "compartment 2, door shut", ""},
		{"meals-o1", cabinet.Occupancy{Compartment: 2, Occupied: true}, "2 号格，有物", "compartment 2, occupied", ""},
		{"meals-o1", cabinet.Fault{Code: "heater"}, "故障：heater", "fault: heater", "warn"},
		{"meals-o1", cabinet.Status{Online: true}, "上线", "online", ""},
		{"band-01", wearable.SOS{}, "求助", "called for help", "alarm"},
		{"band-01", wearable.Fall{}, "疑似跌倒", "may have fallen", "alarm"},
		{"band-01", wearable.Fall{Lying: true}, "疑似跌倒，没有起身", "may have fallen and not got up", "alarm"},
		{"band-01", wearable.Vitals{HeartRate: ptr(72), SpO2: ptr(97)}, "心率 72，血氧 97%", "heart rate 72, oxygen 97%", ""},
		{"band-01", wearable.Vitals{Systolic: ptr(128), Diastolic: ptr(81), Celsius: ptr(36.6)}, "血压 128/81，体温 36.6 °C", "blood pressure 128/81, 36.6 °C", ""},
		{"band-01", wearable.Vitals{Systolic: ptr(128)}, "体征", "vital signs", ""},
		{"band-01", wearable.Battery{Percent: ptr(80)}, "电量 80%", "battery 80%", ""},
		{"band-01", wearable.Battery{Percent: ptr(9)}, "电量 9%，电量低", "battery 9%, battery low", "warn"},
		{"band-01", wearable.Battery{Low: true}, "电量低", "battery low", "warn"},
		{"band-01", wearable.Worn{Worn: true}, "已佩戴", "put on", ""},
		{"band-01", wearable.Position{Latitude: 32.06, Longitude: 118.79}, "位置已更新", "position updated", ""},
		{"band-01", wearable.Status{Online: true}, "上线", "online", ""},
		{devices.GatewayDevice, alert.Raised{Incident: "1"}, "正在呼叫照护人员", "people are being called", ""},
		{devices.GatewayDevice, alert.Escalated{Incident: "1"}, "无人应答，继续呼叫", "no answer, calling on", "warn"},
		{devices.GatewayDevice, alert.Acknowledged{Incident: "1", By: "zhou"}, "周护理员 接手了求助", "周护理员 has taken the call", "good"},
		{devices.GatewayDevice, alert.Resolved{Incident: "1", By: "somebody", Cause: alert.CauseTest}, "somebody 结束了求助：测试", "somebody has closed the call: test", "good"},
		{devices.GatewayDevice, journal.Gap{}, "磁盘空间不足，丢弃了旧数据", "old data dropped: the disk is full", "warn"},
		{"stranger", devices.Rejected{Reason: "unknown_device"}, "上报无法使用（unknown_device）", "report not usable (unknown_device)", "warn"},
		{"band-01", devices.Rejected{Reason: "invalid"}, "上报无法使用（invalid）", "report not usable (invalid)", "warn"},
	} {
		e, err := devices.New(c.device, c.payload)
		b.must(err)
		people := b.Registry.Snapshot()
		zh, en := view(e, people, texts.Chinese), view(e, people, texts.English)
		if zh.What != c.zh || en.What != c.en || zh.Tone != c.tone {
			t.Errorf("%s: got %q, %q, %q", c.payload.EventType(), zh.What, en.What, zh.Tone)
		}
		if zh.Who == "" || zh.Glyph == "" || len(en.Glyph) > 2 {
			t.Errorf("%s: %+v", c.payload.EventType(), zh)
		}
	}
}

// Each type of the vocabulary has words of its own.
func TestNoTypeIsWithoutWords(t *testing.T) {
	b := newBox(t)
	device := map[devices.Kind]string{locker.Kind: "locker-n1", cabinet.Kind: "meals-o1", wearable.Kind: "band-01"}
	for _, specs := range [][]devices.Spec{locker.Specs(), cabinet.Specs(), wearable.Specs()} {
		for _, s := range specs {
			e := devices.Event{Device: device[s.Kind], Type: s.Type, Data: json.RawMessage("{}")}
			v := view(e, b.Registry.Snapshot(), texts.Chinese)
			if s.Type == wearable.TypeBattery && s.Kind == wearable.Kind {
				continue // says nothing without a figure
			}
			if strings.Contains(v.What, string(s.Type)) {
				t.Errorf("%s of a %s: %q", s.Type, s.Kind, v.What)
			}
		}
	}
}

// What nobody foresaw, or is damaged, is called by its type.
func TestWhatHasNoWordsIsNamed(t *testing.T) {
	b := newBox(t)
	for _, e := range []devices.Event{
		{Device: "band-01", Type: "dance", Data: json.RawMessage("{}")},
		{Device: "locker-n1", Type: "door", Data: json.RawMessage("[")},
		{Device: "gone", Type: "door", Data: json.RawMessage("{}")},
	} {
		if v := view(e, b.Registry.Snapshot(), texts.Chinese); v.What != "上报 "+string(e.Type) {
			t.Errorf("%+v: %q", e, v.What)
		}
	}
}
