package discovery

import (
	"strings"
	"testing"
)

// names are what makers call each meaning, and words beside which it is not
// meant.
var names = map[Meaning]struct{ names, not string }{
	BatteryLow:     {"battery_low lowBattery BATT_LOW 电量低 低电量", "enable enabled threshold mode"},
	Tamper:         {"tamper tampered_2 dismantle anti_disassembly 防拆 防拆除", ""},
	SOS:            {"sos SOS_1 panic emergency help pull_cord pullcord qiu_zhu qiuzhu hu_jiao 求助 呼救 紧急按钮 一键呼叫 卫生间拉绳", "heating battery light overcurrent overheat overvoltage undervoltage recovery shutoff load"},
	Fall:           {"fall falling fallen falls tumble die_dao diedao 跌倒 摔倒检测", "battery rise rising"},
	CarbonMonoxide: {"carbon_monoxide co co_alarm coState co_detected 一氧化碳", "battery"},
	Smoke:          {"smoke fire 烟雾 烟感 火警", "battery"},
	Gas:            {"gas methane lpg 燃气 天然气 煤气", "battery consumption meter"},
	Water:          {"water_leak waterLeakage leak_1 flood moisture 漏水 水浸 water_alarm water_warning water_sensor water_detected", "current breaker protection battery power"},
	Vibration:      {"vibration vibrating shock 震动 振动", "battery"},
	Contact:        {"contact contact_2 door_state doorOpen door reed 门磁 柜门 门", "battery lock unlock bell doorbell relay output 门铃 门锁"},
	Occupancy:      {"occupancy occupied presence motion human pir bed_occupied you_ren youren 有人 人体 存在", "battery neutral light external illuminance"},
}

// withAll are words beside which none of them is meant: what is set, or
// measured beside it.
const withAll = "enable enabled disable sensitivity switch test mode duration timeout delay interval time count counter counts last changed " +
	"level volume melody ringtone threshold limit value concentration density unit distance range speed direction settings config " +
	"calibration silence silenced mute muted indicator led valve setpoint event control type min max siren reset schedule clicks supported " +
	"电池 电量 信号 灵敏度 温度 湿度 开关 设置"

// What a value is called says what it means, unless another word beside it says
// that it is only about that.
func TestMeaningOfNames(t *testing.T) {
	for meaning, c := range names {
		for i, name := range strings.Fields(c.names) {
			if got := meaningOf(name); got != meaning {
				t.Errorf("%s means %q, want %s", name, got, meaning)
			}
			if i > 0 {
				continue
			}
			not := c.not
			if meaning != BatteryLow {
				not += " " + withAll
			}
			for _, word := range strings.Fields(not) {
				if got := meaningOf(name + "_" + word); got == meaning {
					t.Errorf("%s_%s means %s", name, word, got)
				}
			}
		}
	}
	for _, name := range []string{"co2", "helper", "indoor", "water_temp", "water_shortage", "water_alarm_temperature", "shocking", "", "_", "2"} {
		if got := meaningOf(name); got != "" {
			t.Errorf("%s means %s", name, got)
		}
	}
}
