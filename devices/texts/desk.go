package texts

// Desk is what "linli desk" and "linli visit" say.
var Desk = struct {
	Short, Long, Visit, FacilityFlag, CountFlag, ServiceFlag, ByFlag, CaregiverFlag, AtFlag, IDFlag,
	Recorded, Visited, BadTime, Repeat, Future, Way, Facility, Elder, Caregiver, By, Late Text
}{
	Short: Text{"人工登记：钥匙、刷卡、电话、窗口办理的服务", "enter services given by key, card, telephone or at the counter"},
	Long: Text{`登记没有用码办理的服务，与智能方式一同计数（传统服务方式并行）。只登记次数，不登记服务对象。
方式（WAY）：key 钥匙、card 刷卡、phone 电话、counter 窗口、code 扫码。`, `Enters services that were given without a code, so that they are counted beside the smart ones. What is
entered is how many, never to whom. WAY is key, card, phone, counter or code.`},
	Visit:         Text{"登记一次上门巡访", "enter a visit to an elder"},
	FacilityFlag:  Text{"在哪处设施（编号）", "at which facility (its ID)"},
	CountFlag:     Text{"次数", "how many"},
	ServiceFlag:   Text{"服务的代码，例如 meal_order", "code of the service, for instance meal_order"},
	ByFlag:        Text{"谁登记的（编号）", "who enters it (their ID)"},
	CaregiverFlag: Text{"谁去的（照护人员的编号）", "who went (ID of the caregiver)"},
	AtFlag:        Text{"什么时候，例如 14:30 或 2026-11-23 14:30（默认现在）", "when, for instance 14:30 or 2026-11-23 14:30 (default now)"},
	IDFlag:        Text{"登记编号；同一编号只计一次（默认自动生成）", "ID of the entry; the same is counted once (made up by default)"},

	Recorded:  Text{"已登记：%d 次，%v，设施 %s（登记编号 %s）。", "Entered: %d, %v, facility %s (entry %s)."},
	Visited:   Text{"已登记：%s 巡访 %s（登记编号 %s）。", "Entered: %s has visited %s (entry %s)."},
	BadTime:   Text{"--at：请写成 14:30 或 2026-11-23 14:30（得到 %q）", "--at: must be 14:30 or 2026-11-23 14:30 (got %q)"},
	Repeat:    Text{"%v。不清楚是否已登记：请用 --id %s 再登记一次，不会重复计数", "%v. It is not known whether it was entered: enter it again with --id %s, it is not counted twice"},
	Future:    Text{"--at：%s 还没有到", "--at: %s is still to come"},
	Late:      Text{"--at：%s 已超过 31 天，不能补登记", "--at: %s is more than 31 days ago and cannot be entered any more"},
	Way:       Text{"没有 %.80q 这种方式（可用：%s）", "there is no way %.80q (there are: %s)"},
	Facility:  Text{"设施 %.80q 没有登记，请核对编号", "facility %.80q is not registered, check the ID"},
	Elder:     Text{"老人 %.80q 没有登记，请核对编号", "elder %.80q is not registered, check the ID"},
	Caregiver: Text{"照护人员 %.80q 没有登记，请核对编号", "caregiver %.80q is not registered, check the ID"},
	By:        Text{"--by：须为编号，1 至 64 个 a-z、0-9、“-”、“_”或“.”，不是姓名", "--by: must be an ID, 1 to 64 of a-z, 0-9, '-', '_' and '.', and not a name"},
}
