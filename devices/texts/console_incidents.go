package texts

// ConsoleIncidents is what the page says of an incident's life, and what the
// command line says of it.
var ConsoleIncidents = struct {
	There, HandedOver, Said                        Text
	Arrived, Noted, GivenTo, Found, Mended         Text
	Paged, Silenced, Unsilenced, Everything        Text
	OnScene, OnSceneDone, Note, NoteDone, TextFlag Text
	HandOver, HandOverDone, ToFlag, Show           Text
	Priority, Phase, Where, Raised, Because, Step  Text
	Taken, Closed, NoSuch                          Text
}{
	There:      Text{"%s 已到场", "%s is there"},
	HandedOver: Text{"%s %s 交给 %s", "%s %s handed over to %s"},
	Said:       Text{"%s %s：%s", "%s %s: %s"},

	Arrived:    Text{"%s 已到场", "%s is there"},
	Noted:      Text{"%s 写下备注", "%s has written something down"},
	GivenTo:    Text{"%s 交给 %s", "%s has handed over to %s"},
	Found:      Text{"规则发现：%v", "a rule has found: %v"},
	Mended:     Text{"已恢复：%v", "mended: %v"},
	Paged:      Text{"呼叫%s：%v", "called %s: %v"},
	Silenced:   Text{"%s 开启%v %d 分钟（%s）", "%s has begun %v for %d min (%s)"},
	Everything: Text{"全部", "everything"},
	Unsilenced: Text{"%s 结束%v（%s）", "%s has ended %v (%s)"},

	OnScene:      Text{"已到场", "be there: on scene"},
	OnSceneDone:  Text{"警报 %s：%s 已到场。", "Incident %s: %s is there."},
	Note:         Text{"写备注", "write something down"},
	NoteDone:     Text{"警报 %s：%s 的备注已保存。", "Incident %s: the note of %s is kept."},
	TextFlag:     Text{"备注内容", "what to write down"},
	HandOver:     Text{"交给他人", "hand an incident over"},
	HandOverDone: Text{"警报 %s：%s 已交接。", "Incident %s: handed over by %s."},
	ToFlag:       Text{"交给谁（照护人员的编号或姓名）", "to whom (ID or name of the caregiver)"},
	Show:         Text{"一个警报的详情", "one incident"},

	Priority: Text{"%v（%v）%v", "%v (%v) %v"},
	Phase:    Text{"第 %d 轮，第 %d 步", "round %d, step %d"},
	Where:    Text{"位置：%s", "where: %s"},
	Raised:   Text{"开始：%s", "raised: %s"},
	Because:  Text{"依据：%s", "because: %s"},
	Step:     Text{"%s %s：%s（尝试 %d 次）%s", "%s by %s: %s (%d attempts) %s"},
	Taken:    Text{"%v：%s %s %s", "%v: %s %s %s"},
	Closed:   Text{"结束：%s %s（%v）", "resolved: %s %s (%v)"},
	NoSuch:   Text{"没有编号为 %s 的警报，请用 linli incident list 核对", "there is no incident %s, see linli incident list"},
}
