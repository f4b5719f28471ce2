package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/registry/sheet"
	"github.com/linli-edge/gateway/devices/supervision"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
)

// speaks lets somebody speak who is not registered.
func (b *box) speaks(bridge, address, payload string, l devices.Looks) string {
	c := devices.Contact{Bridge: bridge, Address: address, Topic: "t/" + address, Payload: []byte(payload), Received: b.clock()}
	b.Registry.Inbox().Heard(c, func() devices.Looks { return l })
	return c.Sender()
}

func (b *box) letsIn(device, secret string) bool {
	_, ok := b.Registry.Login(device, []byte(secret))
	return ok
}

var buttonLooks = devices.Looks{Kinds: []devices.Kind{wearable.Kind}, Types: []devices.Type{wearable.TypeSOS}, Help: true}

// An installer with a phone: a device appears by itself while the page is
// open, and two taps later it is an elder's. Then it breaks, and another takes
// over.
func TestAnInstallerWithAPhone(t *testing.T) {
	b := newBox(t)
	b.must(b.Registry.Put(registry.Device{Device: devices.Device{ID: "zigbee", Kind: devices.KindBridge, Profile: "zigbee2mqtt"}}))
	p := newPhone(b)
	secret, err := b.Mint("zhou")
	b.must(err)
	p.act(chromedp.Navigate(b.server.URL+"/login?token="+secret), chromedp.WaitVisible(".enter"),
		chromedp.Click(".enter"), chromedp.WaitVisible(`nav a[href="/devices"]`),
		chromedp.Click(`nav a[href="/devices"]`), chromedp.WaitVisible(".pairing button"))
	contains(t, ask[string](p, "document.body.innerText"), "没有新设备", "已登记的设备")

	id := b.speaks("zigbee", "卫生间按钮", `{"action":"emergency","who":"王秀英"}`, buttonLooks)
	p.act(chromedp.WaitVisible(".sender .go")) // by itself
	words := ask[string](p, "document.querySelector('.sender').innerText")
	contains(t, words, "卫生间按钮", "正在呼救", "像是", "经网桥 zigbee", `"action":"emergency"`, "接入")
	lacks(t, words, "王秀英")
	p.look("6-newcomer")
	_, first := b.get(b.enter("zhou"), "/") // not an incident yet
	contains(t, first, "1 台新设备待接入，其中有设备在呼救")

	// It is told on the first page, too, and leads to where it is adopted.
	b.report(id, "c1", devices.StrangerCalled{Type: wearable.TypeSOS, Bridge: "zigbee", Model: "Tuya TS0215A_sos"}, devices.Urgent)
	p.act(chromedp.Navigate(b.server.URL+"/"), chromedp.WaitVisible(".incident.calling .act"))
	contains(t, ask[string](p, "document.querySelector('.incident').innerText"), "未登记设备求助", "设备 "+id+"（Tuya TS0215A_sos）", "卫生间按钮", "它报告：紧急求助")
	contains(t, ask[string](p, "document.querySelector('#events').innerText"), "未登记设备求助")
	for _, panel := range []string{"#newcomers", "#warnings"} { // once is enough
		lacks(t, ask[string](p, "document.querySelector('"+panel+"').innerText"), "呼救", "新设备")
	}
	p.look("6-stranger")
	p.act(chromedp.Click(`.incident a[href="/newcomers/`+id+`"]`), chromedp.WaitVisible(".options button"), chromedp.Navigate(b.server.URL+"/devices"), chromedp.WaitVisible(".sender .go"))

	elder := registry.Sorted(b.Registry.Snapshot().Elders)[3]
	p.act(chromedp.Click(".sender .go"), chromedp.WaitVisible(".options button"))
	p.look("7-where")
	// A few characters find one of many. The key Enter adopts nothing: the first
	// name of the list may be anybody's.
	p.act(chromedp.SendKeys(".filter", "2号楼4\r"), waitFor(`[...document.querySelectorAll("[data-filtered] button")].filter(b => b.checkVisibility()).length == 1`))
	if _, ok := b.Registry.Snapshot().Behind("zigbee", "卫生间按钮"); ok || ask[string](p, "location.pathname") != "/newcomers/"+id {
		t.Error("adopted by a key")
	}
	p.act(chromedp.Click(`button[value="elder/`+elder.ID+`"]`), chromedp.WaitVisible(".pairing button"))
	d, ok := b.Registry.Snapshot().Behind("zigbee", "卫生间按钮")
	if !ok || d.Kind != wearable.Kind || d.Elder != elder.ID {
		t.Fatalf("adopted: %+v, %t", d, ok)
	}
	contains(t, ask[string](p, "document.querySelector('.rows').innerText"), d.ID, elder.Name)
	lacks(t, ask[string](p, "document.querySelector('#inbox').innerText"), id, "卫生间按钮")
	p.look("8-adopted")

	b.speaks("zigbee", "新按钮", `{"battery":99}`, devices.Looks{})
	p.act(chromedp.WaitVisible(".sender"), chromedp.Click(`.rows a[href="/devices/`+d.ID+`"]`), chromedp.WaitVisible(".trouble"))
	p.look("9-device")
	p.act(chromedp.Click(".trouble summary"), chromedp.WaitVisible(`select[name="with"]`))
	p.look("9-trouble")
	p.act(chromedp.Click(`form[action$="/replace"] button`), chromedp.WaitVisible(".pairing button"))
	if d, ok := b.Registry.Snapshot().Behind("zigbee", "新按钮"); !ok || d.Elder != elder.ID || d.Unit != 1 {
		t.Errorf("replaced: %+v, %t", d, ok)
	}

	// Nothing tells what the next one is, and who wears it is new.
	band := b.speaks("zigbee", "手环", `{}`, devices.Looks{})
	p.act(chromedp.Navigate(b.server.URL+"/newcomers/"+band), chromedp.WaitVisible(".filter"),
		chromedp.Click(`details.new:has([name="new-elder"]) summary`), chromedp.SendKeys(`[name="new-elder"]`, "诸葛孔明"), chromedp.Click(`button[value="new-elder"]`))
	if ask[bool](p, `document.querySelector("form.fields").checkValidity()`) {
		t.Error("nobody has said what it is")
	}
	p.look("9-somebody-new")
	if _, ok := b.Registry.Snapshot().Behind("zigbee", "手环"); ok {
		t.Error("adopted as nobody knows what")
	}
	p.act(chromedp.SetValue(`select[name="kind"]`, "wearable"), chromedp.Click(`button[value="new-elder"]`), chromedp.WaitVisible(".pairing button"))
	d, _ = b.Registry.Snapshot().Behind("zigbee", "手环")
	if e := b.Registry.Snapshot().Elders[d.Elder]; d.Kind != wearable.Kind || e.Name != "诸葛孔明" {
		t.Errorf("adopted: %+v of %+v", d, e)
	}

	// Somebody's telephone is of no concern, and a slip of the finger mended.
	phone := b.speaks("zigbee", "某人的手机", `{}`, devices.Looks{})
	p.act(chromedp.Navigate(b.server.URL+"/newcomers/"+phone), chromedp.WaitVisible(`form[action$="/ignore"] button`),
		chromedp.Click(`form[action$="/ignore"] button`), chromedp.WaitVisible("details.block summary"), chromedp.Click("details.block summary"), chromedp.WaitVisible("details.block button"))
	contains(t, ask[string](p, "document.querySelector('details.block').innerText"), "某人的手机（已忽略）")
	p.look("9-ignored")
	p.act(chromedp.Click("details.block button"), chromedp.WaitNotPresent("details.block"))
	if n := len(b.Registry.Snapshot().Verdicts); n != 0 {
		t.Errorf("%d are still ignored", n)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.complaints) > 0 {
		t.Errorf("the browser complains: %q", p.complaints)
	}
}

