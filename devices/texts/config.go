package texts

// Config is what `linli check` and a start with a bad configuration file
// say: a reason, and how to mend it.
var Config = struct {
	Place, NoPlace, Field Text

	Missing, MissingMend       Text
	Unreadable, UnreadableMend Text
	IsFolder, IsFolderMend     Text
	Denied                     Text
	TooLarge, TooLargeMend     Text
	NotUTF8, NotUTF8Mend       Text
	Empty, EmptyMend           Text
	SecondDocument, OneFile    Text

	Syntax, SyntaxMend                 Text
	Tab, TabMend                       Text
	FullWidth, FullWidthMend           Text
	WideSpace, WideSpaceMend           Text
	Indentation, IndentationMend       Text
	Unclosed, UnclosedMend             Text
	NoKey, NoKeyMend                   Text
	Duplicate, DuplicateMend           Text
	UnknownKey, UnknownMend, DidYou    Text
	Fancy, FancyMend                   Text
	NoValue, WrongType, Example        Text
	SectionWanted, SectionMend         Text
	ListExample                        Text
	IsText, IsNumber, IsBool, IsList   Text
	IsSection, IsNothing               Text
	WantText, WantDuration, WantSize   Text
	WantNumber                         Text
	WantList, WantBool                 Text
	NotDuration, NotSize               Text
	Range, RangeMend                   Text
	BadID, BadName, BadPath, BadListen Text
	LongSocket, LongSocketMend         Text
	SamePort, SamePortMend             Text
	BrokerAndListen, OnlyOne           Text
	OnlyWithBroker, AddBroker          Text
	BadBroker, PasswordInURL           Text
	SecretFileMend                     Text
	UserWithoutSecret, AddSecret       Text
	SecretWithoutUser, AddUser         Text
	BadTopic, BadTopicMend             Text
	OneOf                              Text
	ReserveTooLarge, ReserveMend       Text
	BadPlatform, BadPlatformMend       Text
	NeedsOwnID, NeedsOwnIDMend         Text
	OnlyWithURL, AddURL                Text
	Incomplete, IncompleteMend         Text
	BadURL, BadURLMend                 Text
	BadServer, BadMailbox              Text
	BadFile, BadTemplate, BadAmount    Text
	BadSignForm, CertAndKey            Text

	SecretMissing, SecretMissingMend       Text
	SecretUnreadable, SecretUnreadableMend Text
	NotByGateway, SecretHereMend           Text
	SecretOpen, SecretOpenMend             Text
	SecretEmpty, SecretLong, SecretShort   Text
	SecretContentMend                      Text
}{
	Place:   Text{"%s:%d:%d：%v\n%s改法：%v", "%s:%d:%d: %v\n%sfix: %v"},
	NoPlace: Text{"%s：%v\n改法：%v", "%s: %v\nfix: %v"},
	Field:   Text{"%s：%v", "%s: %v"},

	Missing:        Text{"没有这个文件或文件夹", "no such file or folder"},
	MissingMend:    Text{"用 --config 给出正确的路径；安装包自带的配置文件是 /etc/linli/gateway.yaml", "give the right path with --config; the package brings /etc/linli/gateway.yaml"},
	Unreadable:     Text{"无法读取：%v", "cannot be read: %v"},
	UnreadableMend: Text{"检查文件的权限：用户 linli 必须能读；自己检查时加 sudo", "check the file's permissions: the user linli must be able to read it; check with sudo"},
	Denied:         Text{"没有权限", "permission denied"},
	IsFolder:       Text{"不是普通文件", "is not a regular file"},
	IsFolderMend:   Text{"给出一个 YAML 文件的路径", "give the path of a YAML file"},
	TooLarge:       Text{"超过 %d 字节，不像配置文件", "is over %d bytes, which no configuration is"},
	TooLargeMend:   Text{"检查路径是否指向了别的文件", "check that the path does not lead to another file"},
	NotUTF8:        Text{"不是 UTF-8 编码", "is not in UTF-8"},
	NotUTF8Mend:    Text{"在编辑器里另存为 UTF-8（常见原因：以 GBK 编码保存）", "save the file as UTF-8 in the editor (often it was saved as GBK)"},
	Empty:          Text{"文件没有内容", "the file says nothing"},
	EmptyMend:      Text{"至少写一行，例如  box: {name: 春风社区}；如果不是有意清空，请恢复原来的文件：它可能在写入时断了电", "write at least one line, for example  box: {name: Chunfeng}; unless it was emptied on purpose, restore the file: the power may have gone while it was written"},
	SecondDocument: Text{"“---” 之后还有第二份配置", "a second document begins after \"---\""},
	OneFile:        Text{"只保留一份，删掉 “---” 及其后的内容", "keep one and remove \"---\" and what follows"},

	Syntax:          Text{"YAML 写法有误（%s）", "the YAML is wrong (%s)"},
	SyntaxMend:      Text{"检查这一行与上一行的缩进、冒号后的空格和引号", "check this line and the one before: indentation, the space after a colon, quotes"},
	Tab:             Text{"缩进里有制表符（Tab）", "a tab in the indentation"},
	TabMend:         Text{"改用空格缩进", "indent with spaces"},
	FullWidth:       Text{"用了全角符号 %s", "a full-width %s"},
	WideSpace:       Text{"用了全角空格或不间断空格", "a full-width or non-breaking space"},
	WideSpaceMend:   Text{"改成普通空格", "write plain spaces"},
	FullWidthMend:   Text{"改成半角符号 %s，冒号后加一个空格", "write the half-width %s, with a space after a colon"},
	Indentation:     Text{"缩进与上文对不上", "the indentation does not fit the lines above"},
	IndentationMend: Text{"同一段里的各项左端对齐，下一级多缩进两个空格", "align the keys of one section, and indent what is inside by two more spaces"},
	Unclosed:        Text{"引号或括号没有成对", "a quote or bracket is not closed"},
	UnclosedMend:    Text{"补上成对的引号、] 或 }", "close the quote, ] or }"},
	NoKey:           Text{"这一行不是“名称: 值”", "this line is no \"key: value\""},
	NoKeyMend:       Text{"写成“名称: 值”，冒号后要有一个空格", "write \"key: value\", with a space after the colon"},
	Duplicate:       Text{"写了两次，第一次在第 %d 行", "is written twice, first in line %d"},
	DuplicateMend:   Text{"只保留一处", "keep one of them"},
	UnknownKey:      Text{"没有这个配置项", "there is no such option"},
	UnknownMend:     Text{"这里可以写：%s", "what may stand here: %s"},
	DidYou:          Text{"是否想写 %s？这里可以写：%s", "did you mean %s? What may stand here: %s"},
	Fancy:           Text{"这里不支持 YAML 的锚、引用、合并或标签", "anchors, aliases, merges and tags of YAML have no meaning here"},
	FancyMend:       Text{"直接写出值", "write the value itself"},
	NoValue:         Text{"没有值", "has no value"},
	WrongType:       Text{"应为%v，这里却是%v", "must be %v, and this is %v"},
	Example:         Text{"写成例如  %s: %s", "write for example  %s: %s"},
	ListExample:     Text{"写成例如  %s: [%q]", "write for example  %s: [%q]"},
	SectionWanted:   Text{"应为一段配置，这里却是%v", "must be a section, and this is %v"},
	SectionMend:     Text{"换行并缩进，写这些项：%s", "on new lines, indented, write some of: %s"},
	IsText:          Text{"文字（%s）", "text (%s)"},
	IsNumber:        Text{"数字（%s）", "a number (%s)"},
	IsBool:          Text{"真假值（%s）", "a truth value (%s)"},
	IsList:          Text{"列表", "a list"},
	IsSection:       Text{"一段配置", "a section"},
	IsNothing:       Text{"空的", "nothing"},
	WantText:        Text{"文字", "text"},
	WantDuration:    Text{"带单位的时长", "a duration with its unit"},
	WantNumber:      Text{"整数", "a whole number"},
	WantSize:        Text{"带单位的大小", "a size with its unit"},
	WantList:        Text{"文字的列表", "a list of texts"},
	WantBool:        Text{"true 或 false", "true or false"},
	NotDuration:     Text{"不是时长（单位可用 ms、s、m、h、d），现为 %q", "is no duration in ms, s, m, h or d (got %q)"},
	NotSize:         Text{"不是大小（单位可用 KB、MB、GB、KiB、MiB、GiB），现为 %q", "is no size in KB, MB, GB, KiB, MiB or GiB (got %q)"},
	Range:           Text{"必须在 %s 与 %s 之间，现为 %s", "must be from %s to %s (got %s)"},
	RangeMend:       Text{"不确定时删掉这一项，用默认值 %s", "when in doubt remove it, for the default of %s"},

	BadID:             Text{"只能用 1 到 64 个小写字母、数字和连字符，且以字母或数字开头，现为 %q", "must be 1 to 64 small letters, digits and hyphens, the first no hyphen (got %q)"},
	BadName:           Text{"必须是 1 到 64 个可显示的字符，现为 %q", "must be 1 to 64 printable characters (got %q)"},
	BadPath:           Text{"必须是绝对路径，现为 %q", "must be an absolute path (got %q)"},
	BadListen:         Text{"必须是“地址:端口”，端口 0 到 65535，现为 %q", "must be host:port, with a port of 0 to 65535 (got %q)"},
	LongSocket:        Text{"路径有 %d 字节，Unix 套接字最多 %d 字节", "has %d bytes, and the path of a Unix socket at most %d"},
	LongSocketMend:    Text{"换一个更短的路径，例如 %s", "choose a shorter path, for example %s"},
	SamePort:          Text{"与 %s 占用同一个端口 %s", "takes the same port as %s, %s"},
	SamePortMend:      Text{"给其中一个换端口", "give one of them another port"},
	BrokerAndListen:   Text{"与 mqtt.tls、mqtt.listen、mqtt.websocket 不能并存：要么用内置的消息服务器，要么用外部的", "excludes mqtt.tls, mqtt.listen and mqtt.websocket: the box either runs the embedded broker or uses an external one"},
	OnlyOne:           Text{"删掉 mqtt.broker，或删掉 mqtt.tls、mqtt.listen 和 mqtt.websocket", "remove mqtt.broker, or mqtt.tls, mqtt.listen and mqtt.websocket"},
	OnlyWithBroker:    Text{"只在使用外部消息服务器时有意义", "means something only with an external broker"},
	AddBroker:         Text{"删掉这一项，或加上 mqtt.broker", "remove it, or add mqtt.broker"},
	BadBroker:         Text{"必须是 mqtt://主机:端口 或 mqtts://主机:端口，现为 %q", "must be mqtt://host:port or mqtts://host:port (got %q)"},
	PasswordInURL:     Text{"地址里带有用户名或密码", "the address contains a user or password"},
	SecretFileMend:    Text{"把密码放进只有 linli 能读的文件，用 secret_file 指出", "put the secret in a file that only linli can read, and name it by secret_file"},
	UserWithoutSecret: Text{"给了用户名，却没有 mqtt.secret_file", "there is a user and no mqtt.secret_file"},
	AddSecret:         Text{"加上 secret_file: /etc/linli/mqtt.secret", "add secret_file: /etc/linli/mqtt.secret"},
	SecretWithoutUser: Text{"给了密码文件，却没有 mqtt.user", "there is a secret and no mqtt.user"},
	AddUser:           Text{"加上 user，或删掉 secret_file", "add user, or remove secret_file"},
	BadTopic:          Text{"不是有效的 MQTT 主题过滤器，现为 %q", "is no MQTT topic filter (got %q)"},
	BadTopicMend:      Text{"# 只能单独作为最后一级，+ 必须单独占一级，例如 linli/v1/#", "# stands alone as the last level, + alone in its level, for example linli/v1/#"},
	OneOf:             Text{"必须是 %s 之一，现为 %q", "must be one of %s (got %q)"},
	ReserveTooLarge:   Text{"超过 journal.budget（%s）的一半，普通事件就没有地方了", "is over half of journal.budget (%s), which leaves ordinary events no room"},
	ReserveMend:       Text{"减小 reserve 或增大 budget", "make reserve smaller or budget larger"},
	BadPlatform:       Text{"必须是 https:// 地址（仅本机可用 http://），现为 %q", "must be an https:// address, or http:// on this machine (got %q)"},
	BadPlatformMend:   Text{"用平台给出的完整地址，例如 %s", "take the whole address that the platform gives, for example %s"},
	NeedsOwnID:        Text{"上报省平台的盒子需要一个别处没有的 box.id，现在是默认值 %q", "a box that sends to a province needs a box.id of its own, and this one has the default %q"},
	NeedsOwnIDMend:    Text{"加上  box: {id: 平台登记的编号}", "add  box: {id: the ID registered at the platform}"},
	OnlyWithURL:       Text{"没有 %s.url 时不起作用", "means nothing without %s.url"},
	BadSignForm:       Text{"签名形式只能由 raw 和 hex 组成（现为 %q）", "the form of signatures is made of raw and hex (got %q)"},
	CertAndKey:        Text{"client_cert 与 client_key 须同时填写", "client_cert and client_key must be given together"},
	AddURL:            Text{"加上 url，或删掉这一项", "add url, or remove this"},

	Incomplete:     Text{"这个渠道还缺 %s", "the channel also needs %s"},
	IncompleteMend: Text{"加上  %s: %s，或删掉这一段", "add  %s: %s, or remove the section"},
	BadURL:         Text{"必须是 http(s) 地址，且不带问号后的部分，现为 %q", "must be an http(s) address without a query (got %q)"},
	BadURLMend:     Text{"不确定时删掉这一项，用服务商的地址；自建服务写成例如 %s", "remove it for the provider's own address, or write for example %s"},
	BadServer:      Text{"必须是“主机:端口”，现为 %q", "must be host:port (got %q)"},
	BadMailbox:     Text{"不是邮箱地址，现为 %q", "is no mail address (got %q)"},
	BadFile:        Text{"无法读取：%v", "cannot be read: %v"},
	BadAmount:      Text{"必须是加引号的金额（元），现为 %q", "must be an amount in quotes (got %q)"},
	BadTemplate:    Text{"模板有误：%v", "the template is wrong: %v"},

	SecretMissing:        Text{"需要密钥文件", "needs a secret file"},
	SecretMissingMend:    Text{"加上 secret_file: %s，内容是平台发给本机的密钥", "add secret_file: %s, which holds the key that the platform gave to this box"},
	SecretUnreadable:     Text{"密钥文件无法读取：%v", "the secret file cannot be read: %v"},
	SecretUnreadableMend: Text{"建好文件并让用户 linli 能读：install -m 0640 -g linli 密钥文件 %s", "make the file, readable by the user linli: install -m 0640 -g linli SECRET %s"},
	NotByGateway:         Text{"运行网关的用户没有权限", "the user that the gateway runs as may not"},
	SecretHereMend:       Text{"核对路径和权限；文件里只写一行，只有自己能读（chmod 600）", "check the path and its permissions; the file holds one line, and only you may read it (chmod 600)"},
	SecretOpen:           Text{"密钥文件的权限是 %04o，任何人都能读写", "the secret file has mode %04o, which is open to everybody"},
	SecretOpenMend:       Text{"执行 chmod o-rwx %s", "run chmod o-rwx %s"},
	SecretEmpty:          Text{"密钥文件是空的", "the secret file is empty"},
	SecretLong:           Text{"密钥文件超过 %d 字节", "the secret file is over %d bytes"},
	SecretShort:          Text{"密钥不足 %d 字节", "the secret has fewer than %d bytes"},
	SecretContentMend:    Text{"文件里只写密钥本身，一行，与发给本机的完全一致", "the file holds the secret and nothing else, in one line, exactly as it was given"},
}
