package main

import (
	"bytes"
	"image"
	"image/color"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
)

// handset is somebody's browser: it keeps cookies and follows redirects.
type handset struct {
	*http.Client
	t    testing.TB
	base string
}

func (b *box) handset() handset {
	b.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	transport := &http.Transport{}
	b.t.Cleanup(transport.CloseIdleConnections)
	return handset{&http.Client{Jar: jar, Transport: transport}, b.t, "http://" + b.cfg.Console.Listen}
}

// get opens a page, and returns where that led.
func (h handset) get(path string, header ...string) (code int, at, body string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.base+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return h.answer(h.Do(r))
}

// press is the button of a form.
func (h handset) press(path string, form url.Values) (code int, at, body string) {
	h.t.Helper()
	return h.answer(h.PostForm(h.base+path, form))
}

func (h handset) answer(r *http.Response, err error) (code int, at, body string) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Body.Close()
	content, err := io.ReadAll(r.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return r.StatusCode, r.Request.URL.Path, string(content)
}

// login redeems a login link, as its button does.
func (h handset) login(g *gateway, name string) (code int, at, body string) {
	h.t.Helper()
	token, err := g.console.Mint(name)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.press("/login", url.Values{"token": {token}})
}

// scan reads the code that a command has drawn in blocks.
func scan(t testing.TB, out string) string {
	t.Helper()
	var rows []string
	for line := range strings.Lines(out) {
		if row, ok := strings.CutPrefix(strings.TrimSuffix(line, "\x1b[0m\n"), "\x1b[97;40m"); ok {
			rows = append(rows, row)
		}
	}
	const module = 4 // points
	size := len([]rune(rows[0]))
	picture := image.NewGray(image.Rect(0, 0, size*module, 2*len(rows)*module))
	for y, row := range rows {
		for x, r := range []rune(row) {
			for half, light := range []bool{r == '█' || r == '▀', r == '█' || r == '▄'} {
				for i := range module * module {
					if light {
						picture.SetGray(x*module+i%module, (2*y+half)*module+i/module, color.Gray{Y: 255})
					}
				}
			}
		}
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		t.Fatal(err)
	}
	read, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	if err != nil {
		t.Fatalf("nobody can read the code: %v\n%s", err, out)
	}
	return read.GetText()
}

