package texts

// GPIO is what is said about wires and lines.
var GPIO = struct {
	Role, Device, Word, NotHere, Number, Span, Litres, Place, Level, Meter, Pulse Text
	Twice, Board, BoardMend, NoBoard, NoPin, Mend                                 Text
	NoChip, NoLine, Ambiguous, Busy, Gone, NotReleased, Hot                       Text
}{
	Role:    Text{"%q 不是线路的用途；输入：%s；输出：%s", "%q is no use of a wire; inputs: %s; outputs: %s"},
	Device:  Text{"%q 后面要写设备编号，例如 cord-302", "behind %q must stand the ID of the device, for example cord-302"},
	Word:    Text{"看不懂 %q", "%q is not understood"},
	NotHere: Text{"%q 不适用于这种线路", "%q is not for such a wire"},
	Number:  Text{"%q 要写 %d 到 %d 的整数", "%q needs a number from %d to %d"},
	Span:    Text{"%q 要写 %v 到 %v 的时长，例如 50ms", "%q needs a time from %v to %v, for example 50ms"},
	Litres:  Text{"每个脉冲的升数必须大于 0、不超过 10000（现为 %q）", "litres a pulse must be above 0 and at most 10000 (got %q)"},
	Place:   Text{"要写明接在哪里：“pin 11”（板上引脚）或 “line GPIO17”、“line 芯片/编号”，两者取一", "say where it is connected, one of the two: \"pin 11\" on the board's header, or \"line GPIO17\", \"line CHIP/NUMBER\""},
	Level:   Text{"评价键（且只有评价键）要写 level 1 到 5", "a key of a rating pad, and nothing else, needs a level from 1 to 5"},
	Meter:   Text{"水表（且只有水表）要写每个脉冲的升数，例如 litres 1", "a meter, and nothing else, needs its litres a pulse, for example litres 1"},
	Pulse:   Text{"电锁的脉冲 %v 超过了允许的最长时间 %v", "a pulse of %v is longer than the strike may be energised: %v"},

	Twice:     Text{"%q 与 %q 接在同一处", "%q and %q are at the same place"},
	Board:     Text{"没有名为 %q 的板型", "there is no board %q"},
	BoardMend: Text{"可用的板型：%s；其他板子用 line 写法，不需要 board", "boards that are known: %s; on any other, write \"line\" and no board"},
	NoBoard:   Text{"写了 pin %d，却没有写明 board", "pin %d is written, and no board"},
	NoPin:     Text{"板型 %[1]s 的引脚 %[2]d 不能用作输入输出", "pin %[2]d of a %[1]s is no input or output"},
	Mend:      Text{"例如  - pull-cord, cord-302, normally closed, pin 11（也可以写中文：拉绳, cord-302, 常闭, 引脚 11）", "for example  - pull-cord, cord-302, normally closed, pin 11"},

	NoChip:      Text{"没有 GPIO 芯片 %s；已有：%s（linli gpio list）", "there is no GPIO chip %s; there are: %s (see linli gpio list)"},
	NoLine:      Text{"没有名为 %s 的线路（linli gpio list）", "there is no line %s (see linli gpio list)"},
	Ambiguous:   Text{"名为 %s 的线路不止一条：请写成 line 芯片/编号", "there are several lines %s: write line CHIP/NUMBER"},
	Busy:        Text{"芯片 %[1]s 的线路 %[2]d 正被 %[3]s 占用：停掉它，或换一条线路", "line %[2]d of chip %[1]s is held by %[3]s: stop that, or use another line"},
	Gone:        Text{"芯片 %[1]s 的线路 %[2]d 读不到了（芯片被拔掉？）：%[3]v", "line %[2]d of chip %[1]s can no longer be read (was the chip unplugged?): %[3]v"},
	NotReleased: Text{"%s 没有断开：%v", "%s is not switched off: %v"},
	Hot:         Text{"%s 通电时间已到上限，需冷却 %v 后再开", "%s was on for as long as it may, and must cool down for %v"},
}
