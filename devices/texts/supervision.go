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
