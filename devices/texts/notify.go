package texts

// Notify is what is said of the channels that carry pages to people.
var Notify = struct {
	Template, NoChannel, TestPlace Text

	Reply, Taken, NothingOpen Text

	Mobile, Member, OpenID, DeviceKey, Topic, URL, Mailbox, Number, Voice Text

	OneWay, Internet, Local, SIM, Box Text

	Channel, List, Test, TestLong, Failed     Text
	ToFlag, CaregiverFlag, ToOrCaregiver      Text
	NoneFailed, NotOfKind                     Text
	TestAccepted, TestRefused, TestUnanswered Text
}{
	Template:  Text{"webhook 模板 %s：%v", "webhook template %s: %v"},
	NoChannel: Text{"本机没有配置渠道 %q；已配置的有：%s", "this box has no channel %q; it has: %s"},
	TestPlace: Text{"通道自检", "channel test"},

	Reply:       Text{"回复1表示我来处理", "Reply 1 to say I have it"},
	Taken:       Text{"已记录由您处理：%s", "It is yours: %s"},
	NothingOpen: Text{"没有等您确认的呼叫", "No call waits for you"},

	Mobile:    Text{"群里要提醒的人的手机号，或 all", "mobile number of who is mentioned in the group, or all"},
	Member:    Text{"企业微信成员账号", "the member's user ID"},
	OpenID:    Text{"要提醒的人的 open_id，或 all", "open_id of who is mentioned, or all"},
	DeviceKey: Text{"Bark 应用里的设备密钥", "the device key that the Bark app shows"},
	Topic:     Text{"ntfy 主题", "a topic of ntfy"},
	URL:       Text{"http(s) 网址", "an http(s) URL"},
	Mailbox:   Text{"邮箱地址", "a mail address"},
	Number:    Text{"手机号", "a telephone number"},
	Voice:     Text{"语音：zh 或 en", "a voice: zh or en"},

	OneWay:   Text{"高优先级呼叫只有一条独立通路（%v），断了就没有人会收到。请加上短信猫（channels.sms）、警号（channels.siren）或喇叭（channels.speech），并登记到照护人员", "calls of high priority have one independent path only (%v); when it is cut nobody is called. Add a modem (channels.sms), a siren (channels.siren) or a loudspeaker (channels.speech), and give it to caregivers"},
	Internet: Text{"外网", "the Internet"},
	Local:    Text{"局域网", "the local network"},
	SIM:      Text{"手机卡", "the SIM card"},
	Box:      Text{"本机输出", "the box's own outputs"},

	Channel:        Text{"呼叫渠道", "channels that carry pages"},
	List:           Text{"列出渠道及其状态", "list the channels and how they are"},
	Test:           Text{"经某个渠道发一条测试消息", "send a trial over a channel"},
	TestLong:       Text{"经某个渠道发一条标明【测试】的消息，并说明对方的答复。不占用限额，也不产生事件。", "Sends a message that is marked [TEST] over a channel, and says what the other side answered. It counts in no budget and opens no incident."},
	Failed:         Text{"列出渠道没有接受的呼叫", "list the pages that no channel has accepted"},
	ToFlag:         Text{"发到这个地址", "send to this address"},
	CaregiverFlag:  Text{"发给这位照护人员登记的地址", "send to the address that this caregiver has registered"},
	ToOrCaregiver:  Text{"请用 --to 地址 或 --caregiver 编号 说明发给谁", "say to whom by --to ADDRESS or --caregiver ID"},
	NotOfKind:      Text{"照护人员 %q 没有登记渠道 %q", "caregiver %q has no channel %q"},
	TestAccepted:   Text{"%s：已接受（%s）。请确认对方收到了【测试】消息", "%s: accepted (%s). Check that the [TEST] message has arrived"},
	TestRefused:    Text{"%s：未接受，%s（%s）", "%s: not accepted, %s (%s)"},
	TestUnanswered: Text{"%s：没有答复，可能已发出（%s）", "%s: no answer, it may have been sent (%s)"},
	NoneFailed:     Text{"没有未送达的呼叫。", "No page is undelivered."},
}
