package texts

// Command is what the command line says.
var Command = struct {
	Root, RootLong, Usage, Commands, Flags, GlobalFlags, Examples, MoreHelp, HelpFlag, FlagDefault, HelpCommand, Aliases,
	UnknownCommand, UnknownFlag, WrongArgs, FlagValue, FlagWithout, MissingFlag, NoFile,
	Run, Check, CheckOK, Demo, Version, VersionLine, ConfigFlag,
	Login, LoginLong, LoginURL, Status, SpeedFlag, ListenFlag,
	Device, DeviceAdd, DeviceList, DeviceCredentials, DeviceRemove, DeviceSecret, DeviceAdded,
	Facility, FacilityAdd, FacilityList, Elder, ElderAdd, ElderList, Caregiver, CaregiverAdd, CaregiverList, Saved, Removed,
	KindFlag, NameFlag, FacilityFlag, ElderFlag, CompartmentsFlag, CompartmentFlag, BridgeFlag, AddressFlag, ProfileFlag,
	BuildingFlag, RoomFlag, CaregiversFlag, ChannelFlag, BadChannel,
	RegionFlag, OperatorFlag,
	Incident, IncidentList, IncidentAcknowledge, IncidentResolve, ByFlag, CauseFlag, NoIncidents, Acknowledged, Resolved,
	Journal, JournalStat, LinesFlag,
	NotRunning, NoRights, NoDataRights, SocketFailed Text
	// What an option takes, by the name that pflag gives it ("" for a switch):
	// in an error, and in the help.
	FlagTypes, FlagValues map[string]Text
}{
	Root: Text{"邻里社区智慧生活网关", "Linli, the community smart-life gateway"},
	RootLong: Text{`邻里（Linli）社区智慧生活网关：收集智能快递柜、取餐柜和老人穿戴设备的事件，
逐条落盘，提醒照护人员，并向省级平台报送设施使用统计。

先试一试：linli demo`, `Linli, the community smart-life gateway: collects what happens at parcel lockers,
meal cabinets and elders' wearables, keeps every event on disk, alerts caregivers,
and reports how the facilities are used to the provincial platform.

To see it work: linli demo`},
	Usage:          Text{"用法：", "Usage:"},
	Commands:       Text{"命令：", "Commands:"},
	Flags:          Text{"选项：", "Options:"},
	GlobalFlags:    Text{"通用选项：", "Global options:"},
	Examples:       Text{"示例：", "Examples:"},
	Aliases:        Text{"别名：", "Aliases:"},
	MoreHelp:       Text{"查看某个命令的说明：%s", "More about a command: %s"},
	FlagDefault:    Text{"（默认 %s）", " (default %s)"},
	HelpFlag:       Text{"显示说明", "show this help"},
	HelpCommand:    Text{"显示某个命令的说明", "help about a command"},
	UnknownCommand: Text{"没有“%s”这个命令。运行 %s --help 查看全部命令", "there is no command \"%s\". Run %s --help to see all"},
	UnknownFlag:    Text{"没有 --%s 这个选项。运行 %s --help 查看全部选项", "there is no option --%s. Run %s --help to see all"},
	WrongArgs:      Text{"参数个数不对。用法：%s", "wrong number of arguments. Usage: %s"},
	FlagValue:      Text{"选项 --%s：须为%v（现为 %q）", "option --%s takes %v (got %q)"},
	FlagWithout:    Text{"选项 --%s 缺少值。用法：%s", "option --%s lacks its value. Usage: %s"},
	NoFile:         Text{"读不了文件 %s：%v。请核对路径和权限", "cannot read %s: %v. Check the path and its permissions"},
	FlagTypes: map[string]Text{
		"":         {"true 或 false", "true or false"},
		"int":      {"整数", "a whole number"},
		"uint":     {"正整数", "a whole number from 0 on"},
		"float":    {"数字", "a number"},
		"duration": {"时长，例如 90s、30m、12h", "a duration, for example 90s, 30m or 12h"},
	},
	FlagValues: map[string]Text{
		"string":      {"文字", "TEXT"},
		"strings":     {"文字,…", "TEXT,…"},
		"stringArray": {"文字", "TEXT"},
		"int":         {"整数", "NUMBER"},
		"uint":        {"整数", "NUMBER"},
		"float":       {"数字", "NUMBER"},
		"duration":    {"时长", "DURATION"},
	},
	MissingFlag: Text{"缺少选项 --%s。用法：%s", "option --%s is missing. Usage: %s"},

	Run:         Text{"运行网关", "run the gateway"},
	Check:       Text{"检查配置文件，不启动", "check a configuration file without starting"},
	CheckOK:     Text{"%s：配置正确", "%s: the configuration is good"},
	Demo:        Text{"演示：模拟一个社区，一台电脑即可，无需任何设备和配置", "demo: a simulated community on this machine, with nothing to configure"},
	Version:     Text{"显示版本", "show the version"},
	VersionLine: Text{"邻里网关 %s（%s，%s）", "linli gateway %s (%s, %s)"},
	ConfigFlag:  Text{"配置`文件`", "configuration `FILE`"},
	SpeedFlag:   Text{"社区的一天过得快多少倍", "how many times faster than real the community lives"},
	ListenFlag:  Text{"演示网页的监听地址", "address of the demo's page"},

	Login:     Text{"为某人生成一次性登录链接", "make a one-time login link for a person"},
	LoginLong: Text{"为某人生成一次性登录链接。此人在网页上的操作（例如“我来处理”）都记在这个名字下。", "Make a one-time login link for a person. What they do on the page (acknowledge an alert, say) is kept under that name."},
	LoginURL:  Text{"请在 %s 内用手机或电脑打开（只能用一次）：\n%s", "Open within %s, on a phone or a computer (works once):\n%s"},
	Status:    Text{"显示网关的状态", "show how the gateway is"},

	Device:            Text{"设备：登记、列出、发放密码", "devices: register, list, issue credentials"},
	DeviceAdd:         Text{"登记一台设备，并发放它的密码", "register a device and issue its credentials"},
	DeviceList:        Text{"列出已登记的设备", "list the registered devices"},
	DeviceCredentials: Text{"为设备发放新密码，旧密码立即失效", "issue a new secret; the old one stops working at once"},
	DeviceRemove:      Text{"注销一台设备", "remove a device"},
	DeviceSecret:      Text{"MQTT 用户名：%s\nMQTT 密码：  %s\n密码只显示这一次，请现在抄到设备上。", "MQTT user:   %s\nMQTT secret: %s\nThe secret is shown only this once: put it into the device now."},
	DeviceAdded:       Text{"设备 %s 已登记。", "Device %s is registered."},

	Facility:      Text{"设施：登记、列出", "facilities: register, list"},
	FacilityAdd:   Text{"登记一处设施", "register a facility"},
	FacilityList:  Text{"列出设施", "list the facilities"},
	Elder:         Text{"老人：登记、列出", "elders: register, list"},
	ElderAdd:      Text{"登记一位老人", "register an elder"},
	ElderList:     Text{"列出老人", "list the elders"},
	Caregiver:     Text{"照护人员：登记、列出", "caregivers: register, list"},
	CaregiverAdd:  Text{"登记一位照护人员和呼叫方式", "register a caregiver and how to reach them"},
	CaregiverList: Text{"列出照护人员", "list the caregivers"},
	Saved:         Text{"%s 已保存。", "%s is saved."},
	Removed:       Text{"%s 已删除。", "%s is removed."},

	KindFlag:         Text{"设备种类：%s", "kind of device: %s"},
	NameFlag:         Text{"名称", "name"},
	FacilityFlag:     Text{"所属设施的编号", "ID of the facility it belongs to"},
	ElderFlag:        Text{"佩戴者（老人）的编号", "ID of the elder who wears it"},
	CompartmentsFlag: Text{"格口数量", "number of compartments"},
	CompartmentFlag:  Text{"传感器所在的格口号", "the compartment that the sensor watches"},
	BridgeFlag:       Text{"代它说话的网桥的编号", "ID of the bridge that speaks for it"},
	AddressFlag:      Text{"它在网桥上的名字，例如 Zigbee2MQTT 的设备名", "what the bridge calls it, for instance its name in Zigbee2MQTT"},
	ProfileFlag:      Text{"网桥的报文格式，例如 zigbee2mqtt", "profile of the bridge's messages, for instance zigbee2mqtt"},
	BuildingFlag:     Text{"楼栋", "building"},
	RoomFlag:         Text{"房间", "room"},
	CaregiversFlag:   Text{"负责的照护人员编号，用逗号分隔", "IDs of the caregivers in charge, separated by commas"},
	ChannelFlag:      Text{"呼叫方式，种类=地址，例如 webhook=https://…（可多次给出）", "how to reach them, KIND=ADDRESS, for instance webhook=https://… (may be repeated)"},
	BadChannel:       Text{"--channel：要写成 种类=地址，例如 webhook=https://example.org/page（得到 %q）", "--channel: must be KIND=ADDRESS, for instance webhook=https://example.org/page (got %q)"},
	RegionFlag:       Text{"统计用区划代码，12 位", "statistical division code, 12 digits"},
	OperatorFlag:     Text{"运营单位的统一社会信用代码", "unified social credit code of the operator"},

	Incident:            Text{"警报：列出、接手、结束", "incidents: list, acknowledge, resolve"},
	IncidentList:        Text{"列出警报", "list the incidents"},
	IncidentAcknowledge: Text{"接手一个警报：我来处理", "acknowledge an incident: I have it"},
	IncidentResolve:     Text{"结束一个警报", "resolve an incident"},
	ByFlag:              Text{"谁（照护人员的编号或姓名）", "who (ID or name of the caregiver)"},
	CauseFlag:           Text{"原因：%s", "cause: %s"},
	NoIncidents:         Text{"没有警报。", "No incidents."},
	Acknowledged:        Text{"警报 %s 由 %s 接手。", "Incident %s is acknowledged by %s."},
	Resolved:            Text{"警报 %s 由 %s 结束。", "Incident %s is resolved by %s."},

	Journal:     Text{"事件日志：查看", "the journal: look into it"},
	JournalStat: Text{"显示日志的大小、序号和各跟随者的进度", "show sizes, sequence numbers and how far each follower is"},
	LinesFlag:   Text{"先显示最近的多少条", "how many of the latest to begin with"},

	NotRunning:   Text{"网关没有运行（%s 无人应答）。请先启动：systemctl start linli-gateway", "the gateway is not running (nobody answers at %s). Start it: systemctl start linli-gateway"},
	NoRights:     Text{"没有权限询问网关（%s）：请在命令前加 sudo，或把用户加入 linli 组", "no permission to ask the gateway (%s): put sudo before the command, or join the group linli"},
	NoDataRights: Text{"网关没有运行，也没有权限读写 %s：请在命令前加 sudo", "the gateway is not running, and there is no permission to open %s: put sudo before the command"},
	SocketFailed: Text{"无法询问网关（%s）：%v", "cannot ask the gateway (%s): %v"},
}

