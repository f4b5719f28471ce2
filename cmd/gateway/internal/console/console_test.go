package console

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/cmd/gateway/internal/simulate"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// channel is a way to reach people that keeps what it was given.
type channel struct{ result alert.Result }

func (c channel) Send(context.Context, string, alert.Page) alert.Result { return c.result }

// box is a gateway as far as the console sees it: journal, registry and alert
// engine are real.
type box struct {
	*testing.T
	*Console
	server  *httptest.Server
	journal *journal.Journal
	engine  *alert.Engine
	ahead   atomic.Int64 // of the real clock, ns
	dir     string
}

func newBox(t *testing.T) *box {
	b := &box{T: t, dir: t.TempDir()}
	people, err := registry.Open(filepath.Join(b.dir, "registry"), registry.Options{})
	b.must(err)
	t.Cleanup(func() { b.check(people.Close()) })
	community := simulate.Example()
	community.Caregivers[0].Channels = []registry.Channel{{Kind: "webhook", Address: "https://example.org/zhou"}}
	community.Caregivers[2].Channels = []registry.Channel{{Kind: "sms", Address: "10000"}}
	_, err = community.Register(people)
	b.must(err)
	b.journal, err = journal.Open(filepath.Join(b.dir, "journal"), journal.Options{Clock: b.clock})
	b.must(err)
	t.Cleanup(func() { b.check(b.journal.Close()) })
	b.engine, err = alert.Open(b.journal, people, alert.Options{Clock: b.clock, Senders: map[string]alert.Sender{
		"webhook": channel{alert.Result{Class: alert.Accepted}},
		"sms":     channel{alert.Result{Class: alert.Temporary}},
	}})
	b.must(err)
	t.Cleanup(func() { b.check(b.engine.Close()) })
	b.Console = b.newConsole(people)
	ctx, cancel := context.WithCancel(context.Background())
	running := make(chan struct{}, 2)
	go func() { b.check(b.engine.Run(ctx)); running <- struct{}{} }()
	go func() { b.check(b.Console.Run(ctx)); running <- struct{}{} }()
	t.Cleanup(func() { cancel(); <-running; <-running })
	b.server = httptest.NewServer(b.Console)
	t.Cleanup(b.server.Close)
	t.Cleanup(b.Console.Close)
	return b
}

func (b *box) newConsole(people *registry.Registry) *Console {
	c, err := New(Config{
		KeyFile: filepath.Join(b.dir, "session.key"), Registry: people, Journal: b.journal, Alerts: b.engine,
		Figures: func() []Facility {
			return []Facility{
				{ID: "locker-north", Deposits: 31, Pickups: 24, Overdue: 1}, {ID: "locker-south", Deposits: 18, Pickups: 15},
				{ID: "meals-osmanthus", Loaded: 11, Collected: 10, Unclaimed: 1}, {ID: "meals-orchid", Loaded: 8, Collected: 8},
			}
		},
		Province: func() Province { return Province{Accepted: b.clock().Wall.Add(-time.Minute), Waiting: 3} },
		Clock:    b.clock, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	b.must(err)
	return c
}

var start = time.Now()

func (b *box) clock() devices.Stamp {
	ahead := time.Duration(b.ahead.Load())
	return devices.Stamp{Boot: devices.BootID{1}, Mono: time.Since(start) + time.Hour + ahead, Wall: time.Now().Add(ahead).UTC(), Synced: true}
}

func (b *box) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *box) check(err error) {
	if err != nil {
		b.Error(err)
	}
}

// report records what a device says.
func (b *box) report(device string, id string, p devices.Payload, urgency devices.Urgency) {
	b.Helper()
	e, err := devices.New(device, p)
	b.must(err)
	e.ID, e.Received, e.Urgency = "i/"+id, b.clock(), urgency
	b.must(b.journal.Record(b.Context(), e))
}

// sos presses a button and waits until people are being called.
func (b *box) sos(device string) string {
	b.Helper()
	b.report(device, "sos-"+device, wearable.SOS{}, devices.Urgent)
	return b.await(func(i alert.Incident) bool {
		waits := func(d alert.Delivery) bool { return d.Attempts == 0 }
		return i.Device == device && len(i.Deliveries) > 0 && !slices.ContainsFunc(i.Deliveries, waits)
	})
}

// await waits for an incident to be as it should, and returns its ID.
func (b *box) await(as func(alert.Incident) bool) string {
	b.Helper()
	for {
		changed := b.engine.Changed()
		for _, i := range b.engine.Incidents() {
			if as(i) {
				return i.ID
			}
		}
		select {
		case <-changed:
		case <-time.After(20 * time.Second):
			b.Fatalf("it did not come to it: %+v", b.engine.Incidents())
		}
	}
}

// browser is somebody's: it keeps cookies and follows redirects.
func (b *box) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	b.must(err)
	client := b.server.Client()
	return &http.Client{Jar: jar, Transport: client.Transport}
}