// A locker gets a new secret, shown once and as a code; then a whole table is
// uploaded: a mistake in it is named, what it would change is shown, and nothing
// has changed before somebody says so.
func TestAnInstallerWithATable(t *testing.T) {
	b := newBox(t)
	b.Console.Login = url.URL{Scheme: "mqtts", Host: ":8883"}
	p := newPhone(b)
	secret, err := b.Mint("zhou")
	b.must(err)
	b.must(b.Registry.Put(registry.Device{Device: devices.Device{ID: "locker-9", Kind: "locker", Facility: "locker-north"}, Compartments: 24}))
	p.act(chromedp.Navigate(b.server.URL+"/login?token="+secret), chromedp.WaitVisible(".enter"),
		chromedp.Click(".enter"), chromedp.WaitVisible(`nav a[href="/devices"]`), chromedp.Navigate(b.server.URL+"/devices/locker-9"),
		chromedp.WaitVisible(".trouble summary"), chromedp.Click(".trouble summary"), chromedp.WaitVisible(`form[action$="/credentials"] button`))
	p.look("10-new-secret")
	b.gone = nil
	p.act(chromedp.Click(`form[action$="/credentials"] button`), chromedp.WaitVisible(".code svg"))
	words := ask[string](p, "document.body.innerText")
	contains(t, words, "locker-9 的新密码", "密码只显示这一次", "网关的证书")
	if shown := ask[string](p, "document.querySelector('.status b').innerText"); !b.letsIn("locker-9", shown) || len(b.gone) != 1 {
		t.Errorf("%q is not its secret; ended: %q", shown, b.gone)
	}
	p.look("11-secret")

	dir := t.TempDir()
	upload := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		b.must(os.WriteFile(file, []byte(text), 0o600))
		p.act(chromedp.Navigate(b.server.URL+"/import"), chromedp.WaitVisible(`input[type="file"]`),
			chromedp.SetUploadFiles(`input[type="file"]`, []string{file}), chromedp.Click(".enter"), chromedp.WaitVisible(".problem, .changes"))
	}
	// A bridge has to be added before it can log in.
	p.act(chromedp.Navigate(b.server.URL+"/devices"), chromedp.WaitVisible(`form[action="/bridges"] button`))
	p.look("11-devices")
	p.act(chromedp.SetValue(`select[name="profile"]`, "zigbee2mqtt"), chromedp.Click(`form[action="/bridges"] button`), chromedp.WaitVisible(".code svg"))
	contains(t, ask[string](p, "document.body.innerText"), "zigbee2mqtt 已接入", "mqtts://127.0.0.1:8883")
	if d := b.Registry.Snapshot().Devices["zigbee2mqtt"]; d.Kind != devices.KindBridge || d.Profile != "zigbee2mqtt" || !b.letsIn("zigbee2mqtt", ask[string](p, "document.querySelector('.status b').innerText")) {
		t.Errorf("%+v", d)
	}
	p.look("11-bridge")

	p.act(chromedp.Navigate(b.server.URL+"/devices"), chromedp.WaitVisible(`a[href="/ca.crt"]`), chromedp.Click(`a[href="/import"]`), chromedp.WaitVisible(`input[type="file"]`))
	p.look("12-import")
	upload("wrong.csv", "类别,编号,种类,设施\n设备,locker-10,locker,nowhere\n")
	contains(t, ask[string](p, "document.querySelector('.problem').innerText"), "wrong.csv 第 2 行第 4 列（facility）", "nowhere")
	p.look("13-mistake")
	upload("good.csv", "类别,编号,名称,种类,设施,格口数\n设施,west,西门快递柜,,,\n设备,locker-10,十号柜,快递柜,west,48\n设备,locker-9,九号柜,,,\n")
	contains(t, ask[string](p, "document.querySelector('main').innerText"), "good.csv 会改变 3 条记录，还没有生效", "locker-10", "格口数：- → 48", "名称：- → 九号柜")
	if _, ok := b.Registry.Snapshot().Devices["locker-10"]; ok {
		t.Error("what is shown is registered already")
	}
	p.look("14-dry-run")
	p.act(chromedp.Click(".enter"), chromedp.WaitVisible(`.reload[href="/devices"]`))
	contains(t, ask[string](p, "document.querySelector('main').innerText"), "已登记 3 条记录", "密码只显示这一次")
	if shown := ask[string](p, "document.querySelector('.status b').innerText"); !b.letsIn("locker-10", shown) {
		t.Errorf("%q is not the secret of the new locker", shown)
	}
	if d := b.Registry.Snapshot().Devices["locker-9"]; d.Name != "九号柜" || d.Compartments != 24 {
		t.Errorf("%+v", d)
	}
	p.look("15-imported")
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.complaints) != 1 || !strings.Contains(p.complaints[0], "409 (Conflict)") { // of the mistake
		t.Errorf("the browser complains: %q", p.complaints)
	}
}

