package texts

// AlertExplain says why an incident was raised, and why each page went where it
// went.
var AlertExplain = struct {
	Raised, RaisedAgain, Pressed, Rule, Because, Escalated, Paged     Text
	Acknowledged, OnScene, Noted, HandedOver, Resolved, Mended, Now   Text
	Muted                                                             Text
	Own, Duty, Supervisor, Desk, Operator, Everyone, Fallback         Text
	Accepted, Temporary, Permanent, Unknown, NotYet                   Text
	Alert, Explain, Ledger, Verify, Export, Weekly, HeadFlag, CSVFlag Text
	Whole, Empty, Broken, Strange, WeekLine, Total, Review            Text
}{
	Raised:       Text{"发起：%v（%v），第 %d 轮第 %d 步，呼叫 %d 路", "raised: %v (%v), round %d, step %d, %d pages"},
	RaisedAgain:  Text{"再次发起（确认之后又求助、无人到场或没有恢复）：%v（%v），第 %d 轮第 %d 步，呼叫 %d 路", "raised again (called anew, nobody came, or not mended): %v (%v), round %d, step %d, %d pages"},
	Pressed:      Text{"依据：设备 %s 直接求助或报警，不经规则判断", "because: the device %s called for help itself, no rule is asked"},
	Rule:         Text{"规则：%v", "rule: %v"},
	Because:      Text{"依据：%s", "because: %s"},
	Escalated:    Text{"无人确认或都联系不上，进入第 %d 步，呼叫 %d 路", "nobody has acknowledged, or could be reached: step %d, %d pages"},
	Paged:        Text{"第 %d 步 → %s（%s）：%s；%v，尝试 %d 次 %s", "step %d -> %s (%s): %s; %v, %d attempts %s"},
	Acknowledged: Text{"%s 确认（%s）", "acknowledged by %s (%s)"},
	OnScene:      Text{"%s 到场（%s）", "%s is there (%s)"},
	Noted:        Text{"%s 写下备注", "%s has written something down"},
	HandedOver:   Text{"%s 交给 %s", "%s has handed over to %s"},
	Resolved:     Text{"%s 结束：%v", "resolved by %s: %v"},
	Mended:       Text{"已恢复，由网关结束", "mended, closed by the gateway"},
	Now:          Text{"现在：%v", "now: %v"},
	Muted:        Text{"静默中，还有 %d 分钟", "silenced for %d more minutes"},

	Own:        Text{"老人自己的照护人员", "the elder's own caregiver"},
	Duty:       Text{"值班组 %s 的当班人员", "on duty in group %s"},
	Supervisor: Text{"主管组 %s 的当班人员", "on duty in the supervisors' group %s"},
	Desk:       Text{"值班室 %s 的当班人员", "on duty at the desk %s"},
	Operator:   Text{"运维组 %s 的当班人员", "on duty in the operators' group %s"},
	Everyone:   Text{"所有人，前面无人确认", "everybody, nobody has answered before"},
	Fallback:   Text{"所有人，因为该呼叫的人都联系不上", "everybody, as those to be called cannot be reached"},

	Accepted:  Text{"渠道已接受", "accepted by the channel"},
	Temporary: Text{"暂时失败", "failed for now"},
	Permanent: Text{"无法送达", "cannot be delivered"},
	Unknown:   Text{"结果不明", "nobody knows"},
	NotYet:    Text{"尚未送出", "not sent yet"},

	Alert:    Text{"警报：为何发起、门口标签、自检", "alerts: why they were raised, door labels, the drill"},
	Explain:  Text{"说明一个警报为何发起、为何呼叫这些人", "say why an incident was raised, and why each page went where it went"},
	Ledger:   Text{"告警台账：只追加、逐条相链", "the ledger of incidents and pages: append-only, each entry bound to the one before"},
	Verify:   Text{"核对台账的每一条", "go through the whole chain"},
	Export:   Text{"导出台账（JSON 行）", "export the ledger, as JSON lines"},
	Weekly:   Text{"每周：响应时间、到场时间、各设备和规则的误报", "each week: time to acknowledge and to arrive, false alarms by device and rule"},
	HeadFlag: Text{"以前记下的链头，核对它是否仍在链上", "a head noted earlier, to be looked for in the chain"},
	CSVFlag:  Text{"输出 CSV", "as CSV"},
	Whole:    Text{"台账完整：%d 条（自第 %d 条），链头 %s。请另行记下链头。", "The ledger is whole: %d entries (from number %d), head %s. Write the head down elsewhere."},
	Empty:    Text{"台账为空。", "The ledger is empty."},
	Broken:   Text{"台账自第 %d 条起被改动过", "the ledger was changed at entry %d"},
	Strange:  Text{"记下的链头 %s 不在台账中：台账被换过或截断过", "the head %s is not in the ledger: it was replaced or cut"},
	WeekLine: Text{"%s  %s  %d 起，确认中位 %d 秒、95%% %d 秒，60 秒内 %d、180 秒内 %d，到场中位 %d 秒，结束 %d，误报 %d %s", "%s  %s  %d incidents, acknowledged in %d s (median), %d s (95 %%), %d within 60 s, %d within 180 s, there in %d s, %d resolved, %d false %s"},
	Total:    Text{"合计", "all"},
	Review:   Text{"（过半无需处理，请检查阈值或设备）", "(over half needed no action: review the threshold or the device)"},
}
