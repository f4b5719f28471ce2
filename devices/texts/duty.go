package texts

// Duty is what the commands and the page say of the care, the rota, silences
// and rounds.
var Duty = struct {
	Care, CareSet, CareList, Group, GroupAdd, GroupList, GroupRemove       Text
	Rota, RotaAdd, RotaList, RotaRemove, RotaCheck, RotaNow                Text
	HolidayAdd, HolidayList, HolidayRemove, Holiday                        Text
	GroupsFlag, RiskFlag, DementiaFlag, AwayFlag, ActiveFlag, NightFlag    Text
	InactiveFlag, BedFlag, FenceFlag, MealFlag, BandFlag, RoundFlag        Text
	AnswerFlag, CancelFlag, StepFlag, MediumFlag, VisitDaysFlag            Text
	OutsideFlag, FixesFlag, MealMinutesFlag, DoorFlag, FoodFlag            Text
	HotFlag, ColdFlag, BedroomFlag, RoleFlag, MembersFlag, GroupFlag       Text
	DaysFlag, FirstFlag, LastFlag, HoursFlag, PeopleFlag, InsteadFlag      Text
	QuietFlag, BadFence, BadBand                                           Text
	NoGroups, OnDuty, Nobody, Hole, Mute, NoChannel, RotaGood, RotaBad     Text
	Silence, SilenceSet, SilenceEnd, SilenceList, SilenceNone, SilenceLine Text
	ModeFlag, ForFlag, SilenceDone, SilenceEnded                           Text
	WarnHole, WarnMute, Silenced                                           Text
}{
	Care:     Text{"老人的照护约定：围栏、夜间、用餐、体征、巡访", "what is agreed on for an elder: fence, night, meals, vital signs, rounds"},
	CareSet:  Text{"登记或更改约定（写出的项目才更改）", "agree on something (only what is given changes)"},
	CareList: Text{"列出约定", "list what is agreed on"},

	Group:       Text{"值班组", "groups that stand by"},
	GroupAdd:    Text{"登记值班组", "register a group"},
	GroupList:   Text{"列出值班组", "list groups"},
	GroupRemove: Text{"删除值班组", "remove a group"},

	Rota:          Text{"排班", "the rota"},
	RotaAdd:       Text{"登记一个班次：每周（--days），或例外、换班（--first）", "add a shift: of each week (--days), or an exception or a swap (--first)"},
	RotaList:      Text{"列出班次", "list shifts"},
	RotaRemove:    Text{"删除班次", "remove a shift"},
	RotaCheck:     Text{"检查今后 14 天的排班：空缺和联系不上的人", "look through the coming 14 days for holes and people who cannot be reached"},
	RotaNow:       Text{"现在谁值班", "who is on duty now"},
	Holiday:       Text{"节假日", "holidays"},
	HolidayAdd:    Text{"登记节假日，编号为日期", "add a holiday; its ID is the date"},
	HolidayList:   Text{"列出节假日", "list holidays"},
	HolidayRemove: Text{"删除节假日", "remove a holiday"},

	GroupsFlag:      Text{"另外照护这位老人的值班组，用逗号分开", "groups that care for this elder besides, separated by commas"},
	RiskFlag:        Text{"跌倒高风险", "high fall risk"},
	DementiaFlag:    Text{"认知障碍", "dementia"},
	AwayFlag:        Text{"外出，哪天回来，例如 2026-12-01；home 为在家", "away, back on that day, for example 2026-12-01; home is at home"},
	ActiveFlag:      Text{"活动时段，例如 07:00-21:00", "hours in which signs of life are expected, for example 07:00-21:00"},
	NightFlag:       Text{"夜间时段，例如 22:00-06:00", "hours of the night, for example 22:00-06:00"},
	InactiveFlag:    Text{"多少分钟没有活动迹象就查看（默认 720）", "minutes without a sign of life until somebody looks (720 by default)"},
	BedFlag:         Text{"夜间离床多少分钟未归就查看（默认 30，跌倒高风险 15）", "minutes out of bed at night until somebody looks (30 by default, 15 with high fall risk)"},
	AnswerFlag:      Text{"询问是否平安之后等多少分钟（默认 15）", "minutes in which the elder may answer whether all is well (15 by default)"},
	CancelFlag:      Text{"跌倒报警多少秒内可由老人取消（默认 60）", "seconds in which the elder may cancel a fall (60 by default)"},
	StepFlag:        Text{"求助无人确认，多少秒后呼叫下一级（默认同配置 alert.step）", "seconds until a call for help goes to the next step (alert.step of the configuration by default)"},
	MediumFlag:      Text{"不太紧急的事无人确认，多少分钟后呼叫下一级（默认同配置 alert.medium_step）", "minutes until what is less urgent goes to the next step (alert.medium_step of the configuration by default)"},
	VisitDaysFlag:   Text{"失去防护多少天后须上门（默认 3）", "days without protection until somebody should visit (3 by default)"},
	OutsideFlag:     Text{"离开围栏多少分钟算走失风险（默认 2）", "minutes outside the fence that are wandering (2 by default)"},
	FixesFlag:       Text{"或连续多少次定位在围栏外（默认 2）", "or positions in a row outside the fence (2 by default)"},
	MealMinutesFlag: Text{"取餐时段过后多少分钟算未取（默认 30）", "minutes after the hours of the meal until it is missed (30 by default)"},
	DoorFlag:        Text{"柜门打开多少分钟算未关好（默认 5）", "minutes that a door may stand open (5 by default)"},
	FoodFlag:        Text{"餐食温度不合规定多少分钟算不安全（默认 120）", "minutes that a meal may be out of its temperatures (120 by default)"},
	HotFlag:         Text{"热餐至少多少摄氏度（默认 60）", "degrees Celsius that a hot meal must have (60 by default)"},
	ColdFlag:        Text{"冷餐至多多少摄氏度（默认 8）", "degrees Celsius that a cold meal may have (8 by default)"},
	FenceFlag:       Text{"电子围栏：纬度,经度,半径米，例如 32.06,118.79,300", "fence: latitude,longitude,metres, for example 32.06,118.79,300"},
	MealFlag:        Text{"取餐时段，例如 10:30-13:00", "hours in which a meal is fetched, for example 10:30-13:00"},
	BandFlag:        Text{"体征范围：名称=低..高[,余量[,连续次数]]，余量默认为范围的二十分之一，次数默认 3，可多次，例如 spo2=90..100,2,3", "band of a vital sign: name=low..high[,margin[,in a row]] (by default a twentieth of the band, and three), may be repeated, for example spo2=90..100,2,3"},
	RoundFlag:       Text{"每隔多少小时巡访一次，0 为不巡访", "hours between visits, 0 for none"},
	BedroomFlag:     Text{"卧室里的传感器，不算活动迹象，用逗号分开", "sensors in the bedroom, which are no sign of life, separated by commas"},
	RoleFlag:        Text{"角色：care 照护、supervisor 主管、desk 值班室、operator 运维；空为只照护约定了它的老人", "role: care, supervisor, desk or operator; none for the elders who name the group"},
	MembersFlag:     Text{"成员（照护人员编号），用逗号分开", "members (IDs of caregivers), separated by commas"},
	GroupFlag:       Text{"哪个值班组", "of which group"},
	DaysFlag:        Text{"每周哪些天：mon,tue,wed,thu,fri,sat,sun,holiday", "days of the week: mon,tue,wed,thu,fri,sat,sun,holiday"},
	FirstFlag:       Text{"例外的第一天，例如 2026-10-01", "first day of an exception, for example 2026-10-01"},
	LastFlag:        Text{"例外的最后一天（默认同一天）", "last day of an exception (the same by default)"},
	HoursFlag:       Text{"时段，例如 20:00-08:00（默认全天）", "hours, for example 20:00-08:00 (the whole day by default)"},
	PeopleFlag:      Text{"值班人员，用逗号分开", "who is on duty, separated by commas"},
	InsteadFlag:     Text{"换班：替换谁", "of a swap: instead of whom"},
	QuietFlag:       Text{"免打扰时段，例如 22:00-06:00（紧急求助除外）", "quiet hours, for example 22:00-06:00 (not for calls for help)"},
	BadFence:        Text{"--fence：须形如 32.06,118.79,300（现为 %.60q）", "--fence: must be like 32.06,118.79,300 (got %.60q)"},
	BadBand:         Text{"--band：须形如 spo2=90..100,2,3（现为 %.60q）", "--band: must be like spo2=90..100,2,3 (got %.60q)"},

	NoGroups:  Text{"没有值班组；每次呼叫先找老人自己的照护人员，再找所有人。", "There are no groups; each call goes to the elder's own caregivers, then to everybody."},
	OnDuty:    Text{"%s（%s）：%s", "%s (%s): %s"},
	Nobody:    Text{"无人", "nobody"},
	Hole:      Text{"排班空缺：值班组 %s，%s 至 %s。请补班：linli rota add", "a hole in the rota: group %s, %s to %s. Fill it: linli rota add"},
	Mute:      Text{"值班人员联系不上：%[2]s（值班组 %[1]s，自 %[3]s）没有可用的联系方式。请登记：linli caregiver add", "on duty without a channel that works: %[2]s (group %[1]s, from %[3]s). Register one: linli caregiver add"},
	NoChannel: Text{"照护人员 %s 没有可用的联系方式。", "caregiver %s has no channel that works"},
	RotaGood:  Text{"今后 14 天的排班没有空缺，值班人员都联系得上。", "The rota of the coming 14 days has no hole, and everybody on it can be reached."},
	RotaBad:   Text{"排班有 %d 个问题。", "The rota has %d problems."},

	Silence:      Text{"静默、维护和测试（紧急求助从不静默）", "silences, maintenance and tests (calls for help are never silent)"},
	SilenceSet:   Text{"静默一个范围：all、elder/编号、device/编号或 kind/类型", "silence a scope: all, elder/ID, device/ID or kind/KIND"},
	SilenceEnd:   Text{"提前结束", "end one before its time"},
	SilenceList:  Text{"列出尚未结束的", "list those that have not ended"},
	SilenceNone:  Text{"没有静默。", "Nothing is silenced."},
	SilenceLine:  Text{"%s　%v　还有 %v　%s", "%s  %v  %v left  %s"},
	ModeFlag:     Text{"silence 静默、maintenance 维护（只静默技术和运维告警）或 test 测试（照常呼叫，标明测试）", "silence, maintenance (of what is technical) or test (pages as ever, marked)"},
	ForFlag:      Text{"多久，例如 2h（静默至多 7 天，维护 24 小时，测试 4 小时）", "for how long, for example 2h (silences at most 7 days, maintenance 24 h, tests 4 h)"},
	SilenceDone:  Text{"%s：%v 已开始，%v 后自动结束。", "%s: %v has begun, and ends by itself in %v."},
	SilenceEnded: Text{"%s：%v 已结束。", "%s: %v has ended."},

	WarnHole: Text{"排班空缺：%s，%s 至 %s。", "The rota has a hole: %s, %s to %s."},
	WarnMute: Text{"%[2]s 将于 %[3]s 值班（%[1]s），但没有可用的联系方式。", "%[2]s is on duty from %[3]s (%[1]s), and has no channel that works."},
	Silenced: Text{"%v：%s，还有 %d 分钟。紧急求助不受影响。", "%v: %s, for %d min. Calls for help go on."},
}

// Roles are when the members of a group are called.
var Roles = struct{ Care, Supervisor, Desk, Operator, None Text }{
	Care:       Text{"照护", "care"},
	Supervisor: Text{"主管", "supervisors"},
	Desk:       Text{"值班室", "desk"},
	Operator:   Text{"运维", "operators"},
	None:       Text{"只照护约定的老人", "for some elders"},
}
