package console

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/attendance"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/booking"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/desk"
	"github.com/linli-edge/gateway/devices/express"
	"github.com/linli-edge/gateway/devices/fitness"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
	"github.com/linli-edge/gateway/devices/rating"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/rental"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/supervision"
	"github.com/linli-edge/gateway/devices/terminal"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/usage"
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
		{"locker-n1", supervision.Finding{Type: supervision.TypeSilent, Since: time.Unix(1, 0)}, "没有音信", "silent", "warn"},
		{"locker-n1", supervision.Finding{Type: supervision.TypeSilent, Since: time.Unix(1, 0), Cleared: true}, "恢复音信", "heard again", "good"},
		{"locker-n1", supervision.Finding{Type: supervision.TypeTampered, Since: time.Unix(1, 0)}, "被打开或移动", "opened or moved by somebody", "warn"},
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
		{"band-01", condition.Fault{Code: "tamper"}, "故障：tamper", "fault: tamper", "warn"},
		{devices.GatewayDevice, alert.Raised{Incident: "1"}, "正在呼叫照护人员", "people are being called", ""},
		{devices.GatewayDevice, alert.Escalated{Incident: "1"}, "无人应答，继续呼叫", "no answer, calling on", "warn"},
		{devices.GatewayDevice, alert.Acknowledged{Incident: "1", By: "zhou"}, "周护理员 接手了求助", "周护理员 has taken the call", "good"},
		{devices.GatewayDevice, alert.Resolved{Incident: "1", By: "somebody", Cause: alert.CauseTest}, "somebody 结束了求助：测试", "somebody has closed the call: test", "good"},
		{devices.GatewayDevice, clock.Step{To: time.Date(2026, 11, 23, 0, 15, 0, 0, time.UTC), Synchronised: true}, "时钟已同步：2026-11-23 08:15", "the clock is synchronised: 2026-11-23 08:15", ""},
		{devices.GatewayDevice, clock.Step{To: time.Unix(0, 0)}, "时钟未同步，显示为 1970-01-01 08:00", "the clock is not synchronised; it says 1970-01-01 08:00", "warn"},
		{devices.GatewayDevice, journal.Damage{File: "usage.state"}, "存储文件损坏（usage.state），救回 0 条记录", "a file was damaged (usage.state), 0 records rescued", "warn"},
		{devices.GatewayDevice, alert.Paged{Incident: "1", Recipient: "zhou", Channel: "webhook", Result: alert.Accepted}, "呼叫周护理员（Webhook 推送）：渠道已接受", "called 周护理员 (webhook): accepted by the channel", ""},
		{devices.GatewayDevice, alert.Paged{Incident: "1", Channel: alert.LogChannel, Result: alert.Accepted}, "呼叫网关日志：渠道已接受", "called the box's log: accepted by the channel", ""},
		{devices.GatewayDevice, alert.Paged{Incident: "1", Recipient: "zhou", Channel: "sms", Result: alert.Permanent}, "呼叫周护理员（短信（手机卡））：无法送达", "called 周护理员 (SMS by the SIM card): cannot be delivered", "warn"},
		{devices.GatewayDevice, alert.Silenced{Mode: alert.ModeSilence, Scope: "elder/elder-01", Minutes: 30, By: "zhou"}, "周护理员 开启静默 30 分钟（陈桂英）", "周护理员 has begun silence for 30 min (陈桂英)", ""},
		{devices.GatewayDevice, alert.Silenced{Mode: alert.ModeMaintenance, Scope: "device/locker-n1", By: "zhou"}, "周护理员 结束维护模式（北门柜（桂花苑北门快递柜））", "周护理员 has ended maintenance (北门柜 (桂花苑北门快递柜))", ""},
		{devices.GatewayDevice, alert.Silenced{Mode: alert.ModeSilence, Scope: "kind/path_down", Minutes: 30, By: "zhou"}, "周护理员 开启静默 30 分钟（通信中断）", "周护理员 has begun silence for 30 min (Path down)", ""},
		{devices.GatewayDevice, alert.Silenced{Mode: alert.ModeSilence, Scope: "all", Minutes: 30, By: "zhou"}, "周护理员 开启静默 30 分钟（全部）", "周护理员 has begun silence for 30 min (everything)", ""},
		{devices.GatewayDevice, usage.Alive{First: true}, "网关启动", "the box has started", ""},
		{devices.GatewayDevice, usage.Alive{}, "网关运行正常", "the box is running", ""},
		{devices.GatewayDevice, usage.Uplink{Online: true}, "与省平台的通信恢复", "the province's platform can be reached", ""},
		{devices.GatewayDevice, usage.Uplink{}, "与省平台的通信中断", "the province's platform cannot be reached", "warn"},
		{devices.GatewayDevice, usage.Synced{Destination: "province", Accepted: 41, Waiting: 2, Delays: make([]int64, usage.SyncDelays)}, "上报省平台：41 条被接收，0 条被拒，2 条待报", "reports to the province: 41 accepted, 0 refused, 2 waiting", ""},
		{devices.GatewayDevice, visit.Visited{Elder: "gone", Caregiver: "zhou", By: visit.ByPage}, "周护理员 巡访 gone", "周护理员 visited gone", ""},
		{devices.GatewayDevice, journal.Gap{}, "磁盘空间不足，丢弃了旧数据", "old data dropped: the disk is full", "warn"},
		{devices.GatewayDevice, command.Asked{Device: "locker-n1", Action: command.Open, Data: command.Data{Compartment: 12}, By: "zhou"}, "北门柜（桂花苑北门快递柜），周护理员 要求打开柜门（12 号格）", "北门柜 (桂花苑北门快递柜), 周护理员 asks it to open a compartment (compartment 12)", ""},
		{devices.GatewayDevice, command.Sent{Device: "gone"}, "未登记设备 gone，命令已发出", "unregistered device gone, a command was sent", ""},
		{devices.GatewayDevice, command.Ended{Device: "locker-n1", Action: command.Open, Data: command.Data{Compartment: 12}, Confirmed: command.ByDoor}, "北门柜（桂花苑北门快递柜），打开柜门（12 号格）：柜门已打开", "北门柜 (桂花苑北门快递柜), open a compartment (compartment 12): the door was seen to open", "good"},
		{devices.GatewayDevice, command.Ended{Device: "band-01", Action: command.Ring, Reason: command.NoAnswer}, "陈桂英（桂花苑1号楼 101室），响铃：未完成，设备没有回应，可能已执行，请到现场查看", "陈桂英 (桂花苑1号楼 101室), ring: failed, the device has not answered; it may have done it, so look", "warn"},
		{"band-01", command.Done{Command: "1"}, "回报：命令已执行", "answers: the command is carried out", ""},
		{"band-01", command.Failed{Command: "1", Reason: "unsupported"}, "回报：命令未执行（unsupported）", "answers: the command is not carried out (unsupported)", "warn"},
		{"stranger", devices.Rejected{Reason: "unknown_device"}, "上报无法使用：设备未登记（unknown_device）", "report not usable: unregistered device", "warn"},
		{"band-01", devices.Rejected{Reason: "invalid"}, "上报无法使用：字段有误（invalid）", "report not usable: invalid field", "warn"},
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