// Status is what "linli status" says.
var Status = struct {
	Running, NotReady, NoBroker, Unreachable, Clock, Damaged, Incidents, Devices, Journal, Province Text
}{
	Running:     Text{"网关 %s（版本 %s）已运行 %s", "gateway %s (version %s) has run for %s"},
	NotReady:    Text{"！尚未就绪：%s", "! not ready: %s"},
	NoBroker:    Text{"没有连接到 MQTT 服务器，设备的消息进不来；接在本机引脚上的不受影响。请检查 mqtt.broker 和那台机器", "not connected to the broker, so that no device is heard; what is wired to the box itself is. Check mqtt.broker and that machine"},
	Unreachable: Text{"！没有任何照护人员可以收到呼叫：请用 linli caregiver add 登记", "! nobody can be called for help: register caregivers with linli caregiver add"},
	Clock:       Text{"！时钟尚未同步", "! the clock is not synchronised"},
	Damaged:     Text{"！损坏的文件：%d 个，救回 %d 条记录，最多丢失 %d 条（见数据目录中的 journal/quarantine）", "! damaged files: %d, %d records rescued, at most %d lost (see journal/quarantine in the data folder)"},
	Incidents:   Text{"未结束的警报：%d", "open incidents: %d"},
	Devices:     Text{"已登记的设备：%d", "registered devices: %d"},
	Journal:     Text{"日志中的事件：%d（%s）", "events in the journal: %d (%s)"},
	Province:    Text{"待报送的统计行：%d，被拒：%d", "rows waiting for the province: %d, refused: %d"},
}
