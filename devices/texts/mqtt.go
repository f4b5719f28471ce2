package texts

// MQTT is what "linli mqtt" says.
var MQTT = struct {
	Group, Clients, Watch, WatchLong, Columns, Connected, Away, None, Missed, Binary, BadFilter, NotHere Text
}{
	Group:   Text{"查看内置消息代理", "look into the embedded broker"},
	Clients: Text{"列出会话：已连接的和保留着的", "list the sessions, connected or kept"},
	Watch:   Text{"实时显示某个主题上的消息", "show the messages of a topic as they come"},
	WatchLong: Text{"实时显示发布到某个主题的消息，直到按 Ctrl-C。主题可以带通配符（+ 和 #），记得加引号。\n显示的是已经落盘或已经转发的消息；消息里可能有个人信息。",
		"Shows what is published on a topic until Ctrl-C. The topic may have wildcards (+ and #); quote it.\nWhat is shown has been kept or passed on. It may hold personal data."},
	Columns:   Text{"账号\t客户端\t状态\t自\t入口\t协议\t未确认\t排队\t订阅", "ACCOUNT\tCLIENT\tSTATE\tSINCE\tLISTENER\tVERSION\tUNSETTLED\tQUEUED\tSUBSCRIPTIONS"},
	Connected: Text{"已连接", "connected"},
	Away:      Text{"离线，会话保留", "away, kept"},
	None:      Text{"没有任何会话", "there is no session"},
	Missed:    Text{"（显示不过来，略过 %d 条）", "(too many to show: %d left out)"},
	Binary:    Text{"（%d 字节，不是文本）", "(%d bytes, no text)"},
	BadFilter: Text{"%q 不是主题过滤器：例如 linli/v1/+/event 或 \"zigbee2mqtt/#\"", "%q is no topic filter: write for example linli/v1/+/event or \"zigbee2mqtt/#\""},
	NotHere:   Text{"本盒子使用外部消息代理（mqtt.broker）：请到那个代理上查看", "this box uses an external broker (mqtt.broker): look there"},
}
