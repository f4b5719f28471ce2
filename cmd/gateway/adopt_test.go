package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/usage"
)

// installer is somebody at the command line of a box.
type installer struct {
	*testing.T
	config string
}

func (i installer) does(args ...string) string {
	i.Helper()
	code, stdout, stderr := command(i.T, "en_US.UTF-8", append(args, "--config", i.config)...)
	if code != 0 {
		i.Fatalf("%q: code %d: %s%s", args, code, stdout, stderr)
	}
	return stdout
}

func (i installer) mayNot(want string, args ...string) {
	i.Helper()
	if code, stdout, stderr := command(i.T, "en_US.UTF-8", append(args, "--config", i.config)...); code != 2 || !strings.Contains(stderr, want) {
		i.Errorf("%q: code %d: %s%s; want %q", args, code, stdout, stderr, want)
	}
}

var sender = regexp.MustCompile(`u-[0-9a-z]{10}`)

// A button behind a bridge and a locker of its own speak without being
// registered: they are seen, and neither counted nor answered. Once somebody
// has said what they are they are, the button after a restart; then new
// hardware takes over.
func TestAdoption(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	secrets := b.register(
		registry.Facility{ID: "east", Name: "东门快递柜", Region: "320106001001"},
		registry.Caregiver{ID: "li", Name: "李敏", Channels: []registry.Channel{{Kind: "webhook", Address: b.phone.url}}},
		registry.Elder{ID: "e302", Name: "王秀英", Building: "3号楼", Room: "302", Caregivers: []string{"li"}},
		registry.Device{Device: devices.Device{ID: "z2m", Kind: devices.KindBridge, Profile: "zigbee2mqtt"}},
	)
	i := installer{t, b.write()}
	g, stop := b.start()
	ready := func() {
		t.Helper()
		eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	}
	ready()
	enter := func(id, secret string) *device {
		t.Helper()
		d, err := connect(t, b.cfg.MQTT.Listen, 4, id, secret)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.conn.Close() }) // closed by the gateway, perhaps
		return d
	}
	say := func(d *device, topic, payload string) {
		t.Helper()
		if err := d.publish(topic, payload); err != nil {
			t.Fatal(err)
		}
	}

	// The button. It has the telephone number of somebody in what it says.
	bridge := enter("z2m", secrets["z2m"])
	say(bridge, "zigbee2mqtt/302/卫生间", `{"action":"emergency","battery":100,"note":"王秀英 13912345678"}`)
	list := i.does("device", "list", "--unknown")
	for _, want := range []string{"z2m", "302/卫生间", "wearable", "!calls for help", `"action":"emergency"`} {
		if !strings.Contains(list, want) {
			t.Errorf("%q is missing in\n%s", want, list)
		}
	}
	if strings.Contains(list, "13912345678") || strings.Contains(list, "王秀英") {
		t.Errorf("personal data of a stranger:\n%s", list)
	}
	button := sender.FindString(list)
	// Nobody knows whose it is, and those on duty are told so, without a name.
	strange := b.phone.await(t, "the stranger's call", func(p []alert.Page) bool { return len(p) > 0 })[0]
	if text := strange.Text(texts.Chinese); strange.Kind != alert.Stranger || strange.Device != button ||
		!strings.HasPrefix(text, "【未登记设备求助】设备 "+button+"\n它报告：紧急求助\n没有登记这是谁的设备。") || strings.Contains(text, "卫生间") {
		t.Errorf("%+v: %s", strange, text)
	}
	say(bridge, "zigbee2mqtt/302/卫生间", `{"action":"emergency","battery":100}`)
	if incidents := g.alerts.Incidents(); len(incidents) != 1 || incidents[0].ID != strange.Incident {
		t.Errorf("incidents %+v", incidents)
	}
	if err := g.alerts.Acknowledge(t.Context(), strange.Incident, "li", "page"); err != nil {
		t.Fatal(err)
	}

	// The locker. It gets in only while somebody waits for it.
	const own = "locker-made-secret-1"
	if _, err := connect(t, b.cfg.MQTT.Listen, 4, "locker-7", own); err == nil {
		t.Error("a stranger was let in")
	}
	if out := i.does("device", "pairing"); !strings.Contains(out, "5m0s") {
		t.Error(out)
	}
	locker := enter("locker-7", own)
	say(locker, "linli/v1/locker-7/event", `{"id":"1","type":"parcel.deposited","data":{"compartment":3}}`)
	if err := locker.publish("zigbee2mqtt/302/set", `{}`); err != nil { // acknowledged in 3.1.1, and dropped
		t.Fatal(err)
	}
	i.does("device", "pairing", "--stop")

	stop()
	g, _ = b.start() // the inbox is still there
	ready()
	if list := i.does("device", "list", "--unknown"); !strings.Contains(list, "locker-7") || !strings.Contains(list, button) {
		t.Fatalf("after a restart:\n%s", list)
	}
	i.mayNot("kind: must be one of", "device", "adopt", button, "--kind", "toaster")
	i.mayNot(`facility "west" is not registered`, "device", "adopt", "locker-7", "--facility", "west")
	i.does("device", "adopt", button, "--elder", "e302", "--room", "卫生间", "--id", "sos-302")
	out := i.does("device", "adopt", "locker-7", "--facility", "east", "--compartments", "24")
	if !strings.Contains(out, "Adopted: locker-7 (parcel locker)") {
		t.Error(out)
	}
	secret := regexp.MustCompile(`secret: (\S+)`).FindStringSubmatch(out)
	if secret == nil {
		t.Fatalf("its guest's secret was forgotten, and there is no other: %s", out)
	}
	if out := i.does("device", "list", "--unknown"); !strings.Contains(out, "No device waits") {
		t.Error(out)
	}

	bridge, locker = enter("z2m", secrets["z2m"]), enter("locker-7", secret[1])
	say(bridge, "zigbee2mqtt/302/卫生间", `{"action":"emergency","battery":100}`)
	// It is the same call, now with where to go.
	pages := b.phone.await(t, "the button", func(p []alert.Page) bool { return p[len(p)-1].Round > 1 })
	pages = pages[len(pages)-1:]
	if p := pages[0]; p.Incident != strange.Incident || p.Building != "3号楼" || p.Room != "302 卫生间" || p.Kind != alert.SOS {
		t.Errorf("page %+v", p)
	}
	day := usage.Day(b.clock().Wall)
	say(locker, "linli/v1/locker-7/event", `{"id":"2","type":"parcel.deposited","data":{"compartment":4}}`)
	eventually(t, "the deposit at the platform", func() bool { return b.total(day, usage.Deposits.Code) == 1 })
	if err := g.alerts.Acknowledge(t.Context(), pages[0].Incident, "li", "page"); err != nil {
		t.Fatal(err)
	}

	// The button breaks; another one takes over its ID. What the old one says
	// is a stranger's.
	say(bridge, "zigbee2mqtt/新按钮", `{"battery":90}`)
	i.does("device", "replace", "sos-302", "--with", "新按钮")
	bridge = enter("z2m", secrets["z2m"])
	say(bridge, "zigbee2mqtt/新按钮", `{"action":"emergency"}`)
	b.phone.await(t, "the new button", func(p []alert.Page) bool {
		return p[len(p)-1].Incident != pages[0].Incident || p[len(p)-1].Round > pages[0].Round
	})
	say(bridge, "zigbee2mqtt/302/卫生间", `{"battery":20}`)
	if list := i.does("device", "list", "--unknown"); !strings.Contains(list, button) {
		t.Errorf("the old button is not a stranger:\n%s", list)
	}
	i.does("device", "ignore", button)
	say(bridge, "zigbee2mqtt/302/卫生间", `{"battery":20}`)
	if list := i.does("device", "list", "--unknown"); strings.Contains(list, button) {
		t.Errorf("an ignored device is listed:\n%s", list)
	}
	if list := i.does("device", "list", "--ignored"); !strings.Contains(list, button) || !strings.Contains(list, "ignored") {
		t.Error(list)
	}
	i.does("device", "undo", button)

	// New hardware of a locker gets the ID and another secret, and numbers its
	// events anew.
	out = i.does("device", "replace", "locker-7")
	if _, err := connect(t, b.cfg.MQTT.Listen, 4, "locker-7", secret[1]); err == nil {
		t.Error("the broken hardware is still let in")
	}
	locker = enter("locker-7", regexp.MustCompile(`secret: (\S+)`).FindStringSubmatch(out)[1])
	say(locker, "linli/v1/locker-7/event", `{"id":"2","type":"parcel.deposited","data":{"compartment":5}}`)
	eventually(t, "the new hardware's deposit", func() bool { return b.total(day, usage.Deposits.Code) == 2 })

	// The history of it all, with who did it, and without a name.
	i.does("device", "rename", "locker-7", "东门 7 号")
	i.does("device", "move", "locker-7", "--compartments", "30")
	i.does("device", "retire", "locker-7")
	if _, err := locker.in.ReadByte(); err == nil {
		t.Error("a retired device is still connected")
	}
	var history string
	eventually(t, "the history", func() bool {
		history = i.does("journal", "export", "--json", "--type", "registry.changed")
		return strings.Contains(history, `"retired"`)
	})
	for _, want := range []string{
		`"table":"devices","id":"sos-302","what":"added"`, `"id":"sos-302","what":"changed","fields":["address","unit"],"by":"` + whoAsks() + `","how":"command"`,
		`"id":"locker-7","what":"changed","fields":["name"]`, `"fields":["compartments"]`, `"fields":["retired","secret"]`, `"table":"verdicts"`, `"what":"removed"`,
	} {
		if !strings.Contains(history, want) {
			t.Errorf("%s is missing in\n%s", want, history)
		}
	}
	for _, private := range []string{"东门 7 号", "卫生间", "王秀英"} {
		if strings.Contains(history, private) {
			t.Errorf("%s is in the journal", private)
		}
	}
}

