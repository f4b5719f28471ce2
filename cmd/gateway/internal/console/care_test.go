package console

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
)

// agree has three elders of the example visited now, and again within 24, 40
// and 72 hours.
func (b *box) agree() (elders []registry.Elder) {
	b.Helper()
	elders = registry.Sorted(b.Registry.Snapshot().Elders)[:3]
	for n, hours := range []int{24, 40, 72} {
		b.must(b.Registry.Put(registry.Care{ID: elders[n].ID, RoundHours: hours}))
		b.must(b.watch.Confirm(b.Context(), elders[n].ID, "zhou", visit.ByPage))
	}
	return elders
}

// Who is to be visited is on a list, the most urgent first; a tap says that it
// is done, and is kept under the name of who tapped.
func TestRoundsAreConfirmedOnThePage(t *testing.T) {
	b := newBox(t)
	client := b.enter("zhou")
	_, body := b.get(client, "/care")
	contains(t, body, "没有约定定期巡访的老人")
	elders := b.agree()
	_, body = b.get(client, "/")
	lacks(t, body, "该巡访了")
	b.ahead.Add(int64(25 * time.Hour))
	_, body = b.get(client, "/")
	contains(t, body, "2 位老人该巡访了，其中 1 位已超时")
	_, body = b.get(client, "/care")
	contains(t, body, "巡访已超时 1 小时 0 分", "下次巡访：15 小时 0 分后", "下次巡访：47 小时 0 分后")
	if n := strings.Count(body, "确认已巡访"); n != 2 || strings.Index(body, elders[0].Name) > strings.Index(body, elders[1].Name) {
		t.Errorf("%d may be confirmed; in this order: %s", n, body)
	}
	status, body := b.post(client, "/care/"+elders[0].ID, nil)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	contains(t, body, "下次巡访：24 小时 0 分后")
	lacks(t, body, "巡访已超时")
	b.awaitFeed("周护理员 巡访 " + elders[0].Name)
	b.must(b.Registry.Put(registry.Care{ID: elders[1].ID, RoundHours: 40, AwayUntil: "2999-01-01"}))
	_, body = b.get(client, "/care?lang=en")
	contains(t, body, "next visit due in 24 h 0 min")
	lacks(t, body, elders[1].Name, "I have visited")
	if status, _ := b.post(client, "/care/nobody", nil); status != http.StatusConflict {
		t.Errorf("a visit to nobody: %d", status)
	}
	if status, _ := b.post(client, "/care/"+elders[0].ID, nil, "Origin", "https://evil.example"); status != http.StatusForbidden {
		t.Errorf("a visit by another site: %d", status)
	}
	if status, _ := b.post(b.browser(), "/care/"+elders[0].ID, nil); status != http.StatusUnauthorized {
		t.Errorf("a visit by a stranger: %d", status)
	}
}

// A hole in the rota and somebody on it who cannot be reached are on the page
// days before.
func TestTheRotaOfTheComingDays(t *testing.T) {
	b := newBox(t)
	client := b.enter("zhou")
	_, body := b.get(client, "/care")
	contains(t, body, "没有值班组")
	b.must(b.Registry.Put(
		registry.Caregiver{ID: "mute", Name: "无号码"},
		registry.Group{ID: "night", Name: "夜班", Role: registry.RoleCare, Members: []string{"zhou", "mute"}},
		registry.Shift{ID: "all", Group: "night", Days: registry.Days()[:], People: []string{"zhou"}},
	))
	_, body = b.get(client, "/care")
	contains(t, body, "夜班（照护）", "周护理员", "今后 14 天的排班没有空缺")
	day := func(n int) string { return b.clock().Wall.In(shanghai).AddDate(0, 0, n).Format(time.DateOnly) }
	b.must(b.Registry.Put(
		registry.Shift{ID: "x1", Group: "night", First: day(5), People: []string{"mute"}},
		registry.Shift{ID: "x2", Group: "night", First: day(9), Hours: "08:00-20:00", People: []string{"zhou"}},
	))
	for _, path := range []string{"/care", "/"} {
		_, body = b.get(client, path)
		contains(t, body, "无号码 将于 "+day(5)[5:]+" 00:00 值班（夜班），但没有可用的联系方式")
		lacks(t, body, "今后 14 天的排班没有空缺")
	}
}

