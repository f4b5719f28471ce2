package texts

// Figures is what the commands about statistics and their delivery say.
var Figures = struct {
	Usage, Catalogue, Columns                                                          Text
	Province, Status, Reconcile, Resend, Explain, Enrol, ToFlag                        Text
	UrbanRuralFlag, IndustryFlag, ServicesFlag, RegionEditionFlag, IndustryEditionFlag Text
	NoDestination, BadRow, NoRow, None                                                 Text
	Destination, Accepted, Next, Failing, Aside, Receipt, Equal, Differs               Text
	Resent, Enrolled, Row, Part, Sum, Trimmed, BadPeriod                               Text
	Check, CheckLong, BoxFlag, SecretFlag, SignFlag, Passed, Failed, Verdict           Text
}{
	Usage:     Text{"设施使用统计", "the statistics of the facilities"},
	Catalogue: Text{"列出统计指标：含义、单位、分子与分母、适用设备", "list the indicators: what they mean, unit, numerator and denominator, devices"},
	Province:  Text{"上报平台：状态、对账、重发、追溯、注册", "the platforms: status, comparison, sending again, explanation, enrolment"},
	Status:    Text{"显示上报的状态与最近的对账回执", "show how the sending goes, and the latest receipts"},
	Reconcile: Text{"与平台逐设施对账一天（2026-11-23）或一个月（2026-11），并补发差异", "compare a day (2026-11-23) or a month (2026-11) with the platform, facility by facility, and send again what differs"},
	Resend:    Text{"重新上报一天或一个月的全部数据", "send all rows of a day or a month again"},
	Explain:   Text{"从一个数字追溯到产生它的事件，例如 2026-11-23/east/parcel.deposits", "from a figure down to the journal entries that made it, as 2026-11-23/east/parcel.deposits"},
	Enrol:     Text{"用平台发放的一次性注册码注册本网关；私钥在本机生成，不离开本机", "enrol this box with the one-time code that the platform gave; the private key is made here and stays here"},
	ToFlag:    Text{"目的地：province 或 city，缺省为全部", "destination: province or city, all of them unless given"},

	NoDestination: Text{"没有配置这样的上报平台，请在配置文件中填写 province.url", "no such platform is configured: set province.url in the configuration"},
	BadRow:        Text{"应为 周期/设施/指标，例如 2026-11-23/east/parcel.deposits", "must be period/facility/indicator, as 2026-11-23/east/parcel.deposits"},
	NoRow:         Text{"没有这个数字：%s。linli usage catalogue 列出全部指标", "there is no such figure: %s. linli usage catalogue lists the indicators"},
	BadPeriod:     Text{"应为一天（2026-11-23）或一个月（2026-11），得到 %q", "must be a day (2026-11-23) or a month (2026-11), got %q"},
	None:          Text{"没有配置上报平台", "no platform is configured"},
	Destination:   Text{"%s：待报 %d 行", "%s: %d rows waiting"},
	Accepted:      Text{"  最近接收：%s", "  last accepted: %s"},
	Next:          Text{"  下次上报：%s", "  next: %s"},
	Failing:       Text{"  失败：%s", "  failing: %s"},
	Aside:         Text{"  平台拒收 %s：%s", "  refused %s: %s"},
	Receipt:       Text{"  对账 %s %s：本机 %d 行，平台 %d 行，%s", "  compared %s %s: %d rows here, %d there, %s"},
	Equal:         Text{"一致", "equal"},
	Differs:       Text{"不一致", "different"},
	Resent:        Text{"已重新上报", "sent again"},
	Enrolled:      Text{"已注册", "enrolled"},
	Row:           Text{"%s %s %s：分子 %d，分母 %s，世代 %d，修订 %d", "%s %s %s: numerator %d, denominator %s, generation %d, revision %d"},
	Part:          Text{"  %s 链 %d  %+d / %+d  %s：%s", "  %s chain %d  %+d / %+d  %s: %s"},
	Sum:           Text{"合计：%d / %d", "together: %d / %d"},
	Trimmed:       Text{"与数字不符的部分来自已不在日志中的事件（日志保留 90 天，统计保留两年）", "the rest comes from events that the journal no longer has: it keeps 90 days, the figures are kept for two years"},

	UrbanRuralFlag: Text{"城乡分类代码：111、112、121、122、210 或 220", "urban-rural class: 111, 112, 121, 122, 210 or 220"},
	IndustryFlag:   Text{"行业代码，GB/T 4754，3 或 4 位数字", "industry, 3 or 4 digits of GB/T 4754"},

	RegionEditionFlag:   Text{"区划代码的版本年份", "the year of the division code's edition"},
	IndustryEditionFlag: Text{"行业代码的版本年份，默认 2017", "the year of the standard that the industry is of, 2017 unless given"},

	ServicesFlag: Text{"提供的服务类型代码，逗号分隔", "codes of the services offered there, separated by commas"},

	Check:      Text{"以网关的身份逐项检查某个接收平台是否符合接口约定", "play a gateway against somebody's receiver and check it point by point"},
	CheckLong:  Text{"逐项检查接收平台：签名、摘要、压缩、逐行回执、重复与旧版本、坏行、服务器时间、对账。平台须认得 --box 与密钥。检查数据属于 2020 年 1 月和设施 conformance，不会混入真实统计。", "Check a receiver point by point: signature, digest, compression, receipts row by row, repetitions and old revisions, bad rows, server time, comparison. The platform must know --box and its secret. What is sent is of January 2020 and of the facility \"conformance\", so that it never mixes with real figures."},
	BoxFlag:    Text{"平台所认得的网关编号", "the ID of a box that the platform knows"},
	SecretFlag: Text{"存放其密钥的文件", "file with its secret"},
	SignFlag:   Text{"签名方式：hmac-sha256 或 hmac-sm3", "how to sign: hmac-sha256 or hmac-sm3"},
	Passed:     Text{"通过  %s", "ok    %s"},
	Failed:     Text{"失败  %s：%s", "FAIL  %s: %s"},
	Verdict:    Text{"%[2]d 项中有 %[1]d 项失败", "%[1]d of %[2]d checks failed"},

	Columns: Text{"代码\t算法\t单位\t设备\t周期\t名称", "CODE\tFOLD\tUNIT\tKINDS\tPERIOD\tNAME"},
}
