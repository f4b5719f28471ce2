package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Who writes a profile sees at once what comes of a message, or what is wrong
// and where, without a daemon.
func TestTryAProfile(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		t.Helper()
		f := filepath.Join(dir, name)
		if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	const head = "name: acme\ntitle: {zh: 某某, en: ACME}\ntopics: ['{base}/#']\nsettings: {base: acme}\nmessages:\n"
	good := head + "  - topic: '{base}/log'\n  - topic: '{base}/homes/{rest...}'\n    describes: homeassistant\n  - topic: '{base}/{box}'\n    address: topic.box\n    rules:\n" +
		"      - {name: help, kinds: [wearable, bed], held: payload.help, type: sos}\n" +
		"      - {name: power, kinds: [wearable], retained: true, when: has(payload.power), type: battery, data: {percent: payload.power}}\n" +
		"      - {name: odd, kinds: [wearable], when: payload.odd, type: sos, id: payload.odd.id}\n"
	acme := file("acme.yaml", good)
	payload := file("payload.json", `{"help":true}`)
	for _, c := range []struct {
		name   string
		args   []string
		code   int
		zh, en []string // parts of what is said
	}{
		{"a call", []string{acme, "acme/东门", `{"help":true,"power":80}`}, 0,
			[]string{"地址：东门", "wearable（可穿戴设备）", "规则 help（第 12 行）：sos {}，状态开始时计一次", `battery {"percent":80}`, "bed（家庭养老床位）"},
			[]string{"address: 东门", "wearable (wearable):", "rule help (line 12): sos {}, counts when it begins"}},
		{"from a file, of one kind", []string{acme, "acme/1", "@" + payload, "--kind", "bed"}, 0, []string{"bed"}, []string{"rule help (line 12): sos {}"}},
		{"what the broker kept", []string{acme, "acme/1", `{"help":true}`, "--retained"}, 0, []string{"retained: true"}, []string{"only rules with retained: true"}},
		{"nothing", []string{acme, "acme/1", ``}, 0, []string{"不产生事件"}, []string{"nothing comes of it"}},
		{"what would be rejected", []string{acme, "acme/1", `{"power":255}`}, 0, []string{"会被拒：battery: percent"}, []string{"would be rejected: battery: percent: must be 0 to 100 (got 255)"}},
		{"a rule that fails", []string{acme, "acme/1", `{"odd":7}`}, 0, []string{"规则 odd（第 14 行）有误"}, []string{"rule odd (line 14) fails: when: "}},
		{"the bridge's own affair", []string{acme, "acme/log", "x"}, 0, []string{"网关自己的报文"}, []string{"own affair"}},
		{"a setting", []string{acme, "west/1", `{"help":false}`, "--set", "base=west"}, 0, []string{"状态结束"}, []string{"it is over and does not count"}},
		{"a description", []string{acme, "acme/homes/binary_sensor/x/config", `{"device_class":"smoke","state_topic":"acme/x","device":{"ids":"x","mdl":"S1"}}`}, 0,
			[]string{"设备的自描述", "x（S1）：建议种类 alarm (室内报警器)；smoke"}, []string{"describe themselves (homeassistant): 1", "suggested kind alarm (room alarm); smoke"}},
		{"a bad description", []string{acme, "acme/homes/binary_sensor/x/config", `{`}, 0, []string{"有误：line 1, column 2"}, []string{"wrong: line 1, column 2"}},
		{"a shipped one", []string{"zigbee2mqtt", "zigbee2mqtt/302", `{"action":"emergency"}`, "-k", "wearable"}, 0, []string{"sos {}"}, []string{"sos {}"}},

		{"another topic", []string{acme, "other/1", "x"}, 2, []string{`没有为主题 "other/1"`, "acme/{box}"}, []string{`no message for the topic "other/1"`}},
		{"no such file", []string{filepath.Join(dir, "none.yaml"), "a", "b"}, 2, []string{"读不到配置", "zigbee2mqtt"}, []string{"cannot read the profile"}},
		{"no such payload", []string{acme, "acme/1", "@" + filepath.Join(dir, "none")}, 2, []string{"none"}, []string{"none"}},
		{"no such kind", []string{acme, "acme/1", "x", "--kind", "toaster"}, 2, []string{"toaster"}, []string{"there is no kind of device \"toaster\""}},
		{"no such setting", []string{acme, "acme/1", "x", "--set", "bass=x"}, 2, []string{`没有名为 "bass" 的设置`}, []string{`there is no setting "bass"`}},
		{"a setting without a value", []string{acme, "acme/1", "x", "--set", "base"}, 2, []string{"名称=值"}, []string{"NAME=VALUE"}},
		{"a mistake in an expression", []string{file("broken.yaml", strings.Replace(strings.Replace(good, "name: acme", "name: broken", 1), "has(payload.power)", "has(payload.power", 1)), "acme/1", "x"}, 2,
			[]string{"broken.yaml:13:", "规则 power：when：表达式有误"}, []string{"broken.yaml:13:", "rule power: when: bad expression"}},
		{"an expression that never ends", []string{file("loop.yaml", strings.Replace(strings.Replace(good, "name: acme", "name: loop", 1), "has(payload.power)", "'any(1..9999999, # > 0)'", 1)), "acme/1", "x"}, 2,
			[]string{"loop.yaml:13:", "不允许使用循环"}, []string{"loop.yaml:13:", "loops, let and ';' are not allowed"}},
		{"a kind that does not report it", []string{file("kind.yaml", strings.Replace(strings.Replace(good, "name: acme", "name: kind", 1), "kinds: [wearable, bed]", "kinds: [locker]", 1)), "acme/1", "x"}, 2,
			[]string{"kind.yaml:12:", `locker 不会上报 "sos"`}, []string{"kind.yaml:12:", `a locker does not report "sos"`}},
	} {
		for locale, want := range map[string][]string{"zh_CN.UTF-8": c.zh, "en_US.UTF-8": c.en} {
			code, stdout, stderr := command(t, locale, append([]string{"profile", "test"}, c.args...)...)
			for _, part := range want {
				if code != c.code || !strings.Contains(stdout+stderr, part) || c.code != 0 && stdout != "" {
					t.Errorf("%s, %s: code %d, said %s%s, want %s", c.name, locale, code, stdout, stderr, part)
				}
			}
		}
	}
	for locale, want := range map[string]string{"zh_CN.UTF-8": "不需要网关在运行", "en_US.UTF-8": "needs no running gateway"} {
		if _, help, _ := command(t, locale, "profile", "test", "--help"); !strings.Contains(help, want) {
			t.Errorf("%s: %s", locale, help)
		}
	}
}

