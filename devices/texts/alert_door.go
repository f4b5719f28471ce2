package texts

// AlertDoor is what the label at an elder's door is for, and what the page says
// when somebody opens it.
var AlertDoor = struct {
	Command, CommandLong, RenewFlag, BaseFlag, SVGFlag Text
	Printed, Written, NFC                              Text
	BadBase, NoElder, TooLong                          Text

	Unknown, First, Nothing, NoRound, Confirm, Confirmed Text
}{
	Command: Text{"老人门口的“已到场”二维码或 NFC 标签", "the code or tag at an elder's door that says \"on scene\""},
	CommandLong: Text{
		"打印老人门口标签的网址和二维码。照护人员用登录过的手机扫码或碰一碰，这位老人的未结束警报即记为“已到场”；没有警报时可以确认巡访。网址里没有任何个人信息，不登录则什么也看不到、做不了。标签丢失或被拍照，用 --new 换一个，旧标签立即作废。",
		"Prints the link for the label at an elder's door, and its code. A caregiver who is logged in scans or taps it, and the elder's open incident is on scene; while nothing is open, the care round can be confirmed. The link says nothing about anybody, and shows and does nothing to whoever is not logged in. If the label is lost or was photographed, --new makes another, and the old one is worth nothing at once.",
	},
	RenewFlag: Text{"换一个新的，旧标签作废", "a new one; the old label is worth nothing any more"},
	BaseFlag:  Text{"标签上的网关地址，须与照护人员登录时的一致，例如 https://192.168.1.20:8443", "the box's address on the label, the same at which caregivers log in, for example https://192.168.1.20:8443"},
	SVGFlag:   Text{"把二维码写成 SVG 文件，用于打印", "write the code as an SVG file, to be printed"},
	Printed:   Text{"%s 的门口标签：\n%s", "The label for the door of %s:\n%s"},
	Written:   Text{"二维码已写入 %s。", "The code is in %s."},
	NFC:       Text{"也可以用手机上的 NFC 写卡应用把同一网址写入标签（NTAG213 即可）。网关的地址须固定不变。", "An NFC writer on a phone puts the same link on a tag (NTAG213 will do). The box's address has to stay the same."},
	BadBase:   Text{"--base：须形如 https://192.168.1.20:8443（现为 %.80q）", "--base: must be like https://192.168.1.20:8443 (got %.80q)"},
	NoElder:   Text{"没有登记编号为 %.64s 的老人，请用 linli elder list 核对", "no elder %.64s is registered, see linli elder list"},
	TooLong:   Text{"网址太长，做不成二维码：%v", "the link is too long for a code: %v"},

	Unknown:   Text{"这个门口标签已作废或不完整。请联系管理员换新：linli alert door", "This label is no longer good, or damaged. Ask for a new one: linli alert door"},
	First:     Text{"登录后即记为“已到场”。", "Once you are logged in, you are on scene."},
	Nothing:   Text{"现在没有未结束的求助。", "No call for help is open."},
	NoRound:   Text{"没有约定定期巡访。", "No care rounds are agreed on."},
	Confirm:   Text{"确认已巡访", "I have visited"},
	Confirmed: Text{"已记录这次巡访。", "The visit is kept."},
}