// upload sends a file to be shown.
func (b *box) upload(client *http.Client, name string, content []byte) (int, string) {
	b.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	b.must(err)
	_, err = part.Write(content)
	b.must(errors.Join(err, form.Close()))
	return b.do(client, http.MethodPost, "/import", form.FormDataContentType(), body.String())
}

// A file that is too long, or none, or of somebody who is not logged in, costs
// nothing but an answer.
func TestFilesThatAreRefused(t *testing.T) {
	b := newBox(t)
	client := b.enter("zhou")
	status, said := b.upload(client, "long.csv", bytes.Repeat([]byte("a,"), 3<<20))
	if status != http.StatusConflict {
		t.Error(status)
	}
	contains(t, said, "请先选择一个文件（至多 2 MiB）")
	status, said = b.upload(client, "deep.yaml", []byte(strings.Repeat("[", 1000)))
	if status != http.StatusConflict || !strings.Contains(said, "deep.yaml") {
		t.Errorf("%d %s", status, said)
	}
	for _, want := range []string{"tasmota", "tasmota-2"} {
		if _, said := b.post(client, "/bridges", url.Values{"profile": {"tasmota"}}); !strings.Contains(said, want+" 已接入") {
			t.Errorf("no %s in %s", want, said)
		}
	}
	if status, said := b.post(client, "/bridges", url.Values{"profile": {"toaster"}}); status != http.StatusConflict || !strings.Contains(said, "toaster") {
		t.Errorf("%d %s", status, said)
	}
	status, said = b.post(client, "/import/apply", url.Values{"name": {"x.csv"}, "content": {"no base64!"}})
	if status != http.StatusConflict {
		t.Errorf("%d %s", status, said)
	}
	before := len(b.Registry.Snapshot().Devices)
	if status, said = b.upload(b.browser(), "x.csv", []byte("id,kind\nd-1,locker\n")); strings.Contains(said, "d-1") || len(b.Registry.Snapshot().Devices) != before {
		t.Errorf("a stranger's file: %d %s", status, said)
	}
	_, said = b.get(client, "/import/template.csv")
	if _, err := sheet.Read("t.csv", []byte(said)); err != nil {
		t.Error(err)
	}
}

