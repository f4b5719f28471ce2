package texts

// Wear is what "linli journal stat" says about the flash card.
var Wear = struct {
	Flag, JSON, Reserve, Written, Lasts, Idle Text
}{
	Flag:    Text{"存储卡的耐久度（TBW），单位 TB，见产品说明", "endurance of the card (TBW) in TB, see its data sheet"},
	JSON:    Text{"以 JSON 输出", "print JSON"},
	Reserve: Text{"磁盘上为紧急事件预留：%s", "reserved on disk for urgent events: %s"},
	Written: Text{"最近 %s 的写入：共 %s，每个事件 %s，每天 %s", "written in the last %s: %s, %s an event, %s a day"},
	Lasts:   Text{"照此写入，一张耐久度 %g TB 的卡约可用 %.1f 年（按卡内实际写入为 %d 倍估算）", "at that rate a card of %g TB endurance lasts about %.1f years (taking it to write %d times as much inside)"},
	Idle:    Text{"自启动以来没有写入。", "Nothing was written since the start."},
}
