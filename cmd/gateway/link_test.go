package main

import (
	"strings"
	"testing"

	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
)

// Where the page has a public address, a page to a caregiver has a link: the
// messenger's preview of it acknowledges nothing, its button does, and the
// journal says who it was and how.
func TestLinkStory(t *testing.T) {
	b := newBox(t)
	b.cfg.Console.Public = "https://linli.example.org/"
	secrets := b.register(neighbourhood(b)...)
	g, _ := b.start()
	b.press(secrets["w302"], `{"id":"1","type":"sos"}`)
	page := b.phone.await(t, "the press", func(p []alert.Page) bool { return len(p) > 0 })[0]
	link, ok := strings.CutPrefix(page.Link, "https://linli.example.org")
	if !ok || len(link) > 60 || strings.Contains(link, "li/") || strings.Contains(link, "302") && strings.Contains(link, "e302") {
		t.Fatalf("%q", page.Link)
	}
	anybody := b.handset()
	if code, _, body := anybody.get(link, "User-Agent", "WhatsApp/2 (preview)"); code != 200 || !strings.Contains(body, "3号楼 302") || strings.Contains(body, "王秀英") || strings.Contains(body, "李敏") {
		t.Errorf("%d %s", code, body)
	}
	if i := g.alerts.Incidents()[0]; i.Phase != alert.PhaseRaised {
		t.Fatalf("a preview has acknowledged: %+v", i.Acknowledged)
	}
	if code, _, body := anybody.press(link, nil); code != 200 || !strings.Contains(body, "已记录由您处理") {
		t.Errorf("%d %s", code, body)
	}
	want := `{"incident":"` + page.Incident + `","by":"li","how":"link"}`
	for e, err := range g.journal.Tail(t.Context(), journal.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Type == alert.TypeAcknowledged {
			if string(e.Event.Data) != want {
				t.Errorf("%s, want %s", e.Event.Data, want)
			}
			break
		}
	}
	// It lets nobody in.
	if code, _, _ := anybody.get("/"); code != 401 {
		t.Errorf("the page after the link: %d", code)
	}
	for _, secret := range []string{link, "王秀英"} {
		if strings.Contains(b.logged.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}
