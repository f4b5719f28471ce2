package main

import (
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/desk"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/usage"
)

// What staff enter is recorded with who, where and when, counted at the
// platform beside what the devices tell, and counted once however often the
// same entry is made; a mistake is one message and changes nothing.
func TestStaffEntry(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	secrets := b.register(append(neighbourhood(b), registry.Device{Device: devices.Device{ID: "desk-1", Kind: desk.Kind, Facility: "east"}})...)
	config := b.write()
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	enter := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := command(t, "zh_CN.UTF-8", append(args, "--config", config)...)
		if code != 0 {
			t.Fatalf("%v: %d %s", args, code, stderr)
		}
		return stdout
	}
	if out := enter("desk", "phone", "--facility", "east", "--count", "3", "--service", "meal_order", "--by", "li"); !strings.Contains(out, "已登记：3 次，电话，设施 east") {
		t.Errorf("%s", out)
	}
	for range 3 {
		enter("desk", "key", "--facility", "east", "--by", "li", "--id", "morning")
		enter("visit", "e302", "--by", "li", "--id", "visit-1")
	}
	enter("desk", "code", "--facility", "east", "--by", "li")
	mosquittoPub(t, b.cfg.MQTT.Listen, "desk-1", secrets["desk-1"], "linli/v1/desk-1/event", `{"id":"1","type":"service.given","data":{"way":"card"}}`, 2)

	for _, c := range []struct{ args, want string }{
		{"desk fax --facility east --by li", "没有 \"fax\" 这种方式"},
		{"desk phone --facility west --by li", "设施 \"west\" 没有登记"},
		{"desk phone --facility east --by 李敏", "须为编号"},
		{"desk phone --facility east", "缺少选项 --by"},
		{"desk phone --by li", "缺少选项 --facility"},
		{"desk phone --facility east --by li --at soon", "--at"},
		{"desk phone --facility east --by li --at 2020-01-01T08:00:00Z", "须为"},
		{"desk phone --facility east --by li --count 99999", "count"},
		{"visit nobody --by li", "老人 \"nobody\" 没有登记"},
		{"visit e302 --by zhang", "照护人员 \"zhang\" 没有登记"},
	} {
		if c.want == "须为" { // only where the time is known
			if !b.clock().Synced {
				continue
			}
			c.want = "31 天"
		}
		code, _, stderr := command(t, "zh_CN.UTF-8", append(strings.Fields(c.args), "--config", config)...)
		if code != 2 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: %d %s", c.args, code, stderr)
		}
	}

	day := usage.Day(b.clock().Wall)
	eventually(t, "the traditional ways at the platform: 3 by telephone, 1 key, 1 card", func() bool { return b.total(day, "service.traditional") == 5 })
	var served, visited int
	entries, err := g.journal.Read(journal.Ordinary, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch {
		case e.Event.Device != devices.GatewayDevice:
		case e.Event.Type == desk.TypeServed:
			p, err := devices.Decode[desk.Served](e.Event)
			if err != nil || p.By != "li" || p.Facility != "east" {
				t.Errorf("%s: %v", e.Event.Data, err)
			}
			served++
		case e.Event.Type == visit.TypeVisited:
			p, err := devices.Decode[visit.Visited](e.Event)
			if err != nil || p.Elder != "e302" || p.Caregiver != "li" {
				t.Errorf("%s: %v", e.Event.Data, err)
			}
			visited++
		}
	}
	if served != 3 || visited != 1 {
		t.Errorf("recorded %d services, %d visits", served, visited)
	}
	if _, out, _ := command(t, "zh_CN.UTF-8", "desk", "--help"); !strings.Contains(out, "传统服务方式并行") {
		t.Errorf("help:\n%s", out)
	}
}

func TestTimeOfDay(t *testing.T) {
	zone := time.FixedZone("CST", 8*60*60)
	now := time.Date(2026, 11, 23, 15, 0, 0, 0, zone)
	for text, want := range map[string]time.Time{
		"14:30":                     time.Date(2026, 11, 23, 14, 30, 0, 0, zone),
		"2026-11-20 08:05":          time.Date(2026, 11, 20, 8, 5, 0, 0, zone),
		"2026-11-23T14:30:00+08:00": time.Date(2026, 11, 23, 14, 30, 0, 0, zone),
	} {
		if got, err := timeOfDay(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"soon", "25:00", "14:30:00"} {
		if got, err := timeOfDay(text, now); err == nil {
			t.Errorf("%s: %s", text, got)
		}
	}
}
