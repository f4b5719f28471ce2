package console

import (
	"net/http"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/alert"
)

// Looking at a link, however often and by whomever, acknowledges nothing;
// pressing does, as the caregiver it was made for, and once.
func TestALinkAcknowledgesWhenPressed(t *testing.T) {
	b := newBox(t)
	id := b.sos("band-01")
	link := b.Link(id, "zhou")
	for range 3 { // messengers preview it
		status, body := b.get(b.browser(), link)
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		contains(t, body, "紧急求助", "桂花苑", "我来处理", "noindex")
		lacks(t, body, "陈桂英", "周护理员", "zhou", "href=\"/\"")
	}
	if status, _ := b.do(b.browser(), http.MethodHead, link, "", ""); status != http.StatusOK {
		t.Errorf("HEAD: %d", status)
	}
	if i := b.engine.Incidents()[0]; i.Phase != alert.PhaseRaised {
		t.Fatalf("a look has acknowledged: %+v", i.Acknowledged)
	}
	for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		if status, _ := b.post(b.browser(), link, nil, header...); status != http.StatusForbidden {
			t.Errorf("%v: %d", header, status)
		}
	}
	status, body := b.post(b.browser(), link, nil)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	contains(t, body, "已记录由您处理")
	if i := b.engine.Incidents()[0]; i.Phase != alert.PhaseAcknowledged || i.Acknowledged.By != "zhou" || i.Acknowledged.How != "link" {
		t.Errorf("%+v", i.Acknowledged)
	}
	for _, later := range []string{link, b.Link(id, "xu")} {
		if _, body := b.post(b.browser(), later, nil); b.engine.Incidents()[0].Acknowledged.By != "zhou" {
			t.Error("taken over by a link")
		} else {
			contains(t, body, "已有人处理")
		}
		_, body := b.get(b.browser(), later, "Accept-Language", "en")
		contains(t, body, "Somebody has it already")
		lacks(t, body, "<button")
	}
	b.must(b.engine.Resolve(b.Context(), id, "zhou", alert.CauseReal))
	for _, do := range []func() (int, string){
		func() (int, string) { return b.get(b.browser(), link) }, func() (int, string) { return b.post(b.browser(), link, nil) },
	} {
		if status, body := do(); status != http.StatusGone {
			t.Errorf("of a closed incident: %d", status)
		} else {
			contains(t, body, "这次求助已经结束")
			lacks(t, body, "桂花苑")
		}
	}
}

// A link that was altered in any bit, is of another key, of somebody who is
// registered no longer, or too old is refused in words, and does nothing.
func TestLinksThatAreNoGood(t *testing.T) {
	b := newBox(t)
	mine, other := b.sos("band-01"), b.sos("band-04")
	token := b.Link(mine, "zhou")[len("/a/"):]
	raw, err := encoding.DecodeString(token)
	b.must(err)
	refused := func(why, token, words string) {
		t.Helper()
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if status, body := b.do(b.browser(), method, "/a/"+token, "", ""); status != http.StatusGone {
				t.Errorf("%s, %s: %d", why, method, status)
			} else {
				contains(t, body, words)
				lacks(t, body, "桂花苑", "<button")
			}
		}
	}
	for i := range raw {
		forged := append([]byte(nil), raw...)
		forged[i] ^= 1
		if _, _, err := b.linked(encoding.EncodeToString(forged)); err == nil {
			t.Errorf("byte %d altered: taken", i)
		}
	}
	theirs, err := encoding.DecodeString(b.Link(other, "zhou")[len("/a/"):])
	b.must(err)
	refused("the signature of another incident", encoding.EncodeToString(append(theirs[:tokenHead:tokenHead], raw[tokenHead:]...)), "不完整，或不再有效")
	refused("half of it", token[:len(token)/2], "不完整，或不再有效")
	refused("nobody of that name", b.Link(mine, "stranger")[len("/a/"):], "不完整，或不再有效")
	if b.Link("test", "zhou") != "" {
		t.Error("a link for no incident")
	}
	b.ahead.Add(int64(24*time.Hour + time.Minute))
	refused("too old", token, "已过期")
	fresh := b.Link(mine, "zhou")
	if status, _ := b.get(b.browser(), fresh); status != http.StatusOK {
		t.Errorf("a later one: %d", status)
	}
	for _, i := range b.engine.Incidents() {
		if i.Phase != alert.PhaseRaised {
			t.Errorf("%+v", i)
		}
	}
}

// Within a boot a link ages by the clock that nobody sets, after another by the
// wall's.
func TestALinkOutlivesTheFirstNTPAnswer(t *testing.T) {
	b := newBox(t)
	id := b.sos("band-01")
	now := devices.Stamp{Boot: devices.BootID{7}, Mono: time.Minute, Wall: time.Unix(0, 0)}
	b.Console.Clock = func() devices.Stamp { return now }
	token := b.Link(id, "zhou")[len("/a/"):]
	good := func() bool { _, who, err := b.linked(token); return err == nil && who == "zhou" }
	now.Mono, now.Wall = time.Hour, time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	if !good() {
		t.Error("expired when the clock was set")
	}
	token = b.Link(id, "zhou")[len("/a/"):]
	now.Boot, now.Mono, now.Wall = devices.BootID{8}, time.Second, now.Wall.Add(23*time.Hour)
	if !good() {
		t.Error("expired with the boot")
	}
	now.Wall = now.Wall.Add(2 * time.Hour)
	if good() {
		t.Error("good after 25 hours")
	}
}
