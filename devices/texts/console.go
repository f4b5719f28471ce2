package texts

// Console is the web page of the box.
var Console = struct {
	Name, Tagline, Language, Logout Text

	AllCalm, AllTaken, OpenCalls            Text
	Waiting, SinceRestart, Presses, Again   Text
	Acknowledge, TakenBy, HowTaken          Text
	Arrive, Note, HandOver, NoteOrHandOver  Text
	Done, NamedPlace, UnknownPlace          Text
	Log, Sending, PagedFromMemory           Text
	Accepted, Temporary, Permanent, Unknown Text
	Attempts                                Text
	Events, NoEvents, Figures, NoFigures    Text
	Deposits, Pickups, Overdue              Text
	Loaded, Collected, Unclaimed            Text
	Services, NoDevices                     Text

	Status, Lost Text

	Journal, JournalState, Backlog, UpToDate, Behind              Text
	Province, ProvinceOff, ProvinceNever, ProvinceAt              Text
	ProvinceWaiting, ProvinceSetAside, ProvinceFailing            Text
	Devices, DeviceCount, Clock, ClockSynced, ClockWrong          Text
	WarnUnreachable, WarnClock, WarnRejected                      Text
	WarnDamaged, WarnSetAside, WarnJournal, WarnRegistry          Text
	LoginAs, Enter, LoginSpent                                    Text
	LoginNeeded, LoginHow, LoginReload, NotFound, WentWrong, Back Text
}{
	Name:     Text{"邻里", "Linli"},
	Tagline:  Text{"社区智慧生活网关", "Community gateway"},
	Language: Text{"中文", "English"},
	Logout:   Text{"退出", "Log out"},

	AllCalm:        Text{"一切平安，没有待处理的求助", "All calm: nobody is calling for help"},
	AllTaken:       Text{"%d 起求助已有人处理", "Calls for help, all taken: %d"},
	OpenCalls:      Text{"%d 起求助等待处理", "Calls for help waiting: %d"},
	Waiting:        Text{"已等待", "waiting"},
	SinceRestart:   Text{"网关曾重启，时间为估计", "the box was restarted: an estimate"},
	Presses:        Text{"共呼叫 %d 次", "called %d times"},
	Again:          Text{"有人接手后再次呼叫", "called again after somebody had taken it"},
	Acknowledge:    Text{"我来处理", "I have it"},
	Arrive:         Text{"我已到场", "I am there"},
	Note:           Text{"写备注", "write it down"},
	HandOver:       Text{"交给他人", "hand over"},
	NoteOrHandOver: Text{"备注、交接", "notes, handing over"},
	TakenBy:        Text{"%s 已接手", "%s has it"},
	HowTaken:       Text{"%s 接手", "taken at %s"},
	Done:           Text{"处理完毕，情况是：", "Done. It was:"},
	NamedPlace:     Text{"%s %s", "%s %s"},
	UnknownPlace:   Text{"地点不明，设备 %s", "place unknown, device %s"},

	Log:             Text{"网关日志", "the box's log"},
	Sending:         Text{"正在发送", "being sent"},
	PagedFromMemory: Text{"未及写盘先行通知", "sent before it was on disk"},
	Accepted:        Text{"通道已接收", "taken by the channel"},
	Temporary:       Text{"没有送出，稍后再试", "not sent, trying again"},
	Permanent:       Text{"无法送出", "cannot be sent"},
	Unknown:         Text{"结果不明，将重发", "unknown, sending again"},
	Attempts:        Text{"第 %d 次", "attempt %d"},

	Events:    Text{"实时动态", "Live"},
	NoEvents:  Text{"还没有动态。设备一有上报，就会出现在这里。", "Nothing yet. What devices report appears here."},
	Figures:   Text{"今日数据", "Today"},
	NoFigures: Text{"还没有登记设施。", "No facilities are registered yet."},
	Deposits:  Text{"存入", "in"},
	Pickups:   Text{"取出", "out"},
	Overdue:   Text{"超时", "overdue"},
	Loaded:    Text{"上餐", "loaded"},
	Collected: Text{"取餐", "taken"},
	Unclaimed: Text{"未取", "left"},
	Services:  Text{"次服务", "services"},
	NoDevices: Text{"还没有登记设备", "no devices yet"},

	Status: Text{"网关状态", "The box"},
	Lost:   Text{"连接已断开，画面可能不是最新，正在重连", "Connection lost: this may be out of date. Reconnecting"},

	Journal:          Text{"日志", "Journal"},
	JournalState:     Text{"%s，共 %d 条", "%s, %d events"},
	Backlog:          Text{"处理进度", "Followers"},
	UpToDate:         Text{"全部处理完毕", "up to date"},
	Behind:           Text{"%s落后 %d 条", "%s: %d behind"},
	Province:         Text{"省平台", "Province"},
	ProvinceOff:      Text{"未启用", "not set up"},
	ProvinceNever:    Text{"尚未上报成功", "nothing accepted yet"},
	ProvinceAt:       Text{"上次成功 %s", "last accepted %s"},
	ProvinceWaiting:  Text{"待报 %d 条", "%d rows waiting"},
	ProvinceSetAside: Text{"退回 %d 条", "%d rows refused"},
	ProvinceFailing:  Text{"上报失败，正在重试", "failing, trying again"},
	Devices:          Text{"设备", "Devices"},
	DeviceCount:      Text{"已登记 %d 台", "%d registered"},
	Clock:            Text{"时钟", "Clock"},
	ClockSynced:      Text{"%s，已同步", "%s, synchronised"},
	ClockWrong:       Text{"%s，未同步", "%s, not synchronised"},

	WarnUnreachable: Text{"没有可用联系方式的照护人员：%s", "Caregivers who have no channel that works: %s"},
	WarnClock:       Text{"网关时钟没有同步，显示的时间可能不准", "The box's clock is not synchronised: times may be wrong"},
	WarnRejected:    Text{"启动以来有 %d 条上报无法使用，最近一条来自 %s", "%d reports could not be used since the start, the latest from %s"},
	WarnDamaged:     Text{"登记簿有 %d 条记录损坏", "%d records of the registry are damaged"},
	WarnJournal:     Text{"存储有损坏：%d 个文件，救回 %d 条记录，最多丢失 %d 条。请更换存储卡；损坏的文件在数据目录的 journal/quarantine，删除后不再提示", "The disk is failing: %d files were damaged, %d records rescued, at most %d lost. Replace the card. The files are in journal/quarantine in the data folder; remove them to end this warning"},
	WarnRegistry:    Text{"登记簿文件损坏过 %d 次，已救回其中的记录，请核对联系方式；删除数据目录中的 registry.db.damaged.* 后不再提示", "The registry was damaged %d times and its records were rescued: check who is to be called. Remove registry.db.damaged.* from the data folder to end this warning"},
	WarnSetAside:    Text{"省平台退回了 %d 条数据", "The province has refused %d rows"},

	LoginAs:     Text{"以“%s”的身份进入", "Enter as “%s”"},
	Enter:       Text{"进入", "Enter"},
	LoginSpent:  Text{"这个登录链接已经用过或过期，请再要一个。", "This login link has been used or has expired: ask for another."},
	LoginNeeded: Text{"请先登录", "Please log in"},
	LoginHow:    Text{"请打开管理员给您的一次性登录链接（在网关上运行 linli login 得到）。", "Open the one-time link that you were given (linli login on the box prints one)."},
	LoginReload: Text{"我已登录，重新载入", "I am logged in: reload"},
	NotFound:    Text{"没有这个页面", "There is no such page"},
	Back:        Text{"返回首页", "Back to the page"},
	WentWrong:   Text{"没有成功：%v", "That did not work: %v"},
}

