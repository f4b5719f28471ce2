package texts

// Document is what is said of a JSON document that somebody has sent.
var Document = struct {
	Empty, TooLong, Syntax, Incomplete, Object, Field, Wants Text

	Text, Whole, Number, Bool, List, Nested Text
}{
	Empty:      Text{"没有内容：请发送一个 JSON 对象 {…}", "nothing was sent: send a JSON object {…}"},
	TooLong:    Text{"内容超过 %d KiB，请缩短", "longer than %d KiB, send less"},
	Syntax:     Text{"第 %d 行第 %d 列：不是有效的 JSON，请检查此处及之前的引号、逗号和括号", "line %d, column %d: not valid JSON, check the quotes, commas and brackets here and before"},
	Incomplete: Text{"JSON 不完整：请补上末尾缺少的引号或括号", "incomplete JSON: add the quote or bracket that is missing at the end"},
	Object:     Text{"须为一个 JSON 对象，请写成 {…}", "must be a JSON object, write {…}"},
	Field:      Text{"%s：没有这个字段，请改正或删去；可用的字段：%s", "%s: there is no such field, correct or remove it; fields are: %s"},
	Wants:      Text{"%s：须为%v（现为%v）", "%s: must be %v (got %v)"},

	Text:   Text{"带引号的文字", "text in quotes"},
	Whole:  Text{"整数", "a whole number"},
	Number: Text{"数字", "a number"},
	Bool:   Text{" true 或 false", "true or false"},
	List:   Text{"列表 […]", "a list […]"},
	Nested: Text{"对象 {…}", "an object {…}"},
}
