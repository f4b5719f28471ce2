package discovery

import (
	"slices"
	"strings"
	"unicode"
)

// Meaning is what a value of a device says, whatever the device calls it.
type Meaning string

// The meanings that are recognised.
const (
	SOS            Meaning = "sos"
	Fall           Meaning = "fall"
	Press          Meaning = "press" // of a button that does not say what for
	Smoke          Meaning = "smoke"
	Gas            Meaning = "gas"
	CarbonMonoxide Meaning = "carbon_monoxide"
	Water          Meaning = "water"
	Contact        Meaning = "contact"   // of a door or window: whether it is open
	Occupancy      Meaning = "occupancy" // whether somebody is there
	Vibration      Meaning = "vibration"
	Tamper         Meaning = "tamper"
	BatteryLow     Meaning = "battery_low"
	Battery        Meaning = "battery"     // in percent
	Temperature    Meaning = "temperature" // of the place, in degrees Celsius
	Online         Meaning = "online"
)

// sense is what words in a name mean. Of the names that a maker gives, each
// must have all words of one of needs, and none of not.
type sense struct {
	meaning Meaning
	needs   []string // words separated by blanks
	not     string
}

// settings are words of what somebody may set, or of what is measured beside
// a condition, and never of the condition itself.
const settings = "enable enabled disable sensitivity switch test mode duration timeout delay interval time count counter counts last changed " +
	"level volume melody ringtone threshold limit value concentration density unit distance range speed direction settings config " +
	"calibration silence silenced mute muted indicator led valve setpoint event control type min max siren reset schedule clicks supported " +
	"电池 电量 信号 灵敏度 温度 湿度 开关 设置"

// electric are words of the other kind of leak.
const electric = "current breaker protection battery power"

// senses are tried in order: what calls for help comes first.
var senses = []sense{
	{BatteryLow, []string{"battery low", "low battery", "batt low", "电量低", "低电量"}, "enable enabled threshold mode"},
	{Tamper, []string{"tamper", "tampered", "dismantle", "anti disassembly", "防拆", "拆除"}, settings},
	{SOS, []string{"sos", "panic", "emergency", "help", "pull cord", "pullcord", "qiu zhu", "qiuzhu", "hu jiao", "求助", "呼救", "紧急", "呼叫", "拉绳"},
		settings + " heating battery light overcurrent overheat overvoltage undervoltage recovery shutoff load"},
	{Fall, []string{"fall", "falling", "fallen", "falls", "tumble", "die dao", "diedao", "跌倒", "摔倒"}, settings + " battery rise rising"},
	{CarbonMonoxide, []string{"carbon monoxide", "co alarm", "co state", "co detected", "co", "一氧化碳"}, settings + " battery"},
	{Smoke, []string{"smoke", "fire", "烟雾", "烟感", "火警"}, settings + " battery"},
	{Gas, []string{"gas", "methane", "lpg", "燃气", "天然气", "煤气"}, settings + " battery consumption meter"},
	{Water, []string{"water leak", "water leakage", "leak", "flood", "moisture", "漏水", "水浸"}, settings + " " + electric},
	{Water, []string{"water alarm", "water warning", "water sensor", "water detected"}, settings + " " + electric + " temp temperature shortage"},
	{Vibration, []string{"vibration", "vibrating", "shock", "震动", "振动"}, settings + " battery"},
	{Contact, []string{"contact", "door state", "door open", "door", "reed", "门磁", "柜门", "门"}, settings + " battery lock unlock bell doorbell relay output 门铃 门锁"},
	{Occupancy, []string{"occupancy", "occupied", "presence", "motion", "human", "pir", "bed occupied", "you ren", "youren", "有人", "人体", "存在"},
		settings + " battery neutral light external illuminance"},
}

// meaningOf is what a name means, "" if nothing that is known.
func meaningOf(name string) Meaning {
	words := split(name)
	for _, s := range senses {
		if containsAny(words, s.not) {
			continue
		}
		for _, need := range s.needs {
			if containsAll(words, need) {
				return s.meaning
			}
		}
	}
	return ""
}

// split makes words of a name: water_leak_1, waterLeak, "Water leak", without
// their numbers, but co2 is not co. A text that is not written in ASCII is one
// word, in which another may stand.
func split(name string) []string {
	var b strings.Builder
	before := ' '
	for _, r := range name {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			b.WriteByte(' ')
		}
		before = r
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			r = ' '
		}
		b.WriteRune(unicode.ToLower(r))
	}
	words := strings.Fields(b.String())
	for i, w := range words {
		if bare := strings.TrimRight(w, "0123456789"); len(bare) > 2 {
			words[i] = bare
		}
	}
	return words
}

func contains(words []string, word string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return w == word || word[0] >= 0x80 && strings.Contains(w, word) })
}

func containsAll(words []string, needs string) bool {
	for need := range strings.FieldsSeq(needs) {
		if !contains(words, need) {
			return false
		}
	}
	return true
}

func containsAny(words []string, some string) bool {
	for word := range strings.FieldsSeq(some) {
		if contains(words, word) {
			return true
		}
	}
	return false
}

// Words of values: what says that a condition holds, that it does not, that
// it is only suspected (which is not yet the condition), and that nothing is
// known.
const (
	holds     = "alarm alarmed alarming yes true on detected active leak triggered open opened wet present motion fire warning critical"
	denies    = "none normal no not false off clear cleared undetected"
	clears    = "ok idle safe dry inactive close closed shut absent unoccupied empty vacant standby"
	suspected = "pre prealarm maybe possible suspected early low posture"
	unknown   = "unknown undefined detecting test fault error self unspecified jammed silenced"
)

// verdictOf is what one value of a list says of a condition by that name: 1
// that it holds, -1 that it does not, 0 nothing.
func verdictOf(m Meaning, value string) int {
	words := split(value)
	switch {
	case len(words) == 0 || containsAny(words, unknown):
		return 0
	case m == Contact && (contains(words, "tilted") || contains(words, "quarantine")):
		return 1
	case containsAny(words, denies), containsAny(words, clears) && (m == Contact || meaningOf(value) != m):
		return -1
	case m == Occupancy: // small, static, sitting: whatever somebody may do
		return 1
	case containsAny(words, suspected), m == Fall && contains(words, "warning"):
		return -1
	case containsAny(words, holds), meaningOf(value) == m:
		return 1
	}
	return -1
}

// verdictAmong is verdictOf for one of many conditions of a list: an alarm is
// this one only if it says so.
func verdictAmong(m Meaning, value string) int {
	v := verdictOf(m, value)
	if v > 0 && m != Occupancy && meaningOf(value) != m {
		return -1
	}
	return v
}

// pressOf is what an action of a button means: a call for help by its name, a
// press, or "" for what is none: letting go, and arming an alarm.
func pressOf(action string) Meaning {
	words := split(action)
	switch {
	case containsAny(words, "release released releasing"):
		return ""
	case containsAny(words, "sos panic emergency help 求助 紧急"):
		return SOS
	case containsAny(words, presses):
		return Press
	case containsAny(words, "vibration vibrate shock"):
		return Vibration
	}
	return ""
}

const presses = "single double triple quadruple quintuple many hold long short click clicked press pressed push pushed tap tapped on toggle button trigger 单击 双击 长按 按下"
