package texts

// ProfileTool is what "linli profile" and "linli capture" say.
var ProfileTool = struct {
	Group, Test, TestLong, KindFlag, CompartmentFlag, RetainedFlag, SetFlag, BadSet, NoFile, NoKind Text
	UnknownTopic, Address, NoAddress, OwnAffair, Describes, Described, ComplaintOf                  Text
	Kind, Event, Begins, Over, Broken, Rejected, Nothing, NothingRetained                           Text

	Capture, CaptureLong, ForFlag, AddressFlag, Capturing, Heard, Wrote, Lost, NoneHeard, Exists, Skipped Text
}{
	Group: Text{"设备配置（profile）：试用", "device profiles: try them"},
	Test:  Text{"试用一个配置：某主题上的报文会产生哪些事件", "try a profile: which events come of a message on a topic"},
	TestLong: Text{
		"试用一个配置：某主题上的报文会产生哪些事件，或者配置哪里有误（行、列、改法）。不需要网关在运行，也不改变任何东西。\nFILE 是配置文件，或随程序提供的配置名称；PAYLOAD 是报文，@文件 表示取文件内容，- 表示取标准输入。",
		"Try a profile: which events come of a message on a topic, or what is wrong with the profile (line, column, mend). It needs no running gateway and changes nothing.\nFILE is a file, or the name of a shipped profile; PAYLOAD is the message, @FILE takes it from a file, - from standard input."},
	KindFlag:        Text{"只按这一种设备试用（默认：配置涉及的每一种）", "only as this kind of device (by default as each that the profile has rules for)"},
	CompartmentFlag: Text{"传感器所在的格口号", "the compartment that the sensor watches"},
	RetainedFlag:    Text{"当作服务器保留的报文", "as a message that the broker kept"},
	SetFlag:         Text{"网关的设置，名称=值（可多次给出）", "a setting of the bridge, NAME=VALUE (may be repeated)"},
	BadSet:          Text{"--set：要写成 名称=值，例如 base=east（得到 %q）", "--set: must be NAME=VALUE, for instance base=east (got %q)"},
	NoFile:          Text{"读不到配置 %s：%v（随程序提供的有：%s）", "cannot read the profile %s: %v (shipped are: %s)"},
	NoKind:          Text{"--kind：没有 %q 这一种设备（可用：%s）", "--kind: there is no kind of device %q (there are: %s)"},
	UnknownTopic:    Text{"配置没有为主题 %q 写 messages；它认得的主题：\n  %s", "the profile has no message for the topic %q; it knows:\n  %s"},
	Address:         Text{"地址：%s", "address: %s"},
	NoAddress:       Text{"地址：报文里没有，不产生事件", "address: the message has none, so nothing comes of it"},
	OwnAffair:       Text{"这是网关自己的报文，不产生事件", "the bridge's own affair, nothing comes of it"},
	Describes:       Text{"这是设备的自描述（%s）：%d 台设备", "devices describe themselves (%s): %d"},
	Described:       Text{"  %s（%s）：建议种类 %s；%s", "  %s (%s): suggested kind %s; %s"},
	ComplaintOf:     Text{"  有误：%v", "  wrong: %v"},
	Kind:            Text{"%s（%v）：", "%s (%v):"},
	Event:           Text{"  规则 %s（第 %d 行）：%s %s%s", "  rule %s (line %d): %s %s%s"},
	Begins:          Text{"，状态开始时计一次", ", counts when it begins"},
	Over:            Text{"，状态结束，不计", ", it is over and does not count"},
	Broken:          Text{"  规则 %s（第 %d 行）有误：%v", "  rule %s (line %d) fails: %v"},
	Rejected:        Text{"  规则 %s（第 %d 行）会被拒：%v", "  rule %s (line %d) would be rejected: %v"},
	Nothing:         Text{"没有规则适用，不产生事件", "no rule applies, nothing comes of it"},
	NothingRetained: Text{"没有规则适用：这是保留报文，只有写明 retained: true 的规则才看", "no rule applies: only rules with retained: true look at a message that the broker kept"},

	Capture: Text{"记录网桥的实时报文，存为配置的测试用例", "record what bridges send as test cases of their profiles"},
	CaptureLong: Text{
		"从运行中的网关记录网桥的实时报文，每台设备存为 DIR 下的一个测试用例文件夹（case.json、报文、events.json），形式与 firmware-config/profiles/testcases 相同。\n个人信息在写入前遮盖：设备名称、中文、电话、证件号、邮箱、网络地址、坐标。events.json 是当前配置的结果，请核对。按 Ctrl-C 结束。",
		"Record what bridges send from the running gateway, each device as a folder of a test case below DIR (case.json, payloads, events.json), in the form of firmware-config/profiles/testcases.\nPersonal data is masked before it is written: names of devices, Chinese text, telephone and identity numbers, mail and network addresses, coordinates. events.json is what the profile makes of it today: check it. Ctrl-C ends it."},
	ForFlag:     Text{"记录多久（默认到按 Ctrl-C 为止）", "for how long (by default until Ctrl-C)"},
	AddressFlag: Text{"只记录这个地址的设备", "only the device of this address"},
	Capturing:   Text{"正在记录，按 Ctrl-C 结束……", "recording, Ctrl-C ends it …"},
	Heard:       Text{"  %s", "  %s"},
	Wrote:       Text{"%s：%d 条报文，%d 个事件", "%s: %d messages, %d events"},
	Lost:        Text{"！有 %d 条报文来得太快，没有记录", "! %d messages came too fast and were not recorded"},
	NoneHeard:   Text{"没有收到网桥的报文", "no bridge has sent anything"},
	Exists:      Text{"%s 已存在：请换一个文件夹", "%s exists already: take another folder"},
	Skipped:     Text{"！有 %d 条报文超出用例的限度（%d 台设备、每台 %d 条、每条 %d 字节），没有写入", "! %d messages over the limits of test cases (%d devices, %d messages each, %d bytes) were not written"},
}
