package texts

// Order is what is said of commands to devices: why one is refused, what it
// asks for, and what has become of it.
var Order = struct {
	ID, By, Compartment, Message, Name, Value, Action, Valid Text

	Unknown, Retired, Kind, Make, Offline, BridgeOffline, NoBridge, TooFar, NotIts, Busy, TooMany, Same, NotKept, NoCommand, Address Text

	Open, Ring, Notify, Set                Text
	Asked, Sent, Done, Failed              Text
	ByDevice, ByDoor, ByNobody             Text
	Expired, NoAnswer, Stopped, OtherFault Text
	EventAsked, EventSent, EventDone, EventFailed,
	WithCompartment, AnswerDone, AnswerFailed Text
}{
	ID:          Text{"id：须为 1 至 64 个 a-z、0-9、“-”、“_”或“.”", "id: must be 1 to 64 of a-z, 0-9, '-', '_' and '.'"},
	By:          Text{"by：请写明是谁下的命令（1 至 %d 个字符）", "by: say who asks for it (1 to %d characters)"},
	Compartment: Text{"compartment：请写明格口号，1 至 9999（现为 %d）", "compartment: give its number, 1 to 9999 (got %d)"},
	Message:     Text{"message：须为代码，例如 coming（有人正在赶来）", "message: must be a code, for instance coming (somebody is on the way)"},
	Name:        Text{"name：须为设备参数的名称，1 至 64 个字母、数字、“-”、“_”或“.”", "name: must be that of a parameter, 1 to 64 letters, digits, '-', '_' and '.'"},
	Value:       Text{"value：须为至多 %d 字节的文字、数字或 true/false", "value: must be a text, a number, true or false of at most %d bytes"},
	Action:      Text{"action：没有 %.80q 这个命令（可用：%s）", "action: there is no %.80q (there are: %s)"},
	Valid:       Text{"valid：须为 %s 至 %s（现为 %s）", "valid: must be %s to %s (got %s)"},

	Unknown:       Text{"设备 %q 没有登记，请核对编号", "device %q is not registered, check the ID"},
	Retired:       Text{"设备 %q 已停用，不再接受命令", "device %q is retired and takes no commands"},
	Kind:          Text{"设备 %q（%v）不能%v", "device %q (%v) cannot be asked to %v"},
	Make:          Text{"设备 %q 所在的网桥（%v）没有%v的报文：见 deploy/docs/profiles.md 的 outgoing", "the bridge of device %q (%v) has no message to %v: see outgoing in deploy/docs/profiles.md"},
	Offline:       Text{"设备 %q 离线，命令没有发出；请待它上线后再试", "device %q is offline, nothing was sent; try again when it is back"},
	BridgeOffline: Text{"设备 %q 的网桥 %q 离线，命令没有发出；请待它上线后再试", "device %q: its bridge %q is offline, nothing was sent; try again when it is back"},
	NoBridge:      Text{"设备 %q 的网桥没有登记或已停用，请先登记", "the bridge of device %q is not registered, or retired: register it first"},
	TooFar:        Text{"compartment：设备 %q 只有 %d 个格口（现为 %d）", "compartment: device %q has %d only (got %d)"},
	NotIts:        Text{"compartment：设备 %q 只管第 %d 格（现为 %d）", "compartment: device %q is for compartment %d only (got %d)"},
	Busy:          Text{"命令 %s 尚未结束，请等它的结果", "command %s for the same is still under way, wait for its outcome"},
	TooMany:       Text{"未结束的命令已有 %d 个，请稍后再试", "%d commands are under way already, try again later"},
	Same:          Text{"id：%q 已用于另一个命令，请另取", "id: %q was used for another command, choose another"},
	NotKept:       Text{"命令没有写入磁盘，也没有发出：%v", "the command could not be kept and was not sent: %v"},
	NoCommand:     Text{"没有编号为 %.80q 的命令，或已过去太久", "there is no command %.80q, or it was too long ago"},
	Address:       Text{"address：%.80q 不能用在报文的主题里，请更正设备的地址", "address: %.80q cannot stand in the message's topic, correct the device's address"},

	Open:   Text{"打开柜门", "open a compartment"},
	Ring:   Text{"响铃", "ring"},
	Notify: Text{"显示或播报消息", "show or sound a message"},
	Set:    Text{"设置参数", "set a parameter"},

	Asked:  Text{"已记录，等待发出", "kept, waiting to be sent"},
	Sent:   Text{"已发出，等待设备确认", "sent, waiting for the device"},
	Done:   Text{"已完成（%v）", "done (%v)"},
	Failed: Text{"未完成：%v", "failed: %v"},

	ByDevice: Text{"设备已确认", "the device has confirmed it"},
	ByDoor:   Text{"柜门已打开", "the door was seen to open"},
	ByNobody: Text{"已交给设备；该设备不回报结果", "handed over; such a device does not answer"},

	Expired:    Text{"已过期，没有发出", "it expired and was not sent"},
	NoAnswer:   Text{"设备没有回应，可能已执行，请到现场查看", "the device has not answered; it may have done it, so look"},
	Stopped:    Text{"无法写入磁盘，没有发出", "it could not be kept and was not sent"},
	OtherFault: Text{"设备回报 %s", "the device reports %s"},

	EventAsked:      Text{"%s 要求%v", "%s asks it to %v"},
	EventSent:       Text{"命令已发出", "a command was sent"},
	EventDone:       Text{"%v：%v", "%v: %v"},
	EventFailed:     Text{"%v：未完成，%v", "%v: failed, %v"},
	WithCompartment: Text{"%v（%d 号格）", "%v (compartment %d)"},
	AnswerDone:      Text{"回报：命令已执行", "answers: the command is carried out"},
	AnswerFailed:    Text{"回报：命令未执行（%s）", "answers: the command is not carried out (%s)"},
}
