package texts

// Demo is what the demo prints in the terminal.
var Demo = struct {
	Long, Speed, Visitor, Welcome, Progress, Rings, Failed, Stopping, Stopped Text
}{
	Long: Text{`演示：在本机模拟一个社区，并让它的网关运行起来：两组快递柜、两台取餐柜、
二十位佩戴手环的老人（都通过真实的 MQTT 说话），照护人员的手机，以及省级平台。
数据放在临时目录中，结束时删除。`, `Demo: a simulated community on this machine, and its gateway at work: two locker
banks, two meal cabinets and twenty elders with wristbands (all of them speaking
real MQTT), the caregivers' telephones, and the provincial platform. The data is in
a temporary folder and removed at the end.`},
	Speed:    Text{"--speed：须为 1 至 3600（得到 %g）", "--speed: must be 1 to 3600 (got %g)"},
	Visitor:  Text{"演示访客", "demo visitor"},
	Welcome:  Text{"请在浏览器中打开（链接只能用一次）：\n\n    %s\n\n约十五秒后会有一位老人按下求助按钮。按 Ctrl-C 结束。", "Open in a browser (the link works once):\n\n    %s\n\nIn about fifteen seconds somebody will press for help. Ctrl-C ends the demo."},
	Progress: Text{"设备已获确认 %d 条，日志 %d 条，待响应的警报 %d 个；平台今日：投递 %d、取件 %d、放餐 %d、取餐 %d", "acknowledged to devices %d, in the journal %d, incidents unanswered %d; at the platform today: deposits %d, pickups %d, meals loaded %d, meals picked up %d"},
	Rings:    Text{"☎ %s 的手机响了：%s（第 %d 步）", "☎ the telephone of %s rings: %s (step %d)"},
	Failed:   Text{"平台查询失败：%v", "the platform cannot be asked: %v"},
	Stopping: Text{"正在结束：社区先安静下来，网关再收尾 …", "Stopping: first the community falls silent, then the gateway finishes …"},
	Stopped:  Text{"已结束。", "Stopped."},
}