// Between a file that is shown and the answer of whoever has looked at it
// somebody else may have changed what it would change: then that is shown, and
// nothing happens before it is agreed to. Scripts may ask for the same.
func TestNothingElseThanWasShown(t *testing.T) {
	b := newBox(t)
	client := b.enter("zhou")
	const table = "编号,种类,名称,格口数\nlocker-9,locker,九号柜,24\n"
	hidden := func(page, name string) string {
		t.Helper()
		_, after, _ := strings.Cut(page, `name="`+name+`" value="`)
		value, _, found := strings.Cut(after, `"`)
		if !found {
			t.Fatalf("no %s in %s", name, page)
		}
		return html.UnescapeString(value)
	}
	apply := func(page string) (int, string) {
		t.Helper()
		return b.post(client, "/import/apply", url.Values{"name": {"t.csv"}, "content": {hidden(page, "content")}, "digest": {hidden(page, "digest")}})
	}
	_, shown := b.upload(client, "t.csv", []byte(table))
	contains(t, shown, "会改变 1 条记录", "名称：- → 九号柜")
	b.must(b.Registry.Put(registry.Device{Device: devices.Device{ID: "locker-9", Kind: "locker", Name: "西门柜", Facility: "locker-north"}, Compartments: 24}))
	before := b.Registry.Snapshot()
	status, again := apply(shown)
	if status != http.StatusConflict || b.Registry.Snapshot() != before {
		t.Errorf("%d: registered, and it was not shown", status)
	}
	contains(t, again, "还没有登记：您查看期间有人改动了登记簿", "会改变 1 条记录", "名称：西门柜 → 九号柜", "确认登记")
	if status, said := b.post(client, "/import/apply", url.Values{"name": {"t.csv"}, "content": {hidden(again, "content")}}); status != http.StatusConflict {
		t.Errorf("nobody knows what was shown: %d %s", status, said)
	}
	status, said := apply(again)
	if d := b.Registry.Snapshot().Devices["locker-9"]; status != http.StatusOK || d.Name != "九号柜" || d.Facility != "locker-north" {
		t.Errorf("%d %s: %+v", status, said, d)
	}
	contains(t, said, "已登记 1 条记录", "名称：西门柜 → 九号柜")

	value, err := b.Session("zhou")
	b.must(err)
	post := func(query, body string, want int) (answer struct{ Digest, Error string }) {
		t.Helper()
		status, said := b.do(b.browser(), http.MethodPost, "/api/import?name=t.csv"+query, "", body, "Authorization", "Bearer "+value)
		if status != want {
			t.Errorf("%s: %d %s", query, status, said)
		}
		b.must(json.Unmarshal([]byte(said), &answer))
		return answer
	}
	other := strings.ReplaceAll(table, "九", "十")
	dry := post("&dry_run=1", other, http.StatusOK)
	b.must(b.Registry.Remove(registry.Devices, "locker-9"))
	contains(t, post("&digest="+dry.Digest, other, http.StatusConflict).Error, "还没有登记")
	if dry = post("&dry_run=1", other, http.StatusOK); post("&digest="+dry.Digest, other, http.StatusOK) != dry || b.Registry.Snapshot().Devices["locker-9"].Name != "十号柜" {
		t.Errorf("%+v", b.Registry.Snapshot().Devices["locker-9"])
	}
}

// A box that has just been installed leads to where the first device is adopted,
// by an installer who finds neither a place nor a person there.
func TestTheFirstDevice(t *testing.T) {
	b := newBox(t)
	client := b.enter("zhou")
	const first = `<a class="newcomers" href="/devices">接入第一台设备 ›</a>`
	_, body := b.get(client, "/")
	lacks(t, body, first)
	people := b.Registry.Snapshot()
	b.must(b.Registry.Update(func(tx *registry.Tx) (err error) {
		for id := range people.Devices {
			err = errors.Join(err, tx.Remove(registry.Devices, id))
		}
		for id := range people.Elders {
			err = errors.Join(err, tx.Remove(registry.Elders, id))
		}
		for id := range people.Facilities {
			err = errors.Join(err, tx.Remove(registry.Facilities, id))
		}
		return err
	}))
	_, body = b.get(client, "/")
	contains(t, body, first)
	sender := b.speaks("", "locker-1", `{}`, devices.Looks{Kinds: []devices.Kind{"locker"}})
	_, body = b.get(client, "/")
	contains(t, body, "1 台新设备待接入")
	lacks(t, body, first)
	_, body = b.get(client, "/newcomers/"+sender)
	contains(t, body, `value="new-facility"`, `value="new-elder"`, "接入，位置以后再说")
	b.post(client, "/newcomers/"+sender, url.Values{"kind": {"locker"}, "where": {"new-facility"}, "new-place": {"东门快递柜"}})
	if d := b.Registry.Snapshot().Devices["locker-1"]; b.Registry.Snapshot().Facilities[d.Facility].Name != "东门快递柜" {
		t.Errorf("%+v", d)
	}
}

