package texts

// AlertSilence is about silences, maintenance and tests.
var AlertSilence = struct {
	Mode, Minutes, Scope, NoKind Text

	Silence, Maintenance, Test Text
}{
	Mode:    Text{"mode：须为 silence、maintenance 或 test（现为 %.40q）", "mode: must be silence, maintenance or test (got %.40q)"},
	Minutes: Text{"minutes：须为 1 至 %d 分钟，0 为立即结束（现为 %d）", "minutes: must be 1 to %d, or 0 to end it (got %d)"},
	Scope:   Text{"scope：须为 all、elder/编号、device/编号或 kind/类型（现为 %.80q）", "scope: must be all, elder/ID, device/ID or kind/KIND (got %.80q)"},
	NoKind:  Text{"没有 %.80q 这种警报；有：%v", "there are no incidents of the kind %.80q; there are: %v"},

	Silence:     Text{"静默", "silence"},
	Maintenance: Text{"维护模式", "maintenance"},
	Test:        Text{"测试模式", "test mode"},
}
