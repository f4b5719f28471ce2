package texts

// Findings say what the gateway has found out about a device, by the type of
// the event.
var Findings = map[string]FindingText{
	"device.silent":      {Text{"没有音信", "silent"}, Text{"恢复音信", "heard again"}},
	"device.battery_low": {Text{"电池需要更换或充电", "the battery has to be changed or charged"}, Text{"电池恢复正常", "the battery is good again"}},
	"device.not_worn":    {Text{"没有人佩戴", "nobody wears it"}, Text{"重新佩戴", "worn again"}},
	"device.clock_wrong": {Text{"时钟不准", "its clock is wrong"}, Text{"时钟恢复正常", "its clock is right again"}},
	"device.tampered":    {Text{"被打开或移动", "opened or moved by somebody"}, Text{"不再处于被拆动状态", "no longer open or moved"}},
}

// FindingText is how a finding is told when it begins and when it is over.
type FindingText struct{ Begun, Cleared Text }

// Supervision is what people read of how their devices are.
var Supervision = struct {
	Interval, BadInterval, Set, SetLong, Flag Text
	Heard, Never, Fine, Count, Warn           Text
}{
	Interval:    Text{"interval_seconds：须为 60 至 2678400 秒，即 1 分钟至 31 天（现为 %d）", "interval_seconds: must be 60 to 2678400, a minute to 31 days (got %d)"},
	BadInterval: Text{"时长须为整秒，例如 90m、12h（得到 %v）", "the duration must be of whole seconds, for instance 90m or 12h (got %v)"},
	Flag:        Text{"一切正常时至少多久说一次话，例如 12h；不写则按种类", "within which time it says something if all is well, for instance 12h; by its kind if not given"},
	Set:         Text{"设定设备多久至少上报一次", "say how often a device says something at least"},
	SetLong:     Text{"设备正常时多久至少上报一次；超过这段时间没有音信，就提醒照护人员。1 分钟至 31 天，0 表示按种类的惯例。", "Within which time a device says something if all is well; silent for longer, people are told. A minute to 31 days, 0 for what is usual for its kind."},
	Heard:       Text{"%s 前", "%s ago"},
	Never:       Text{"从未", "never"},
	Fine:        Text{"正常", "fine"},
	Warn:        Text{"%v（%d 台）：%s", "%v (%d): %s"},
	Count:       Text{"！%v：%d 台", "! %v: %d devices"},
}
