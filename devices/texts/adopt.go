package texts

// Adopt is what is said of devices that are not registered yet, and of how
// they become so.
var Adopt = struct {
	Verdict, TooMany, NotInInbox, KindMissing, OwnID, Taken, ReplaceNative, ReplaceBehind, IsBlocked, NoLogin, RetiredLogin, KeepID Text
}{
	Verdict:       Text{"未登记的设备", "unregistered device"},
	TooMany:       Text{"忽略和屏蔽的设备至多 %d 台，请先撤销一些", "at most %d devices can be ignored or blocked, take some of these back first"},
	NotInInbox:    Text{"待接入的设备中没有 %q，请用 linli device list --unknown 核对", "no unregistered device is called %q, look at linli device list --unknown"},
	KindMissing:   Text{"kind：看不出 %q 是哪种设备，请注明种类", "kind: nothing tells what %q is, say its kind"},
	OwnID:         Text{"id：此设备自称 %q，编号不能另取（现为 %q）；名称可以另取", "id: the device calls itself %q and cannot have another ID (got %q); it can have any name"},
	Taken:         Text{"id：已登记，请另取编号，或用 linli device replace 更换坏设备", "id: is registered already, choose another, or replace a broken device with linli device replace"},
	ReplaceNative: Text{"%[1]q 直接登录：请运行 linli device replace %[2]s，把新密码和编号 %[2]s 填进新设备", "%[1]q logs in by itself: run linli device replace %[2]s and put the new secret and the ID %[2]s into the new device"},
	ReplaceBehind: Text{"设备接在网桥 %q 之后，请用 --with 注明新设备", "it is behind bridge %q, name the new device with --with"},
	IsBlocked:     Text{"此设备已被屏蔽，请先撤销：linli device undo %s，或在网页的“设备”中撤销", "it is blocked, take that back first: linli device undo %s, or on the page under Devices"},
	NoLogin:       Text{"设备接在网桥 %q 之后，由网桥登录，自己没有密码", "it is behind bridge %q, which logs in for it: it has no login of its own"},
	RetiredLogin:  Text{"设备已停用，不能登录；请先运行 linli device retire %s --undo", "it is retired and may not log in; run linli device retire %s --undo first"},
	KeepID:        Text{"id：编号不能更改，历史记录都在它名下；请改名称", "id: cannot be changed, the history is kept under it; change the name instead"},
}
