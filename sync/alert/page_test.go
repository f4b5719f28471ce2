package alert

import (
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices/texts"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		name   string
		page   Page
		zh, en string
	}{
		{"SOS", Page{Kind: SOS, Building: "3栋", Room: "502", Presses: 1, Round: 1},
			"【紧急求助】3栋 502\n有人按下求助按钮，请立即前往，并确认“我来处理”。",
			"[SOS] 3栋 502\nSomebody pressed for help. Go there now, and say \"I have it\"."},
		{"fall with all there is to say", Page{Kind: Fall, Priority: High, Room: "101", Waiting: 125, Presses: 3, Round: 2, FromMemory: true, Link: "http://box/i/1"},
			"【疑似跌倒】101\n设备检测到跌倒，请立即前往，并确认“我来处理”。\n已等待 2 分钟，尚无人响应。\n确认之后再次求助。\n共按下 3 次。\n（存储异常，由内存直接发出）\n确认：http://box/i/1",
			"[Fall suspected] 101\nA device believes that somebody fell. Go there now, and say \"I have it\".\nWaiting for 2 min, nobody has answered yet.\nCalled again after it was acknowledged.\nPressed 3 times.\n(sent from memory: the box cannot write in time)\nAcknowledge: http://box/i/1"},
		{"trial", Page{Kind: SOS, Place: "活动室", Test: true},
			"【测试】【紧急求助】活动室\n有人按下求助按钮，请立即前往，并确认“我来处理”。",
			"[TEST] [SOS] 活动室\nSomebody pressed for help. Go there now, and say \"I have it\"."},
		{"nowhere", Page{Kind: SOS, Device: "w-17", Waiting: 59},
			"【紧急求助】位置未登记（设备 w-17）\n有人按下求助按钮，请立即前往，并确认“我来处理”。",
			"[SOS] place not registered (device w-17)\nSomebody pressed for help. Go there now, and say \"I have it\"."},
	} {
		if got := c.page.Text(texts.Chinese); got != c.zh {
			t.Errorf("%s: %q, want %q", c.name, got, c.zh)
		}
		if got := c.page.Text(texts.English); got != c.en {
			t.Errorf("%s: %q, want %q", c.name, got, c.en)
		}
	}
}

func TestNoPageHasAName(t *testing.T) {
	b := newBoard()
	r := apply(t, b, press("w-zhao", "1", "sos"), at(0))
	for _, d := range r.current() {
		p := b.page(r, d, at(0))
		if text := p.Text(texts.Chinese); p.Device != "" || strings.Contains(text, "赵") || strings.Contains(text, "李") {
			t.Errorf("%+v\n%s", p, text)
		}
	}
}