// awaitWeeks loads the page until the ledger, which reads behind everybody, has
// it.
func (b *box) awaitWeeks(client *http.Client, words string) (body string) {
	b.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		if _, body = b.get(client, "/care"); strings.Contains(body, words) {
			return body
		}
		if time.Now().After(deadline) {
			b.Fatalf("never %s: %s", words, body)
		}
	}
}

// How the weeks went is on the page as the command prints it: by rule and by
// device, with advice where most was false.
func TestTheWeeksAreOnThePage(t *testing.T) {
	b := newBox(t)
	client := b.enter("zhou")
	_, body := b.get(client, "/care")
	contains(t, body, "近 12 周没有警报")
	for n := range 4 {
		b.report("band-01", fmt.Sprint("press-", n), wearable.SOS{}, devices.Urgent)
		id := b.await(func(i alert.Incident) bool { return i.Phase == alert.PhaseRaised })
		b.must(b.engine.Arrive(b.Context(), id, "zhou", "page"))
		b.must(b.engine.Resolve(b.Context(), id, "zhou", alert.CauseAccidental))
		b.await(func(i alert.Incident) bool { return i.ID == id && i.Phase == alert.PhaseResolved })
	}
	body = b.awaitWeeks(client, "4 起，误报 4/4")
	contains(t, body, "60 秒内确认 4 起", "紧急求助", "陈桂英", "过半无需处理")
	_, table := b.get(client, "/care/weeks.csv")
	contains(t, table, "week,kind,device,incidents", ",sos,,4,4,4,4,4,0,0,0,4,4,true")
	if status, _ := b.get(b.browser(), "/care/weeks.csv"); status != http.StatusUnauthorized {
		t.Errorf("the table for a stranger: %d", status)
	}
}

// The same with a phone in the hand.
func TestCareWithAPhone(t *testing.T) {
	b := newBox(t)
	elders := b.agree()
	b.must(b.Registry.Put(
		registry.Group{ID: "day", Name: "白班", Role: registry.RoleCare, Members: []string{"zhou"}},
		registry.Group{ID: "desk", Name: "社区值班室", Role: registry.RoleDesk, Members: []string{"duty"}},
		registry.Shift{ID: "week", Group: "day", Days: registry.Days()[1:6], Hours: "08:00-20:00", People: []string{"zhou"}},
	))
	for _, device := range []string{"band-01", "band-04"} {
		id := b.sos(device)
		b.must(b.engine.Acknowledge(b.Context(), id, "zhou", "page"))
		b.must(b.engine.Resolve(b.Context(), id, "zhou", alert.CauseReal))
	}
	b.awaitWeeks(b.enter("zhou"), "2 起，误报 0/2")
	b.ahead.Add(int64(25 * time.Hour))
	p := newPhone(b)
	secret, err := b.Mint("zhou")
	b.must(err)
	p.act(chromedp.Navigate(b.server.URL+"/login?token="+secret), chromedp.WaitVisible(".enter"), chromedp.Click(".enter"), chromedp.WaitVisible("#rounds a"))
	p.look("6-rounds-due")
	p.act(chromedp.Click("#rounds a"), chromedp.WaitVisible(".rounds button"))
	contains(t, ask[string](p, "document.body.innerText"), "巡访已超时 1 小时", elders[0].Name, "白班（照护）", "周护理员", "每周情况")
	p.look("7-care")
	p.act(chromedp.Click(".rounds button"), chromedp.WaitVisible(".rounds li:first-child:not(.warn)"))
	p.act(chromedp.Click(".week summary"))
	p.look("8-visited")
}

