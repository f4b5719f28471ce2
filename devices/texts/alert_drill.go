package texts

// AlertDrill is what is said of the daily drill.
var AlertDrill = struct {
	Name, Say, Failed Text
	BadTime           Text

	Command, CommandLong, Passed Text
}{
	Name:    Text{"自检", "Drill"},
	Say:     Text{"这是网关的自检，无须处理。", "This is a drill of the gateway. Nothing has happened, nothing is to be done."},
	Failed:  Text{"自检未通过：%s", "the drill has failed: %s"},
	BadTime: Text{"%q 不是一天里的时刻", "%q is no time of the day"},

	Command:     Text{"现在做一次自检：走完告警全程，不惊动任何人", "a drill, now: the whole way of an alert, and nobody hears of it"},
	CommandLong: Text{"一条标明【测试】的警报走完全程：日志、告警引擎、落盘、每个能静默自检的渠道。至多两分钟；没走完时说明停在哪里，退出码为 1。每天 watch.drill 的自检与此相同。", "An alert that is marked as a test goes the whole way: journal, engine, disk, and each channel that can try itself silently. It takes two minutes at the most; if it does not get through, it says where it has stopped, with exit code 1. The drill of each day (watch.drill) is the same."},
	Passed:      Text{"自检通过，用时 %v。", "The drill went through in %v."},
}
