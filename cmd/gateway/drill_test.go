package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/notify/notifytest"
)

// The daily drill, through the whole daemon and real channels: the modem on its
// line and the application's token are tried, and nobody is sent anything; the
// page shows no call, and the outcome is a metric. A token that was taken away
// is a technical incident.
func TestDrillStory(t *testing.T) {
	cloud := notifytest.NewCloud(t)
	stick := notifytest.NewModem(t)
	b := newBox(t)
	b.subscribe(cloud)
	b.cfg.Channels.SMS.Port = stick.Path
	b.register(caregiver("dingtalk", "all", "wecom_app", "LiMin", "sms", "13800000001")...)
	g, _ := b.start()
	eventually(t, "the modem works", func() bool { s, _ := g.channels.Modem(); return s.Problem == "" })
	for _, kind := range []string{"sms", "wecom_app"} {
		if _, ok := g.channels.Senders()[kind].(alert.Prober); !ok {
			t.Errorf("%s takes no part in drills", kind)
		}
	}
	if _, ok := g.channels.Senders()["dingtalk"].(alert.Prober); ok {
		t.Error("a robot cannot try itself silently")
	}
	took, failed := g.alerts.Drill(t.Context())
	if failed != "" {
		t.Fatalf("%s after %s", failed, took)
	}
	if cloud.Tokens() == 0 {
		t.Error("no token was asked for")
	}
	for _, provider := range []string{"dingtalk", "wecom"} {
		if list, _ := cloud.Delivered(provider); len(list) > 0 {
			t.Errorf("%s: %+v", provider, list)
		}
	}
	if slices.ContainsFunc(stick.Commands(), func(c string) bool { return strings.HasPrefix(c, "AT+CMGS=") }) {
		t.Error("a message was sent")
	}
	if _, metrics := b.get("/metrics"); !strings.Contains(metrics, `linli_alert_drills_total{result="passed"} 1`) || !strings.Contains(metrics, "linli_alert_drill_seconds ") {
		t.Error("no metric")
	}
	config := b.write()
	if code, stdout, stderr := command(t, "zh_CN.UTF-8", "alert", "drill", "--config", config); code != 0 || !strings.Contains(stdout, "自检通过，用时") {
		t.Errorf("by hand: %d %s%s", code, stdout, stderr)
	}
	li := b.handset()
	if _, _, body := li.login(g, "li"); strings.Contains(body, `class="incident`) || !strings.Contains(body, "一切平安") {
		t.Errorf("the page is alarmed: %s", body)
	}
	if !strings.Contains(b.logged.String(), "the daily drill went through") {
		t.Error("not in the log")
	}
	t.Logf("the drill took %s", took)
}

// A drill that cannot get through says at once where it has stopped, in words
// and by the exit code, and is a technical incident.
func TestFailedDrillStory(t *testing.T) {
	cloud := notifytest.NewCloud(t)
	b := newBox(t)
	b.subscribe(cloud)
	b.cfg.Channels.WeComApp.SecretFile = b.secretFile("wrong.secret", "of another application")
	b.register(caregiver("wecom_app", "LiMin")...)
	g, _ := b.start()
	config := b.write()
	for locale, want := range map[string]string{"zh_CN.UTF-8": "自检未通过：企业微信应用", "en_US.UTF-8": "the drill has failed: WeCom application"} {
		if code, stdout, stderr := command(t, locale, "alert", "drill", "--config", config); code != 1 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d %s%s", locale, code, stdout, stderr)
		}
	}
	eventually(t, "an incident says that it has failed", func() bool {
		return slices.ContainsFunc(g.alerts.Incidents(), func(i alert.Incident) bool {
			return i.Kind == alert.PathDown && i.Because[0].Of == "wecom_app" && i.Phase == alert.PhaseRaised
		})
	})
	if took, failed := g.alerts.Drill(t.Context()); failed != "wecom_app" || took > time.Minute {
		t.Errorf("%q after %s", failed, took)
	}
}

