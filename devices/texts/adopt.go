package texts

// Adopt is what is said of devices that are not registered yet, and of how
// they become so.
var Adopt = struct {
	Verdict, TooMany Text
}{
	Verdict: Text{"未登记的设备", "unregistered device"},
	TooMany: Text{"忽略和屏蔽的设备至多 %d 台，请先撤销一些", "at most %d devices can be ignored or blocked, take some of these back first"},
}