// A caregiver scans the label at the door of somebody who has called: not
// logged in, the page asks for that first and then does it; logged in, it is
// done at once. With nothing open it says so, and takes the visit of the care
// round.
func TestLabelAtTheDoorStory(t *testing.T) {
	b := newBox(t)
	secrets := b.register(append(neighbourhood(b), registry.Care{ID: "e302", RoundHours: 24, Dementia: true})...)
	g, stop := b.start()
	defer stop()
	code, out := b.command("alert", "door", "e302")
	if code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	address, err := url.Parse(scan(t, out))
	if err != nil || !strings.Contains(out, address.String()) || !regexp.MustCompile(`^/door/[\w-]{22}$`).MatchString(address.Path) || address.RawQuery != "" {
		t.Fatalf("the code says %s: %v\n%s", address, err, out)
	}
	label := address.Path
	if care := g.registry.Snapshot().Cares["e302"]; !care.Dementia || care.RoundHours != 24 {
		t.Errorf("the label has changed what is agreed on: %+v", care)
	}

	// Nothing is open. Nobody has ever been there: the first half of the day
	// offers no visit.
	li := b.handset()
	if code, at, body := li.login(g, "li"); code != 200 || at != "/" {
		t.Fatalf("%d %s %s", code, at, body)
	}
	eventually(t, "the round has begun", func() bool {
		_, at, body := li.get(label)
		return at == "/visits/e302" && strings.Contains(body, "现在没有未结束的求助") && strings.Contains(body, "下次巡访：") && !strings.Contains(body, "确认已巡访")
	})

	b.press(secrets["w302"], `{"id":"1","type":"sos"}`)
	first := b.phone.await(t, "the press", func(p []alert.Page) bool { return len(p) > 0 })[0].Incident
	incident := func() alert.Incident {
		all := g.alerts.Incidents()
		return all[slices.IndexFunc(all, func(i alert.Incident) bool { return i.ID == first })]
	}

	// A stranger learns nothing and does nothing; a guess is refused in words.
	zhang := b.handset()
	code, _, body := zhang.get(label)
	if code != 401 || !strings.Contains(body, "登录后即记为“已到场”") || strings.Contains(body, "302") || strings.Contains(body, "王秀英") {
		t.Errorf("%d %s", code, body)
	}
	if code, _, body := li.get(label[:len(label)-2] + "xx"); code != 404 || !strings.Contains(body, "已作废或不完整") {
		t.Errorf("%d %s", code, body)
	}
	// A browser that guesses where somebody will go next is nobody at the door.
	if code, _, _ := li.get(label, "Sec-Purpose", "prefetch;prerender"); code != 503 {
		t.Errorf("a prefetch: %d", code)
	}
	if i := incident(); i.Phase != alert.PhaseRaised {
		t.Fatalf("%+v", i)
	}

	// The login leads to the door.
	if code, at, body := zhang.login(g, "zhang"); code != 200 || at != "/" || !strings.Contains(body, "zhang 已到场") {
		t.Errorf("%d %s %s", code, at, body)
	}
	if i := incident(); i.Phase != alert.PhaseOnScene || i.OnScene.By != "zhang" || i.OnScene.How != visit.ByDoor || i.Acknowledged.By != "zhang" {
		t.Errorf("%+v", i)
	}
	if _, at, body := li.get(label); at != "/" || !strings.Contains(body, "zhang 已到场") {
		t.Errorf("the second to come is told %s %s", at, body)
	}
	var kept []string
	for e, err := range g.journal.Tail(t.Context(), journal.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Type == alert.TypeOnScene {
			kept = append(kept, string(e.Event.Data))
			break
		}
	}
	if len(kept) != 1 || kept[0] != `{"incident":"`+first+`","by":"zhang","how":"door"}` {
		t.Errorf("%q", kept)
	}
	if err := g.alerts.Resolve(t.Context(), first, "zhang", alert.CauseReal); err != nil {
		t.Fatal(err)
	}

	// The next press, and a caregiver who is logged in.
	b.press(secrets["w302"], `{"id":"2","type":"sos"}`)
	pages := b.phone.await(t, "the second press", func(p []alert.Page) bool { return p[len(p)-1].Incident != first })
	first = pages[len(pages)-1].Incident
	li.get(label)
	if i := incident(); i.Phase != alert.PhaseOnScene || i.OnScene.By != "li" {
		t.Errorf("%+v", i)
	}
	if err := g.alerts.Resolve(t.Context(), first, "li", alert.CauseReal); err != nil {
		t.Fatal(err)
	}

	// The visit of the round, by the button of the page; the journal says how.
	if code, _, body := li.press("/visits/e302", nil); code != 200 || !strings.Contains(body, "已记录这次巡访") || !strings.Contains(body, "王秀英") {
		t.Errorf("%d %s", code, body)
	}
	for e, err := range g.journal.Tail(t.Context(), journal.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Type == visit.TypeVisited {
			if string(e.Event.Data) != `{"elder":"e302","caregiver":"li","by":"door"}` {
				t.Errorf("%s", e.Event.Data)
			}
			break
		}
	}
	if code, _, _ := li.press("/visits/none", nil); code != 409 {
		t.Errorf("an elder whom nobody knows: %d", code)
	}

	// A new label makes the old one worth nothing, also across a restart; it is
	// on paper, too.
	file := filepath.Join(t.TempDir(), "e302.svg")
	code, out = b.command("alert", "door", "e302", "--new", "--base", "https://box.example:8443/", "--svg", file)
	drawn, err := os.ReadFile(file)
	if code != 0 || err != nil || !strings.Contains(out, "https://box.example:8443/door/") || strings.Contains(out, label) || !bytes.HasPrefix(drawn, []byte("<svg ")) {
		t.Errorf("%d %s %v %s", code, out, err, drawn)
	}
	if code, _, _ := li.get(label); code != 404 {
		t.Errorf("the old label: %d", code)
	}
	stop()
	g, _ = b.start()
	label = regexp.MustCompile(`/door/[\w-]+`).FindString(out)
	if code, at, _ := li.get(label); code != 200 || at != "/visits/e302" {
		t.Errorf("the new label after a restart: %d %s", code, at)
	}
	for _, bad := range [][]string{{"none"}, {"e302", "--base", "box"}} {
		if code, out := b.command(append([]string{"alert", "door"}, bad...)...); code != 2 || !strings.Contains(out, "e302") && !strings.Contains(out, "none") && !strings.Contains(out, "--base：须形如") {
			t.Errorf("%v: %d %s", bad, code, out)
		}
	}
}

// Overdue is said in words, and the button is there.
func TestOverdueVisitAtTheDoor(t *testing.T) {
	b := newBox(t)
	real := b.clock
	var ahead atomic.Int64
	b.clock = func() devices.Stamp {
		now, d := real(), time.Duration(ahead.Load())
		now.Mono, now.Wall = now.Mono+d, now.Wall.Add(d)
		return now
	}
	b.register(append(neighbourhood(b), registry.Care{ID: "e302", RoundHours: 24})...)
	g, _ := b.start()
	_, out := b.command("alert", "door", "e302")
	label := regexp.MustCompile(`/door/[\w-]+`).FindString(out)
	li := b.handset()
	li.login(g, "li")
	eventually(t, "the round has begun", func() bool { _, _, body := li.get(label); return strings.Contains(body, "下次巡访：") })
	ahead.Store(int64(25 * time.Hour))
	eventually(t, "overdue", func() bool {
		_, at, body := li.get("/visits/e302")
		return at == "/visits/e302" && strings.Contains(body, "巡访已超时 1 小时") && strings.Contains(body, "确认已巡访")
	})
}