// More newcomers than there is room for: the page says so, and what to do.
func TestAFullInbox(t *testing.T) {
	b := newBox(t)
	client := b.enter("zhou")
	for i := range registry.MaxUnknown - 1 {
		b.speaks("", fmt.Sprint("new-", i), `{}`, devices.Looks{})
	}
	_, body := b.get(client, "/devices")
	lacks(t, body, "已满")
	b.speaks("", "one-more", `{}`, devices.Looks{})
	_, body = b.get(client, "/devices")
	contains(t, body, "已满：最多保留 200 台", "请停用它")
}

// Without a script, and over the JSON interface.
func TestDevicesOfThePage(t *testing.T) {
	b := newBox(t)
	client := b.enter("zhou")
	locker := b.speaks("", "locker-9", `{"type":"parcel.deposited"}`, devices.Looks{Kinds: []devices.Kind{"locker"}})
	stray := b.speaks("", "stray", `{}`, devices.Looks{})
	_, body := b.get(client, "/")
	contains(t, body, "2 台新设备待接入")
	if status, body := b.post(client, "/newcomers/"+locker, url.Values{"kind": {"toaster!"}, "where": {"facility/locker-north"}}); status != http.StatusConflict {
		t.Errorf("%d %s", status, body)
	}
	status, body := b.post(client, "/newcomers/"+locker, url.Values{"kind": {"locker"}, "compartments": {"24"}, "where": {"facility/locker-north"}})
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	contains(t, body, "locker-9 已接入", "密码只显示这一次")
	if d := b.Registry.Snapshot().Devices["locker-9"]; d.Compartments != 24 || d.Facility != "locker-north" {
		t.Errorf("%+v", d)
	}
	b.post(client, "/newcomers/"+stray+"/block", nil)
	if v := b.Registry.Snapshot().Verdicts[stray]; !v.Blocked || b.Registry.Inbox().Len() != 0 {
		t.Errorf("blocked: %+v", v)
	}
	_, body = b.get(client, "/devices")
	contains(t, body, "stray（已屏蔽）", "/verdicts/"+stray+"/undo")
	b.post(client, "/verdicts/"+stray+"/undo", nil)
	if b.speaks("", "stray", `{}`, devices.Looks{}); len(b.Registry.Snapshot().Verdicts) != 0 || b.Registry.Inbox().Len() != 1 {
		t.Error("it is still kept out")
	}
	b.post(client, "/pairing", nil)
	_, body = b.get(client, "/devices")
	contains(t, body, "还有 5 分钟")
	status, body = b.post(client, "/devices/locker-9", url.Values{"name": {"9 号柜"}, "facility": {"nowhere"}})
	if status != http.StatusConflict {
		t.Error(status)
	}
	contains(t, body, "nowhere", "没有登记")
	status, body = b.post(client, "/devices/locker-9", url.Values{"name": {"9 号柜"}, "compartments": {"30个"}})
	if d := b.Registry.Snapshot().Devices["locker-9"]; status != http.StatusConflict || d.Compartments != 24 || d.Name != "" {
		t.Errorf("%d: %+v", status, d)
	}
	contains(t, body, "须为整数（现为 &#34;30个&#34;）")
	if status, _ = b.post(client, "/newcomers/"+stray, url.Values{"kind": {"locker"}, "compartment": {"third"}}); status != http.StatusConflict {
		t.Errorf("adopted at the compartment third: %d", status)
	}
	b.post(client, "/devices/locker-9", url.Values{"name": {"9 号柜"}, "facility": {"locker-south"}, "compartments": {"30"}})
	b.post(client, "/devices/locker-9/retire", nil)
	if d := b.Registry.Snapshot().Devices["locker-9"]; d.Name != "9 号柜" || d.Facility != "locker-south" || d.Compartments != 30 || !d.Retired || b.Registry.Snapshot().HasSecret("locker-9") {
		t.Errorf("%+v", d)
	}

	value, err := b.Session("zhou")
	b.must(err)
	bearer := []string{"Authorization", "Bearer " + value}
	button := b.speaks("", "button-1", `{"type":"sos"}`, buttonLooks)
	_, body = b.get(b.browser(), "/api/inbox", bearer...)
	contains(t, body, button, `"help":true`, `"kinds":["wearable"]`)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{http.MethodPost, "/api/inbox/" + button + "/adopt", `{"elder":"nobody"}`, http.StatusConflict, `"nobody\" 没有登记`},
		{http.MethodPost, "/api/inbox/" + button + "/adopt", `{"elders":"x"}`, http.StatusBadRequest, "elders"},
		{http.MethodPost, "/api/inbox/" + button + "/adopt", `{"name":"按钮"}`, http.StatusOK, `"secret":"`},
		{http.MethodPost, "/api/inbox/" + button + "/ignore", ``, http.StatusConflict, "待接入的设备中没有"},
		{http.MethodPost, "/api/inbox/" + stray + "/ignore", ``, http.StatusOK, `{}`},
		{http.MethodGet, "/api/verdicts", ``, http.StatusOK, `{"senders":[{"id":"` + stray + `","address":"stray"}]}`},
		{http.MethodDelete, "/api/verdicts/" + stray, ``, http.StatusOK, `{}`},
		{http.MethodDelete, "/api/verdicts/" + stray, ``, http.StatusConflict, "没有登记"},
		{http.MethodPatch, "/api/devices/button-1", `{"room":"卫生间"}`, http.StatusOK, `"room":"卫生间"`},
		{http.MethodPatch, "/api/devices/button-1", `{"id":"button-2"}`, http.StatusConflict, "编号不能更改"},
		{http.MethodPost, "/api/devices/button-1/replace", `{}`, http.StatusOK, `"unit":1`},
		{http.MethodPatch, "/api/devices/button-1", `{"retired":true}`, http.StatusOK, `"retired":true`},
		{http.MethodGet, "/api/devices", ``, http.StatusOK, `"id":"button-1"`},
		{http.MethodGet, "/api/devices/button-1", ``, http.StatusOK, `{"id":"button-1"`},
		{http.MethodGet, "/api/devices/button-2", ``, http.StatusNotFound, `"error":`},
		{http.MethodPost, "/api/pairing", ``, http.StatusOK, `{"left_seconds":300}`},
		{http.MethodGet, "/api/pairing", ``, http.StatusOK, `{"left_seconds":300}`},
		{http.MethodDelete, "/api/pairing", ``, http.StatusOK, `{"left_seconds":0}`},
	} {
		status, body := b.do(b.browser(), c.method, c.path, "application/json", c.body, bearer...)
		if status != c.status {
			t.Errorf("%s %s: %d %s", c.method, c.path, status, body)
		}
		contains(t, body, c.want)
	}
}