// A caregiver who is not logged in scans the label at a door where somebody has
// called: the page asks for the login, and with it the caregiver is on scene.
// The next day nothing is open, and the same label takes the visit of the round.
func TestTheDoorWithAPhone(t *testing.T) {
	b := newBox(t)
	elder, ok := b.Registry.Snapshot().ElderOf("band-01")
	if !ok {
		t.Fatal("nobody wears band-01")
	}
	b.must(b.Registry.Put(registry.Care{ID: elder.ID, RoundHours: 24}))
	label, err := b.Door(registry.Author{By: "installer"}, elder.ID, false)
	b.must(err)
	b.must(b.watch.Confirm(b.Context(), elder.ID, "xu", visit.ByPage))
	id := b.sos("band-01")
	b.must(b.engine.Acknowledge(b.Context(), id, "zhou", "page"))
	p := newPhone(b)
	p.act(chromedp.Navigate(b.server.URL+label), chromedp.WaitVisible(".reload"))
	words := ask[string](p, "document.body.innerText")
	contains(t, words, "请先登录", "登录后即记为“已到场”")
	lacks(t, words, elder.Name, elder.Building)
	p.look("10-door-stranger")
	p.complaints = nil // the browser notes the 401
	secret, err := b.Mint("zhou")
	b.must(err)
	p.act(chromedp.Navigate(b.server.URL+"/login?token="+secret), chromedp.WaitVisible(".enter"), chromedp.Click(".enter"), chromedp.WaitVisible(".incident .taker"))
	contains(t, ask[string](p, "document.querySelector('.incident').innerText"), "周护理员 已到场", elder.Name)
	p.look("11-door-on-scene")
	if i := b.engine.Incidents()[0]; i.OnScene == nil || i.OnScene.By != "zhou" || i.OnScene.How != visit.ByDoor {
		t.Errorf("%+v", i.OnScene)
	}
	b.must(b.engine.Resolve(b.Context(), id, "zhou", alert.CauseReal))
	b.ahead.Add(int64(25 * time.Hour))
	p.act(chromedp.Navigate(b.server.URL+label), chromedp.WaitVisible(".enter"))
	contains(t, ask[string](p, "document.body.innerText"), elder.Name, "现在没有未结束的求助", "巡访已超时 1 小时", "确认已巡访")
	p.look("12-door-round")
	p.act(chromedp.Click(".enter"), chromedp.WaitNotPresent(".enter"))
	contains(t, ask[string](p, "document.body.innerText"), "已记录这次巡访")
	p.look("13-door-visited")
	if len(p.complaints) > 0 {
		t.Errorf("the browser complains: %q", p.complaints)
	}
}

// Who opens the link of a message sees what it is about, presses, and has it;
// who opens it later sees that it is taken.
func TestALinkWithAPhone(t *testing.T) {
	b := newBox(t)
	id := b.sos("band-04")
	p := newPhone(b)
	link := b.server.URL + b.Link(id, "zhou")
	p.act(chromedp.Navigate(link), chromedp.WaitVisible(".enter"))
	contains(t, ask[string](p, "document.body.innerText"), "紧急求助", "桂花苑2号楼 402室", "按下即记录由您处理")
	p.look("14-link")
	p.act(chromedp.Click(".enter"), chromedp.WaitNotPresent(".enter"))
	contains(t, ask[string](p, "document.body.innerText"), "已记录由您处理。请立即前往。")
	p.look("15-link-pressed")
	if i := b.engine.Incidents()[0]; i.Acknowledged == nil || i.Acknowledged.By != "zhou" || i.Acknowledged.How != "link" {
		t.Errorf("%+v", i.Acknowledged)
	}
	p.act(chromedp.Navigate(link), chromedp.WaitVisible(".card"))
	contains(t, ask[string](p, "document.body.innerText"), "已有人处理")
	p.look("16-link-taken")
	if len(p.complaints) > 0 {
		t.Errorf("the browser complains: %q", p.complaints)
	}
	b.ahead.Add(int64(25 * time.Hour))
	p.act(chromedp.Navigate(link), chromedp.WaitVisible(".card"))
	contains(t, ask[string](p, "document.body.innerText"), "已过期")
	p.look("17-link-expired")
}

// Who has nothing to call for help with is on the page as such, and so is that
// somebody has to go there, when that has lasted.
func TestWhoIsUnprotectedIsOnThePage(t *testing.T) {
	b := newBox(t)
	client := b.enter("zhou")
	elder := b.agree()[0]
	found := alert.Found{Kind: alert.Unprotected, Elder: elder.ID, Because: []alert.Sign{{Sign: alert.SignNotWorn}}}
	b.must(b.engine.Report(b.Context(), found, "u1"))
	b.await(func(i alert.Incident) bool { return i.Kind == alert.Unprotected })
	_, body := b.get(client, "/")
	contains(t, body, "失去防护", elder.Name, "没有佩戴")
	lacks(t, body, "请上门处理")
	b.ahead.Add(int64(72 * time.Hour))
	_, body = b.get(client, "/")
	contains(t, body, "已连续 3 天未恢复，请上门处理")
	found.Mended = true
	b.must(b.engine.Report(b.Context(), found, "u2"))
	b.await(func(i alert.Incident) bool { return i.Kind == alert.Unprotected && i.Phase == alert.PhaseResolved })
	_, body = b.get(client, "/")
	lacks(t, body, "请上门处理")
}
