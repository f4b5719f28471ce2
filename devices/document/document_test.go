package document_test

import (
	"encoding/json"
	"testing"

	"github.com/linli-edge/gateway/devices/document"
	"github.com/linli-edge/gateway/devices/texts"
)

type Place struct {
	Facility string `json:"facility"`
	Number   int    `json:"compartment,omitempty"`
}

type order struct {
	Place
	Valid  float64  `json:"valid_seconds"`
	Urgent bool     `json:"urgent"`
	To     []string `json:"to"`
	Data   struct {
		Name  string          `json:"name"`
		Value json.RawMessage `json:"value"`
	} `json:"data"`
	kept string
}

// What is wrong with a document is said in both languages, with its place and
// how to mend it.
func TestWhatIsWrong(t *testing.T) {
	const fields = "facility, compartment, valid_seconds, urgent, to, data.name, data.value"
	for _, c := range []struct{ content, zh, en string }{
		{" \n", "没有内容：请发送一个 JSON 对象 {…}", "nothing was sent: send a JSON object {…}"},
		{"cause=real", "第 1 行第 1 列：不是有效的 JSON，请检查此处及之前的引号、逗号和括号", "line 1, column 1: not valid JSON, check the quotes, commas and brackets here and before"},
		{"{\n  \"facility\": \"东门\" \"x\"}", "第 2 行第 20 列：不是有效的 JSON，请检查此处及之前的引号、逗号和括号", "line 2, column 20: not valid JSON, check the quotes, commas and brackets here and before"},
		{`{"facility":"east"} {}`, "第 1 行第 21 列：不是有效的 JSON，请检查此处及之前的引号、逗号和括号", "line 1, column 21: not valid JSON, check the quotes, commas and brackets here and before"},
		{`{"facility":"east"`, "JSON 不完整：请补上末尾缺少的引号或括号", "incomplete JSON: add the quote or bracket that is missing at the end"},
		{`["east"]`, "须为一个 JSON 对象，请写成 {…}", "must be a JSON object, write {…}"},
		{`null`, "须为一个 JSON 对象，请写成 {…}", "must be a JSON object, write {…}"},
		{`{"facilty":"east"}`, "facilty：没有这个字段，请改正或删去；可用的字段：" + fields, "facilty: there is no such field, correct or remove it; fields are: " + fields},
		{`{"data":{"nam\"e":"x"}}`, `nam"e：没有这个字段，请改正或删去；可用的字段：` + fields, `nam"e: there is no such field, correct or remove it; fields are: ` + fields},
		{`{"kept":"x"}`, "kept：没有这个字段，请改正或删去；可用的字段：" + fields, "kept: there is no such field, correct or remove it; fields are: " + fields},
		{`{"facility":5}`, "facility：须为带引号的文字（现为数字）", "facility: must be text in quotes (got a number)"},
		{`{"compartment":"12"}`, "compartment：须为整数（现为带引号的文字）", "compartment: must be a whole number (got text in quotes)"},
		{`{"compartment":1.5}`, "compartment：须为整数（现为1.5）", "compartment: must be a whole number (got 1.5)"},
		{`{"valid_seconds":true}`, "valid_seconds：须为数字（现为 true 或 false）", "valid_seconds: must be a number (got true or false)"},
		{`{"urgent":[]}`, "urgent：须为 true 或 false（现为列表 […]）", "urgent: must be true or false (got a list […])"},
		{`{"to":{}}`, "to：须为列表 […]（现为对象 {…}）", "to: must be a list […] (got an object {…})"},
		{`{"data":{"name":7}}`, "data.name：须为带引号的文字（现为数字）", "data.name: must be text in quotes (got a number)"},
		{`{"data":7}`, "data：须为对象 {…}（现为数字）", "data: must be an object {…} (got a number)"},
	} {
		err := document.Read([]byte(c.content), new(order))
		if err == nil {
			t.Errorf("%s is taken", c.content)
			continue
		}
		if zh, en := texts.Of(err, texts.Chinese), texts.Of(err, texts.English); zh != c.zh || en != c.en {
			t.Errorf("%s:\n%s\n%s", c.content, zh, en)
		}
	}
}

func TestWhatIsRight(t *testing.T) {
	var o order
	if err := document.Read([]byte(` {"facility":"east","compartment":12,"valid_seconds":0.5,"to":["a"],"data":{"value":[1]}} `), &o); err != nil ||
		o.Facility != "east" || o.Number != 12 || o.Valid != 0.5 || len(o.To) != 1 || string(o.Data.Value) != "[1]" || o.kept != "" {
		t.Errorf("%+v, %v", o, err)
	}
	var raw json.RawMessage
	if err := document.Read([]byte(`{"anything":1}`), &raw); err != nil || string(raw) != `{"anything":1}` {
		t.Errorf("%s, %v", raw, err)
	}
}