// Whoever was let in with other rights than a registration gives is out at
// once, by whatever way it was made or changed; and who did it is known.
func TestRightsEndWithTheRegistration(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	i := installer{t, b.write()}
	b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	enter := func(id, secret string) *device {
		t.Helper()
		d, err := connect(t, b.cfg.MQTT.Listen, 4, id, secret)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.conn.Close() }) // closed by the gateway
		return d
	}
	out := func(d *device, after string) {
		t.Helper()
		if err := d.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.in.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("still connected after %s: %v", after, err)
		}
	}
	secretIn := func(said string) string {
		t.Helper()
		found := regexp.MustCompile(`secret: (\S+)`).FindStringSubmatch(said)
		if found == nil {
			t.Fatalf("no secret in %q", said)
		}
		return found[1]
	}

	i.does("device", "pairing")
	guest := enter("locker-7", "somebody-made-this-up")
	secret := secretIn(i.does("device", "add", "locker-7", "--kind", "locker"))
	out(guest, "its ID was given to somebody else")
	locker := enter("locker-7", secret)
	i.does("device", "credentials", "locker-7", "--certificate")
	out(locker, "a certificate took the place of its secret")
	locker = enter("locker-7", secretIn(i.does("device", "credentials", "locker-7")))

	bridge := enter("z", secretIn(i.does("device", "add", "z", "--kind", "bridge", "--profile", "zigbee2mqtt")))
	i.does("device", "add", "z", "--kind", "bridge", "--profile", "zigbee2mqtt?base=east")
	out(bridge, "its topics changed")

	file := filepath.Join(t.TempDir(), "devices.csv")
	if err := os.WriteFile(file, []byte("编号,停用\nlocker-7,是\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	i.does("import", file)
	out(locker, "a table retired it")
	i.mayNot("linli device retire locker-7 --undo", "device", "credentials", "locker-7")
	eventually(t, "who gave the certificate", func() bool {
		history := i.does("journal", "export", "--json", "--type", "registry.changed")
		return strings.Contains(history, `"id":"locker-7","what":"changed","fields":["certificate","secret"],"by":"`+whoAsks()+`","how":"command"`)
	})
}

// A table of a whole community is shown first and registered then; a mistake in
// it changes nothing. What is personal is in no file of the box in clear.
func TestImport(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	i := installer{t, b.write()}
	file := filepath.Join(t.TempDir(), "devices.csv")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, running := range []bool{false, true} {
		if running {
			b.start()
			eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
		}
		where := fmt.Sprintf("box-%t", running)
		write("类别,编号,名称,种类,设施,格口数,老人,房间,呼叫方式\n设施," + where + ",测试点,,,,,,\n设备,d-" + where + ",,快递柜," + where + ",24,,,\n" +
			"老人,e-" + where + ",诸葛孔明,,,,,卧龙岗,\n照护人员,c-" + where + ",黄月英,,,,,,webhook=https://example.org/13987654321\n")
		if out := i.does("import", file, "--dry-run"); !strings.Contains(out, "+ device d-"+where) || !strings.Contains(out, `compartments: - -> 24`) || !strings.Contains(out, "4 records would change") {
			t.Errorf("running %t: %s", running, out)
		}
		if out := i.does("device", "list"); strings.Contains(out, where) {
			t.Errorf("running %t: the dry run has registered:\n%s", running, out)
		}
		if out := i.does("import", file); !strings.Contains(out, "4 records are registered") || !strings.Contains(out, "MQTT user:   d-"+where) {
			t.Errorf("running %t: %s", running, out)
		}
		write("类别,编号,设施,种类,老人\n设备,x1," + where + ",locker,\n设备,x2,,wearable,nobody\n")
		i.mayNot(`devices.csv:3:5 (elder): elder: elder "nobody" is not registered`, "import", file)
		if out := i.does("device", "list"); strings.Contains(out, "x1") {
			t.Errorf("running %t: half done:\n%s", running, out)
		}
		write("编号,种累\nx1,locker\n")
		i.mayNot(`devices.csv:1:2: there is no column "种累"`, "import", file)
	}
	// An elder cannot go while they wear something.
	write("编号,种类,老人\nw1,可穿戴,e-box-true\n")
	i.does("import", file)
	i.mayNot(`device "w1" still refers to it`, "elder", "remove", "e-box-true")
	i.does("device", "retire", "w1")
	i.does("elder", "remove", "e-box-true")

	for _, private := range []string{"诸葛孔明", "卧龙岗", "黄月英", "13987654321"} {
		if file := b.fileWith(private); file != "" {
			t.Errorf("%s is in %s", private, file)
		}
	}
	key := registry.KeyFile(filepath.Join(b.cfg.Data, registryFile))
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v", key, info, err)
	}
}

