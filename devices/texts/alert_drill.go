package texts

// AlertDrill is what is said of the daily drill.
var AlertDrill = struct {
	Name, Say, Failed Text
	BadTime           Text
}{
	Name:    Text{"自检", "Drill"},
	Say:     Text{"这是网关的自检，无须处理。", "This is a drill of the gateway. Nothing has happened, nothing is to be done."},
	Failed:  Text{"每日自检未通过：%s", "the daily drill has failed: %s"},
	BadTime: Text{"%q 不是一天里的时刻", "%q is no time of the day"},
}
