package texts

// Platform is what a person reads of the receiver and of cmd/platform.
var Platform = struct {
	Title, All, Facilities, Box, Facility, Indicator, Numerator, Denominator, Buckets, None Text

	Usage, FlagMissing, KeysRead, KeysLine, KeysBox, KeysSecret, KeysTwice, KeysNone, TLSPair, TLSLoad, Store, Listen, Serve, Listening, PlainHTTP Text
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

	Usage:       Text{"参数错误：%v", "wrong flags: %v"},
	FlagMissing: Text{"缺少参数 -%s", "the flag -%s is missing"},
	KeysRead:    Text{"无法读取密钥文件：%v", "cannot read the keys file: %v"},
	KeysLine:    Text{"%s 第 %d 行：%v", "%s line %d: %v"},
	KeysBox:     Text{"每行应为“网关编号 密钥”，编号为 1 至 64 个 a-z、0-9、“_”、“-”、“.”（现为 %q）", "a line is a box ID and its secret; the ID is 1 to 64 of a-z, 0-9, '_', '-' and '.' (got %q)"},
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

// Usage names the statistics.
var Usage = struct {
	Deposits, Pickups, Overdue, ParcelDwell, Loaded, PickedUp, Unclaimed, MealDwell Text
}{
	Deposits:    Text{"包裹存入", "Parcels deposited"},
	Pickups:     Text{"包裹取出", "Parcels picked up"},
	Overdue:     Text{"包裹逾期", "Parcels overdue"},
	ParcelDwell: Text{"包裹滞留时长", "Parcel dwell time"},
	Loaded:      Text{"餐食放入（份）", "Portions loaded"},
	PickedUp:    Text{"餐食取走（份）", "Portions picked up"},
	Unclaimed:   Text{"餐食无人领取（份）", "Portions unclaimed"},
	MealDwell:   Text{"餐食存放时长", "Meal dwell time"},
}