// A document that is wrong is refused in the caller's language, with its place
// and how to mend it, by whatever way it comes, and changes nothing.
func TestWrongDocumentsOverTheAPI(t *testing.T) {
	b := newBox(t)
	incident := b.sos("band-01")
	sender := b.speaks("", "button-1", `{"type":"sos"}`, buttonLooks)
	value, err := b.Session("zhou")
	b.must(err)
	before := b.Registry.Snapshot()
	for path, names := range map[string]string{
		"POST /api/incidents/" + incident + "/resolve": "cause", "POST /api/devices/band-01/commands": "data.compartment", "POST /api/inbox/" + sender + "/adopt": "facility",
		"POST /api/devices/band-01/replace": "with", "POST /api/bridges": "profile", "PATCH /api/devices/band-01": "room",
	} {
		method, path, _ := strings.Cut(path, " ")
		for _, c := range []struct{ body, zh, en string }{
			{``, "没有内容：请发送一个 JSON 对象", "nothing was sent: send a JSON object"},
			{"{\"a\":1,\n  b}", "第 2 行第 3 列：不是有效的 JSON，请检查", "line 2, column 3: not valid JSON, check"},
			{`{"toaster":1}`, "toaster：没有这个字段，请改正或删去；可用的字段：", "toaster: there is no such field, correct or remove it; fields are: "},
			{`{"a":"` + strings.Repeat("x", maxForm) + `"}`, "内容超过 4 KiB，请缩短", "longer than 4 KiB, send less"},
		} {
			for lang, want := range map[string]string{"zh-CN": c.zh, "en": c.en} {
				status, said := b.do(b.browser(), method, path, "application/json", c.body, "Authorization", "Bearer "+value, "Accept-Language", lang)
				var answer struct{ Error string }
				b.must(json.Unmarshal([]byte(said), &answer))
				named := !strings.Contains(c.body, "toaster") || strings.Contains(answer.Error, names)
				if status < 400 || status >= 500 || !strings.Contains(answer.Error, want) || !named {
					t.Errorf("%s %.20q in %s: %d %s", path, c.body, lang, status, said)
				}
			}
		}
	}
	status, said := b.do(b.browser(), http.MethodPatch, "/api/devices/band-01", "", `{"kind":7}`, "Authorization", "Bearer "+value)
	if status != http.StatusConflict {
		t.Error(status)
	}
	contains(t, said, "kind：须为带引号的文字（现为数字）")
	if i := b.engine.Incidents()[0]; b.Registry.Snapshot() != before || i.Phase != alert.PhaseRaised {
		t.Errorf("something has changed, or %+v", i)
	}
}

