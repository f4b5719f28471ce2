package console

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/wearable"
)

// phone is a browser of 390 by 844 points.
type phone struct {
	*box
	context.Context
	mu         sync.Mutex
	complaints []string // of the browser's console
}

func newPhone(b *box) *phone {
	b.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		b.Fatal("chromium is not installed: run make deps")
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.UserDataDir(b.TempDir()), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("accept-lang", "zh-CN"))
	b.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	b.Cleanup(cancel)
	p := &phone{box: b, Context: ctx}
	b.must(chromedp.Do(ctx, chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateScale(2))))
	b.must(chromedp.Listen(ctx, p.hear))
	return p
}

// hear keeps what the browser complains of.
func (p *phone) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			p.complaints = append(p.complaints, fmt.Sprintf("console %s: %+v", e.Type, e.Args))
		}
	case *runtime.EventExceptionThrown:
		p.complaints = append(p.complaints, fmt.Sprintf("exception: %+v", e.ExceptionDetails))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.complaints = append(p.complaints, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	}
}

// act does one thing after the other.
func (p *phone) act(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	for i, step := range steps {
		ctx, cancel := context.WithTimeout(p.Context, patience)
		err := chromedp.Do(ctx, step)
		for err != nil && strings.Contains(err.Error(), "Could not find node") { // the stream has replaced it meanwhile
			err = chromedp.Do(ctx, step)
		}
		cancel()
		if err != nil {
			p.Fatalf("step %d: %v; complaints %q", i+1, err, p.complaints)
		}
	}
}

// ask asks the page once all of it is there: what is visible already may be the
// beginning.
func ask[T any](p *phone, expression string) T {
	p.Helper()
	_, err := chromedp.Run(p.Context, chromedp.Poll[bool](`document.readyState === "complete"`,
		chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(patience)))
	p.must(err)
	v, err := chromedp.Run(p.Context, chromedp.Evaluate[T](expression))
	p.must(err)
	return v
}

// look takes a picture of the page and checks its fit.
func (p *phone) look(name string) {
	p.Helper()
	if wide := ask[int](p, "document.documentElement.scrollWidth"); wide > 390 {
		p.Errorf("%s: the page is %d points wide", name, wide)
	}
	small := ask[[]string](p, `[...document.querySelectorAll("a, button, summary, select, input")]
		.filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 44).map(e => e.outerHTML)`)
	if len(small) > 0 {
		p.Errorf("%s: too small to touch: %q", name, small)
	}
	if nameless := ask[[]string](p, `[...document.querySelectorAll("a, button, summary, select, input:not([type=hidden])")]
		.filter(e => e.checkVisibility() && !(e.labels?.length || e.ariaLabel || e.textContent.trim() && e.matches("a, button, summary"))).map(e => e.outerHTML)`); len(nameless) > 0 {
		p.Errorf("%s: nothing says what it is: %q", name, nameless)
	}
	dark := ask[bool](p, `matchMedia("(prefers-color-scheme: dark)").matches`)
	for _, other := range []bool{!dark, dark} {
		p.paint(other)
		if pale := ask[[]string](p, pale); len(pale) > 0 {
			p.Errorf("%s: too pale to read if dark is %t: %q", name, other, pale)
		}
	}
	picture, err := chromedp.Run(p.Context, chromedp.FullScreenshot(100))
	p.must(err)
	dir := os.Getenv("LINLI_SCREENSHOTS")
	if dir == "" {
		dir = p.TempDir()
	}
	p.must(os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644))
}

// pale finds texts whose contrast is less than WCAG 2.2 wants (AA): 4.5, or 3 of
// large ones.
const pale = `(() => {
	const parse = s => (s.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
	const over = ([r, g, b, a = 1], under) => [r, g, b].map((v, i) => v * a + under[i] * (1 - a));
	const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const faint = [];
	const walk = (e, ground) => {
		if (!e.checkVisibility() || e.matches(":disabled, svg")) return;
		const s = getComputedStyle(e), large = parseFloat(s.fontSize) >= 24 || parseFloat(s.fontSize) >= 18.66 && s.fontWeight >= 700;
		ground = over(parse(s.backgroundColor), ground);
		const text = [...e.childNodes].filter(n => n.nodeType == 3).map(n => n.data.trim()).join("");
		let opacity = 1;
		for (let up = e; up; up = up.parentElement) opacity *= getComputedStyle(up).opacity;
		const [r, g, b, a = 1] = parse(s.color), [x, y] = [light(over([r, g, b, a * opacity], ground)), light(ground)].sort((x, y) => y - x);
		const ratio = (x + 0.05) / (y + 0.05);
		if (text && text != "·" && ratio < (large ? 3 : 4.5)) faint.push(ratio.toFixed(1) + " " + text);
		for (const c of e.children) walk(c, ground);
	};
	walk(document.body, matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0] : [255, 255, 255]);
	return [...new Set(faint)];
})()`

