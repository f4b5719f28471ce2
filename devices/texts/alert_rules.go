package texts

// AlertRules is what the rules find, and what is to be done about it.
var AlertRules = struct {
	High, Medium, Operator, Technical, OnScene Text

	Wandering, NightExit, Inactivity, MissedMeal, VitalSign, RoundDue, Unprotected Text
	Food, DoorAjar, Unclaimed, Faulty, Tamper, Silent                              Text
	BoxOff, ClockOff, DiskFull, PathDown                                           Text

	SayWandering, SayNightExit, SayCheck, SayVitalSign, SayRound, SayUnprotected Text
	SayFood, SayDoor, SayUnclaimed, SayFaulty, SayTamper, SaySilent              Text
	SayBoxOff, SayClock, SayDisk, SayPath                                        Text

	Position, VisitNeeded, Others, Other, More, NobodyCame Text

	NoteLength, To Text
}{
	High:      Text{"紧急", "high"},
	Medium:    Text{"重要", "medium"},
	Operator:  Text{"运维", "operator"},
	Technical: Text{"技术", "technical"},
	OnScene:   Text{"已到场", "on scene"},

	Wandering:   Text{"走失风险", "Wandering"},
	NightExit:   Text{"夜间离床未归", "Out of bed at night"},
	Inactivity:  Text{"长时间无活动", "No sign of life"},
	MissedMeal:  Text{"未取餐", "Meal not picked up"},
	VitalSign:   Text{"体征异常", "Vital sign out of band"},
	RoundDue:    Text{"巡访超时", "Care round overdue"},
	Unprotected: Text{"失去防护", "UNPROTECTED"},

	Food:      Text{"餐品不安全", "Unsafe meal"},
	DoorAjar:  Text{"柜门未关", "Door left open"},
	Unclaimed: Text{"无人领取", "Unclaimed"},
	Faulty:    Text{"设备故障", "Device fault"},
	Tamper:    Text{"设备被拆动", "Tamper"},
	Silent:    Text{"设备失联", "Device silent"},

	BoxOff:   Text{"网关曾关机", "The gateway was off"},
	ClockOff: Text{"时钟未同步", "Clock not synchronised"},
	DiskFull: Text{"存储将满", "Disk nearly full"},
	PathDown: Text{"通信中断", "Path down"},

	SayWandering:   Text{"已离开约定范围，请联系或寻找，并确认“我来处理”。", "Outside the agreed area: call or look for them, and say \"I have it\"."},
	SayNightExit:   Text{"夜间离床后未返回，请前往查看，并确认“我来处理”。", "Left the bed at night and is not back: go and see, and say \"I have it\"."},
	SayCheck:       Text{"请电话或上门查看是否平安，并确认“我来处理”。", "Call or visit to see whether all is well, and say \"I have it\"."},
	SayVitalSign:   Text{"多次测量超出约定范围，请联系查看，并确认“我来处理”。", "Several readings outside the agreed band: get in touch, and say \"I have it\"."},
	SayRound:       Text{"定期巡访已超时，请安排上门，并在门口打卡或在页面确认。", "A visit is overdue: go there, and tap at the door or on the page."},
	SayUnprotected: Text{"呼救设备无法使用，老人暂时无法求助。请联系并恢复设备。", "The device to call for help with does not work, and nobody would hear. Get in touch and mend it."},

	SayFood:      Text{"餐品温度或时间超限，请勿发放，立即下架。", "Too cold, too warm or too old: do not hand it out, take it away."},
	SayDoor:      Text{"请前往关好柜门。", "Close the door."},
	SayUnclaimed: Text{"请联系收件人或取走。", "Call the recipient, or take it away."},
	SayFaulty:    Text{"请检修设备。", "Have the device looked at."},
	SayTamper:    Text{"设备被打开或移动，请立即查看。", "Somebody has opened or moved the device: look at once."},
	SaySilent:    Text{"设备没有按时上报，请检查电源和网络。", "The device has not reported in time: check its power and network."},

	SayBoxOff: Text{"关机期间无人值守，请核实这段时间内是否有人求助。", "Nobody watched meanwhile: ask whether anybody needed help in that time."},
	SayClock:  Text{"时间可能不准，排班与统计受影响，呼救不受影响。请检查网络对时。", "The time may be wrong: rota and figures suffer, calls for help do not. Check the network's time."},
	SayDisk:   Text{"请检查存储卡和剩余空间：linli status", "Check the card and the space left: linli status"},
	SayPath:   Text{"请检查网络、SIM 卡和消息服务器。", "Check the network, the SIM card and the broker."},

	Position:    Text{"位置为 %d 分钟前。", "The position is %d min old."},
	VisitNeeded: Text{"已连续 %d 天未恢复，请上门处理。", "Not mended for %d days: visit and mend it."},
	Others:      Text{"另有：", "Besides:"},
	Other:       Text{"· %v %s", "- %v %s"},
	More:        Text{"……以及其他 %d 项", "... and %d more"},
	NobodyCame:  Text{"已确认，但未见有人到场。", "Acknowledged, but nobody has arrived."},

	NoteLength: Text{"text：须为 1 至 %d 个字符（现为 %d）", "text: must be 1 to %d characters (got %d)"},
	To:         Text{"to：须写明交给谁，至多 %d 个字符", "to: must say to whom, in at most %d characters"},
}