// Where a device stands, or who wears it, is registered with it where that is
// new: both, or neither, and what was filled in is still there then.
func TestAPlaceOrAPersonThatIsNew(t *testing.T) {
	b := newBox(t)
	client := b.enter("zhou")
	band := b.speaks("", "band-new", `{}`, devices.Looks{}) // nothing tells what it is
	_, body := b.get(client, "/newcomers/"+band)
	contains(t, body, `<select name="kind" required><option value="">请选择</option>`)
	lacks(t, body[:strings.Index(body, "</select>")], "selected")
	before := b.Registry.Snapshot()
	person := url.Values{"where": {"new-elder"}, "new-elder": {"王秀英"}, "new-building": {"3号楼"}, "new-room": {"302"}, "new-carer": {"zhou"}, "room": {"卫生间"}}
	status, body := b.post(client, "/newcomers/"+band, person)
	if status != http.StatusConflict || b.Registry.Snapshot() != before {
		t.Errorf("%d, though its kind is unknown", status)
	}
	contains(t, body, "请注明种类", `name="new-elder" maxlength="64" autocomplete="off" value="王秀英"`, `value="3号楼"`, `value="302"`, `value="卫生间"`, `<option value="zhou" selected>`)
	person.Set("kind", "wearable")
	for _, where := range []string{"new-elder", "new-facility"} {
		status, body = b.post(client, "/newcomers/"+band, url.Values{"kind": {"wearable"}, "where": {where}, "new-elder": {" "}})
		if status != http.StatusConflict || b.Registry.Snapshot() != before {
			t.Errorf("%d, without a name", status)
		}
		contains(t, body, "请先填写名称或姓名", `<option value="wearable" selected>`)
	}
	if status, body = b.post(client, "/newcomers/"+band, person); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	after := b.Registry.Snapshot()
	d := after.Devices["band-new"]
	if e := after.Elders[d.Elder]; len(after.Elders) != len(before.Elders)+1 || d.Kind != "wearable" || d.Room != "卫生间" || e.Name != "王秀英" || e.Building != "3号楼" || e.Room != "302" || !slices.Equal(e.Caregivers, []string{"zhou"}) {
		t.Errorf("%+v, %+v", d, e)
	}

	// It turns out to be something else, at a new place.
	status, body = b.post(client, "/devices/band-new", url.Values{"kind": {"locker"}, "where": {"new-facility"}, "new-place": {"西门快递柜"}, "name": {"九号柜"}, "elder": {""}})
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	after = b.Registry.Snapshot()
	if d := after.Devices["band-new"]; d.Kind != "locker" || d.Name != "九号柜" || d.Elder != "" || after.Facilities[d.Facility].Name != "西门快递柜" {
		t.Errorf("%+v", d)
	}
	contains(t, body, "九号柜", "西门快递柜")
	if status, body = b.post(client, "/devices/band-new", url.Values{"where": {"new-elder"}}); status != http.StatusConflict || b.Registry.Snapshot() != after {
		t.Errorf("%d %s", status, body)
	}
}

// An installer sees on the page whether a device has spoken, and what is wrong
// with it.
func TestHowDevicesAre(t *testing.T) {
	b := newBox(t)
	b.Console.Health = func(device string) (h supervision.Health) {
		switch device {
		case "band-01":
			h.Heard, h.Percent, h.Found = b.clock(), ptr(9), []devices.Type{supervision.TypeBatteryLow}
		case "band-02":
			h.Heard = b.clock()
			h.Heard.Wall = h.Heard.Wall.Add(-48 * time.Hour)
		}
		return h
	}
	client := b.enter("zhou")
	now := civil(b.clock().Wall)
	_, list := b.get(client, "/devices")
	for id, want := range map[string]string{
		"band-01": "最近上报 " + now.Format("15:") + "|电量 9%|电池需要更换或充电", "band-02": "最近上报 " + now.Add(-48*time.Hour).Format("01-02 15:"), "band-03": "还没有上报",
	} {
		_, row, _ := strings.Cut(list, `href="/devices/`+id+`"`)
		row, _, _ = strings.Cut(row, "</li>")
		contains(t, row, strings.Split(want, "|")...)
		if id != "band-01" {
			lacks(t, row, "found")
		}
		_, page := b.get(client, "/devices/"+id)
		contains(t, page, strings.Split(want, "|")...)
	}
	_, page := b.get(client, "/devices/band-01?lang=en")
	contains(t, page, "last heard ", "battery 9%", "the battery has to be changed or charged")
}

