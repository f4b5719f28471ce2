package texts

// AlertStranger is what a caregiver reads when a device calls for help that
// nobody has registered.
var AlertStranger = struct {
	Name, Say, SayMany, What, Where, WhereModel, Many Text
}{
	Name: Text{"未登记设备求助", "A device that is not registered calls for help"},
	Say: Text{"没有登记这是谁的设备。请确认“我来处理”，问清是谁的，并在页面“设备”中认领它；不需要的请忽略。",
		"Nobody has registered whose it is. Say \"I have it\", find out whose it is, and adopt it on the page under Devices; ignore it if it does not concern you."},
	SayMany: Text{"许多未登记的设备同时在求助，无法逐一呼叫。请确认“我来处理”，并在页面“设备”中逐一认领或忽略。",
		"So many devices that nobody has registered call for help that they are not called for one by one. Say \"I have it\", and adopt or ignore them on the page under Devices."},
	What:       Text{"它报告：%v", "It reports: %v"},
	Where:      Text{"设备 %s", "device %s"},
	WhereModel: Text{"设备 %s（%s）", "device %s (%s)"},
	Many:       Text{"多台设备", "many devices"},
}
