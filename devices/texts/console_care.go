package texts

// ConsoleCare is the page of the care rounds, of who stands by, and of how the
// past weeks went.
var ConsoleCare = struct {
	Title, Rounds, NoRounds, DueNow, Overdue     Text
	Duty, GroupAs                                Text
	Weeks, NoWeeks, Week, Download, Details, Row Text
	Incidents, Ack, Ack95, Arrive, False, Within Text
	Seconds, Minutes, Never, Share               Text
}{
	Title:    Text{"照护", "Care"},
	Rounds:   Text{"定期巡访", "Care rounds"},
	NoRounds: Text{"没有约定定期巡访的老人", "Care rounds are agreed on for nobody"},
	DueNow:   Text{"%d 位老人该巡访了", "Elders to be visited: %d"},
	Overdue:  Text{"%d 位老人该巡访了，其中 %d 位已超时", "Elders to be visited: %d, overdue: %d"},

	Duty:    Text{"现在谁值班", "Who is on duty now"},
	GroupAs: Text{"%s（%v）", "%s (%v)"},

	Weeks:     Text{"每周情况", "Week by week"},
	NoWeeks:   Text{"近 12 周没有警报", "No alerts in the past 12 weeks"},
	Week:      Text{"%s 年第 %s 周", "%s, week %s"},
	Download:  Text{"下载表格（CSV）", "Download the table (CSV)"},
	Details:   Text{"按规则和设备", "By rule and device"},
	Row:       Text{"%d 起，误报 %d/%d", "alerts: %d, false: %d of %d"},
	Incidents: Text{"警报", "alerts"},
	Ack:       Text{"确认（中位）", "taken (median)"},
	Ack95:     Text{"确认（95%）", "taken (95 %)"},
	Arrive:    Text{"到场（中位）", "there (median)"},
	False:     Text{"误报", "false"},
	Within:    Text{"60 秒内确认 %d 起，180 秒内 %d 起", "Taken within 60 s: %d, within 180 s: %d"},
	Seconds:   Text{"%d 秒", "%d s"},
	Minutes:   Text{"%d 分", "%d min"},
	Never:     Text{"—", "-"},
	Share:     Text{"%d/%d", "%d/%d"},
}