// place registers a device of each kind at a facility, each called as its kind.
func (b *box) place() {
	b.Helper()
	b.must(b.Registry.Update(func(tx *registry.Tx) error {
		for _, name := range kinds.Names() {
			if err := tx.Put(registry.Device{Device: devices.Device{ID: string(name), Kind: name, Facility: "locker-north"}}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// The other kinds in words.
func TestPlacesInWords(t *testing.T) {
	b := newBox(t)
	b.place()
	for _, c := range []struct {
		device  string
		payload devices.Payload
		zh, en  string
		tone    string
	}{
		{"bed", bed.Occupancy{Occupied: true}, "有人在床", "somebody is in bed", ""},
		{"bed", bed.Occupancy{}, "无人在床", "nobody is in bed", ""},
		{"bed", wearable.SOS{}, "求助", "called for help", "alarm"},
		{"room", room.Occupancy{Occupied: true}, "有人活动", "somebody is there", ""},
		{"room", room.Occupancy{}, "无人活动", "nobody is there", ""},
		{"room", room.Door{Open: true}, "门已打开", "the door is open", ""},
		{"room", room.Door{}, "门已关闭", "the door is closed", ""},
		{"room", room.Vibration{}, "有震动", "it was moved", ""},
		{"room", room.WaterUsed{Litres: 3.5}, "用水 3.5 升", "3.5 litres of water", ""},
		{"room", wearable.Fall{}, "疑似跌倒", "may have fallen", "alarm"},
		{"bed", wearable.Battery{Low: true}, "电量低", "battery low", "warn"},
		{"bed", condition.Status{}, "离线", "offline", "warn"},
		{"bed", condition.Fault{Code: "mat"}, "故障：mat", "fault: mat", "warn"},
		{"alarm", alarm.Smoke{}, "烟雾报警", "smoke", "alarm"},
		{"alarm", alarm.Gas{}, "燃气泄漏报警", "gas", "alarm"},
		{"alarm", alarm.CarbonMonoxide{}, "一氧化碳报警", "carbon monoxide", "alarm"},
		{"alarm", alarm.Water{Cleared: true}, "漏水报警解除", "water: cleared", ""},
		{"alarm", wearable.SOS{}, "求助", "called for help", "alarm"},
		{"alarm", condition.Fault{Code: "tamper", Cleared: true}, "故障排除：tamper", "fault cleared: tamper", ""},
		{"visit", visit.Visited{By: visit.ByButton}, "有人上门巡访", "a visit", ""},
		{"visit", visit.Visited{By: visit.ByNFC, Caregiver: "zhou"}, "周护理员 上门巡访", "周护理员 visited", ""},
		{"visit", visit.Visited{By: visit.ByNFC, Elder: "gone"}, "巡访 gone", "a visit to gone", ""},
		{"visit", visit.Visited{By: visit.ByNFC, Caregiver: "zhou", Elder: "gone"}, "周护理员 巡访 gone", "周护理员 visited gone", ""},
		{"terminal", terminal.Started{ElderMode: true}, "开始办理，长者模式", "somebody uses it, elder mode", ""},
		{"terminal", terminal.Ended{Result: terminal.Completed}, "办理完成", "done", ""},
		{"terminal", terminal.Ended{Result: terminal.Abandoned}, "中途离开", "left before it was done", ""},
		{"terminal", terminal.Ended{Result: terminal.Failed}, "办理失败", "could not be done", "warn"},
		{"terminal", terminal.Available{}, "暂停使用", "cannot be used", "warn"},
		{"rating", rating.Rated{Service: "1", Level: rating.VeryGood}, "评价：非常满意", "rated: very good", ""},
		{"rating", rating.Rated{Service: "1", Level: rating.VeryBad}, "评价：非常不满意", "rated: very bad", "warn"},
		{"rating", rating.Closed{Service: "1"}, "差评已处理", "a bad rating was looked into", ""},
		{"booking", booking.Created{Booking: "1"}, "有新预约", "booked", ""},
		{"booking", booking.Fulfilled{Booking: "1"}, "预约已履约", "a booking was kept", ""},
		{"booking", booking.NoShow{Booking: "1"}, "预约爽约", "a booking was not kept", ""},
		{"booking", booking.Cancelled{Booking: "1"}, "预约取消", "a booking was cancelled", ""},
		{"booking", booking.Delivered{Contactless: true}, "已送达，无接触", "delivered, without contact", ""},
		{"desk", desk.Served{Way: desk.WayPhone, Count: 3}, "人工服务 3 次，电话", "services given: 3, by telephone", ""},
		{devices.GatewayDevice, desk.Served{Way: desk.WayKey, Facility: "locker-north"}, "人工服务 1 次，钥匙", "services given: 1, by key", ""},
		{"attendance", attendance.Counted{Entries: 3, Exits: 1}, "进 3 人，出 1 人", "3 in, 1 out", ""},
		{"attendance", attendance.Total{Entries: 30, Exits: 10}, "累计进 30 人，出 10 人", "30 in, 10 out in all", ""},
		{"attendance", condition.Opening{Open: true}, "开放", "open", ""},
		{"fitness", fitness.Tested{Test: "balance"}, "完成一次体质监测", "a test was done", ""},
		{"rental", rental.Out{Asset: "chair-3"}, "chair-3 租出", "chair-3 went out", ""},
		{"rental", rental.In{Asset: "chair-3"}, "chair-3 在库", "chair-3 is in", ""},
		{"rental", rental.Available{Asset: "chair-3"}, "chair-3 停租", "chair-3 cannot be rented", ""},
		{"pickup", pickup.Stocked{Compartment: 4}, "4 号格，物品已放入", "compartment 4, item stocked", ""},
		{"pickup", pickup.PickedUp{Compartment: 4}, "4 号格，物品已取走", "compartment 4, item picked up", ""},
		{"pickup", pickup.PickedUp{Compartment: 4, By: locker.ByStaff}, "4 号格，物品已由工作人员取回", "compartment 4, item taken back by staff", ""},
		{"pickup", pickup.Temperature{Celsius: 9, Cold: true}, "温度 9.0 °C，超出冷链温度", "9.0 °C, outside the cold chain", "warn"},
		{"pickup", pickup.Temperature{Celsius: 20}, "温度 20.0 °C", "20.0 °C", ""},
		{"pickup", condition.Humidity{Compartment: 3, Percent: 45.5}, "3 号格，湿度 46%", "compartment 3, humidity 46%", ""},
		{"pickup", locker.Door{Compartment: 4, Open: true}, "4 号格，柜门打开", "compartment 4, door open", ""},
		{"express", express.Deposited{Parcels: 5}, "到件 5 件", "5 parcels came", ""},
		{"express", express.PickedUp{Parcels: 2}, "取件 2 件", "2 parcels picked up", ""},
		{"express", express.PickedUp{Parcels: 2, By: locker.ByCourier}, "快递员取走 2 件", "2 parcels taken on by the courier", ""},
		{"express", express.PickedUp{Parcels: 2, By: locker.ByStaff}, "工作人员清出 2 件", "2 parcels cleared by staff", ""},
	} {
		e, err := devices.New(c.device, c.payload)
		b.must(err)
		people := b.Registry.Snapshot()
		zh, en := view(e, people, texts.Chinese), view(e, people, texts.English)
		if zh.What != c.zh || en.What != c.en || zh.Tone != c.tone {
			t.Errorf("%s of %s: got %q, %q, %q", c.payload.EventType(), c.device, zh.What, en.What, zh.Tone)
		}
		alarming := zh.Glyph == texts.ConsoleGlyphs.Alarm.In(texts.Chinese)
		if zh.Who == "" || zh.Glyph == "" || len(en.Glyph) > 2 || alarming != (c.tone == "alarm") {
			t.Errorf("%s of %s: %+v", c.payload.EventType(), c.device, zh)
		}
	}
}

// Each type of the vocabulary has words of its own.
func TestNoTypeIsWithoutWords(t *testing.T) {
	b := newBox(t)
	b.place()
	for _, k := range kinds.All() {
		for _, s := range k.Specs() {
			e := devices.Event{Device: string(k.Name), Type: s.Type, Data: json.RawMessage(`{"percent":80,"level":3,"service":"1"}`)}
			for _, lang := range []texts.Lang{texts.Chinese, texts.English} {
				v := view(e, b.Registry.Snapshot(), lang)
				if v.What == texts.ConsoleEvents.Other.In(lang, string(s.Type)) || v.Glyph == texts.ConsoleGlyphs.Other.In(lang) {
					t.Errorf("%s of a %s: %q, %q", s.Type, s.Kind, v.Glyph, v.What)
				}
			}
		}
	}
}

// Nor is any that the box journals itself.
func TestNoTypeOfTheBoxIsWithoutWords(t *testing.T) {
	b := newBox(t)
	for _, own := range []devices.Payload{
		alert.Raised{}, alert.Escalated{}, alert.Acknowledged{}, alert.Resolved{}, alert.OnScene{}, alert.Noted{}, alert.HandedOver{}, alert.Found{}, alert.Paged{}, alert.Silenced{},
		journal.Gap{}, journal.Damage{}, usage.Alive{}, usage.Uplink{}, usage.Synced{}, clock.Step{}, registry.Changed{}, desk.Served{}, visit.Visited{},
		command.Asked{}, command.Sent{}, command.Ended{}, devices.Rejected{},
	} {
		e := devices.Event{Device: devices.GatewayDevice, Type: own.EventType(), Data: json.RawMessage(`{"device":"band-01","way":"key","by":"zhou"}`)}
		if v := view(e, b.Registry.Snapshot(), texts.Chinese); v.What == texts.ConsoleEvents.Other.In(texts.Chinese, string(e.Type)) {
			t.Errorf("%s: %q", e.Type, v.What)
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
