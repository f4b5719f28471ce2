package main

import (
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices/texts"
)

// On a terminal a Chinese character is as wide as two letters.
func TestTable(t *testing.T) {
	var b strings.Builder
	c := &cli{lang: texts.Chinese}
	err := c.table(&b, texts.Columns.Caregivers, [][]string{{"li", "webhook", "李敏"}, {"zhou", "短信（sms）", "周\x1b[2J"}})
	if err != nil {
		t.Fatal(err)
	}
	want := "" +
		"编号  联系方式     姓名\n" +
		"li    webhook      李敏\n" +
		"zhou  短信（sms）  周 [2J\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
