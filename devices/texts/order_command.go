package texts

// OrderCommand is what "linli device command" says.
var OrderCommand = struct {
	Group, Open, Ring, Notify, Set, List, ByFlag, IDFlag, ValidFlag, Number, Taken, Progress, Failed, Unknown Text
}{
	Group:     Text{"命令设备：开柜、响铃、通知、设置，并等待结果", "ask something of a device, and wait for the outcome"},
	Open:      Text{"打开一个格口的柜门", "open a compartment"},
	Ring:      Text{"让设备响铃", "let the device ring"},
	Notify:    Text{"让设备显示或播报一条消息（默认 coming：有人正在赶来）", "let the device show or sound a message (by default coming: somebody is on the way)"},
	Set:       Text{"设置设备的一个参数", "set a parameter of the device"},
	List:      Text{"列出最近的命令和结果", "list the latest commands and what became of them"},
	ByFlag:    Text{"谁下的命令（照护人员的编号或姓名）", "who asks for it (ID or name of the caregiver)"},
	IDFlag:    Text{"命令编号；同一编号只执行一次（默认自动生成）", "ID of the command; the same is carried out once (made up by default)"},
	ValidFlag: Text{"有效时间，过时不再执行（默认 30s）", "for how long it may be carried out (default 30s)"},
	Number:    Text{"格口号须为数字（得到 %q）", "the compartment must be a number (got %q)"},
	Taken:     Text{"命令 %s：设备 %s，%s", "command %s: device %s, %s"},
	Progress:  Text{"  %s", "  %s"},
	Failed:    Text{"命令 %s 未完成：%v", "command %s failed: %v"},
	Unknown:   Text{"与网关的连接中断，命令 %q 的结果不明：请用 linli device command list 查看", "the connection to the gateway was lost, what became of command %q is not known: see linli device command list"},
}