// What an installer does on the page, a script does over the JSON interface,
// under the same checks and the same name: bridges, new secrets, and a table
// of records, looked at first.
func TestRegisteringOverTheAPI(t *testing.T) {
	b := newBox(t)
	value, err := b.Session("zhou")
	b.must(err)
	bearer := []string{"Authorization", "Bearer " + value}
	type answer struct {
		Device  registry.Device
		Secret  string
		Changes []sheet.Change
		Secrets map[string]string
		Error   string
	}
	post := func(path, body string, want int, header ...string) (a answer) {
		t.Helper()
		status, said := b.do(b.browser(), http.MethodPost, path, "", body, header...)
		if status != want {
			t.Fatalf("%s: %d %s", path, status, said)
		}
		if want != http.StatusForbidden { // which is no answer of the interface
			b.must(json.Unmarshal([]byte(said), &a))
		}
		return a
	}
	table := "record,id,kind,facility,name\nfacility,west,,,West\ndevice,locker-1,locker,west,One\n"
	everything := map[string]string{
		"/api/bridges": `{"profile":"tasmota"}`, "/api/devices/band-01/credentials": "", "/api/import?name=t.csv": table,
	}
	before := b.Registry.Snapshot()
	b.gone = nil
	for path, body := range everything {
		post(path, body, http.StatusUnauthorized)
		post(path, body, http.StatusForbidden, append(bearer, "Origin", "https://evil.example")...)
	}
	if dry := post("/api/import?name=t.csv&dry_run=1", table, http.StatusOK, bearer...); len(dry.Changes) != 2 || len(dry.Secrets) != 0 || dry.Changes[0].What != registry.Added {
		t.Errorf("dry run: %+v", dry)
	}
	contains(t, post("/api/import?name=t.csv", strings.ReplaceAll(table, "west,One", "east,One"), http.StatusConflict, append(bearer, "Accept-Language", "en")...).Error,
		"t.csv:3:4 (facility)", "east")
	contains(t, post("/api/import?name=t.csv", strings.Repeat("a,", 3<<20), http.StatusBadRequest, append(bearer, "Accept-Language", "en")...).Error, "2 MiB")
	contains(t, post("/api/bridges", `{"profile":"toaster"}`, http.StatusConflict, bearer...).Error, "toaster")
	contains(t, post("/api/bridges", `{"make":"tasmota"}`, http.StatusBadRequest, bearer...).Error, "make")
	contains(t, post("/api/devices/nobody/credentials", "", http.StatusConflict, bearer...).Error, "nobody")
	if b.Registry.Snapshot() != before || len(b.gone) > 0 {
		t.Fatalf("something has changed already; ended: %q", b.gone)
	}

	for _, want := range []string{"tasmota", "tasmota-2"} {
		if a := post("/api/bridges", everything["/api/bridges"], http.StatusOK, bearer...); a.Device.ID != want || a.Device.Kind != devices.KindBridge || !b.letsIn(want, a.Secret) {
			t.Errorf("%+v", a)
		}
	}
	old, err := b.Registry.Issue("band-01")
	b.must(err)
	b.gone = nil
	if a := post("/api/devices/band-01/credentials", "", http.StatusOK, bearer...); a.Device.ID != "band-01" || a.Device.Elder == "" || !b.letsIn("band-01", a.Secret) || b.letsIn("band-01", old) || !slices.Equal(b.gone, []string{"band-01"}) {
		t.Errorf("%+v; ended: %q", a, b.gone)
	}
	a := post("/api/import?name=t.csv", table, http.StatusOK, bearer...)
	if d := b.Registry.Snapshot().Devices["locker-1"]; len(a.Changes) != 2 || len(a.Secrets) != 1 || !b.letsIn("locker-1", a.Secrets["locker-1"]) || d.Facility != "west" || d.Name != "One" {
		t.Errorf("%+v became %+v", a, d)
	}
	// Whoever is blocked is out at once, whoever has blocked it.
	post("/api/inbox/"+b.speaks("", "stray", `{}`, devices.Looks{})+"/block", "", http.StatusOK, bearer...)
	if !slices.Equal(b.gone, []string{"band-01", "locker-1", "stray"}) {
		t.Errorf("ended: %q", b.gone)
	}

	// The journal has who did it, and no secret.
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.Registry.Run(ctx, b.journal) }()
	defer func() { stop(); b.check(<-ended) }()
	late := time.After(patience)
	for {
		var history strings.Builder
		entries, err := b.journal.Read(journal.Ordinary, 0, 500)
		b.must(err)
		for _, e := range entries {
			history.Write(e.Event.Data)
		}
		said := history.String()
		if strings.Contains(said, `"table":"verdicts"`) { // the last of them
			contains(t, said, `"id":"tasmota","what":"added"`, `"id":"band-01","what":"changed","fields":["secret"],"by":"zhou","how":"http"`, `"id":"locker-1","what":"added"`)
			if n := strings.Count(said, `"by":"zhou","how":"http"`); n != 6 {
				t.Errorf("%d changes by her in %s", n, said)
			}
			lacks(t, said, a.Secrets["locker-1"])
			return
		}
		select {
		case <-late:
			t.Fatalf("the journal has %s", said)
		case <-time.After(time.Millisecond):
		}
	}
}
