package texts

// Profile is what is said of a device profile that cannot be used. The names
// of keys are those of the file, the same in both languages.
var Profile = struct {
	Place, YAML, NoText, Rule, Expression Text

	Missing, NameOfFile, Name, Twice, NoMessages, NoRules Text
	Topic, Filter, NotCovered, Unreachable                Text
	UnknownType, NoType, UrgentRetained, Loop, TooLong    Text
	PatternGiven, PatternLong                             Text
	InstanceOfHeld, NumberAlone                           Text
	Describes, DescribesAlone                             Text

	NoProfile, Reference, NoSetting, SettingName, SettingValue Text
}{
	Place:      Text{"%s:%d:%d：%v\n%s", "%s:%d:%d: %v\n%s"},
	YAML:       Text{"不是有效的 YAML：%s", "not valid YAML: %s"},
	NoText:     Text{"此处须为单个值", "must be a single value"},
	Rule:       Text{"规则 %s：%s：%v", "rule %s: %s: %v"},
	Expression: Text{"表达式有误：%s", "bad expression: %s"},

	Missing:    Text{"%s：不能为空", "%s: must not be empty"},
	NameOfFile: Text{"name：须与文件名 %q 相同（现为 %q）", "name: must be the file's name %q (got %q)"},
	Name:       Text{"name：须为 1 至 64 个 a-z、0-9、“-”、“_”或“.”（现为 %.80q）", "name: must be 1 to 64 of a-z, 0-9, '-', '_' and '.' (got %.80q)"},
	Twice:      Text{"name：另一条规则已名为 %q，请另取", "name: another rule is called %q already, choose another"},
	NoMessages: Text{"messages：至少须有一项", "messages: must hold at least one"},
	NoRules:    Text{"address：没有规则的报文不需要地址，请删去或添加 rules", "address: a message without rules needs none, remove it or add rules"},

	Topic:       Text{"topic：须为以“/”分隔的层级，每层为固定文字或 {名称}，其中至多一个为 {名称...}（现为 %q）", "topic: must be levels separated by '/', each fixed or {name}, one of them {name...} at most (got %q)"},
	Filter:      Text{"%s：%q 不是有效的 MQTT 主题过滤器", "%s: %q is not a valid MQTT topic filter"},
	NotCovered:  Text{"topic：%q 不在 topics 所列的过滤器之内，请补充", "topic: %q is under none of the filters in topics, add one"},
	Unreachable: Text{"topic：永远轮不到它，因为前面的 %q 已涵盖所有这样的报文，请调换次序", "topic: never reached, as %q before it takes all such messages: put this one first"},

	UnknownType:    Text{"type：%s 不会上报 %q", "type: a %s does not report %q"},
	NoType:         Text{"type：没有哪种设备会上报 %q", "type: no kind of device reports %q"},
	UrgentRetained: Text{"retained：保留报文不能触发 %q，请删去", "retained: a retained message cannot be a %q, remove this"},
	Describes:      Text{"describes：须为 %v 之一（现为 %.80q）", "describes: must be one of %v (got %.80q)"},
	DescribesAlone: Text{"describes：这样的报文不需要 address 和 rules，请删去", "describes: such a message needs no address and no rules, remove them"},
	InstanceOfHeld: Text{"instance：只用于 held，请写上 held 或删去", "instance: is for held only, write held or remove this"},
	NumberAlone:    Text{"number：不能与 held 或 id 同用，请只留其一", "number: not together with held or id, keep one of them"},
	Loop:           Text{"不允许使用循环、let 和“;”，请写成一个表达式", "loops, let and ';' are not allowed, write one plain expression"},
	PatternGiven:   Text{"matches：右边须为直接写出的正则表达式", "matches: write the regular expression itself on the right"},
	PatternLong:    Text{"matches：正则表达式合计至多 %d 步（现为 %d），请减少重复次数或拆成多条规则", "matches: the regular expressions must have at most %d steps together (got %d), repeat less or write several rules"},
	TooLong:        Text{"至多 %d 字节（现为 %d）", "must be at most %d bytes (got %d)"},

	NoProfile:    Text{"profile：没有名为 %.80q 的配置（可用：%s）", "profile: there is none called %.80q (there are: %s)"},
	Reference:    Text{"profile：%.200q 应写作“名称”或“名称?设置=值&设置=值”，每个设置一次", "profile: %.200q must be written name or name?setting=value&setting=value, each setting once"},
	NoSetting:    Text{"profile：没有名为 %.80q 的设置（可用：%s）", "profile: there is no setting %.80q (there are: %s)"},
	SettingName:  Text{"settings：名称须为小写字母、数字和“_”（现为 %.80q）", "settings: a name must be lower-case letters, digits and '_' (got %.80q)"},
	SettingValue: Text{"%s：须为 1 至 %d 字节、可用于主题的文字，不含 + # { } 和空层级（现为 %.200q）", "%s: must be 1 to %d bytes that can stand in a topic, without + # { } and empty levels (got %.200q)"},
}
