package texts

import "strings"

// Parts are what the program knows by a key: the channels, the paths that pages
// and reports take, who follows the journal, and why a report is not usable.
var Parts = map[string]Text{
	"wecom_robot":  {"企业微信群机器人", "WeCom robot"},
	"wecom_app":    {"企业微信应用", "WeCom application"},
	"dingtalk":     {"钉钉群机器人", "DingTalk robot"},
	"feishu":       {"飞书群机器人", "Feishu robot"},
	"bark":         {"Bark 推送", "Bark"},
	"ntfy":         {"ntfy 推送", "ntfy"},
	"webhook":      {"Webhook 推送", "webhook"},
	"email":        {"电子邮件", "e-mail"},
	"aliyun_sms":   {"阿里云短信", "Aliyun SMS"},
	"aliyun_voice": {"阿里云语音电话", "Aliyun voice call"},
	"sms":          {"短信（手机卡）", "SMS by the SIM card"},
	"speech":       {"喇叭播报", "loudspeaker"},
	"log":          {"网关日志", "the box's log"},

	"internet":      {"外网", "the Internet"},
	"dns":           {"域名解析（DNS）", "DNS"},
	"local network": {"局域网", "the local network"},
	"broker":        {"外部消息服务器", "external broker"},
	"sim credit":    {"手机卡余额", "credit of the SIM card"},

	"topic":          {"主题无人读取（topic）", "topic that nobody reads"},
	"too_large":      {"内容过大（too_large）", "too large"},
	"not_json":       {"不是 JSON（not_json）", "not JSON"},
	"unknown_device": {"设备未登记（unknown_device）", "unregistered device"},
	"unknown_type":   {"这类设备没有这种事件（unknown_type）", "no type of such a device"},
	"invalid":        {"字段有误（invalid）", "invalid field"},
	"time":           {"时间不可信（time）", "time stamp not plausible"},
	"retained":       {"消息服务器重放的旧消息（retained）", "replayed by a broker"},
	"description":    {"设备自述读不懂（description）", "description not understood"},

	"engine":  {"告警引擎", "the alert engine"},
	"journal": {"日志存储", "the journal"},

	"alert":    {"告警", "alerts"},
	"watch":    {"规则", "rules"},
	"ledger":   {"台账", "ledger"},
	"usage":    {"统计", "statistics"},
	"commands": {"设备命令", "commands"},
	"province": {"上报省平台", "reports to the province"},
}

// Part names one of Parts. What is not among them, a platform of the operator's
// own, is called as its configuration calls it.
func Part(lang Lang, key string) string {
	if t, ok := Parts[key]; ok {
		return t.In(lang)
	}
	return key
}

// PartsOf names several, which keys lists with spaces between them.
func PartsOf(lang Lang, keys string) string {
	var names []string
	for key := range strings.FieldsSeq(keys) {
		names = append(names, Part(lang, key))
	}
	return strings.Join(names, ConsoleEvents.Comma.In(lang))
}
