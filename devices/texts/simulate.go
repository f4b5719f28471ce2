package texts

// Simulate is what "linli simulate" says.
var Simulate = struct {
	Short, Long, Devices, Mix, Rate, Duration, Seed, Help, Credentials, Broker, CA, Save, Keep, Anyway,
	Weight, Part, Twice, Number, Province, File, Registering, Begins, Progress, Ended, NoRecount, Recount, Lost, Removed, NeedBroker, Cut Text
}{
	Short: Text{"用真实的 MQTT 连接模拟许多设备，用于压力和验收测试", "play many devices over real MQTT connections, for load and acceptance"},
	Long: Text{`按种类和品牌混合模拟设备：逐台登录、上报、等待确认，最后与网关的日志逐条核对。
不指定 --credentials 时，经本机网关登记模拟设备（编号以 sim- 开头，属于设施 sim），结束后注销。
模拟的数据会计入统计，所以不要在已向省平台报送的网关上运行。`, `Plays a mix of kinds and makes of devices: each logs in, reports, waits for its acknowledgement; at the
end all of it is counted again in the gateway's journal. Without --credentials the devices are registered with
the gateway on this machine (IDs begin with sim-, at the facility sim) and removed at the end. What they
report is counted in the statistics, so do not run it on a gateway that reports to a province.`},
	Devices:     Text{"设备台数", "how many devices"},
	Mix:         Text{"种类和品牌及其比重，例如 locker=5,wearable=3,zigbee2mqtt；all 为全部", "kinds and makes with their weights, for instance locker=5,wearable=3,zigbee2mqtt; all for every one"},
	Rate:        Text{"每台每秒上报几条", "messages a second of each device"},
	Duration:    Text{"持续多久", "for how long"},
	Seed:        Text{"随机种子：相同的种子上报相同的内容", "seed: the same one says the same"},
	Help:        Text{"也上报求助和故障（会真的呼叫照护人员）", "report calls for help and faults too (which calls people)"},
	Credentials: Text{"设备及其密码的文件（--save 写出的格式），不再登记", "file of devices and secrets, as --save writes it; nothing is registered then"},
	Broker:      Text{"网关地址，例如 tcp://192.168.1.8:1883 或 ssl://…", "the gateway's address, for instance tcp://192.168.1.8:1883 or ssl://…"},
	CA:          Text{"网关证书的根证书文件（PEM）", "file with the authority of the gateway's certificate (PEM)"},
	Save:        Text{"登记后把设备及其密码写入此文件，供别的机器使用；不再自动注销", "write devices and secrets to this file for use on another machine; they are not removed then"},
	Keep:        Text{"结束后不注销模拟设备", "do not remove the devices at the end"},
	Anyway:      Text{"即使网关已向省平台报送也运行", "run although the gateway reports to a province"},

	Weight:      Text{"--mix：%q 的比重须为 1 至 1000 的整数", "--mix: the weight of %q must be a whole number of 1 to 1000"},
	Part:        Text{"--mix：没有 %q（可用：%s）", "--mix: there is no %q (there are: %s)"},
	Twice:       Text{"--mix：%q 写了两次", "--mix: %q is there twice"},
	Number:      Text{"--%s：须为 %v 至 %v（现为 %v）", "--%s: must be %v to %v (got %v)"},
	Province:    Text{"这台网关向省平台报送，模拟的数据会计入统计：请换一台，或加 --anyway", "this gateway reports to a province, and what is simulated would be counted: use another one, or --anyway"},
	File:        Text{"%s 第 %d 行：须为 --save 写出的格式：%v", "%s:%d: must be as --save writes it: %v"},
	NeedBroker:  Text{"请用 --broker 写明网关地址", "give the gateway's address with --broker"},
	Registering: Text{"正在登记 %d 台设备", "registering %d devices"},
	Begins:      Text{"%d 台设备（%d 个连接）向 %s 上报，每台每秒 %g 条，持续 %s", "%d devices (%d connections) report to %s, %g a second each, for %s"},
	Progress:    Text{"%s  已确认 %d 条（%.0f 条/秒），重发 %d，重连 %d，最慢 %s", "%s  %d acknowledged (%.0f/s), %d sent again, %d reconnects, slowest %s"},
	Ended:       Text{"已确认 %d 条，用时 %s（%.0f 条/秒），重发 %d，重连 %d，执行命令 %d，最慢 %s", "%d acknowledged in %s (%.0f/s), %d sent again, %d reconnects, %d commands carried out, slowest %s"},
	NoRecount:   Text{"没有核对：本机没有运行网关（%s）", "not counted again: no gateway runs on this machine (%s)"},
	Recount:     Text{"核对日志：事件 %d、柜门 %d；丢失 %d，重复 %d", "counted again in the journal: %d events, %d doors; %d lost, %d twice"},
	Lost:        Text{"已确认的数据有丢失或重复：%s", "what was acknowledged is lost or there twice: %s"},
	Removed:     Text{"已注销模拟设备。", "The devices are removed."},
	Cut:         Text{"模拟没有完成：%v", "the simulation did not come to its end: %v"},
}