// ConsoleEvents say in words what a device has reported. The device's name
// stands before them.
var ConsoleEvents = struct {
	Compartment Text

	Deposited, PickedUp, Returned, Cleared, Overdue                 Text
	Loaded, Collected, Unclaimed, Temperature, Humidity             Text
	DoorOpen, DoorShut, Occupied, Empty, Fault, FaultGone           Text
	Online, Offline                                                 Text
	SOS, Fall, FallLying, FallCancelled                             Text
	HeartRate, SpO2, BloodPressure, BodyTemperature, Vitals         Text
	Battery, BatteryLow, Worn, NotWorn, Position, Steps             Text
	Raised, Escalated, Acknowledged, Resolved                       Text
	ClockSynced, ClockUnsynced                                      Text
	Started, Running, UplinkUp, UplinkDown, Synced                  Text
	Rejected, Gap, Damage, Box, Other, Device, UnknownDevice, Comma Text
}{
	Compartment: Text{"%d 号格", "compartment %d"},

	Deposited:   Text{"存入快递", "parcel left"},
	PickedUp:    Text{"快递已取走", "parcel picked up"},
	Returned:    Text{"快递已由快递员取回", "parcel taken back by the courier"},
	Cleared:     Text{"快递已由工作人员清出", "parcel cleared by staff"},
	Overdue:     Text{"快递超时未取", "parcel overdue"},
	Loaded:      Text{"餐已放入", "meal loaded"},
	Collected:   Text{"餐已取走", "meal collected"},
	Unclaimed:   Text{"餐无人取", "meal unclaimed"},
	Temperature: Text{"温度 %.1f °C", "%.1f °C"},
	Humidity:    Text{"湿度 %.0f%%", "humidity %.0f%%"},
	DoorOpen:    Text{"柜门打开", "door open"},
	DoorShut:    Text{"柜门关上", "door shut"},
	Occupied:    Text{"有物", "occupied"},
	Empty:       Text{"已空", "empty"},
	Fault:       Text{"故障：%s", "fault: %s"},
	FaultGone:   Text{"故障排除：%s", "fault cleared: %s"},
	Online:      Text{"上线", "online"},
	Offline:     Text{"离线", "offline"},

	SOS:             Text{"求助", "called for help"},
	Fall:            Text{"疑似跌倒", "may have fallen"},
	FallLying:       Text{"疑似跌倒，没有起身", "may have fallen and not got up"},
	FallCancelled:   Text{"佩戴者表示没有跌倒", "the wearer says that it was no fall"},
	HeartRate:       Text{"心率 %d", "heart rate %d"},
	SpO2:            Text{"血氧 %d%%", "oxygen %d%%"},
	BloodPressure:   Text{"血压 %d/%d", "blood pressure %d/%d"},
	BodyTemperature: Text{"体温 %.1f °C", "%.1f °C"},
	Vitals:          Text{"体征", "vital signs"},
	Battery:         Text{"电量 %d%%", "battery %d%%"},
	BatteryLow:      Text{"电量低", "battery low"},
	Worn:            Text{"已佩戴", "put on"},
	NotWorn:         Text{"已取下", "taken off"},
	Position:        Text{"位置已更新", "position updated"},
	Steps:           Text{"今日 %d 步", "%d steps today"},

	Raised:        Text{"正在呼叫照护人员", "people are being called"},
	Escalated:     Text{"无人应答，继续呼叫", "no answer, calling on"},
	Acknowledged:  Text{"%s 接手了求助", "%s has taken the call"},
	Resolved:      Text{"%s 结束了求助：%v", "%s has closed the call: %v"},
	Rejected:      Text{"上报无法使用：%s", "report not usable: %s"},
	Damage:        Text{"存储文件损坏（%s），救回 %d 条记录", "a file was damaged (%s), %d records rescued"},
	Gap:           Text{"磁盘空间不足，丢弃了旧数据", "old data dropped: the disk is full"},
	ClockSynced:   Text{"时钟已同步：%s", "the clock is synchronised: %s"},
	ClockUnsynced: Text{"时钟未同步，显示为 %s", "the clock is not synchronised; it says %s"},
	Started:       Text{"网关启动", "the box has started"},
	Running:       Text{"网关运行正常", "the box is running"},
	UplinkUp:      Text{"与省平台的通信恢复", "the province's platform can be reached"},
	UplinkDown:    Text{"与省平台的通信中断", "the province's platform cannot be reached"},
	Synced:        Text{"%s：%d 条被接收，%d 条被拒，%d 条待报", "%s: %d accepted, %d refused, %d waiting"},
	Box:           Text{"网关", "the box"},
	Other:         Text{"上报 %s", "reports %s"},
	Device:        Text{"%s（%s）", "%s (%s)"},
	UnknownDevice: Text{"未登记设备 %s", "unregistered device %s"},
	Comma:         Text{"，", ", "},
}

// ConsoleGlyphs stand for what an event is about, in one character, where its
// kind of device does not.
var ConsoleGlyphs = struct {
	Alarm, Box, Rejected, Other Text
}{
	Alarm:    Text{"急", "!"},
	Box:      Text{"关", "G"},
	Rejected: Text{"误", "?"},
	Other:    Text{"他", "·"},
}
