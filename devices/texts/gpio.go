package texts

// GPIO is what is said about wires and lines.
var GPIO = struct {
	Role, Device, Word, NotHere, Number, Span, Litres, Place, Level, Meter, Pulse Text
	Twice, Board, BoardMend, NoBoard, NoPin, Mend                                 Text
	NoChip, NoLine, Ambiguous, Busy, Gone, NotReleased, Hot, NoOutput             Text
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
	NoOutput:    Text{"没有 %d 号输出，请用 linli gpio list 核对", "there is no output %d, see linli gpio list"},
}

// GPIOCommand is what "linli gpio" says.
var GPIOCommand = struct {
	Group, List, Watch, Identify, IdentifyLong, Test, Release             Text
	LineColumns, WireColumns, In, Out, NoLines, NoWires, Wired            Text
	Active, Rest, Watching, Change, Press, Moved, Number, Tested, ForFlag Text
}{
	Group:        Text{"接在盒子引脚上的线路：拉绳、门磁、警号、电锁等", "what is wired to the box's own pins: pull-cords, door contacts, siren, strikes"},
	List:         Text{"列出内核的 GPIO 线路和已配置的线路", "list the kernel's GPIO lines, and what is wired"},
	Watch:        Text{"实时显示已配置线路的变化", "show changes of what is wired, live"},
	Identify:     Text{"找出某样东西接在哪条线路：按一下，看哪条线路变化", "find out which line something is on: press it, and see which one moves"},
	IdentifyLong: Text{"读取所有空闲线路的电平，显示哪一条发生变化。不驱动任何线路，也不改变方向和上下拉。已配置的线路由网关占用，用 gpio watch 查看。", "Reads the levels of all lines that nobody holds, and shows which one moves. No line is driven, and no direction or resistor changed. Lines that are wired are held by the gateway: see gpio watch."},
	Test:         Text{"让一个输出动作片刻（编号见 gpio list）", "switch an output on for a moment (numbers: gpio list)"},
	Release:      Text{"网关停止后关闭所有输出（由系统服务调用）", "switch all outputs off after the gateway has ended (called by the service)"},

	LineColumns: Text{"线路\t内核名称\t方向\t占用者", "LINE\tKERNEL NAME\tDIRECTION\tHELD BY"},
	WireColumns: Text{"编号\t用途与位置\t设备\t状态\t变化\t丢失", "NUMBER\tWIRE\tDEVICE\tSTATE\tCHANGES\tLOST"},
	In:          Text{"输入", "input"},
	Out:         Text{"输出", "output"},
	NoLines:     Text{"这台机器没有可用的 GPIO 芯片（/dev/gpiochip*），或没有权限：请用 root 或 gpio 组的用户运行。", "This machine has no GPIO chip (/dev/gpiochip*), or there is no permission: run it as root or as a member of the group gpio."},
	NoWires:     Text{"配置里没有接线：见 gateway.yaml 的 gpio。", "Nothing is wired according to the configuration: see gpio in gateway.yaml."},
	Wired:       Text{"已配置的线路：", "Wired:"},
	Active:      Text{"动作", "active"},
	Rest:        Text{"静止", "at rest"},
	Watching:    Text{"按 Ctrl-C 结束。", "Ctrl-C ends it."},
	Change:      Text{"%s  %s（%s）：%s，共变化 %d 次", "%s  %s (%s): %s, %d changes"},
	Press:       Text{"正在观察 %d 条空闲线路，持续 %v：现在按下按钮、拉绳或开关门。", "Watching %d lines that nobody holds for %v: press the button, pull the cord or open the door now."},
	Moved:       Text{"%s（内核名称 %s）变为 %s", "%s (the kernel calls it %s) is now %s"},
	Number:      Text{"%q 不是输出的编号，编号见 gpio list", "%q is no number of an output: see gpio list"},
	Tested:      Text{"输出 %d 已动作 %v。", "Output %d is on for %v."},
	ForFlag:     Text{"持续多久", "for how long"},
}
