package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/linli-edge/gateway/devices/texts"
)

// terminal is what the demo has printed so far.
type terminal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *terminal) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *terminal) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// A newcomer starts the demo, opens the address it prints in a browser of a
// phone's size, sees somebody press for help and the figures arrive, answers,
// and ends the demo with Ctrl-C. Nothing is left behind.
func TestDemo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out, errs terminal
	ended := make(chan int)
	go func() { ended <- execute(ctx, texts.Chinese, []string{"demo", "--listen", "127.0.0.1:0"}, &out, &errs) }()

	var page string
	eventually(t, "an address", func() bool {
		page = regexp.MustCompile(`http://\S+`).FindString(out.String())
		return page != ""
	})
	browser, closed := newBrowser(t)
	do := func(what string, steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		for _, step := range steps {
			ctx, cancel := context.WithTimeout(browser, patience)
			err := chromedp.Do(ctx, step)
			cancel()
			if err != nil {
				t.Fatalf("%s: %v\n%s%s", what, err, out.String(), errs.String())
			}
		}
	}
	do("log in", chromedp.Navigate(page), chromedp.WaitVisible(".enter"), chromedp.Click(".enter"))
	do("a call for help", chromedp.WaitVisible(".incident.calling .act"))
	eventually(t, "a telephone that rings", func() bool { return strings.Contains(out.String(), "的手机响了：【紧急求助】") })
	screenshot(t, browser, "demo-calling")
	do("acknowledge", chromedp.Click(".incident.calling .act"),
		chromedp.WaitVisible(".incident:not(.calling)"))
	eventually(t, "deposits and meals at the platform", func() bool {
		return regexp.MustCompile(`平台今日：投递 [1-9]\d*、取件 \d+、放餐 [1-9]`).MatchString(out.String())
	})
	screenshot(t, browser, "demo-answered")
	closed()

	interrupt()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
	if !strings.Contains(out.String(), "已结束。") || errs.String() != "" {
		t.Errorf("it ends with\n%s%s", out.String(), errs.String())
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "linli-demo-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q %v", left, err)
	}
}

// newBrowser is Debian's Chromium of a phone's size.
func newBrowser(t *testing.T) (ctx context.Context, closed func()) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is not installed: run make deps")
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("accept-lang", "zh-CN"))
	ctx, cancel := chromedp.NewContext(allocator)
	closed = sync.OnceFunc(func() { cancel(); stop() })
	t.Cleanup(closed)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateScale(2))); err != nil {
		t.Fatal(err)
	}
	return ctx, closed
}

// screenshot keeps a picture of the page in $LINLI_SCREENSHOTS, if that is
// set.
func screenshot(t *testing.T, browser context.Context, name string) {
	t.Helper()
	dir := os.Getenv("LINLI_SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(browser, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}