// Once a week each channel carries a test to one of those who have it, marked and
// of no concern. One that takes it not is a technical incident, until it does.
func TestWeeklyTrialStory(t *testing.T) {
	cloud := notifytest.NewCloud(t)
	b := newBox(t)
	b.subscribe(cloud)
	b.register(caregiver("dingtalk", "13800000001", "wecom_app", "nobody")...)
	g, _ := b.start()
	monday := time.Date(2026, 11, 23, 10, 0, 0, 0, time.FixedZone("CST", 8*60*60))
	g.tryChannels(t.Context(), monday)
	if m := reached(t, cloud, "dingtalk"); m.To != "13800000001" || !strings.HasPrefix(m.Text, "【测试】【自检】") || !strings.Contains(m.Text, "无须处理") || strings.Contains(m.Text, "求助") {
		t.Errorf("%+v", m)
	}
	var open []alert.Incident
	eventually(t, "the application's failure", func() bool {
		open = slices.DeleteFunc(g.alerts.Incidents(), func(i alert.Incident) bool { return i.Phase == alert.PhaseResolved })
		return len(open) > 0
	})
	if len(open) != 1 || open[0].Kind != alert.PathDown || open[0].Because[0].Of != "wecom_app" {
		t.Fatalf("%+v", open)
	}
	if err := g.registry.Put(caregiver("dingtalk", "13800000001", "wecom_app", "LiMin")[0]); err != nil {
		t.Fatal(err)
	}
	g.tryChannels(t.Context(), monday.AddDate(0, 0, 7))
	eventually(t, "it works again", func() bool { return g.alerts.Incidents()[0].Phase == alert.PhaseResolved })
}

// A box that runs tells those outside that it lives, systemd that it is well,
// drills at its hour each day, and tries every channel on Mondays, by itself.
func TestWatchOfItselfStory(t *testing.T) {
	var pings atomic.Int64
	outside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { pings.Add(1) }))
	defer outside.Close()
	systemd, deaf := systemdHears(t)
	cloud, stick := notifytest.NewCloud(t), notifytest.NewModem(t)
	b := newBox(t)
	b.subscribe(cloud)
	b.cfg.Channels.SMS.Port = stick.Path
	b.cfg.Watch = firmwareconfig.Watch{Ping: outside.URL, Every: 10 * time.Millisecond, Drill: "04:00"}
	c := &movedClock{right: b.clock}
	local := b.clock().Wall.In(time.FixedZone("CST", 8*60*60))
	c.pass(time.Date(local.Year(), local.Month(), local.Day()+1, 11, 0, 0, 0, local.Location()).Sub(local))
	b.clock = c.now
	cloud.Now = func() time.Time { return c.now().Wall }
	b.register(caregiver("dingtalk", "13800000001", "wecom_app", "LiMin", "sms", "13800000001")...)
	g, _ := b.start(func(g *gateway) { g.lookAtClock = time.Millisecond })
	eventually(t, "who watches from outside hears it", func() bool { return pings.Load() > 1 })
	for said := ""; said != "WATCHDOG=1"; said = systemd() {
	}
	deaf()
	eventually(t, "the modem works", func() bool { s, _ := g.channels.Modem(); return s.Problem == "" })

	eventually(t, "the next day's drill", func() bool {
		c.pass(24 * time.Hour) // it is eleven again
		return strings.Contains(b.logged.String(), "drill went through")
	})
	tried := func(text string) bool {
		return strings.HasPrefix(text, "【测试】【自检】")
	}
	delivered := func(provider string) bool {
		list, _ := cloud.Delivered(provider)
		return slices.ContainsFunc(list, func(m notifytest.Message) bool { return tried(m.Text) })
	}
	for days := 0; !delivered("dingtalk"); days++ {
		if days > 14 {
			t.Fatal("no trial in two weeks")
		}
		c.pass(24 * time.Hour)
		pause(100 * time.Millisecond)
	}
	eventually(t, "the others' trial", func() bool {
		sent, _ := stick.Sent()
		return delivered("wecom") && slices.ContainsFunc(sent, func(m notifytest.Message) bool { return tried(m.Text) })
	})
}