// paint asks for light colours or dark ones, as a telephone does at night.
func (p *phone) paint(dark bool) {
	p.Helper()
	scheme := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: map[bool]string{true: "dark"}[dark]}}}
	_, err := chromedp.Call(p.Context, emulation.SetEmulatedMedia, scheme)
	p.must(err)
}

// A caregiver opens the link on the phone, sees the call for help, takes it,
// sees that it is taken, and closes it.
func TestACaregiverWithAPhone(t *testing.T) {
	b := newBox(t)
	p := newPhone(b)
	for i, payload := range []devices.Payload{
		locker.Deposited{Compartment: 12}, locker.PickedUp{Compartment: 7}, locker.Overdue{Compartment: 31},
	} {
		b.report("locker-n1", fmt.Sprint("l", i), payload, devices.Ordinary)
	}
	b.report("meals-o1", "m1", cabinet.Loaded{Compartment: 3}, devices.Ordinary)
	b.report("band-05", "v1", wearable.Vitals{HeartRate: ptr(74), SpO2: ptr(97)}, devices.Ordinary)
	b.report("band-09", "b1", wearable.Battery{Percent: ptr(12)}, devices.Ordinary)
	b.sos("band-04")
	secret, err := b.Mint("zhou")
	b.must(err)

	p.act(chromedp.Navigate(b.server.URL+"/login?token="+secret), chromedp.WaitVisible(".enter"))
	p.look("1-login")
	p.act(chromedp.Click(".enter"), chromedp.WaitVisible(".incident.calling .act"))
	if words := ask[string](p, "document.querySelector('.incident').innerText"); words != "" {
		contains(t, words, "紧急求助", "桂花苑2号楼 402室", "张建国", "我来处理", "周护理员", "通道已接收")
	}
	if lang := ask[string](p, "document.documentElement.lang"); lang != "zh-CN" {
		t.Errorf("the page is in %s", lang)
	}
	p.act(waitFor(`/^\d+:\d\d$/.test(document.querySelector("[data-since]").textContent)`))
	p.look("2-calling")

	// A second call comes while the page is open.
	b.sos("band-16")
	p.act(waitFor(`document.querySelectorAll(".incident.calling").length == 2`), waitFor(`document.title.startsWith("(2)")`))

	p.act(chromedp.Click(".incident.calling .act"), waitFor(`document.querySelectorAll(".incident.calling").length == 1`))
	contains(t, ask[string](p, "document.querySelector('#incidents').innerText"), "周护理员 已接手", "1 起求助等待处理")
	p.act(chromedp.Click(".incident.calling .act"), waitFor(`document.querySelectorAll(".incident.calling").length == 0`))
	p.act(waitFor(`document.querySelector("#events").innerText.includes("周护理员 接手了求助")`))
	p.look("3-taken")

	p.act(chromedp.Click(`.causes button[value="accidental"]`), waitFor(`document.querySelectorAll(".incident").length == 1`))
	p.act(chromedp.Click(`.causes button[value="real"]`), waitFor(`document.querySelector("#incidents").innerText.includes("一切平安")`))
	p.look("4-calm")

	p.paint(true)
	b.sos("band-01")
	p.act(chromedp.Click(`nav a`), chromedp.WaitVisible(".incident.calling .act"))
	contains(t, ask[string](p, "document.body.innerText"), "I have it", "Today")
	p.look("5-dark-english")
	ask[bool](p, `document.querySelector(".incident").classList.toggle("technical")`)
	p.look("5-dark-technical")

	// The box goes away: the page says that it may be out of date.
	if ask[bool](p, `document.body.classList.contains("stale")`) {
		t.Error("the page believes itself out of date")
	}
	p.mu.Lock()
	if len(p.complaints) > 0 {
		t.Errorf("the browser complains: %q", p.complaints)
	}
	p.mu.Unlock()
	b.Console.Close()
	b.server.CloseClientConnections()
	p.act(waitFor(`document.body.classList.contains("stale")`), chromedp.WaitVisible(".lost"))
}

// waitFor waits until an expression of the page is true.
func waitFor(expression string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := chromedp.Poll[bool](expression)(ctx, t)
		return err
	})
}
