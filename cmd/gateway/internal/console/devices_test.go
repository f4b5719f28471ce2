package console

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
)

// speaks lets somebody speak who is not registered.
func (b *box) speaks(bridge, address, payload string, l devices.Looks) string {
	c := devices.Contact{Bridge: bridge, Address: address, Topic: "t/" + address, Payload: []byte(payload), Received: b.clock()}
	b.Registry.Inbox().Heard(c, func() devices.Looks { return l })
	return c.Sender()
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

	elder := registry.Sorted(b.Registry.Snapshot().Elders)[3]
	p.act(chromedp.Click(".sender .go"), chromedp.WaitVisible(".options button"))
	p.look("7-where")
	p.act(chromedp.Click(`button[value="elder/`+elder.ID+`"]`), chromedp.WaitVisible(".pairing button"))
	d, ok := b.Registry.Snapshot().Behind("zigbee", "卫生间按钮")
	if !ok || d.Kind != wearable.Kind || d.Elder != elder.ID {
		t.Fatalf("adopted: %+v, %t", d, ok)
	}
	contains(t, ask[string](p, "document.querySelector('.rows').innerText"), d.ID, elder.Name)
	lacks(t, ask[string](p, "document.querySelector('#inbox').innerText"), id, "卫生间按钮")
	p.look("8-adopted")

	b.speaks("zigbee", "新按钮", `{"battery":99}`, devices.Looks{})
	p.act(chromedp.WaitVisible(".sender"), chromedp.Click(`.rows a[href="/devices/`+d.ID+`"]`), chromedp.WaitVisible(`select[name="with"]`))
	p.look("9-device")
	p.act(chromedp.Click(`form[action$="/replace"] button`), chromedp.WaitVisible(".rows"))
	if d, ok := b.Registry.Snapshot().Behind("zigbee", "新按钮"); !ok || d.Elder != elder.ID || d.Unit != 1 {
		t.Errorf("replaced: %+v, %t", d, ok)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.complaints) > 0 {
		t.Errorf("the browser complains: %q", p.complaints)
	}
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
	b.post(client, "/pairing", nil)
	_, body = b.get(client, "/devices")
	contains(t, body, "还有 5 分钟")
	status, body = b.post(client, "/devices/locker-9", url.Values{"name": {"9 号柜"}, "facility": {"nowhere"}})
	if status != http.StatusConflict {
		t.Error(status)
	}
	contains(t, body, "nowhere", "没有登记")
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
		{http.MethodPatch, "/api/devices/button-1", `{"room":"卫生间"}`, http.StatusOK, `"room":"卫生间"`},
		{http.MethodPatch, "/api/devices/button-1", `{"id":"button-2"}`, http.StatusConflict, "编号不能更改"},
		{http.MethodPost, "/api/devices/button-1/replace", `{}`, http.StatusOK, `"unit":1`},
		{http.MethodPatch, "/api/devices/button-1", `{"retired":true}`, http.StatusOK, `"retired":true`},
		{http.MethodGet, "/api/devices", ``, http.StatusOK, `"id":"button-1"`},
		{http.MethodPost, "/api/pairing", ``, http.StatusOK, `{"left_seconds":300}`},
		{http.MethodDelete, "/api/pairing", ``, http.StatusOK, `{"left_seconds":0}`},
	} {
		status, body := b.do(b.browser(), c.method, c.path, "application/json", c.body, bearer...)
		if status != c.status {
			t.Errorf("%s %s: %d %s", c.method, c.path, status, body)
		}
		contains(t, body, c.want)
	}
}