// What bridges send becomes test cases that hold, with nothing of the people
// in them.
func TestCapture(t *testing.T) {
	b := newBox(t)
	secrets := b.register(append(neighbourhood(b), registry.Device{Device: devices.Device{ID: "lora", Kind: devices.KindBridge, Profile: "chirpstack"}},
		registry.Device{Device: devices.Device{ID: "tracker", Kind: wearable.Kind, Elder: "e302", Bridge: "lora", Address: "24e124535d241122"}})...)
	config := b.write()
	_, stop := b.start()
	defer stop()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })

	dir := filepath.Join(t.TempDir(), "cases")
	var out, errs terminal
	ctx, end := context.WithCancel(t.Context())
	done := make(chan int)
	go func() { done <- execute(ctx, texts.English, []string{"capture", dir, "--config", config}, &out, &errs) }()
	eventually(t, "it records", func() bool { return strings.Contains(out.String(), "recording") })
	for bridge, messages := range map[string][][2]string{
		"z2m": {
			{"zigbee2mqtt/302/卫生间", `{"action":"emergency","battery":100,"device":{"friendlyName":"302/卫生间","ieeeAddr":"0xa4c1380c89fd3f05","note":"王秀英 13912345678"}}`},
			{"zigbee2mqtt/bridge/state", `online`},
			{"zigbee2mqtt/zhang_wei", `{"contact":true,"ip":"10.1.2.3","mac":"A4:C1:38:0C:89:FD"}`},
		},
		"lora": {{"application/2/device/24e124535d241122/event/up",
			`{"deduplicationId":"d-1","deviceInfo":{"devEui":"24e124535d241122","deviceName":"王秀英"},"object":{"sos":true,"latitude":32.0612,"longitude":118.7912}}`}},
	} {
		d, err := connect(t, b.cfg.MQTT.Listen, 4, bridge, secrets[bridge])
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			if err := d.publish(m[0], m[1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.conn.Close(); err != nil {
			t.Error(err)
		}
	}
	eventually(t, "all is heard", func() bool { return strings.Count(out.String(), "\n  ") == 3 })
	end()
	if code := <-done; code != 0 || !strings.Contains(out.String(), "messages") {
		t.Fatalf("code %d: %s%s", code, out.String(), errs.String())
	}

	for _, private := range []string{"卫生间", "王秀英", "13912345678", "a4c1380c89fd3f05", "zhang_wei", "10.1.2.3", "A4:C1", "24e124535d241122", "32.0612", "118.7912"} {
		err := filepath.WalkDir(dir, func(file string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			content, err := os.ReadFile(file)
			if strings.Contains(string(content), private) {
				t.Errorf("%s holds %s:\n%s", file, private, content)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// Each case holds: the profile makes of its payloads what it says.
	cases, err := filepath.Glob(filepath.Join(dir, "*", "*", "case.json"))
	if err != nil || len(cases) != 3 {
		t.Fatalf("%v, %v", cases, err)
	}
	events := ""
	for _, file := range cases {
		var c struct {
			Device   devices.Device `json:"device"`
			Address  string         `json:"address"`
			Messages []struct{ Topic, Payload string }
		}
		content, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(content, &c)
		}
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(filepath.Dir(filepath.Dir(file)))
		for _, m := range c.Messages {
			_, said, _ := command(t, "en_US.UTF-8", "profile", "test", name, m.Topic, "@"+filepath.Join(filepath.Dir(file), m.Payload), "--kind", string(c.Device.Kind))
			if !strings.Contains(said, "address: "+c.Address+"\n") {
				t.Errorf("%s is about another: %s", m.Topic, said)
			}
		}
		content, err = os.ReadFile(filepath.Join(filepath.Dir(file), "events.json"))
		if err != nil {
			t.Fatal(err)
		}
		events += string(content)
	}
	if n := strings.Count(events, `"sos"`); n != 2 || !strings.Contains(events, `"position"`) {
		t.Errorf("the cases expect %s", events)
	}
	if code, _, stderr := command(t, "zh_CN.UTF-8", "capture", dir, "--for", "1ms", "--config", filepath.Join(dir, "none.yaml")); code != 2 || stderr == "" {
		t.Errorf("without a configuration: %d %s", code, stderr)
	}
}