// What somebody registers wrongly while the gateway runs is refused with its
// mend and changes nothing: two devices at one compartment, by whichever way;
// an elder who wears a device; a table with a wrong heading. The elder's call
// still says where to go.
func TestBadRegistrations(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	secrets := b.register(neighbourhood(b)...)
	i := installer{t, b.write()}
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	file := filepath.Join(t.TempDir(), "a.csv")
	table := func(text string) string {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	i.does("device", "add", "d1", "--kind", "locker", "--facility", "east", "--compartment", "3")
	i.does("device", "add", "d2", "--kind", "locker", "--facility", "east", "--compartment", "4")
	i.does("device", "add", "old", "--kind", "locker", "--facility", "east", "--compartment", "5")
	i.does("device", "retire", "old")
	i.does("device", "add", "d5", "--kind", "locker", "--facility", "east", "--compartment", "5")
	before := g.registry.Snapshot()

	const taken = `compartment: in facility "east" compartment 3 is already watched by device "d1", correct this or retire that`
	i.mayNot(taken, "device", "add", "d3", "--kind", "locker", "--facility", "east", "--compartment", "3")
	i.mayNot(taken, "device", "bind", "d2", "--facility", "east", "--compartment", "3")
	i.mayNot(taken, "device", "move", "d2", "--compartment", "3")
	i.mayNot(`compartment 5 is already watched by device "d5"`, "device", "retire", "old", "--undo")
	i.mayNot("a.csv:3:4 (compartment): "+taken, "import", table("id,kind,facility,compartment\nd6,locker,east,6\nd7,locker,east,3\n"))
	i.mayNot(`a.csv:1:2: there is no column "kimd"`, "import", table("id,kimd\nd6,locker\n"))
	i.mayNot(`still refers to it, change or retire that first`, "elder", "remove", "e302")
	if g.registry.Snapshot() != before {
		t.Error("something of it was done")
	}

	w, err := connect(t, b.cfg.MQTT.Listen, 5, "w302", secrets["w302"])
	if err != nil {
		t.Fatal(err)
	}
	defer w.conn.Close()
	if err := w.publish("linli/v1/w302/event", `{"type":"sos"}`); err != nil {
		t.Fatal(err)
	}
	if p := b.phone.await(t, "the call", func(p []alert.Page) bool { return len(p) > 0 })[0]; p.Room != "302" || p.Building != "3号楼" {
		t.Errorf("page %+v", p)
	}
}
