package texts

// AlertLink is what the link in a page leads to.
var AlertLink = struct {
	Say, Done, Taken, Unknown, Expired, Closed Text
	BadPublic                                  Text
}{
	Say:       Text{"按下即记录由您处理，并停止继续呼叫。", "Press to say that you have it; nobody else is called then."},
	Done:      Text{"已记录由您处理。请立即前往。", "It is yours now. Go there."},
	Taken:     Text{"已有人处理。", "Somebody has it already."},
	Unknown:   Text{"这个链接不完整，或不再有效。", "This link is incomplete, or no longer good."},
	Expired:   Text{"这个链接已过期，请用最近一条消息里的链接。", "This link has expired: use that of the latest message."},
	Closed:    Text{"这次求助已经结束。", "This call is closed already."},
	BadPublic: Text{"%q 不是 https:// 开头、只有主机名的网址", "%q is no https:// URL of a host alone"},
}