// enter logs a browser in.
func (b *box) enter(name string) *http.Client {
	b.Helper()
	secret, err := b.Mint(name)
	b.must(err)
	client := b.browser()
	if status, body := b.post(client, "/login", url.Values{"token": {secret}}); status != http.StatusOK {
		b.Fatalf("login: %d %s", status, body)
	}
	return client
}

func (b *box) do(client *http.Client, method, path, contentType, body string, header ...string) (int, string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, b.server.URL+path, strings.NewReader(body))
	b.must(err)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := client.Do(r)
	b.must(err)
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	b.must(err)
	return answer.StatusCode, string(content)
}

func (b *box) get(client *http.Client, path string, header ...string) (int, string) {
	b.Helper()
	return b.do(client, http.MethodGet, path, "", "", header...)
}

func (b *box) post(client *http.Client, path string, form url.Values, header ...string) (int, string) {
	b.Helper()
	return b.do(client, http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode(), header...)
}

// contains checks that a page says all of these.
func contains(t *testing.T, body string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(body, w) {
			t.Errorf("%q is missing in:\n%s", w, body)
		}
	}
}

func lacks(t *testing.T, body string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(body, w) {
			t.Errorf("%q should not be in:\n%s", w, body)
		}
	}
}

func TestWhoIsNotLoggedInSeesNothing(t *testing.T) {
	b := newBox(t)
	b.sos("band-01")
	for _, path := range []string{"/", "/stream", "/nowhere"} {
		status, body := b.get(b.browser(), path)
		if status != http.StatusUnauthorized {
			t.Errorf("%s: %d", path, status)
		}
		contains(t, body, "请先登录", "gateway login")
		lacks(t, body, "陈桂英", "桂花苑")
	}
	_, body := b.get(b.browser(), "/", "Accept-Language", "en-GB,en;q=0.9,zh;q=0.8")
	contains(t, body, "Please log in", "gateway login")
	for _, path := range []string{"/api/incidents", "/api/figures", "/api/status", "/api/nowhere"} {
		status, body := b.get(b.browser(), path, "Authorization", "Bearer x.y")
		if status != http.StatusUnauthorized || body != "{\"error\":\"请先登录\"}\n" {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, path := range []string{"/incidents/1/acknowledge", "/api/incidents/1/acknowledge"} {
		if status, _ := b.post(b.browser(), path, nil); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestALoginLinkIsGoodOnceAndNotForRobots(t *testing.T) {
	b := newBox(t)
	secret, err := b.Mint("zhou")
	b.must(err)
	for range 3 { // a robot previews the link
		status, body := b.get(b.browser(), "/login?token="+secret)
		if status != http.StatusOK {
			t.Fatal(status)
		}
		contains(t, body, "以“周护理员”的身份进入", "进入")
	}
	client := b.browser()
	status, body := b.post(client, "/login", url.Values{"token": {secret}})
	if status != http.StatusOK {
		t.Fatal(status)
	}
	contains(t, body, "一切平安")
	for name, client := range map[string]*http.Client{"another": b.browser(), "the same": client} {
		if status, body := b.post(client, "/login", url.Values{"token": {secret}}); status != http.StatusUnauthorized || !strings.Contains(body, "用过或过期") {
			t.Errorf("%s browser redeems the link again: %d", name, status)
		}
	}
	if status, _ := b.get(client, "/"); status != http.StatusOK {
		t.Errorf("a used link ends the session: %d", status)
	}
	if status, _ := b.post(client, "/logout", nil); status != http.StatusUnauthorized {
		t.Errorf("after logging out: %d", status)
	}

	late, err := b.Mint("zhou")
	b.must(err)
	b.ahead.Add(int64(31 * time.Minute))
	if status, _ := b.post(b.browser(), "/login", url.Values{"token": {late}}); status != http.StatusUnauthorized {
		t.Errorf("an old link: %d", status)
	}
}

func TestTheCookieIsKeptFromOthers(t *testing.T) {
	b := newBox(t)
	secret, err := b.Mint("zhou")
	b.must(err)
	client := b.browser()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.PostForm(b.server.URL+"/login", url.Values{"token": {secret}})
	b.must(err)
	defer answer.Body.Close()
	cookie := answer.Header.Get("Set-Cookie")
	contains(t, cookie, "HttpOnly", "SameSite=Strict", "Path=/")
	policy := answer.Header.Get("Content-Security-Policy")
	contains(t, policy, "default-src 'none'", "frame-ancestors 'none'")
	lacks(t, policy, "unsafe")
}

func TestSessionsOutliveARestartAndNotTheirTime(t *testing.T) {
	b := newBox(t)
	value, err := b.Session("zhou")
	b.must(err)
	bearer := []string{"Authorization", "Bearer " + value}
	b.Console.handler = b.newConsole(b.Registry).handler // as after a restart
	if status, _ := b.get(b.browser(), "/api/status", bearer...); status != http.StatusOK {
		t.Errorf("after a restart: %d", status)
	}
	for i := range value {
		forged := []byte(value)
		forged[i] ^= 4
		if name, ok := b.sessions.open(string(forged)); ok && string(forged) != value {
			// The last character of the signature has bits that mean nothing.
			if i != len(value)-1 {
				t.Errorf("character %d changed: let in as %s", i, name)
			}
		}
	}
	b.ahead.Add(int64(29 * 24 * time.Hour))
	if _, ok := b.sessions.open(value); !ok {
		t.Error("thrown out after 29 days")
	}
	b.ahead.Add(int64(2 * 24 * time.Hour))
	if _, ok := b.sessions.open(value); ok {
		t.Error("still in after 31 days")
	}
}

func TestTheFirstNTPAnswerThrowsNobodyOut(t *testing.T) {
	now := devices.Stamp{Boot: devices.BootID{1}, Wall: time.Unix(0, 0)}
	s := sessions{key: make([]byte, keySize), clock: func() devices.Stamp { return now }}
	value, err := s.issue("zhou")
	if err != nil {
		t.Fatal(err)
	}
	now.Mono, now.Wall = time.Minute, time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	if name, ok := s.open(value); !ok || name != "zhou" {
		t.Error("the session ended when the clock was set")
	}
}

func TestAnotherSiteCannotPost(t *testing.T) {
	b := newBox(t)
	id := b.sos("band-01")
	client := b.enter("zhou")
	for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		if status, _ := b.post(client, "/incidents/"+id+"/acknowledge", nil, header...); status != http.StatusForbidden {
			t.Errorf("%v: %d", header, status)
		}
	}
	if i := b.engine.Incidents()[0]; i.Phase != alert.PhaseRaised {
		t.Errorf("the incident is %s", i.Phase)
	}
}

func TestACallIsTakenAndClosedOnThePage(t *testing.T) {
	b := newBox(t)
	id := b.sos("band-01")
	client := b.enter("zhou")
	_, body := b.get(client, "/")
	contains(t, body, "1 起求助等待处理", "紧急求助", "桂花苑1号楼 101室", "陈桂英", "我来处理",
		"周护理员", "webhook", "通道已接收", "社区值班台", "sms", "没有送出，稍后再试")
	status, body := b.post(client, "/incidents/"+id+"/acknowledge", nil)
	if status != http.StatusOK {
		t.Fatal(status)
	}
	contains(t, body, "1 起求助已有人处理", "周护理员 已接手", "误触", "真实求助")
	lacks(t, body, "我来处理")
	if i := b.engine.Incidents()[0]; i.Acknowledged == nil || i.Acknowledged.By != "zhou" || i.Acknowledged.How != "page" {
		t.Errorf("acknowledged: %+v", i.Acknowledged)
	}
	_, body = b.post(client, "/incidents/"+id+"/resolve", url.Values{"cause": {"nonsense"}})
	contains(t, body, "没有成功：", "cause")
	_, body = b.post(client, "/incidents/"+id+"/resolve", url.Values{"cause": {"accidental"}}, "HX-Request", "true")
	contains(t, body, "一切平安")
	lacks(t, body, "<html")
	_, body = b.post(client, "/incidents/"+id+"/acknowledge", nil, "HX-Request", "true")
	contains(t, body, "没有成功：", "已经结束")
}

func TestACallIsTakenAndClosedOverHTTP(t *testing.T) {
	b := newBox(t)
	id := b.sos("band-13")
	value, err := b.Session("王主任")
	b.must(err)
	bearer := []string{"Authorization", "Bearer " + value}
	client := b.browser()
	_, body := b.get(client, "/api/incidents", bearer...)
	contains(t, body, `"id":"`+id+`"`, `"phase":"raised"`)
	status, body := b.post(client, "/api/incidents/"+id+"/acknowledge", nil, bearer...)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	contains(t, body, `"phase":"acknowledged"`, `"by":"王主任"`, `"how":"http"`)
	for body, want := range map[string]int{`{"cause":"bored"}`: http.StatusConflict, `cause=real`: http.StatusBadRequest, `{"cause":"real"}`: http.StatusOK} {
		if status, answer := b.do(client, http.MethodPost, "/api/incidents/"+id+"/resolve", "application/json", body, bearer...); want != http.StatusOK && status != want {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	if i := b.engine.Incidents()[0]; i.Resolved == nil || i.Resolved.Cause != alert.CauseReal {
		t.Errorf("resolved: %+v", i.Resolved)
	}
	if status, body := b.post(client, "/api/incidents/unknown/acknowledge", nil, append(bearer, "Accept-Language", "en")...); status != http.StatusConflict || !strings.Contains(body, "no incident unknown") {
		t.Errorf("%d %s", status, body)
	}
	_, body = b.get(client, "/api/figures", bearer...)
	contains(t, body, `{"id":"locker-north","deposits":31,`)
	_, body = b.get(client, "/api/status", bearer...)
	contains(t, body, `"devices":24`, `"waiting":3`, `"name":"alert"`, `"clock_synchronised":true`)
}

func TestThePageSpeaksEnglishWhenAsked(t *testing.T) {
	b := newBox(t)
	b.sos("band-01")
	client := b.enter("zhou")
	_, body := b.get(client, "/?lang=en")
	contains(t, body, `<html lang="en">`, "Calls for help waiting: 1", "I have it", "taken by the channel", "Today", "24 registered")
	_, body = b.get(client, "/")
	contains(t, body, "I have it")
	_, body = b.get(client, "/?lang=zh")
	contains(t, body, `<html lang="zh-CN">`, "我来处理", "已登记 24 台")
}

func TestThePageWarns(t *testing.T) {
	b := newBox(t)
	client := b.enter("duty")
	_, body := b.get(client, "/")
	contains(t, body, "没有可用联系方式的照护人员：徐护理员", "上次成功", "待报 3 条")
	people := b.Registry.Snapshot()
	b.must(b.Registry.Update(func(tx *registry.Tx) error {
		for _, c := range people.Caregivers {
			c.Channels = nil
			if err := tx.Put(c); err != nil {
				return err
			}
		}
		return nil
	}))
	_, body = b.get(client, "/")
	contains(t, body, "没有任何照护人员可以收到呼叫")
}

func TestLiveEventsAreInWords(t *testing.T) {
	b := newBox(t)
	for i := range 60 {
		b.report("locker-n1", fmt.Sprint(i), locker.Deposited{Compartment: i + 1}, devices.Ordinary)
	}
	b.report("stranger", "1", devices.Rejected{Reason: devices.RejectUnknownDevice}, devices.Ordinary)
	b.awaitFeed("未登记设备 stranger")
	client := b.enter("zhou")
	_, body := b.get(client, "/")
	contains(t, body, "60 号格，存入快递", "北门柜（桂花苑北门快递柜）", "1 条上报无法使用，最近一条来自 stranger")
	lacks(t, body, ">11 号格", "parcel.deposited", "{&#34;")
	if n := strings.Count(body, `<span class="glyph">`); n != feedSize {
		t.Errorf("%d events on the page", n)
	}
}

// awaitFeed waits until a page shows an event of that device.
func (b *box) awaitFeed(who string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second)
	defer cancel()
	b.must(b.follow(ctx, func(panel, body string) bool {
		return panel != "events" || !strings.Contains(body, who)
	}))
}

func TestStaticFilesCarryTheirLicences(t *testing.T) {
	b := newBox(t)
	for _, name := range []string{"htmx-2.0.11.min.js", "htmx-ext-sse-2.2.4.min.js", "console.css", "console.js", "icon.svg"} {
		if status, _ := b.get(b.browser(), "/static/"+name); status != http.StatusOK {
			t.Errorf("%s: %d", name, status)
		}
	}
	for _, name := range []string{"htmx-2.0.11.LICENSE", "htmx-ext-sse-2.2.4.LICENSE"} {
		_, body := b.get(b.browser(), "/static/"+name)
		contains(t, strings.ToLower(body), "with or without fee is hereby granted")
	}
}

func TestNamesAreChecked(t *testing.T) {
	b := newBox(t)
	for _, name := range []string{"", strings.Repeat("长", 65), "\xff"} {
		if _, err := b.Mint(name); err == nil || !strings.Contains(err.Error(), "name: must have 1 to 64 characters") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
