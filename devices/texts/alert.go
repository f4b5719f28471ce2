package texts

// Alert is what a caregiver reads in a page and beside an incident.
var Alert = struct {
	SOS, Fall, Smoke, Gas, CarbonMonoxide, Water, Loss Text

	Raised, Acknowledged, Resolved Text

	Real, Accidental, Test, Device, Away Text

	Title, WhereUnknown               Text
	Asked, Fell, Alarms, Lost, TheBox Text
	Waiting, Presses, Again           Text
	FromMemory, Drill, Link           Text

	NobodyReachable, NoChannel Text

	UnknownIncident, Closed, NotKept, Cause, By Text

	NoURL, Scheme, Host Text

	Key Text
}{
	Key: Text{"网关旁的钥匙", "the key at the box"},

	SOS:            Text{"紧急求助", "SOS"},
	Fall:           Text{"疑似跌倒", "Fall suspected"},
	Smoke:          Text{"烟雾报警", "Smoke"},
	Gas:            Text{"燃气报警", "Gas"},
	CarbonMonoxide: Text{"一氧化碳报警", "Carbon monoxide"},
	Water:          Text{"漏水报警", "Water leak"},
	Loss:           Text{"数据丢失", "Data lost"},

	Raised:       Text{"待响应", "nobody has answered"},
	Acknowledged: Text{"已有人响应", "acknowledged"},
	Resolved:     Text{"已结束", "resolved"},

	Real:       Text{"真实求助", "real"},
	Accidental: Text{"误触", "accidental"},
	Test:       Text{"测试", "test"},
	Device:     Text{"设备故障", "device fault"},
	Away:       Text{"人已外出", "away"},

	Title:        Text{"【%v】%s", "[%v] %s"},
	WhereUnknown: Text{"位置未登记（设备 %s）", "place not registered (device %s)"},
	Asked:        Text{"有人按下求助按钮，请立即前往，并确认“我来处理”。", "Somebody pressed for help. Go there now, and say \"I have it\"."},
	Fell:         Text{"设备检测到跌倒，请立即前往，并确认“我来处理”。", "A device believes that somebody fell. Go there now, and say \"I have it\"."},
	Alarms:       Text{"探测器正在报警，请立即前往查看，必要时拨打 119，并确认“我来处理”。", "A detector alarms. Go there now, call the fire brigade if need be, and say \"I have it\"."},
	Lost:         Text{"网关的存储不足或损坏，部分已记录的事件丢失。呼救不受影响。请检查存储卡和剩余空间：linli status", "The gateway's disk is too small or damaged, and some recorded events are lost. Calls for help go on. Check the card and the space left: linli status"},
	TheBox:       Text{"社区网关", "the community's gateway"},
	Waiting:      Text{"已等待 %d 分钟，尚无人响应。", "Waiting for %d min, nobody has answered yet."},
	Presses:      Text{"共按下 %d 次。", "Pressed %d times."},
	Again:        Text{"确认之后再次求助。", "Called again after it was acknowledged."},
	FromMemory:   Text{"（存储异常，由内存直接发出）", "(sent from memory: the box cannot write in time)"},
	Drill:        Text{"【测试】", "[TEST] "},
	Link:         Text{"确认：%s", "Acknowledge: %s"},

	NobodyReachable: Text{"没有任何照护人员可以收到呼叫：请登记照护人员及其可用的联系方式（网页“设备”中的“批量登记”，或 linli caregiver add）。", "No caregiver can be reached: register caregivers with a channel that works (on the page under Devices, Register many at once; or linli caregiver add)."},
	NoChannel:       Text{"照护人员 %s 没有可用的联系方式。", "Caregiver %s has no channel that works."},

	UnknownIncident: Text{"没有编号为 %s 的警报，请用 linli incident list 核对", "there is no incident %s, see linli incident list"},
	Closed:          Text{"事件 %s 已经结束。", "incident %s is already resolved"},
	NotKept:         Text{"呼叫已停止，但未能写入存储：%v。网关重启后可能再次呼叫。", "the paging has stopped, but this could not be written: %v. It may begin again after a restart"},
	Cause:           Text{"cause：须为 real、accidental、test、device 或 away（现为 %.40q）", "cause: must be real, accidental, test, device or away (got %.40q)"},
	By:              Text{"by：须写明是谁，至多 %d 个字符", "by: must say who, in at most %d characters"},

	NoURL:  Text{"不是网址", "not a URL"},
	Scheme: Text{"网址须以 http:// 或 https:// 开头（现为 %.20q）", "the URL must begin with http:// or https:// (got %.20q)"},
	Host:   Text{"网址缺少主机名", "the URL has no host"},
}