// AlertSigns is what a rule went by, in words.
var AlertSigns = struct {
	Outside, OutOfBed, NoLife, NoMeal, Reading, NotVisited, Silent, Battery, NotWorn Text
	Hot, Cold, Open, Waiting, Fault                                                  Text
	Off, OffUnknown, Unsynced, Disk, Path                                            Text
	Night, Dementia, FallRisk, InBed, Second, Asked, Life                            Text
	HeartRate, SpO2, Systolic, Diastolic, Celsius                                    Text
}{
	Outside:    Text{"离开约定范围 %d 米（位置为 %d 分钟前）", "%d m outside the agreed area (position %d min old)"},
	OutOfBed:   Text{"离床 %d 分钟未归", "out of bed for %d min"},
	NoLife:     Text{"活动时段内 %d 分钟没有任何活动迹象", "no sign of life for %d min of the active hours"},
	NoMeal:     Text{"取餐时段已过，餐未取", "the meal was not fetched in its hours"},
	Reading:    Text{"%v 读数 %g 超出约定范围", "%v of %g outside the agreed band"},
	NotVisited: Text{"已 %d 小时未巡访", "not visited for %d h"},
	Silent:     Text{"设备没有按时上报", "the device has not reported in time"},
	Battery:    Text{"电量低", "battery low"},
	NotWorn:    Text{"没有佩戴", "not worn"},
	Hot:        Text{"格口 %s 热餐 %.1f ℃，低于 %v ℃ 已 %d 分钟", "compartment %s: hot meal at %.1f C, below %v C for %d min"},
	Cold:       Text{"格口 %s 冷餐 %.1f ℃，高于 %v ℃ 已 %d 分钟", "compartment %s: cold meal at %.1f C, above %v C for %d min"},
	Open:       Text{"格口 %s 的门已打开 %d 分钟", "compartment %s: door open for %d min"},
	Waiting:    Text{"格口 %s 逾期未取", "compartment %s: not fetched in time"},
	Fault:      Text{"故障代码 %s", "fault code %s"},
	Off:        Text{"网关曾关机约 %d 分钟", "the gateway was off for about %d min"},
	OffUnknown: Text{"网关曾关机，时长未知（时钟未同步）", "the gateway was off, nobody knows for how long (clock not synchronised)"},
	Unsynced:   Text{"时钟没有对时来源", "the clock has no source"},
	Disk:       Text{"存储剩余 %d%%", "%d%% of the disk is left"},
	Path:       Text{"%s中断", "down: %s"},

	Night:    Text{"夜间", "at night"},
	Dementia: Text{"认知障碍", "dementia"},
	FallRisk: Text{"跌倒高风险", "high fall risk"},
	InBed:    Text{"床上有人", "the bed is occupied"},
	Second:   Text{"连续第二次", "the second in a row"},
	Asked:    Text{"已通过设备询问，没有回应", "asked by the device, no answer"},
	Life:     Text{"%d 分钟前另有活动迹象", "other signs of life %d min ago"},

	HeartRate: Text{"心率", "heart rate"},
	SpO2:      Text{"血氧", "oxygen saturation"},
	Systolic:  Text{"收缩压", "systolic pressure"},
	Diastolic: Text{"舒张压", "diastolic pressure"},
	Celsius:   Text{"体温", "temperature"},
}
