package texts

// Platform is what a person reads of the receiver and of cmd/platform.
var Platform = struct {
	Title, All, Facilities, Box, Facility, Indicator, Numerator, Denominator, Buckets, None Text

	Help, Usage, FlagMissing, KeysRead, KeysLine, KeysBox, KeysSecret, KeysTwice, KeysNone, TLSPair, TLSLoad, Store, Listen, Serve, Listening, PlainHTTP Text
}{
	Title:       Text{"设施使用统计 %s", "Facility usage %s"},
	All:         Text{"合计", "All facilities"},
	Facilities:  Text{"各设施", "By facility"},
	Box:         Text{"网关", "Box"},
	Facility:    Text{"设施", "Facility"},
	Indicator:   Text{"指标", "Indicator"},
	Numerator:   Text{"分子", "Numerator"},
	Denominator: Text{"分母", "Denominator"},
	Buckets:     Text{"分布", "Buckets"},
	None:        Text{"此期间尚无数据。", "Nothing has been received of this period."},

	Usage:       Text{"参数错误：%v。全部参数见 -help", "wrong flags: %v. See -help for all"},
	Help:        Text{"接收网关报送的统计，存入一个文件；供平台工程师对接时参考和试用。", "Takes the figures that gateways send into a file, for a platform's engineer to read and to try against."},
	FlagMissing: Text{"缺少参数 -%s，全部参数见 -help", "the flag -%s is missing, see -help for all"},
	KeysRead:    Text{"无法读取密钥文件：%v", "cannot read the keys file: %v"},
	KeysLine:    Text{"%s 第 %d 行：%v", "%s line %d: %v"},
	KeysBox:     Text{"每行应为“网关编号 密钥”或“网关编号 enrol 注册码”，编号为 1 至 64 个 a-z、0-9、“_”、“-”、“.”", "a line is a box ID and its secret, or a box ID, enrol and a one-time code; the ID is 1 to 64 of a-z, 0-9, '_', '-' and '.'"},
	KeysSecret:  Text{"密钥至少应有 %d 个字符", "the secret must have at least %d characters"},
	KeysTwice:   Text{"网关 %s 出现两次", "box %s is given twice"},
	KeysNone:    Text{"密钥文件 %s 中没有网关", "the keys file %s has no box"},
	TLSPair:     Text{"参数 -tls-cert 与 -tls-key 必须同时给出", "the flags -tls-cert and -tls-key must be given together"},
	TLSLoad:     Text{"无法载入证书：%v", "cannot load the certificate: %v"},
	Store:       Text{"无法打开数据库：%v", "cannot open the store: %v"},
	Listen:      Text{"无法监听：%v", "cannot listen: %v"},
	Serve:       Text{"服务中断：%v", "serving ended: %v"},
	Listening:   Text{"平台已在 %s 监听，共 %d 个网关", "the platform listens on %s for %d boxes"},
	PlainHTTP:   Text{"未使用证书：除本机外，请勿以明文 HTTP 接收数据", "no certificate: take plain HTTP from this machine only, not from a network"},
}

// Province is what a person reads of the sending to the platform.
var Province = struct {
	URL, PlainURL, Box, Secret, Interval, Sign, Name      Text
	NoKeyFile, KeyFile, NoEnrolment, NotEnrolled          Text
	BadCode, Replaced, Cloned                             Text
	Unreachable, Unauthorized, Status, NoAnswer, Receipts Text
}{
	URL:          Text{"平台地址应为 https://主机/路径（现为 %q）", "the platform's URL must be https://host/path (got %q)"},
	PlainURL:     Text{"平台地址须用 https；只有本机的平台可用 http（现为 %q）", "the platform's URL must be https; http is for a platform on this machine only (got %q)"},
	Box:          Text{"网关编号应为 1 至 64 个 a-z、0-9、“_”、“-”、“.”（现为 %q）", "the box ID must be 1 to 64 of a-z, 0-9, '_', '-' and '.' (got %q)"},
	Secret:       Text{"平台密钥至少应有 %d 个字节", "the platform's secret must have at least %d bytes"},
	Interval:     Text{"上报间隔不能为负（现为 %s）", "the interval must not be negative (got %s)"},
	Sign:         Text{"签名方式应为 %s 之一（现为 %q）", "sign must be one of %s (got %q)"},
	Name:         Text{"上报目的地的名称应为 1 至 64 个 a-z、0-9、“_”、“-”、“.”（现为 %q）", "the name of a destination must be 1 to 64 of a-z, 0-9, '_', '-' and '.' (got %q)"},
	NoKeyFile:    Text{"签名方式 %s 需要密钥文件的位置", "sign %s needs a place for its key file"},
	KeyFile:      Text{"密钥文件 %s 无法使用：%v", "the key file %s cannot be used: %v"},
	NoEnrolment:  Text{"签名方式 %s 使用共享密钥，无需注册", "sign %s uses a shared secret, there is nothing to enrol"},
	NotEnrolled:  Text{"本网关尚未在平台注册，请向平台索取一次性注册码，然后运行 linli province enrol 注册码", "this box is not enrolled at the platform: ask it for a one-time code, then run  linli province enrol CODE"},
	BadCode:      Text{"平台不认可该注册码，或已被使用，请向平台索取新码", "the platform does not know this enrolment code, or it was used before: ask it for another"},
	Replaced:     Text{"另一台网关已接替本网关上报（编号相同，世代更新）。若本机才是正在使用的，请重新注册", "another box has taken this one's place (same ID, later generation). If this is the one in use, enrol it again"},
	Cloned:       Text{"另一台网关正在使用本网关的身份（例如复制的存储卡）。请停用其中一台，并重新注册本机", "another box uses this one's identity, from a copied card perhaps: take one of them out of use and enrol this one again"},
	Unreachable:  Text{"无法连接平台：%v", "the platform cannot be reached: %v"},
	Unauthorized: Text{"平台不认可本网关的签名，请核对网关编号与密钥（%s：%s）", "the platform does not know this box's signature, check box ID and secret (%s: %s)"},
	Status:       Text{"平台未接收：状态码 %d（%s：%s）", "the platform did not take the batch: status %d (%s: %s)"},
	NoAnswer:     Text{"平台的答复无法识别：%v", "the platform's answer cannot be read: %v"},
	Receipts:     Text{"平台的回执不完整，缺少 %s", "the platform's receipts are incomplete, %s is missing"},
}
