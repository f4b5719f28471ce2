package texts

// AlertRounds is about the care rounds.
var AlertRounds = struct {
	NoElder Text

	Round, List, None Text
	Due, Overdue      Text
}{
	NoElder: Text{"没有登记编号为 %s 的老人，请用 linli elder list 核对", "no elder %s is registered, see linli elder list"},

	Round:   Text{"定期巡访", "care rounds"},
	List:    Text{"该去巡访谁", "who is to be visited"},
	None:    Text{"没有约定定期巡访的老人（linli care set 编号 --round-hours 24）", "no elder has care rounds (linli care set ID --round-hours 24)"},
	Due:     Text{"下次巡访：%d 小时 %d 分后", "next visit due in %d h %d min"},
	Overdue: Text{"巡访已超时 %d 小时 %d 分", "visit overdue by %d h %d min"},
}
