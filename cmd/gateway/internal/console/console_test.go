package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

func TestWhoIsNotLoggedInSeesNothing(t *testing.T) {
	b := newBox(t)
	b.sos("band-01")
	for _, path := range []string{"/", "/stream", "/nowhere"} {
		status, body := b.get(b.browser(), path)
		if status != http.StatusUnauthorized {
			t.Errorf("%s: %d", path, status)
		}
		contains(t, body, "请先登录", "linli login")
		lacks(t, body, "陈桂英", "桂花苑")
	}
	_, body := b.get(b.browser(), "/", "Accept-Language", "en-GB,en;q=0.9,zh;q=0.8")
	contains(t, body, "Please log in", "linli login")
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
		forged[i] ^= 1
		if name, ok := b.sessions.open(string(forged)); ok {
			t.Errorf("character %d changed: let in as %s", i, name)
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
		"周护理员", "Webhook 推送", "通道已接收", "社区值班台", "短信（手机卡）", "没有送出，稍后再试")
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
	contains(t, body, `"devices":37`, `"waiting":3`, `"name":"alert"`, `"clock_synchronised":true`)
}

func TestThePageSpeaksEnglishWhenAsked(t *testing.T) {
	b := newBox(t)
	b.sos("band-01")
	client := b.enter("zhou")
	_, body := b.get(client, "/?lang=en")
	contains(t, body, `<html lang="en">`, "Calls for help waiting: 1", "I have it", "taken by the channel", "Today", "37 registered")
	_, body = b.get(client, "/")
	contains(t, body, "I have it")
	_, body = b.get(client, "/?lang=zh")
	contains(t, body, `<html lang="zh-CN">`, "我来处理", "已登记 37 台")
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
	lacks(t, body, "一条独立通路")
	b.Console.Ways = func() []string { return []string{"internet"} }
	_, body = b.get(client, "/")
	contains(t, body, "高优先级呼叫只有一条独立通路（外网）")
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
	if n := strings.Count(body, `<span class="glyph"`); n != feedSize {
		t.Errorf("%d events on the page", n)
	}
}

// awaitFeed waits until a page shows an event of that device.
func (b *box) awaitFeed(who string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
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

// What is put in words only when somebody looks is said by what was known when
// it came.
func TestLiveEventsNameWhoItWas(t *testing.T) {
	b := newBox(t)
	f, began := &feed{}, b.Clock()
	rename := func(name string) {
		b.must(b.Registry.Update(func(tx *registry.Tx) error {
			d := b.Registry.Snapshot().Devices["locker-n1"]
			d.Name = name
			return tx.Put(d)
		}))
	}
	data := []byte(`{"compartment":7}`)
	for _, name := range []string{"旧柜", "新柜"} {
		rename(name)
		f.add(devices.Event{Device: "locker-n1", Type: locker.TypeDeposited, Received: b.Clock(), Data: data}, b.Console, began)
		copy(data, `{"compartment":8}`) // the journal reads the next into the same memory
	}
	rename("改名后")
	views := f.view(texts.Chinese)
	if len(views) != 2 || !strings.HasPrefix(views[0].Who, "新柜") || !strings.HasPrefix(views[1].Who, "旧柜") {
		t.Fatalf("%+v", views)
	}
	if views[0].What != "8 号格，存入快递" || views[1].What != "7 号格，存入快递" {
		t.Errorf("%+v", views)
	}
	if again := f.view(texts.English); again[1].Who[:len("旧柜")] != "旧柜" || again[1].What == views[1].What {
		t.Errorf("%+v", again)
	}
}
